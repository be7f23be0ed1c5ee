"""The roofline: which roof holds a layer back, and how far below it does each way of computing stay?

x is intensity_executed and y ops_per_second, both of what was really executed, because only these two obey the roofs. (With the dense layer's
operations over compulsory bytes, Winograd and sparse kernels would stand above roofs that they never touched; those numbers are in the bar charts.)"""

from __future__ import annotations

import math
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from . import style
from .drawing import Drawing, Page
from .placement import Box, Mark, Segment, Wish, place
from .provenance import strip
from .roofs import Roof, best_bandwidth, best_compute, roofs
from .schema import Case, Run
from .series import Point, Series, algorithm, aside_note, set_aside
from .units import clipped, engineering, percent, plural, seconds, significant

WIDTH = 1240.0
LEFT, RIGHT = 78.0, 880.0
PANEL = 908.0
PANEL_RIGHT = WIDTH - 18
MAX_NAMES = 44  # more labels than this are numbers, explained beside the figure


def radius(share: float) -> float:
    """Pixels; the area grows with the share of the network's time, down to a mark that can still be seen."""
    return max(3.4, 26.0 * math.sqrt(max(0.0, share)) if share < 0.5 else 18.4)


def _limits(points: list[Point], all_roofs: list[Roof], devices: list[str]) -> tuple[tuple[float, float], tuple[float, float]]:
    xs = [p.numbers.intensity_executed for p in points if p.numbers.intensity_executed]
    ys = [p.numbers.ops_per_second for p in points]
    ys += [ops / (p.numbers.seconds_ci95[1] / p.numbers.seconds) for p, ops in zip(points, list(ys))]
    ridges: list[float] = []
    for device in devices:
        peak, slopes = best_compute(all_roofs, device), [r.value for r in all_roofs if r.kind == "bandwidth" and device in r.devices]
        if peak:
            ys.append(peak)
        if peak and slopes:
            ridges.append(peak / max(slopes))
            xs += [peak / max(slopes)] + ([peak / min(slopes)] if peak / min(slopes) < 20 * max(xs) else [])
    span = math.log10(max(xs) / min(xs))
    low_x, high_x = math.log10(min(xs)) - 0.28, math.log10(max(xs)) + 0.33
    if ridges:  # the steepest slope needs room for its name
        low_x = min(low_x, math.log10(min(ridges)) - max(0.5, 0.16 * span))
    low_y, high_y = math.log10(min(ys)) - 0.3, math.log10(max(ys))
    high_y += max(0.22, 0.06 * (high_y - low_y))  # and the highest roof for its own
    return (10**low_x, 10**high_x), (10**low_y, 10**high_y)


def _equal_decades(axes: Axes, width: float, height: float) -> None:
    """Bandwidth roofs rise at 45 degrees where that costs little room; the narrower range is widened downwards."""
    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
    decades_x, decades_y = math.log10(x1 / x0), math.log10(y1 / y0)
    per_x, per_y = width / decades_x, height / decades_y
    if per_x > per_y and per_x / per_y < 1.3:
        axes.set_xlim(x0 / 10 ** ((width / per_y - decades_x) * 0.5), x1 * 10 ** ((width / per_y - decades_x) * 0.5))
    elif per_y > per_x and per_y / per_x < 1.45:
        axes.set_ylim(y0 / 10 ** (height / per_x - decades_y), y1)


def _distance(x: float, y: float, line: Segment) -> float:
    (ax, ay), (bx, by) = line
    length = math.hypot(bx - ax, by - ay) or 1.0
    along = min(1.0, max(0.0, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length**2))
    return math.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay))


def _text_boxes(x: float, y: float, width: float, height: float, angle: float) -> list[Box]:
    """A rotated line of text as a chain of small boxes; (x, y) is its lower left corner."""
    count = max(1, math.ceil(width / max(height, 1.0)))
    c, s = math.cos(angle), math.sin(angle)
    half = height * 0.55
    boxes = []
    for i in range(count):
        along = (i + 0.5) * width / count
        cx, cy = x + along * c - height / 2 * s, y + along * s + height / 2 * c
        boxes.append(Box(cx - half, cy - half, cx + half, cy + half))
    return boxes


