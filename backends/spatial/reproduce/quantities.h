// What the emulator can say about a published figure, by the name in the figure's `quantity`. A new one is one line in quantities.cc.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "backends/spatial/reproduce/emulation.h"

namespace convroof::spatial {

struct Quantity {
  std::string name, unit, meaning;
  std::function<double(const Emulation&)> value;                                  // throws std::invalid_argument where it has no meaning
  std::function<double(const Emulation&, const Emulation& baseline)> ratio = {};  // instead of `value`, for figures with a baseline
};

const std::vector<Quantity>& quantities();
const Quantity* find_quantity(std::string_view name);  // null: the emulator cannot compute it

}  // namespace convroof::spatial
