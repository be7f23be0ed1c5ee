#include "harness/worker_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "harness/worker.h"
#include "harness/worker_environment.h"

namespace convroof {
namespace {

using Json = nlohmann::ordered_json;

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    return fmt::format("signal {} ({}{})", signal, strsignal(signal), signal == SIGKILL ? "; perhaps the system ran out of memory" : "");
  }
  return fmt::format("exit code {}", WEXITSTATUS(status));
}

}  // namespace

WorkerProcess::WorkerProcess(const RunOptions& options) {
  std::array<int, 2> down = {-1, -1}, up = {-1, -1};
  if (pipe2(down.data(), O_CLOEXEC) != 0 || pipe2(up.data(), O_CLOEXEC) != 0)
    throw std::runtime_error(fmt::format("no pipe for a worker process: {}", std::strerror(errno)));
  to_child_ = down[1], from_child_ = up[0];

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  // Answers may already sit on descriptor 3; dup2 onto itself would keep it closed on exec, so they move away first.
  const int answers = fcntl(up[1], F_DUPFD_CLOEXEC, 10), requests = fcntl(down[0], F_DUPFD_CLOEXEC, 10);
  posix_spawn_file_actions_adddup2(&actions, requests, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);  // what libraries print is no data
  posix_spawn_file_actions_adddup2(&actions, answers, kAnswerDescriptor);
  std::string program = "/proc/self/exe", verb = kWorkerVerb;
  std::array<char*, 3> arguments = {program.data(), verb.data(), nullptr};
  std::vector<std::string> environment = own_environment();
  for (const auto& [name, value] : settings_of_workers(environment)) environment.push_back(name + "=" + value);
  std::vector<char*> entries;
  for (std::string& entry : environment) entries.push_back(entry.data());
  entries.push_back(nullptr);
  const int error = posix_spawn(&pid_, "/proc/self/exe", &actions, nullptr, arguments.data(), entries.data());
  posix_spawn_file_actions_destroy(&actions);
  for (const int fd : {down[0], up[1], answers, requests})
    if (fd >= 0) close(fd);
  if (error != 0) {
    pid_ = -1;
    close(to_child_), close(from_child_);
    throw std::runtime_error(fmt::format("no worker process could be started: {}", std::strerror(error)));
  }
  send({{"options", to_json(options)}});
}

WorkerProcess::~WorkerProcess() {
  end();
  close(to_child_), close(from_child_);
}

void WorkerProcess::send(const Json& message) {
  const std::string line = message.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  for (std::size_t sent = 0; sent < line.size();) {
    const ssize_t written = write(to_child_, line.data() + sent, line.size() - sent);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return;
    sent += static_cast<std::size_t>(written);
  }
}

bool WorkerProcess::take_line(Json& message) {
  const std::size_t end = received_.find('\n');
  if (end == std::string::npos) return false;
  message = Json::parse(received_.substr(0, end), nullptr, false);
  if (!message.is_object()) message = Json::object();  // a child gone mad; its death or its silence will show
  received_.erase(0, end + 1);
  return true;
}

WorkerProcess::Event WorkerProcess::wait(double seconds, const Interrupts& interrupts, int signals_seen, Json& message) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::duration<double>(seconds);
  for (;;) {
    if (take_line(message)) return Event::message;
    if (interrupts.count() > signals_seen) return Event::interrupted;
    const double left = std::chrono::duration<double>(deadline - Clock::now()).count();
    if (left <= 0) return Event::late;
    std::array<pollfd, 2> watched = {pollfd{from_child_, POLLIN, 0}, pollfd{interrupts.descriptor(), POLLIN, 0}};
    if (poll(watched.data(), watched.size(), static_cast<int>(std::min(left * 1000 + 1, 1e9))) < 0) continue;  // EINTR: the count says more
    if (watched[1].revents != 0) interrupts.drain();
    if (watched[0].revents == 0) continue;
    std::array<char, 65536> bytes;
    const ssize_t count = read(from_child_, bytes.data(), bytes.size());
    if (count > 0)
      received_.append(bytes.data(), static_cast<std::size_t>(count));
    else if (count == 0)
      return Event::died;
  }
}

std::string WorkerProcess::end() {
  if (pid_ < 0) return "";
  // A child that has closed its answers is about to end by itself, and how it ends is worth knowing; one that has not is stopped.
  int status = 0;
  for (int i = 0; i < 50; ++i) {
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      return how_it_ended(status);
    }
    pollfd answers{from_child_, POLLIN, 0};
    if (poll(&answers, 1, 0) == 0) break;  // open and silent
    usleep(10000);
  }
  kill(pid_, SIGKILL);
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return how_it_ended(status);
}

}  // namespace convroof
