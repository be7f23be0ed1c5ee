#include "harness/worker.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "backends/registry.h"
#include "harness/ceilings.h"
#include "harness/context.h"
#include "harness/exit_code.h"
#include "harness/run_case.h"

namespace convroof {
namespace {

void answer(const Row& message) {
  // Text of libraries and files may be anything; what is not UTF-8 is replaced.
  const std::string line = message.dump(-1, ' ', false, Row::error_handler_t::replace) + "\n";
  for (std::size_t sent = 0; sent < line.size();) {
    const ssize_t written = write(kAnswerDescriptor, line.data() + sent, line.size() - sent);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) _exit(exit_code::output_error);  // the parent is gone
    sent += static_cast<std::size_t>(written);
  }
}

Row measured_ceilings(const Row& wanted, int threads) {
  std::vector<CeilingRequest> requests;
  for (const Row& entry : wanted) {
    CeilingRequest request{find_backend(entry[0].get<std::string>()), {}};
    for (const Row& type : entry[1]) request.types.push_back(data_type_named(type.get<std::string>()).value());
    if (request.backend != nullptr) requests.push_back(std::move(request));
  }
  Row list = Row::array();
  for (const Ceiling& ceiling : gather_ceilings(requests, threads, [](const std::string& text) { answer({{"warning", text}}); }))
    list.push_back(to_json(ceiling));
  return list;
}

}  // namespace

int worker_main() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() == 1) return exit_code::interrupted;  // the parent died before the line above
  std::signal(SIGINT, SIG_IGN);                       // a terminal or a batch system sends them to everybody; the parent decides
  std::signal(SIGTERM, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  std::string line;
  if (!std::getline(std::cin, line)) return exit_code::usage;
  const RunOptions options = options_from(Row::parse(line)["options"]);
  const Plan plan = make_plan(options);
  CaseRunner runner(plan, options);
  answer({{"ready", plan.cases.size()}});
  while (std::getline(std::cin, line)) {
    const Row request = Row::parse(line);
    if (request.contains("ceilings")) {
      answer({{"ceilings", measured_ceilings(request["ceilings"], plan.threads)}});
      continue;
    }
    for (const Row& index : request["run"]) {
      answer({{"start", index}});
      answer({{"row", runner.run(index.get<std::size_t>())}, {"index", index}});
    }
    answer({{"done", true}, {"libraries", loaded_libraries()}});
  }
  return exit_code::success;
}

}  // namespace convroof
