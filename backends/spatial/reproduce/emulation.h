// One accelerator on one network, or part of it, as a published figure asks for: what the quantities are computed from.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/outcome.h"
#include "backends/spatial/reproduce/published.h"
#include "workloads/density.h"
#include "workloads/layer.h"

namespace convroof::spatial {

struct EmulatedLayer {
  LayerSpec spec;
  std::int64_t repeats = 1;
  LayerDensity density;
};

// Outcomes by accelerator, layer, batch and density: many figures are about the same runs.
class OutcomeStore {
 public:
  explicit OutcomeStore(int threads) : threads_(threads) {}
  // `has_numbers`: operands with the layer's zeros; otherwise shapes alone. `machine`: a name under which this very accelerator is remembered.
  const Outcome& of(const std::string& machine, const Accelerator& a, const EmulatedLayer& layer, int batch, bool has_numbers);

 private:
  int threads_;
  std::map<std::string, Outcome> known_;
};

class Emulation {
 public:
  // Throws std::invalid_argument with the reason why the figure cannot be emulated (no such network, a layer that does not run, ...).
  // `machine`: as in OutcomeStore; null accelerator: figures of the workload alone.
  Emulation(const PublishedFigure& figure, std::string machine, std::shared_ptr<const Accelerator> accelerator, OutcomeStore& store);

  const Accelerator& accelerator() const;
  bool has_accelerator() const { return accelerator_ != nullptr; }
  const std::vector<EmulatedLayer>& layers() const { return layers_; }
  int batch() const { return batch_; }
  const Outcome& outcome(const EmulatedLayer& layer) const;
  // The same layers, batch and zeros on a variation of the accelerator.
  Emulation on(const std::string& variation, Accelerator other) const;

  // Sum over layers x repeats.
  template <typename Term>
  double sum(Term term) const {
    double total = 0;
    for (const EmulatedLayer& layer : layers_) total += static_cast<double>(layer.repeats) * static_cast<double>(term(layer));
    return total;
  }
  double seconds() const;  // with the waits for outer memory

 private:
  std::string machine_;
  std::shared_ptr<const Accelerator> accelerator_;
  OutcomeStore* store_;
  std::vector<EmulatedLayer> layers_;
  int batch_ = 1;
  bool has_numbers_ = false;
};

}  // namespace convroof::spatial
