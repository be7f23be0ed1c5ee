// One prepared primitive of the library: operands in the layouts that its implementation asked for, scratchpad owned here, so that run() only executes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/onednn/dnnl_api.h"
#include "backends/onednn/offers.h"

namespace convroof::onednn {

class OneDnnKernel final : public Kernel {
 public:
  // Reorders the operands; throws std::runtime_error with the library's words where it refuses.
  OneDnnKernel(const Implementation& implementation, const Case& c, const Operands& operands);

  std::optional<double> run(int times) override;
  void poison_output() override;
  void read_output(Tensor& canonical) override;
  Work work() const override;

  const std::string& implementation() const { return implementation_.name; }
  void add_fact(const std::string& key, std::string value) { facts_[key] = std::move(value); }

 private:
  struct Free {
    void operator()(std::byte* p) const;
  };
  // A tensor in the library's layout. On huge pages where the system has them, as the other kernels' operands.
  struct Buffer {
    std::unique_ptr<std::byte, Free> data;
    dnnl::memory memory;
  };

  dnnl::memory allocate(int argument, const MemoryDesc& desc);
  void fill(int argument, const MemoryDesc& wanted, const MemoryDesc& plain, const Tensor& tensor);

  const Case c_;
  const Implementation implementation_;
  PlainDescs plain_;
  dnnl::stream stream_;
  dnnl::primitive primitive_;
  std::vector<Buffer> buffers_;
  std::vector<dnnl_exec_arg_t> arguments_;
  dnnl::memory output_;
  std::uint64_t bytes_ = 0;
  std::map<std::string, std::string> facts_;
};

// A layout in oneDNN's notation: "acdb" for channels last, "aBcd16b" for blocks of 16 channels, "opaque" for packed forms.
std::string layout_name(const MemoryDesc& desc);

}  // namespace convroof::onednn
