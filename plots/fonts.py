"""The figures' typeface for the report: a subset of DejaVu Sans (free licence, comes with matplotlib) as data URIs, so that text in the page has exactly
the widths by which its labels were placed, offline and on every system."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import matplotlib


def _subset(file: Path, characters: str) -> str:
    from fontTools import subset
    from fontTools.ttLib import TTFont

    options = subset.Options()
    options.layout_features = ["kern"]
    options.hinting = False
    options.name_IDs = []
    options.drop_tables += ["FFTM"]
    options.recalc_timestamp = False
    font = TTFont(file, recalcTimestamp=False)
    worker = subset.Subsetter(options)
    worker.populate(text=characters)
    worker.subset(font)
    font.flavor = "woff"
    buffer = io.BytesIO()
    font.save(buffer)
    return base64.b64encode(buffer.getvalue()).decode()


def faces(characters: str) -> str:
    """CSS with both weights; `characters` beyond the basic ones are added."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    basic = "".join(map(chr, range(32, 127))) + "×µ·…–"
    characters = basic + "".join(sorted({c for c in characters if c.isprintable()} - set(basic)))[:500]
    rules = []
    for weight, name in (("normal", "DejaVuSans.ttf"), ("bold", "DejaVuSans-Bold.ttf")):
        rules.append(
            f"@font-face{{font-family:'DejaVu Sans';font-weight:{weight};src:url(data:font/woff;base64,{_subset(folder / name, characters)}) format('woff')}}"
        )
    return "".join(rules)
