"""The verbs of the program and of plots/ itself: exit codes, one-line messages, files where they were asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import synthetic

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("CONVROOF_BINARY", "")
needs_binary = pytest.mark.skipif(not BINARY, reason="CONVROOF_BINARY is not set (ctest sets it)")


def python(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-B", str(ROOT / "plots"), *words], capture_output=True, text=True, cwd=cwd)


def program(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BINARY, *words], capture_output=True, text=True, env=os.environ | {"CONVROOF_PYTHON": sys.executable, "CONVROOF_DATA": str(ROOT)} | environment
    )


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic.write(tmp_path_factory.mktemp("run"), synthetic.run(["lenet5"]))


def test_plot_writes_what_was_asked_for(run_folder: Path, tmp_path: Path) -> None:
    done = python("plot", str(run_folder), "--out", str(tmp_path), "--formats", "svg,png", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    written = [Path(line) for line in done.stdout.splitlines()]
    assert {p.name for p in written} == {
        f"{stem}.{kind}" for stem in ("roofline-lenet5", "throughput-lenet5", "staircase-lenet5", "totals") for kind in ("svg", "png")
    }
    assert all(p.stat().st_size > 1000 for p in written)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for p in written)  # no temporary files


def test_python_m_plots_works_too(run_folder: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-B", "-m", "plots", "report", str(run_folder), "--out", str(tmp_path / "r.html")], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["plot"], "RUN"),
        (["plot", "/no/such/run"], "/no/such/run"),
        (["plot", "{run}", "--formats", "gif"], "gif"),
        (["plot", "{run}", "--networks", "vgg61"], "vgg61"),
        (["plot", "{run}", "--variants", "("], "regular expression"),
        (["plot", "{run}", "--nonsense"], "--nonsense"),
        (["draw", "{run}"], "draw"),
        (["report", "{run}", "--variants", "nothing-is-called-so", "--backends", "cuda2"], "cuda2"),
    ],
)
def test_mistakes_end_in_one_line_and_exit_2(words: list[str], said: str, run_folder: Path) -> None:
    done = python(*(word.replace("{run}", str(run_folder)) for word in words))
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_run_without_numbers_says_so(tmp_path: Path) -> None:
    document = synthetic.run(["lenet5"])
    document["cases"] = [c for c in document["cases"] if c["outcome"] == "skipped"]
    folder = synthetic.write(tmp_path, document)
    done = python("plot", str(folder))
    assert done.returncode == 2 and "nothing to draw" in done.stderr
    assert python("report", str(folder)).returncode == 0  # its tables still say why


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_output_that_cannot_be_written_is_exit_74(run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = python("plot", str(run_folder), "--out", str(tmp_path / "file" / "under"), "--formats", "svg")
    assert done.returncode == 74
    assert len([line for line in done.stderr.splitlines() if "densities" not in line]) == 1


@needs_binary
def test_the_program_passes_through(run_folder: Path, tmp_path: Path) -> None:
    done = program("plot", str(run_folder), "--out", str(tmp_path), "--formats", "svg", "--backends", "onednn")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "roofline-lenet5.svg").exists()
    assert program("report", "/no/such/run").returncode == 2
    assert program("report", "--help").returncode == 0


@needs_binary
@pytest.mark.parametrize("named", ["/no/such/python", "/bin/false"])
def test_without_python_the_program_ends_with_4_and_the_mend(named: str, run_folder: Path) -> None:
    done = program("plot", str(run_folder), CONVROOF_PYTHON=named)
    assert done.returncode == 4
    assert "pip install -r" in done.stderr
    assert len(done.stderr.splitlines()) == 1
