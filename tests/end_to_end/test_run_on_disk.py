"""What a run leaves on disk, and how it goes on."""

from __future__ import annotations

import contextlib
import os
import time
import unittest
from pathlib import Path

from program import FAST, ProgramTest, strict

SMALL = ["--networks", "lenet-300-100", "--backends", "reference"]

FIELDS = (Path(__file__).parent.parent / "case_fields.txt").read_text().split()


class RunFiles(ProgramTest):
    def test_every_field_of_every_case(self) -> None:
        self.call("run", *SMALL, *FAST, "--out", "r")
        document = self.document(self.folder / "r")
        self.assertEqual(document["schema_version"], 1)
        for key in ["date", "host_name", "executable", "num_cpus", "mhz_per_cpu", "cpu_scaling_enabled", "caches", "load_avg", "library_build_type"]:
            self.assertIn(key, document["context"], "Google Benchmark's own key")
        for key in ["machine", "operating_system", "compiler", "compiler_flags", "commit", "command_line", "libraries", "clocks", "options"]:
            self.assertIn(key, document["context"])
        self.assertFalse(document["context"]["interrupted"])
        self.assertEqual([case["layer"] for case in document["cases"]], ["fc1", "fc2", "fc3", "softmax"])
        for case in document["cases"]:
            self.assertLessEqual(set(FIELDS), set(case))
            self.assertIn(case["outcome"], ("measured", "noisy"))
            lo, hi = case["seconds_ci95"]
            self.assertTrue(0 < lo <= case["seconds"] <= hi)
            self.assertAlmostEqual(
                case["ops_per_second"], (2 * case["macs_executed"] + case["ops_other"]) / case["seconds"], delta=1e-6 * case["ops_per_second"]
            )
            self.assertAlmostEqual(
                case["ops_per_second_effective"], 2 * case["macs_dense"] / case["seconds"], delta=1e-6 * case["ops_per_second_effective"] + 1e-9
            )
            self.assertLessEqual(case["max_error"], case["error_bound"])
            self.assertEqual(case["reason"] == "", case["outcome"] == "measured")
            self.assertEqual(case["samples"], 3)
        self.assertEqual({line["name"] for line in self.journal(self.folder / "r")}, {case["name"] for case in document["cases"]})
        self.assertAlmostEqual(sum(case["network_time_share"] for case in document["cases"]), 1)

    def test_threads_of_workers_are_pinned_and_the_run_says_so(self) -> None:
        self.call("run", *SMALL, *FAST, "--out", "pinned", env={"OMP_PROC_BIND": None, "OMP_PLACES": None, "GOMP_CPU_AFFINITY": None})
        document = self.document(self.folder / "pinned")
        environment = document["context"]["environment"]
        self.assertEqual((environment["OMP_PROC_BIND"], environment["OMP_PLACES"]), ("close", "cores"))
        # By default one thread a core, although the workers, who plan too, are held on one processor each.
        self.assertEqual({case["threads"] for case in document["cases"]}, {document["context"]["machine"]["physical_cores"]})
        self.call("run", *SMALL, *FAST, "--out", "own", env={"OMP_PROC_BIND": "spread", "OMP_PLACES": "threads"})
        environment = self.document(self.folder / "own")["context"]["environment"]
        self.assertEqual((environment["OMP_PROC_BIND"], environment["OMP_PLACES"]), ("spread", "threads"))

    def test_workers_get_what_is_recorded(self) -> None:
        process = self.start(
            "run", *SMALL, "--quiet", "--no-ceilings", "--benchmark_min_time=2s", "--out", "r", env={"OMP_PROC_BIND": None, "OMP_PLACES": None}
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        seen: set[str] = set()
        for _ in range(2000):
            for child in children.read_text().split():
                with contextlib.suppress(OSError):
                    seen = set(Path(f"/proc/{child}/environ").read_text().split("\0"))
            if "OMP_PROC_BIND=close" in seen:
                break
            time.sleep(0.005)
        self.assertLessEqual({"OMP_PROC_BIND=close", "OMP_PLACES=cores"}, seen)

    def test_all_types_batches_and_densities(self) -> None:
        self.call(
            "run",
            *SMALL,
            *FAST,
            "--layers",
            "fc3",
            "--types",
            "f32,bf16,f16,s8,s16",
            "--batches",
            "1,16",
            "--densities",
            "dense,2:4,uniform:0.1/0.5,han2015",
            "--out",
            "r",
        )
        cases = self.document(self.folder / "r")["cases"]
        self.assertEqual(len(cases), 5 * 2 * 4)
        self.assertLessEqual({case["outcome"] for case in cases}, {"measured", "noisy"})
        for case in cases:
            self.assertEqual(case["data"], "integers" if case["type"] in ("s8", "s16") else "normal")
            if case["data"] == "integers":
                self.assertEqual((case["max_error"], case["error_bound"]), (0, 0))
            self.assertNotIn("/", case["name"].split("/batch:")[1].split("/")[1])
        dense, pruned = (next(c for c in cases if c["density"] == d and c["type"] == "f32" and c["batch"] == 1) for d in ("dense", "uniform:0.1/0.5"))
        self.assertLess(pruned["bytes_compulsory"], dense["bytes_compulsory"])
        self.assertEqual(pruned["macs_dense"], dense["macs_dense"])

    def test_cold_caches_epilogues_threads_and_integer_data(self) -> None:
        for extra in (["--cache", "cold"], ["--epilogue", "none"], ["--epilogue", "bias"], ["--threads", "1"], ["--data", "integers"], ["--seed", "9"]):
            self.call("run", *SMALL, *FAST, "--layers", "fc3", *extra, "--out", "r", "--force")
            (case,) = self.document(self.folder / "r")["cases"]
            key = extra[0].strip("-")
            self.assertEqual(str(case[key]), extra[1])
            self.assertIn(case["outcome"], ("measured", "noisy"))

    def test_own_network_and_density_files(self) -> None:
        (self.folder / "tiny.toml").write_text('name = "tiny"\ninput = [2, 5, 5]\n[[layer]]\nname = "only"\nop = "conv"\nout_channels = 3\nkernel = 3\n')
        (self.folder / "mine.toml").write_text('name = "mine"\n[network.tiny]\nonly = { weights = 0.5, input = 0.25 }\n')
        self.call("run", "--networks", "tiny.toml", "--densities", "dense,mine.toml", "--backends", "reference", *FAST, "--out", "r")
        cases = self.document(self.folder / "r")["cases"]
        self.assertEqual([case["name"] for case in cases], [f"tiny/only/reference/plain/f32/batch:1/{d}/real_time" for d in ("dense", "mine")])
        self.assertEqual(cases[1]["activation_density"], 0.25)

    def test_names_from_files_are_plain(self) -> None:
        (self.folder / "mine.toml").write_text('name = "d\u00e9j\u00e0"\n[network.lenet5]\nconv1 = { weights = 0.5 }\n')
        _, err = self.call("run", "--networks", "lenet5", "--densities", "mine.toml", "--backends", "reference", "--dry-run", code=2)
        self.assertIn("ASCII", err)

    def test_a_network_that_a_density_set_does_not_know(self) -> None:
        self.call("run", "--networks", "resnet18", "--layers", "conv1$", "--densities", "han2015", "--backends", "reference", *FAST, "--out", "r")
        for case in self.document(self.folder / "r")["cases"]:
            self.assertEqual(case["outcome"], "skipped")
            self.assertIn("resnet18", case["reason"])
            self.assertIsNone(case["seconds"])

    def test_a_layer_beyond_this_machine_is_skipped(self) -> None:
        (self.folder / "huge.toml").write_text(
            'name = "huge"\ninput = [4096, 2048, 2048]\n[[layer]]\nname = "big"\nop = "conv"\nout_channels = 4096\nkernel = 3\npadding = 1\n'
        )
        for batch in (1, 1 << 20):
            self.call("run", "--networks", "huge.toml", "--backends", "reference", "--batches", str(batch), *FAST, "--out", f"b{batch}")
            (case,) = self.document(self.folder / f"b{batch}")["cases"]
            self.assertEqual(case["outcome"], "skipped")
            self.assertIn("too large", case["reason"])

    def test_an_output_that_proves_nothing_is_untrusted(self) -> None:
        self.call("run", *SMALL, *FAST, "--layers", "fc3", "--densities", "uniform:0/0.5", "--epilogue", "none", "--out", "r")
        (case,) = self.document(self.folder / "r")["cases"]
        self.assertEqual((case["outcome"], case["seconds"]), ("untrusted", None))

    def test_the_default_folder(self) -> None:
        out, _ = self.call("run", *SMALL, *FAST, "--layers", "fc3")
        path = out.splitlines()[-1]
        self.assertRegex(path, r"^convroof-runs/\d{4}-\d\d-\d\dT\d{6}Z/run\.json$")
        self.assertTrue((self.folder / path).exists())

    def test_quiet_says_nothing_and_stdout_has_the_table(self) -> None:
        out, err = self.call("run", *SMALL, *FAST, "--layers", "fc3", "--out", "r")
        self.assertEqual(err, "")
        self.assertIn("lenet-300-100/fc3/reference/plain/f32/batch:1/dense/real_time", out)
        self.assertEqual(out.splitlines()[-1], "r/run.json")


class Streams(ProgramTest):
    def test_progress_is_for_terminals(self) -> None:
        import pty

        _, err = self.call("run", *SMALL, FAST[0], "--layers", "fc3", "--out", "a")
        self.assertNotIn("left", err)
        leader, follower = pty.openpty()
        process = self.start("run", *SMALL, FAST[0], "--layers", "fc3", "--out", "b", stderr=follower, env={"TERM": "xterm"})
        os.close(follower)
        seen = b""
        while True:
            try:
                chunk = os.read(leader, 4096)
            except OSError:  # the program has closed its side
                break
            if not chunk:
                break
            seen += chunk
        process.communicate(timeout=60)
        os.close(leader)
        self.assertEqual(process.returncode, 0)
        self.assertIn(b"left", seen)
        self.assertIn(b"lenet-300-100/fc3/", seen)

    def test_a_reader_that_goes_away_costs_no_results(self) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        self.call("run", *SMALL, *FAST, "--layers", "fc3", "--out", "r", stdout=writer, code=74)
        os.close(writer)
        self.assertFalse(self.document(self.folder / "r")["context"]["interrupted"])

    def test_a_second_file_inside_the_runs_own_folder(self) -> None:
        self.call("run", *SMALL, *FAST, "--layers", "fc3", "--out", "r", "--benchmark_out=r/google.json")
        self.assertTrue((self.folder / "r" / "google.json").exists())


class Roofs(ProgramTest):
    def test_are_measured_and_judge(self) -> None:
        self.call("run", *SMALL, *FAST[:2], "--layers", "fc3", "--out", "r")
        for ceiling in self.document(self.folder / "r")["ceilings"]:
            self.assertIn(ceiling["kind"], ("compute", "bandwidth"))
            self.assertGreater(ceiling["value"], 0)
        self.call("run", *SMALL, *FAST, "--layers", "fc3", "--out", "s")
        document = self.document(self.folder / "s")
        self.assertEqual(document["ceilings"], [])
        self.assertEqual(document["cases"][0]["bound"], "unknown")


class Folders(ProgramTest):
    def test_a_folder_that_is_not_empty(self) -> None:
        (self.folder / "r").mkdir()
        (self.folder / "r" / "precious").write_text("keep")
        _, err = self.call("run", *SMALL, *FAST, "--out", "r", code=2)
        self.assertIn("--force", err)
        self.call("run", *SMALL, *FAST, "--layers", "fc3", "--out", "r", "--force")
        self.assertEqual((self.folder / "r" / "precious").read_text(), "keep")
        self.call("run", *SMALL, *FAST, "--out", "r/precious", code=2)

    def test_an_empty_folder_will_do(self) -> None:
        (self.folder / "r").mkdir()
        self.call("run", *SMALL, *FAST, "--layers", "fc3", "--out", "r")

    def test_a_folder_that_cannot_be_made(self) -> None:
        self.call("run", *SMALL, *FAST, "--out", "/proc/nowhere/r", code=74)
        self.call("run", *SMALL, *FAST, "--layers", "fc3", "--benchmark_out=/nowhere/x.json", "--out", "r", code=74)


class Resume(ProgramTest):
    def test_finished_cases_are_not_measured_again(self) -> None:
        self.call("run", *SMALL, *FAST, "--out", "r")
        before = self.document(self.folder / "r")
        journal = (self.folder / "r" / "journal.jsonl").read_text()
        lines = journal.splitlines(keepends=True)
        (self.folder / "r" / "journal.jsonl").write_text(lines[0] + lines[1] + lines[2][:50])
        os.remove(self.folder / "r" / "run.json.tmp") if (self.folder / "r" / "run.json.tmp").exists() else None
        self.call("run", "--resume", "r", *FAST[1:])
        after = self.document(self.folder / "r")
        self.assertEqual([c["name"] for c in after["cases"]], [c["name"] for c in before["cases"]])
        kept = {strict(line)["name"] for line in lines[:2]}
        for old, new in zip(before["cases"], after["cases"]):
            self.assertIn(new["outcome"], ("measured", "noisy"))
            if new["name"] in kept:
                self.assertEqual(new["sample_seconds"], old["sample_seconds"])
            else:
                self.assertNotEqual(new["sample_seconds"], old["sample_seconds"])
        self.assertEqual(len(self.journal(self.folder / "r")), 4)

    def test_with_the_filters_given_again(self) -> None:
        self.call("run", *SMALL, *FAST, "--layers", "fc3", "--out", "r")
        before = self.document(self.folder / "r")
        self.call("run", *SMALL, *FAST, "--layers", "fc[23]", "--resume", "r")
        after = self.document(self.folder / "r")
        self.assertEqual(len(after["cases"]), 2)
        self.assertEqual(after["cases"][1]["sample_seconds"], before["cases"][0]["sample_seconds"])

    def test_other_conditions_are_measured_anew(self) -> None:
        self.call("run", *SMALL, *FAST, "--layers", "fc3", "--out", "r")
        before = self.document(self.folder / "r")
        self.call("run", *SMALL, *FAST, "--layers", "fc3", "--epilogue", "none", "--resume", "r")
        after = self.document(self.folder / "r")
        self.assertEqual(after["cases"][0]["epilogue"], "none")
        self.assertNotEqual(after["cases"][0]["sample_seconds"], before["cases"][0]["sample_seconds"])

    def test_a_finished_run_stays_as_it_is(self) -> None:
        self.call("run", *SMALL, *FAST, "--out", "r")
        before = self.document(self.folder / "r")
        self.call("run", "--resume", "r", "--quiet")
        self.assertEqual(self.document(self.folder / "r")["cases"], before["cases"])

    def test_a_journal_with_nonsense_inside(self) -> None:
        self.call("run", *SMALL, *FAST, "--layers", "fc3", "--out", "r")
        (self.folder / "r" / "journal.jsonl").write_text("nonsense\n{}\n")
        _, err = self.call("run", "--resume", "r", code=2)
        self.assertIn("journal.jsonl:1", err)

    def test_a_run_json_with_nonsense_inside(self) -> None:
        self.call("run", *SMALL, *FAST, "--layers", "fc3", "--out", "r")
        for text in ("", "[]", "null", "{", '{"context": {"options": {"networks": 7}}}', '{"context": 3, "ceilings": 4}', '{"ceilings": [1, {}]}'):
            (self.folder / "r" / "run.json").write_text(text)
            self.call("run", *SMALL, "--layers", "fc3", *FAST, "--resume", "r")
        (self.folder / "r" / "run.json").write_text('{"context": {"options": {"networks": 7}}}')
        self.call("run", "--resume", "r", code=2)


class FullDisk(ProgramTest):
    def test_what_was_measured_stays(self) -> None:
        """A limit on the size of files stands for the disk: the first cases fit, the rest does not."""
        self.call("run", *SMALL, *FAST, "--out", "whole")
        line = len((self.folder / "whole" / "journal.jsonl").read_text().splitlines()[0])
        script = f'ulimit -f {max(1, 2 * line // 1024)}; exec "$0" "$@"'
        process = __import__("subprocess").run(
            ["bash", "-c", script, self.program, "run", *SMALL, *FAST, "--out", "r"],
            capture_output=True,
            text=True,
            cwd=self.folder,
            preexec_fn=ignore_file_size_signal,
        )
        self.assertEqual(process.returncode, 74, process.stdout + process.stderr)
        self.assertEqual(len(process.stderr.strip().splitlines()), 1)
        for row in self.journal(self.folder / "r"):
            self.assertIn(row["outcome"], ("measured", "noisy"))

    def test_stdout_is_full(self) -> None:
        with open("/dev/full", "w") as full:
            self.call("run", *SMALL, *FAST, "--layers", "fc3", "--out", "r", stdout=full, code=74)
        self.assertIn(self.document(self.folder / "r")["cases"][0]["outcome"], ("measured", "noisy"))

    @unittest.skipUnless(os.geteuid() == 0, "mounting needs root")
    def test_a_disk_that_is_really_full(self) -> None:
        import subprocess

        mount = self.folder / "disk"
        mount.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", mount]).returncode != 0:
            self.skipTest("no tmpfs here")
        try:
            self.call(
                "run", "--networks", "lenet5", "--backends", "reference", "--densities", "dense,2:4,1:4,uniform:0.5/0.5", *FAST, "--out", mount / "r", code=74
            )
            for row in self.journal(mount / "r"):
                self.assertIn(row["outcome"], ("measured", "noisy"))
        finally:
            subprocess.run(["umount", mount], check=True)


def ignore_file_size_signal() -> None:
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


if __name__ == "__main__":
    unittest.main(verbosity=2)
