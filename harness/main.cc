#include <cstdio>

#include "backends/registry.h"

int main() {
  for (const auto& backend : convroof::backends()) std::printf("%s\n", backend->name().c_str());
  return 0;
}
