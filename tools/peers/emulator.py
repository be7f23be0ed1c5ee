"""Our side: a run with verified outputs, counts alone, and the files that the other tools read."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from peers.cost import Cost, Counts, cost_of


@dataclass
class Product:
    """One group of a layer as the array has it: pixels x images, products a sum, filters. `folder` holds it as Timeloop reads it."""

    name: str
    pixels: int
    products: int
    filters: int
    groups: int
    folder: Path


@dataclass
class Array:
    rows: int
    columns: int
    dataflow: str  # ws, os or is
    words: tuple[int, int, int]  # that the buffers of inputs, weights and outputs hold

    @property
    def fill_and_drain(self) -> int:
        """Clocks of a fold beside those in which its operands stream."""
        return (1 if self.dataflow == "os" else 2) * self.rows + self.columns - 2

    def folds(self, product: Product) -> int:
        across = {
            "ws": (product.products, product.filters),
            "os": (product.pixels, product.filters),
            "is": (product.products, product.pixels),
        }[self.dataflow]
        return -(-across[0] // self.rows) * -(-across[1] // self.columns)


@dataclass
class Emulated:
    products: list[Product]
    counts: list[Counts]
    with_outputs: Cost
    counts_alone: Cost


def emulate(program: str, network: str, accelerator: str, array: Array, folder: Path) -> Emulated:
    with_outputs = cost_of(
        [program, "run", "--networks", network, "--accelerators", accelerator, "--quiet", "--threads", "1", "--no-ceilings", "--out", "run", "--force"], folder
    )
    counts_alone = cost_of([program, "export", network, "--accelerator", accelerator, "--scale-sim", "reports"], folder)
    cost_of([program, "export", network, "--accelerator", accelerator, "--timeloop", "timeloop"], folder)
    products, counts = [], []
    for case in json.loads((folder / "run" / "run.json").read_text())["cases"]:
        exported = folder / "timeloop" / case["layer"]
        if not exported.exists():
            continue  # no product: pooling and the like
        if case["outcome"] != "measured":
            raise RuntimeError(f"{case['name']}: {case['outcome']}: {case['reason']}")
        problem = (exported / "problem.yaml").read_text()
        sizes = {d: int(n) for d, n in re.findall(r"^ {4}([NKM]): (\d+)$", problem, re.MULTILINE)}
        groups = int(re.search(r"of one group \(of (\d+)\)", problem)[1])
        product = Product(case["layer"], sizes["N"], sizes["K"], sizes["M"], groups, exported)
        words = case["accesses"]["global"]
        none = {"reads": 0, "writes": 0}
        products.append(product)
        counts.append(
            Counts(
                clocks=case["cycles"] - groups * array.folds(product) * array.fill_and_drain,
                inputs=words["input"]["reads"] + int(case["facts"].get("padding_words", 0)),
                weights=words["weight"]["reads"],
                sums_written=words.get("psum", none)["writes"] + words["output"]["writes"],
                sums_read=words.get("psum", none)["reads"],
                macs=case["macs_executed"],
            )
        )
    return Emulated(products, counts, with_outputs, counts_alone)


def evaluations_per_second(speed: str, accelerator: str, network: str, folder: Path) -> float:
    """Layers counted a second on one core, in process; mapping search included where the accelerator searches."""
    cost_of([speed, "--counts", "--network", network, accelerator], folder)
    return float((folder / "log").read_text().split()[-1])
