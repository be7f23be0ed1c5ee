"""Made-up runs of the shipped networks, for tests of the figures only: shapes are real, every time in them is invented.

python tests/plots/synthetic.py OUT_DIR [NETWORK ...] [--sparse] [--gpu] [--full]
"""

from __future__ import annotations

import json
import math
import random
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).resolve().parents[2]
BYTES = {"f32": 4, "bf16": 2, "f16": 2, "s8": 1, "s16": 2}
CPU = "Made-up CPU 9000 (synthetic)"
GPU = "Made-up GPU X (synthetic)"


@dataclass(frozen=True)
class Layer:
    name: str
    op: str
    macs: int
    macs_valid: int
    ops_other: int
    inputs: int
    weights: int
    outputs: int
    columns: int  # output channels
    reduction: int


def _one_axis(extent: int, kernel: int, stride: int, padding: int) -> tuple[int, int]:
    out = (extent + 2 * padding - kernel) // stride + 1
    valid = sum(1 for o in range(out) for k in range(kernel) if 0 <= o * stride + k - padding < extent)
    return out, valid


def layers_of(network: str) -> list[Layer]:
    """Shape inference of the shipped files, written apart from the C++ reader on purpose."""
    document = tomllib.loads((SOURCE / "workloads" / "networks" / f"{network}.toml").read_text())
    shapes: dict[str, tuple[int, int, int]] = {}
    previous = tuple(document["input"])
    result = []
    for row in document["layer"]:
        names = row.get("inputs", [row["input"]] if "input" in row else [])
        channels, height, width = shapes[names[0]] if names else previous
        op, kernel, stride, padding = row["op"], row.get("kernel", 1), row.get("stride", 1), row.get("padding", 0)
        out, macs, valid, other, weights, reduction = (channels, height, width), 0, 0, 0, 0, 0
        if op in ("conv", "maxpool", "avgpool"):
            if isinstance(kernel, list) or kernel == 0:
                kernel = height
            (oh, vh), (ow, vw) = _one_axis(height, kernel, stride, padding), _one_axis(width, kernel, stride, padding)
            k = row.get("out_channels", channels) if op == "conv" else channels
            out = (k, oh, ow)
            if op == "conv":
                per_group = channels // row.get("groups", 1)
                reduction = per_group * kernel * kernel
                macs, valid, weights = k * oh * ow * reduction, k * per_group * vh * vw, k * reduction
            else:
                other = channels * (vh * vw - (oh * ow if op == "maxpool" else 0))
        elif op == "fc":
            reduction = channels * height * width
            out = (row["out_channels"], 1, 1)
            macs = valid = weights = row["out_channels"] * reduction
        else:
            other = channels * height * width * {"lrn": 10, "add": 1, "relu": 1, "softmax": 4}[op]
        count = channels * height * width
        result.append(Layer(row["name"], op, macs, valid, other, count * (2 if op == "add" else 1), weights, math.prod(out), out[0], reduction))
        shapes[row["name"]] = previous = out
    return result


def ceiling(device: str, kind: str, value: float, threads: int, source: str = "measured", **more: Any) -> dict[str, Any]:
    row = {
        "device": device,
        "kind": kind,
        "type": "",
        "accumulator": "",
        "unit_used": "",
        "level": "",
        "value": value,
        "unit": "B/s" if kind == "bandwidth" else "op/s",
    }
    return row | {"threads": threads, "clock_hz": 2.9e9, "spread": 0.01, "theoretical": value * 1.1, "source": source, "method": "invented"} | more


