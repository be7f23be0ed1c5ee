// Picks the fastest of several candidates by timing them. Pure: the measurement is the caller's, so that tests can make samples up.
//
// Candidate 0 is the incumbent (the heuristic's first guess). All candidates get a few samples in interleaved order, those far from the best are dropped, the
// rest get more; another candidate replaces the incumbent only when it is faster by more than `margin`, so that noise never changes a plan.
// (cudnn-frontend's own autotune takes single warm launches and stops at the first one that is not 5 % better than the best so far.)
#pragma once

#include <functional>
#include <vector>

namespace convroof::cuda {

struct TunerRules {
  int first_samples = 3;
  int final_samples = 21;
  double keep_within = 1.25;  // of the fastest median after the first round
  double margin = 0.005;      // of the incumbent's median
};

struct Tuned {
  int best = 0;
  std::vector<double> medians;       // seconds; infinite for a candidate that failed
  double gain_over_incumbent = 1.0;  // median of candidate 0 / median of the best
};

// `measure(i)` gives one sample of candidate i in seconds; it may throw std::exception: the candidate is out. Throws std::runtime_error when all are out.
Tuned tune(int candidates, const std::function<double(int)>& measure, const TunerRules& rules = {});

}  // namespace convroof::cuda
