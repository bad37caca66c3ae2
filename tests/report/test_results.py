"""What is committed of results: figures are small, told in words, and their numbers are there."""

import csv
import io
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from unittest.mock import patch
from urllib.parse import unquote

import pytest

import lab
from lab.scaling import frontier

RESULTS = Path(__file__).resolve().parents[2] / "results"
DOCS = RESULTS.parent / "docs"
FOLDERS = sorted(file.parent for file in RESULTS.glob("*/report.md"))
PAGES = sorted(RESULTS.glob("*/report.html"))
MOST = 150_000


class Figures(HTMLParser):
    """Per figure of a page: what its drawings are called, the CSV files beside them, and whether it
    says that its numbers are among the files of the page."""

    def __init__(self, text):
        super().__init__()
        self.figures = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        told = dict(attributes)
        if tag == "figure":
            self.figures.append(([], [], []))
        elif self.figures and tag == "svg":
            self.figures[-1][0].append(told.get("aria-label", ""))
        elif self.figures and tag == "img":  # of a page that cannot be made again
            self.figures[-1][0].append(told.get("alt", ""))
            self.figures[-1][2].append(tag)
        elif self.figures and tag == "a" and "download" in told:
            self.figures[-1][1].append(told["href"])
        elif self.figures and tag == "a" and told.get("href") == "#files":
            self.figures[-1][2].append(tag)


def test_there_are_results():
    assert len(FOLDERS) > 10 and len(PAGES) > 10


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_figure_is_small_and_its_numbers_are_beside_it(folder):
    drawn = sorted(folder.glob("*.svg"))
    assert drawn and all(file.stat().st_size < MOST for file in drawn)
    tables = {file.name for file in folder.glob("*.csv")}
    numbers = tables & {"exponents.csv", "claims.csv"}
    assert (numbers and "table.csv" in tables) or "coverage.csv" in tables
    for name in tables:
        with open(folder / name, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert rows and all(None not in row for row in rows)
    shown = re.findall(r"!\[(.*?)\]\((.*?)\)", (folder / "report.md").read_text())
    assert {name for _, name in shown} == {f"{file.stem}.png" for file in drawn}
    assert all(words for words, _ in shown)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_every_figure_of_a_page_is_told_and_has_its_numbers(page):
    text = page.read_text(encoding="utf-8")
    assert len(text) < 5_000_000
    assert max(map(len, re.findall(r"<svg.*?</svg>", text, re.S))) < MOST
    found = Figures(text).figures
    assert found
    for names, links, among in found:
        assert names and all(names) and (links or among)
        for uri in links:
            if not uri.startswith("data:"):  # too long to be carried in the page
                assert (page.parent / unquote(uri)).exists()
                continue
            rows = list(csv.DictReader(io.StringIO(unquote(uri.split(",", 1)[1]))))
            assert rows and None not in rows[0]


STUDIES = sorted(
    file for file in (RESULTS.parent / "studies").glob("*.toml")
    if (RESULTS / file.stem / "table.csv").exists()
)  # fmt: skip


@cache
def answer(file):
    with patch.object(frontier, "REPLICATES", 20):  # of a law that has no say
        return lab.answer(file, RESULTS, replicates=20)


LARGE = 1_500_000
"""Bytes of a table of runs from which on judging it takes long."""


@pytest.mark.parametrize("file", [
    pytest.param(file, id=file.stem, marks=[pytest.mark.long] * (
        (RESULTS / file.stem / "table.csv").stat().st_size > LARGE
    )) for file in STUDIES
])  # fmt: skip
def test_what_is_undecided_says_why(file):
    found = answer(file)
    undecided = [one for one in (*found.points, *found.claims) if one.verdict == "undecided"]
    assert all(one.doubts for one in undecided)


def known():
    """Points whose exponent is known, with their claims and regimes: equalities of theory about
    students that are solved, or models that are fixed."""
    for file in STUDIES:
        scans = [scan for scan in lab.read(file).scans if _known(scan)]
        if not scans:
            continue
        asked = {scan.title: (scan.prediction, scan.regime) for scan in scans}
        for one in answer(file).answers:
            if one.study.title in asked:
                yield from ((point, *asked[one.study.title]) for point in one.points)


def _known(scan):
    claim = scan.prediction
    free = scan.trained and scan.regime.startswith("resolution")
    return bool(claim) and claim.sense == "equal" and claim.text != "reference" and not free


def test_known_answers_agree_where_their_intervals_are_short_and_none_contradicts():
    """Short: at most half of what the prediction allows. Nothing is left out of these counts."""
    found = [*known()]
    assert len(found) > 60
    assert "contradicts" not in {point.verdict for point, _, _ in found}
    short = []
    for point, claim, _ in found:
        low, high = point.exponent.interval
        if high - low <= claim.tolerance * point.prediction:
            short.append(point.verdict == "agrees")
    assert len(short) > 30 and sum(short) >= 0.95 * len(short)
    for page in ("known-answers", "findings"):
        text = (DOCS / f"{page}.md").read_text()
        assert f"{sum(short)} of {len(short)} agree" in text, page


def test_nine_in_ten_of_all_known_answers_agree():
    """Apart from points that are chosen, of which theory has no formula: what is claimed
    of them is a conjecture."""
    agree = [point.verdict == "agrees" for point, _, regime in known() if regime != "selection"]
    assert len(agree) > 60 and sum(agree) >= 0.9 * len(agree)
    text = " ".join((DOCS / "known-answers.md").read_text().split())
    assert f"Of all, {sum(agree)} of {len(agree)} agree" in text
