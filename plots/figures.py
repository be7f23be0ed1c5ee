"""Which figures a set of runs gives, and writing them."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass

import matplotlib
from PIL import Image

from . import roofline, sparse, staircase, style, svg, throughput, totals
from .drawing import Drawing
from .schema import Case, Run
from .series import Series, collect, distinct_colors, networks

MAX_SERIES = 6  # more in one roofline cannot be told apart
MAX_NETWORKS = 60


def file_name(text: str) -> str:
    """A network's name as part of a file's: names come out of files and must not lead out of the folder."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", text)[:80].strip(".") or "network"


@dataclass(frozen=True)
class _Part:
    suffix: str  # of the file's name
    words: str  # of the title
    series: list[Series]


def _parts(series: list[Series]) -> list[_Part]:
    """The figures that one network needs: all in one where they can be told apart, else one for each density, and of many series an overlay of the measured
    ones with the fastest simulated ones, and every simulated one in figures of their own. Nothing is dropped."""
    return [_Part(p.suffix, p.words, distinct_colors(p.series)) for p in _divided(series)]


def _divided(series: list[Series]) -> list[_Part]:
    densities = list(dict.fromkeys(s.key.density for s in series if s.points))
    if len([s for s in series if s.points]) <= MAX_SERIES and len(densities) <= 2:
        return [_Part("", "", series)]
    parts = []
    for density in densities:
        suffix, words = ("", "") if density == "dense" else (f"-{file_name(density.replace(':', '-'))}", f" ({density})")
        parts += [_Part(suffix + p.suffix, words + p.words, p.series) for p in _overlay([s for s in series if s.key.density == density])]
    return parts


def _overlay(series: list[Series]) -> list[_Part]:
    with_points = [s for s in series if s.points]
    if len(with_points) <= MAX_SERIES:
        return [_Part("", "", series)]
    measured = [s for s in with_points if not s.is_simulated]
    simulated = sorted((s for s in with_points if s.is_simulated), key=lambda s: s.seconds)
    room = max(0, MAX_SERIES - len(measured))
    parts = []
    if measured and simulated and room:
        fastest = simulated[:room]
        parts.append(
            _Part("", f" (with {len(fastest)} of {len(simulated)} simulated machines)", [s for s in series if s in measured or s in fastest or not s.points])
        )
    elif measured:
        parts += _chunks(measured, "" if len(measured) <= MAX_SERIES else "-measured", "measured")
    if simulated:
        parts += _chunks([s for s in series if s in simulated], "-simulated", "simulated")
    return parts


def _chunks(series: list[Series], suffix: str, words: str) -> list[_Part]:
    count = -(-len(series) // MAX_SERIES)
    if count == 1:
        return [_Part(suffix, f" ({words})", series)]
    size = -(-len(series) // count)
    return [_Part(f"{suffix}-{i + 1}", f" ({words}, {i + 1} of {count})", series[i * size : (i + 1) * size]) for i in range(count)]


def draw_all(runs: list[Run], *, all_variants: bool = False, keep: Callable[[Case], bool] = lambda case: True) -> tuple[list[Drawing], list[str]]:
    """Every figure, and what could not be drawn and why."""
    style.apply()
    drawings: list[Drawing] = []
    notes: list[str] = []
    by_network: dict[str, list[Series]] = {}
    used: set[str] = set()
    for network in networks(runs)[:MAX_NETWORKS]:
        series = collect(runs, network, all_variants=all_variants, keep=keep)
        if series:
            by_network[network] = series
    for network, series in by_network.items():
        stem = file_name(network)
        while stem in used:
            stem += "_"
        used.add(stem)
        found = False
        for part in _parts(series):
            drawing = roofline.draw(runs, network, part.series, f"roofline-{stem}{part.suffix}", part.words)
            if drawing:
                drawings.append(drawing)
                found = True
        if not found:
            notes.append(f"{network}: no layer with operations was measured, so no roofline")
            continue
        dense = [s for s in series if not s.is_sparse] or series
        for part in _parts(dense):
            bars = throughput.draw(runs, network, part.series, f"throughput-{stem}{part.suffix}", part.words)
            if bars:
                drawings.append(bars)
        drawings += sparse.draw(runs, network, series, f"sparse-{stem}")
        machines = [s for s in series if staircase.has_steps(s)]
        for part in _chunks(machines, "", "simulated machines") if machines else []:
            steps = staircase.draw(runs, network, part.series, f"staircase-{stem}{part.suffix}", part.words if part.suffix else "")
            if steps:
                drawings.append(steps)
    if not any(sparse.densities(series) for series in by_network.values()):
        notes.append(f"no dense-against-sparse figure: {sparse.NOTHING}")
    summary = totals.draw(runs, by_network) if by_network else None
    if summary:
        drawings.append(summary)
    return drawings, notes


def render(drawing: Drawing, kind: str) -> bytes:
    """The same input gives the same bytes: no dates, ids from a fixed salt."""
    buffer = io.BytesIO()
    metadata = {
        "svg": {"Date": None, "Creator": None, "Title": drawing.title},
        "pdf": {"CreationDate": None, "ModDate": None, "Creator": "convroof", "Producer": None, "Title": drawing.title},
        "png": {"Software": None, "Title": drawing.title},
    }[kind]
    with matplotlib.rc_context({"svg.hashsalt": drawing.name}):
        drawing.figure.savefig(buffer, format=kind, metadata=metadata)
    if kind == "svg":
        return svg.compact(buffer.getvalue())
    return _fewer_colors(buffer) if kind == "png" else buffer.getvalue()


def _fewer_colors(png: io.BytesIO) -> bytes:
    """Drawings have few colours: a palette makes the file three times smaller, and the eye sees no difference."""
    out = io.BytesIO()
    Image.open(png).convert("RGB").quantize(200, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(
        out, format="PNG", optimize=True, dpi=(160, 160)
    )
    return out.getvalue()


def render_inline(drawing: Drawing, prefix: str, css_class: Callable[[str], str], styles: svg.Styles) -> str:
    """For the report: text stays text."""
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": drawing.name, "svg.fonttype": "none"}):
        drawing.figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return svg.inline(buffer.getvalue(), prefix, drawing.title, drawing.tips, css_class, styles, drawing.margins)
