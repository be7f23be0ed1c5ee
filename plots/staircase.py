"""The staircase of simulated machines: what takes each layer away from the stated peak? One row of columns a machine; a column is all PE-clocks of a layer,
multipliers x (clocks + stalls), with those that multiplied at the bottom and above them what each cause took."""

from __future__ import annotations

from matplotlib.patches import Rectangle

from . import style
from .drawing import Drawing, Page
from .panels import WIDTH, find, rows_of
from .provenance import strip
from .schema import Numbers, Run
from .series import Point, Series
from .units import clipped, engineering

HEIGHT, GAP = 132.0, 46.0  # of a machine's row of columns; between two
LEFT = 64.0
MAX_COLUMNS = 40  # layers in one row; more would be too narrow for their names

# From the bottom up: the last thing that is lost lies nearest to the useful part. The order of the results file is that of the descent from the peak.
CAUSES = {
    "stalls": ("memory stalls", "#004a75"),
    "fill_and_drain": ("fill and drain", "#6fbac0"),
    "conflicts": ("bank conflicts", "#8f3f00"),
    "imbalance": ("imbalance", "#f09a56"),
    "fragmentation": ("fragmentation", "#d8b740"),
    "array_shape": ("array shape", "#9a9a9a"),
}
USEFUL = ("multiplications", "#a3478b")


def total_of(n: Numbers) -> int:
    """PE-clocks of a layer; 0 where the run does not hold them."""
    return n.macs_executed + sum(clocks for _, clocks in n.pe_clocks_lost) if n.pe_clocks_lost else 0


def _parts(n: Numbers) -> list[tuple[str, str, float]]:
    """(name, colour, share of the peak) from the bottom up."""
    total, lost = total_of(n), dict(n.pe_clocks_lost)
    parts = [(*USEFUL, n.macs_executed / total)]
    parts += [(*CAUSES[cause], lost.pop(cause, 0) / total) for cause in CAUSES]
    return parts + [(cause.replace("_", " "), style.FAINT, clocks / total) for cause, clocks in lost.items()]


def _known(s: Series) -> list[Point]:
    return [p for p in s.points if total_of(p.numbers) > 0]


def has_steps(s: Series) -> bool:
    return s.is_simulated and bool(_known(s))


def _whole(s: Series) -> str:
    """The share of the peak over all layers times their repeats: the mean over clocks, not over layers."""
    known = _known(s)
    done = sum(p.numbers.macs_executed * p.repeats for p in known)
    return f"{100 * done / sum(total_of(p.numbers) * p.repeats for p in known):.1f} % of the peak over {'this layer' if len(known) == 1 else 'these layers'}"


def _peak(s: Series) -> str:
    """2 operations a multiplier and clock; PE-clocks / clocks are the multipliers."""
    n = _known(s)[0].numbers
    clocks = (n.cycles or 0) + (n.stall_cycles or 0)
    return f"stated peak {engineering(2 * total_of(n) / clocks * n.clock_hz, 'op/s')}" if clocks and n.clock_hz else "stated peak not recorded"


