"""The whole program on a GPU that is not there: faults of the device cost their own cases, and what the driver's libraries say reaches the rows."""

from __future__ import annotations

import json
import os
import sys
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "end_to_end"))
from program import FAST, ProgramTest

SMALL = ["--networks", "lenet-300-100", "--layers", "fc3", "--backends", "cuda"]
OWN = ["--densities", "dense,2:4", "--variants", "half2|^mma|^wgmma"]


class EmulatedGpu(ProgramTest):
    program = os.environ["CONVROOF_EMULATED_GPU"]

    def run_small(self, *more: str, code: int = 0, **environment: str) -> dict[str, Any]:
        self.call("run", *SMALL, *(more if "--variants" in more else (*OWN, *more)), *FAST, "--out", "r", code=code, env=environment)
        cases = self.document(self.folder / "r")["cases"]
        return {f"{case['variant']} {case['density']}": case for case in cases if case["outcome"] != "skipped"}

    def test_every_own_kernel_is_measured(self) -> None:
        cases = self.run_small()
        self.assertEqual(set(cases), {f"{v} {d}" for v in ("half2", "mma", "wgmma") for d in ("dense", "2:4")} | {"mma-2of4 2:4", "wgmma-2of4 2:4"})
        for name, case in cases.items():
            with self.subTest(case=name):
                self.assertIn(case["outcome"], ("measured", "noisy"))
                self.assertEqual((case["clock"], case["device"]), ("device", "Emulated GPU"))
                self.assertFalse(case["bytes_dram"], "no traffic")
                self.assertIn("stays in the level-two cache", case["facts"]["bytes_dram"])
                self.assertIn("NVML", case["facts"].get("nvml", "NVML"))

    def test_an_illegal_address_costs_its_cases_alone(self) -> None:
        cases = self.run_small(code=1, CONVROOF_EMULATED_FAULT="illegal-address=half2")
        self.assert_failed(cases, {"half2 dense", "half2 2:4"}, "cudaErrorIllegalAddress")

    def test_a_kernel_that_never_ends_costs_its_case_alone(self) -> None:
        cases = self.run_small("--timeout", "5", "--densities", "2:4", "--variants", "^mma$|^wgmma|half2", code=1, CONVROOF_EMULATED_FAULT="hang=mma")
        self.assert_failed(cases, {"mma 2:4"}, "no result within")

    def assert_failed(self, cases: dict[str, Any], hit: set[str], words: str) -> None:
        self.assertTrue(hit < set(cases))
        for name, case in cases.items():
            with self.subTest(case=name):
                if name in hit:
                    self.assertEqual(case["outcome"], "failed")
                    self.assertIn(words, case["reason"])
                    self.assertIsNone(case["seconds"])
                else:
                    self.assertIn(case["outcome"], ("measured", "noisy"), case["reason"])

    def test_an_allocation_that_fails_costs_its_case_alone(self) -> None:
        self.assert_large_layer_fails("cudaErrorMemoryAllocation", CONVROOF_EMULATED_FAULT="allocation=100000")

    def test_too_little_memory_is_said_before_the_allocation(self) -> None:
        self.assert_large_layer_fails("of device memory", CONVROOF_EMULATED_MEMORY="300000")

    def assert_large_layer_fails(self, words: str, **environment: str) -> None:
        """fc1 is large, fc3 is small."""
        layers = ["--networks", "lenet-300-100", "--layers", "fc1|fc3", "--backends", "cuda", "--variants", "^mma$"]
        self.call("run", *layers, *FAST, "--out", "r", code=1, env=environment)
        outcomes = {case["layer"]: (case["outcome"], case["reason"]) for case in self.document(self.folder / "r")["cases"]}
        self.assertEqual(outcomes["fc1"][0], "failed")
        self.assertIn(words, outcomes["fc1"][1])
        self.assertIn(outcomes["fc3"][0], ("measured", "noisy"))

    def test_graph_replay_is_a_mode(self) -> None:
        for case in self.run_small(CONVROOF_CUDA_GRAPH="1").values():
            self.assertIn(case["outcome"], ("measured", "noisy"))
            self.assertEqual(case["facts"]["launch"], "CUDA graph replay")

    def test_a_whole_network_runs_back_to_back(self) -> None:
        for more in ([], ["--graph"]):
            out, _ = self.call("cuda-network", "--network", "lenet5", "--batch", "2", "--kernels", "wgmma", "--samples", "3", "--json", *more)
            numbers = json.loads(out)
            self.assertEqual((numbers["batch"], numbers["samples"], numbers["device"]), (2, 3, "Emulated GPU"))
            self.assertEqual(numbers["launch"], "CUDA graph replay" if more else "stream")
            self.assertGreater(numbers["images_per_second"], 0)

    def test_the_plan_of_a_network_needs_no_device(self) -> None:
        self.program = os.environ["CONVROOF"]
        out, _ = self.call("cuda-network", "--network", "resnet18", "--batch", "32", "--plan")
        self.assertIn("conv2_1_add\tadd\tconv2_1_b,pool1\t", out)
        _, err = self.call("cuda-network", "--network", "lenet5", code=4, env={"CUDA_VISIBLE_DEVICES": ""})
        self.assertRegex(err, "driver|device")
        _, err = self.call("cuda-network", "--kernels", "wgma", code=2)
        self.assertIn("did you mean `wgmma`", err)

    def test_counted_bytes_and_readings_reach_the_rows(self) -> None:
        if "CONVROOF_FAKE_CUPTI" not in os.environ:
            self.skipTest("built without CUPTI's headers")
        cases = self.run_small(
            CONVROOF_CUDA_COUNTERS="1", CONVROOF_CUPTI_LIBRARY=os.environ["CONVROOF_FAKE_CUPTI"], CONVROOF_NVML_LIBRARY=os.environ["CONVROOF_FAKE_NVML"]
        )
        for case in cases.values():
            self.assertEqual((case["bytes_source"], case["bytes_dram"]), ("counted", 1200))
            self.assertEqual(case["facts"]["bytes_l2"], "5000")
            self.assertEqual(case["facts"]["gpu_clock_mhz"], "210")
            self.assertEqual(case["facts"]["gpu_throttle"], "idle")

    def test_refused_counters_leave_modelled_bytes_that_say_so(self) -> None:
        if "CONVROOF_FAKE_CUPTI" not in os.environ:
            self.skipTest("built without CUPTI's headers")
        cases = self.run_small(
            "--cache", "cold", CONVROOF_CUDA_COUNTERS="1", CONVROOF_CUPTI_LIBRARY=os.environ["CONVROOF_FAKE_CUPTI"], CONVROOF_FAKE_CUPTI_REFUSES="enable=35"
        )
        for case in cases.values():
            self.assertEqual(case["bytes_source"], "modelled")
            self.assertGreaterEqual(case["bytes_dram"], case["bytes_compulsory"] / 2)
            self.assertIn("no permission", case["facts"]["counters"])


if __name__ == "__main__":
    unittest.main()
