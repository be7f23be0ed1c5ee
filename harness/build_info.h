// What this binary was built with. Written by CMake at build time.
#pragma once

namespace convroof {

struct BuildInfo {
  const char* version;
  const char* commit;  // with "-dirty" where the tree had changes; "unknown" outside a repository
  const char* compiler;
  const char* flags;
  const char* build_type;
};

const BuildInfo& build_info();

}  // namespace convroof
