"""Dense against sparse: what does leaving out zeros bring on this layer and backend? Each pair is the same layer, once dense and once pruned."""

from __future__ import annotations

import math

from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from . import style
from .drawing import Drawing, Page
from .panels import WIDTH, find, key, rows_of
from .provenance import strip
from .schema import Run
from .series import Key, Series
from .units import clipped, engineering, significant

LINE = 12.0
GAP = 8.0
NAMES = 118.0
MAX_COLUMNS = 3

NOTHING = "no sparse rows in this run: add e.g. `--densities dense,2:4,uniform:0.1/0.5` to `convroof run`"


def _identity(key: Key) -> Key:
    return key._replace(density="")


def densities(series: list[Series]) -> list[str]:
    return list(dict.fromkeys(s.key.density for s in series if s.is_sparse and s.points))


def draw(runs: list[Run], network: str, series: list[Series], name: str, part: str = "") -> list[Drawing]:
    """Empty where nothing is sparse. A figure holds at most three densities."""
    found = densities(series)
    chunks = [found[i : i + MAX_COLUMNS] for i in range(0, len(found), MAX_COLUMNS)]
    result = []
    for i, chunk in enumerate(chunks):
        suffix = f"-{i + 1}" if len(chunks) > 1 else ""
        drawing = _one(runs, network, series, chunk, name + suffix, part + (f" ({i + 1} of {len(chunks)})" if len(chunks) > 1 else ""))
        if drawing:
            result.append(drawing)
    return result


def _one(runs: list[Run], network: str, series: list[Series], chosen: list[str], name: str, part: str) -> Drawing | None:
    dense = {_identity(s.key): s for s in series if not s.is_sparse}
    sparse = {(s.key.density, _identity(s.key)): s for s in series if s.key.density in chosen and s.points}
    families = list(dict.fromkeys(identity for _, identity in sparse))
    members = [s for s in series if s.key.density in chosen and s.points]
    rows = [r for r in rows_of(members) if r.numbers.macs_dense]
    if not rows:
        return None
    pitch = LINE * len(families) + GAP
    top = 104.0
    bottom = top + pitch * len(rows)
    caption = "Filled round mark: the dense layer; triangle: the same layer pruned, both by the fastest checked variant. x counts the dense layer's operations for both (2 macs_dense / s), "
    caption += "so a triangle further right means that the network gets done sooner; the factor beside it is dense time over sparse time. Hollow marks: simulated clock. "
    lines = Page(WIDTH, 400).wrapped(caption, WIDTH - 36, 7.6)[:4]
    page = Page(WIDTH, bottom + 62 + 13 * len(lines) + 14)
    title = f"{network}: what does leaving out zeros bring?{part}"
    page.title(title)
    named = [dense.get(f) or next(s for (_, i), s in sparse.items() if i == f) for f in families]
    key(page, 18, 56, named, WIDTH - 20, as_marks=True)
    provenance = strip(runs, members)
    page.foot(lines, provenance, page.height - 26 - 12.5 * len(lines))
    drawing = page.finish(name, "sparse", title, caption, provenance)
    values = [p.numbers.ops_per_second_effective for s in [*members, *(dense[f] for f in families if f in dense)] for p in s.points if p.numbers.macs_dense]
    low, high = min(values) / 1.25, max(values) * 1.25
    for i, row in enumerate(rows):
        page.text(NAMES - 10, top + pitch * (i + 0.5) + 3.5, clipped(row.label, 20), size=8.2, ha="right")
        if i % 2 == 1:
            page.stripe(top + pitch * i, pitch)
    gap = 56.0
    room = (WIDTH - NAMES - 60 - gap * (len(chosen) - 1)) / len(chosen)
    left = NAMES
    for density in chosen:
        right = left + room
        axes = page.axes(left, top, right, bottom)
        axes.set_xscale("log")
        axes.set_xlim(low, high)
        axes.set_ylim(bottom, top)
        axes.set_yticks([])
        axes.tick_params(axis="x", labelsize=7.6)
        axes.grid(True, axis="x")
        axes.xaxis.set_major_locator(LogLocator(10, numticks=12))
        axes.xaxis.set_minor_locator(LogLocator(10, subs=(2.0, 5.0), numticks=30))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: engineering(v, "op/s", 1)))
        axes.set_xlabel("effective throughput (log scale)", fontsize=8)
        page.text(left, top - 12, f"density {clipped(density, 40)}", size=9.5, weight="bold")
        for i, row in enumerate(rows):
            for j, family in enumerate(families):
                s = sparse.get((density, family))
                y = top + pitch * i + GAP / 2 + LINE * (j + 0.5)
                before, after = (find(dense[family], row) if family in dense else None), (find(s, row) if s else None)
                color, hollow = named[j].color, named[j].is_simulated
                if after is None:
                    lacking = next((c for c in s.lacking if c.layer == row.case.layer), None) if s else None
                    axes.text(
                        low * 1.03,
                        y,
                        clipped(f"{lacking.outcome}: {lacking.reason}" if lacking else "not in this run", 44),
                        fontsize=6.2,
                        color=style.SOFT,
                        va="center",
                    )
                    continue
                x1 = after.numbers.ops_per_second_effective
                face = style.PAPER if hollow else color
                if before is not None:
                    x0 = before.numbers.ops_per_second_effective
                    axes.plot([x0, x1], [y, y], color=color, linewidth=1.6, alpha=0.55, linestyle=(0, (3, 1.5)) if hollow else "-", zorder=2)
                    axes.plot([x0], [y], marker="o", markersize=5.5, markerfacecolor=face, markeredgecolor=color, markeredgewidth=1.2, zorder=3)
                    factor = before.numbers.seconds / after.numbers.seconds
                    # In pixels, so that the factor stands clear of both marks.
                    width = right - left
                    ends = [left + width * math.log(x / low) / math.log(high / low) for x in (x0, x1)]
                    text = page.text(max(ends) + 8, y + 3, f"×{significant(factor, 2)}", size=7.0, color=style.INK if factor >= 0.995 else style.WARNING)
                    drawing.labels.append(page.box_of(text))
                gid = f"sparse-{chosen.index(density)}-{i}-{j}"
                axes.plot(
                    [x1], [y], marker="^", markersize=6.5, markerfacecolor=face, markeredgecolor=color, markeredgewidth=1.2, zorder=4, gid=gid, linestyle="none"
                )
                drawing.tips[gid] = f"{network} {after.label} · {s.label if s else ''}, variant {after.case.variant}: {engineering(x1, 'op/s')} effective" + (
                    f" (dense {engineering(before.numbers.ops_per_second_effective, 'op/s')})" if before else ""
                )
        left = right + gap
    return drawing
