"""What becomes a point: the fastest variant, one for each distinct layer, with the network's time shared out exactly."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest
import synthetic

from plots import totals
from plots.schema import Run, parse
from plots.series import Series, algorithm, aside_note, collect, distinct_colors, networks, set_aside
from plots.units import engineering, percent, significant


def runs_of(document: Any, label: str = "x") -> list[Run]:
    return [parse(json.dumps(document), Path(label) / "run.json", label)]


def by_backend(series: list[Series], backend: str) -> Series:
    return next(s for s in series if s.key.backend == backend)


def test_the_fastest_variant_of_each_layer_is_drawn() -> None:
    document = synthetic.run(["alexnet"])
    series = by_backend(collect(runs_of(document), "alexnet"), "highway")
    for point in series.points:
        times = [c["seconds"] for c in document["cases"] if c["backend"] == "highway" and c["layer"] == point.case.layer]
        assert point.numbers.seconds == min(times)


@pytest.mark.parametrize("network", ["alexnet", "vgg16", "resnet50", "resnet152"])
def test_quick_and_full_runs_count_every_layer_of_the_network(network: str) -> None:
    count = sum(1 for layer in synthetic.layers_of(network) if layer.macs)
    for full in (False, True):
        for s in collect(runs_of(synthetic.run([network], full=full)), network):
            if s.key.backend in ("onednn", "spatial"):
                assert sum(p.repeats for p in s.points if p.numbers.macs_dense) == count
                assert math.isclose(sum(p.share for p in s.points), 1.0)


def test_equal_layers_become_one_point_that_knows_them_all() -> None:
    series = by_backend(collect(runs_of(synthetic.run(["vgg16"], full=True)), "vgg16"), "onednn")
    conv5 = next(p for p in series.points if p.case.layer == "conv5_1")
    assert conv5.layers == ("conv5_1", "conv5_2", "conv5_3")
    assert conv5.repeats == 3


def test_turned_round_layers_of_equal_counts_stay_apart_without_a_shape() -> None:
    document = synthetic.run(["resnet50"])
    for case in document["cases"]:
        del case["shape"]
    names = {p.case.layer for p in by_backend(collect(runs_of(document), "resnet50"), "onednn").points}
    assert {"conv2_1_c", "conv2_2_a"} <= names  # 64 to 256 and 256 to 64


def test_the_total_is_the_sum_of_layers_times_repeats() -> None:
    document = synthetic.run(["resnet50"])
    series = by_backend(collect(runs_of(document), "resnet50"), "onednn")
    expected = sum(c["seconds"] * c["repeats"] for c in document["cases"] if c["backend"] == "onednn")
    assert math.isclose(series.seconds, expected)


def test_accelerators_are_machines_and_never_merged() -> None:
    document = synthetic.run(["alexnet"], arrays=("systolic-ws", "systolic-os"))
    found = {s.key.variant for s in collect(runs_of(document), "alexnet") if s.is_simulated}
    assert found == {"systolic-ws", "systolic-os"}


def test_a_skipped_row_without_a_device_joins_its_backend() -> None:
    document = synthetic.run(["alexnet"])
    row = next(c for c in document["cases"] if c["backend"] == "onednn" and c["layer"] == "conv3")
    for key in [k for k in row if k.startswith(("seconds", "ops_per", "macs_e", "bytes_p"))]:
        row[key] = None
    row |= {"outcome": "skipped", "reason": "interrupted", "device": None}
    series = [s for s in collect(runs_of(document), "alexnet") if s.key.backend == "onednn"]
    assert len(series) == 1
    assert [c.layer for c in series[0].lacking] == ["conv3"]


def test_two_runs_of_one_case_are_told_apart_by_their_folder() -> None:
    document = synthetic.run(["alexnet"])
    labels = {s.label for s in collect(runs_of(document, "old") + runs_of(document, "new"), "alexnet") if s.points}
    assert any("[old]" in label for label in labels) and any("[new]" in label for label in labels)
    assert len(labels) == 6


def test_colours_belong_to_backends_and_every_series_has_its_own() -> None:
    series = collect(runs_of(synthetic.run(["alexnet"], types=("f32", "bf16", "s8"))), "alexnet")
    drawn = [s for s in series if s.points]
    assert len({s.color for s in drawn}) == len(drawn)


def test_kinds_of_algorithm() -> None:
    document = synthetic.run(["alexnet"], sparse=True)
    kinds = {(c.variant, c.density): algorithm(c) for c in runs_of(document)[0].cases if c.numbers}
    assert kinds[("winograd4x4", "dense")] == "transformed"
    assert kinds[("gemm", "dense")] == "gemm"
    assert kinds[("direct", "dense")] == "direct"
    assert kinds[("direct", "2:4")] == "sparse"


def test_networks_are_listed_in_the_order_of_the_run() -> None:
    assert networks(runs_of(synthetic.run(["vgg16", "alexnet"]))) == ["vgg16", "alexnet"]


def test_numbers_as_people_read_them() -> None:
    assert engineering(1.7e11, "op/s") == "170 Gop/s"
    assert engineering(999.9e6, "op/s") == "1.00 Gop/s"
    assert engineering(1.23e-5, "s") == "12.3 µs"
    assert engineering(0, "B/s") == "0 B/s"
    assert significant(0.5, 2) == "0.50"
    assert percent(0.0004) == "< 0.1 %"
    assert percent(0.0999) == "10 %"


def test_the_generator_does_not_leak_between_runs() -> None:
    first = synthetic.run(["alexnet"])
    assert copy.deepcopy(first) == synthetic.run(["alexnet"])


def test_a_far_slower_series_of_few_layers_is_named_and_not_drawn() -> None:
    document = synthetic.run(["resnet50"], full=True)
    slow = [c for c in document["cases"] if c["backend"] == "reference" and c["outcome"] == "measured" and c["macs_dense"]]
    drawn, aside = set_aside(collect(runs_of(document), "resnet50"))
    assert slow
    assert [s.key.backend for s in aside] == ["reference"]
    assert {s.key.backend for s in drawn} == {"highway", "onednn", "cuda", "spatial"}
    assert "reference f32" in aside_note(aside)
    assert set_aside(drawn) == (drawn, [])


def test_series_of_one_figure_never_share_a_colour() -> None:
    runs = runs_of(synthetic.run(["lenet5"], arrays=tuple(f"array{i}" for i in range(13))))
    series = [s for s in collect(runs, "lenet5") if s.key.backend == "spatial"]
    assert len({s.color for s in series}) < len(series) == 13  # fewer hues than machines
    for first in range(7):
        part = distinct_colors([series[first], series[first + 1], series[first + 6]])
        assert len({s.color for s in part}) == 3
    assert distinct_colors(series[:3]) == series[:3]


def test_a_machine_without_pooling_has_a_sum_of_what_it_models() -> None:
    document = synthetic.run(["alexnet"], full=True)
    for case in document["cases"]:
        if case["backend"] == "spatial" and case["op"] not in ("conv", "fc"):
            case |= {"outcome": "skipped", "reason": "not modelled", "seconds": None}
    runs = runs_of(document)
    drawing = totals.draw(runs, {"alexnet": collect(runs, "alexnet")})
    assert drawing is not None
    words = [text.get_text() for axes in drawing.figure.axes for text in axes.texts]
    assert any("spatial" in w and w.endswith("conv and fc only") for w in words)
    assert any("highway" in w and "only" not in w for w in words)
