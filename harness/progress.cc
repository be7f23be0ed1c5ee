#include "harness/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace convroof {
namespace {

std::size_t terminal_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

bool is_drawable() {
  const char* terminal = std::getenv("TERM");
  return isatty(STDERR_FILENO) != 0 && !(terminal != nullptr && std::strcmp(terminal, "dumb") == 0);
}

}  // namespace

Progress::Progress(bool quiet, std::size_t total, double predicted_seconds)
    : quiet_(quiet), is_terminal_(!quiet && is_drawable()), total_(total), predicted_total_(predicted_seconds) {}

Progress::~Progress() { clear(); }

void Progress::start(const std::string& what) {
  what_ = what;
  draw();
}

void Progress::finish(double predicted_seconds) {
  ++done_;
  predicted_done_ += predicted_seconds;
  draw();
}

void Progress::note(const std::string& line) {
  if (quiet_) return;
  clear();
  std::fprintf(stderr, "%s\n", line.c_str());
  draw();
}

void Progress::draw() {
  if (!is_terminal_) return;
  const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  // The prediction is rough; what has been seen of it so far corrects the rest.
  const double correction = predicted_done_ > 1 ? elapsed / predicted_done_ : 1.0;
  const auto left = static_cast<long>(std::max(0.0, predicted_total_ - predicted_done_) * correction + 0.5);
  constexpr std::size_t kBar = 20;
  const std::size_t filled = total_ == 0 ? kBar : kBar * done_ / total_;
  std::string line =
      fmt::format("[{}{}] {}/{}, {}:{:02} left, {}", std::string(filled, '#'), std::string(kBar - filled, '.'), done_, total_, left / 60, left % 60, what_);
  line.resize(std::min(line.size(), terminal_width() - 1));
  std::fprintf(stderr, "\r\033[K%s", line.c_str());
  std::fflush(stderr);
}

void Progress::clear() {
  if (!is_terminal_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
}

}  // namespace convroof
