// Published against emulated.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "backends/spatial/reproduce/published.h"

namespace convroof::spatial {

// reproduced       the emulated value lies in the stated acceptance
// explained        one option of the accelerator's file, set to one value for all layers and networks, brings it inside, and no figure of the same
//                  quantity leaves by it
// not_reproduced   neither
// compatible, not_compatible   inside or outside, where the paper's own zeros or network are not known
// not_testable     with the reason; an emulated value may stand beside it all the same
enum class Verdict { reproduced, explained, not_reproduced, compatible, not_compatible, not_testable };
std::string_view name_of(Verdict verdict);

struct Comparison {
  PublishedFigure figure;
  std::optional<double> emulated;
  Verdict verdict = Verdict::not_testable;
  std::string option;                        // explained: "ragged_filters = packed"
  std::optional<double> emulated_at_option;  // explained
  std::string reason;                        // why it is not testable; the option's why

  std::optional<double> deviation() const;  // emulated / published - 1
};

// In the order of `figures`.
std::vector<Comparison> compare_figures(const std::vector<PublishedFigure>& figures, const std::vector<PublishedOption>& options, int threads);

}  // namespace convroof::spatial
