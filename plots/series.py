"""From cases to what is drawn: series of points.

A series is one way of computing on one machine (backend, device, type, density ...); a point is one distinct layer of it. Layers of equal shape
are one point that remembers how often the network repeats it. Of a backend's variants the fastest for each layer is drawn (an accelerator is a
machine of its own and never merged), unless `all_variants` asks for each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from . import style
from .schema import Case, Numbers, Run


class Key(NamedTuple):
    backend: str
    device: str
    type: str
    density: str
    batch: int
    threads: int
    cache: str
    epilogue: str
    clock: str
    variant: str  # only where it is a machine of its own, or every variant is wanted
    run: str  # only where two runs hold the same case


@dataclass(frozen=True)
class Point:
    case: Case
    numbers: Numbers
    layers: tuple[str, ...]  # names in this run that this point stands for
    repeats: int  # times in the network
    share: float  # of the series' network time, by all its layers
    place: int  # of its first layer in the network, as far as the runs tell

    @property
    def label(self) -> str:
        return f"{self.case.layer} ×{self.repeats}" if self.repeats > 1 else self.case.layer

    @property
    def total_seconds(self) -> float:
        return self.numbers.seconds * self.repeats


@dataclass
class Series:
    key: Key
    network: str
    points: list[Point]  # one a distinct layer, in network order; with and without MACs
    lacking: list[Case]  # the best outcome of each layer without numbers
    label: str = ""
    color: str = style.INK
    seconds: float = 0.0  # sum of layers x repeats
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def is_simulated(self) -> bool:
        return self.key.clock == "simulated"

    @property
    def is_sparse(self) -> bool:
        return self.key.density != "dense"

    @property
    def drawn(self) -> list[Point]:
        """Points of a roofline: layers with MACs and a known intensity."""
        return [p for p in self.points if p.numbers.macs_dense > 0 and p.numbers.intensity_executed and p.numbers.ops_per_second > 0]


def algorithm(case: Case) -> str:
    """The class that the shape of a mark shows."""
    if case.density != "dense":
        return "sparse"
    words = " ".join([case.variant, *(value for key, value in case.facts if key in ("algorithm", "picked"))]).lower()
    if "winograd" in words or "fft" in words:
        return "transformed"
    return "gemm" if "gemm" in words or "im2col" in words else "direct"


def _shape(case: Case) -> tuple[object, ...]:
    """Equal for layers of equal shape. Files that do not record it: equal counts and sizes, and names that differ in their digits only. (A ResNet's 1x1
    convolutions 64 to 256 and 256 to 64 have equal counts and run at different speeds; their names end in another letter.)"""
    n = case.numbers
    assert n is not None
    if case.shape:
        return (case.shape, n.bytes_compulsory)
    return (re.sub(r"\d+", "#", case.layer), case.op, n.macs_dense, n.bytes_compulsory)


def networks(runs: Iterable[Run]) -> list[str]:
    return list(dict.fromkeys(case.network for run in runs for case in run.cases))


def cases_of(runs: list[Run]) -> list[tuple[Case, str]]:
    """All cases, each with its run's label where two runs hold the same name."""
    count: dict[str, int] = {}
    for run in runs:
        for name in {case.name for case in run.cases}:
            count[name] = count.get(name, 0) + 1
    is_shared = any(n > 1 for n in count.values())
    return [(case, run.label if is_shared else "") for run in runs for case in run.cases]


