#include "harness/context.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <link.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <climits>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "backends/host_cpu.h"
#include "harness/build_info.h"
#include "harness/worker_environment.h"

namespace convroof {
namespace {

using Json = nlohmann::ordered_json;

std::string first_line(const char* path) {
  std::ifstream stream(path);
  std::string line;
  std::getline(stream, line);
  return line;
}

// The file's first line, or null where there is none.
Json line_or_null(const char* path) {
  std::string line = first_line(path);
  return line.empty() ? Json(nullptr) : Json(line);
}

std::string cpuinfo_field(const std::string& field) {
  std::ifstream stream("/proc/cpuinfo");
  std::string line;
  while (std::getline(stream, line))
    if (line.starts_with(field))
      if (const std::size_t colon = line.find(": "); colon != std::string::npos) return line.substr(colon + 2);
  return "";
}

std::string os_name() {
  std::ifstream stream("/etc/os-release");
  std::string line;
  while (std::getline(stream, line))
    if (line.starts_with("PRETTY_NAME=")) {
      std::string name = line.substr(12);
      std::erase(name, '"');
      return name;
    }
  return "";
}

std::string path_of_this_program() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).string();
}

int add_library(dl_phdr_info* info, std::size_t, void* into) {
  // "/usr/lib/libdnnl.so.2" is a link to "libdnnl.so.2.6": the real name carries the version.
  std::error_code error;
  const std::string name = std::filesystem::weakly_canonical(info->dlpi_name, error).filename().string();
  if (const std::size_t so = name.find(".so"); so != std::string::npos)
    (*static_cast<Json*>(into))[name.substr(0, so)] = name.size() > so + 4 ? name.substr(so + 4) : "";
  return 0;
}

}  // namespace

Json loaded_libraries() {
  Json libraries = Json::object();
  dl_iterate_phdr(add_library, &libraries);
  return libraries;
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

Json machine_context() {
  const benchmark::CPUInfo& cpu = benchmark::CPUInfo::Get();
  const BuildInfo& build = build_info();
  Json context;
  context["date"] = utc_now();
  context["host_name"] = benchmark::SystemInfo::Get().name;
  context["executable"] = path_of_this_program();
  context["num_cpus"] = cpu.num_cpus;
  context["mhz_per_cpu"] = std::lround(cpu.cycles_per_second / 1e6);
  context["cpu_scaling_enabled"] = cpu.scaling == benchmark::CPUInfo::ENABLED;
  context["caches"] = Json::array();
  for (const benchmark::CPUInfo::CacheInfo& cache : cpu.caches)
    context["caches"].push_back({{"type", cache.type}, {"level", cache.level}, {"size", cache.size}, {"num_sharing", cache.num_sharing}});
  context["load_avg"] = cpu.load_avg;
  // Of convroof: the distribution's Google Benchmark says "debug" about itself in every build, and none of its code is timed.
#ifdef NDEBUG
  context["library_build_type"] = "release";
#else
  context["library_build_type"] = "debug";
#endif
  context["convroof_version"] = build.version;
  context["commit"] = build.commit;
  context["compiler"] = build.compiler;
  context["compiler_flags"] = build.flags;
  context["build_type"] = build.build_type;

  const HostCpu& host = host_cpu();
  utsname system{};
  uname(&system);
  context["machine"] = {{"cpu", host.name},
                        {"architecture", system.machine},
                        {"physical_cores", host.physical_cores},
                        {"l1d_bytes", host.l1d_bytes},
                        {"l2_bytes", host.l2_bytes},
                        {"l3_bytes", host.l3_bytes},
                        {"memory_bytes", sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE)},
                        {"microcode", cpuinfo_field("microcode")},
                        {"flags", cpuinfo_field("flags")}};
  context["operating_system"] = {{"name", os_name()}, {"kernel", std::string(system.sysname) + " " + system.release}};
  context["clocks"] = {{"governor", line_or_null("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")},
                       {"no_turbo", line_or_null("/sys/devices/system/cpu/intel_pstate/no_turbo")},
                       {"boost", line_or_null("/sys/devices/system/cpu/cpufreq/boost")},
                       {"max_khz", line_or_null("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq")},
                       {"clock_source", line_or_null("/sys/devices/system/clocksource/clocksource0/current_clocksource")}};
  context["kernel_settings"] = {{"smt", line_or_null("/sys/devices/system/cpu/smt/control")},
                                {"transparent_hugepage", line_or_null("/sys/kernel/mm/transparent_hugepage/enabled")},
                                {"randomize_va_space", line_or_null("/proc/sys/kernel/randomize_va_space")},
                                {"cgroup_cpu_max", line_or_null("/sys/fs/cgroup/cpu.max")}};
  context["environment"] = Json::object();
  for (const char* name : {"OMP_NUM_THREADS", "OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "ONEDNN_MAX_CPU_ISA",
                           "DNNL_MAX_CPU_ISA", "CUDA_VISIBLE_DEVICES"})
    if (const char* value = std::getenv(name); value != nullptr) context["environment"][name] = value;
  for (const auto& [name, value] : settings_of_workers(own_environment())) context["environment"][name] = value;
  return context;
}

}  // namespace convroof
