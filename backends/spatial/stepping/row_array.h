// The PEs of a row-stationary array and the buses between them and the global buffer, during one pass.
#pragma once

#include <cstdint>
#include <vector>

#include "backends/spatial/model/outcome.h"
#include "backends/spatial/model/row_geometry.h"
#include "backends/spatial/model/row_stationary.h"
#include "backends/spatial/stepping/row_stationary.h"

namespace convroof::spatial::stepping {

// What one pass works on: first index and count of each.
struct RowRange {
  std::int64_t first = 0, count = 0;
};
struct RowWork {
  std::int64_t group = 0;
  RowRange images, channels, filters, out_rows;  // channels and filters within the group
  bool first_channels = false, last_channels = false;
  std::uint64_t number = 0;
};

// The partial sums in the global buffer: of the images, filters and output rows of one tile.
class BufferedSums {
 public:
  BufferedSums(RowRange images, RowRange filters, RowRange rows, std::int64_t width)
      : images_(images), filters_(filters), rows_(rows), width_(width), sums_(static_cast<std::size_t>(images.count * filters.count * rows.count * width), 0) {}
  std::int64_t& at(std::int64_t image, std::int64_t filter, std::int64_t y, std::int64_t x) {
    const std::int64_t plane = (image - images_.first) * filters_.count + filter - filters_.first;
    return sums_[static_cast<std::size_t>((plane * rows_.count + y - rows_.first) * width_ + x)];
  }

 private:
  RowRange images_, filters_, rows_;
  std::int64_t width_;
  std::vector<std::int64_t> sums_;
};

class RowArray {
 public:
  RowArray(const RowStationaryArray& array, const LayerSpec& layer, const RowMapping& mapping, const Problem& problem, Outcome& outcome,
           const RowObserver& observer);

  // Runs the pass to the clock of its last multiplication; its clocks. Its last sums leave during the next pass.
  std::uint64_t run(const RowWork& work, BufferedSums& sums);
  // After the last pass of the layer: the last sums leave.
  void finish();

 private:
  struct Sum {
    std::int64_t image, filter, y, x, value;
  };

  struct Slot {
    std::int64_t filter, channel, tap;  // of every PE's own
  };

  void begin(const RowWork& work);
  void clock(BufferedSums* sums);  // none after the last pass
  void load_weights();
  void load_inputs();
  void exchange(BufferedSums& sums);
  void drain();
  void multiply();
  void end_slot();
  Slot slot() const;
  std::int64_t slots_of_window() const;
  std::int64_t column_of(std::int64_t tap) const;
  std::int64_t next_left() const;
  void end_window();
  std::int64_t place(std::int64_t filter_set, std::int64_t channel_set, std::int64_t row, std::int64_t column) const;
  std::int64_t filters_of(std::int64_t set) const;
  std::int64_t channels_of(std::int64_t set) const;
  RowCell cell(std::int64_t filter_set, std::int64_t channel_set, std::int64_t row, std::int64_t column) const;

  const RowStationaryArray& array_;
  const LayerSpec& l_;
  const RowMapping& map_;
  const Problem& p_;
  Outcome& o_;
  const RowObserver& observer_;
  std::vector<std::int64_t> columns_;  // of the input that any window takes, ascending

  RowWork work_;
  Split filter_sets_{1, 1}, channel_sets_{1, 1};
  std::vector<std::int64_t> rows_;  // of the input that the pass takes, ascending
  std::int64_t slots_ = 0;          // columns that a scratchpad holds

  // Scratchpads of all PEs.
  std::vector<std::int16_t> weights_;  // [PE][filter][channel][tap]
  std::vector<std::int16_t> inputs_;   // [PE][slot][channel]
  std::vector<std::int64_t> sums_;     // [PE][filter]

  std::int64_t weight_words_ = 0, weights_left_ = 0;
  std::int64_t entered_ = 0, word_in_column_ = 0, gone_ = 0;  // columns of the stream (images one after another)
  std::int64_t window_ = 0, slot_ = 0;                        // output columns of the pass that are done; multiplications of this one that are done
  bool multiplying_ = false;
  std::int64_t sums_to_fetch_ = 0;
  std::vector<Sum> fetched_, leaving_;
  std::int64_t left_ = 0;  // of `leaving_`
  // Sums of the pass before that are still on their way: PEs to climb, words that wait for the bus, and what they are.
  std::int64_t climb_ = 0, draining_ = 0;
  Operand draining_as_ = Operand::psum;
  RowClock now_;
};

}  // namespace convroof::spatial::stepping
