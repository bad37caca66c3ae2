"""Points of known d: what is drawn, how often its dimension is held, and mistakes as sentences."""

import json

import numpy as np
import pytest
from invocation import invoke

import lab.dimension
from lab.config import study
from lab.data import sets
from lab.findings.coverage import Coverage, CoverageCell, share_interval
from lab.findings.study_results import Finding
from lab.spec import Run

STUDY = """
question = "Does the interval hold the dimension?"
regime = "dimension"
[task]
manifold = { kind = "sphere", dim = [1, 3] }
[student]
kind = "dimension"
method = ["two-nn-mle", "gride"]
[data]
sizes = [250, 400]
draws = 2
"""


def test_it_goes_through_every_verb(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(STUDY)
    checked = invoke("check", "s.toml").stdout
    assert "fine. 16 runs" in checked and "few-sizes" not in checked
    assert invoke("run", "s.toml").exit_code == 0
    (told, other) = json.loads(invoke("fit", "s.toml", "--json").stdout)["coverage"]
    assert (told["method"], other["method"], told["cases"]) == ("two-nn-mle", "gride", 8)
    assert [(c["d"], c["n"]) for c in told["cells"]] == [(1, 250), (1, 400), (3, 250), (3, 400)]
    for cell in told["cells"]:
        assert cell["corrected"] == pytest.approx(cell["d"], rel=0.35) and cell["held"] >= 1
    assert "Share of 95 % intervals that hold d" in invoke("fit", "s.toml").stdout
    folder = tmp_path / "results" / "s"
    assert "coverage ≥ 0.9" in (folder / "report.html").read_text()
    assert (folder / "bias.png").exists() and (folder / "coverage.csv").exists()
    assert invoke("export", "s.toml", "out.csv").exit_code == 0
    text = (tmp_path / "out.csv").read_text()
    assert "method=gride" in text and "dimension.input.corrected=" in text


def test_estimators_see_the_same_points_and_every_draw_its_own():
    runs: list[Run] = [p.run for p in study.of_tables(_tables()).plan]
    of: dict = {}
    for run in runs:
        key = (run.task, run.size, run.seed)
        of.setdefault(key, sets.points(run.task, run.size, draw=run.seed, root=run.root))
    assert len(of) == 8 and all(x.shape == (n, task.D_amb) for (task, n, _), x in of.items())
    assert len({x[0, 0] for x in of.values()}) == 8
    assert all(np.allclose(np.linalg.norm(x, axis=1), 1) for x in of.values())


def test_what_is_stored_is_what_the_lab_estimates(tmp_path, monkeypatch):
    from lab.execution import plan
    from lab.students import solvers

    (group, *_) = plan.groups([p.run for p in study.of_tables(_tables()).plan])
    ticks = []
    results = solvers.solve(group, tick=ticks.append)
    assert [r.run for r in results] == group.runs() and ticks == [1] * len(results)
    one = results[-1]
    points = sets.points(one.run.task, one.run.size, draw=one.run.seed, root=one.run.root)
    e = next(e for e in lab.dimension.measure(points).estimates if e.method == "gride")
    assert one.details["dimension.input"] == e.dimension
    assert one.loss == pytest.approx(abs(e.corrected / one.run.task.dim - 1))


def _tables():
    import tomllib

    return tomllib.loads(STUDY)


@pytest.mark.parametrize("override, words", [
    ("student.kind=\"nearest\"", "points are measured, not learned"),
    ("data.sizes=[100]", "250 to 20000 points, and not on 100"),
    ("task.teacher.count=3", "points alone are measured"),
    ("task.noise=0.1", "points alone are measured"),
    ("prediction.coverage=1.5", "less than 1"),
    ("prediction.exponent=1", "unknown key 'exponent'"),
    ("student.method=\"twonn\"", "unknown method 'twonn'"),
    ("task.manifold={kind=\"spectral\",modes=4,alpha=1}", "modes of a spectral task are no points"),
])  # fmt: skip
def test_its_mistakes_are_sentences(refused, override, words):
    assert any(words in sentence for sentence in refused(STUDY, override))


def test_a_dimension_student_learns_nothing(refused):
    wrong = STUDY.replace('"dimension"\n[task]', '"resolution-data"\n[task]')
    found = refused(wrong.replace("draws = 2", ""), "data.sizes=[300,400,500]")
    assert any("a dimension student learns nothing" in sentence for sentence in found)


def cells(held, draws):
    return (CoverageCell(2, 500, draws, 2.0, 2.0, held, held, 0, 1.2),)


@pytest.mark.parametrize("held, draws, verdict", [
    (54, 54, "agrees"), (12, 12, "undecided"), (20, 54, "contradicts"), (49, 54, "undecided"),
])  # fmt: skip
def test_the_verdict_follows_the_interval_of_the_share(held, draws, verdict):
    found = Coverage("cube", "knn", cells(held, draws), 0.9)
    assert isinstance(found, Finding) and found.verdict == verdict
    assert found.label == "cube, knn" and found.share("held") == held / draws


@pytest.mark.parametrize("held, cases", [(0, 5), (5, 5), (7, 20), (19, 20)])
def test_the_interval_of_a_share_is_clopper_and_pearsons(held, cases):
    from scipy.stats import binomtest

    ends = binomtest(held, cases).proportion_ci(method="exact")
    assert share_interval(held, cases) == pytest.approx((ends.low, ends.high))
