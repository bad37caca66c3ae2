"""Findings in documents: what stands there is what fits.json says, and the rest is left alone."""

import json
import re
from pathlib import Path

import pytest
from invocation import invoke

from lab.mistakes import StudyError
from lab.report.marked_document import OPENED, Document

ROOT = Path(__file__).resolve().parents[2]
POINT = {
    "dim": 2, "alpha": 1.234, "interval": [1.1, None], "prediction": 2.0, "verdict": "undecided",
    "doubts": [], "fit": {"status": "converged"},
    "local": [{"x": 1.0, "alpha": 1.5, "interval": [1, 2]},
              {"x": 9.0, "alpha": 0.8, "interval": [0, 1]}],
}  # fmt: skip


@pytest.fixture
def make(tmp_path):
    """A document beside the fits of a study `one`: make(text, points) or make(text, panels)."""

    def made(text, points=(), panels=()):
        folder = tmp_path / "results/one"
        folder.mkdir(parents=True, exist_ok=True)
        fits = {"panels": list(panels)} if panels else {"points": list(points)}
        (folder / "fits.json").write_text(json.dumps({"study": "one", **fits}))
        (tmp_path / "README.md").write_text(text)
        return Document(tmp_path / "README.md", tmp_path / "results")

    return made


PAGES = [page for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "studies/README.md")
         if OPENED.search(page.read_text())]  # fmt: skip


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_say_what_results_say(page):
    done = invoke("findings", page, "--results", ROOT / "results", "--check")
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_mark_within_a_sentence_opens_a_line(page):
    """There it would end the paragraph: Markdown takes the line for a block of HTML."""
    assert not re.findall(r"^ *<!-- (?:value|finding|quoted):.*", page.read_text(), re.MULTILINE)


def test_pages_with_measurements_have_marks():
    named = {str(page.relative_to(ROOT)) for page in PAGES}
    assert named >= {"README.md", "studies/README.md"} | {
        f"docs/{name}.md"
        for name in ("findings", "known-answers", "dimension", "statistics", "frontier")
    }


def test_a_table_has_a_row_per_setting_and_the_rest_stays(make):
    document = make("before\n<!-- findings: one -->anything<!-- end -->\nafter <b>\n", [
        POINT, {**POINT, "dim": 4, "verdict": "agrees", "doubts": ["bent", "floor"],
                "alpha_by_size": {"N": {"value": 0.5}, "hidden": {"value": None}}},
    ])  # fmt: skip
    text = document.filled()
    assert text.startswith("before\n<!-- findings: one -->\n\n| d |")
    assert text.endswith("<!-- end -->\nafter <b>\n")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]]
            for line in text.splitlines() if line.startswith("|")]  # fmt: skip
    assert rows[0] == ["d", "predicted", "α", "95 % interval", "in N", "in hidden weights",
                       "verdict", "doubts"]  # fmt: skip
    assert rows[2] == ["2", "2", "1.23", "[1.10, –]", "–", "–", "undecided", "none"]
    assert rows[3] == ["4", "2", "1.23, falls 1.50 → 0.80", "[1.10, –]", "0.50", "–",
                       "agrees", "bent, floor"]  # fmt: skip
    document.file.write_text(text)
    assert document.filled() == text


def test_in_brief_settings_share_a_row_and_the_picked_ones_alone(make):
    points = [{**POINT, "dim": d, "setting": {"teacher.nu": nu, "widths": [8, 8]},
               "interval": [1, 2], "verdict": verdict}
              for d, verdict in ((1, "agrees"), (3, "agrees"), (4, "undecided"))
              for nu in (0.5, 1.5)]  # fmt: skip
    document = make("<!-- findings in brief:\none: a | b\none teacher.nu=1.5 -->\n<!-- end -->",
                    panels=[{"title": "first", "points": points},
                            {"title": "second", "points": [POINT]}])  # fmt: skip
    lines = [line for line in document.filled().splitlines() if line.startswith("| [")]
    values = "1.23 [1.00, 2.00], 1.23 [1.00, 2.00], 1.23 [1.00, 2.00]"
    link = "(results/one/report.md)"
    assert lines == [
        f"| [a \\| b, first, nu 0.5, widths 8×8]{link} | 1, 3, 4 | 2, 2, 2 | {values} | "
        "2 agree, 1 undecided |",
        f"| [a \\| b, first, nu 1.5, widths 8×8]{link} | 1, 3, 4 | 2, 2, 2 | {values} | "
        "2 agree, 1 undecided |",
        f"| [a \\| b, second]{link} | 2 | 2 | 1.23 [1.10, –] | undecided |",
        f"| [one, first, widths 8×8]{link} | 1, 3, 4 | 2, 2, 2 | {values} | 2 agree, 1 undecided |",
    ]


def test_a_sentence_takes_one_exponent(make):
    text = "It is <!-- finding: one d=3 --><!-- end -->."
    document = make(text, [POINT, {**POINT, "dim": 3, "interval": [1, 2]}])
    assert document.filled() == "It is <!-- finding: one d=3 -->1.23 [1.00, 2.00]<!-- end -->."


