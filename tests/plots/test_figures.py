"""The figures of every shipped network: labels never overlap, nothing is clipped, files are deterministic, hostile names stay text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import synthetic

from plots import roofline, sparse, staircase, style, throughput, totals
from plots.drawing import Drawing
from plots.figures import MAX_SERIES, draw_all, file_name, render
from plots.schema import InputProblem, Run, parse
from plots.series import collect

SHIPPED = ["alexnet", "vgg16", "vgg19", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnet50-v1", "lenet5", "lenet-300-100"]


@pytest.fixture(autouse=True)
def look() -> None:
    style.apply()


def runs_of(document: Any) -> list[Run]:
    return [parse(json.dumps(document), Path("x/run.json"), "x")]


def overlaps(drawing: Drawing) -> int:
    boxes = drawing.labels
    return sum(1 for i, a in enumerate(boxes) for b in boxes[:i] if a.touches(b))


@pytest.mark.parametrize("network", SHIPPED)
def test_roofline_labels_do_not_overlap_on(network: str) -> None:
    runs = runs_of(synthetic.run([network]))
    drawing = roofline.draw(runs, network, collect(runs, network), "r")
    assert drawing is not None
    assert overlaps(drawing) == 0
    points = sum(len(s.drawn) for s in collect(runs, network))
    assert len(drawing.labels) == points  # every mark has its name or number


@pytest.mark.parametrize("network", ["vgg16", "resnet152"])
def test_roofline_labels_do_not_overlap_with_more_backends_on(network: str) -> None:
    runs = runs_of(synthetic.run([network], gpu=True, full=True, arrays=("systolic-ws", "systolic-os")))
    drawing = roofline.draw(runs, network, collect(runs, network), "r")
    assert drawing is not None
    assert overlaps(drawing) == 0


def test_no_point_is_clipped() -> None:
    runs = runs_of(synthetic.run(["vgg16"], gpu=True))
    series = collect(runs, "vgg16")
    drawing = roofline.draw(runs, "vgg16", series, "r")
    assert drawing is not None
    axes = next(a for a in drawing.figure.axes if a.get_xscale() == "log")
    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
    for s in series:
        for p in s.drawn:
            assert x0 < (p.numbers.intensity_executed or 0) < x1
            assert y0 < p.numbers.ops_per_second < y1


def test_a_point_above_its_roof_is_flagged() -> None:
    document = synthetic.run(["alexnet"])
    row = next(c for c in document["cases"] if c["backend"] == "onednn" and c["layer"] == "conv3")
    plain = roofline.draw(runs_of(document), "alexnet", collect(runs_of(document), "alexnet"), "r")
    row["roof_fraction"] = 1.01
    flagged = roofline.draw(runs_of(document), "alexnet", collect(runs_of(document), "alexnet"), "r")
    assert plain is not None and flagged is not None
    assert "above the roof" not in plain.caption
    assert "1 point above the roof" in flagged.caption
    assert style.WARNING in [line.get_markeredgecolor() for axes in flagged.figure.axes for line in axes.lines]


def test_simulated_marks_are_hollow_and_their_bars_hatched() -> None:
    runs = runs_of(synthetic.run(["alexnet"]))
    series = collect(runs, "alexnet")
    drawing = roofline.draw(runs, "alexnet", series, "r")
    bars = throughput.draw(runs, "alexnet", series, "t")
    assert drawing is not None and bars is not None
    simulated = [i for i, s in enumerate([s for s in series if s.drawn for _ in s.drawn]) if s.is_simulated]
    marks = {line.get_gid(): line for axes in drawing.figure.axes for line in axes.lines}
    assert simulated
    for i in range(24):
        is_hollow = marks[f"point-{i}"].get_markerfacecolor() == style.PAPER
        assert is_hollow == (i in simulated)
    for axes in bars.figure.axes:  # one panel never holds both
        hatches = {bool(patch.get_hatch()) for patch in axes.patches if str(patch.get_gid()).startswith("bar-")}
        assert len(hatches) <= 1


def test_a_roof_of_another_type_or_thread_count_is_not_drawn() -> None:
    document = synthetic.run(["alexnet"])
    document["ceilings"].append(synthetic.ceiling(synthetic.CPU, "compute", 9e11, 2, type="bf16", accumulator="f32", unit_used="dot"))
    document["ceilings"].append(synthetic.ceiling(synthetic.CPU, "compute", 8e10, 1, type="f32", accumulator="f32", unit_used="fma"))
    drawing = roofline.draw(runs_of(document), "alexnet", collect(runs_of(document), "alexnet"), "r")
    assert drawing is not None
    words = [text.get_text() for axes in drawing.figure.axes for text in axes.texts]
    assert any("f32 fma 170 Gop/s" in w for w in words)
    assert not any("bf16" in w or "80.0 Gop/s" in w for w in words)


def test_layers_without_macs_stand_in_the_side_box() -> None:
    runs = runs_of(synthetic.run(["alexnet"], full=True))
    drawing = roofline.draw(runs, "alexnet", collect(runs, "alexnet"), "r")
    assert drawing is not None
    words = [text.get_text() for axes in drawing.figure.axes for text in axes.texts]
    assert "pool1" in words and any(w.startswith("No MACs") for w in words)


@pytest.mark.parametrize("network", ["alexnet", "resnet50"])
def test_other_figures_do_not_overlap_on(network: str) -> None:
    runs = runs_of(synthetic.run([network], sparse=True, gpu=True))
    series = collect(runs, network)
    drawings = [throughput.draw(runs, network, series, "t"), *sparse.draw(runs, network, series, "s"), totals.draw(runs, {network: series})]
    assert all(d is not None for d in drawings)
    assert {d.kind for d in drawings if d} == {"throughput", "sparse", "totals"}
    assert all(overlaps(d) == 0 for d in drawings if d)


def test_without_sparse_rows_the_message_says_what_to_add() -> None:
    drawings, notes = draw_all(runs_of(synthetic.run(["lenet5"])))
    assert not any(d.kind == "sparse" for d in drawings)
    assert any("--densities" in note for note in notes)


def test_many_series_become_several_figures_and_none_is_lost() -> None:
    arrays = tuple(f"array{i}" for i in range(8))
    runs = runs_of(synthetic.run(["lenet5"], arrays=arrays))
    drawings, _ = draw_all(runs)
    rooflines = [d for d in drawings if d.kind == "roofline"]
    assert len(rooflines) > 1
    words = " ".join(text.get_text() for d in rooflines for axes in d.figure.axes for text in axes.texts)
    assert all(f"spatial {array} s16" in words for array in arrays)
    assert len({d.name for d in drawings}) == len(drawings)
    assert MAX_SERIES >= 4


def test_files_are_deterministic_small_and_well_formed() -> None:
    def files(network: str) -> dict[tuple[str, str], bytes]:
        drawings, _ = draw_all(runs_of(synthetic.run([network])))
        return {(d.name, kind): render(d, kind) for d in drawings for kind in ("svg", "pdf", "png")}

    assert files("lenet5") == files("lenet5")
    for (name, kind), content in files("resnet50").items():
        assert len(content) < 300_000, (name, kind, len(content))
        if kind == "svg":
            ElementTree.fromstring(content)


def test_hostile_names_stay_text() -> None:
    document = synthetic.run(["lenet5"])
    hostile = "<script>alert(1)</script>$\\frac{1}{$&--><!--"
    for case in document["cases"]:
        if case["layer"] == "conv1":
            case["layer"] = hostile
        case["network"] = "../../<b>"
    drawings, _ = draw_all(runs_of(document))
    assert drawings
    for drawing in drawings:
        assert "/" not in drawing.name and not drawing.name.startswith(".")
        root = ElementTree.fromstring(render(drawing, "svg"))
        assert not any(element.tag.endswith("script") for element in root.iter())


def test_names_of_files_cannot_leave_the_folder() -> None:
    assert "/" not in file_name("../../etc/passwd")
    assert file_name("...") == "network"
    assert file_name("resnet50-v1") == "resnet50-v1"


def test_each_of_several_densities_has_its_own_roofline() -> None:
    drawings, _ = draw_all(runs_of(synthetic.run(["lenet5"], sparse=True)))
    assert {d.name for d in drawings if d.kind == "roofline"} == {"roofline-lenet5", "roofline-lenet5-2-4", "roofline-lenet5-uniform-0.1_0.5"}


def test_staircase_columns_fill_the_peak_and_tell_every_cause() -> None:
    document = synthetic.run(["alexnet"], arrays=("systolic-ws", "systolic-os"))
    runs = runs_of(document)
    drawing = staircase.draw(runs, "alexnet", collect(runs, "alexnet"), "s")
    assert drawing is not None and drawing.kind == "staircase"
    assert overlaps(drawing) == 0
    columns: dict[tuple[int, str], list[tuple[float, float]]] = {}
    for axes in drawing.figure.axes:
        for patch in axes.patches:
            if (gid := patch.get_gid()) and gid.startswith("step-"):
                columns.setdefault((id(axes), gid.rsplit("-", 1)[0]), []).append((patch.get_y(), patch.get_height()))
    assert len(columns) == 2 * 8  # conv1 ... fc8 of two machines
    for steps in columns.values():
        at = 0.0
        for y, height in sorted(steps):
            assert y == pytest.approx(at) and height > 0
            at += height
        assert at == pytest.approx(1)
    row = next(c for c in document["cases"] if c["backend"] == "spatial" and c["layer"] == "conv3")
    total = row["macs_executed"] + sum(row["pe_clocks_lost"].values())
    words = f"fill and drain {100 * row['pe_clocks_lost']['fill_and_drain'] / total:.2f} % of the peak"
    assert any("alexnet conv3" in tip and words in tip for tip in drawing.tips.values())


@pytest.mark.parametrize("network", ["resnet50", "vgg19", "lenet-300-100"])
def test_staircase_labels_do_not_overlap_on(network: str) -> None:
    runs = runs_of(synthetic.run([network], arrays=("systolic-ws", "systolic-os")))
    drawing = staircase.draw(runs, network, collect(runs, network), "s")
    assert drawing is not None
    assert overlaps(drawing) == 0


def test_runs_without_pe_clocks_have_no_staircase() -> None:
    document = synthetic.run(["lenet5"])
    for row in document["cases"]:
        row.pop("pe_clocks_lost", None)
    assert not any(d.kind == "staircase" for d in draw_all(runs_of(document))[0])
    document = synthetic.run(["lenet5"])
    row = next(c for c in document["cases"] if "pe_clocks_lost" in c)
    row["pe_clocks_lost"]["stalls"] = -1
    with pytest.raises(InputProblem, match=r"pe_clocks_lost.*stalls.*whole number"):
        runs_of(document)
