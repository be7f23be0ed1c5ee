#include "backends/cuda/device/shared_library.h"

#include <dlfcn.h>
#include <link.h>

#include <cstdlib>

namespace convroof::cuda {

SharedLibrary::SharedLibrary(const std::vector<std::string>& names, const char* override_variable) {
  std::vector<std::string> tried = names;
  if (const char* override_file = std::getenv(override_variable)) tried = {override_file};
  for (const std::string& name : tried) {
    handle_ = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_ != nullptr) return;
    if (why_.empty()) {
      const char* message = dlerror();
      why_ = message != nullptr ? message : name + " cannot be loaded";
    }
  }
}

// Not closed: CUDA libraries start threads and register exit handlers that outlive any object of ours.
SharedLibrary::~SharedLibrary() = default;

std::string SharedLibrary::path() const {
  link_map* map = nullptr;
  if (handle_ == nullptr || dlinfo(handle_, RTLD_DI_LINKMAP, &map) != 0) return "";
  return map->l_name;
}

void* SharedLibrary::symbol(const char* name) const { return handle_ == nullptr ? nullptr : dlsym(handle_, name); }

std::vector<std::string> toolkit_candidates(const std::string& file) {
  std::vector<std::string> candidates = {file};
  std::vector<std::string> roots;
  if (const char* home = std::getenv("CUDA_HOME")) roots.emplace_back(home);
  roots.emplace_back("/usr/local/cuda");
  for (const std::string& root : roots)
    for (const char* folder : {"/lib64/", "/lib/"}) candidates.push_back(root + folder + file);
  return candidates;
}

}  // namespace convroof::cuda
