// Bytes per memory level as the hardware counted them: CUPTI's range profiler, found while the program runs. The profiler replays a piece of work once for each
// pass that its counters need, so it never runs beside a timed series. Refused in many containers and virtual machines: then the bytes are modelled.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace convroof::cuda {

struct CountedBytes {
  std::uint64_t dram_read = 0, dram_written = 0;
  std::uint64_t l2 = 0;  // moved between the level-two cache and the multiprocessors
  std::uint64_t l1 = 0;  // moved through the level-one caches
  int passes = 0;        // how often the work was replayed
};

class ByteCounters {
 public:
  struct Library;
  // Looks for the library; $CONVROOF_CUPTI_LIBRARY names the only file to be tried.
  ByteCounters();
  ~ByteCounters();
  ByteCounters(const ByteCounters&) = delete;
  ByteCounters& operator=(const ByteCounters&) = delete;
  static ByteCounters& get();  // of this process

  explicit operator bool() const { return reason_.empty(); }
  const std::string& reason() const { return reason_; }  // why nothing can be counted (any more)

  // Counts what `run` moves on device 0 of this process. `run` is called once a pass and must return when the device is done; it should bring the caches into
  // the same state first. Nothing where the device, the driver or its permissions refuse: reason() says why from then on.
  std::optional<CountedBytes> count(const std::function<void()>& prepare, const std::function<void()>& run);

  // Passes that the counters above need on a chip ("GH100"), asked of the host half of CUPTI: no device, no driver. Throws std::runtime_error with CUPTI's
  // words.
  int passes_on(const std::string& chip) const;

 private:
  Library* library_ = nullptr;  // lives as long as the process
  std::string reason_;
};

}  // namespace convroof::cuda
