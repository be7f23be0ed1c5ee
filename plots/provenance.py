"""Where the numbers come from, in one line under every figure."""

from __future__ import annotations

import os
from typing import Any

from .schema import Run
from .series import Series
from .units import clipped, plural


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value if value.isprintable() else repr(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return ""
    return f"{value:g}"


def first(context: dict[str, Any], *keys: str) -> str:
    for key in keys:
        value = context.get(key)
        if isinstance(value, dict):
            value = next((v for k, v in value.items() if k in ("name", "model", "cpu")), "")
        text = _text(value)
        if text:
            return text
    return ""


def of_run(run: Run) -> list[str]:
    c = run.context
    words = [first(c, "machine", "cpu", "host_name")]
    clock = c.get("mhz_per_cpu")
    if isinstance(clock, (int, float)) and not isinstance(clock, bool) and clock > 0:
        words.append(f"{clock / 1000:.2f} GHz")
    date = first(c, "date")
    words += [date[:10] if date else "", f"commit {first(c, 'commit')[:12]}" if first(c, "commit") else "commit unknown"]
    return [clipped(w, 60) for w in words if w]


def strip(runs: list[Run], series: list[Series]) -> str:
    threads = sorted({s.key.threads for s in series if s.key.clock == "host"})
    caches = sorted({s.key.cache for s in series if s.key.cache})
    words = [" | ".join(" · ".join(of_run(run)) for run in runs[:3])]
    if len(runs) > 3:
        words.append(f"and {len(runs) - 3} more runs")
    if threads:
        words.append("/".join(map(str, threads)) + (" thread" if threads == [1] else " threads"))
    if caches:
        words.append("/".join(caches) + " cache")
    words.append(f"batch {'/'.join(str(b) for b in sorted({s.key.batch for s in series}))}")
    words.append(plural(len({os.path.basename(str(run.path.parent)) for run in runs}), "run") + ": " + ", ".join(clipped(run.label, 24) for run in runs[:3]))
    return clipped(" · ".join(words), 200)
