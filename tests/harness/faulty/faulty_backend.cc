// A backend that does everything wrong that a backend can do, one variant each. It computes by the plain loops and then spoils something. Linked into a
// program of its own, so that the tests see what such a backend costs the rest of a run.
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <new>
#include <stdexcept>
#include <thread>

#include "backends/backend.h"
#include "backends/registry.h"

namespace convroof {

std::unique_ptr<Backend> make_reference_backend();

namespace {

class FaultyKernel final : public Kernel {
 public:
  FaultyKernel(std::string fault, const Case& c, std::unique_ptr<Kernel> inner)
      : fault_(std::move(fault)), inner_(std::move(inner)), output_(format_of(c.type).output, c.output_shape()) {}

  std::optional<double> run(int times) override {
    ++runs_;
    if (fault_ == "crash") raise(SIGSEGV);
    if (fault_ == "abort") std::abort();
    if (fault_ == "exit") _exit(0);
    if (fault_ == "hang") std::this_thread::sleep_for(std::chrono::hours(1));
    if (fault_ == "slow") std::this_thread::sleep_for(std::chrono::milliseconds(200));
    if (fault_ == "throw") throw std::runtime_error("the device is on fire\nand a second line");
    if (fault_ == "odd-text") throw std::runtime_error("not UTF-8: \xff\xfe <script>alert(1)</script>");
    if (fault_ == "memory") throw std::bad_alloc();
    if (fault_ == "later" && runs_ > 3) raise(SIGBUS);
    if (fault_ == "chatty") std::puts("{\"row\": {}}"), std::fflush(stdout);
    if (fault_ == "unwritten") return std::nullopt;
    inner_->run(times);
    inner_->read_output(output_);
    const std::int64_t last = output_.count() - 1;
    if (fault_ == "nan") output_.set_value(last, std::numeric_limits<double>::quiet_NaN());
    if (fault_ == "wrong") output_.set_value(last, output_.value(last) + 1);
    if (fault_ == "zeros") output_ = Tensor(output_.type(), output_.shape());
    if (fault_ == "drift" && runs_ > 1) output_.set_value(0, output_.value(0) + runs_);  // right when it is checked, wrong when it is timed
    return std::nullopt;
  }
  void poison_output() override { inner_->poison_output(), output_.poison(); }
  void read_output(Tensor& canonical) override {
    for (std::int64_t i = 0; i < output_.count(); ++i) canonical.set_value(i, output_.value(i));
  }
  Work work() const override {
    Work work = inner_->work();
    if (fault_ == "infinite") work.facts["note"] = "bytes are zero", work.bytes_packed = 0;
    if (fault_ == "impossible") work.unit_used = "tin", work.accumulator = "f32";
    return work;
  }

 private:
  std::string fault_;
  std::unique_ptr<Kernel> inner_;
  Tensor output_;
  int runs_ = 0;
};

class FaultyBackend final : public Backend {
 public:
  std::string name() const override { return "faulty"; }
  std::string device() const override { return reference_->device(); }
  Clock clock() const override { return Clock::host; }
  DataType native_type() const override { return DataType::f32; }
  std::vector<Variant> variants() const override {
    std::vector<Variant> list;
    for (const char* name :
         {"good",      "crash", "abort", "exit",  "hang",  "slow",     "throw",      "odd-text",      "memory",          "later",         "chatty",
          "unwritten", "nan",   "wrong", "zeros", "drift", "infinite", "impossible", "prepare-crash", "prepare-nothing", "supports-crash"})
      list.push_back({.name = name, .summary = name, .in_quick = true});
    return list;
  }
  Support supports(const Variant& variant, const Case& c) const override {
    if (variant.name == "supports-crash") raise(SIGILL);
    return reference_->supports(reference_->variants().front(), c);
  }
  std::unique_ptr<Kernel> prepare(const Variant& variant, const Case& c, const Operands& operands) override {
    if (variant.name == "prepare-crash") raise(SIGFPE);
    if (variant.name == "prepare-nothing") return nullptr;
    return std::make_unique<FaultyKernel>(variant.name, c, reference_->prepare(reference_->variants().front(), c, operands));
  }
  std::vector<Ceiling> compute_ceilings(DataType type, int threads) override {
    if (const char* fault = std::getenv("CONVROOF_FAULTY_CEILINGS"); fault != nullptr && std::string(fault) == "crash") raise(SIGSEGV);
    // A roof of one operation a second: every case of that unit stands above it.
    return {{.device = device(),
             .kind = "compute",
             .type = std::string(name_of(type)),
             .accumulator = "f32",
             .unit_used = "tin",
             .value = 1,
             .unit = "op/s",
             .threads = threads,
             .source = "measured",
             .method = "made up"}};
  }

 private:
  std::unique_ptr<Backend> reference_ = make_reference_backend();
};

// Stands for a backend whose library is missing.
class MissingBackend final : public Backend {
 public:
  std::string name() const override { return "missing"; }
  std::string device() const override { return ""; }
  Clock clock() const override { return Clock::device; }
  Support available() const override { return Support::no("no driver: install one"); }
  DataType native_type() const override { return DataType::f16; }
  std::vector<Variant> variants() const override { return {{.name = "auto", .summary = "nothing", .in_quick = true}}; }
  Support supports(const Variant&, const Case&) const override { return Support::no("no driver: install one"); }
  std::unique_ptr<Kernel> prepare(const Variant&, const Case&, const Operands&) override { throw std::logic_error("asked to prepare though not available"); }
  std::map<std::string, std::string> facts_when_skipped(const Variant&, const Case& c) const override {
    if (c.layer.name == "conv2") throw std::runtime_error("no plan either");
    return {{"plan", "engine 7"}};
  }
};

}  // namespace

const std::vector<std::unique_ptr<Backend>>& backends() {
  static const auto* all = [] {
    auto* list = new std::vector<std::unique_ptr<Backend>>;
    list->push_back(make_reference_backend());
    list->push_back(std::make_unique<FaultyBackend>());
    list->push_back(std::make_unique<MissingBackend>());
    return list;
  }();
  return *all;
}

Backend* find_backend(std::string_view name) {
  for (const auto& backend : backends())
    if (backend->name() == name) return backend.get();
  return nullptr;
}

}  // namespace convroof
