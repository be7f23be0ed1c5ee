// Which share of a layer's weights and input activations is non-zero, and where such shares come from.
//
// A density set is named in `--densities`:
//   dense          no zero at all
//   uniform:W/A    in every layer the share W of the weights and the share A of the input activations is non-zero
//   N:M            N of every M consecutive input channels at a fixed filter and tap are kept; activations dense
//   <file>         a published table per network and layer (densities/*.toml), or a path to a file of the user's own
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace convroof {

struct Network;

struct WeightSparsity {
  enum class Pattern { dense, unstructured, n_of_m };
  Pattern pattern = Pattern::dense;
  double share = 1.0;  // unstructured: non-zero share
  int n = 0, m = 0;    // n_of_m
  bool operator==(const WeightSparsity&) const = default;
};

struct LayerDensity {
  WeightSparsity weights;
  double activations = 1.0;  // non-zero share of the layer's input; 1 = no zero at all
  bool is_dense() const { return weights.pattern == WeightSparsity::Pattern::dense && activations == 1.0; }
  bool operator==(const LayerDensity&) const = default;
};

// Non-zero elements among `count` at a share: round(share * count), half away from zero.
std::int64_t kept_of(double share, std::int64_t count);

// Elements kept by N:M among `channels` consecutive channels: N of each full group, min(N, rest) of the last.
std::int64_t kept_by_n_of_m(int n, int m, std::int64_t channels);

class DensitySet {
 public:
  // `text` as in --densities. Throws InputError (bad file), std::invalid_argument (bad or unknown name; the message names the nearest known set).
  static DensitySet named(std::string_view text);

  const std::string& name() const { return name_; }  // canonical: part of case names, with '/' still in it
  const std::string& source() const { return source_; }

  // Densities of one layer of a network, or nullopt and `reason` where the set does not know the network.
  // Layers that a set does not list are dense.
  std::optional<LayerDensity> of(const Network& network, int layer_index, std::string* reason) const;

 private:
  struct Entry {
    std::optional<double> weights, input, output;  // shares
  };
  std::string name_, source_;
  std::optional<LayerDensity> everywhere_;                           // dense, uniform, N:M
  std::map<std::string, std::map<std::string, Entry>> per_network_;  // network -> layer -> shares
  friend class DensityFile;
};

// Names of the shipped files, sorted, without ".toml".
std::vector<std::string> shipped_density_names();

}  // namespace convroof
