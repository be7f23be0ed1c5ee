"""ZigZag: the same matrix products on the same weight-stationary array with the mapping that the array has; and its search on a row-stationary one.

Its accelerator, workload and mapping files are written here from ours (as JSON, which is YAML).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peers.cost import Cost, Counts, cost_of, require_module
from peers.emulator import Array, Product

WORD = 16  # bits; counts do not depend on it
NEVER_WAITS = 1 << 20  # bits a clock
ARRAY = ["D1", "D2"]  # rows, columns
LINKS = {"O": "O", "W": "I2", "I": "I1"}


def memory(bits: int, operands: str, cost: float, served: list[str]) -> dict[str, Any]:
    """One that reads and writes words of each operand without ever waiting. O: outputs, I: inputs, W: weights; `served`: sides of the array that share it."""
    ports: dict[str, list[str]] = {"r_port_1": [], "w_port_1": []}
    for operand in operands:
        name = LINKS[operand]
        ports["r_port_1"] += [f"{name}, tl"] + ([f"{name}, th"] if operand == "O" else [])
        ports["w_port_1"] += [f"{name}, fh"] + ([f"{name}, fl"] if operand == "O" else [])
    return {
        "size": bits,
        "r_cost": cost,
        "w_cost": cost,
        "area": 0.0,
        "latency": 1,
        "operands": [LINKS[o] for o in operands],
        "ports": [
            {"name": name, "type": kind, "bandwidth_min": WORD, "bandwidth_max": NEVER_WAITS, "allocation": ports[name]}
            for name, kind in (("r_port_1", "read"), ("w_port_1", "write"))
        ],
        "served_dimensions": served,
    }


def accelerator(name: str, rows: int, columns: int, memories: dict[str, dict[str, Any]]) -> dict[str, Any]:
    # The order of the memories matters: from the PE outwards. Energy as Eyeriss states it (ISCA 2016, table IV): 1, 1, 6, 200.
    outer = {"dram": memory(10**13, "IWO", 200.0, ARRAY)}
    array = {"unit_energy": 1.0, "unit_area": 0.0, "dimensions": ARRAY, "sizes": [rows, columns]}
    return {"name": name, "memories": memories | outer, "operational_array": array}


def weight_stationary(array: Array) -> dict[str, Any]:
    inputs, weights, outputs = (words * WORD for words in array.words)
    memories = {
        "register": memory(WORD, "W", 1.0, []),
        "input_buffer": memory(inputs, "I", 6.0, ARRAY),
        "weight_buffer": memory(weights, "W", 6.0, ARRAY),
        "output_buffer": memory(outputs, "O", 6.0, ARRAY),
    }
    return accelerator("weight_stationary", array.rows, array.columns, memories)


def row_stationary(array: dict[str, Any]) -> dict[str, Any]:
    """`array`: our accelerator file."""
    pad, buffer = array["scratchpad"], array["global_buffer"]
    memories = {
        "input_pad": memory(pad["input"] * WORD, "I", 1.0, []),
        "weight_pad": memory(pad["weight"] * WORD, "W", 1.0, []),
        "psum_pad": memory(pad["psum"] * WORD, "O", 1.0, []),
        "weight_buffer": memory(buffer["weight_bytes"] * 8, "W", 6.0, ARRAY),
        "buffer": memory(buffer["bytes"] * 8, "IO", 6.0, ARRAY),
    }
    return accelerator("row_stationary", array["rows"], array["columns"], memories)


def layer(name: str, equation: str, sizes: dict[str, int], operator: str = "Gemm") -> dict[str, Any]:
    precision = {"I": WORD, "W": WORD, "O": WORD, "O_final": WORD}
    named = {"id": 0, "name": name, "operator_type": operator, "equation": equation, "loop_dims": list(sizes), "loop_sizes": list(sizes.values())}
    return named | {"operand_precision": precision, "operand_source": {"I": 0, "W": 0}}


def mapping(rows: list[tuple[str, int]], columns: list[tuple[str, int]], order: list[tuple[str, int]] | None = None) -> dict[str, Any]:
    spatial = {"D1": [f"{d}, {n}" for d, n in rows], "D2": [f"{d}, {n}" for d, n in columns]}
    whole: dict[str, Any] = {"name": "default", "spatial_mapping": spatial, "memory_operand_links": LINKS}
    return whole | ({"temporal_ordering": [list(loop) for loop in order]} if order else {})


@dataclass
class Evaluated:
    cost: Cost  # of the whole process
    seconds: float  # of its interface, imports excluded
    model_seconds: float  # of its cost model alone
    evaluations: int  # of mappings
    counts: list[Counts]


def evaluate(python: str, array: dict[str, Any], layers: list[tuple[dict[str, Any], dict[str, Any]]], folder: Path) -> Evaluated:
    require_module(python, "zigzag.api", "zigzag-dse six")
    folder.mkdir()
    (folder / "accelerator.yaml").write_text(json.dumps(array))
    names = []
    for i, (workload, mapped) in enumerate(layers):
        (folder / f"workload{i}.yaml").write_text(json.dumps([workload]))
        (folder / f"mapping{i}.yaml").write_text(json.dumps([mapped]))
        names += [f"workload{i}.yaml", f"mapping{i}.yaml"]
    # -P: its `zigzag` is meant, not this file.
    cost = cost_of([python, "-P", str(Path(__file__).with_name("zigzag_driver.py")), "accelerator.yaml", "result.json", *names], folder)
    result = json.loads((folder / "result.json").read_text())
    counts = [Counts(r["clocks"], r["inputs"], r["weights"], r["sums_written"], r["sums_read"]) for r in result["layers"]]
    return Evaluated(cost, result["seconds"], result["model_seconds"], result["evaluations"], counts)


def run_fixed(python: str, products: list[Product], array: Array, folder: Path) -> Evaluated:
    """Filters along columns, products along rows, pixels stream; then folds of products, then of filters."""
    layers = []
    for p in products:
        order = [("B", p.pixels), ("C", math.ceil(p.products / array.rows)), ("K", math.ceil(p.filters / array.columns))]
        spatial = ([("C", min(array.rows, p.products))], [("K", min(array.columns, p.filters))])
        workload = layer(p.name, "O[b][k]+=W[c][k]*I[b][c]", {"B": p.pixels, "C": p.products, "K": p.filters})
        layers.append((workload, mapping(*spatial, [loop for loop in order if loop[1] > 1])))
    return evaluate(python, weight_stationary(array), layers, folder)


def run_search(python: str, convolutions: list[dict[str, Any]], array: dict[str, Any], folder: Path) -> Evaluated:
    """`convolutions` as `describe --json` has them; one group of each. Filter rows and channels along the array's height, output rows along its width;
    the order of all other loops and the level that keeps them are searched for the least energy, with its default limit of six prime factors."""
    layers = []
    for c in convolutions:
        (in_channels, height, width), (out_channels, out_height, out_width), groups = c["input_shape"], c["output_shape"], c["groups"]
        kernel_height, kernel_width = c["kernel"]
        sizes = {"B": 1, "K": out_channels // groups, "C": in_channels // groups, "OY": out_height, "OX": out_width, "FY": kernel_height, "FX": kernel_width}
        top, left, bottom, right = c["padding"]
        workload = layer(c["name"], "O[b][k][oy][ox]+=W[k][c][fy][fx]*I[b][c][iy][ix]", sizes, "Conv") | {
            "dimension_relations": [f"ix={c['stride'][1]}*ox+1*fx", f"iy={c['stride'][0]}*oy+1*fy"],
            "pr_loop_dims": ["IX", "IY"],
            "pr_loop_sizes": [width, height],
            "padding": [[left, right], [top, bottom]],
        }
        channels = min(array["rows"] // kernel_height, sizes["C"])
        rows = [("FY", kernel_height)] + ([("C", channels)] if channels > 1 else [])
        layers.append((workload, mapping(rows, [("OY", min(array["columns"], out_height))])))
    return evaluate(python, row_stationary(array), layers, folder)
