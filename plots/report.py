"""One HTML file that holds a run: figures, tables, definitions, provenance. It opens from file://, loads nothing, and trusts nothing in the run:
jinja2 escapes every value, and the page's content security policy admits only the script that is written here, by its hash."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from . import fonts, sparse, style, svg
from .figures import draw_all, render_inline
from .files import write_file
from .schema import OUTCOMES, Case, Run
from .series import Series, collect, networks
from .tables import Cell, Table, cases_table, ceilings_table
from .units import clipped, plural, seconds

PAGE = Path(__file__).resolve().parent / "page"
MAX_CASES = 20_000
MEANINGS = {
    "measured": "checked, and the confidence interval got as narrow as asked for", "noisy": "checked, but the confidence interval stayed wide", "skipped": "not run, for the reason given",
    "wrong": "the output failed the check, so there is no number", "untrusted": "the check or a roof objected to the number, so it is not shown", "failed": "crashed, hung or refused",
}  # fmt: skip

DEFINITIONS = [
    ("operation (op)", "One multiplication or one addition; a multiply-accumulate (MAC) is 2 operations."),
    ("macs_dense, macs_executed", "MACs of the dense layer with padding taps, the papers' number; multiplications that the kernel really issued (valid taps, kept weights; of the transformed domain for Winograd and FFT)."),
    ("executed throughput, ops_per_second", "(2 macs_executed + other operations) / s. Roofs are judged by it, and the roofline's y axis shows it."),
    ("effective throughput, ops_per_second_effective", "2 macs_dense / s. Algorithms and densities are compared by it; it may exceed the arithmetic peak where an algorithm or a zero saves work."),
    ("bytes_compulsory, bytes_packed", "Each operand once in its stored format, whatever the algorithm; what the prepared kernel must read and write once, transformed weights and workspace included."),
    ("intensity_executed", "Executed operations / bytes_packed, in op/B: the roofline's x axis. It is no measured traffic: a kernel that reads an operand twice moves more."),
    ("roof, bound", "The lowest ceiling over a point among those of its type, accumulator, unit and threads. Warm caches: bandwidth is that of the innermost level that holds bytes_packed; cold: of DRAM. A point more than 2 % above its roof is untrusted."),
    ("time, confidence interval", "Median of one run of the kernel; 95 % confidence interval of that median. Simulated times are deterministic and have none."),
    ("network total", "Sum of the layers' medians times their repeats. No back-to-back run: what layers do to each other's caches is not in it."),
    ("density", "dense, N:M (N of M consecutive input channels kept), or shares of weights / inputs that are non-zero; named sets are published per-layer values."),
    ("PE-clock", "One multiplier of a simulated machine for one clock. Multipliers x (clocks + stalls) = macs_executed + pe_clocks_lost of all causes."),
    ("simulated", "Time of a modelled accelerator: cycles / its clock. Its output was computed and checked like every other."),
]  # fmt: skip


@dataclass
class _Figure:
    id: str
    title: str
    caption: str
    provenance: str
    svg: Markup


@dataclass
class _Section:
    id: str
    title: str
    intro: str
    nothing: str
    kind: str
    figures: list[_Figure] = field(default_factory=list)


def _sections() -> list[_Section]:
    return [
        _Section("rooflines", "Rooflines", "Which roof holds each layer back, and how far below it does each way of computing stay? Pointing at a mark tells its numbers; the table of all cases has them too.", "No layer with operations was measured.", "roofline"),
        _Section("throughput", "Throughput per layer", "How fast is each layer, whatever the algorithm did? Dense layers; measured and simulated clocks stand in separate panels.", "Nothing was measured.", "throughput"),
        _Section("sparse", "Dense against sparse", "What does leaving out zeros bring, layer by layer?", sparse.NOTHING[0].upper() + sparse.NOTHING[1:] + ".", "sparse"),
        _Section("staircase", "Lost to what", "What takes each layer away from the peak of a simulated machine? Every PE-clock has one cause; pointing at a step tells its share.", "No case of this run holds the PE-clocks of a simulated machine.", "staircase"),
        _Section("totals", "Network totals", "What would a whole network cost? Sums of layers × repeats, never a back-to-back run.", "Nothing was measured.", "totals"),
    ]  # fmt: skip


def _summary(by_network: dict[str, list[Series]]) -> Table:
    table = Table(
        "summary",
        [
            ("Network", ""),
            ("Computed by", ""),
            ("Device", ""),
            ("Clock", ""),
            ("Layers", "with a number / in this run"),
            ("Time", "sum of layers x repeats"),
            ("Variants", "the fastest of a layer"),
            ("Without number", ""),
        ],
    )
    for network, all_series in by_network.items():
        for s in all_series:
            measured = len({n for p in s.points for n in p.layers})
            variants = ", ".join(dict.fromkeys(p.case.variant for p in s.points))
            reasons = ", ".join(dict.fromkeys(f"{c.outcome}: {c.reason}" if c.reason else c.outcome for c in s.lacking))
            missing = f"{len(s.lacking)} ({reasons})" if s.lacking else ""
            time = Cell(seconds(s.seconds), s.seconds, "number") if s.points else Cell("–", None, "empty")
            table.rows.append(
                [
                    Cell(network),
                    Cell(s.label),
                    Cell(s.key.device),
                    Cell(s.key.clock),
                    Cell(f"{measured} / {measured + len(s.lacking)}", measured, "number"),
                    time,
                    Cell(variants),
                    Cell(clipped(missing, 220), None, "long" if missing else ""),
                ]
            )
    return table


def _findings(runs: list[Run]) -> list[str]:
    """What a careful reader would ask about first; at most a dozen lines."""
    lines = []
    for outcome in ("wrong", "failed", "untrusted"):
        cases = [c for run in runs for c in run.cases if c.outcome == outcome]
        for c in cases[:3]:
            lines.append(clipped(f"{c.name}: {outcome}: {c.reason}", 300))
        if len(cases) > 3:
            lines.append(f"and {len(cases) - 3} more {outcome}")
    noisy = sum(1 for run in runs for c in run.cases if c.outcome == "noisy")
    if noisy:
        lines.append(f"{plural(noisy, 'case')} stayed noisy: their confidence intervals are wider than was asked for.")
    unknown = sum(1 for run in runs for c in run.cases if c.numbers and c.numbers.macs_dense and c.numbers.roof_ops_per_second is None)
    if unknown:
        lines.append(f"{plural(unknown, 'case')} stand under no known roof of their type, unit and threads.")
    machines = {str(run.context.get("machine")) for run in runs}
    if len(machines) > 1:
        lines.append(f"The runs come from {len(machines)} machines.")
    return lines


def _flat(value: Any, prefix: str = "", depth: int = 0) -> list[tuple[str, str]]:
    """A context as rows of text; bounded, because it comes from a file."""
    if isinstance(value, dict) and depth < 4:
        return [row for key, inner in list(value.items())[:100] for row in _flat(inner, f"{prefix}{'.' if prefix else ''}{str(key)[:80]}", depth + 1)]
    if isinstance(value, list):
        if all(not isinstance(v, (dict, list)) for v in value):
            return [(prefix, clipped(", ".join(map(str, value)), 600))]
        return [row for i, inner in enumerate(value[:40]) for row in _flat(inner, f"{prefix}[{i}]", depth + 1)] if depth < 4 else [(prefix, "...")]
    return [(prefix, clipped("–" if value is None else str(value), 600))]


def _colors() -> str:
    """The figures' colours as variables of the page, light and dark."""
    light = "".join(f"--c{color[1:]}:{color};" for color in style.DARK)
    dark = "".join(f"--c{color[1:]}:{other};" for color, other in style.DARK.items())
    return f":root{{{light}}}:root[data-theme=dark]{{{dark}}}@media (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}}}}}"


