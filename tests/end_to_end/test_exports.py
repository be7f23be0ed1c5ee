"""What `convroof export` writes: our counts in SCALE-Sim's columns, and Timeloop inputs that count the same, by a loop nest walked here."""

from __future__ import annotations

import csv
import math
import re
import unittest
from pathlib import Path

from program import ProgramTest

DIMENSIONS = "NKM"
USED_BY = {"Inputs": "NK", "Weights": "KM", "Outputs": "NM"}


class Nest:
    """map.yaml and problem.yaml of one layer: loops over folds, one loop that streams, in parts that the buffers hold, and a tile of PEs, whose last fold
    may be smaller."""

    def __init__(self, folder: Path) -> None:
        text = (folder / "map.yaml").read_text()
        self.bounds = {d: int(n) for d, n in re.findall(r"^ {4}([NKM]): (\d+)$", (folder / "problem.yaml").read_text(), re.MULTILINE)}
        directives = re.findall(r"target: (\w+)\n    type: (temporal|spatial)\n    factors: (.*)\n    permutation: (\w+)", text)
        factors = {(target, kind): self.factors(words) for target, kind, words, _ in directives}
        self.order = next(order for target, kind, _, order in directives if target == "DRAM")[::-1]  # from the outside in
        self.folds = {d: n for d, (n, _) in factors["DRAM", "temporal"].items()}
        self.stream = {d: n for d, (n, _) in factors["OutputBuffer", "temporal"].items()}
        self.tile = factors["OutputBuffer", "spatial"]
        self.stays = re.search(r"target: Register\n    type: bypass\n    keep: \[ (\w+) \]", text)[1]
        self.streaming = next(d for d in DIMENSIONS if d not in USED_BY[self.stays])
        architecture = (folder / "arch.yaml").read_text()
        self.depths = {space + "s": int(n) for space, n in re.findall(r"name: (\w+)Buffer\n.*\n.*\n +depth: (\d+)", architecture)}

    @staticmethod
    def factors(words: str) -> dict[str, tuple[int, int]]:
        return {d: (int(n), int(last or n)) for d, n, last in re.findall(r"([NKM])=(\d+)(?:,(\d+))?", words)}

    def count(self) -> dict[str, int]:
        """Words that the buffers give to or take from the array, with operands multicast over PEs that share them and sums reduced over PEs."""
        counts = dict.fromkeys(["macs", "steps", "Inputs", "Weights", "sums written", "sums read"], 0)
        visited: set[tuple[int, int]] = set()
        held = None  # what the registers keep
        first, second, third = self.order
        for i in range(self.folds[first]):
            for j in range(self.folds[second]):
                for k in range(self.folds[third]):
                    at = {first: i, second: j, third: k}
                    tile = {d: self.tile[d][1] if at[d] == self.folds[d] - 1 else self.tile[d][0] for d in DIMENSIONS}
                    steps = math.prod(self.stream.values())
                    words = {space: math.prod(tile[d] for d in used) for space, used in USED_BY.items()}
                    kept, held = held, tuple(at[d] for d in USED_BY[self.stays])
                    arrives = held != kept
                    counts["steps"] += steps
                    counts["macs"] += steps * math.prod(tile.values())
                    for space in ("Inputs", "Weights"):
                        counts[space] += words[space] * (arrives if self.stays == space else steps)
                    times = arrives if self.stays == "Outputs" else steps
                    counts["sums written"] += times * words["Outputs"]
                    if (at["N"], at["M"]) in visited:
                        counts["sums read"] += times * words["Outputs"]
                    visited.add((at["N"], at["M"]))
        return counts

    def covers(self) -> dict[str, int]:
        return {d: self.stream[d] * ((self.folds[d] - 1) * self.tile[d][0] + self.tile[d][1]) for d in DIMENSIONS}

    def fits(self) -> bool:
        """What a buffer holds between two loops of DRAM; Timeloop refuses a mapping whose tiles are larger."""
        tile = {d: self.stream[d] * self.tile[d][0] for d in DIMENSIONS}
        return all(math.prod(tile[d] for d in USED_BY[space]) <= depth for space, depth in self.depths.items())


# Groups of each layer.
ALEXNET = {"conv1": 1, "conv2": 2, "conv3": 1, "conv4": 2, "conv5": 2, "fc6": 1, "fc7": 1, "fc8": 1}


