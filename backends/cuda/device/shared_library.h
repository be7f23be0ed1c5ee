// A library that is looked for while the program runs, so that the program starts where it is missing.
#pragma once

#include <string>
#include <vector>

namespace convroof::cuda {

class SharedLibrary {
 public:
  // Tries the names in order. `override_variable`: an environment variable that, where set, names the only file to be tried
  // (a library kept elsewhere; tests use it to hide one). Not loaded: why() says what was tried.
  SharedLibrary(const std::vector<std::string>& names, const char* override_variable);
  ~SharedLibrary();
  SharedLibrary(const SharedLibrary&) = delete;
  SharedLibrary& operator=(const SharedLibrary&) = delete;

  explicit operator bool() const { return handle_ != nullptr; }
  const std::string& why() const { return why_; }
  std::string path() const;  // of the file that was loaded

  // The function of that name; nullptr where the library lacks it.
  template <typename Function>
  Function* function(const char* name) const {
    return reinterpret_cast<Function*>(symbol(name));
  }

 private:
  void* symbol(const char* name) const;
  void* handle_ = nullptr;
  std::string why_;
};

// `file` as the loader finds it, then in the folders of the toolkit: $CUDA_HOME and /usr/local/cuda, lib64 and lib.
std::vector<std::string> toolkit_candidates(const std::string& file);

}  // namespace convroof::cuda
