"""The reader refuses whatever is not a run, in one line that names the place."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import synthetic

from plots.schema import InputProblem, parse, read

GOOD = synthetic.run(["lenet5"])


def parsed(document: Any) -> Any:
    return parse(json.dumps(document), Path("x/run.json"), "x")


def spoiled(where: str, value: Any) -> Any:
    document = copy.deepcopy(GOOD)
    target: Any = document
    *path, last = where.split(".")
    for key in path:
        target = target[int(key)] if key.isdigit() else target[key]
    last = int(last) if last.isdigit() else last
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return document


def test_a_good_run_is_read() -> None:
    run = parsed(GOOD)
    assert len(run.cases) == len(GOOD["cases"])
    assert run.cases[0].numbers is not None
    assert run.cases[0].numbers.seconds == GOOD["cases"][0]["seconds"]


def test_unknown_fields_are_allowed() -> None:
    assert parsed(spoiled("cases.0.future_field", {"a": [1]})).cases


@pytest.mark.parametrize(
    ("where", "value", "said"),
    [
        ("schema_version", 99, "schema_version"),
        ("schema_version", True, "schema_version"),
        ("schema_version", ..., "schema_version"),
        ("context", [], "context"),
        ("cases", {}, "cases"),
        ("ceilings", None, "ceilings"),
        ("ceilings.0.value", -1, "ceilings[0].value"),
        ("ceilings.0.value", "1", "ceilings[0].value"),
        ("ceilings.0.kind", "cloud", "ceilings[0].kind"),
        ("cases.0.seconds", 0, "cases[0].seconds"),
        ("cases.0.seconds", True, "cases[0].seconds"),
        ("cases.0.seconds", 1e300, "cases[0].seconds"),
        ("cases.0.seconds", ..., "cases[0].seconds"),
        ("cases.0.seconds_ci95", [2, 1], "cases[0].seconds_ci95"),
        ("cases.0.seconds_ci95", [1], "cases[0].seconds_ci95"),
        ("cases.0.outcome", "fine", "cases[0].outcome"),
        ("cases.0.clock", "wall", "cases[0].clock"),
        ("cases.0.batch", 0, "cases[0].batch"),
        ("cases.0.batch", 1.5, "cases[0].batch"),
        ("cases.0.macs_dense", -5, "cases[0].macs_dense"),
        ("cases.0.layer", "a\nb", "cases[0].layer"),
        ("cases.0.layer", "\x1b[31m", "cases[0].layer"),
        ("cases.0.layer", "x" * 10_000, "cases[0].layer"),
        ("cases.0.layer", 5, "cases[0].layer"),
        ("cases.0.facts", [1], "cases[0].facts"),
        ("cases.0", 7, "cases[0]"),
    ],
)
def test_each_spoiled_field_is_named(where: str, value: Any, said: str) -> None:
    with pytest.raises(InputProblem) as problem:
        parsed(spoiled(where, value))
    assert said in str(problem.value)
    assert "\n" not in str(problem.value)
    assert len(str(problem.value)) < 300


@pytest.mark.parametrize("text", ["", "{", "[" * 200_000, '{"a": NaN}', '{"a": Infinity}', "null", "[]", '{"schema_version": 1e999}', "9" * 5000, '"x"'])
def test_what_is_no_run_is_refused(text: str) -> None:
    with pytest.raises(InputProblem) as problem:
        parse(text, Path("x/run.json"), "x")
    assert str(problem.value).startswith("x/run.json")


def test_a_syntax_error_has_line_and_column() -> None:
    with pytest.raises(InputProblem, match=r"x/run.json:2:6: not JSON"):
        parse('{\n "a" 1}', Path("x/run.json"), "x")


def test_missing_files_and_other_encodings(tmp_path: Path) -> None:
    with pytest.raises(InputProblem, match="No such file"):
        read(str(tmp_path / "nothing"))
    (tmp_path / "run.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(InputProblem, match="not UTF-8 at byte 0"):
        read(str(tmp_path))
