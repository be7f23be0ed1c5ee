// Which plan the tuner chose, remembered between processes: one JSON object a line, keyed by device, cuDNN version and problem.
// A damaged line is passed over; a file that cannot be written costs the memory and nothing else.
#pragma once

#include <map>
#include <optional>
#include <string>

namespace convroof::cuda {

class PlanCache {
 public:
  explicit PlanCache(std::string path);
  // $CONVROOF_PLAN_CACHE, or convroof/cudnn-plans.jsonl in $XDG_CACHE_HOME or ~/.cache; empty where there is no such folder.
  static std::string default_path();

  static std::string key(const std::string& device, const std::string& cudnn_version, const std::string& problem);
  std::optional<std::string> find(const std::string& key) const;  // the plan's tag
  void store(const std::string& key, const std::string& tag);

 private:
  std::string path_;
  std::map<std::string, std::string> tags_;
};

}  // namespace convroof::cuda
