"""Google Benchmark's flags on `run`, and its files as its own tools and other readers take them."""

from __future__ import annotations

import subprocess
import sys
import unittest
from pathlib import Path

from program import ProgramTest, all_finite, strict

SMALL = ["run", "--networks", "lenet-300-100", "--backends", "reference", "--quiet", "--no-ceilings"]


class Flags(ProgramTest):
    def test_filter(self) -> None:
        self.call(*SMALL, "--benchmark_min_time=3x", "--benchmark_filter=fc[12]/", "--out", "r")
        self.assertEqual([case["layer"] for case in self.document(self.folder / "r")["cases"]], ["fc1", "fc2"])
        self.call(*SMALL, "--benchmark_min_time=3x", "--benchmark_filter=-fc", "--out", "s")
        self.assertEqual([case["layer"] for case in self.document(self.folder / "s")["cases"]], ["softmax"])

    def test_repetitions(self) -> None:
        self.call(*SMALL, "--layers", "fc3", "--benchmark_min_time=3x", "--benchmark_repetitions=9", "--out", "r")
        document = self.document(self.folder / "r")
        entries = document["benchmarks"]
        self.assertEqual([entry["run_type"] for entry in entries], ["iteration"] * 9 + ["aggregate"] * 4)
        self.assertEqual([entry["repetition_index"] for entry in entries[:9]], list(range(9)))
        self.assertEqual(document["cases"][0]["samples"], 27)

    def test_min_time_in_all_of_its_forms(self) -> None:
        for text in ("0.01", "0.01s", "5x"):
            self.call(*SMALL, "--layers", "fc3", f"--benchmark_min_time={text}", "--out", "r", "--force")
        self.assertEqual(self.document(self.folder / "r")["cases"][0]["samples"], 5)

    def test_out_in_all_formats(self) -> None:
        for kind in ("json", "csv", "console"):
            self.call(
                *SMALL, "--layers", "fc3", "--benchmark_min_time=3x", f"--benchmark_out=file.{kind}", f"--benchmark_out_format={kind}", "--out", "r", "--force"
            )
            text = (self.folder / f"file.{kind}").read_text()
            self.assertIn("lenet-300-100/fc3/reference/plain/f32/batch:1/dense/real_time", text)
        self.assertEqual(set(strict((self.folder / "file.json").read_text())), {"context", "benchmarks"})

    def test_out_that_cannot_be_written(self) -> None:
        self.call(*SMALL, "--layers", "fc3", "--benchmark_min_time=3x", "--benchmark_out=/dev/full", "--out", "r", code=74)
        self.assertIn(self.document(self.folder / "r")["cases"][0]["outcome"], ("measured", "noisy"))
        self.assertTrue(Path("/dev/full").is_char_device())

    def test_context(self) -> None:
        self.call(
            *SMALL, "--layers", "fc3", "--benchmark_min_time=3x", "--benchmark_context=pr=17,branch=x=y", "--benchmark_counters_tabular=true", "--out", "r"
        )
        context = self.document(self.folder / "r")["context"]
        self.assertEqual((context["pr"], context["branch"]), ("17", "x=y"))
        self.call(*SMALL, "--layers", "fc3", "--benchmark_context=date=now", "--out", "s", code=2)


class Readers(ProgramTest):
    """Restatements of what each reader takes from a file."""

    def setUp(self) -> None:
        super().setUp()
        self.call(*SMALL, "--benchmark_min_time=3x", "--benchmark_repetitions=3", "--out", "r")
        self.file = self.folder / "r" / "run.json"
        self.content = strict(self.file.read_text())

    def test_every_entry_is_whole(self) -> None:
        self.assertTrue(all_finite(self.content))
        for entry in self.content["benchmarks"]:
            for key in [
                "name",
                "family_index",
                "per_family_instance_index",
                "run_name",
                "run_type",
                "repetitions",
                "threads",
                "iterations",
                "real_time",
                "cpu_time",
                "time_unit",
            ]:
                self.assertIn(key, entry)
            self.assertTrue(entry["name"].isascii() and " " not in entry["name"])
            if entry["run_type"] == "iteration":
                self.assertGreater(entry["real_time"], 0)

    def test_bencher(self) -> None:
        self.assertIsInstance(self.content["context"]["caches"], list)
        for entry in self.content["benchmarks"]:
            self.assertIsInstance(entry["name"], str)
            self.assertIsInstance(entry["real_time"], float)
            self.assertIn(entry["time_unit"], ("ns", "us", "ms", "s"))

    def test_github_action_benchmark(self) -> None:
        for entry in self.content["benchmarks"]:
            f"{entry['name']}: {entry['real_time']} {entry['time_unit']}/iter, iterations: {entry['iterations']} cpu: {entry['cpu_time']} {entry['time_unit']} threads: {entry['threads']}"

    def test_conbench(self) -> None:
        for entry in self.content["benchmarks"]:
            if entry["run_type"] == "iteration":
                self.assertTrue(entry["name"].endswith("/real_time"))
                self.assertGreater(entry["bytes_per_second"], 0)
                self.assertGreater(entry["items_per_second"], 0)

    def test_its_own_compare_tool(self) -> None:
        tool = Path("/usr/share/benchmark/compare.py")
        if not tool.exists():
            self.skipTest("compare.py is not here (package libbenchmark-tools)")
        pythons = [
            p for p in (sys.executable, "/usr/bin/python3") if subprocess.run([p, "-c", "import numpy, scipy.stats"], capture_output=True).returncode == 0
        ]
        if not pythons:
            self.skipTest("compare.py needs numpy and scipy (package python3-scipy)")
        result = subprocess.run([pythons[0], tool, "-a", "benchmarks", self.file, self.file], capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("lenet-300-100/fc1/reference/plain/f32/batch:1/dense/real_time", result.stdout)
        self.assertIn("OVERALL_GEOMEAN", result.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