def ceilings(types: set[str], gpu: bool, arrays: list[str]) -> list[dict[str, Any]]:
    rows = [ceiling(CPU, "compute", 1.7e11, 2, type="f32", accumulator="f32", unit_used="fma")]
    rows.append(ceiling(CPU, "compute", 5.6e9, 2, type="f32", accumulator="f64", unit_used="scalar"))
    if "bf16" in types:
        rows.append(ceiling(CPU, "compute", 6.1e11, 2, type="bf16", accumulator="f32", unit_used="dot"))
    if "s8" in types:
        rows.append(ceiling(CPU, "compute", 1.25e12, 2, type="s8", accumulator="s32", unit_used="dot"))
    rows += [ceiling(CPU, "bandwidth", v, 2, level=level) for level, v in (("L1", 3.4e11), ("L2", 1.5e11), ("L3", 6.1e10), ("dram", 2.1e10))]
    for array in arrays:
        rows.append(ceiling(array, "compute", 5.12e10, 1, "simulated", type="s16", accumulator="s64", unit_used="array", clock_hz=2e8, spread=0.0))
        rows.append(ceiling(array, "bandwidth", 1.6e9, 1, "simulated", level="dram", clock_hz=2e8, spread=0.0))
    if gpu:
        rows.append(ceiling(GPU, "compute", 7.2e14, 1, type="f16", accumulator="f32", unit_used="tensor"))
        rows += [ceiling(GPU, "bandwidth", v, 1, level=level) for level, v in (("L2", 8.1e12), ("hbm", 3.1e12))]
    return rows


