"""Timeloop: its model on the files of `convroof export --timeloop`, one process a layer."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from peers.cost import Cost, Counts, Skipped, cost_of
from peers.emulator import Product


def run_layer(program: str, product: Product, folder: Path) -> tuple[Cost, Counts]:
    found = shutil.which(program)
    if not found:
        raise Skipped(f"there is no {program} (built from its sources; --timeloop names it)")
    folder.mkdir()
    return cost_of([str(Path(found).resolve()), *(str(product.folder / f"{name}.yaml") for name in ("arch", "problem", "map"))], folder), read_counts(folder)


def read_counts(folder: Path) -> Counts:
    """Of timeloop-model.stats.txt: words that each buffer gives to the array or takes from it, in one group."""
    text = (folder / "timeloop-model.stats.txt").read_text()
    levels: dict[str, str] = {}
    for name, body in re.findall(r"^=== (\w+) ===$(.*?)(?=^===|\Z)", text, re.MULTILINE | re.DOTALL):
        levels.setdefault(name, body)  # the networks between them follow under the same names

    def number(level: str, words: str) -> int:
        return int(re.search(rf"^ *{re.escape(words)} *: (\d+)$", levels[level], re.MULTILINE)[1])

    return Counts(
        clocks=number("MACC", "Cycles"),
        inputs=number("InputBuffer", "Scalar reads (per-instance)"),
        weights=number("WeightBuffer", "Scalar reads (per-instance)"),
        sums_written=number("OutputBuffer", "Scalar updates (per-instance)"),
        sums_read=number("OutputBuffer", "Scalar reads (per-instance)"),
        macs=number("MACC", "Computes (total)"),
    )
