// A management library whose device lives in the test: loaded by the program like the driver's own, steered through these functions.
#pragma once

extern "C" {
void fake_nvml_reset();
void fake_nvml_set(unsigned clock_mhz, unsigned power_mw, unsigned temperature_c, unsigned long long throttle);
void fake_nvml_advance(double seconds);       // the energy counter rises by power x time
void fake_nvml_remove(const char* function);  // calls of that function answer "not supported" from now on
unsigned long long fake_nvml_calls();         // of all queries
}
