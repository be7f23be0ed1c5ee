"""The tables behind the figures, and their CSV form."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field

from .roofs import LEVEL_NAMES, ceilings_of
from .schema import Case, Run
from .staircase import CAUSES
from .units import engineering, percent, seconds, significant


@dataclass
class Cell:
    text: str
    order: float | None = None  # numbers sort by value, not by their text
    css: str = ""


@dataclass
class Table:
    name: str
    columns: list[tuple[str, str]]  # title, explanation
    rows: list[list[Cell]] = field(default_factory=list)


def safe_cell(text: str) -> str:
    """A spreadsheet runs a cell that begins like a formula: such text gets an apostrophe in front. Numbers are left alone."""
    if text and text[0] in "=+-@\t\r\n":
        try:
            float(text)
        except ValueError:
            return "'" + text
    return text


def to_csv(header: list[str], rows: list[list[str]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerow([safe_cell(cell) for cell in header])
    writer.writerows([[safe_cell(cell) for cell in row] for row in rows])
    return buffer.getvalue()


CSV_TEXT = (
    "name",
    "network",
    "layer",
    "op",
    "backend",
    "variant",
    "device",
    "type",
    "batch",
    "density",
    "threads",
    "cache",
    "epilogue",
    "clock",
    "repeats",
    "outcome",
    "reason",
)
CSV_NUMBERS = ("seconds", "samples", "macs_dense", "macs_executed", "ops_per_second", "ops_per_second_effective", "bytes_compulsory", "bytes_packed", "intensity_effective",
               "intensity_executed", "roof_ops_per_second", "roof_fraction", "bound", "cycles", "stall_cycles", "pe_utilization")  # fmt: skip


def cases_csv(runs: list[Run]) -> str:
    header = ["run", *CSV_TEXT, "seconds_ci95_lo", "seconds_ci95_hi", *CSV_NUMBERS, *(f"pe_clocks_lost_{cause}" for cause in reversed(CAUSES)), "staircase"]
    rows = []
    for run in runs:
        for case in run.cases:
            n = case.numbers
            numbers = ["", ""] if n is None else [repr(n.seconds_ci95[0]), repr(n.seconds_ci95[1])]
            for key in CSV_NUMBERS:
                value = getattr(n, key) if n else None
                numbers.append("" if value is None else str(value))
            lost = dict(n.pe_clocks_lost) if n else {}
            numbers += [str(lost[cause]) if cause in lost else "" for cause in reversed(CAUSES)]
            # Of simulated machines: from the stated peak down to this case's rate, cause by cause.
            numbers.append(dict(case.facts).get("staircase", ""))
            rows.append([run.label, *(str(getattr(case, key)) for key in CSV_TEXT), *numbers])
    return to_csv(header, rows)


def _number(value: float | None, text: str) -> Cell:
    return Cell("–", None, "empty") if value is None else Cell(text, value, "number")


def _case_row(case: Case, run: str) -> list[Cell]:
    n = case.numbers
    left = [
        Cell(case.network),
        Cell(case.layer),
        Cell(case.op),
        Cell(case.backend),
        Cell(case.variant),
        Cell(case.type),
        Cell(case.density),
        Cell(str(case.batch), case.batch, "number"),
    ]
    outcome = Cell(case.outcome, None, f"outcome {case.outcome}")
    if n is None:
        return [*left, outcome, *[Cell("–", None, "empty") for _ in range(6)], Cell(case.reason or "no reason recorded", None, "long"), Cell(run)]
    half = max(n.seconds_ci95[1] - n.seconds, n.seconds - n.seconds_ci95[0]) / n.seconds
    clock = Cell(f"{seconds(n.seconds)}" + (f" ±{100 * half:.1f} %" if case.clock != "simulated" else " simulated"), n.seconds, "number")
    return [
        *left,
        outcome,
        clock,
        _number(n.ops_per_second, engineering(n.ops_per_second, "op/s")),
        _number(n.ops_per_second_effective, engineering(n.ops_per_second_effective, "op/s")),
        _number(n.intensity_executed, significant(n.intensity_executed or 0.0)),
        _number(n.roof_fraction, percent(n.roof_fraction or 0.0)),
        Cell(n.bound),
        Cell(case.reason or "; ".join(f"{key}: {value}" for key, value in case.facts)[:200], None, "long"),
        Cell(run),
    ]


def cases_table(runs: list[Run]) -> Table:
    columns = [
        ("Network", ""), ("Layer", ""), ("Op", ""), ("Backend", ""), ("Variant", "for spatial: the accelerator"), ("Type", ""), ("Density", "share of weights / inputs that are non-zero"), ("Batch", ""),
        ("Outcome", ""), ("Time", "median of one run with the half-width of its 95 % confidence interval"), ("Executed", "(2 macs_executed + ops_other) / s: what roofs are judged by"),
        ("Effective", "2 macs_dense / s: what algorithms and densities are compared by"), ("Intensity", "executed operations per byte of bytes_packed, op/B"), ("Of roof", "ops_per_second / roof"),
        ("Bound", "what the lowest roof is"), ("Reason or facts", ""), ("Run", ""),
    ]  # fmt: skip
    return Table("cases", columns, [_case_row(case, run.label) for run in runs for case in run.cases])


def ceilings_table(runs: list[Run]) -> Table:
    columns = [
        ("Device", ""),
        ("Roof", ""),
        ("Value", ""),
        ("Threads", ""),
        ("Clock", "during the measurement"),
        ("Spread", "(largest - smallest) / median"),
        ("Of theory", "measured / theoretical"),
        ("Source", ""),
        ("Method", ""),
    ]
    table = Table("ceilings", columns)
    for c in ceilings_of(runs):
        what = f"{c.type} {c.unit_used} → {c.accumulator}" if c.kind == "compute" else f"{LEVEL_NAMES.get(c.level, c.level)} read"
        table.rows.append([
            Cell(c.device), Cell(what), Cell(engineering(c.value, c.unit or ("op/s" if c.kind == "compute" else "B/s")), c.value, "number"), Cell(str(c.threads), c.threads, "number"),
            _number(c.clock_hz, engineering(c.clock_hz or 0.0, "Hz")), _number(c.spread, f"{100 * (c.spread or 0):.1f} %"),
            _number(c.value / c.theoretical if c.theoretical else None, percent(c.value / c.theoretical) if c.theoretical else ""), Cell(c.source), Cell(c.method, None, "long"),
        ])  # fmt: skip
    return table
