"""Where labels go so that no two of them overlap. Pure geometry in pixels; knows nothing of figures.

Candidates lie on rings around the mark; a candidate that would touch another label, a text that is already there, or the frame is never taken, so
the result is free of overlaps by construction. What remains is a choice of the least ugly: close, off other marks, with few crossing leaders.
(adjustText, the usual library, moves labels until forces balance and promises no such thing; on VGG-16's crowded peak it left overlaps.)"""

from __future__ import annotations

import math
from dataclasses import dataclass

Point2 = tuple[float, float]
Segment = tuple[Point2, Point2]


@dataclass(frozen=True)
class Box:
    x0: float
    y0: float
    x1: float
    y1: float

    def touches(self, other: Box, gap: float = 0.0) -> bool:
        return self.x0 < other.x1 + gap and other.x0 < self.x1 + gap and self.y0 < other.y1 + gap and other.y0 < self.y1 + gap

    def inside(self, frame: Box) -> bool:
        return self.x0 >= frame.x0 and self.x1 <= frame.x1 and self.y0 >= frame.y0 and self.y1 <= frame.y1


@dataclass(frozen=True)
class Mark:
    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Wish:
    """A label that wants to stand near its mark. Smaller ranks choose first."""

    mark: Mark
    width: float
    height: float
    rank: float


@dataclass(frozen=True)
class Place:
    box: Box
    anchor: Point2 | None  # where the leader meets the box; None: close enough to need none


def _nearest_on(box: Box, x: float, y: float) -> Point2:
    return min(max(x, box.x0), box.x1), min(max(y, box.y0), box.y1)


def crosses(box: Box, a: Point2, b: Point2) -> bool:
    """Does the segment from a to b enter the box? (Liang and Barsky's clipping.)"""
    t0, t1 = 0.0, 1.0
    for start, delta, low, high in ((a[0], b[0] - a[0], box.x0, box.x1), (a[1], b[1] - a[1], box.y0, box.y1)):
        if abs(delta) < 1e-9:
            if start < low or start > high:
                return False
            continue
        near, far = sorted(((low - start) / delta, (high - start) / delta))
        t0, t1 = max(t0, near), min(t1, far)
        if t0 > t1:
            return False
    return True


def _segments_cross(a: Point2, b: Point2, c: Point2, d: Point2) -> bool:
    def side(p: Point2, q: Point2, r: Point2) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0


def _candidates(wish: Wish, reach: float) -> list[Box]:
    """Beside the mark first, then rings further out."""
    m, w, h = wish.mark, wish.width, wish.height
    boxes = []
    distance = 3.0
    while distance <= reach:
        steps = 8 if distance < 4 else 24
        for step in range(steps):
            angle = 2 * math.pi * step / steps
            dx, dy = math.cos(angle), math.sin(angle)
            # The box's centre is pushed out until the box, not its centre, is `distance` away from the mark.
            cx = m.x + dx * (m.radius + distance) + (w / 2) * (dx if abs(dx) < 0.35 else math.copysign(1.0, dx))
            cy = m.y + dy * (m.radius + distance) + (h / 2) * (dy if abs(dy) < 0.35 else math.copysign(1.0, dy))
            boxes.append(Box(cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2))
        distance += 4.0 if distance < 20 else 9.0
    return boxes


def place(wishes: list[Wish], frame: Box, fixed: list[Box], marks: list[Mark], lines: list[Segment] | None = None, *, reach: float = 130.0,
          rounds: int = 3) -> list[Place | None]:  # fmt: skip
    """One place, or none, for each wish. No two boxes touch, none touches a fixed box or leaves the frame, no leader runs through a label."""
    places: list[Place | None] = [None] * len(wishes)
    order = sorted(range(len(wishes)), key=lambda i: (wishes[i].rank, i))
    options = [_Options(wish, frame, fixed, marks, lines or [], reach) for wish in wishes]

    def cost_among(index: int, box: Box, anchor: Point2 | None) -> float:
        """What the labels that already stand add; infinite where the promise would break."""
        total, tip = 0.0, (wishes[index].mark.x, wishes[index].mark.y)
        for other, there in enumerate(places):
            if other == index or there is None:
                continue
            if box.touches(there.box, 1.5) or (anchor and crosses(there.box, tip, anchor)):
                return math.inf
            if there.anchor:
                end = (wishes[other].mark.x, wishes[other].mark.y)
                if crosses(box, end, there.anchor):
                    return math.inf
                if anchor and _segments_cross(tip, anchor, end, there.anchor):
                    total += 6.0
        return total

    for _ in range(rounds):
        before = list(places)
        for index in order:
            places[index] = None
            best, best_cost = None, math.inf
            for k, (least, box, anchor) in enumerate(options[index].boxes):  # nearest first, so most are never looked at
                if least >= best_cost:
                    break
                value = options[index].cost(k)
                if value < best_cost:
                    value += cost_among(index, box, anchor)
                if value < best_cost:
                    best, best_cost = Place(box, anchor), value
            places[index] = best
        if places == before:
            break
    return places


class _Options:
    """The places that one label may take, nearest first, with the part of their cost that does not depend on the other labels."""

    def __init__(self, wish: Wish, frame: Box, fixed: list[Box], marks: list[Mark], lines: list[Segment], reach: float) -> None:
        self.tip = (wish.mark.x, wish.mark.y)
        near = reach + wish.width + 60
        x, y = self.tip
        self.fixed = [f for f in fixed if f.x0 < x + near and f.x1 > x - near and f.y0 < y + near and f.y1 > y - near]
        self.others = [m for m in marks if (m.x, m.y) != self.tip and abs(m.x - x) < near and abs(m.y - y) < near]
        self.lines = lines
        self.boxes: list[tuple[float, Box, Point2 | None]] = []
        self._costs: dict[int, float] = {}
        for box in _candidates(wish, reach):
            if not box.inside(frame):
                continue
            ax, ay = _nearest_on(box, x, y)
            anchor = (ax, ay) if math.hypot(ax - x, ay - y) > wish.mark.radius + 7 else None
            self.boxes.append((math.hypot((box.x0 + box.x1) / 2 - x, (box.y0 + box.y1) / 2 - y) / 12 + (2.0 if anchor else 0.0), box, anchor))
        self.boxes.sort(key=lambda option: option[0])

    def cost(self, k: int) -> float:
        if k not in self._costs:
            self._costs[k] = self._cost(*self.boxes[k])
        return self._costs[k]

    def _cost(self, least: float, box: Box, anchor: Point2 | None) -> float:
        if any(box.touches(f, 1.0) for f in self.fixed):
            return math.inf
        total = least
        for mark in self.others:
            x, y = _nearest_on(box, mark.x, mark.y)
            gap = math.hypot(x - mark.x, y - mark.y)
            if gap < mark.radius:
                total += 14.0  # hides somebody else's mark
            elif gap < mark.radius + 4 and not anchor:
                total += 2.5  # could be read as that mark's label
            if anchor and crosses(Box(mark.x - mark.radius, mark.y - mark.radius, mark.x + mark.radius, mark.y + mark.radius), self.tip, anchor):
                total += 1.0
        total += sum(3.0 for a, b in self.lines if crosses(box, a, b))
        if anchor:
            total += sum(20.0 for f in self.fixed if crosses(f, self.tip, anchor))
        return total
