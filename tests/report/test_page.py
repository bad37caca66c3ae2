"""The page: it needs nothing else, escapes what it is given, and says what the findings say."""

import csv
import io
import json
import math
import platform
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from invocation import invoke, power, rows

from lab.config import study as studies
from lab.execution.store import Store
from lab.files import put
from lab.findings import answering as answers
from lab.findings import run_lists
from lab.findings.shown import Shown
from lab.mistakes import StudyError
from lab.regimes.regime import Origin
from lab.report import comparison, index, pages, top

EVIL = "<script>alert(1)</script>"


class Parsed(HTMLParser):
    """Elements with their attributes, and the text of the scripts."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.scripts, self._script = [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append([dict(attrs).get("id"), ""])
            self._script = self.scripts[-1]

    def handle_endtag(self, tag):
        self._script = None if tag == "script" else self._script

    def handle_data(self, data):
        if self._script:
            self._script[1] += data

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


@pytest.fixture(scope="module")
def make(make_study, tmp_path_factory):
    """The answers of a simulated study: make(alpha, leave=share of runs that are missing)."""
    folder, usual = tmp_path_factory.mktemp("page"), []

    def found(alpha=None, leave=0, **changes):
        if usual and not (alpha or leave or changes):
            return usual[0]
        study = make_study(**{
            "student": {"widths": [4, 6, 8, 12, 17, 24]},
            "task": {"manifold": {"dim": [2, 3, 5]}, "teacher": {"count": 4, "widths": [96, 96]}},
            "evidence": {"share": 0.25}, **changes,
        })  # fmt: skip
        some = [*rows(study, power(alpha or (lambda d: 5 / d)), noise=0.02, seed=1)]
        with Store.write(folder / f"s{len([*folder.iterdir()])}") as store:
            store.add(some[leave:])
            answered = answers.answers(study, store)
        if not (alpha or leave or changes):
            usual.append(answered)
        return answered

    return found


def test_the_page_asks_for_nothing_and_has_every_run_under_a_dot(make):
    found = make()
    text = pages.page_html(Shown(found, "s"))
    parsed = Parsed(text)
    addresses = [a[k] for _, a in parsed.elements for k in ("src", "href", "action") if a.get(k)]
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert not re.search(r"@import|url\((?!#)|fetch\(|XMLHttp", text)
    groups = json.loads(dict(parsed.scripts)["runs"])
    told = {run[0] for group in groups for run in group["runs"]}
    dots = {attrs["data-run"] for attrs in parsed.all("use") if attrs.get("data-run")}
    assert dots == told and len(told) == 3 * 6 * 4
    assert all(attrs.get("aria-label") for attrs in parsed.all("svg"))
    said = [attrs["data-told"] for attrs in parsed.all("g") if "data-told" in attrs]
    for p in found[0].points:  # a pointer on a marker is told the number of the table
        assert any(text.startswith(f"{p.label}: α = {p.exponent.alpha:.2f}") for text in said)


def test_every_name_of_a_page_is_given_once_and_refers_to_something(make):
    parsed = Parsed(pages.page_html(Shown(make(), "s")))
    names = [attrs["id"] for _, attrs in parsed.elements if "id" in attrs]
    assert len(names) == len(set(names))
    links = {attrs["href"] for attrs in parsed.all("use")}
    clips = [attrs["clip-path"] for _, attrs in parsed.elements if "clip-path" in attrs]
    links |= {clip.removeprefix("url(").removesuffix(")") for clip in clips}
    assert links <= {f"#{name}" for name in names}


def test_runs_of_a_study_without_a_file_have_no_command(make):
    groups = json.loads(dict(Parsed(pages.page_html(Shown(make(), "s"))).scripts)["runs"])
    assert groups[0]["command"] == ""  # of a study without a file


@pytest.mark.parametrize("dims, title, overrides, command, trains", [
    ((2, 4), "", (), "lab run 'my own.toml' --set task.manifold.dim=4 --results again", "d = 4"),
    ((4,), "", (), "lab run 'my own.toml' --results again", "the whole study"),
    ((2, 4), "a panel", (), "lab run 'my own.toml' --results again", "the whole study"),
    ((2, 4), "", ("training.steps=300", "task.manifold.dim=[2, 4]"),
     "lab run 'my own.toml' --set training.steps=300 --set 'task.manifold.dim=[2, 4]' "
     "--set task.manifold.dim=4 --results again", "d = 4"),
])  # fmt: skip
def test_the_page_recommends_the_command_that_trains_what_it_says(
    make_study, dims, title, overrides, command, trains
):
    titled = {"title": title} if title else {}
    study = make_study(**titled, task={"manifold": {"dim": [*dims]}})
    origin = Origin("my own.toml", None, overrides)
    assert run_lists.command(study, origin, 4) == (command, trains)


def test_of_very_many_runs_the_page_tells_of_those_that_it_draws(make, monkeypatch):
    monkeypatch.setattr("lab.findings.run_lists.MOST", 21)
    monkeypatch.setattr("lab.findings.run_lists.FEWEST", 1)
    parsed = Parsed(pages.page_html(Shown(make(), "s")))
    groups = json.loads(dict(parsed.scripts)["runs"])
    told = {run[0] for group in groups for run in group["runs"]}
    dots = {attrs["data-run"] for attrs in parsed.all("use") if attrs.get("data-run")}
    assert dots == told and 3 * 5 <= len(told) <= 3 * 9


def test_every_figure_is_small_and_has_its_numbers_as_a_file(make):
    text = pages.page_html(Shown(make(), "s"))
    assert max(map(len, re.findall(r"<svg.*?</svg>", text, re.S))) < 150_000
    links = {a["download"]: a["href"] for a in Parsed(text).all("a") if "download" in a}
    assert {"exponents.csv", "losses.csv", "convergence.csv", "fitted.csv"} <= set(links)
    for uri in links.values():
        head, body = uri.split(",", 1)
        table = [*csv.DictReader(io.StringIO(unquote(body)))]
        assert head.startswith("data:text/csv") and table and None not in table[0]
    values = [*csv.DictReader(io.StringIO(unquote(links["losses.csv"].split(",", 1)[1])))]
    for row in values:  # noise of 2 % about a power law, means over four teachers and their spread
        assert abs(math.log(float(row["mean"]) / float(row["fit"]))) < 0.05


def test_the_top_says_what_the_findings_say(make):
    found = make()
    text = pages.page_html(Shown(found, "s"))
    summary = json.loads(dict(Parsed(text).scripts)["summary"])
    verdicts = {p.verdict for p in found[0].points}
    assert summary["verdict"] == (verdicts.pop() if len(verdicts) == 1 else "mixed")
    assert len(summary["measured"]) == 3 and "α = 2.5" in summary["measured"][0]
    assert summary["prediction"] == "α ≥ 4/d, within 15%"


def test_what_is_missing_is_told_and_an_empty_study_has_a_page(make, make_study, tmp_path):
    text = pages.page_html(Shown(make(leave=10), "s"))
    assert "72 runs of scans: 62 done, 10 missing." in text and "unfinished" in text
    with Store.read(tmp_path / "nowhere") as store:
        text = pages.page_html(Shown(answers.answers(make_study(), store), "s"))
    assert "nothing measured yet" in text


def test_names_from_files_appear_escaped(make_tables, tmp_path):
    tables = make_tables(student={"widths": [4, 6, 8, 12]}, question=f"Is it {EVIL}?")
    shared = {k: tables[k] for k in ("schema", "question", "task", "training", "evidence")}
    own = [{"regime": "resolution-width", "student": tables["student"], "title": f"a {EVIL} | b"},
           {"regime": "resolution-data", "student": {"widths": [16]}, "title": "c' onclick=\"x",
            "data": {"sizes": [64, 128, 256]}}]  # fmt: skip
    study = studies.validate({**shared, "panel": own})
    with Store.write(tmp_path / "s") as store:
        for scan in study.scans:
            store.add(rows(scan, power(1.0), noise=0.05))
        found = answers.answers(study, store)
    for text in (
        pages.page_html(Shown(found, EVIL)),
        comparison.html([(EVIL, found), ("b", found)]),
    ):
        parsed = Parsed(text)
        assert all(name in ("runs", "summary", None) for name, _ in parsed.scripts)
        assert EVIL not in text.replace("\\u003c", "") and "&lt;script&gt;" in text
        assert not [a for _, a in parsed.elements if any(key.startswith("on") for key in a)]


def test_columns_of_any_view_appear_escaped():
    from lab.findings.view import Rows, TextTable

    table = pages.block(TextTable((EVIL, "b"), [(EVIL, "2")], EVIL), pages.marks())
    text = pages.render("page.html.j2", **_empty(sections=[(EVIL, [table])]))
    assert EVIL not in text and text.count("&lt;script&gt;") >= 4
    assert EVIL not in pages.data_uri(Rows((EVIL,), [(EVIL,)]))


@pytest.mark.parametrize("label, rest", [
    ("samples", ""), ("d = 2, samples", "d = 2"), ("d = 2, samples, bias 0", "d = 2, bias 0"),
    ("d = 2, more samples", "d = 2, more samples"),
])  # fmt: skip
def test_the_title_of_a_panel_is_said_once(label, rest):
    assert top._without(label, "samples") == rest
    assert top._listed([f"at {label}", "at d = 4, s = 2"]) == f"at {label} and at d = 4, s = 2"


def _empty(**values):
    from lab.report.top import Top

    top = Top("q", (), (), "mixed", (), (), "", ("", ""), (), "")
    return {"title": "t", "top": top, "summary": "{}", "lead": None, "sentences": [], "files": [],
            "provenance": "", "study": [], "runs": "[]", **values}  # fmt: skip


def test_differences_of_studies_have_the_interval_of_independent_estimates(make):
    one, other = make(), make(lambda d: 6 / d)
    (p, *_), (q, *_) = one[0].points, other[0].points
    value, (low, high) = comparison.between(p, q)
    assert value == pytest.approx(q.exponent.alpha - p.exponent.alpha)
    a, b = p.exponent.interval, q.exponent.interval
    assert b[0] - a[1] < low < value < high < b[1] - a[0]  # narrower than the worst case
    widths = [np.ptp(ends) / 2 for ends in (a, b)]
    assert max(widths) < (high - low) / 2 < sum(widths)
    same = comparison.between(p, p)
    assert same[0] == 0 and same[1][0] < 0 < same[1][1]
    found = [*comparison.differences([("a", one), ("b", other)])]
    assert [d.name for d in found] == [f"d = {d}: b − a" for d in (2, 3, 5)]


def test_the_index_lists_pages_and_stores(make, tmp_path):
    put(pages.page_html(Shown(make(), "one")), tmp_path / "r/one/report.html")
    (tmp_path / "r/two").mkdir()
    (tmp_path / "r/two/lab.db").touch()
    (tmp_path / "r/three").mkdir()
    text = index.write_index(tmp_path / "r").read_text()
    put(pages.page_html(Shown(make(), "1 % #2")), tmp_path / "r/1 % #2/report.html")
    assert 'href="1%20%25%20%232/report.html"' in index.write_index(tmp_path / "r").read_text()
    assert 'href="one/report.html"' in text and "lab report two.toml" in text
    assert "three" not in text
    with pytest.raises(StudyError, match="no study has a page"):
        index.write_index(tmp_path / "nowhere")


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    file = put("old", tmp_path / "a/b.html")
    assert put("new", file).read_text() == "new" and [*file.parent.iterdir()] == [file]
    with pytest.raises(StudyError, match="cannot be written"):
        put("x", file / "below")
    assert file.read_text() == "new"


def test_two_threads_may_write_one_file(tmp_path, monkeypatch):
    both, replace = threading.Barrier(2, timeout=20), Path.replace

    def late(self, target):
        both.wait()
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", late)
    with ThreadPoolExecutor() as pool:
        files = [pool.submit(put, text * 1000, tmp_path / "a.html") for text in "xy"]
        assert [f.result() for f in files] == [tmp_path / "a.html"] * 2
    assert set((tmp_path / "a.html").read_text()) in ({"x"}, {"y"})
    assert [*tmp_path.iterdir()] == [tmp_path / "a.html"]


def test_the_page_is_a_function_of_the_store_and_not_of_who_renders_it(make, monkeypatch):
    found = make()
    here = pages.page_html(Shown(found, "s"))
    monkeypatch.setattr(platform, "python_version", lambda: "4.5.6")
    assert pages.page_html(Shown(found, "s")) == here


def test_every_run_of_a_plane_is_under_a_dot(make_study, tmp_path):
    study = make_study(
        regime="phase-map", student={"widths": [4, 6, 9, 14], "seeds": 1},
        task={"teacher": {"count": 2}}, data={"sizes": [64, 128, 256, 512]},
    )  # fmt: skip

    def law(run, _):
        data = 2.0 * run.size**-0.8 if run.size else 0.0
        return (1 + 0.1 * run.task.teacher) * (4.0 * run.N**-1.1 + data)

    with Store.write(tmp_path / "s") as store:
        store.add(rows(study, law))
        text = pages.page_html(Shown(answers.answers(study, store), "s"))
    parsed = Parsed(text)
    told = [run for group in json.loads(dict(parsed.scripts)["runs"]) for run in group["runs"]]
    dots = {attrs["data-run"] for attrs in parsed.all("use") if attrs.get("data-run")}
    plane = {p.run.fingerprint()[:10] for p in study.plan if not p.check}
    assert plane <= dots == {run[0] for run in told} and len(told) == len(dots)
    assert "the data limit" in text
    links = {a["download"]: a["href"] for a in parsed.all("a") if "download" in a}
    cells = [*csv.DictReader(io.StringIO(unquote(links["map.csv"].split(",", 1)[1])))]
    assert len(cells) == 4 * (4 + 1)  # every width on every D and on unlimited data


TEXT = """
schema = 1
question = "Does it fall?"
regime = "resolution-width"
task = { manifold = { dim = [2, 3] }, teacher = { widths = [96, 96], count = 3 } }
student = { widths = [4, 8, 16, 32], seeds = 1 }
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        (tmp_path / f"{name}.toml").write_text(TEXT)
        with Store.write(tmp_path / "results" / name) as store:
            store.add(rows(studies.read(f"{name}.toml"), power(1.0)))
    return tmp_path


