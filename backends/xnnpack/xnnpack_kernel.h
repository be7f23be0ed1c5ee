// One operator of the library: created with its packed weights and set up on our buffers, so that run() only runs it.
#pragma once

#include <memory>

#include "backends/backend.h"
#include "backends/xnnpack/library.h"
#include "backends/xnnpack/pool.h"

namespace convroof::xnnpack {

class XnnpackKernel final : public Kernel {
 public:
  // `sparse`: the channels-first product on the weights that are not zero; conv 1x1 only. Throws std::runtime_error where the library refuses.
  XnnpackKernel(bool sparse, const Case& c, const Operands& operands);

  std::optional<double> run(int times) override;
  void poison_output() override;
  void read_output(Tensor& canonical) override;
  Work work() const override;

 private:
  struct DeleteOperator {
    void operator()(xnn_operator_t op) const { xnn_delete_operator(op); }
  };

  // Each creates the operator and sets it up on the buffers; the name of the operator.
  const char* convolution(const Operands& operands);
  const char* fully_connected(const Operands& operands);
  const char* pooling();
  const char* addition();
  const char* rectifier();

  const Case c_;
  const bool sparse_;
  const bool channels_last_;
  Floats input_, addend_, output_;
  Pool pool_;
  std::unique_ptr<xnn_operator, DeleteOperator> operator_;
  std::uint64_t bytes_ = 0;
  std::uint64_t macs_ = 0;
  std::map<std::string, std::string> facts_;
};

}  // namespace convroof::xnnpack
