"""Which roofs stand over the drawn points, and what they are called."""

from __future__ import annotations

from dataclasses import dataclass

from . import style
from .schema import Ceiling, Run
from .series import Series
from .units import clipped, engineering

LEVEL_NAMES = {"dram": "DRAM", "hbm": "HBM", "sram": "SRAM"}
_BANDWIDTH_ORDER = ("L1", "sram", "L2", "L3", "hbm", "dram")


@dataclass(frozen=True)
class Roof:
    devices: tuple[str, ...]
    kind: str  # compute, bandwidth
    level: str
    value: float
    label: str
    color: str
    is_measured: bool
    source: str


def _devices(all_series: list[Series]) -> dict[str, list[Series]]:
    result: dict[str, list[Series]] = {}
    for s in all_series:
        result.setdefault(s.key.device, []).append(s)
    return result


def ceilings_of(runs: list[Run]) -> list[Ceiling]:
    """Of two runs of one machine the later one's word counts."""
    latest: dict[tuple[object, ...], Ceiling] = {}
    for run in runs:
        for c in run.ceilings:
            latest[(c.device, c.kind, c.type, c.accumulator, c.unit_used, c.level, c.threads)] = c
    return list(latest.values())


def _is_used(c: Ceiling, series: list[Series]) -> bool:
    """A compute roof is drawn if some drawn case runs on that unit; a bandwidth roof if the threads agree.

    Where two levels serve a working set together ("L3+dram"), the line between theirs would only crowd the figure.
    """
    if "+" in (c.level or ""):
        return False
    same = [s for s in series if s.key.threads == c.threads]
    if c.kind == "bandwidth":
        return bool(same)
    for s in same:
        if s.key.type != c.type:
            continue
        units = {(p.case.accumulator or c.accumulator, p.case.unit_used or c.unit_used) for p in s.drawn}
        if (c.accumulator, c.unit_used) in units:
            return True
    return False


def roofs(runs: list[Run], all_series: list[Series]) -> list[Roof]:
    """Equal roofs of several arrays are one line."""
    by_device = _devices(all_series)
    drawn: dict[tuple[object, ...], list[Ceiling]] = {}
    for c in ceilings_of(runs):
        if c.device in by_device and _is_used(c, by_device[c.device]):
            drawn.setdefault((c.kind, c.level, c.type, c.unit_used, c.value, c.source, _owner(by_device[c.device])), []).append(c)
    several = len(by_device) > 1
    result = []
    for (kind, level, type_, unit_used, value, source, owner), rows in drawn.items():
        c = rows[0]
        series = by_device[c.device]
        color = series[0].color if owner else style.ROOF
        if kind == "bandwidth":
            what = f"{LEVEL_NAMES.get(c.level, c.level)} {engineering(c.value, 'B/s')}"
        else:
            what = f"{c.type} {c.unit_used} {engineering(c.value, 'op/s')}".replace("  ", " ")
        devices = tuple(dict.fromkeys(r.device for r in rows))
        if several and any(s.is_simulated for s in series):
            what = f"{clipped(', '.join(devices), 34)}: {what}"
        if c.source != "measured":
            what += f" ({'stated' if c.source == 'datasheet' else c.source})"
        result.append(Roof(devices, c.kind, c.level, c.value, what, color, c.source == "measured", c.source))
    result.sort(key=lambda r: (r.kind, _BANDWIDTH_ORDER.index(r.level) if r.level in _BANDWIDTH_ORDER else 9, -r.value))
    return result


def _owner(series: list[Series]) -> str:
    """The backend whose colour the device's roofs wear; empty where several backends share the device."""
    backends = {s.key.backend for s in series}
    return next(iter(backends)) if len(backends) == 1 and any(s.key.clock != "host" for s in series) else ""


def best_compute(all_roofs: list[Roof], device: str) -> float | None:
    values = [r.value for r in all_roofs if r.kind == "compute" and device in r.devices]
    return max(values) if values else None


def best_bandwidth(all_roofs: list[Roof], device: str) -> float | None:
    values = [r.value for r in all_roofs if r.kind == "bandwidth" and device in r.devices]
    return max(values) if values else None