def test_verbs_write_pages_and_figures(here):
    assert "report.html" in invoke("report", "a.toml").output
    assert (here / "results/a/report.html").read_text().startswith("<!doctype html>")
    invoke("report", "a.toml", "b.toml")
    assert "d = 2: b − a" in (here / "results/a-and-b.html").read_text()
    invoke("report")
    assert (here / "results/index.html").exists()
    invoke("figures", "a.toml", "--format", "svg", "--width", "single")
    text = (here / "results/a/figures/losses-single.svg").read_text()
    points = float(re.search(r'width="([\d.]+)pt"', text)[1])
    assert points / 72 * 25.4 == pytest.approx(86, abs=0.1)
    invoke("figures", "a.toml", "--format", "pdf", "--width", "double")
    content = (here / "results/a/figures/exponents-double.pdf").read_bytes()
    assert b"FontFile2" in content  # the fonts are in it
    box = [float(v) for v in re.search(rb"/MediaBox \[([^]]*)\]", content)[1].split()]
    assert box[2] / 72 * 25.4 == pytest.approx(178, abs=0.1)


@pytest.mark.parametrize("arguments, said", [
    (("figures", "a.toml", "--format", "gif"), "unknown format 'gif'"),
    (("figures", "a.toml", "--width", "wide"), "unknown width 'wide'"),
    (("report", "a.toml", "--results", "empty"), "nothing stored yet"),
    (("report", "a.toml", "b.toml", "--results", "empty"), "nothing stored yet"),
    (("figures", "a.toml", "--results", "empty"), "nothing stored yet"),
    (("report", "--results", "empty"), "no study has a page"),
    (("report", "a.toml", "a.toml"), "two of these have one name"),
])  # fmt: skip
def test_mistakes_are_one_sentence_and_write_nothing(here, arguments, said):
    before = sorted(here.rglob("*"))
    with pytest.raises(StudyError, match=said) as caught:
        invoke(*arguments)
    assert len(caught.value.mistakes) == 1 and sorted(here.rglob("*")) == before