def draw(runs: list[Run], network: str, series: list[Series], name: str, part: str = "") -> Drawing | None:
    machines = [s for s in series if has_steps(s)]
    rows = [r for r in rows_of(machines) if total_of(r.numbers) or any(p for s in machines if (p := find(s, r)) and total_of(p.numbers))]
    rows, left_out = rows[:MAX_COLUMNS], max(0, len(rows) - MAX_COLUMNS)
    if not machines or not rows:
        return None
    caption = "A column is the stated peak of a machine for as long as the layer took: multipliers × (clocks + stalls), all of them PE-clocks that either multiplied (bottom, with its share above the column) or were lost to one cause. "
    caption += "Array shape: multipliers that the layer never uses. Fragmentation: partial folds, blocks and vectors. Imbalance: waiting for the slowest PE. Bank conflicts: two products for one bank of sums. "
    caption += "Fill and drain: values enter or leave. Memory stalls: the bus of the outer memory. A multiplication by a zero that the machine does not skip counts as done. "
    if left_out:
        caption += f"{left_out} further layers are in the table only. "
    names = 22 + 0.72 * max(Page(WIDTH, 400).size_of(clipped(r.label, 20), 7.6)[0] for r in rows)
    top = 124.0
    bottom = top + (HEIGHT + GAP) * len(machines) - GAP
    lines = Page(WIDTH, 400).wrapped(caption, WIDTH - 36, 7.6)[:4]
    page = Page(WIDTH, bottom + names + 13 * len(lines) + 34)
    title = f"{network}: what takes each layer away from the peak?{part}"
    page.title(title)
    provenance = strip(runs, machines)
    page.foot(lines, provenance, page.height - 26 - 12.5 * len(lines))
    drawing = page.finish(name, "staircase", title, caption, provenance)
    _key(page, machines, rows)
    right = WIDTH - 24
    pitch = (right - LEFT) / max(len(rows), 6)  # a network of one layer does not get one column as wide as the page
    width = min(pitch * 0.72, 64.0)
    for i, s in enumerate(machines):
        y0 = top + i * (HEIGHT + GAP)
        axes = page.axes(LEFT, y0, right, y0 + HEIGHT)
        axes.set_xlim(0, right - LEFT)
        axes.set_ylim(0, 1)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1.0], ["0", "25", "50", "75", "100 %"])
        axes.tick_params(axis="y", labelsize=7.6, length=0)
        axes.set_xticks([])
        axes.grid(True, axis="y")
        head = page.text(LEFT, y0 - 19, clipped(s.label, 60), size=9.2, weight="bold", color=s.color)
        offset = page.size_of(clipped(s.label, 60), 9.2, "bold")[0] + 12
        tail = page.text(LEFT + offset, y0 - 19, f"{_peak(s)}; {_whole(s)}", size=7.8, color=style.SOFT)
        drawing.labels += [page.box_of(head), page.box_of(tail)]
        for column, row in enumerate(rows):
            centre = pitch * (column + 0.5)
            point = find(s, row)
            if point is None or not total_of(point.numbers):
                lacking = next((c for c in s.lacking if c.layer == row.case.layer), None)
                axes.text(
                    centre, 0.02, lacking.outcome if lacking else "not in this run", fontsize=6.6, color=style.SOFT, ha="center", va="bottom", rotation=90
                )
                continue
            parts = _parts(point.numbers)
            at = 0.0
            for step, (what, color, share) in enumerate(parts):
                if share <= 0:
                    continue
                gid = f"step-{i}-{column}-{step}"
                axes.add_patch(Rectangle((centre - width / 2, at), width, share, facecolor=color, edgecolor=style.PAPER, linewidth=0.4, gid=gid))
                drawing.tips[gid] = f"{network} {point.label} · {s.label}: {what} {100 * share:.2f} % of the peak"
                at += share
            # Above the column: a share of a few percent has no room for its own number.
            text = page.text(LEFT + centre, y0 - 4, f"{100 * parts[0][2]:.3g}", size=6.8, color=USEFUL[1], weight="bold", ha="center")
            drawing.labels.append(page.box_of(text))
    for column, row in enumerate(rows):
        page.sheet.text(
            LEFT + pitch * (column + 0.5) + 3, bottom + 6, clipped(row.label, 20), fontsize=7.6, ha="right", va="top", rotation=45, rotation_mode="anchor"
        )
    return drawing


def _key(page: Page, machines: list[Series], rows: list[Point]) -> None:
    """Causes that stand in this figure, in the order of a column from the bottom up."""
    seen = {what: color for s in machines for r in rows if (p := find(s, r)) and total_of(p.numbers) for what, color, share in _parts(p.numbers) if share > 0}
    order = [USEFUL[0], *(what for what, _ in CAUSES.values())]
    x = 18.0
    for what in sorted(seen, key=lambda w: order.index(w) if w in order else len(order)):
        page.sheet.add_patch(Rectangle((x, 52), 12, 10, facecolor=seen[what], edgecolor="none"))
        page.text(x + 17, 61, what, size=8.4, weight="bold" if what == USEFUL[0] else "normal")
        x += page.size_of(what, 8.4, "bold")[0] + 38
    page.text(18, 79, "share of the stated peak (%), one column a layer", size=8.2, color=style.SOFT)
