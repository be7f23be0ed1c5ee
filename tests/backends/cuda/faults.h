// Kernels that go wrong on purpose.
#pragma once

namespace convroof::cuda {

void write_to_illegal_address();  // throws CudaError (sticky)
void run_for_ever();              // does not return
int add_on_device(int a, int b);  // goes well: shows that the device still works

}  // namespace convroof::cuda