@pytest.mark.parametrize("verb", ["report", "figures"])
def test_a_study_that_was_edited_since_is_one_sentence_and_keeps_the_report(here, verb):
    invoke("report", "a.toml")
    before = {file: file.read_bytes() for file in (here / "results/a").iterdir()}
    (here / "a.toml").write_text(TEXT.replace("[4, 8, 16, 32]", "[5, 9, 17, 33]"))
    with pytest.raises(StudyError, match="lab run|nothing stored") as caught:
        invoke(verb, "a.toml")
    assert len(caught.value.mistakes) == 1
    assert {file: file.read_bytes() for file in (here / "results/a").iterdir()} == before


@pytest.mark.parametrize("arguments, file", [
    (("figures", "a.toml", "--format", "svg"), "results/a/figures"),
    (("report", "a.toml", "b.toml"), "results/a-and-b.html"),
    (("report",), "results/index.html"),
])  # fmt: skip
def test_what_cannot_be_written_is_one_sentence(here, arguments, file):
    invoke("report", "a.toml")
    if file.endswith(".html"):
        (here / file).mkdir()
    else:
        (here / file).touch()
    with pytest.raises(StudyError, match="cannot be written") as caught:
        invoke(*arguments)
    assert len(caught.value.mistakes) == 1


def test_a_folder_that_takes_nothing_is_one_sentence(here):
    (here / "results/a/report.md").mkdir()
    with pytest.raises(StudyError, match="results/a: the report cannot be written") as caught:
        invoke("report", "a.toml")
    assert len(caught.value.mistakes) == 1 and not (here / "results/a/report.html").exists()
