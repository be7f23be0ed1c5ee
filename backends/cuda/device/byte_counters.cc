#include "backends/cuda/device/byte_counters.h"

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "backends/cuda/device/shared_library.h"

#if __has_include(<cupti_range_profiler.h>)
#define CONVROOF_HAVE_CUPTI 1
#include <cuda.h>
#include <cupti_profiler_host.h>
#include <cupti_profiler_target.h>
#include <cupti_range_profiler.h>
#include <cupti_target.h>
#endif

namespace convroof::cuda {

ByteCounters& ByteCounters::get() {
  static ByteCounters counters;
  return counters;
}

#ifndef CONVROOF_HAVE_CUPTI

struct ByteCounters::Library {};
ByteCounters::ByteCounters() : reason_("this binary was built without cupti_range_profiler.h") {}
ByteCounters::~ByteCounters() = default;
std::optional<CountedBytes> ByteCounters::count(const std::function<void()>&, const std::function<void()>&) { return std::nullopt; }
int ByteCounters::passes_on(const std::string&) const { throw std::runtime_error(reason_); }

#else

namespace {

// Names that chips from Turing to Blackwell share (tests ask CUPTI about each of them).
constexpr std::array<const char*, 4> kMetrics = {"dram__bytes_read.sum", "dram__bytes_write.sum", "lts__t_bytes.sum", "l1tex__t_bytes.sum"};
constexpr int kMostPasses = 64;

// A parameter block of CUPTI: its own size first, so that newer libraries know how much of it an older program has.
#define CONVROOF_CUPTI_PARAMETERS(Type, name) \
  Type name{};                                \
  name.structSize = Type##_STRUCT_SIZE

class CuptiError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace

// What is called of CUPTI, and by which name here.
#define CONVROOF_CUPTI_CALLS(X)                                    \
  X(result_string, cuptiGetResultString)                           \
  X(initialize, cuptiProfilerInitialize)                           \
  X(chip_name, cuptiDeviceGetChipName)                             \
  X(availability, cuptiProfilerGetCounterAvailability)             \
  X(host_initialize, cuptiProfilerHostInitialize)                  \
  X(host_deinitialize, cuptiProfilerHostDeinitialize)              \
  X(add_metrics, cuptiProfilerHostConfigAddMetrics)                \
  X(image_size, cuptiProfilerHostGetConfigImageSize)               \
  X(image, cuptiProfilerHostGetConfigImage)                        \
  X(passes, cuptiProfilerHostGetNumOfPasses)                       \
  X(evaluate, cuptiProfilerHostEvaluateToGpuValues)                \
  X(enable, cuptiRangeProfilerEnable)                              \
  X(disable, cuptiRangeProfilerDisable)                            \
  X(data_size, cuptiRangeProfilerGetCounterDataSize)               \
  X(data_initialize, cuptiRangeProfilerCounterDataImageInitialize) \
  X(set_config, cuptiRangeProfilerSetConfig)                       \
  X(start, cuptiRangeProfilerStart)                                \
  X(stop, cuptiRangeProfilerStop)                                  \
  X(push, cuptiRangeProfilerPushRange)                             \
  X(pop, cuptiRangeProfilerPopRange)                               \
  X(decode, cuptiRangeProfilerDecodeData)

struct ByteCounters::Library {
  Library()
      : file(
            [] {
              std::vector<std::string> names = toolkit_candidates(fmt::format("libcupti.so.{}", CUDART_VERSION / 1000));
              names.push_back(fmt::format("/usr/local/cuda/extras/CUPTI/lib64/libcupti.so.{}", CUDART_VERSION / 1000));
              return names;
            }(),
            "CONVROOF_CUPTI_LIBRARY") {}

  template <typename Function>
  void find(Function*& pointer, const char* name) {
    pointer = file.function<Function>(name);
    if (pointer == nullptr && missing.empty()) missing = name;
  }

  void check(CUptiResult status, const char* call) const {
    if (status == CUPTI_SUCCESS) return;
    const char* words = nullptr;
    if (result_string == nullptr || result_string(status, &words) != CUPTI_SUCCESS) words = nullptr;
    const bool refused = status == CUPTI_ERROR_INSUFFICIENT_PRIVILEGES || status == CUPTI_ERROR_VIRTUALIZED_DEVICE_INSUFFICIENT_PRIVILEGES;
    throw CuptiError(fmt::format("{}{} failed: {} ({})", refused ? "no permission to use the device's counters: " : "", call,
                                 words != nullptr ? words : "no words", static_cast<int>(status)));
  }

