#!/usr/bin/env bash
# Everything that only a GPU can show, in one command: builds (or takes a built tree), runs the tests labelled gpu and the conformance suite, compute-sanitizer on
# small cases where it is installed, the ceilings, the standard suite, and besides it hardware counters, energy, CUDA-graph replay, cuDNN with FP16 sums and
# whole networks; leaves the runs and a table of pieces in its output folder.
#
#   tools/gpu_check.sh [--out DIR] [--build DIR] [--pieces a,b] [--piece-seconds N] [--dry-run]
#
# The work comes in pieces of less than 10 minutes. A finished piece leaves DIR/done/PIECE and is passed over the next time, an unfinished run goes on where it
# stopped: start the same command again, on the same device, until it says that all is done.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=convroof-runs/gpu
build=build
pieces=""
piece_seconds=540
dry_run=false

fail() {
  echo "gpu_check: $1" >&2
  exit 2
}
while (($#)); do
  case $1 in
    --out | --build | --pieces | --piece-seconds)
      (($# > 1)) || fail "$1 needs a value"
      case $1 in
        --out) out=$2 ;;
        --build) build=$2 ;;
        --pieces) pieces=$2 ;;
        --piece-seconds) piece_seconds=$2 ;;
      esac
      shift 2
      ;;
    --dry-run) dry_run=true && shift ;;
    -h | --help) sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit 0 ;;
    *) fail "unknown argument \`$1\`; see --help" ;;
  esac
done
[[ $piece_seconds =~ ^[0-9]+$ ]] || fail "--piece-seconds is \`$piece_seconds\`; it must be a number of seconds"

# The standard suite: each piece one network and batch, cold and warm. Dense for all variants, 2:4 for the sparse ones and, as dense products on the same
# pruned weights, for the others.
all_pieces="build tests sanitizer ceilings"
for network in vgg16 resnet50 alexnet resnet18; do
  for batch in 1 32 256; do
    for cache in cold warm; do all_pieces+=" suite-$network-$batch-$cache"; done
  done
