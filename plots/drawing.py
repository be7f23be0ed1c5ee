"""One finished figure with what belongs to it: the question it answers, how to read it, and where its labels stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from . import style
from .placement import Box

OMIT = "omit"  # ids of what a page repeats as text of its own begin so


@dataclass
class Drawing:
    name: str  # file stem
    kind: str  # roofline, throughput, sparse, staircase, totals
    title: str  # the question
    caption: str  # how to read it, and what is left out
    provenance: str  # machine, date, commit ... in one line
    figure: Figure
    margins: tuple[float, float]  # pixels at the top and the bottom that hold title, caption and provenance only: a page has them as text of its own
    labels: list[Box] = field(default_factory=list)  # of every text that must not touch another, in pixels of the figure
    backends: dict[str, str] = field(default_factory=dict)  # id of a part -> the backend it belongs to
    tips: dict[str, str] = field(default_factory=dict)  # id of a mark -> the sentence shown when it is pointed at


class Page:
    """A figure of fixed size in pixels with one transparent sheet over it on which text and keys are placed in pixels, origin at the top left."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height, self.foot_top = width, height, height
        self.figure = Figure(figsize=(width / 100, height / 100), dpi=100)
        self.renderer: Any = FigureCanvasAgg(self.figure).get_renderer()  # type: ignore[no-untyped-call]
        self.under = self.figure.add_axes((0, 0, 1, 1), zorder=-5)  # stripes behind the rows
        self.under.set_axis_off()
        self.under.set_xlim(0, width)
        self.under.set_ylim(height, 0)
        self.sheet = self.figure.add_axes((0, 0, 1, 1), zorder=5)
        self.sheet.set_axis_off()
        self.sheet.patch.set_alpha(0)
        self.sheet.set_xlim(0, width)
        self.sheet.set_ylim(height, 0)

    def axes(self, left: float, top: float, right: float, bottom: float) -> Axes:
        """Axes whose frame has these edges, in pixels from the top left."""
        axes = self.figure.add_axes((left / self.width, 1 - bottom / self.height, (right - left) / self.width, (bottom - top) / self.height))
        axes.set_facecolor("none")
        return axes

    def text(self, x: float, y: float, words: str, *, size: float = 8.5, color: str = style.INK, weight: str = "normal", ha: str = "left", va: str = "baseline",
             gid: str | None = None) -> Text:  # fmt: skip
        return self.sheet.text(x, y, words, fontsize=size, color=color, fontweight=weight, ha=ha, va=va, gid=gid)

    def title(self, words: str) -> None:
        self.text(18, 30, words, size=14, weight="bold", gid=f"{OMIT}-title")

    def foot(self, caption: list[str], provenance: str, top: float) -> None:
        """The caption's lines from `top` on, and the line of provenance at the bottom edge."""
        self.foot_top = top - 10
        for i, line in enumerate(caption):
            self.text(18, top + 12.5 * i, line, size=7.6, color=style.SOFT, gid=f"{OMIT}-caption-{i}")
        self.text(18, self.height - 12, provenance, size=6.8, color=style.SOFT, gid=f"{OMIT}-provenance")

    def finish(self, name: str, kind: str, title: str, caption: str, provenance: str, labels: list[Box] | None = None) -> Drawing:
        return Drawing(name, kind, title, caption.strip(), provenance, self.figure, (36.0, self.height - self.foot_top), labels if labels is not None else [])

    def stripe(self, top: float, height: float) -> None:
        self.under.add_patch(Rectangle((0, top), self.width, height, facecolor=style.PANEL, edgecolor="none"))

    def rule(self, x0: float, x1: float, y: float, color: str = style.FAINT) -> None:
        self.sheet.plot([x0, x1], [y, y], color=color, linewidth=0.7)

    def size_of(self, words: str, size: float, weight: str = "normal") -> tuple[float, float]:
        probe = self.sheet.text(0, 0, words, fontsize=size, fontweight=weight)
        box = probe.get_window_extent(self.renderer)
        probe.remove()
        return box.width, box.height

    def box_of(self, text: Text) -> Box:
        box = text.get_window_extent(self.renderer)
        return Box(box.x0, box.y0, box.x1, box.y1)

    def wrapped(self, words: str, width: float, size: float) -> list[str]:
        lines: list[str] = []
        current = ""
        for word in words.split():
            trial = f"{current} {word}".strip()
            if current and self.size_of(trial, size)[0] > width:
                lines.append(current)
                current = word
            else:
                current = trial
        return [*lines, current] if current else lines
