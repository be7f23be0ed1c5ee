// Stands in for a backend whose library was not found when this binary was built: same name, same variants, and the reason. Its rows exist, skipped.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "backends/backend.h"

namespace convroof {

class AbsentBackend final : public Backend {
 public:
  AbsentBackend(std::string name, Clock clock, DataType native_type, std::vector<Variant> variants, std::string reason)
      : name_(std::move(name)), clock_(clock), native_type_(native_type), variants_(std::move(variants)), reason_(std::move(reason)) {}

  std::string name() const override { return name_; }
  std::string device() const override { return ""; }
  Clock clock() const override { return clock_; }
  Support available() const override { return Support::no(reason_); }
  DataType native_type() const override { return native_type_; }
  std::vector<Variant> variants() const override { return variants_; }
  Support supports(const Variant&, const Case&) const override { return Support::no(reason_); }
  std::unique_ptr<Kernel> prepare(const Variant&, const Case&, const Operands&) override { throw std::runtime_error(reason_); }

 private:
  std::string name_;
  Clock clock_;
  DataType native_type_;
  std::vector<Variant> variants_;
  std::string reason_;
};

}  // namespace convroof
