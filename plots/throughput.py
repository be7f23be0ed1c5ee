"""Bars of throughput per layer: how fast is each layer, whatever the algorithm did?

Length is ops_per_second_effective, 2 x the dense layer's MACs / s, the number by which algorithms are compared; a bar may pass the arithmetic peak
where the algorithm does fewer multiplications than the layer's definition has (Winograd). Bars start at zero."""

from __future__ import annotations

from matplotlib.patches import Rectangle

from . import style
from .drawing import Drawing, Page
from .panels import HATCH, WIDTH, by_clock, find, frame_axes, head, key, missing_note, rows_of, scale_of, value
from .provenance import strip
from .roofs import roofs
from .schema import Run
from .series import Series, aside_note, set_aside
from .units import clipped, engineering

BAR = 11.0
GAP = 9.0
NAMES = 118.0
HALO = {"facecolor": style.PAPER, "edgecolor": "none", "alpha": 0.8, "pad": 0.4}  # the peak's line must not cut through a number


def draw(runs: list[Run], network: str, series: list[Series], name: str, part: str = "") -> Drawing | None:
    chosen, aside = set_aside([s for s in series if not s.is_sparse] or series)
    for_macs = [s for s in chosen if any(p.numbers.macs_dense for p in s.points)]
    rows = [r for r in rows_of(for_macs) if r.numbers.macs_dense]
    panels = by_clock(for_macs)
    if not rows or not panels:
        return None
    most = max(len(p.series) for p in panels)
    pitch = BAR * most + GAP
    top = 116.0
    caption = "Length: operations of the dense layer per second (2 macs_dense / s), one scale a panel, from zero; whiskers: 95 % confidence interval. "
    caption += "The vertical line is the arithmetic peak that the panel's kernels could reach; a bar beyond it belongs to an algorithm that multiplies less than the layer's definition counts (Winograd; taps on padding left out). "
    if any(p.clock == "simulated" for p in panels):
        caption += "Hatched bars come from a simulated clock and stand in a panel of their own. "
    caption += aside_note(aside) + missing_note(chosen)
    height = top + pitch * len(rows) + 62 + 60
    page = Page(WIDTH, height)
    lines = page.wrapped(caption, WIDTH - 36, 7.6)[:4]
    height = top + pitch * len(rows) + 62 + 13 * len(lines) + 14
    page = Page(WIDTH, height)
    title = f"{network}: how fast is each layer?{part}"
    page.title(title)
    key(page, 18, 56, for_macs, WIDTH - 20)
    bottom = top + pitch * len(rows)
    weights = [1.0 if p.clock != "simulated" else 0.7 for p in panels]
    room = WIDTH - NAMES - 30 - 34 * (len(panels) - 1)
    left = NAMES
    all_roofs = roofs(runs, for_macs)
    for row_index, row in enumerate(rows):
        y = top + pitch * (row_index + 0.5)
        page.text(NAMES - 10, y + 3.5, clipped(row.label, 20), size=8.2, ha="right")
        if row_index % 2 == 1:
            page.stripe(top + pitch * row_index, pitch)
    provenance = strip(runs, for_macs)
    page.foot(lines, provenance, page.height - 26 - 12.5 * len(lines))
    drawing = page.finish(name, "throughput", title, caption, provenance)
    for panel, weight in zip(panels, weights):
        right = left + room * weight / sum(weights)
        axes = page.axes(left, top, right, bottom)
        axes.set_ylim(bottom, top)
        devices = {s.key.device for s in panel.series}
        peaks = [r for r in all_roofs if r.kind == "compute" and devices & set(r.devices)]
        largest = max(p.numbers.ops_per_second_effective for s in panel.series for p in s.points if p.numbers.macs_dense)
        peaks = [r for r in peaks if r.value < 4 * largest]
        limit = max([largest, *(r.value for r in peaks)]) * 1.14
        axes.set_xlim(0, limit)
        factor, prefix = scale_of(largest)
        frame_axes(axes, factor, f"effective throughput ({prefix}op/s)")
        head(page, left, right, top - 30, panel)
        for peak in sorted({r.value: r for r in peaks}.values(), key=lambda r: r.value):
            axes.plot([peak.value] * 2, [top, bottom], color=peak.color, linewidth=1.0, linestyle="-" if peak.is_measured else (0, (5, 2.5)), zorder=1)
            x = left + peak.value / limit * (right - left)
            page.text(min(x, right), top - 4, clipped(peak.label.split(": ")[-1], 40), size=6.8, color=peak.color, ha="right")
        for row_index, row in enumerate(rows):
            offset = top + pitch * row_index + (pitch - BAR * len(panel.series)) / 2
            for i, s in enumerate(panel.series):
                p = find(s, row)
                y = offset + BAR * i
                if p is None:
                    lacking = next((c for c in s.lacking if c.layer == row.case.layer), None)
                    axes.text(
                        limit * 0.006,
                        y + BAR / 2,
                        clipped(f"{lacking.outcome}: {lacking.reason}" if lacking else "not in this run", 46),
                        fontsize=6.2,
                        color=style.SOFT,
                        va="center",
                    )
                    continue
                n = p.numbers
                throughput = n.ops_per_second_effective
                gid = f"bar-{s.key.clock}-{row_index}-{i}"
                bar = Rectangle(
                    (0, y + 0.8),
                    throughput,
                    BAR - 1.6,
                    facecolor=style.PAPER if s.is_simulated else s.color,
                    edgecolor=s.color,
                    linewidth=0.7,
                    hatch=HATCH if s.is_simulated else None,
                    gid=gid,
                )
                axes.add_patch(bar)
                drawing.tips[gid] = (
                    f"{network} {p.label} · {s.label}, variant {p.case.variant}: {engineering(throughput, 'op/s')} effective, {engineering(n.ops_per_second, 'op/s')} executed"
                    + (", simulated clock" if s.is_simulated else "")
                )
                low, high = throughput * n.seconds / n.seconds_ci95[1], throughput * n.seconds / max(n.seconds_ci95[0], 1e-3 * n.seconds)
                if high > low:
                    axes.plot([low, min(high, limit)], [y + BAR / 2] * 2, color=style.INK, linewidth=0.8, zorder=3)
                words = value(throughput, factor)
                text = axes.text(
                    min(max(high, throughput), limit * 0.93) + limit * 0.008,
                    y + BAR / 2 + 0.2,
                    words,
                    fontsize=6.6,
                    va="center",
                    color=style.INK,
                    zorder=4,
                    bbox=HALO,
                )
                drawing.labels.append(page.box_of(text))
        left = right + 34
    return drawing
