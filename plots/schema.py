"""The results schema as typed values, and the strict reader of run.json.

A results file may come from a stranger: every field used is checked for type and range, sizes are bounded, and the first thing that is wrong
ends the reading with one line that names the file, the field and what was expected. Unknown fields are allowed (the schema may grow)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

SCHEMA_VERSIONS = (1,)
MAX_FILE_BYTES = 256 << 20
MAX_ROWS = 100_000  # of cases, of ceilings
MAX_SAMPLES = 1_000_000
MAX_NAME = 400
MAX_TEXT = 20_000

CLOCKS = ("host", "device", "simulated")
OUTCOMES = ("measured", "noisy", "skipped", "wrong", "untrusted", "failed")
WITH_NUMBERS = ("measured", "noisy")
CEILING_KINDS = ("compute", "bandwidth")


class InputProblem(Exception):
    """Something that the reader of the message can mend; printed as one line, exit code 2."""


@dataclass(frozen=True)
class Ceiling:
    device: str
    kind: str  # compute, bandwidth
    type: str  # compute: f32 ...; bandwidth: may be empty
    accumulator: str
    unit_used: str
    level: str  # bandwidth: L1 L2 L3 L3+dram dram hbm sram
    value: float  # op/s or B/s
    unit: str
    threads: int
    clock_hz: float | None
    spread: float | None
    theoretical: float | None
    source: str  # measured, simulated, datasheet
    method: str


@dataclass(frozen=True)
class Numbers:
    """What a measured or noisy case has. Units as in the contract: s, op/s, B, op/B."""

    seconds: float
    seconds_ci95: tuple[float, float]
    samples: int
    macs_dense: int
    macs_executed: int
    ops_per_second: float
    ops_per_second_effective: float
    bytes_compulsory: int
    bytes_packed: int
    intensity_effective: float | None
    intensity_executed: float | None
    roof_ops_per_second: float | None
    roof_fraction: float | None
    bound: str
    cycles: int | None
    stall_cycles: int | None
    pe_utilization: float | None
    clock_hz: float | None
    fidelity: str
    pe_clocks_lost: tuple[tuple[str, int], ...]  # of simulated machines, cause by cause from the stated peak down; empty: not recorded


@dataclass(frozen=True)
class Case:
    name: str
    network: str
    layer: str
    op: str
    backend: str
    variant: str
    device: str
    type: str
    batch: int
    density: str
    threads: int
    cache: str
    epilogue: str
    data: str
    clock: str
    outcome: str
    reason: str
    repeats: int  # this layer stands so often in its network
    shape: str  # equal for layers of equal shape; empty: not recorded
    accumulator: str  # empty: not recorded
    unit_used: str
    facts: tuple[tuple[str, str], ...]
    numbers: Numbers | None


@dataclass(frozen=True)
class Run:
    label: str  # the folder's name; tells runs apart in figures
    path: Path
    context: dict[str, Any]
    ceilings: tuple[Ceiling, ...]
    cases: tuple[Case, ...]


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


class _Fields:
    """One JSON object with its place in the file, so that every complaint can name it."""

    def __init__(self, where: str, value: Any) -> None:
        if not isinstance(value, dict):
            raise InputProblem(f"{where}: must be an object, got {_shown(value)}")
        self.where, self.value = where, value

    def fail(self, key: str, expected: str) -> NoReturn:
        place = f"{self.where}.{key}" if not self.where.endswith(":") else f"{self.where} {key}"
        if key not in self.value:
            raise InputProblem(f"{place}: is missing (must be {expected})")
        raise InputProblem(f"{place}: must be {expected}, got {_shown(self.value[key])}")

    def text(self, key: str, *, default: str | None = None, limit: int = MAX_NAME) -> str:
        value = self.value.get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            self.fail(key, "a string")
        if len(value) > limit:
            self.fail(key, f"at most {limit} characters")
        if limit == MAX_NAME and not value.isprintable():  # line breaks and escapes have no place in a name
            self.fail(key, "printable characters on one line")
        return value

    def one_of(self, key: str, words: Iterable[str]) -> str:
        value = self.value.get(key)
        if not isinstance(value, str) or value not in words:
            self.fail(key, "one of " + ", ".join(words))
        return value

    def real(self, key: str, *, positive: bool = True) -> float:
        value = self.value.get(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or abs(value) > 1e30:
            self.fail(key, "a finite number")
        if value < 0 or (positive and value < 1e-30):
            self.fail(key, "above 0" if positive else "0 or more")
        return float(value)

    def optional_real(self, key: str) -> float | None:
        return None if self.value.get(key) is None else self.real(key, positive=False)

    def whole(self, key: str, *, least: int = 0, default: int | None = None) -> int:
        value = self.value.get(key)
        if value is None and default is not None:
            return default
        if isinstance(value, float) and value.is_integer() and abs(value) < 2.0**63:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**64:
            self.fail(key, f"a whole number of at least {least}")
        return value

    def optional_whole(self, key: str) -> int | None:
        return None if self.value.get(key) is None else self.whole(key)

    def rows(self, key: str) -> list[Any]:
        value = self.value.get(key)
        if not isinstance(value, list):
            self.fail(key, "a list")
        if len(value) > MAX_ROWS:
            raise InputProblem(f"{self.where} {key}: at most {MAX_ROWS} rows, got {len(value)}")
        return value


def _ceiling(where: str, value: Any) -> Ceiling:
    f = _Fields(where, value)
    return Ceiling(
        device=f.text("device"),
        kind=f.one_of("kind", CEILING_KINDS),
        type=f.text("type", default=""),
        accumulator=f.text("accumulator", default=""),
        unit_used=f.text("unit_used", default=""),
        level=f.text("level", default=""),
        value=f.real("value"),
        unit=f.text("unit", default=""),
        threads=f.whole("threads", default=1),
        clock_hz=f.optional_real("clock_hz") or None,
        spread=f.optional_real("spread"),
        theoretical=f.optional_real("theoretical") or None,
        source=f.text("source"),
        method=f.text("method", default="", limit=MAX_TEXT),
    )


def _count(f: _Fields) -> int:
    """How many samples a median stands on: they are listed one by one."""
    value = f.value.get("samples")
    if isinstance(value, list) and len(value) <= MAX_SAMPLES:
        return len(value)
    return f.whole("samples", default=1)


def _numbers(f: _Fields) -> Numbers:
    interval = f.value.get("seconds_ci95")
    if not isinstance(interval, list) or len(interval) != 2:
        f.fail("seconds_ci95", "two numbers [lo, hi]")
    ends = _Fields(f"{f.where}.seconds_ci95", {"lo": interval[0], "hi": interval[1]})
    low, high = ends.real("lo", positive=False), ends.real("hi")
    if low > high:
        f.fail("seconds_ci95", "[lo, hi] with lo <= hi")
    return Numbers(
        seconds=f.real("seconds"),
        seconds_ci95=(low, high),
        samples=_count(f),
        macs_dense=f.whole("macs_dense"),
        macs_executed=f.whole("macs_executed"),
        ops_per_second=f.real("ops_per_second", positive=False),
        ops_per_second_effective=f.real("ops_per_second_effective", positive=False),
        bytes_compulsory=f.whole("bytes_compulsory"),
        bytes_packed=f.whole("bytes_packed", default=0),
        intensity_effective=f.optional_real("intensity_effective"),
        intensity_executed=f.optional_real("intensity_executed"),
        roof_ops_per_second=f.optional_real("roof_ops_per_second"),
        roof_fraction=f.optional_real("roof_fraction"),
        bound=f.text("bound", default="unknown"),
        cycles=f.optional_whole("cycles"),
        stall_cycles=f.optional_whole("stall_cycles"),
        pe_utilization=f.optional_real("pe_utilization"),
        clock_hz=f.optional_real("clock_hz") or None,
        fidelity=f.text("fidelity", default=""),
        pe_clocks_lost=_lost(f),
    )


def _lost(f: _Fields) -> tuple[tuple[str, int], ...]:
    value = f.value.get("pe_clocks_lost")
    if value is None:
        return ()
    if not isinstance(value, dict) or len(value) > 20 or not all(key.isprintable() and len(key) <= 40 for key in value):
        f.fail("pe_clocks_lost", "an object of at most 20 entries with short names")
    steps = _Fields(f"{f.where}.pe_clocks_lost", value)
    return tuple((key, steps.whole(key)) for key in value)


def _facts(f: _Fields) -> tuple[tuple[str, str], ...]:
    value = f.value.get("facts")
    if value is None:
        return ()
    if not isinstance(value, dict) or len(value) > 200:
        f.fail("facts", "an object of at most 200 entries")
    return tuple((str(key)[:MAX_NAME], (fact if isinstance(fact, str) else json.dumps(fact))[:MAX_TEXT]) for key, fact in value.items())


def _case(where: str, value: Any) -> Case:
    f = _Fields(where, value)
    outcome = f.one_of("outcome", OUTCOMES)
    return Case(
        name=f.text("name", limit=MAX_NAME),
        network=f.text("network"),
        layer=f.text("layer"),
        op=f.text("op"),
        backend=f.text("backend"),
        variant=f.text("variant"),
        device=f.text("device", default=""),
        type=f.text("type"),
        batch=f.whole("batch", least=1),
        density=f.text("density"),
        threads=f.whole("threads", default=1),
        cache=f.text("cache", default=""),
        epilogue=f.text("epilogue", default=""),
        data=f.text("data", default=""),
        clock=f.one_of("clock", CLOCKS),
        outcome=outcome,
        reason=f.text("reason", default="", limit=MAX_TEXT),
        repeats=f.whole("repeats", least=1, default=1),
        shape=f.text("shape", default=""),
        accumulator=f.text("accumulator", default=""),
        unit_used=f.text("unit_used", default=""),
        facts=_facts(f),
        numbers=_numbers(f) if outcome in WITH_NUMBERS else None,
    )


def _refuse_constant(word: str) -> NoReturn:
    raise InputProblem(f"{word} is not JSON (a run never holds it)")


def parse(text: str, path: Path, label: str) -> Run:
    """The run that `text` describes; `path` only names it in messages."""
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise InputProblem(f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from None
    except InputProblem as error:
        raise InputProblem(f"{path}: {error}") from None
    except RecursionError:
        raise InputProblem(f"{path}: nested too deeply") from None
    except ValueError as error:  # an integer of more digits than Python converts
        raise InputProblem(f"{path}: {error}") from None
    f = _Fields(f"{path}:", document)
    if f.value.get("schema_version") not in SCHEMA_VERSIONS or isinstance(f.value.get("schema_version"), bool):
        f.fail("schema_version", " or ".join(map(str, SCHEMA_VERSIONS)))
    if not isinstance(f.value.get("context"), dict):
        f.fail("context", "an object")
    return Run(
        label=label,
        path=path,
        context=f.value["context"],
        ceilings=tuple(_ceiling(f"{path}: ceilings[{i}]", row) for i, row in enumerate(f.rows("ceilings"))),
        cases=tuple(_case(f"{path}: cases[{i}]", row) for i, row in enumerate(f.rows("cases"))),
    )


def read(argument: str) -> Run:
    """Reads DIR/run.json, or the file itself."""
    path = Path(argument)
    try:
        if path.is_dir():
            path = path / "run.json"
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InputProblem(f"{path}: larger than {MAX_FILE_BYTES >> 20} MiB")
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise InputProblem(f"{path}: {error.strerror or error} (give a run's folder, or its run.json)") from None
    except UnicodeDecodeError as error:
        raise InputProblem(f"{path}: not UTF-8 at byte {error.start}") from None
    return parse(text, path, path.resolve().parent.name or "run")