class _Roofline:
    def __init__(self, runs: list[Run], series: list[Series], title: str, height: float) -> None:
        self.series = [s for s in series if s.drawn]
        self.page = Page(WIDTH, height)
        self.top, self.bottom = 88.0, height - 128.0
        self.axes = self.page.axes(LEFT, self.top, RIGHT, self.bottom)
        self.roofs = roofs(runs, self.series)
        self.fixed: list[Box] = []
        self.labels: list[Box] = []
        self.tips: dict[str, str] = {}
        self.backends: dict[str, str] = {}
        self.lines: list[Segment] = []  # roofs, in pixels
        self.points = [(s, p) for s in self.series for p in s.drawn]
        axes = self.axes
        axes.set_xscale("log")
        axes.set_yscale("log")
        x, y = _limits([p for _, p in self.points], self.roofs, [s.key.device for s in self.series])
        axes.set_xlim(*x)
        axes.set_ylim(*y)
        _equal_decades(axes, RIGHT - LEFT, self.bottom - self.top)
        for axis, unit in ((axes.xaxis, ""), (axes.yaxis, "op/s")):
            axis.set_major_locator(LogLocator(10, numticks=20))
            axis.set_minor_locator(LogLocator(10, subs=(2.0, 5.0), numticks=40))
            axis.set_major_formatter(FuncFormatter(lambda v, _, u=unit: engineering(v, u, 1) if u else f"{v:g}"))
            few = math.log10(x[1] / x[0]) < 3.6 if not unit else math.log10(y[1] / y[0]) < 3.2
            axis.set_minor_formatter(FuncFormatter(lambda v, _, u=unit: engineering(v, u, 1) if u else f"{v:g}") if few else NullFormatter())
            axis.set_tick_params(which="minor", labelsize=6.8, labelcolor=style.SOFT, length=2)
            axis.set_tick_params(which="major", labelsize=8.5)
        axes.grid(True, which="major")
        axes.set_xlabel("executed operations per byte that the prepared kernel must move once  (intensity_executed, op/B)", fontsize=8.5, labelpad=5)
        self.page.text(18, self.top - 9, "executed operations per second (ops_per_second)", size=8.5)
        self.page.title(title)
        # A roof is drawn only up to the frame; the frame itself is where labels must stay.
        box = axes.get_window_extent(self.page.renderer)
        self.frame = Box(box.x0 + 2, box.y0 + 2, box.x1 - 1, box.y1 - 1)

    def pixel(self, x: float, y: float) -> tuple[float, float]:
        px, py = self.axes.transData.transform((x, y))
        return float(px), float(py)

    def marks(self) -> list[Mark]:
        return [Mark(*self.pixel(p.numbers.intensity_executed or 1.0, p.numbers.ops_per_second), radius(p.share)) for _, p in self.points]

    def draw_roofs(self) -> None:
        (x0, x1), axes = self.axes.get_xlim(), self.axes
        marks = self.marks()
        ridges: list[tuple[float, float, Roof]] = []
        for roof in self.roofs:
            device = roof.devices[0]
            line: dict[str, Any] = {
                "color": roof.color,
                "linewidth": 1.25,
                "linestyle": "-" if roof.is_measured else (0, (5, 2.5) if roof.source == "simulated" else (1.5, 2)),
                "zorder": 1.5,
            }
            if roof.kind == "compute":
                bandwidth = best_bandwidth(self.roofs, device)
                start = max(x0, roof.value / bandwidth) if bandwidth else x0
                axes.plot([start, x1], [roof.value, roof.value], **line)
                self.lines.append((self.pixel(start, roof.value), self.pixel(x1, roof.value)))
            else:
                peak = best_compute(self.roofs, device)
                end = min(x1, peak / roof.value) if peak else x1
                axes.plot([x0, end], [x0 * roof.value, end * roof.value], **line)
                self.lines.append((self.pixel(x0, x0 * roof.value), self.pixel(end, end * roof.value)))
                if peak and x0 < peak / roof.value < x1:
                    ridges.append((peak / roof.value, peak, roof))
        for x, y, roof in ridges:
            axes.plot([x], [y], marker="v", markersize=4.5, color=roof.color, markeredgecolor=style.PAPER, markeredgewidth=0.6, zorder=3)
            px, py = self.pixel(x, y)
            self.fixed.append(Box(px - 4, py - 4, px + 4, py + 4))
        for roof in self.roofs:
            self._label_roof(roof, marks)
        for x, y, roof in ridges:
            self._label_ridge(x, y, roof)

    def _label_roof(self, roof: Roof, marks: list[Mark]) -> None:
        """On the line, along its slope, at the first free stretch: horizontal roofs from the right, slopes from the left."""
        size = 7.8
        width, height = self.page.size_of(roof.label, size)
        (x0, x1) = self.axes.get_xlim()
        if roof.kind == "compute":
            bandwidth = best_bandwidth(self.roofs, roof.devices[0])
            start, end = self.pixel(max(x0, roof.value / bandwidth) if bandwidth else x0, roof.value), self.pixel(x1, roof.value)
        else:
            peak = best_compute(self.roofs, roof.devices[0])
            stop = min(x1, peak / roof.value) if peak else x1
            start, end = self.pixel(x0, x0 * roof.value), self.pixel(stop, stop * roof.value)
            if start[1] < self.frame.y0:  # the line enters the frame from below
                slope = (end[1] - start[1]) / (end[0] - start[0])
                start = (start[0] + (self.frame.y0 - start[1]) / slope, self.frame.y0)
        angle = math.atan2(end[1] - start[1], end[0] - start[0])
        c, s = math.cos(angle), math.sin(angle)
        length = math.hypot(end[0] - start[0], end[1] - start[1])
        room = length - width - 10
        around = [Box(m.x - m.radius, m.y - m.radius, m.x + m.radius, m.y + m.radius) for m in marks]
        best: tuple[float, float, float, list[Box]] | None = None
        steps = 40
        sides = (3.0, -height - 3.0)  # above the line, else below it
        if room < 0 and roof.kind == "compute":  # a roof shorter than its name: the name ends with it and clears the ridge that it begins at
            sides = (6.0, -height - 6.0)
        for side in sides:
            for i in range(steps + 1):
                along = 6 + max(0.0, room) * (i / steps if roof.kind == "bandwidth" else 1 - i / steps)
                if room < 0 and roof.kind == "compute":
                    along = length - width - 6
                x, y = start[0] + along * c - side * s, start[1] + along * s + side * c
                boxes = _text_boxes(x, y, width, height, angle)
                if any(not b.inside(self.frame) for b in boxes) or any(b.touches(f, 1) for b in boxes for f in self.fixed):
                    continue
                hidden = sum(1 for m in around for b in boxes if b.touches(m, 1))
                cut = sum(1 for line in self.lines if any(_distance((b.x0 + b.x1) / 2, (b.y0 + b.y1) / 2, line) < height / 2 + 1 for b in boxes))
                value = hidden * 10 + cut * 6 + i / steps + (0 if side > 0 else 3)
                if best is None or value < best[0]:
                    best = (value, x, y, boxes)
        if best is None:
            return  # no free stretch at all: the table of ceilings beside the figures has it
        _, x, y, boxes = best
        tx, ty = self.axes.transData.inverted().transform((x, y))
        self.axes.text(
            tx, ty, roof.label, fontsize=size, color=roof.color, rotation=math.degrees(angle), rotation_mode="anchor", ha="left", va="bottom", zorder=2.5
        )
        self.fixed += boxes

    def _label_ridge(self, x: float, y: float, roof: Roof) -> None:
        words = f"{significant(x, 2)} op/B"
        width, height = self.page.size_of(words, 6.6)
        px, py = self.pixel(x, y)
        for dx, dy in ((-width - 5, 4), (-width / 2, 7), (6, -height - 5), (-width / 2, -height - 7)):
            box = Box(px + dx, py + dy, px + dx + width, py + dy + height)
            if box.inside(self.frame) and not any(box.touches(f, 0) for f in self.fixed if not (f.x0 <= px <= f.x1 and f.y0 <= py <= f.y1)):
                tx, ty = self.axes.transData.inverted().transform((box.x0, box.y0))
                self.axes.text(tx, ty, words, fontsize=6.6, color=roof.color, ha="left", va="bottom", zorder=2.5)
                self.fixed.append(box)
                return

    def draw_points(self) -> None:
        order = sorted(range(len(self.points)), key=lambda i: -self.points[i][1].share)
        for i in order:
            s, p = self.points[i]
            n = p.numbers
            x, y = n.intensity_executed or 1.0, n.ops_per_second
            low, high = y * n.seconds / n.seconds_ci95[1], y * n.seconds / max(n.seconds_ci95[0], n.seconds * 1e-3)
            if high > low:
                self.axes.plot([x, x], [low, high], color=s.color, linewidth=1.0, alpha=0.6, zorder=3, gid=self.gid("interval", i, s))
            size = 2 * radius(p.share) * 0.72  # pixels to points
            face = style.PAPER if s.is_simulated else s.color
            edge = s.color if s.is_simulated else style.PAPER
            (mark,) = self.axes.plot([x], [y], marker=style.MARKERS[algorithm(p.case)], markersize=size, color=s.color, markerfacecolor=face, markeredgecolor=edge,
                                     markeredgewidth=1.5 if s.is_simulated else 0.7, alpha=0.92, clip_on=False, linestyle="none", zorder=4)  # fmt: skip
            gid = self.gid("point", i, s)
            mark.set_gid(gid)
            self.tips[gid] = tip(s, p)
            if is_above_roof(p):
                self.axes.plot(
                    [x],
                    [y],
                    marker="o",
                    markersize=size + 7,
                    markerfacecolor="none",
                    markeredgecolor=style.WARNING,
                    markeredgewidth=1.5,
                    linestyle="none",
                    zorder=4,
                    gid=self.gid("ring", i, s),
                )

    def gid(self, part: str, index: int, s: Series) -> str:
        """The id of a part of a point in the SVG."""
        name = f"{part}-{index}"
        self.backends[name] = s.key.backend
        return name

    def label_points(self, numbers: dict[str, int]) -> tuple[bool, int]:
        """Names where all of them find room, numbers otherwise. Returns whether names were used, and how many labels found no place."""
        marks = self.marks()

        def attempt(words: list[str], size: float) -> list[Wish]:
            sizes = [self.page.size_of(w, size) for w in words]
            return [Wish(m, w + 2, h + 1, -p.share) for m, (w, h), (_, p) in zip(marks, sizes, self.points)]

        names = [clipped(p.case.layer, 18) for _, p in self.points]
        places, words, size, named = None, names, 7.4, False
        if len(names) <= MAX_NAMES:
            places = place(attempt(names, size), self.frame, self.fixed, marks, self.lines)
            named = all(p is not None for p in places)
        if not named or places is None:
            words, size = [str(numbers[p.layers[0]]) for _, p in self.points], 6.8
            places = place(attempt(words, size), self.frame, self.fixed, marks, self.lines)
        inverse = self.axes.transData.inverted()
        for i, ((s, p), mark, word, there) in enumerate(zip(self.points, marks, words, places)):
            if there is None:
                continue
            color = style.WARNING if is_above_roof(p) else s.color
            if there.anchor:
                (ax, ay), (mx, my) = inverse.transform(there.anchor), inverse.transform((mark.x, mark.y))
                self.axes.plot([mx, ax], [my, ay], color=s.color, linewidth=0.6, alpha=0.8, zorder=3.5, gid=self.gid("leader", i, s))
            x, y = inverse.transform(((there.box.x0 + there.box.x1) / 2, (there.box.y0 + there.box.y1) / 2))
            text = self.axes.text(
                x,
                y,
                word,
                fontsize=size,
                color=color,
                ha="center",
                va="center",
                zorder=6,
                fontweight="normal" if named else "bold",
                gid=self.gid("label", i, s),
            )
            self.labels.append(self.page.box_of(text))
        return named, sum(1 for p in places if p is None)


