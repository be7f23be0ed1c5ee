"""The command line of plots/: `plot RUN...` and `report RUN...`."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from .files import OutputProblem, write_file
from .schema import Case, InputProblem, Run, read

FORMATS = ("svg", "pdf", "png")
USAGE, OUTPUT_ERROR, INTERRUPTED = 2, 74, 130


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputProblem(f"{message} (convroof {self.prog.split()[-1]} --help)")


def _formats(text: str) -> list[str]:
    words = [word for word in text.split(",") if word]
    for word in words:
        if word not in FORMATS:
            raise argparse.ArgumentTypeError(f"unknown format '{word}', known: {', '.join(FORMATS)}")
    return words or list(FORMATS)


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"'{text}' is not a regular expression: {error}") from None


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="convroof", description="Figures and reports from run.json.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB", parser_class=_Parser)
    for verb, summary in (
        ("plot", "draw figures: rooflines, throughput per layer, dense against sparse, network totals"),
        ("report", "write one self-contained HTML file"),
    ):
        sub = verbs.add_parser(verb, help=summary, description=summary)
        sub.add_argument("runs", nargs="+", metavar="RUN", help="a run's folder, or its run.json; several are drawn together")
        sub.add_argument("--networks", default="", metavar="A,B", help="only these networks")
        sub.add_argument("--backends", default="", metavar="A,B", help="only these backends")
        sub.add_argument("--variants", type=_pattern, default=None, metavar="REGEX", help="only variants that match")
        sub.add_argument("--all-variants", action="store_true", help="a series for each variant, not only the fastest one of a layer")
        if verb == "plot":
            sub.add_argument("--out", type=Path, metavar="DIR", help="where figures go (default: beside the first run.json)")
            sub.add_argument("--formats", type=_formats, default=list(FORMATS), metavar="svg,pdf,png", help="default: all three")
        else:
            sub.add_argument("--out", type=Path, metavar="FILE", help="the HTML file, or the folder for report.html (default: beside the first run.json)")
    return parser


def _filter(runs: list[Run], arguments: argparse.Namespace) -> Callable[[Case], bool]:
    chosen: dict[str, set[str]] = {}
    for flag, attribute in (("networks", "network"), ("backends", "backend")):
        known = {getattr(case, attribute) for run in runs for case in run.cases}
        chosen[attribute] = {word for word in getattr(arguments, flag).split(",") if word}
        for word in chosen[attribute]:
            if word not in known:
                raise InputProblem(f"--{flag}: '{word}' is not in the run, which has {', '.join(sorted(known)) or 'none'}")

    def keep(case: Case) -> bool:
        if arguments.variants and not arguments.variants.search(case.variant):
            return False
        return all(not words or getattr(case, attribute) in words for attribute, words in chosen.items())

    return keep


def _run(words: list[str]) -> int:
    arguments = _parser().parse_args(words)
    runs = [read(word) for word in arguments.runs]
    # Imported late: matplotlib takes a second, and a mistake should be answered at once.
    keep = _filter(runs, arguments)
    beside = runs[0].path.parent
    if arguments.verb == "report":
        from .report import write_report

        target = arguments.out or beside
        if target.is_dir() or not target.suffix:
            target = target / "report.html"
        print(write_report(runs, target, keep=keep, all_variants=arguments.all_variants))
        return 0
    from .figures import draw_all, render

    folder = arguments.out or beside
    drawings, notes = draw_all(runs, all_variants=arguments.all_variants, keep=keep)
    for drawing in drawings:
        for kind in arguments.formats:
            path = folder / f"{drawing.name}.{kind}"
            write_file(path, render(drawing, kind))
            print(path)
    for note in notes:
        print(f"convroof plot: {note}", file=sys.stderr)
    if not drawings:
        raise InputProblem("nothing to draw: no case of these runs has numbers (see their `reason`)")
    return 0


def main(words: list[str]) -> int:
    try:
        code = _run(words)
        sys.stdout.flush()
        return code
    except InputProblem as problem:
        print(f"convroof: {' '.join(str(problem).split())}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except (OutputProblem, BrokenPipeError) as problem:
        print(f"convroof: {problem}", file=sys.stderr)
        return OUTPUT_ERROR
