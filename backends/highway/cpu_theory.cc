#include "backends/highway/cpu_theory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

namespace convroof {
namespace {

// Sources: AMD Software Optimization Guides for families 17h (56305), 19h (56665, 57647) and 1Ah (58455); Intel 64 and IA-32 Architectures Optimization
// Reference Manual (248966); Agner Fog, The microarchitecture of Intel, AMD and VIA CPUs; Arm Neoverse N1, N2, V1, V2 Core Software Optimization Guides.
constexpr CoreTheory kZen = {16, 0, 0, 0, 32, 32, "Zen"};
constexpr CoreTheory kZen2 = {32, 0, 0, 0, 64, 32, "Zen 2"};
constexpr CoreTheory kZen3 = {32, 0, 0, 0, 64, 32, "Zen 3"};
constexpr CoreTheory kZen4 = {32, 2, 2, 4, 64, 32, "Zen 4"};   // a 512-bit instruction takes two of the 256-bit pipes' slots
constexpr CoreTheory kZen5 = {64, 2, 2, 4, 128, 64, "Zen 5"};  // with 512-bit pipes (server and desktop)
constexpr CoreTheory kHaswell = {32, 0, 0, 0, 64, 64, "Haswell to Skylake client"};
constexpr CoreTheory kSkylakeServer = {64, 0, 0, 0, 128, 64, "Skylake server"};  // Cascade Lake, same model number, has 8-bit dot products: unknown here
constexpr CoreTheory kIceLakeServer = {64, 0, 2, 4, 128, 64, "Ice Lake server"};
constexpr CoreTheory kSapphireRapids = {64, 0, 2, 4, 128, 64, "Sapphire Rapids"};
constexpr CoreTheory kNeoverseN1 = {16, 0, 0, 4, 32, 32, "Neoverse N1"};
constexpr CoreTheory kNeoverseN2 = {16, 0, 0, 4, 32, 32, "Neoverse N2"};
constexpr CoreTheory kNeoverseV1 = {32, 0, 0, 4, 64, 0, "Neoverse V1"};
constexpr CoreTheory kNeoverseV2 = {32, 0, 0, 4, 48, 0, "Neoverse V2"};

}  // namespace

CoreTheory core_theory_x86(const char* vendor, int family, int model) {
  if (std::strcmp(vendor, "AuthenticAMD") == 0) {
    if (family == 0x17) return model < 0x30 ? kZen : kZen2;
    if (family == 0x19) {
      const bool is_zen4 = (model >= 0x10 && model <= 0x1f) || (model >= 0x60 && model <= 0x7f) || model >= 0xa0;
      return is_zen4 ? kZen4 : kZen3;
    }
    if (family == 0x1a && (model <= 0x1f || (model >= 0x40 && model <= 0x4f))) return kZen5;
  } else if (std::strcmp(vendor, "GenuineIntel") == 0 && family == 6) {
    switch (model) {
      case 0x3c:
      case 0x3f:
      case 0x45:
      case 0x46:
      case 0x3d:
      case 0x47:
      case 0x4f:
      case 0x56:
      case 0x4e:
      case 0x5e:
      case 0x8e:
      case 0x9e:
      case 0xa5:
      case 0xa6:
        return kHaswell;
      case 0x55:
        return kSkylakeServer;
      case 0x6a:
      case 0x6c:
        return kIceLakeServer;
      case 0x8f:
      case 0xcf:
        return kSapphireRapids;
      default:
        break;
    }
  }
  return {};
}

CoreTheory core_theory_aarch64(int part) {
  switch (part) {
    case 0xd0c:
      return kNeoverseN1;
    case 0xd49:
      return kNeoverseN2;
    case 0xd40:
      return kNeoverseV1;
    case 0xd4f:
      return kNeoverseV2;
    default:
      return {};
  }
}

CoreTheory core_theory() {
  std::ifstream stream("/proc/cpuinfo");
  std::string line, vendor;
  int family = -1, model = -1, part = -1;
  while (std::getline(stream, line) && !line.empty()) {  // the first core's paragraph
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || colon + 2 > line.size()) continue;
    const std::string value = line.substr(std::min(line.size(), colon + 2));
    const auto is = [&](const char* key) { return line.compare(0, std::strlen(key), key) == 0 && line.find_first_not_of(" \t", std::strlen(key)) == colon; };
    if (is("vendor_id")) vendor = value;
    if (is("cpu family")) family = std::atoi(value.c_str());
    if (is("model")) model = std::atoi(value.c_str());
    if (is("CPU part")) part = static_cast<int>(std::strtol(value.c_str(), nullptr, 16));
  }
  return part >= 0 ? core_theory_aarch64(part) : core_theory_x86(vendor.c_str(), family, model);
}

}  // namespace convroof
