"""The report: one file, nothing loaded from elsewhere, nothing of the run executed."""

from __future__ import annotations

import csv
import html.parser
import io
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import synthetic

from plots import report
from plots.schema import Run, parse
from plots.tables import cases_csv, safe_cell, to_csv

HOSTILE = "<script>alert(1)</script>"


def runs_of(document: Any) -> list[Run]:
    return [parse(json.dumps(document), Path("x/run.json"), "x")]


class Page(html.parser.HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.mismatched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "input", "br", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.mismatched.append(tag)


@pytest.fixture(scope="module")
def hostile_page() -> str:
    document = synthetic.run(["lenet5"], sparse=True)
    for case in document["cases"]:
        if case["layer"] == "conv1":
            case["layer"] = HOSTILE
        case["facts"] = {"implementation": '"><img src=x onerror=alert(2)>', "</style>": "</script><script>alert(3)</script>"}
    document["cases"][0] |= {"outcome": "skipped", "reason": "'; alert(4) //" + HOSTILE}
    document["context"] |= {HOSTILE: {HOSTILE: [HOSTILE]}, "commit": HOSTILE, "date": HOSTILE}
    document["ceilings"][0]["method"] = HOSTILE
    return report.build(runs_of(document))


def test_hostile_text_is_shown_and_never_run(hostile_page: str) -> None:
    page = Page(hostile_page)
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert not any(tag in ("img", "iframe", "object", "embed", "link", "form", "base") for tag, _ in page.tags)
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert "&lt;script&gt;alert(1)" in hostile_page


def test_only_our_own_script_is_allowed_by_the_policy(hostile_page: str) -> None:
    import base64
    import hashlib

    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', hostile_page)
    assert policy and "default-src 'none'" in policy.group(1)
    script = re.search(r"<script>(.*?)</script>", hostile_page, re.DOTALL)
    assert script
    assert "sha256-" + base64.b64encode(hashlib.sha256(script.group(1).encode()).digest()).decode() in policy.group(1)
    assert "unsafe-inline'" not in policy.group(1).split("script-src")[1].split(";")[0]


def test_nothing_is_loaded_from_elsewhere(hostile_page: str) -> None:
    page = Page(hostile_page)
    for tag, attributes in page.tags:
        for name in ("src", "href", "xlink:href", "action"):
            value = attributes.get(name)
            assert value is None or value.startswith("#"), (tag, value)
    assert not re.search(r"url\((?!#|data:font/woff)", hostile_page)
    assert "@import" not in hostile_page


def test_the_page_is_well_formed_and_ids_are_unique(hostile_page: str) -> None:
    page = Page(hostile_page)
    assert not page.mismatched and not page.open
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {attributes["href"] for _, attributes in page.tags if attributes.get("href")}
    assert {t[1:] for t in targets if t} <= {i for i in ids if i}


def test_every_case_has_a_row_and_every_section_its_place() -> None:
    document = synthetic.run(["lenet5"])
    text = report.build(runs_of(document))
    table = re.search(r'<table id="table-cases".*?</table>', text, re.DOTALL)
    assert table and table.group().count("<tr>") == len(document["cases"]) + 1
    assert "no CUDA driver on this machine" in table.group()
    for section in ("what", "rooflines", "throughput", "sparse", "staircase", "totals", "cases", "ceilings", "definitions", "provenance"):
        assert f'<section id="{section}">' in text
    assert "--densities" in text  # the message where nothing is sparse


def test_without_figures_and_tables_the_page_is_small() -> None:
    text = report.build(runs_of(synthetic.run(["lenet5"])))
    rest = re.sub(r"<svg.*?</svg>|<table.*?</table>", "", text, flags=re.DOTALL)
    assert len(rest.encode()) < 100_000


def test_a_report_is_deterministic() -> None:
    runs = runs_of(synthetic.run(["lenet5"]))
    assert report.build(runs) == report.build(runs)


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")'])
def test_cells_that_begin_like_formulas_are_defused(text: str) -> None:
    assert safe_cell(text).startswith("'")
    assert next(csv.reader(io.StringIO(to_csv([text, "x"], []), newline=""))) == ["'" + text, "x"]


@pytest.mark.parametrize("text", ["-1.5", "+3e-9", "conv1", "", "0.1/0.5"])
def test_numbers_and_plain_words_are_left_alone(text: str) -> None:
    assert safe_cell(text) == text


def test_the_csv_of_a_run_holds_every_case() -> None:
    document = synthetic.run(["lenet5"])
    document["cases"][0]["layer"] = "=cmd"
    rows = list(csv.DictReader(io.StringIO(cases_csv(runs_of(document)))))
    assert len(rows) == len(document["cases"])
    assert rows[0]["layer"] == "'=cmd"
    assert float(rows[0]["seconds"]) == document["cases"][0]["seconds"]


CHROME = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.mark.skipif(CHROME is None, reason="no chromium to open the report with")
def test_scripts_sort_filter_and_export_in_a_browser(tmp_path: Path) -> None:
    document = synthetic.run(["lenet5"])
    document["cases"][0]["layer"] = "=cmd|x"
    text = report.build(runs_of(document))
    probe = """
      const table = document.getElementById('table-cases'), out = {};
      const click = title => [...table.tHead.rows[0].cells].find(c => c.textContent === title).querySelector('button').click();
      const column = title => [...table.tHead.rows[0].cells].findIndex(c => c.textContent === title);
      click('Time'); out.times = [...table.tBodies[0].rows].map(r => r.cells[column('Time')].dataset.v ?? null);
      const search = document.querySelector('input[type=search]'); search.value = 'onednn fc1'; search.dispatchEvent(new Event('input'));
      out.shown = [...table.tBodies[0].rows].filter(r => !r.hidden).map(r => r.cells[3].textContent + ' ' + r.cells[1].textContent);
      search.value = ''; search.dispatchEvent(new Event('input'));
      out.csv = convroofCsv(table);
      document.querySelector('.theme').click(); out.theme = document.documentElement.dataset.theme;
      document.querySelector('[data-hide]').click(); out.hidden = [...document.querySelectorAll('svg .b0')].every(e => e.style.display === 'none');
      document.title = 'done'; document.body.replaceChildren(JSON.stringify(out));
    """
    # The probe is a second script, which the page's policy rightly forbids: it is taken off for the test.
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text).replace("</body>", f"<script>{probe}</script></body>")
    (tmp_path / "report.html").write_text(text)
    command = [
        str(CHROME),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--dump-dom",
        (tmp_path / "report.html").as_uri(),
    ]
    dumped = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
    found = re.search(r"<body>(\{.*\})\s*</body>", dumped, re.DOTALL)
    assert found, dumped[-500:]
    import html

    out = json.loads(html.unescape(found.group(1)))
    times = [float(t) for t in out["times"] if t is not None]
    assert times == sorted(times) and len(times) > 5
    assert out["times"][len(times) :] == [None] * (len(out["times"]) - len(times))
    assert out["shown"] and set(out["shown"]) == {"onednn fc1"}
    assert "'=cmd|x" in out["csv"] and ",=cmd" not in out["csv"]
    assert out["theme"] in ("dark", "light")
    assert out["hidden"]
