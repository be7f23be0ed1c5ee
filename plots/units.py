"""Numbers as people read them."""

from __future__ import annotations

import math

_PREFIXES = {-4: "p", -3: "n", -2: "µ", -1: "m", 0: "", 1: "k", 2: "M", 3: "G", 4: "T", 5: "P", 6: "E"}


def significant(value: float, digits: int = 3) -> str:
    """12.3, 1.23, 123: plain notation with so many significant digits, but never fewer than those before the point."""
    if value == 0:
        return "0"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:.{decimals}f}"
    return text


def engineering(value: float, unit: str, digits: int = 3) -> str:
    """93.4 Gop/s, 1.20 ms."""
    if value == 0 or not math.isfinite(value):
        return f"0 {unit}".strip()
    exponent = max(-4, min(6, math.floor(math.log10(abs(value)) / 3 + 1e-9)))
    scaled = value / 1000.0**exponent
    if round(scaled, max(0, digits - 1 - math.floor(math.log10(abs(scaled))))) >= 1000 and exponent < 6:
        exponent, scaled = exponent + 1, 1.0
    return f"{significant(scaled, digits)} {_PREFIXES[exponent]}{unit}"


def seconds(value: float) -> str:
    return engineering(value, "s")


def percent(share: float) -> str:
    if share <= 0:
        return "0 %"
    return "< 0.1 %" if share < 0.001 else f"{100 * share:.1f} %" if share < 0.0995 else f"{100 * share:.0f} %"


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def clipped(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