class Timeloop(ProgramTest):
    def emulated(self, layer: str, accelerator: str) -> dict[str, int]:
        text, _ = self.call("explain", f"alexnet/{layer}", "--accelerator", accelerator, "--batch", "2")
        table = {
            (level, operand): (int(reads), int(writes)) for level, operand, reads, writes in re.findall(r"^(\w+) +(\w+) +(\d+) +(\d+)$", text, re.MULTILINE)
        }
        none = (0, 0)
        return {
            "macs": table["local", "input"][0],
            "Inputs": table["global", "input"][0] + int(re.search(r"^padding +(\d+)", text, re.MULTILINE)[1]),
            "Weights": table["global", "weight"][0],
            "sums written": table.get(("global", "psum"), none)[1] + table["global", "output"][1],
            "sums read": table.get(("global", "psum"), none)[0],
            "clocks": int(re.search(r"^clocks .* = (\d+)$", text, re.MULTILINE)[1]),
        }

    def test_access_counts_on_alexnet_are_those_of_the_exported_mapping(self) -> None:
        fill = {"systolic-ws": 2 * 16 + 16 - 2, "systolic-is": 2 * 16 + 16 - 2, "systolic-os": 16 + 16 - 2}
        for accelerator, fill_and_drain in fill.items():
            folder = self.folder / accelerator
            self.call("export", "alexnet", "--accelerator", accelerator, "--batch", "2", "--timeloop", folder)
            for layer, groups in ALEXNET.items():
                nest = Nest(folder / layer)
                self.assertEqual(nest.covers(), nest.bounds, (accelerator, layer))
                self.assertEqual(len(nest.depths), 3)
                self.assertTrue(nest.fits(), (accelerator, layer))
                counts = nest.count()
                folds = math.prod(n for d, n in nest.folds.items() if d != nest.streaming)
                # Timeloop runs folds back to back; a systolic array fills and drains around each.
                clocks = groups * (counts.pop("steps") + folds * fill_and_drain)
                expected = {name: groups * count for name, count in counts.items()} | {"clocks": clocks}
                self.assertEqual(self.emulated(layer, accelerator), expected, (accelerator, layer))

    def test_architecture_names_the_array(self) -> None:
        self.call("export", "alexnet", "--layer", "conv1", "--timeloop", self.folder / "t")
        architecture = (self.folder / "t" / "conv1" / "arch.yaml").read_text()
        self.assertIn("name: PE[0..255]", architecture)
        self.assertIn("depth: 32768", architecture)  # 65,536 B of 16-bit words


# SCALE-Sim 3.0.0 on these files: total cycles, and SRAM reads of inputs and filters. Layer B's windows hang over the edge.
PRINTED = {
    "ws": [(1007, 5760, 315), (659, 2592, 612), (1511, 7680, 660), (2456, 900, 5000)],
    "os": [(911, 5760, 2520), (431, 2592, 1836), (1535, 7680, 5280), (1007, 900, 5000)],
    "is": [(1781, 2880, 3465), (739, 864, 2448), (1748, 1280, 7260), (909, 100, 5000)],
}


class ScaleSim(ProgramTest):
    TOPOLOGY = "Layer, H, W, FH, FW, C, N, Strides,\nA,10,10,3,3,5,7,1,\nB,12,9,3,3,4,17,2,\nC,8,8,1,1,20,33,1,\nD,1,1,1,1,100,50,1,\n"
    CONFIG = (
        "[general]\nrun_name = x\n[architecture_presets]\nArrayHeight: 8\nArrayWidth: 6\nIfmapSramSzkB: 64\nFilterSramSzkB: 64\nOfmapSramSzkB: 64\n"
        "Dataflow : {}\n[run_presets]\nInterfaceBandwidth: CALC\n"
    )

    def test_reports_have_its_columns_and_its_numbers_where_those_are_right(self) -> None:
        (self.folder / "small.csv").write_text(self.TOPOLOGY)
        for dataflow, printed in PRINTED.items():
            (self.folder / "array.cfg").write_text(self.CONFIG.format(dataflow))
            self.call("export", "small.csv", "--accelerator", "array.cfg", "--scale-sim", dataflow)
            rows = {}
            for name in ("COMPUTE", "BANDWIDTH", "DETAILED_ACCESS"):
                with (self.folder / dataflow / f"{name}_REPORT.csv").open() as file:
                    rows[name] = list(csv.DictReader(file, skipinitialspace=True))
            for compute, detail, (cycles, inputs, filters) in zip(rows["COMPUTE"], rows["DETAILED_ACCESS"], printed, strict=True):
                self.assertEqual(int(compute["Total Cycles"]), cycles + 1)  # it prints one clock less than it takes
                self.assertEqual(int(detail["SRAM Filter Reads"]), filters)
                reads = int(detail["SRAM IFMAP Reads"])
                if compute["LayerID"] == "1":
                    self.assertLess(reads, inputs)
                else:
                    self.assertEqual(reads, inputs)
            self.assertEqual([row["DRAM OFMAP Writes"] for row in rows["DETAILED_ACCESS"]], ["448", "408", "2112", "50"])

    def test_a_topology_runs_with_verified_outputs(self) -> None:
        (self.folder / "small.csv").write_text(self.TOPOLOGY)
        (self.folder / "array.cfg").write_text(self.CONFIG.format("ws"))
        self.call("run", "--networks", "small.csv", "--accelerators", "array.cfg", "--quiet", "--out", "run")
        run = (self.folder / "run" / "run.json").read_text()
        self.assertEqual(run.count('"outcome": "measured"'), 4)

    def test_mistakes(self) -> None:
        (self.folder / "bad.csv").write_text(self.TOPOLOGY.replace("10,10", "10,1o"))
        (self.folder / "bad.cfg").write_text(self.CONFIG.format("wos"))
        for arguments, words in [
            (["describe", "bad.csv"], ["bad.csv:2:6", "1o"]),
            (["run", "--networks", "bad.csv"], ["bad.csv:2:6"]),
            (["run", "--accelerators", "bad.cfg"], ["bad.cfg:9:12", "wos"]),
            (["export", "alexnet"], ["--timeloop"]),
            (["export", "alexnet", "--layer", "conv9", "--timeloop", "x"], ["conv9"]),
            (["export", "alexnet", "--accelerator", "eyeriss", "--timeloop", "x"], ["eyeriss"]),
        ]:
            _, err = self.call(*arguments, code=2)
            self.assertEqual(len(err.strip().splitlines()), 1, err)
            for word in words:
                self.assertIn(word, err)
        (self.folder / "taken").write_text("")
        self.call("export", "alexnet", "--scale-sim", "taken", code=74)


if __name__ == "__main__":
    unittest.main()