def is_above_roof(p: Point) -> bool:
    return p.numbers.roof_fraction is not None and p.numbers.roof_fraction > 1.0


def tip(s: Series, p: Point) -> str:
    n = p.numbers
    words = [
        f"{p.case.network} {', '.join(p.layers[:4])}{' …' if len(p.layers) > 4 else ''}{f' (×{p.repeats})' if p.repeats > 1 else ''} · {s.label}, variant {p.case.variant}"
    ]
    words.append(f"{seconds(n.seconds)}, {engineering(n.ops_per_second, 'op/s')} executed, {engineering(n.ops_per_second_effective, 'op/s')} effective")
    if n.intensity_executed:
        words.append(f"{significant(n.intensity_executed)} op/B")
    if n.roof_fraction is not None:
        words.append(f"{percent(n.roof_fraction)} of its roof ({n.bound})")
    words.append(f"{percent(p.share)} of the network's time" + (", simulated clock" if s.is_simulated else ""))
    return "; ".join(words)


def _panel_rows(series: list[Series]) -> list[Point]:
    rows: dict[str, Point] = {}
    for s in series:
        for p in s.drawn:
            rows.setdefault(p.layers[0], p)
    return sorted(rows.values(), key=lambda p: p.place)


def _without_macs(series: list[Series]) -> list[tuple[str, str]]:
    """Layers without MACs: judged by bandwidth, so listed and not drawn."""
    rows: dict[str, list[str]] = {}
    for s in series:
        for p in s.points:
            if p.numbers.macs_dense == 0:
                rows.setdefault(p.label, []).append(f"{seconds(p.numbers.seconds)}")
    return [(name, " / ".join(values)) for name, values in rows.items()]


