#!/usr/bin/env bash
# test.sh: set-up, build, and every test that this machine can run; says which were skipped, and why. Arguments go to ctest, as in: ./test.sh -R workloads
set -euo pipefail
cd "$(dirname "$0")"

tools/set_up build --dev
cmake --preset default -DCONVROOF_WERROR="${CONVROOF_WERROR:-${CI:+ON}}" >build/configure.log 2>&1 ||
  { tail -n 30 build/configure.log >&2; echo "test.sh: configuring failed; the whole log: build/configure.log" >&2; exit 1; }
grep -E '^-- (Highway|oneDNN|XNNPACK|CUDA|cuDNN)' build/configure.log >&2 || true
cmake --build --preset default

status=0
ctest --preset default --output-junit "$PWD/build/tests.xml" "$@" || status=$?
python3 tools/skipped_tests build/tests.xml || true
exit $status
