"""Placement keeps its promise on crowds much worse than any network."""

from __future__ import annotations

import random

import pytest

from plots.placement import Box, Mark, Wish, crosses, place

FRAME = Box(0, 0, 800, 600)


def crowd(seed: int, count: int) -> list[Mark]:
    rng = random.Random(seed)
    return [Mark(rng.gauss(400, 60), rng.gauss(300, 30), rng.uniform(3, 18)) for _ in range(count)]


@pytest.mark.parametrize("seed", range(3))
def test_no_two_labels_touch_and_none_leaves_the_frame(seed: int) -> None:
    marks = crowd(seed, 60)
    fixed = [Box(380, 280, 480, 300), Box(100, 100, 300, 112)]
    places = place([Wish(m, 40, 11, -m.radius) for m in marks], FRAME, fixed, marks)
    boxes = [p.box for p in places if p]
    assert len(boxes) > 30
    for i, a in enumerate(boxes):
        assert a.inside(FRAME)
        assert not any(a.touches(b) for b in [*boxes[:i], *fixed])


@pytest.mark.parametrize("seed", range(2))
def test_no_leader_runs_through_a_label(seed: int) -> None:
    marks = crowd(seed, 50)
    places = place([Wish(m, 40, 11, 0) for m in marks], FRAME, [], marks)
    for i, (mark, there) in enumerate(zip(marks, places)):
        if there and there.anchor:
            assert not any(other and j != i and crosses(other.box, (mark.x, mark.y), there.anchor) for j, other in enumerate(places))


def test_a_lonely_label_stands_beside_its_mark_without_a_leader() -> None:
    mark = Mark(400, 300, 5)
    (there,) = place([Wish(mark, 40, 11, 0)], FRAME, [], [mark])
    assert there is not None
    assert there.anchor is None


def test_without_room_there_is_no_place() -> None:
    mark = Mark(5, 5, 3)
    assert place([Wish(mark, 40, 11, 0)], Box(0, 0, 10, 10), [], [mark]) == [None]


def test_the_same_crowd_gives_the_same_places() -> None:
    marks = crowd(1, 40)
    wishes = [Wish(m, 30, 10, -m.radius) for m in marks]
    assert place(wishes, FRAME, [], marks) == place(wishes, FRAME, [], marks)


def test_crossing_is_seen() -> None:
    box = Box(10, 10, 20, 20)
    assert crosses(box, (0, 15), (30, 15))
    assert crosses(box, (0, 0), (30, 30))
    assert not crosses(box, (0, 0), (30, 5))
    assert not crosses(box, (0, 15), (9, 15))
