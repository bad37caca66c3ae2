"""A kind of finding from outside: its values, its finder and its view, and nothing in lab/."""

import json
from dataclasses import dataclass

import pytest
from invocation import invoke, power, rows
from matplotlib.figure import Figure

from lab.config import study as studies
from lab.execution.store import Store
from lab.findings.kinds import KINDS, FindingKind
from lab.findings.study_results import Finding
from lab.findings.view import CaptionedFigure, Rows, TextTable, View
from lab.regimes.resolution import ResolutionWidth

ROUGH = ("rough: one loss at each end decides it.",)


@dataclass(frozen=True)
class Ratio(Finding):
    """The largest loss of a setting over its smallest."""

    value: float

    def plain(self):
        return {"value": self.value}


def ratios(question):
    losses = {one.setting: [row.relative for _, row in one.done] for one in question.stored}
    return tuple(Ratio(max(some) / min(some), setting=s, doubts=ROUGH)
                 for s, some in losses.items() if some)  # fmt: skip


def cells(answers):
    return [(r.label, f"{r.value:.1f}") for answer in answers for r in answer.found("ratio")]


def drawn(answers):
    figure = Figure()
    figure.subplots().bar(*zip(*[(d, float(v)) for d, v in cells(answers)], strict=True))
    return [CaptionedFigure("ratio", "Ratios", figure, "The largest loss over the smallest, by d.")]


VIEW = View(above=lambda answers: [TextTable(("d", "ratio"), cells(answers))], figures=drawn,
            sentences=lambda _, found: [f"losses span a factor of {found.value:.1f}."],
            files=lambda answers: {"ratio.csv": Rows(("d", "ratio"), cells(answers))},
            key="ratio")  # fmt: skip


@pytest.fixture
def here(make_tables, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(KINDS, "ratio", FindingKind(ratios, VIEW))
    monkeypatch.setattr(ResolutionWidth, "findings", ("exponents", "lines", "ratio"))
    (tmp_path / "s.toml").write_text(TEXT)
    with Store.write(tmp_path / "results/s") as store:
        store.add(rows(studies.read("s.toml"), power(1.0)))
    return tmp_path / "results/s"


TEXT = """
schema = 1
question = "How far do the losses fall?"
regime = "resolution-width"
task = { manifold = { dim = [2, 3] }, teacher = { widths = [96, 96], count = 2 } }
student = { widths = [4, 8, 16, 32], seeds = 1 }
"""


def test_a_kind_of_your_own_goes_through_fit_report_and_json(here):
    shown = invoke("fit", "s.toml").output
    assert "d = 2: losses span a factor of" in shown and "rough: one loss at each end" in shown
    assert "ratio.png" in invoke("report", "s.toml").output
    text = (here / "report.md").read_text()
    assert "| d | ratio |" in text and "![Ratios](ratio.png)" in text
    assert (here / "ratio.png").exists() and (here / "ratio.csv").read_text().startswith("d,ratio")
    told = json.loads(invoke("fit", "s.toml", "--json").output)["points"]
    fits = json.loads((here / "fits.json").read_text())["points"]
    assert [p["ratio"] for p in told] == [p["ratio"] for p in fits] and told[0]["ratio"][
        "value"
    ] > 9
    assert "contrasts" not in fits[0]


def test_a_kind_that_nobody_registered_is_an_error(here, monkeypatch):
    monkeypatch.delitem(KINDS, "ratio")
    with pytest.raises(LookupError, match="'ratio' is no kind of finding"):
        invoke("fit", "s.toml")
