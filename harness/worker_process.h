// The parent's side of one worker process: starts it, talks to it, and finds out how it ended.
#pragma once

#include <sys/types.h>

#include <nlohmann/json.hpp>
#include <string>

#include "harness/interrupts.h"
#include "harness/run_options.h"

namespace convroof {

class WorkerProcess {
 public:
  // Starts this very program as a worker. Throws std::runtime_error when it cannot be started.
  explicit WorkerProcess(const RunOptions& options);
  ~WorkerProcess();  // kills what still runs
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  void send(const nlohmann::ordered_json& message);  // a dead child shows at the next wait()

  enum class Event { message, died, late, interrupted };
  // The next message; or the child's death, the lapse of `seconds`, or a signal that is newer than `signals_seen`.
  Event wait(double seconds, const Interrupts& interrupts, int signals_seen, nlohmann::ordered_json& message);

  // Ends the child and says how it ended: "signal 11 (Segmentation fault)", "exit code 3".
  std::string end();

 private:
  bool take_line(nlohmann::ordered_json& message);
  pid_t pid_ = -1;
  int to_child_ = -1, from_child_ = -1;
  std::string received_;
};

}  // namespace convroof
