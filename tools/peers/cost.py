"""What a process costs, and what a simulator counts."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, fields
from pathlib import Path


class Skipped(Exception):
    """This peer cannot be driven here; the text says why and what mends it."""


@dataclass
class Cost:
    cpu_seconds: float = 0.0
    megabytes: float = 0.0  # the largest of its processes

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.cpu_seconds + other.cpu_seconds, max(self.megabytes, other.megabytes))


def cost_of(command: list[str], folder: Path) -> Cost:
    """Of one process and its children, start included. Raises RuntimeError with the end of its output where it fails."""
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{(folder / 'log').read_text()[-2000:]}")
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def require_module(python: str, module: str, package: str) -> None:
    try:
        found = subprocess.run([python, "-c", f"import {module}"], capture_output=True).returncode == 0
    except OSError as error:
        raise Skipped(f"{python}: {error.strerror}") from error
    if not found:
        raise Skipped(f"{python} has no {module} ({python} -m pip install {package})")


@dataclass
class Counts:
    """Of one layer on the array, in words of the array's edge, padding included; None: the simulator does not say."""

    clocks: int | None  # without fill and drain: pixels x folds
    inputs: int | None
    weights: int | None
    sums_written: int | None
    sums_read: int | None
    macs: int | None = None

    def __mul__(self, groups: int) -> Counts:
        return Counts(*(None if value is None else value * groups for value in (getattr(self, field.name) for field in fields(self))))

    def differences(self, other: Counts) -> list[str]:
        """Where both say something and it is not the same: "inputs 3 for 4"."""
        pairs = [(field.name, getattr(self, field.name), getattr(other, field.name)) for field in fields(self)]
        return [
            f"{name.replace('_', ' ')} {other_value} for {value}"
            for name, value, other_value in pairs
            if None not in (value, other_value) and value != other_value
        ]
