"""Findings in documents: what stands there is what fits.json says, and the rest is left alone."""

import json
from pathlib import Path

import pytest
from invocation import invoke

from lab.mistakes import StudyError
from lab.report.marked_document import Document

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


@pytest.mark.parametrize(
    "page", ["README.md", "docs/findings.md", "docs/known-answers.md", "studies/README.md"]
)
def test_pages_say_what_results_say(page):
    done = invoke("findings", ROOT / page, "--results", ROOT / "results", "--check")
    assert done.exit_code == 0, done.output


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
