"""A backend that crashes, hangs and lies costs its own case and nothing else."""

from __future__ import annotations

import unittest

from program import FAST, FAULTY, ProgramTest

LAYER = ["--networks", "lenet-300-100", "--layers", "fc3"]

EXPECTED = {
    "good": ("measured", ""),
    "crash": ("failed", "signal 11"),
    "abort": ("failed", "signal 6"),
    "exit": ("failed", "exit code 0"),
    "hang": ("failed", "no result within"),
    "slow": ("measured", ""),
    "throw": ("failed", "on fire"),
    "odd-text": ("failed", "not UTF-8"),
    "memory": ("failed", "out of memory"),
    "later": ("failed", "signal 7"),
    "chatty": ("measured", ""),
    "unwritten": ("wrong", "nan"),
    "nan": ("wrong", "nan"),
    "wrong": ("wrong", "1 of 10 elements"),
    "zeros": ("wrong", "elements"),
    "drift": ("wrong", "after the timed runs"),
    "infinite": ("measured", ""),
    "impossible": ("untrusted", "roof"),
    "prepare-crash": ("failed", "signal 8"),
    "prepare-nothing": ("failed", "no kernel"),
    "supports-crash": ("failed", "signal 4"),
}


class Faults(ProgramTest):
    program = FAULTY

    def test_each_fault_costs_its_own_case(self) -> None:
        out, err = self.call("run", *LAYER, *FAST[:2], "--timeout", "8", "--out", "r", code=1)
        self.assertEqual(err.replace('{"row": {}}\n', ""), "", "only what the chatty backend prints, and that on stderr")
        document = self.document(self.folder / "r")
        cases = {case["variant"]: case for case in document["cases"] if case["backend"] == "faulty"}
        self.assertEqual(set(cases), set(EXPECTED))
        for variant, (outcome, words) in EXPECTED.items():
            with self.subTest(variant=variant):
                case = cases[variant]
                found = "measured" if case["outcome"] == "noisy" else case["outcome"]
                self.assertEqual(found, outcome, case["reason"])
                if words:
                    self.assertIn(words, case["reason"])
                self.assertEqual(case["seconds"] is None, outcome != "measured")
                self.assertEqual("reproduce" in case, outcome in ("failed", "wrong"))
                if outcome in ("failed", "wrong"):
                    self.assertIn(case["reproduce"], out)
        names = {entry["name"] for entry in document["benchmarks"]}
        self.assertEqual(names, {case["name"] for case in document["cases"] if case["seconds"] is not None})
        reference = next(case for case in document["cases"] if case["backend"] == "reference")
        self.assertIn(reference["outcome"], ("measured", "noisy"))

    def test_a_backend_that_is_missing_has_rows_that_say_so(self) -> None:
        self.call("run", "--networks", "lenet5", "--layers", "conv", "--backends", "missing", *FAST, "--out", "r")
        conv1, conv2 = self.document(self.folder / "r")["cases"]
        self.assertEqual((conv1["outcome"], conv1["reason"], conv1["facts"]), ("skipped", "no driver: install one", {"plan": "engine 7"}))
        self.assertEqual((conv2["outcome"], conv2["reason"], conv2["facts"]), ("skipped", "no driver: install one", {}))

    def test_require_what_is_missing(self) -> None:
        _, err = self.call("run", "--networks", "lenet5", "--require", "reference,missing", "--dry-run", code=4)
        self.assertIn("no driver", err)
        self.call("run", "--networks", "lenet5", "--require", "reference,faulty", "--dry-run", "--variants", "good|plain")

    def test_roofs_that_crash_leave_the_cases_alone(self) -> None:
        _, err = self.call("run", *LAYER, "--variants", "good|plain", "--benchmark_min_time=3x", "--out", "r", env={"CONVROOF_FAULTY_CEILINGS": "crash"})
        self.assertIn("roofs", err)
        for case in self.document(self.folder / "r")["cases"]:
            if case["backend"] != "missing":
                self.assertIn(case["outcome"], ("measured", "noisy"))

    def test_the_reproducer_reproduces(self) -> None:
        import shlex

        self.call("run", *LAYER, *FAST, "--backends", "faulty", "--variants", "^wrong$", "--densities", "uniform:0.5/0.5", "--out", "r", code=1)
        (case,) = self.document(self.folder / "r")["cases"]
        words = shlex.split(case["reproduce"])
        self.assertEqual(words[:2], ["convroof", "run"])
        self.call(*words[1:], "--out", "again", code=1)
        (again,) = self.document(self.folder / "again")["cases"]
        self.assertEqual((again["name"], again["outcome"], again["reason"]), (case["name"], case["outcome"], case["reason"]))

    def test_failed_cases_are_tried_again_by_resume(self) -> None:
        self.call("run", *LAYER, *FAST, "--backends", "faulty", "--variants", "good|throw|wrong", "--out", "r", code=1)
        before = self.document(self.folder / "r")["cases"]
        self.call("run", "--resume", "r", "--quiet", code=1)
        self.assertEqual([case["outcome"] for case in self.document(self.folder / "r")["cases"]], [case["outcome"] for case in before])
        self.assertEqual(sum(row["variant"] == "throw" for row in self.journal(self.folder / "r")), 2)
        self.assertEqual(sum(row["variant"] == "wrong" for row in self.journal(self.folder / "r")), 1)

    def test_nothing_but_skips_is_no_failure(self) -> None:
        self.call("run", *LAYER, "--backends", "missing", "--quiet", "--out", "r", code=0)

    def test_strict(self) -> None:
        self.call("run", *LAYER, "--backends", "reference", "--strict", "--half-width", "0.000001", "--max-time", "0.05", "--quiet", "--out", "r", code=5)


if __name__ == "__main__":
    unittest.main(verbosity=2)
