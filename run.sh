#!/usr/bin/env bash
# run.sh: set-up, build, the quick suite on everything that this machine has, figures and an HTML report.
# Arguments go to `convroof run` instead of --quick, as in: ./run.sh --networks vgg16 --backends highway,onednn
set -euo pipefail
cd "$(dirname "$0")"

tools/set_up build
cmake --preset default >build/configure.log 2>&1 || { tail -n 30 build/configure.log >&2; echo "run.sh: configuring failed; the whole log: build/configure.log" >&2; exit 1; }
grep -E '^-- (Highway|oneDNN|XNNPACK|CUDA|cuDNN)' build/configure.log >&2 || true
cmake --build --preset default

run=convroof-runs/$(date -u +%Y%m%dT%H%M%SZ)
[ $# -gt 0 ] || set -- --quick
status=0
build/convroof run --out "$run" "$@" || status=$?
# 1: a case was wrong or failed, which the report shows; anything else means that there is nothing to draw.
[ $status -le 1 ] || exit $status

build/convroof plot "$run" && build/convroof report "$run" || exit $?
echo
echo "Figures and report in $run:"
for file in "$run"/*.svg "$run"/*.pdf "$run"/*.png "$run"/*.html; do [ -f "$file" ] && echo "  $file"; done
exit $status
