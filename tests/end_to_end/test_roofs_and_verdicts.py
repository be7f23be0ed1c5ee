"""The verbs `ceilings` and `compare`, and how the roofs of a run judge its cases."""

from __future__ import annotations

import json
import math
import unittest
from pathlib import Path
from typing import Any

from program import ProgramTest, strict

CEILING_FIELDS = {
    "device",
    "kind",
    "type",
    "accumulator",
    "unit_used",
    "level",
    "value",
    "unit",
    "threads",
    "clock_hz",
    "spread",
    "theoretical",
    "source",
    "method",
}


def case(name: str, seconds: float, half_width: float = 0.001, **other: Any) -> dict[str, Any]:
    numbers = {"seconds": seconds, "seconds_ci95": [seconds * (1 - half_width), seconds * (1 + half_width)], "stop_reason": "precise"}
    return {"name": name, "threads": 2, "cache": "warm", "epilogue": "layer", "workload_hash": "h", "outcome": "measured", "clock": "host", **numbers, **other}


class Ceilings(ProgramTest):
    def test_every_field_is_there_and_finite(self) -> None:
        out, _ = self.call("ceilings", "--types", "f32", "--threads", "1", "--json")
        ceilings = strict(out)
        self.assertTrue(ceilings)
        for ceiling in ceilings:
            self.assertLessEqual(CEILING_FIELDS, set(ceiling))
            self.assertGreater(ceiling["value"], 0)
            self.assertEqual(ceiling["threads"], 1)
            self.assertIn(ceiling["kind"], ("compute", "bandwidth"))
            self.assertEqual(ceiling["unit"], "op/s" if ceiling["kind"] == "compute" else "B/s")
        self.assertLessEqual({"L1", "L2", "L3", "dram"}, {c["level"] for c in ceilings})
        self.assertIn(("f32", "fma"), {(c["type"], c["unit_used"]) for c in ceilings})

    def test_table(self) -> None:
        out, _ = self.call("ceilings", "--types", "f32", "--threads", "1")
        for word in ("f32", "dram", "Gop/s", "GB/s", "spread", "theory"):
            self.assertIn(word, out)

    def test_mistakes(self) -> None:
        for arguments, word in (
            (["--types", "f33"], "f32"),
            (["--backends", "hihgway"], "highway"),
            (["--threads", "0"], "threads"),
            (["--thread", "1"], "--threads"),
        ):
            out, err = self.call("ceilings", *arguments, code=2)
            self.assertEqual(out, "")
            self.assertIn(word, err)


class RoofsOfARun(ProgramTest):
    def test_every_case_is_judged_by_the_roofs_of_its_file(self) -> None:
        self.call(
            "run",
            "--networks",
            "lenet5",
            "--backends",
            "highway,reference",
            "--quick",
            "--threads",
            "1",
            "--max-time",
            "0.05",
            "--quiet",
            "--out",
            "r",
            code=None,
        )
        document = self.document(self.folder / "r")
        judged = [c for c in document["cases"] if c["outcome"] in ("measured", "noisy")]
        self.assertTrue(judged)
        for row in judged:
            if row["unit_used"] == "scalar":
                if row["macs_executed"]:
                    self.assertEqual((row["bound"], row["roof_ops_per_second"]), ("unknown", None), row["name"])
                continue
            self.assertTrue(0 < row["roof_fraction"] <= 1.02, row["name"])
            self.assertTrue(math.isclose(row["roof_fraction"] * row["roof_ops_per_second"], row["ops_per_second"], rel_tol=1e-9))
            bandwidths = {f"{c['level'].upper()} bandwidth": c["value"] for c in document["ceilings"] if c["kind"] == "bandwidth"}
            compute = [
                c["value"] for c in document["ceilings"] if (c["type"], c["accumulator"], c["unit_used"]) == (row["type"], row["accumulator"], row["unit_used"])
            ]
            roof = compute[0] if row["bound"] == "compute" else bandwidths[row["bound"]] * row["intensity_executed"]
            self.assertTrue(math.isclose(roof, row["roof_ops_per_second"], rel_tol=1e-9), row["name"])


class Compare(ProgramTest):
    def write(self, name: str, *cases: dict[str, Any]) -> Path:
        path = self.folder / name
        path.write_text(json.dumps({"schema_version": 1, "cases": cases}))
        return path

    def test_verdicts_and_exit_codes(self) -> None:
        old = self.write("old.json", case("a", 1.0), case("b", 1.0), case("c", 1.0), case("d", 1.0))
        better = self.write("better.json", case("a", 0.8), case("b", 1.001), case("c", 1.1, 0.2), case("e", 1.0))
        out, _ = self.call("compare", old, better, "--json")
        document = strict(out)
        self.assertEqual({c["name"]: c["verdict"] for c in document["cases"]}, {"a": "faster", "b": "same", "c": "unclear"})
        self.assertEqual({u["name"] for u in document["unpaired"]}, {"d", "e"})
        out, _ = self.call("compare", better, old, code=3)
        self.assertIn("slower", out)
        self.call("compare", better, old, "--threshold", "0.5", code=0)

    def test_other_conditions_are_refused_by_name(self) -> None:
        old = self.write("old.json", case("a", 1.0), case("b", 1.0))
        new = self.write("new.json", case("a", 5.0, threads=1), case("b", 5.0, workload_hash="other"))
        _, err = self.call("compare", old, new, code=2)
        self.assertIn("nothing to compare", err)

    def test_a_run_against_itself(self) -> None:
        self.call("run", "--networks", "lenet-300-100", "--backends", "reference", "--quiet", "--no-ceilings", "--benchmark_min_time=3x", "--out", "r")
        out, _ = self.call("compare", "r", "r", "--json")
        summary = strict(out)["summary"]
        self.assertEqual(summary["faster"] + summary["slower"], 0)
        self.assertGreater(summary["same"] + summary["unclear"], 0)
        self.call("compare", "r/journal.jsonl", "r/run.json")

    def test_files_are_not_trusted(self) -> None:
        good = self.write("good.json", case("a", 1.0))
        for text in (
            "",
            "[]",
            "{}",
            "{",
            '{"schema_version": 1}',
            '{"schema_version": 1, "cases": [{}]}',
            '{"schema_version": 1, "cases": [NaN]}',
            "[" * 100000,
            "\x00\xff" * 100,
        ):
            bad = self.folder / "bad.json"
            bad.write_text(text, errors="surrogateescape")
            for pair in ((good, bad), (bad, good)):
                out, err = self.call("compare", *pair, code=2)
                self.assertEqual(out, "")
                self.assertEqual(len(err.strip().splitlines()), 1, err)
                self.assertIn("bad.json", err)
        self.call("compare", "missing", good, code=2)
        self.call("compare", self.folder, good, code=2)
        self.call("compare", good, code=2)


if __name__ == "__main__":
    unittest.main()
