// SIGINT and SIGTERM as something that can be waited for together with a pipe. While one of these lives, both signals end nothing by themselves,
// and a closed pipe is an error of the write, not the end of the process.
#pragma once

#include <csignal>

namespace convroof {

class Interrupts {
 public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  int count() const;       // signals so far
  int descriptor() const;  // readable after a signal
  void drain() const;      // forgets what made it readable, not the count

 private:
  struct sigaction old_int_ {
  }, old_term_{}, old_pipe_{};
};

}  // namespace convroof
