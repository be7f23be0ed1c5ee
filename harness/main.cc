#include <string>
#include <vector>

#include "harness/verbs.h"

int main(int argc, char** argv) { return convroof::convroof_main({argv + 1, argv + argc}); }
