// One line on a terminal: how far, what now, how long still. Silent where stderr is no terminal, or when told to be quiet.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace convroof {

class Progress {
 public:
  Progress(bool quiet, std::size_t total, double predicted_seconds);
  ~Progress();  // clears the line

  void start(const std::string& what);    // a case begins
  void finish(double predicted_seconds);  // it is done; so much of the prediction is behind us
  void note(const std::string& line);     // a lasting line, unless quiet

 private:
  void draw();
  void clear();
  bool quiet_, is_terminal_;
  std::size_t total_, done_ = 0;
  double predicted_total_, predicted_done_ = 0;
  std::string what_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace convroof
