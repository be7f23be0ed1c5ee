"""Starts the program under test and reads what it leaves behind."""

from __future__ import annotations

import json
import math
import os
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Any

CONVROOF = os.environ.get("CONVROOF", "convroof")
FAULTY = os.environ.get("CONVROOF_FAULTY", "convroof_faulty")

# Few samples: these tests ask whether numbers arrive, not how good they are.
FAST = ["--benchmark_min_time=3x", "--quiet", "--no-ceilings"]


def strict(text: str) -> Any:
    """JSON as the standard has it: no NaN, no Infinity, no name twice."""

    def refuse(name: str) -> None:
        raise ValueError(f"not JSON: {name}")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        if len(names) != len(set(names)):
            raise ValueError(f"a name stands twice in {names}")
        return dict(pairs)

    return json.loads(text, parse_constant=refuse, object_pairs_hook=unique)


def all_finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(all_finite(v) for v in value.values())
    if isinstance(value, list):
        return all(all_finite(v) for v in value)
    return not isinstance(value, float) or math.isfinite(value)


class ProgramTest(unittest.TestCase):
    program = CONVROOF

    def setUp(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="convroof-test-")
        self.folder = Path(self._folder.name)
        self.addCleanup(self._folder.cleanup)

    def start(self, *arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
        # Workers pin themselves to the first cores, where tests that run side by side would all sit; nothing is remembered outside of the test.
        # None takes a name away.
        environment = {"OMP_PROC_BIND": "false", "CONVROOF_CACHE": "", **os.environ, **options.pop("env", {})}
        environment = {name: value for name, value in environment.items() if value is not None}
        return subprocess.Popen(
            [self.program, *map(str, arguments)],
            stdout=options.pop("stdout", subprocess.PIPE),
            stderr=options.pop("stderr", subprocess.PIPE),
            text=True,
            env=environment,
            cwd=options.pop("cwd", self.folder),
            **options,
        )

    def call(self, *arguments: str | Path, code: int | None = 0, **options: Any) -> tuple[str, str]:
        """Runs to the end and checks the exit code."""
        process = self.start(*arguments, **options)
        out, err = process.communicate(timeout=300)
        if code is not None:
            self.assertEqual(process.returncode, code, f"{arguments}\nstdout: {out}\nstderr: {err}")
        return out or "", err or ""

    def document(self, folder: Path) -> Any:
        document = strict((folder / "run.json").read_text())
        self.assertTrue(all_finite(document))
        return document

    def journal(self, folder: Path) -> list[Any]:
        return [strict(line) for line in (folder / "journal.jsonl").read_text().splitlines()]

    def outcomes(self, folder: Path) -> dict[str, str]:
        """Outcome by variant."""
        return {case["variant"]: case["outcome"] for case in self.document(folder)["cases"]}