def test_a_name_with_spaces_is_quoted(make):
    text = '<!-- finding: one title="no biases" --><!-- end -->'
    panels = [{"title": t, "points": [{**POINT, "interval": [1, 2], "setting": {"title": t}}]}
              for t in ("biases", "no biases")]  # fmt: skip
    assert "-->1.23 [1.00, 2.00]<!-- end -->" in make(text, panels=panels).filled()


@pytest.mark.parametrize("text, said", [
    ('<!-- finding: one title="no --><!-- end -->', "has a quote without its end"),
    ("nothing", "no marker of findings"),
    ("<!-- findings: one --> and no end", "lacks its <!-- end -->"),
    ("<!-- findings: other --><!-- end -->", "no fits of 'other'"),
    ("<!-- finding: one --><!-- end -->", "picks 2 settings"),
    ("<!-- finding: one d=7 --><!-- end -->", "picks no setting"),
    ("<!-- findings: --><!-- end -->", "no fits of ''"),
])  # fmt: skip
def test_mistakes_are_one_sentence(make, text, said):
    with pytest.raises(StudyError, match=said) as caught:
        make(text, [POINT, {**POINT, "dim": 3}]).filled()
    assert len(caught.value.mistakes) == 1


def test_check_writes_nothing_and_says_how(make):
    document = make("<!-- findings: one -->old<!-- end -->", [POINT])
    results = ("--results", document.results)
    with pytest.raises(StudyError, match=r"`lab findings .*README.md` writes them"):
        invoke("findings", document.file, *results, "--check")
    assert "old" in document.read()
    assert "Written" in invoke("findings", document.file, *results).output
    assert "old" not in document.read()
    assert invoke("findings", document.file, *results, "--check").output == ""
    (document.results / "one/fits.json").write_text("[1]")
    with pytest.raises(StudyError, match="no fits of 'one'"):
        invoke("findings", document.file, *results)
    with pytest.raises(StudyError, match="cannot be read"):
        invoke("findings", document.file.with_name("none.md"), *results)


TABLE = (
    "dim,setting,alpha,x,loss\n"
    '2,"{""title"": ""a b"", ""nu"": 0.5}",1.239,1,4\n'
    '3,"{""title"": ""a b"", ""nu"": 1.5}",0.5,4,1\n'
)
REPORT = "# one\n\n| a | b |\n|---|---|\n| x | 1 |\n\n## Two\n\n| a | b |\n|---|---|\n| x | 2 |\n"


@pytest.mark.parametrize("asked, shown", [
    ('one/t.csv alpha title="a b" d=2', "1.24"), ("one/t.csv alpha nu=1.5 :.1f", "0.5"),
    ("one/t.csv count d=2", "1"), ("one/t.csv most:loss/x", "4.00"),
    ("one/t.csv least:alpha :.0%", "50%"), ("one/t.csv alpha:loss,x", "1.00"),
    ("one/r.md b a=x", "1.00"), ("one/r.md#Two b a=x", "2.00"),
])  # fmt: skip
def test_a_value_is_a_cell_or_a_summary_of_its_column(make, asked, shown):
    document = make(f"<!-- value: {asked} --><!-- end -->")
    (document.results / "one/t.csv").write_text(TABLE)
    (document.results / "one/r.md").write_text(REPORT)
    assert document.filled() == f"<!-- value: {asked} -->{shown}<!-- end -->"


@pytest.mark.parametrize("marker, words", [
    ("value: one/t.csv alpha", "2 rows"), ("value: one/t.csv alhpa", "did you mean 'alpha'"),
    ("value: one/t.csv alpha d=9", "no row with d=9"), ("value: no.csv alpha", "cannot be read"),
    ("value: one/t.csv", "write FILE COLUMN"), ("value: one/t.csv setting d=2", "no number"),
    ("value: one/t.csv fewest:alpha", "least:"), ("quoted: one/t.csv", "does not stand in"),
])  # fmt: skip
def test_a_value_that_is_not_there_is_one_sentence(make, marker, words):
    document = make(f"<!-- {marker} -->7<!-- end -->")
    (document.results / "one/t.csv").write_text(TABLE.replace("1.239", "1.232"))
    with pytest.raises(StudyError, match=words):
        document.filled()


def test_rows_and_quotations(make):
    text = (
        "<!-- rows: one/t.csv alpha,d nu=0.5 --><!-- end -->\n"
        "<!-- quoted: one/r.md -->x | 2<!-- end --> <!-- quoted: one/t.csv -->.5<!-- end -->"
    )
    document = make(text)
    (document.results / "one/t.csv").write_text(TABLE)
    (document.results / "one/r.md").write_text(REPORT)
    rows = "\n\n| alpha | d |\n|---|---|\n| 1.239 | 2 |\n\n"
    assert document.filled() == text.replace("--><!-- end", f"-->{rows}<!-- end", 1)