  SharedLibrary file;
  std::string missing;
  bool is_initialised = false;
#define CONVROOF_CUPTI_MEMBER(member, function) decltype(function)* member = nullptr;
  CONVROOF_CUPTI_CALLS(CONVROOF_CUPTI_MEMBER)
#undef CONVROOF_CUPTI_MEMBER
};

namespace {

using Library = ByteCounters::Library;
// `check` and the call's name together.
#define CONVROOF_CUPTI(library, function, parameters) (library).check((library).function(&(parameters)), #function)

}  // namespace

ByteCounters::ByteCounters() : library_(new Library) {
  if (!library_->file) {
    reason_ = fmt::format("CUPTI was not found ({})", library_->file.why());
    return;
  }
  Library& l = *library_;
#define CONVROOF_CUPTI_FIND(member, function) l.find(l.member, #function);
  CONVROOF_CUPTI_CALLS(CONVROOF_CUPTI_FIND)
#undef CONVROOF_CUPTI_FIND
  if (!l.missing.empty()) reason_ = fmt::format("{} lacks {}", l.file.path(), l.missing);
}

ByteCounters::~ByteCounters() { delete library_; }

namespace {

// Metrics chosen and scheduled for a chip: the host half, which needs no device.
class Schedule {
 public:
  Schedule(const Library& library, const char* chip, const std::uint8_t* availability) : library_(library) {
    CONVROOF_CUPTI_PARAMETERS(CUpti_Profiler_Host_Initialize_Params, initialize);
    initialize.profilerType = CUPTI_PROFILER_TYPE_RANGE_PROFILER;
    initialize.pChipName = chip;
    initialize.pCounterAvailabilityImage = availability;
    CONVROOF_CUPTI(library, host_initialize, initialize);
    host_ = initialize.pHostObject;
    try {
      build();
    } catch (...) {
      release();
      throw;
    }
  }
  ~Schedule() { release(); }
  Schedule(const Schedule&) = delete;
  Schedule& operator=(const Schedule&) = delete;

  const std::vector<std::uint8_t>& image() const { return image_; }
  CUpti_Profiler_Host_Object* host() const { return host_; }

  int passes() {
    CONVROOF_CUPTI_PARAMETERS(CUpti_Profiler_Host_GetNumOfPasses_Params, count);
    count.configImageSize = image_.size();
    count.pConfigImage = image_.data();
    CONVROOF_CUPTI(library_, passes, count);
    return static_cast<int>(count.numOfPasses);
  }

 private:
  void build() {
    auto metrics = kMetrics;
    CONVROOF_CUPTI_PARAMETERS(CUpti_Profiler_Host_ConfigAddMetrics_Params, add);
    add.pHostObject = host_;
    add.ppMetricNames = metrics.data();
    add.numMetrics = metrics.size();
    CONVROOF_CUPTI(library_, add_metrics, add);
    CONVROOF_CUPTI_PARAMETERS(CUpti_Profiler_Host_GetConfigImageSize_Params, size);
    size.pHostObject = host_;
    CONVROOF_CUPTI(library_, image_size, size);
    image_.resize(size.configImageSize);
    CONVROOF_CUPTI_PARAMETERS(CUpti_Profiler_Host_GetConfigImage_Params, get);
    get.pHostObject = host_;
    get.configImageSize = image_.size();
    get.pConfigImage = image_.data();
    CONVROOF_CUPTI(library_, image, get);
  }
  void release() {
    CONVROOF_CUPTI_PARAMETERS(CUpti_Profiler_Host_Deinitialize_Params, end);
    end.pHostObject = host_;
    library_.host_deinitialize(&end);
  }

