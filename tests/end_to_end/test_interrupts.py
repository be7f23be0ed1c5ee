"""Signals: what was measured is kept and valid, what was not reached says so."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import unittest
from pathlib import Path

from program import FAULTY, ProgramTest

CASES = [
    "run",
    "--networks",
    "lenet-300-100",
    "--layers",
    "fc3",
    "--backends",
    "reference,faulty",
    "--variants",
    "plain|good|slow|hang",
    "--benchmark_min_time=3x",
    "--out",
    "r",
]


class Interrupts(ProgramTest):
    program = FAULTY

    def wait_for_lines(self, count: int) -> None:
        journal = self.folder / "r" / "journal.jsonl"
        for _ in range(600):
            if journal.exists() and len(journal.read_text().splitlines()) >= count:
                return
            time.sleep(0.05)
        self.fail("the journal did not grow")

    def check_interrupted(self, process: subprocess.Popen[str], code: int = 130) -> None:
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, code, out + err)
        document = self.document(self.folder / "r")
        self.assertTrue(document["context"]["interrupted"])
        self.assertEqual(len(document["cases"]), 4)
        by_variant = {case["variant"]: case for case in document["cases"]}
        self.assertIn(by_variant["plain"]["outcome"], ("measured", "noisy"))
        self.assertEqual((by_variant["slow"]["outcome"], by_variant["slow"]["reason"]), ("skipped", "interrupted"))
        self.assertEqual((by_variant["hang"]["outcome"], by_variant["hang"]["reason"]), ("skipped", "interrupted"))
        self.assertIsNone(by_variant["hang"]["seconds"])

    def test_sigint_and_sigterm(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.start(*CASES, "--force")
            # Plan order is plain, good, hang, slow: the third hangs.
            self.wait_for_lines(2)
            time.sleep(0.3)
            process.send_signal(number)
            self.check_interrupted(process)

    def test_twice_is_at_once(self) -> None:
        process = self.start(*CASES)
        self.wait_for_lines(2)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        start = time.monotonic()
        self.check_interrupted(process)
        self.assertLess(time.monotonic() - start, 1.8)

    def test_a_terminal_sends_it_to_the_whole_group(self) -> None:
        process = self.start(*CASES, start_new_session=True)
        self.wait_for_lines(2)
        time.sleep(0.3)
        os.killpg(process.pid, signal.SIGINT)
        self.check_interrupted(process)

    def test_a_batch_system_ends_the_whole_group(self) -> None:
        process = self.start(*CASES, start_new_session=True)
        self.wait_for_lines(2)
        time.sleep(0.3)
        os.killpg(process.pid, signal.SIGTERM)
        self.check_interrupted(process)

    def test_an_interrupted_run_can_be_resumed(self) -> None:
        process = self.start(*CASES)
        self.wait_for_lines(2)
        process.send_signal(signal.SIGINT)
        self.check_interrupted(process)
        before = {case["name"]: case for case in self.document(self.folder / "r")["cases"]}
        self.call("run", "--resume", "r", "--quiet", "--timeout", "8", code=1)
        document = self.document(self.folder / "r")
        self.assertFalse(document["context"]["interrupted"])
        outcomes = {case["variant"]: case["outcome"] for case in document["cases"]}
        self.assertEqual(outcomes["hang"], "failed")
        self.assertIn(outcomes["slow"], ("measured", "noisy"))
        for case in document["cases"]:
            if case["variant"] in ("plain", "good"):
                self.assertEqual(case["sample_seconds"], before[case["name"]]["sample_seconds"])

    def test_a_killed_parent_leaves_valid_files_and_no_child(self) -> None:
        process = self.start(*CASES)
        self.wait_for_lines(2)
        time.sleep(0.3)
        children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
        self.assertEqual(len(children), 1)
        process.kill()
        process.communicate()
        document = self.document(self.folder / "r")  # written before the first case
        self.assertTrue(document["context"]["interrupted"])
        self.assertEqual(len(self.journal(self.folder / "r")), 2)
        for _ in range(100):
            if not os.path.exists(f"/proc/{children[0]}") or "State:\tZ" in Path(f"/proc/{children[0]}/status").read_text():
                return
            time.sleep(0.05)
        self.fail("the worker outlived its parent")

    def test_a_killed_worker_costs_one_case(self) -> None:
        process = self.start(*CASES, "--timeout", "8")
        self.wait_for_lines(2)
        time.sleep(0.3)
        (child,) = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
        os.kill(int(child), signal.SIGKILL)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, out + err)
        outcomes = {case["variant"]: (case["outcome"], case["reason"]) for case in self.document(self.folder / "r")["cases"]}
        self.assertEqual(outcomes["hang"][0], "failed")
        self.assertIn("signal 9", outcomes["hang"][1])
        self.assertIn(outcomes["slow"][0], ("measured", "noisy"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
