#!/usr/bin/env bash
# The program must start, and name what is missing, without driver, GPU, cuDNN, NVML, CUPTI or cuSPARSELt: each lack by a text of its own.
# usage: starts_anywhere.sh path/to/convroof with-cudnn|without-cudnn
set -euo pipefail
convroof=$1

# Nothing of the driver or of cuDNN may be needed for starting.
if readelf -d "$convroof" | grep NEEDED | grep -E 'libcuda|libcudnn|libnvidia|libcudart|libcupti'; then
  echo "these libraries must be opened while running, not linked" >&2
  exit 1
fi

# Hides all devices as well, so that the answer is the same on a machine with a GPU.
reason=$(CUDA_VISIBLE_DEVICES='' "$convroof" list backends | grep cuda)
echo "$reason"
grep -qE 'no NVIDIA driver|no CUDA device|too old' <<<"$reason"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# The rows of one layer, with everything hidden that can be.
rows() { # VARIANTS
  CUDA_VISIBLE_DEVICES='' CONVROOF_CUDNN_LIBRARY=/nonexistent/libcudnn_graph.so CONVROOF_NVML_LIBRARY=/nonexistent/libnvidia-ml.so \
    CONVROOF_CUPTI_LIBRARY=/nonexistent/libcupti.so CONVROOF_CUSPARSELT_LIBRARY=/nonexistent/libcusparseLt.so "$convroof" run --networks lenet-300-100 --layers fc3 --backends cuda --variants "$1" --no-ceilings \
    --quiet --force --out "$scratch/run" >/dev/null
  cat "$scratch/run/run.json"
}
own=$(rows mma)
grep -qE '"reason": "(no NVIDIA driver|no CUDA device|the NVIDIA driver is too old)' <<<"$own"
grep -q '"nvml": "NVML was not found (/nonexistent' <<<"$own"
grep -q '"counters": "CUPTI was not found (/nonexistent' <<<"$own"
grep -q '"outcome": "skipped"' <<<"$own"
grep -q '"cusparselt": "cuSPARSELt was not found (/nonexistent' <<<"$(rows cusparselt)"

[[ $2 == with-cudnn ]] || exit 0
grep -q '"cudnn": "cuDNN .* was not found (/nonexistent' <<<"$(rows cudnn)"
# Hidden cuDNN: another reason, and an exit code of its own for the verb that needs it.
set +e
message=$(CONVROOF_CUDNN_LIBRARY=/nonexistent/libcudnn_graph.so "$convroof" cudnn-plans 2>&1)
code=$?
set -e
echo "$message"
[[ $code -eq 4 ]]
grep -q 'cuDNN .* was not found' <<<"$message"
