// Is this machine ours alone at this moment? A short burst of dependent-free multiply-adds on every thread, over in under a millisecond: whatever else runs
// on these cores, or lowers their clock, shows as a rate below the best one seen.
#pragma once

namespace convroof::versus {

// Operations (2 a multiply-add) a second of all threads together.
double fma_rate(int threads);

class QuietGuard {
 public:
  // `known_peak`: operations a second of one thread where it is known from elsewhere; 0: the best of this run counts.
  QuietGuard(int threads, double known_peak);

  // Probes once. False: the machine is disturbed.
  bool quiet();

  double best() const { return best_; }
  int probes() const { return probes_; }
  int disturbed() const { return disturbed_; }

 private:
  int threads_;
  double best_ = 0;
  int probes_ = 0, disturbed_ = 0;
};

}  // namespace convroof::versus
