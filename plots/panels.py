"""What the bar charts share: one panel for each clock, so that simulated and measured times never stand on one scale."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from . import style
from .drawing import Page
from .series import Point, Series
from .units import clipped, significant

CLOCK_TITLES = {"host": "Measured (host clock)", "device": "Measured (device clock)", "simulated": "Simulated clock"}
HATCH = "//////"
WIDTH = 1240.0


@dataclass
class Panel:
    clock: str
    series: list[Series]

    @property
    def title(self) -> str:
        return CLOCK_TITLES[self.clock]

    @property
    def devices(self) -> str:
        return ", ".join(dict.fromkeys(s.key.device for s in self.series if s.key.device))


def by_clock(series: list[Series]) -> list[Panel]:
    panels = [Panel(clock, [s for s in series if s.key.clock == clock and s.points]) for clock in CLOCK_TITLES]
    return [p for p in panels if p.series]


def scale_of(largest: float) -> tuple[float, str]:
    """The prefix that the axis of a panel uses for all its numbers."""
    for factor, prefix in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ")):
        if largest >= 2 * factor:
            return factor, prefix
    return 1e-9, "n"


def frame_axes(axes: Axes, factor: float, label: str) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v / factor:g}"))
    axes.tick_params(axis="x", labelsize=8)
    axes.set_xlabel(label, fontsize=8)
    axes.grid(True, axis="x")
    axes.grid(False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.set_yticks([])
    axes.spines["left"].set_color(style.SOFT)


def head(page: Page, left: float, right: float, top: float, panel: Panel) -> None:
    page.text(left, top, panel.title, size=9.5, weight="bold")
    room = max(12, int((right - left) / 5.6))
    page.text(left, top + 13, clipped(panel.devices, room), size=7.6, color=style.SOFT)


def key(page: Page, x: float, y: float, series: list[Series], right: float, *, as_marks: bool = False) -> float:
    """Coloured swatches with names, wrapped; returns the y below them."""
    start = x
    for s in series:
        width = page.size_of(s.label, 8.2, "bold")[0] + 34
        if x + width > right and x > start:
            x, y = start, y + 16
        if as_marks:
            face = style.PAPER if s.is_simulated else s.color
            page.sheet.plot([x + 6], [y - 3.5], marker="o", markersize=6.5, markerfacecolor=face, markeredgecolor=s.color, markeredgewidth=1.3)
        else:
            swatch(page, x, y - 8, s)
        page.text(x + 17, y, s.label, size=8.2, color=s.color, weight="bold")
        x += width
    return y + 16


def swatch(page: Page, x: float, y: float, s: Series) -> None:
    from matplotlib.patches import Rectangle

    face = style.PAPER if s.is_simulated else s.color
    page.sheet.add_patch(Rectangle((x, y), 12, 9, facecolor=face, edgecolor=s.color, hatch=HATCH if s.is_simulated else None, linewidth=0.8))


def rows_of(series: list[Series]) -> list[Point]:
    """The distinct layers of all series in network order."""
    rows: dict[str, Point] = {}
    for s in series:
        for p in s.points:
            rows.setdefault(p.layers[0], p)
    return sorted(rows.values(), key=lambda p: p.place)


def find(s: Series, row: Point) -> Point | None:
    return next((p for p in s.points if p.layers[0] == row.layers[0]), None)


def missing_note(series: list[Series]) -> str:
    """Series of which nothing was measured, with the first reason."""
    words = []
    for s in series:
        if not s.points and s.lacking:
            words.append(f"{s.label}: nothing measured ({s.lacking[0].outcome}: {clipped(s.lacking[0].reason or 'no reason recorded', 90)})")
    return "; ".join(words[:4])


def value(number: float, factor: float) -> str:
    return significant(number / factor, 3)
