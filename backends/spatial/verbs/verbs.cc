#include "backends/spatial/verbs/verbs.h"

namespace convroof::spatial {

std::vector<Verb> verbs() { return {}; }

}  // namespace convroof::spatial