def _untrusted(series: list[Series]) -> list[Case]:
    return [c for s in series for c in s.lacking if c.outcome in ("untrusted", "wrong", "failed")]


def draw(runs: list[Run], network: str, series: list[Series], name: str, part: str = "") -> Drawing | None:
    """None where nothing has a point."""
    series, aside = set_aside(series)
    shown = [s for s in series if s.drawn]
    if not shown:
        return None
    rows, idle, bad = _panel_rows(shown), _without_macs(shown), _untrusted(series)
    algorithms = list(dict.fromkeys(algorithm(p.case) for s in shown for p in s.drawn))
    idle_shown, bad_shown = idle[:12], bad[:4]
    needed = (
        74
        + 22
        + 30 * len(shown)
        + 16 * len(algorithms)
        + 120
        + 14 * len(rows)
        + (56 + 12 * len(idle_shown) if idle else 0)
        + (36 + 12 * len(bad_shown) if bad else 0)
        + 50
    )
    title = f"{network}: which roof holds each layer back?{part}"
    chart = _Roofline(runs, series, title, max(760.0, needed))
    page = chart.page
    devices = list(dict.fromkeys(s.key.device for s in shown if s.key.device and not s.is_simulated)) or [s.key.device for s in shown]
    page.text(18, 50, clipped(" · ".join(devices), 120), size=9.5, color=style.SOFT)
    chart.draw_roofs()
    chart.draw_points()
    numbers = {p.layers[0]: i + 1 for i, p in enumerate(rows)}
    for s in shown:  # a layer that only another series holds under another first name
        for p in s.drawn:
            numbers.setdefault(p.layers[0], len(numbers) + 1)
    named, unplaced = chart.label_points(numbers)
    _panel(chart, shown, rows, numbers, named, algorithms, idle_shown, len(idle) - len(idle_shown), bad_shown, len(bad) - len(bad_shown))

    notes = ["One mark a distinct layer"]
    notes.append(
        "of each backend the fastest variant that passed its check." if not any(s.key.variant and not s.is_simulated for s in shown) else "of every variant."
    )
    caption = (
        ", ".join(notes)
        + " Distance below the line that binds is what is left to gain: under a slope the layer waits for that memory level, under a flat roof for arithmetic. "
    )
    caption += "Warm caches: a layer is judged by the innermost level that holds its data, so marks may stand above the DRAM slope. "
    caption += "Bars through marks: 95 % confidence interval. "
    if any(s.is_simulated for s in shown):
        caption += "Hollow marks ran on a simulated clock: they show what a modelled machine would do, not this one. "
    above = sum(1 for s in shown for p in s.drawn if is_above_roof(p))
    if above:
        caption += f"Ringed in red: {plural(above, 'point')} above the roof, a sign of a wrong count or a low ceiling. "
    noisy = sum(1 for s in shown for p in s.drawn if p.case.outcome == "noisy")
    if noisy:
        caption += f"{plural(noisy, 'mark')} noisier than asked for. "
    caption += aside_note(aside)
    if unplaced:
        caption += f"{plural(unplaced, 'mark')} found no room for a number. "
    provenance = strip(runs, shown)
    page.foot(page.wrapped(caption, RIGHT - 18, 7.6)[:5], provenance, chart.bottom + 54)
    drawing = page.finish(name, "roofline", title, caption, provenance, chart.labels)
    drawing.backends, drawing.tips = chart.backends, chart.tips
    return drawing