def build(runs: list[Run], *, all_variants: bool = False, keep: Callable[[Case], bool] = lambda case: True) -> str:
    drawings, _ = draw_all(runs, all_variants=all_variants, keep=keep)
    by_network = {network: series for network in networks(runs) if (series := collect(runs, network, all_variants=all_variants, keep=keep))}
    backends = [b for b in dict.fromkeys(s.key.backend for series in by_network.values() for s in series) if any(b in d.backends.values() for d in drawings)]
    sections = _sections()
    styles = svg.Styles()
    for i, drawing in enumerate(drawings):

        def css_class(name: str, drawing: Any = drawing) -> str:
            words = [f"b{backends.index(drawing.backends[name])}"] if name in drawing.backends else []
            return " ".join(words + (["tip"] if name in drawing.tips else []))

        section = next(s for s in sections if s.kind == drawing.kind)
        # How to read a kind of figure is said once, at its first.
        caption = "" if any(f.caption == drawing.caption for f in section.figures) else drawing.caption
        section.figures.append(
            _Figure(f"figure-{drawing.name}", drawing.title, caption, drawing.provenance, Markup(render_inline(drawing, f"f{i}", css_class, styles)))
        )  # svg.py escapes
    cases = cases_table(runs)
    cases.rows = [row for row, case in zip(cases.rows, (c for run in runs for c in run.cases)) if keep(case)]
    left_out, cases.rows = max(0, len(cases.rows) - MAX_CASES), cases.rows[:MAX_CASES]
    counts = {outcome: sum(1 for run in runs for c in run.cases if c.outcome == outcome and keep(c)) for outcome in OUTCOMES}
    machines = list(dict.fromkeys(s.key.device for series in by_network.values() for s in series if s.key.device))
    dates = ", ".join(dict.fromkeys(str(run.context.get("date", ""))[:10] for run in runs))

    loader = jinja2.Environment(loader=jinja2.FileSystemLoader(PAGE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    row_template = loader.get_template("table.html.j2")
    script = (PAGE / "report.js").read_text()
    characters = "".join(str(figure.svg) for section in sections for figure in section.figures)
    sheet = fonts.faces(characters) + _colors() + styles.css() + (PAGE / "report.css").read_text()
    named = list(by_network)
    return loader.get_template("report.html.j2").render(
        title=f"{', '.join(named[:4])}{f' and {len(named) - 4} more' if len(named) > 4 else ''} on {clipped(', '.join(machines[:3]), 100) or 'no machine'}",
        lead=f"{plural(len(runs), 'run')} of {dates}: {plural(sum(counts.values()), 'case')}. " + " · ".join(clipped(run.label, 60) for run in runs[:6]),
        outcomes=[(outcome, count, MEANINGS[outcome]) for outcome, count in counts.items() if count],
        sections=[
            ("what", "What was run"),
            *((s.id, s.title) for s in sections),
            ("cases", "All cases"),
            ("ceilings", "Ceilings"),
            ("definitions", "Definitions"),
            ("provenance", "Provenance"),
        ],
        summary=_summary(by_network),
        findings=_findings(runs),
        figure_sections=sections,
        backends=backends,
        cases=cases,
        cases_left_out=left_out,
        ceilings=ceilings_table(runs),
        definitions=DEFINITIONS,
        provenance=[{"label": run.label, "rows": _flat(run.context)[:300]} for run in runs],
        table=lambda t, filter=False: Markup(row_template.render(t=t, filter=filter)),
        style=Markup(sheet),
        script=Markup(script),
        script_hash="sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def write_report(runs: list[Run], target: Path, *, all_variants: bool = False, keep: Callable[[Case], bool] = lambda case: True) -> Path:
    write_file(target, build(runs, all_variants=all_variants, keep=keep).encode())
    return target
