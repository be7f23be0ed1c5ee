"""How everything looks: one place for colours, marks and type. The colours are those of Okabe and Ito (2008), told apart by colour-blind readers and,
by their lightness, in grey print. Each colour has a role; the HTML report swaps the roles for its dark theme (`DARK`)."""

from __future__ import annotations

from typing import Any

import matplotlib

INK, SOFT, FAINT, PAPER, PANEL = "#1b1f24", "#57606a", "#d8dee4", "#ffffff", "#f6f8fa"
WARNING = "#c1121f"
ROOF = "#3d444d"  # a roof that several backends share

# Backend -> hues: the first for its first series, the others for further types or accelerators of the same backend.
BACKEND_HUES: dict[str, tuple[str, ...]] = {
    "highway": ("#0072b2", "#004a75", "#56a9d9"),
    "onednn": ("#d55e00", "#8f3f00", "#f09a56"),
    "xnnpack": ("#6b5300", "#a07d00", "#d8b740"),
    "cuda": ("#008a64", "#005c43", "#4fc3a1"),
    "spatial": ("#a3478b", "#7b5ea7", "#a07d00", "#2f7f86", "#6e2a5d", "#8a5a44"),
    "reference": ("#6b6b6b", "#9a9a9a", "#444444"),
}
OTHER_HUES: tuple[tuple[str, ...], ...] = (("#1d5358", "#6fbac0", "#2f7f86"), ("#5c3a2b", "#c0907a", "#8a5a44"))

# The same roles on a dark ground: lighter, so that contrast stays above 4.5 for text.
DARK: dict[str, str] = {
    INK: "#e6edf3", SOFT: "#9da7b3", FAINT: "#30363d", PAPER: "#0d1117", PANEL: "#161b22", WARNING: "#ff7b72", ROOF: "#b1bac4",
    "#0072b2": "#58b4f0", "#56a9d9": "#9ad4f7", "#004a75": "#2f86c4", "#d55e00": "#ff9248", "#f09a56": "#ffc08f", "#8f3f00": "#d9722b",
    "#008a64": "#3ecfa0", "#4fc3a1": "#93e6cd", "#005c43": "#22a37c", "#a3478b": "#e08acb", "#d48fc0": "#f3bfe5", "#6e2a5d": "#b862a3",
    "#7b5ea7": "#b79aea", "#b59ad6": "#d9c6f5", "#6b6b6b": "#a8a8a8", "#9a9a9a": "#cfcfcf", "#444444": "#8a8a8a", "#a07d00": "#e0b92f",
    "#d8b740": "#f0d98a", "#6b5300": "#b08f1d", "#2f7f86": "#5fc4cc", "#6fbac0": "#a6e3e8", "#1d5358": "#3c979e", "#8a5a44": "#d39a80",
    "#c0907a": "#ebc6b6", "#5c3a2b": "#a8745d",
}  # fmt: skip

# Shape of a mark: what kind of algorithm ran.
MARKERS = {"direct": "o", "gemm": "s", "transformed": "D", "sparse": "^", "library": "o", "array": "o"}
MARKER_NOTES = {"direct": "direct or the library's choice", "gemm": "matrix product", "transformed": "transformed (Winograd, FFT)", "sparse": "sparse operands"}

RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans", "font.size": 8.5, "text.parse_math": False, "text.color": INK, "text.hinting": "none",
    "axes.edgecolor": SOFT, "axes.labelcolor": INK, "axes.linewidth": 0.7, "axes.facecolor": PAPER, "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "axes.axisbelow": True, "grid.color": FAINT, "grid.linewidth": 0.5, "figure.facecolor": PAPER, "savefig.facecolor": PAPER,
    "xtick.color": SOFT, "ytick.color": SOFT, "xtick.labelcolor": INK, "ytick.labelcolor": INK, "xtick.major.width": 0.7, "ytick.major.width": 0.7,
    "hatch.linewidth": 0.6, "lines.solid_capstyle": "butt", "lines.dash_capstyle": "butt", "figure.dpi": 100, "savefig.dpi": 160,
    "svg.hashsalt": "convroof", "svg.fonttype": "path", "pdf.fonttype": 42, "pdf.compression": 9, "path.simplify": False,
}  # fmt: skip


def apply() -> None:
    matplotlib.use("Agg")
    matplotlib.rcdefaults()
    for key, value in RC.items():
        matplotlib.rcParams[key] = value
