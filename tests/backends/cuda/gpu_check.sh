#!/usr/bin/env bash
# tools/gpu_check.sh without a GPU: the dry run lists every piece, finished pieces are passed over, interrupted ones end the call with 75, mistakes with 2.
# usage: gpu_check.sh SCRIPT
set -euo pipefail
script=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

expect() { # STATUS TEXT COMMAND...
  local wanted=$1 text=$2 status=0 output
  shift 2
  output=$("$@" 2>&1) || status=$?
  if [[ $status -ne $wanted || $output != *"$text"* ]]; then
    printf '%s\nwanted status %s and `%s`, got status %s\n' "$output" "$wanted" "$text" "$status" >&2
    exit 1
  fi
}

expect 0 'all is done' "$script" --dry-run --out "$scratch/out"
expect 0 '--networks resnet50 --batches 32 --cache cold' "$script" --dry-run --out "$scratch/out"
expect 0 'compute-sanitizer --tool memcheck' "$script" --dry-run --out "$scratch/out"
dry=$("$script" --dry-run --out "$scratch/out" 2>&1)
for wanted in 'export CONVROOF_CUDA_COUNTERS=1' 'export CONVROOF_CUDA_ENERGY=5' 'export CONVROOF_CUDA_GRAPH=1' '--variants ^cudnn-f16acc$' \
  'cuda-network --network resnet50 --batch 32 --kernels wgmma-2of4 --json --graph' 'counters-vgg16'; do
  [[ $dry == *"$wanted"* ]] || { echo "the dry run lacks: $wanted" >&2 && exit 1; }
done
[[ ! -e $scratch/out ]] || { echo "the dry run wrote something" >&2 && exit 1; }
expect 2 'unknown piece' "$script" --pieces nope
expect 2 'unknown argument' "$script" --nope
expect 2 'needs a value' "$script" --out
expect 75 'start the same command again' "$script" --dry-run --out "$scratch/out" --piece-seconds 0

# A stand-in for the program: interrupted on its first call, finished on the second.
mkdir -p "$scratch/build"
cat >"$scratch/build/convroof" <<'STUB'
#!/usr/bin/env bash
echo "$*" >>"$STUB_LOG"
[[ $(wc -l <"$STUB_LOG") -gt 1 ]] || exit 130
STUB
chmod +x "$scratch/build/convroof"
export STUB_LOG=$scratch/log
expect 75 'was over within suite-vgg16-1-cold' "$script" --build "$scratch/build" --out "$scratch/out" --pieces suite-vgg16-1-cold
expect 0 'all is done' "$script" --build "$scratch/build" --out "$scratch/out" --pieces suite-vgg16-1-cold
expect 0 'done before' "$script" --build "$scratch/build" --out "$scratch/out" --pieces suite-vgg16-1-cold
[[ $(wc -l <"$STUB_LOG") -eq 2 ]]
# What a piece needs beside arguments reaches the program.
cat >"$scratch/build/convroof" <<'STUB'
#!/usr/bin/env bash
echo "graph=${CONVROOF_CUDA_GRAPH:-} $*" >>"$STUB_LOG"
[[ $1 != cuda-network || $* != *wgmma* ]] || exit 4
STUB
expect 0 'all is done' "$script" --build "$scratch/build" --out "$scratch/out" --pieces graph-vgg16,network-lenet5
grep -q 'graph=1 run --require cuda --backends cuda --networks vgg16 --batches 1' "$STUB_LOG"
grep -q 'graph= cuda-network --network lenet5 --batch 32 --kernels mma --json --graph' "$STUB_LOG"
# A run that fails is named, and the next pieces are done all the same.
printf '#!/usr/bin/env bash\nexit 1\n' >"$scratch/build/convroof"
expect 1 'failed: counters-vgg16 network-alexnet' "$script" --build "$scratch/build" --out "$scratch/out" --pieces counters-vgg16,network-alexnet