def _panel(chart: _Roofline, shown: list[Series], rows: list[Point], numbers: dict[str, int], named: bool, algorithms: list[str],
           idle: list[tuple[str, str]], idle_more: int, bad: list[Case], bad_more: int) -> None:  # fmt: skip
    page = chart.page
    y = 48.0

    def heading(words: str) -> None:
        nonlocal y
        page.text(PANEL, y, words, size=8, weight="bold")
        y += 16

    heading("Colour: how it was computed")
    for s in shown:
        page.sheet.plot(
            [PANEL + 6], [y - 3], marker="o", markersize=8, color=s.color, markerfacecolor=style.PAPER if s.is_simulated else s.color, markeredgewidth=1.5
        )
        page.text(PANEL + 18, y, clipped(s.label, 44), size=8.2, color=s.color, weight="bold")
        lacking = sum(1 for c in s.lacking)
        note = "sum of layers × repeats" if not lacking else f"in the layers drawn; {lacking} without a number"
        note = f"{seconds(s.seconds)}, {note}" + (", simulated" if s.is_simulated else "")
        page.text(PANEL + 18, y + 11, note, size=7.2, color=style.SOFT)
        y += 29
    if len(algorithms) > 1 or algorithms[0] != "direct":
        heading("Shape: kind of algorithm")
        for kind in algorithms:
            page.sheet.plot([PANEL + 6], [y - 3], marker=style.MARKERS[kind], markersize=6, color=style.SOFT)
            page.text(PANEL + 18, y, style.MARKER_NOTES.get(kind, kind), size=7.6)
            y += 14
        y += 4
    y += 2
    heading("Area: share of that series' network time")
    y += 6
    x = PANEL + 14.0
    for share in (0.01, 0.1, 0.4):
        r = radius(share)
        page.sheet.plot([x], [y - 2], marker="o", markersize=2 * r * 0.72, color=style.FAINT, markeredgecolor=style.SOFT, markeredgewidth=0.6)
        page.text(x + r + 4, y + 1, percent(share), size=7.4)
        x += 2 * r + 58
    y += 26
    heading("Roofs")
    for dashes, words in (("-", "measured"), ((0, (5, 2.5)), "simulated"), ((0, (1.5, 2)), "stated")):
        if any((r.source == words or (words == "stated" and r.source == "datasheet")) for r in chart.roofs):
            page.sheet.plot([PANEL, PANEL + 26], [y - 3, y - 3], color=style.ROOF, linewidth=1.3, linestyle=dashes)
            page.text(PANEL + 32, y, words, size=7.6)
            y += 13
    y += 8
    page.text(PANEL, y, "Layers" if named else "Numbers: layers", size=8, weight="bold")
    step = min(46.0, (PANEL_RIGHT - PANEL - 132) / max(1, len(shown)))
    columns = [PANEL + 132 + step * (i + 1) for i in range(len(shown))]
    for s, x in zip(shown, columns):
        page.sheet.plot(
            [x - 12], [y - 3], marker="o", markersize=6, color=s.color, markerfacecolor=style.PAPER if s.is_simulated else s.color, markeredgewidth=1.2
        )
    y += 5
    page.rule(PANEL, PANEL_RIGHT, y)
    y += 11
    for p in rows:
        if not named:
            page.text(PANEL + 12, y, str(numbers[p.layers[0]]), size=7.2, weight="bold", ha="right")
        page.text(PANEL + 18, y, clipped(p.case.layer, 16), size=7.2)
        if p.repeats > 1:
            page.text(PANEL + 112, y, f"×{p.repeats}", size=7.2, color=style.SOFT)
        for s, x in zip(shown, columns):
            there = next((q for q in s.drawn if q.layers[0] == p.layers[0]), None)
            page.text(x, y, percent(there.share) if there else "–", size=7.0, ha="right", color=style.INK if there else style.SOFT)
        y += 12.4
    y += 10
    if idle:
        page.text(PANEL, y, "No MACs, so not drawn (judged by bandwidth)", size=8, weight="bold")
        y += 12
        names = [s.key.backend for s in shown if any(p.numbers.macs_dense == 0 for p in s.points)]
        page.text(PANEL_RIGHT, y, clipped(" / ".join(names), 50), size=7.0, ha="right", color=style.SOFT)
        y += 12
        for layer, times in idle:
            page.text(PANEL + 18, y, clipped(layer, 20), size=7.0)
            page.text(PANEL_RIGHT, y, clipped(times, 40), size=7.0, ha="right", color=style.SOFT)
            y += 11.5
        if idle_more:
            page.text(PANEL + 18, y, f"and {idle_more} more", size=7.0, color=style.SOFT)
        y += 10
    if bad:
        page.text(PANEL, y, "No number: the check or the roof objected", size=8, weight="bold", color=style.WARNING)
        y += 13
        for c in bad:
            page.text(PANEL + 4, y, clipped(f"{c.layer} {c.backend} {c.variant}: {c.outcome}: {c.reason}", 62), size=7.0)
            y += 11.5
        if bad_more:
            page.text(PANEL + 4, y, f"and {bad_more} more", size=7.0, color=style.SOFT)
