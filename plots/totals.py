"""Network totals: what would a whole network cost, and which kind of layer costs it? The sum of layers x repeats, never a back-to-back run."""

from __future__ import annotations

from matplotlib.patches import Rectangle

from . import style
from .drawing import Drawing, Page
from .panels import HATCH, WIDTH, by_clock, frame_axes, head, missing_note, scale_of
from .provenance import strip
from .schema import Run
from .series import Series
from .units import clipped, seconds

BAR = 15.0
KINDS = (("conv", "convolutions", 0.0), ("fc", "fully connected", 0.45), ("", "other layers", 0.75))


def _split(s: Series) -> list[tuple[str, float, float]]:
    """(kind, seconds, tint) of a series; the parts add up to its total."""
    result = []
    for kind, title, tint in KINDS:
        total = sum(p.share * s.seconds for p in s.points if (p.case.op == kind if kind else p.case.op not in ("conv", "fc")))
        if total > 0:
            result.append((title, total, tint))
    return result


class _Layers:
    """The layers of each network that any series knows, and of them those with weights."""

    def __init__(self, by_network: dict[str, list[Series]]) -> None:
        self.all: dict[str, set[str]] = {}
        self.weighted: dict[str, set[str]] = {}
        for network, series in by_network.items():
            ops = {n: p.case.op for s in series for p in s.points for n in p.layers} | {c.layer: c.op for s in series for c in s.lacking}
            self.all[network] = set(ops)
            self.weighted[network] = {n for n, op in ops.items() if op in ("conv", "fc")} or set(ops)

    def is_whole(self, s: Series) -> bool:
        return _present(s) >= self.all[s.network]

    def has_bar(self, s: Series) -> bool:
        """An accelerator that models convolutions and fully connected layers alone has a sum of those, and says so."""
        return _present(s) >= self.weighted[s.network]

    def words(self, s: Series) -> str:
        if self.is_whole(s):
            return f"{seconds(s.seconds)}  {clipped(s.label, 44)}"
        if self.has_bar(s):
            return f"{seconds(s.seconds)}  {clipped(s.label, 34)}, conv and fc only"
        return f"{clipped(s.label, 34)}: no total, {len(_present(s))} of {len(self.all[s.network])} distinct layers have a number"


def _present(s: Series) -> set[str]:
    return {n for p in s.points for n in p.layers}


def draw(runs: list[Run], by_network: dict[str, list[Series]], name: str = "totals") -> Drawing | None:
    everything = [s for series in by_network.values() for s in series]
    panels = by_clock(everything)
    if not panels:
        return None
    layers = _Layers(by_network)
    rows: dict[str, list[list[Series]]] = {p.clock: [[s for s in p.series if s.network == network] for network in by_network] for p in panels}
    heights = [max((len(rows[p.clock][i]) for p in panels), default=0) * (BAR + 3) + 16 for i in range(len(by_network))]
    top = 108.0
    bottom = top + sum(heights)
    ops = sorted({p.case.op for s in everything for p in s.points})
    caption = f"Sum of the medians of single layers times their repeats ({', '.join(ops)} were run); caches warm, nothing between layers is counted, so a real pass differs. "
    caption += "Each layer by the fastest checked variant of its backend. Dark: convolutions, lighter: fully connected, lightest: the rest. A sum that lacks a layer with weights is no total and has no bar. "
    if any(p.clock == "simulated" for p in panels):
        caption += "Hatched: a modelled machine's time at its own simulated clock. "
    caption += missing_note([s for s in everything if s.network == next(iter(by_network))])
    lines = Page(WIDTH, 400).wrapped(caption, WIDTH - 36, 7.6)[:4]
    page = Page(WIDTH, bottom + 62 + 13 * len(lines) + 14)
    title = "What does a whole network cost?"
    page.title(title)
    page.text(18, 48, "time of one pass, as the sum of layers × repeats", size=9.5, color=style.SOFT)
    provenance = strip(runs, everything)
    page.foot(lines, provenance, page.height - 26 - 12.5 * len(lines))
    drawing = page.finish(name, "totals", title, caption, provenance)
    names = 96.0
    y = top
    for i, (network, height) in enumerate(zip(by_network, heights)):
        page.text(names - 12, y + height / 2 + 4, clipped(network, 14), size=9, weight="bold", ha="right")
        if i % 2 == 1:
            page.stripe(y, height)
        y += height
    gap = 34.0
    room = (WIDTH - names - 24 - gap * (len(panels) - 1)) / len(panels)
    left = names
    for panel in panels:
        right = left + room
        axes = page.axes(left, top, right, bottom)
        whole = [s for s in panel.series if layers.has_bar(s)]
        largest = max((s.seconds for s in whole), default=1e-3)
        limit = largest * 1.04
        for s in whole:  # the scale leaves room for the words behind each bar
            width = page.size_of(layers.words(s), 7.6, "bold")[0] + 18
            limit = max(limit, s.seconds * room / max(room * 0.15, room - width))
        axes.set_xlim(0, limit)
        axes.set_ylim(bottom, top)
        factor, prefix = scale_of(largest)
        frame_axes(axes, factor, f"sum of layers × repeats ({prefix}s)")
        head(page, left, right, top - 22, panel)
        y = top
        for series, height in zip(rows[panel.clock], heights):
            offset = y + (height - len(series) * (BAR + 3)) / 2
            for i, s in enumerate(series):
                at, x = offset + i * (BAR + 3), 0.0
                has_bar = layers.has_bar(s)
                for kind, part, tint in _split(s) if has_bar else []:
                    gid = f"total-{panel.clock}-{s.network}-{i}-{kind.split()[0]}"
                    bar = Rectangle((x, at + 1), part, BAR - 2, facecolor=style.PAPER if s.is_simulated else s.color, edgecolor=s.color, linewidth=0.7,
                                    hatch=HATCH if s.is_simulated else None, alpha=1 - tint, gid=gid)  # fmt: skip
                    axes.add_patch(bar)
                    drawing.tips[gid] = (
                        f"{s.network} · {s.label}: {kind} {seconds(part)} of {seconds(s.seconds)} (sum of layers × repeats{', simulated clock' if s.is_simulated else ''})"
                    )
                    x += part
                text = axes.text(
                    x + limit * 0.01, at + BAR / 2, layers.words(s), fontsize=7.6, color=s.color, va="center", fontweight="bold" if has_bar else "normal"
                )
                drawing.labels.append(page.box_of(text))
            y += height
        left = right + gap
    return drawing