  const Library& library_;
  CUpti_Profiler_Host_Object* host_ = nullptr;
  std::vector<std::uint8_t> image_;
};

// The range profiler, switched on for the current context: while it is, kernels run one after another.
class Session {
 public:
  explicit Session(const Library& library) : library_(library) {
    CONVROOF_CUPTI_PARAMETERS(CUpti_RangeProfiler_Enable_Params, on);
    CONVROOF_CUPTI(library, enable, on);  // no context named: the current one
    profiler_ = on.pRangeProfilerObject;
  }
  ~Session() {
    CONVROOF_CUPTI_PARAMETERS(CUpti_RangeProfiler_Disable_Params, off);
    off.pRangeProfilerObject = profiler_;
    library_.disable(&off);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Returns the passes that it took.
  int collect(Schedule& schedule, const std::function<void()>& prepare, const std::function<void()>& run) {
    auto metrics = kMetrics;
    CONVROOF_CUPTI_PARAMETERS(CUpti_RangeProfiler_GetCounterDataSize_Params, size);
    size.pRangeProfilerObject = profiler_;
    size.pMetricNames = metrics.data();
    size.numMetrics = metrics.size();
    size.maxNumOfRanges = size.maxNumRangeTreeNodes = 1;
    CONVROOF_CUPTI(library_, data_size, size);
    data_.resize(size.counterDataSize);
    CONVROOF_CUPTI_PARAMETERS(CUpti_RangeProfiler_CounterDataImage_Initialize_Params, clear);
    clear.pRangeProfilerObject = profiler_;
    clear.counterDataSize = data_.size();
    clear.pCounterData = data_.data();
    CONVROOF_CUPTI(library_, data_initialize, clear);
    CONVROOF_CUPTI_PARAMETERS(CUpti_RangeProfiler_SetConfig_Params, config);
    config.pRangeProfilerObject = profiler_;
    config.configSize = schedule.image().size();
    config.pConfig = schedule.image().data();
    config.counterDataImageSize = data_.size();
    config.pCounterDataImage = data_.data();
    config.range = CUPTI_UserRange;
    config.replayMode = CUPTI_UserReplay;  // a run is several kernels: all of them are replayed together
    config.maxRangesPerPass = 1;
    config.numNestingLevels = config.minNestingLevel = 1;
    CONVROOF_CUPTI(library_, set_config, config);

    for (int pass = 1; pass <= kMostPasses; ++pass) {
      prepare();
      CONVROOF_CUPTI_PARAMETERS(CUpti_RangeProfiler_Start_Params, begin);
      begin.pRangeProfilerObject = profiler_;
      CONVROOF_CUPTI(library_, start, begin);
      CONVROOF_CUPTI_PARAMETERS(CUpti_RangeProfiler_PushRange_Params, open);
      open.pRangeProfilerObject = profiler_;
      open.pRangeName = "layer";
      CONVROOF_CUPTI(library_, push, open);
      run();
      CONVROOF_CUPTI_PARAMETERS(CUpti_RangeProfiler_PopRange_Params, close);
      close.pRangeProfilerObject = profiler_;
      CONVROOF_CUPTI(library_, pop, close);
      CONVROOF_CUPTI_PARAMETERS(CUpti_RangeProfiler_Stop_Params, end);
      end.pRangeProfilerObject = profiler_;
      CONVROOF_CUPTI(library_, stop, end);
      if (end.isAllPassSubmitted == 0) continue;
      CONVROOF_CUPTI_PARAMETERS(CUpti_RangeProfiler_DecodeData_Params, all);
      all.pRangeProfilerObject = profiler_;
      CONVROOF_CUPTI(library_, decode, all);
      if (all.numOfRangeDropped > 0) throw CuptiError("the profiler dropped the range");
      return pass;
    }
    throw CuptiError(fmt::format("the profiler wanted more than {} passes", kMostPasses));
  }

  std::array<double, kMetrics.size()> values(const Schedule& schedule) const {
    auto metrics = kMetrics;
    std::array<double, kMetrics.size()> values{};
    CONVROOF_CUPTI_PARAMETERS(CUpti_Profiler_Host_EvaluateToGpuValues_Params, get);
    get.pHostObject = schedule.host();
    get.pCounterDataImage = data_.data();
    get.counterDataImageSize = data_.size();
    get.ppMetricNames = metrics.data();
    get.numMetrics = metrics.size();
    get.pMetricValues = values.data();
    CONVROOF_CUPTI(library_, evaluate, get);
    for (const double value : values)
      if (!(std::isfinite(value) && value >= 0)) throw CuptiError("the profiler gave a count that is no number");
    return values;
  }

 private:
  const Library& library_;
  CUpti_RangeProfiler_Object* profiler_ = nullptr;
  std::vector<std::uint8_t> data_;
};

std::vector<std::uint8_t> counter_availability(const Library& library) {
  CONVROOF_CUPTI_PARAMETERS(CUpti_Profiler_GetCounterAvailability_Params, get);
  CONVROOF_CUPTI(library, availability, get);
  std::vector<std::uint8_t> image(get.counterAvailabilityImageSize);
  get.pCounterAvailabilityImage = image.data();
  CONVROOF_CUPTI(library, availability, get);
  return image;
}

}  // namespace

std::optional<CountedBytes> ByteCounters::count(const std::function<void()>& prepare, const std::function<void()>& run) {
  if (!*this) return std::nullopt;
  try {
    if (!library_->is_initialised) {
      CONVROOF_CUPTI_PARAMETERS(CUpti_Profiler_Initialize_Params, initialize);
      CONVROOF_CUPTI(*library_, initialize, initialize);
      library_->is_initialised = true;
    }
    CONVROOF_CUPTI_PARAMETERS(CUpti_Device_GetChipName_Params, chip);
    CONVROOF_CUPTI(*library_, chip_name, chip);
    const std::vector<std::uint8_t> availability = counter_availability(*library_);
    Schedule schedule(*library_, chip.pChipName, availability.data());
    Session session(*library_);
    CountedBytes counted;
    counted.passes = session.collect(schedule, prepare, run);
    const auto values = session.values(schedule);
    const auto whole = [](double value) { return static_cast<std::uint64_t>(value + 0.5); };
    counted.dram_read = whole(values[0]), counted.dram_written = whole(values[1]);
    counted.l2 = whole(values[2]), counted.l1 = whole(values[3]);
    return counted;
  } catch (const CuptiError& error) {
    reason_ = error.what();
    return std::nullopt;
  }
}

int ByteCounters::passes_on(const std::string& chip) const {
  if (!*this) throw std::runtime_error(reason_);
  return Schedule(*library_, chip.c_str(), nullptr).passes();
}

#endif

}  // namespace convroof::cuda