def collect(runs: list[Run], network: str, *, all_variants: bool = False, keep: Callable[[Case], bool] = lambda case: True) -> list[Series]:
    """The series of one network, labelled and coloured; dense before sparse, measured before simulated, in the order of the runs."""
    groups: dict[Key, dict[str, list[Case]]] = {}
    chosen_cases = [(case, run) for case, run in cases_of(runs) if case.network == network and keep(case)]
    devices: dict[tuple[str, str], str] = {}  # a row that never ran names no device: it belongs to the backend's other rows
    for case, _ in chosen_cases:
        if case.device:
            devices.setdefault((case.backend, case.variant), case.device)
            devices.setdefault((case.backend, ""), case.device)
    for case, run in chosen_cases:
        own_machine = case.clock == "simulated" or all_variants
        if not case.device:
            known = devices.get((case.backend, case.variant)) or ("" if case.clock == "simulated" else devices.get((case.backend, ""), ""))
            case = Case(**{**case.__dict__, "device": known})
        key = Key(
            case.backend,
            case.device,
            case.type,
            case.density,
            case.batch,
            case.threads,
            case.cache,
            case.epilogue,
            case.clock,
            case.variant if own_machine else "",
            run,
        )
        groups.setdefault(key, {}).setdefault(case.layer, []).append(case)
    order = {layer: place for place, layer in enumerate(dict.fromkeys(case.layer for case, _ in chosen_cases))}
    result = []
    for key, layers in groups.items():
        fastest: list[Case] = []
        lacking: list[Case] = []
        for cases in layers.values():
            timed = [c for c in cases if c.numbers is not None]
            if timed:
                fastest.append(min(timed, key=lambda c: c.numbers.seconds if c.numbers else 0.0))
            else:
                lacking.append(cases[0])
        merged: dict[tuple[object, ...], list[Case]] = {}
        for case in fastest:
            merged.setdefault(_shape(case), []).append(case)
        seconds = sum(c.numbers.seconds * c.repeats for c in fastest if c.numbers)
        points = []
        for cases in merged.values():
            chosen = sorted(cases, key=lambda c: c.numbers.seconds if c.numbers else 0.0)[len(cases) // 2] if len(cases) > 2 else cases[0]
            assert chosen.numbers is not None
            total = sum(c.numbers.seconds * c.repeats for c in cases if c.numbers)
            first = cases[0]
            shown = Case(**{**chosen.__dict__, "layer": first.layer})
            points.append(
                Point(
                    shown, chosen.numbers, tuple(c.layer for c in cases), sum(c.repeats for c in cases), total / seconds if seconds else 0.0, order[first.layer]
                )
            )
        points.sort(key=lambda p: p.place)
        result.append(Series(key, network, points, lacking, seconds=seconds))
    result.sort(key=lambda s: (s.is_simulated, s.is_sparse))
    _label(result)
    _color(result)
    return result


def set_aside(all_series: list[Series]) -> tuple[list[Series], list[Series]]:
    """(drawn, named in words): a series that covers under half of the layers and stays far below all others, as the plain reference does in a quick run,
    would stretch the scale by decades and say nothing."""
    counts = {id(s): len(s.drawn) for s in all_series}
    most = max(counts.values(), default=0)
    aside = []
    for s in all_series:
        others = sorted(p.numbers.ops_per_second for t in all_series if t is not s for p in t.drawn)
        if 0 < counts[id(s)] < most / 2 and others and max(p.numbers.ops_per_second for p in s.drawn) < 0.1 * others[len(others) // 2]:
            aside.append(s)
    return [s for s in all_series if not any(s is t for t in aside)], aside


def aside_note(aside: list[Series]) -> str:
    words = [f"{s.label} (numbers for {len(s.drawn)} distinct layers, each far below the others)" for s in aside]
    return f"Left out of the figure: {'; '.join(words)}. " if words else ""


def _label(all_series: list[Series]) -> None:
    """A backend's name and type; everything else only where it tells two series apart."""

    def differs(attribute: str) -> bool:
        return len({getattr(s.key, attribute) for s in all_series}) > 1

    for s in all_series:
        k = s.key
        words = [f"{k.backend} {k.variant}".strip(), k.type]
        if k.density != "dense":
            words.append(k.density)
        if differs("batch"):
            words.append(f"batch {k.batch}")
        if len({t.key.threads for t in all_series if t.key.backend == k.backend}) > 1:
            words.append(f"{k.threads} threads")
        if differs("cache"):
            words.append(k.cache)
        if differs("epilogue"):
            words.append(f"epilogue {k.epilogue}")
        if len({t.key.device for t in all_series if (t.key.backend, t.key.variant) == (k.backend, k.variant)}) > 1:
            words.append(f"on {k.device}")
        if k.run:
            words.append(f"[{k.run}]")
        s.label = " ".join(words)


def _color(all_series: list[Series]) -> None:
    """One hue a backend; its further series (types, accelerators, runs) are shades. Densities share the colour: the mark's shape tells them apart."""
    unknown = list(dict.fromkeys(s.key.backend for s in all_series if s.key.backend not in style.BACKEND_HUES))
    seen: dict[str, list[tuple[object, ...]]] = {}
    for s in all_series:
        hues = style.BACKEND_HUES.get(s.key.backend) or style.OTHER_HUES[unknown.index(s.key.backend) % len(style.OTHER_HUES)]
        identity = s.key._replace(density="")
        kinds = seen.setdefault(s.key.backend, [])
        if identity not in kinds:
            kinds.append(identity)
        s.color = hues[kinds.index(identity) % len(hues)]


def distinct_colors(part: list[Series]) -> list[Series]:
    """The series of one figure. A backend with more series than hues repeats them; where two of one figure meet in a colour, the figure deals them out anew."""
    owners: dict[str, set[tuple[object, ...]]] = {}
    for s in part:
        if s.points:
            owners.setdefault(s.color, set()).add(s.key._replace(density=""))
    if all(len(keys) == 1 for keys in owners.values()):
        return part
    copies = [replace(s) for s in part]
    _color([s for s in copies if s.points])
    return copies
