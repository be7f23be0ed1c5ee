#include "backends/spatial/verbs/timeloop.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "workloads/checked.h"

namespace convroof::spatial {
namespace {

// `total` in blocks of `side`: how many blocks, how large a block is, and how large the last one is.
struct Blocks {
  std::int64_t count, size, last;
  Blocks(std::int64_t total, std::int64_t side) : count(ceil_div(total, side)), size(std::min(total, side)), last(total - (count - 1) * size) {}
  std::string factor(char dimension) const { return last == size ? fmt::format("{}={}", dimension, size) : fmt::format("{}={},{}", dimension, size, last); }
};

// Words that a buffer holds; 0: without limit.
std::int64_t words_of(const std::optional<std::int64_t>& bytes, int bits) { return bytes ? *bytes * 8 / bits : std::int64_t{0}; }

// One storage level; `depth` 0 leaves it without limit.
std::string storage(int indent, const std::string& name, const std::string& kind, std::int64_t depth, int word_bits) {
  const std::string pad(static_cast<std::size_t>(indent), ' ');
  std::string text = fmt::format("{0}- name: {1}\n{0}  class: {2}\n{0}  attributes:\n", pad, name, kind);
  if (depth > 0) text += fmt::format("{}    depth: {}\n", pad, depth);
  return text + fmt::format("{0}    width: {1}\n{0}    word_bits: {1}\n", pad, word_bits);
}

std::string architecture(const Accelerator& a, const SystolicArray& array) {
  std::string text = "architecture:\n  version: 0.3\n  subtree:\n    - name: system\n      local:\n";
  text += storage(8, "DRAM", "DRAM", 0, a.word_bits);
  text += "      subtree:\n        - name: chip\n          local:\n";
  text += storage(12, "InputBuffer", "SRAM", words_of(array.input_buffer_bytes, a.word_bits), a.word_bits);
  text += storage(12, "WeightBuffer", "SRAM", words_of(array.weight_buffer_bytes, a.word_bits), a.word_bits);
  text += storage(12, "OutputBuffer", "SRAM", words_of(array.output_buffer_bytes, a.accumulator.bits), a.accumulator.bits);
  text += fmt::format("          subtree:\n            - name: PE[0..{}]\n              local:\n", array.multipliers() - 1);
  text += storage(16, "Register", "regfile", 1, a.accumulator.bits);
  text += fmt::format("                - name: MACC\n                  class: intmac\n                  attributes:\n                    datawidth: {}\n",
                      a.word_bits);
  return text;
}

std::string problem_text(const std::string& name, const Problem& p) {
  return fmt::format(
      "# {}: the matrix product of one group (of {}); N output pixels x images, K products a sum, M filters\n"
      "problem:\n  shape:\n    name: MatrixProduct\n    dimensions: [ N, K, M ]\n    data_spaces:\n"
      "      - name: Inputs\n        projection: [ [ [N] ], [ [K] ] ]\n      - name: Weights\n        projection: [ [ [K] ], [ [M] ] ]\n"
      "      - name: Outputs\n        projection: [ [ [N] ], [ [M] ] ]\n        read_write: True\n  instance:\n    N: {}\n    K: {}\n    M: {}\n",
      name, p.layer.groups, p.n(), p.k(), p.m());
}

std::string directive(const std::string& target, const std::string& type, const std::string& factors, const std::string& permutation) {
  return fmt::format("  - target: {}\n    type: {}\n    factors: {}\n    permutation: {}\n", target, type, factors, permutation);
}

std::string bypass(const std::string& target, const std::string& keep, const std::string& pass) {
  return fmt::format("  - target: {}\n    type: bypass\n    keep: [ {} ]\n    bypass: [ {} ]\n", target, keep, pass);
}

// How many of the `steps` of a fold the buffers hold at once, where each step takes so many words of two of them: the largest divisor that fits, so that
// no part is smaller than the others. Timeloop wants the whole tile of a loop in its buffer; the array streams through it.
std::int64_t steps_held(std::int64_t steps, std::int64_t depth, std::int64_t words, std::int64_t other_depth, std::int64_t other_words) {
  std::int64_t most = steps;
  if (depth > 0) most = std::min(most, depth / words);
  if (other_depth > 0) most = std::min(most, other_depth / other_words);
  most = std::max<std::int64_t>(most, 1);
  while (steps % most != 0) --most;
  return most;
}

// Loops from the outside in, each level with the letters of `permutation` from the inside out, as Timeloop writes them.
std::string mapping(const Accelerator& a, const SystolicArray& array, const Problem& p) {
  const std::int64_t R = array.rows, C = array.columns, N = p.n(), K = p.k(), M = p.m();
  const std::int64_t inputs = words_of(array.input_buffer_bytes, a.word_bits), weights = words_of(array.weight_buffer_bytes, a.word_bits),
                     outputs = words_of(array.output_buffer_bytes, a.accumulator.bits);
  std::string text = "mapping:\n", streams, spatial, stays;
  switch (array.stationary) {
    case Stationary::weight: {
      const Blocks k(K, R), m(M, C);
      const std::int64_t held = steps_held(N, inputs, k.size, outputs, m.size);
      text += directive("DRAM", "temporal", fmt::format("N={} K={} M={}", N / held, k.count, m.count), "NKM");
      streams = fmt::format("N={} K=1 M=1", held), spatial = fmt::format("N=1 {} {}", k.factor('K'), m.factor('M')), stays = "Weights";
      break;
    }
    case Stationary::input: {
      const Blocks k(K, R), n(N, C);
      const std::int64_t held = steps_held(M, weights, k.size, outputs, n.size);
      text += directive("DRAM", "temporal", fmt::format("N={} K={} M={}", n.count, k.count, M / held), "MKN");
      streams = fmt::format("N=1 K=1 M={}", held), spatial = fmt::format("{} {} M=1", n.factor('N'), k.factor('K')), stays = "Inputs";
      break;
    }
    case Stationary::output: {
      const Blocks n(N, R), m(M, C);
      const std::int64_t held = steps_held(K, inputs, n.size, weights, m.size);
      text += directive("DRAM", "temporal", fmt::format("N={} K={} M={}", n.count, K / held, m.count), "KNM");
      streams = fmt::format("N=1 K={} M=1", held), spatial = fmt::format("{} K=1 {}", n.factor('N'), m.factor('M')), stays = "Outputs";
      break;
    }
  }
  const std::string ones = "N=1 K=1 M=1";
  text += directive("InputBuffer", "temporal", ones, "NKM") + directive("WeightBuffer", "temporal", ones, "NKM");
  text += directive("OutputBuffer", "temporal", streams, "NKM") + directive("OutputBuffer", "spatial", spatial, "NKM");
  text += directive("Register", "temporal", ones, "NKM");
  text += bypass("InputBuffer", "Inputs", "Weights, Outputs") + bypass("WeightBuffer", "Weights", "Inputs, Outputs");
  text += bypass("OutputBuffer", "Outputs", "Inputs, Weights");
  text += bypass("Register", stays, stays == "Weights" ? "Inputs, Outputs" : stays == "Inputs" ? "Weights, Outputs" : "Inputs, Weights");
  return text;
}

}  // namespace

std::map<std::string, std::string> timeloop_files(const std::string& name, const Accelerator& a, const Problem& p) {
  const auto* array = std::get_if<SystolicArray>(&a.array);
  if (array == nullptr) throw std::invalid_argument(fmt::format("`{}` is no systolic array; only those are written for Timeloop", a.name));
  return {{"arch.yaml", architecture(a, *array)}, {"problem.yaml", problem_text(name, p)}, {"map.yaml", mapping(a, *array, p)}};
}

}  // namespace convroof::spatial
