"""Which figures a set of runs gives, and writing them."""

from __future__ import annotations

import io
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import matplotlib
from PIL import Image

from . import roofline, sparse, style, svg, throughput, totals
from .drawing import Drawing
from .schema import Case, Run
from .series import Series, collect, networks

FORMATS = ("svg", "pdf", "png")
MAX_SERIES = 6  # more in one roofline cannot be told apart: then a figure for each clock, and each with so many
MAX_NETWORKS = 60


class OutputProblem(Exception):
    """A figure could not be written; exit code 74."""


def file_name(text: str) -> str:
    """A network's name as part of a file's: names come out of files and must not lead out of the folder."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", text)[:80].strip(".") or "network"


def _parts(series: list[Series]) -> list[tuple[str, str, list[Series]]]:
    """(suffix, words, series) of the figures that one network needs. Nothing is dropped."""
    shown = [s for s in series if s.points or s.lacking]
    if len([s for s in shown if s.points]) <= MAX_SERIES:
        return [("", "", shown)]
    groups: list[tuple[str, list[Series]]] = []
    for clock, title in (("host", "host"), ("device", "device"), ("simulated", "simulated")):
        for sparse_too in (False, True):
            members = [s for s in shown if s.key.clock == clock and s.is_sparse == sparse_too and s.points]
            for i in range(0, len(members), MAX_SERIES):
                groups.append((title + ("-sparse" if sparse_too else ""), members[i : i + MAX_SERIES]))
    result = []
    for i, (title, members) in enumerate(groups):
        count = sum(1 for t, _ in groups if t == title)
        number = sum(1 for t, _ in groups[: i + 1] if t == title)
        suffix = f"-{title}" + (f"-{number}" if count > 1 else "")
        words = f" ({title.replace('-', ', ')} {'clock' if title == 'host' or title == 'device' or title == 'simulated' else 'layers'}" + (
            f", {number} of {count})" if count > 1 else ")"
        )
        result.append((suffix, words, members))
    return result


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
        for suffix, words, members in _parts(series):
            drawing = roofline.draw(runs, network, members, f"roofline-{stem}{suffix}", words)
            if drawing:
                drawings.append(drawing)
                found = True
        if not found:
            notes.append(f"{network}: no layer with operations was measured, so no roofline")
            continue
        dense = [s for s in series if not s.is_sparse] or series
        for suffix, words, members in _parts(dense):
            bars = throughput.draw(runs, network, members, f"throughput-{stem}{suffix}", words)
            if bars:
                drawings.append(bars)
        drawings += sparse.draw(runs, network, series, f"sparse-{stem}")
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


def write_file(path: Path, content: bytes) -> None:
    """Whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise OutputProblem(f"{path}: {error.strerror or error}") from None
