// One layer through cuDNN's graph API.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "backends/backend.h"
#include "backends/cuda/cudnn/convolution_problem.h"

namespace convroof::cuda {

enum class PlanChoice { heuristic, autotuned };

// With Sums::f16 only plans that are shown to sum in FP16 on this layer are taken (accumulation_probe.h).
// Throws std::runtime_error (no such plan, too little memory), CudaError or CudnnError. Needs a device.
std::unique_ptr<Kernel> make_cudnn_kernel(const Case& c, const Operands& operands, PlanChoice choice, Sums sums = Sums::f32);

// What cuDNN says about the case on a device that is only described: plan, engine, notes, workspace. Never throws; a refusal is the fact "cudnn_refused".
std::map<std::string, std::string> described_plan_facts(const Case& c, const std::string& profile, Sums sums = Sums::f32);

}  // namespace convroof::cuda
