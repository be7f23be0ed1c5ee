// A profiling library whose counters live in the test. It insists on the order of calls that the real one asks for, and wants three passes.
#include <cupti_profiler_host.h>
#include <cupti_profiler_target.h>
#include <cupti_range_profiler.h>
#include <cupti_target.h>

#include <cstdlib>
#include <cstring>
#include <string>

namespace {

constexpr int kPassesWanted = 3;
enum class Phase { off, enabled, configured, started, open, closed };
struct State {
  Phase phase = Phase::off;
  int passes = 0;
  bool is_decoded = false, data_ready = false;
  std::string trouble;  // the first call out of order
};
State g_state;
int g_host, g_profiler;

// $CONVROOF_FAKE_CUPTI_REFUSES names a call and the status that it gives: "enable=35".
CUptiResult answer(const char* call, bool in_order = true) {
  if (!in_order && g_state.trouble.empty()) g_state.trouble = call;
  const char* refusal = std::getenv("CONVROOF_FAKE_CUPTI_REFUSES");
  const std::size_t length = std::strlen(call);
  if (refusal != nullptr && std::strncmp(refusal, call, length) == 0 && refusal[length] == '=')
    return static_cast<CUptiResult>(std::atoi(refusal + length + 1));
  return in_order ? CUPTI_SUCCESS : CUPTI_ERROR_INVALID_OPERATION;
}
CUptiResult move(const char* call, Phase from, Phase to) {
  const CUptiResult status = answer(call, g_state.phase == from);
  if (status == CUPTI_SUCCESS) g_state.phase = to;
  return status;
}

}  // namespace

extern "C" {

const char* fake_cupti_trouble() { return g_state.trouble.c_str(); }
int fake_cupti_is_off() { return g_state.phase == Phase::off ? 1 : 0; }
void fake_cupti_reset() { g_state = {}; }

CUptiResult cuptiGetResultString(CUptiResult result, const char** text) {
  *text = result == CUPTI_ERROR_INSUFFICIENT_PRIVILEGES ? "CUPTI_ERROR_INSUFFICIENT_PRIVILEGES" : "some status";
  return CUPTI_SUCCESS;
}
CUptiResult cuptiProfilerInitialize(CUpti_Profiler_Initialize_Params*) { return answer("initialize"); }
CUptiResult cuptiDeviceGetChipName(CUpti_Device_GetChipName_Params* p) {
  p->pChipName = "GH100";
  return answer("chip_name", p->structSize == CUpti_Device_GetChipName_Params_STRUCT_SIZE);
}
CUptiResult cuptiProfilerGetCounterAvailability(CUpti_Profiler_GetCounterAvailability_Params* p) {
  if (p->pCounterAvailabilityImage == nullptr) p->counterAvailabilityImageSize = 24;
  return answer("availability", p->counterAvailabilityImageSize == 24);
}
CUptiResult cuptiProfilerHostInitialize(CUpti_Profiler_Host_Initialize_Params* p) {
  p->pHostObject = reinterpret_cast<CUpti_Profiler_Host_Object*>(&g_host);
  return answer("host_initialize", std::strcmp(p->pChipName, "GH100") == 0);
}
CUptiResult cuptiProfilerHostDeinitialize(CUpti_Profiler_Host_Deinitialize_Params*) { return answer("host_deinitialize"); }
CUptiResult cuptiProfilerHostConfigAddMetrics(CUpti_Profiler_Host_ConfigAddMetrics_Params* p) { return answer("add_metrics", p->numMetrics == 4); }
CUptiResult cuptiProfilerHostGetConfigImageSize(CUpti_Profiler_Host_GetConfigImageSize_Params* p) {
  p->configImageSize = 17;
  return answer("image_size");
}
CUptiResult cuptiProfilerHostGetConfigImage(CUpti_Profiler_Host_GetConfigImage_Params* p) { return answer("image", p->configImageSize == 17); }
CUptiResult cuptiProfilerHostGetNumOfPasses(CUpti_Profiler_Host_GetNumOfPasses_Params* p) {
  p->numOfPasses = kPassesWanted;
  return answer("passes");
}
CUptiResult cuptiProfilerHostEvaluateToGpuValues(CUpti_Profiler_Host_EvaluateToGpuValues_Params* p) {
  for (std::size_t i = 0; i < p->numMetrics; ++i) {
    const std::string name = p->ppMetricNames[i];
    p->pMetricValues[i] = name == "dram__bytes_read.sum" ? 1000 : name == "dram__bytes_write.sum" ? 200 : name == "lts__t_bytes.sum" ? 5000 : 9000;
  }
  if (std::getenv("CONVROOF_FAKE_CUPTI_NAN") != nullptr) p->pMetricValues[0] = 0.0 / static_cast<double>(g_host);
  return answer("evaluate", g_state.is_decoded);
}
CUptiResult cuptiRangeProfilerEnable(CUpti_RangeProfiler_Enable_Params* p) {
  p->pRangeProfilerObject = reinterpret_cast<CUpti_RangeProfiler_Object*>(&g_profiler);
  return move("enable", Phase::off, Phase::enabled);
}
CUptiResult cuptiRangeProfilerDisable(CUpti_RangeProfiler_Disable_Params*) {
  g_state.phase = Phase::off;
  return answer("disable");
}
CUptiResult cuptiRangeProfilerGetCounterDataSize(CUpti_RangeProfiler_GetCounterDataSize_Params* p) {
  p->counterDataSize = 99;
  return answer("data_size", g_state.phase == Phase::enabled);
}
CUptiResult cuptiRangeProfilerCounterDataImageInitialize(CUpti_RangeProfiler_CounterDataImage_Initialize_Params* p) {
  g_state.data_ready = p->counterDataSize == 99;
  return answer("data_initialize", g_state.data_ready);
}
CUptiResult cuptiRangeProfilerSetConfig(CUpti_RangeProfiler_SetConfig_Params* p) {
  g_state.passes = 0;
  g_state.is_decoded = false;
  const bool right = g_state.data_ready && p->configSize == 17 && p->range == CUPTI_UserRange && p->replayMode == CUPTI_UserReplay && p->passIndex == 0;
  return right ? move("set_config", Phase::enabled, Phase::configured) : answer("set_config", false);
}
CUptiResult cuptiRangeProfilerStart(CUpti_RangeProfiler_Start_Params*) { return move("start", Phase::configured, Phase::started); }
CUptiResult cuptiRangeProfilerPushRange(CUpti_RangeProfiler_PushRange_Params* p) {
  return p->pRangeName == nullptr ? answer("push", false) : move("push", Phase::started, Phase::open);
}
CUptiResult cuptiRangeProfilerPopRange(CUpti_RangeProfiler_PopRange_Params*) { return move("pop", Phase::open, Phase::closed); }
CUptiResult cuptiRangeProfilerStop(CUpti_RangeProfiler_Stop_Params* p) {
  p->isAllPassSubmitted = ++g_state.passes == kPassesWanted ? 1 : 0;
  return move("stop", Phase::closed, Phase::configured);
}
CUptiResult cuptiRangeProfilerDecodeData(CUpti_RangeProfiler_DecodeData_Params* p) {
  p->numOfRangeDropped = std::getenv("CONVROOF_FAKE_CUPTI_DROPS") != nullptr ? 1 : 0;
  g_state.is_decoded = g_state.passes == kPassesWanted;
  return answer("decode", g_state.is_decoded);
}
}
