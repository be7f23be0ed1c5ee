"""Do the property tests notice a wrong fast engine? Each mutant is the engine with one line changed; a test binary linked with it must fail.

A list (mutants/<family>.txt) holds one mutant a line, `#` begins a comment:

    systolic.cc `ceil_div(K, R)` -> `K / R` #2    a fold too few

that is: a file of backends/spatial/fast (`systolic.cc+stall_meter.h`: a header, and the file that is compiled with it), the text in it, what stands there instead, which occurrence (needed where the text stands more than once),
and what the mistake is. A text that is not found ends the test: the mutant no longer says anything and has to be rewritten.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

LINE = re.compile(r"^(?P<file>\S+) `(?P<old>[^`]+)` -> `(?P<new>[^`]*)`(?: #(?P<nth>\d+))?\s*(?P<why>.*)$")
SECONDS = 90  # a mutant that runs longer than this hangs, which nobody overlooks


@dataclass
class Mutant:
    place: str  # list:line
    source: str  # what is compiled
    file: str  # what is changed: the same, or a header that it includes
    text: str  # of the whole changed file
    shown: str


def read_list(path: Path, sources: Path) -> list[Mutant]:
    mutants = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        place = f"{path.name}:{number}"
        if not line.strip() or line.startswith("#"):
            continue
        match = LINE.match(line)
        if not match:
            sys.exit(f"mutants: {place}: not FILE `OLD` -> `NEW` [#N] reason: {line}")
        source, _, header = match["file"].partition("+")
        file = header or source
        text = (sources / file).read_text()
        pieces = text.split(match["old"])
        count = len(pieces) - 1
        if count == 0 or (count > 1 and not match["nth"]):
            what = "is not there; rewrite the mutant" if count == 0 else f"stands there {count} times; say which, as #1"
            sys.exit(f"mutants: {place}: `{match['old']}` in {file}: it {what}")
        nth = int(match["nth"] or 1)
        if not 1 <= nth <= count:
            sys.exit(f"mutants: {place}: `{match['old']}` stands in {file} only {count} times")
        mutated = match["old"].join(pieces[:nth]) + match["new"] + match["old"].join(pieces[nth:])
        mutants.append(Mutant(place, source, file, mutated, f"{file}: {match['old']} -> {match['new']} ({match['why']})"))
    return mutants


class Workshop:
    """Compiles one file of the engine, links it before the library that holds the true one, and runs the tests."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options = options
        self.folder = folder
        commands = json.loads(Path(options.compile_commands).read_text())
        self.commands = {Path(entry["file"]).resolve(): entry for entry in commands}

    def compile(self, source_name: str, file: str, text: str, stem: str) -> Path:
        sources = Path(self.options.sources)
        true_file = (sources / source_name).resolve()
        entry = self.commands[true_file]
        # The folder stands before the others in the search for headers.
        place = self.folder / stem / "backends" / "spatial" / "fast"
        place.mkdir(parents=True)
        source, target = place / source_name, self.folder / f"{stem}.o"
        source.write_text((sources / source_name).read_text())
        (place / file).write_text(text)
        words = shlex.split(entry["command"])
        first = next(i for i, word in enumerate(words) if word.startswith("-"))  # after the compiler, and what launches it
        keep, skip = [], False
        for word in words[first:]:
            if skip or word == "-c" or (not word.startswith("-") and Path(word).resolve() == true_file):
                skip = False
            elif word in ("-o", "-MF", "-MT", "-MQ"):
                skip = True
            elif not re.match(r"-(O\w*|g\w*|M\w+)$", word):
                keep.append(word)
        # Warnings say nothing about a mistake that was made on purpose; a test of a second needs no optimiser.
        subprocess.run(
            [self.options.compiler, f"-I{self.folder / stem}", *keep, "-O1", "-w", "-c", str(source), "-o", str(target)], check=True, cwd=entry["directory"]
        )
        return target

    def run(self, replaced: Path, stem: str) -> str:
        """Empty if all tests passed, else how they failed."""
        program = self.folder / f"{stem}.test"
        link = [self.options.compiler, str(replaced), *self.options.objects, "-Wl,--start-group", *self.options.libraries, "-Wl,--end-group"]
        subprocess.run([*link, "-fopenmp", "-pthread", "-lxxhash", "-o", str(program)], check=True)
        command = [str(program), "--gtest_brief=1", "--gtest_fail_fast", f"--gtest_filter={self.options.filter}"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, env={**os.environ, "OMP_NUM_THREADS": "1"})
        except subprocess.TimeoutExpired:
            return f"still running after {SECONDS} s"
        finally:
            program.unlink()
        if done.returncode == 0:
            return ""
        failed = re.search(r"\[  FAILED  \] (\S+)", done.stdout)
        return failed[1] if failed else f"ended with {done.returncode}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", required=True)
    parser.add_argument("--sources", required=True, help="backends/spatial/fast")
    parser.add_argument("--compile-commands", required=True)
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--objects", nargs="+", required=True, help="of the property tests")
    parser.add_argument("--libraries", nargs="+", required=True)
    parser.add_argument("--filter", default="*", help="which tests, as --gtest_filter")
    parser.add_argument("--least", type=float, default=0.95, help="share of mutants that must be killed")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    options = parser.parse_args()

    mutants = read_list(Path(options.list), Path(options.sources))
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(options, Path(folder))
        # Each file as it is must pass the same way, or everything would count as killed.
        for file in sorted({mutant.source for mutant in mutants}):
            stem = "true_" + Path(file).stem
            how = workshop.run(workshop.compile(file, file, (Path(options.sources) / file).read_text(), stem), stem)
            if how:
                print(f"mutants: the true {file} fails: {how}", file=sys.stderr)
                return 1

        def fate(numbered: tuple[int, Mutant]) -> str:
            number, mutant = numbered
            stem = f"mutant{number}"
            return workshop.run(workshop.compile(mutant.source, mutant.file, mutant.text, stem), stem)

        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            fates = list(pool.map(fate, enumerate(mutants)))
    for mutant, how in zip(mutants, fates, strict=True):
        print(f"{mutant.place:20} {'killed' if how else 'ALIVE':7} {mutant.shown}{': ' + how if how else ''}")
    killed = sum(1 for how in fates if how)
    print(f"{killed} of {len(mutants)} killed")
    return 0 if mutants and killed >= options.least * len(mutants) else 1


if __name__ == "__main__":
    sys.exit(main())