def case(
    network: str, layer: Layer, backend: str, variant: str, type: str, density: str, *, repeats: int = 1, threads: int = 2, batch: int = 1, reason: str = ""
) -> dict[str, Any]:
    rng = random.Random(f"{network}/{layer.name}/{backend}/{variant}/{type}/{density}")
    share = {"dense": (1.0, 1.0), "2:4": (0.5, 1.0)}.get(density) or (0.1, 0.5)
    clock = {"spatial": "simulated", "cuda": "device"}.get(backend, "host")
    device = {"spatial": variant, "cuda": GPU}.get(backend, CPU)
    row: dict[str, Any] = {
        "name": f"{network}/{layer.name}/{backend}/{variant}/{type}/batch:{batch}/{density.replace('/', '-')}/real_time",
        "network": network, "layer": layer.name, "op": layer.op, "backend": backend, "variant": variant, "device": device, "type": type, "batch": batch,
        "density": density, "threads": 1 if clock != "host" else threads, "cache": "warm", "epilogue": "layer", "data": "normal", "clock": clock, "repeats": repeats, "shape": f"{layer.op} {layer.reduction} {layer.inputs} {layer.weights} {layer.outputs}",
        "outcome": "skipped" if reason else "measured", "reason": reason, "facts": {"implementation": "invented"},
    }  # fmt: skip
    if reason:
        return row | {"device": None}
    packed = BYTES[type] * (layer.inputs + layer.weights + layer.outputs)
    compulsory = BYTES[type] * (layer.inputs * share[1] + layer.weights * share[0] + layer.outputs)
    executed, other = layer.macs_valid, layer.ops_other
    if variant == "sparse":
        executed = round(executed * share[0])
    if "winograd" in variant:
        executed, other, packed = round(executed * 0.27), layer.outputs * 20, packed * 2
    peak, bandwidth = {"reference": (5e9, 2e10), "highway": (1.6e11, 5e10), "onednn": (1.65e11, 5e10), "cuda": (6e14, 3e12), "spatial": (5.0e10, 1.6e9)}[
        backend
    ]
    if type in ("bf16", "s8") and backend != "cuda":
        peak *= {"bf16": 3.5, "s8": 7}[type]
    efficiency = rng.uniform(0.55, 0.93) * (0.5 if variant == "sparse" else 1)
    seconds = max((2 * executed + other) / (peak * efficiency), packed / (bandwidth * rng.uniform(0.6, 0.97))) + {"cuda": 3e-6}.get(backend, 1e-7)
    half = 0 if clock == "simulated" else seconds * rng.uniform(0.002, 0.04)
    ops = 2 * executed + other
    roof = min(peak * 1.05, ops / packed * bandwidth * 3)
    row |= {
        "seconds": seconds, "seconds_ci95": [seconds - half, seconds + half], "samples": [seconds] if clock == "simulated" else [seconds - half, seconds, seconds + half],
        "stop_reason": "deterministic" if clock == "simulated" else "converged", "macs_dense": layer.macs * batch, "macs_valid": layer.macs_valid * batch,
        "macs_executed": executed, "ops_other": other, "ops_per_second": ops / seconds, "ops_per_second_valid": 2 * layer.macs_valid / seconds,
        "ops_per_second_effective": 2 * layer.macs / seconds, "bytes_compulsory": round(compulsory), "bytes_packed": packed, "bytes_dram": None, "bytes_source": None,
        "intensity_effective": 2 * layer.macs / compulsory if layer.macs else None, "intensity_executed": ops / packed if layer.macs else None, "intensity_dram": None,
        "roof_ops_per_second": roof, "roof_fraction": ops / seconds / roof, "bound": "compute" if roof >= peak else "L3",
        "max_error": 1e-6, "error_bound": 1e-4, "relative_l2_error": 1e-7,
        "accumulator": {"f32": "f32", "bf16": "f32", "f16": "f32", "s8": "s32", "s16": "s64"}[type], "unit_used": {"spatial": "array", "cuda": "tensor", "reference": "scalar"}.get(backend, "fma" if type == "f32" else "dot"),
    }  # fmt: skip
    if clock == "simulated":
        row |= {
            "cycles": round(seconds * 2e8),
            "stall_cycles": 0,
            "clock_hz": 2e8,
            "pe_count": 256,
            "pe_active": 256,
            "pe_utilization": 0.8,
            "accesses": {},
            "fidelity": "family",
            "assumptions": [],
        }
        lost = 256 * row["cycles"] - executed
        row["pe_clocks_lost"] = {"array_shape": lost // 8, "fragmentation": lost // 4, "imbalance": 0, "conflicts": 0, "fill_and_drain": lost // 3, "stalls": 0}
        row["pe_clocks_lost"]["imbalance"] = lost - sum(row["pe_clocks_lost"].values())
    return row


CONTEXT = {
    "date": "2026-01-01T00:00:00+00:00", "host_name": "synthetic", "executable": "convroof", "num_cpus": 2, "mhz_per_cpu": 2900, "caches": [],
    "machine": {"cpu": CPU}, "commit": "0000000", "command_line": "tests/plots/synthetic.py (every time in this file is invented)", "operating_system": "none",
}  # fmt: skip


def run(
    networks: list[str],
    *,
    sparse: bool = False,
    gpu: bool = False,
    full: bool = False,
    types: tuple[str, ...] = ("f32",),
    arrays: tuple[str, ...] = ("systolic-ws",),
) -> dict[str, Any]:
    """Quick: each distinct convolution and FC layer once. Full: every layer by itself, and the reference too."""
    cases = []
    for network in networks:
        all_layers = layers_of(network)
        chosen: list[tuple[Layer, int]] = [(layer, 1) for layer in all_layers]
        if not full:
            first: dict[tuple[Any, ...], tuple[Layer, int]] = {}
            for layer in all_layers:
                if layer.macs:
                    key = (layer.op, layer.macs_valid, layer.inputs, layer.weights, layer.outputs)
                    first[key] = (first[key][0], first[key][1] + 1) if key in first else (layer, 1)
            chosen = list(first.values())
        densities = ["dense"] + (["2:4", "uniform:0.1/0.5"] if sparse else [])
        for layer, repeats in chosen:
            for density in densities:
                if full:
                    slow = layer.macs > 50e6
                    cases.append(
                        case(network, layer, "reference", "loops", "f32", density, repeats=repeats, reason="quick: more than 50 M MACs" if slow else "")
                    )
                for type in types:
                    for variant in ("direct", "gemm", "winograd4x4") if layer.macs else ("direct",):
                        cases.append(case(network, layer, "highway", variant, type, density, repeats=repeats))
                    if density != "dense" and layer.macs:
                        cases.append(case(network, layer, "highway", "sparse", type, density, repeats=repeats))
                    cases.append(case(network, layer, "onednn", "auto", type, density, repeats=repeats))
                reason = "" if gpu else "no CUDA driver on this machine"
                if layer.macs:
                    cases.append(case(network, layer, "cuda", "cudnn", "f16", density, repeats=repeats, reason=reason))
                    cases += [case(network, layer, "spatial", array, "s16", density, repeats=repeats) for array in arrays]
    return {"schema_version": 1, "context": CONTEXT, "ceilings": ceilings(set(types), gpu, list(arrays)), "cases": cases, "benchmarks": []}


def write(folder: Path, document: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps(document))
    return folder


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    write(Path(words[0]), run(words[1:] or ["alexnet", "vgg16", "resnet50"], sparse="--sparse" in sys.argv, gpu="--gpu" in sys.argv, full="--full" in sys.argv))
