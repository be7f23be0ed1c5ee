// The stepping engine's outer memory: marks every word that the array asks for and follows the buffers' rule word by word, then runs the memory bus
// clock by clock beside the array.
#pragma once

#include <cstdint>
#include <vector>

#include "backends/spatial/model/buffer_policy.h"
#include "backends/spatial/model/outcome.h"
#include "backends/spatial/model/stage.h"

namespace convroof::spatial::stepping {

class Memory {
 public:
  // `pixels`: output pixels that one pass holds; `sweeps`: the inputs of a group are gone through in windows that advance over the pixels (output and
  // input stationary), so rows that stay under the window are kept from one to the next.
  Memory(const Accelerator& accelerator, const SystolicArray& array, const Problem& problem, std::int64_t pixels, bool sweeps, Outcome& outcome);

  void begin_group(std::int64_t group);
  void begin_sweep();  // output and input stationary: the pixels start from the first again
  void begin_window();
  void begin_pass(std::int64_t rows);  // rows of the array in use

  // The array's edge takes an input from its buffer.
  void input_used(std::int64_t index);
  // Words that the pass needs before it begins.
  void weights_loaded(std::uint64_t words);
  void biases_loaded(std::uint64_t words);
  // Partial sums and results that move while it runs.
  void psum_written_out(), psum_read_in(), output_written();

  void end_pass(std::uint64_t clocks);
  void end_window();
  void end_group();

  // Clocks that the array waits, all in all.
  std::uint64_t stall_clocks() const;

 private:
  std::int64_t channel_of(std::int64_t index) const;

  const Accelerator& a_;
  const Problem& p_;
  const InputPolicy policy_;
  const bool sweeps_;
  Outcome& outcome_;
  std::vector<Stage> stages_;
  std::size_t group_first_stage_ = 0, window_first_stage_ = 0;
  std::int64_t group_ = 0;
  std::vector<std::uint8_t> loaded_;    // pinned words that are in the buffer
  std::vector<std::uint8_t> in_sweep_;  // words fetched since the sweep began
  std::vector<std::uint8_t> touched_;   // ever, in this group
  std::vector<std::uint8_t> in_window_;
  std::vector<std::int64_t> window_words_;
  std::uint64_t uses_ = 0;                  // of words that are not pinned, in this window
  std::vector<std::uint64_t> window_rows_;  // rows in use, by pass of the window
};

}  // namespace convroof::spatial::stepping
