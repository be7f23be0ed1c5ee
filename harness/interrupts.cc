#include "harness/interrupts.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace convroof {
namespace {

volatile std::sig_atomic_t signal_count = 0;
std::array<int, 2> signal_pipe = {-1, -1};

extern "C" void note_signal(int) {
  const int saved = errno;
  signal_count = signal_count + 1;
  const char byte = 1;
  [[maybe_unused]] const ssize_t written = write(signal_pipe[1], &byte, 1);  // a full pipe is readable already
  errno = saved;
}

}  // namespace

Interrupts::Interrupts() {
  if (signal_pipe[0] < 0 && pipe2(signal_pipe.data(), O_CLOEXEC | O_NONBLOCK) != 0) signal_pipe = {-1, -1};
  signal_count = 0;
  struct sigaction note {};
  note.sa_handler = note_signal;
  sigemptyset(&note.sa_mask);
  sigaction(SIGINT, &note, &old_int_);
  sigaction(SIGTERM, &note, &old_term_);
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, &old_pipe_);
}

Interrupts::~Interrupts() {
  sigaction(SIGINT, &old_int_, nullptr);
  sigaction(SIGTERM, &old_term_, nullptr);
  sigaction(SIGPIPE, &old_pipe_, nullptr);
}

int Interrupts::count() const { return signal_count; }
int Interrupts::descriptor() const { return signal_pipe[0]; }
void Interrupts::drain() const {
  std::array<char, 64> bytes;
  while (read(signal_pipe[0], bytes.data(), bytes.size()) > 0) {
  }
}

}  // namespace convroof
