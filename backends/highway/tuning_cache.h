// What `auto` found fastest, remembered between processes: one JSON object a line, keyed by CPU, instruction set, version and the case.
// A cache is a convenience: a damaged line is passed over and gone after the next store, and a file that cannot be written costs the memory and nothing else.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "backends/backend.h"

namespace convroof::highway {

struct Tuned {
  std::string picked;  // variant
  std::string trials;  // what its trials took, as the fact says
};

class TuningCache {
 public:
  explicit TuningCache(std::string path);  // empty: remembers nothing
  // highway-tuning.jsonl in $CONVROOF_CACHE, or in convroof/ under $XDG_CACHE_HOME or ~/.cache. Empty where there is none of these or CONVROOF_CACHE is empty.
  static std::string default_path();
  // Everything that may change which variant is fastest.
  static std::string key(const Case& c);

  std::optional<Tuned> find(const std::string& key) const;
  void store(const std::string& key, const Tuned& tuned);

 private:
  using Entries = std::map<std::string, Tuned>;
  Entries read() const;
  std::string path_;
};

}  // namespace convroof::highway
