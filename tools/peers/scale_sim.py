"""SCALE-Sim v3: one process a layer, without traces."""

from __future__ import annotations

import csv
from pathlib import Path

from peers.cost import Cost, Counts, cost_of, require_module

PROGRAM = """
import sys
from scalesim.scale_sim import scalesim
topology, config, layout, out = sys.argv[1:]
scalesim(save_disk_space=True, verbose=False, config=config, topology=topology, layout=layout).run_scale(top_path=out)
"""


def run_layer(python: str, heading: str, row: str, config: Path, fill_and_drain: int, folder: Path) -> tuple[Cost, Counts]:
    """`fill_and_drain`: the clocks of all folds that are taken off what it prints."""
    require_module(python, "scalesim", "scalesim 'numpy<2.3'")
    folder.mkdir(parents=True)
    (folder / "layout.csv").write_text("no layout\n")
    (folder / "one.csv").write_text(f"{heading}\n{row}\n")
    cost = cost_of([python, "-c", PROGRAM, "one.csv", str(config), "layout.csv", "out"], folder)

    def report(name: str) -> dict[str, str]:
        with next(folder.glob(f"out/*/{name}_REPORT.csv")).open() as file:
            return next(csv.DictReader(file, skipinitialspace=True))

    access = report("DETAILED_ACCESS")
    return cost, Counts(
        # It prints one clock less than it takes (its issue 125).
        clocks=int(float(report("COMPUTE")["Total Cycles"])) + 1 - fill_and_drain,
        inputs=int(float(access["SRAM IFMAP Reads"])),
        weights=int(float(access["SRAM Filter Reads"])),
        sums_written=int(float(access["SRAM OFMAP Writes"])),
        sums_read=None,
    )