done
# Beside the standard: bytes by the profiler, joules over windows of seconds, batch 1 from a graph, FP16 sums, whole networks back to back.
for network in vgg16 resnet50; do all_pieces+=" counters-$network energy-$network graph-$network f16acc-$network"; done
for network in lenet5 alexnet vgg16 resnet50; do all_pieces+=" network-$network"; done
all_pieces+=" report"
if [[ -n $pieces ]]; then
  for piece in ${pieces//,/ }; do [[ " $all_pieces " == *" $piece "* ]] || fail "unknown piece \`$piece\`; known: $all_pieces"; done
  all_pieces=${pieces//,/ }
fi

convroof=$build/convroof
# Runs a command, or shows it.
step() {
  echo "+ $*" >&2
  $dry_run || "$@"
}

piece_build() {
  if [[ -x $convroof ]] && ! $dry_run; then
    echo "gpu_check: using $convroof as it is" >&2
    return 0
  fi
  step cmake --preset default -B "$build" -DCONVROOF_CUDA=ON
  step cmake --build "$build"
}
piece_tests() { step ctest --test-dir "$build" -L gpu --output-on-failure --no-tests=error -j1 && step ctest --test-dir "$build" -R conformance --output-on-failure -j1; }
piece_sanitizer() {
  if ! command -v compute-sanitizer >/dev/null && ! $dry_run; then
    echo "gpu_check: compute-sanitizer is not installed; skipped" >&2
    return 0
  fi
  local tool
  for tool in memcheck racecheck; do
    step compute-sanitizer --tool "$tool" --target-processes all --error-exitcode 9 \
      "$convroof" run --backends cuda --networks lenet5 --densities dense,2:4 --max-time 0.01 --timeout 240 --out "$out/sanitizer-$tool" --force --quiet
  done
}
piece_ceilings() {
  if $dry_run; then
    step "$convroof" ceilings --backends cuda --types f16 --json
  else
    step "$convroof" ceilings --backends cuda --types f16 --json >"$out/ceilings.json"
  fi
}
piece_suite() {
  run_piece "suite-$1-$2-$3" --networks "$1" --batches "$2" --cache "$3" --densities dense,2:4 --max-time 0.4
}
# Stopped by SIGINT when the time of this call is over: what was measured is kept, and --resume goes on.
run_piece() { # FOLDER FILTERS...
  local folder=$out/$1 limit=(timeout --signal=INT --preserve-status "$left")
  shift
  if [[ -e $folder/journal.jsonl ]]; then
    step "${limit[@]}" "$convroof" run --resume "$folder"
  else
    step "${limit[@]}" "$convroof" run --require cuda --backends cuda "$@" --out "$folder"
  fi
}
# An environment variable for one piece, shown with it.
with() { # NAME=VALUE COMMAND...
  echo "+ export $1" >&2
  (export "${1?}" && shift && "$@")
}
# Counted bytes of cold runs.
piece_counters() { with CONVROOF_CUDA_COUNTERS=1 run_piece "counters-$1" --networks "$1" --batches 32 --cache cold --densities dense,2:4 --max-time 0.05; }
# Windows of 5 s, three a case, dense against 2:4: the 3x3 layers of the later stages only.
piece_energy() {
  with CONVROOF_CUDA_ENERGY=5 run_piece "energy-$1" --networks "$1" --layers 'conv[345].*(_2|_b)$' --batches 32 --densities dense,2:4 \
    --variants '^(cudnn|mma|mma-2of4|wgmma|wgmma-2of4)$' --max-time 0.2 --timeout 240
}
piece_graph() { with CONVROOF_CUDA_GRAPH=1 run_piece "graph-$1" --networks "$1" --batches 1 --max-time 0.2; }
# That no engine keeps the promise of FP16 sums is a finding, and its rows say so: no failure of this script.
piece_f16acc() {
  local status=0
  run_piece "f16acc-$1" --networks "$1" --batches 32 --variants '^cudnn-f16acc$' --max-time 0.2 || status=$?
  ((status != 1)) || status=0
  return "$status"
}
# Back to back; each checks that activations which share memory give what separate ones give.
piece_network() {
  local network=$1 kernels mode failed=0
  $dry_run || : >"$out/network-$network.json"
  for kernels in half2 mma mma-2of4 wgmma wgmma-2of4; do
    for mode in "" --graph; do
      if $dry_run; then
        step "$convroof" cuda-network --network "$network" --batch 32 --kernels "$kernels" --json $mode
      else
        step "$convroof" cuda-network --network "$network" --batch 32 --kernels "$kernels" --json $mode >>"$out/network-$network.json" || failed=$?
      fi
    done
  done
  # A device that lacks an instruction answers 4 for that class.
  ((failed == 0 || failed == 4))
}
piece_report() {
  local runs=()
  local run
  for run in "$out"/{suite,counters,energy,graph,f16acc}-*/run.json; do [[ -e $run ]] && runs+=("$(dirname "$run")"); done
  if ((${#runs[@]} == 0)) && ! $dry_run; then
    echo "gpu_check: no runs to report on" >&2
    return 1
  fi
  step "$convroof" report "${runs[@]:-$out/suite-*}"
}

$dry_run || mkdir -p "$out/done"
started=$SECONDS
failed=""
for piece in $all_pieces; do
  if [[ -e $out/done/$piece ]]; then
    echo "gpu_check: $piece: done before" >&2
    continue
  fi
  left=$((piece_seconds - (SECONDS - started)))
  if ((left <= 0)); then
    echo "gpu_check: the time of this call is used up before $piece; start the same command again to go on" >&2
    exit 75
  fi
  echo "gpu_check: $piece (${left} s left)" >&2
  status=0
  case $piece in
    suite-*)
      IFS=- read -r _ network batch cache <<<"$piece"
      piece_suite "$network" "$batch" "$cache" || status=$?
      ;;
    counters-* | energy-* | graph-* | f16acc-* | network-*) "piece_${piece%-*}" "${piece#*-}" || status=$? ;;
    *) "piece_$piece" || status=$? ;;
  esac
  if ((status == 130)); then
    echo "gpu_check: the time of this call was over within $piece; start the same command again to go on" >&2
    exit 75
  elif ((status == 0)); then
    $dry_run || date -u +%FT%TZ >"$out/done/$piece"
  else
    echo "gpu_check: $piece failed with status $status" >&2
    failed+=" $piece"
    [[ $piece == build ]] && exit 1
  fi
done
if [[ -n $failed ]]; then
  echo "gpu_check: failed:$failed" >&2
  exit 1
fi
echo "gpu_check: all is done; runs are in $out" >&2
