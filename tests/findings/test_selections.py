"""Gains of selection: paired differences and ratios, their claims, and the doubt about the pool."""

from dataclasses import replace

import numpy as np
import pytest
from simulated import rows

from lab.config import study
from lab.execution.store import Store
from lab.findings.answering import answer
from lab.findings.selections import RULE, VIEW, changes
from lab.mistakes import StudyError
from lab.scaling.judge.verdict import AGREES, CONTRADICTS, UNDECIDED, Doubt
from lab.scaling.scans.estimate import estimates
from lab.scaling.scans.lines import teacher_t

TABLES = {
    "question": "Does selection help?", "regime": "selection",
    "task": {"manifold": {"kind": "cube", "dim": 1},
             "teacher": {"kind": "singular", "power": 0.6, "count": 6}},
    "student": {"kind": "simplex", "inputs": "raw"},
    "data": {"sizes": [16, 32, 64, 128, 256], "selection": ["random", "farthest", "hard"],
             "pool": 5120, "rounds": 8, "first": 4},
}  # fmt: skip


def answered(path, exponents, *, pool=5120, ratio=2.0):
    """The answer to losses whose exponents by rule are these, chosen points `ratio` times better at
    the largest D, and teachers that scatter by more than either."""
    found = study.validate({**TABLES, "data": {**TABLES["data"], "pool": pool}})

    def law(run, x):
        rule = run.task.selection.rule if run.task.selection else "random"
        alpha = exponents[rule] + 0.5 * np.sin(9.0 * run.task.teacher)
        better = 1.0 if rule == "random" else ratio
        gain = exponents[rule] - exponents["random"]
        return (1 + 0.5 * run.task.teacher) * x**-alpha / better * 256**gain

    with Store.write(path / "s") as store:
        store.add(rows(found, law, noise=0.02, seed=1))
        return answer(found, store)


def test_gains_are_found_below_the_scatter_of_teachers_and_told_in_words(tmp_path):
    found = answered(tmp_path, {"random": 2.2, "farthest": 2.2, "hard": 4.0})
    gains = {gain.rule: gain for gain in found.found("selections")}
    assert set(gains) == {"farthest", "hard"}
    for rule, true in (("farthest", 0.0), ("hard", 1.8)):
        low, high = gains[rule].contrast.interval
        assert low - 0.02 < true < high + 0.02 and high - low < 0.15
        low, high = gains[rule].ratio_interval
        assert low * 0.97 < 2 < high * 1.03 and gains[rule].x == 256
    assert gains["hard"].says.startswith("steeper by 1.") and "2 times better" in gains["hard"].says
    assert gains["farthest"].says.startswith("no change of slope is seen")
    claims = {(one.claim.quantity, one.setting.varying[RULE]): one for one in found.claims}
    assert set(claims) == {("alpha", rule) for rule in ("random", "farthest", "hard")} | {
        ("difference", "farthest"), ("difference", "hard")}  # fmt: skip
    predicted = {key: one.prediction for key, one in claims.items()}
    assert predicted["alpha", "hard"] == 4 and predicted["alpha", "random"] == pytest.approx(2.2)
    assert predicted["difference", "hard"] == pytest.approx(1.8)
    assert predicted["difference", "farthest"] == 0
    assert (
        claims["difference", "hard"].verdict == claims["difference", "farthest"].verdict == AGREES
    )
    assert "within 0.15" in claims["difference", "hard"].claim.told
    (table,) = VIEW.above((found,))
    assert "(Student's t over 6 pairs). All rules together, selection changes the slope (" in (
        table.words
    )


@pytest.mark.parametrize("gain, ratio, what", [
    (1.8, 2.0, "the slope"), (0.0, 2.0, "the constant"), (0.0, 1.0, "nothing"),
])  # fmt: skip
def test_what_selection_changes_is_said_of_all_rules_together(tmp_path, gain, ratio, what):
    found = answered(tmp_path, {"random": 2.2, "farthest": 2.2, "hard": 2.2 + gain}, ratio=ratio)
    assert changes(found.found("selections")) == what


def test_the_more_rules_are_tried_the_clearer_one_must_be(tmp_path):
    found = answered(tmp_path, {"random": 2.2, "farthest": 2.2, "hard": 2.2}, ratio=1.0)
    one = next(g for g in found.found("selections") if g.rule == "hard")
    low, high = one.contrast.interval
    barely = replace(one.contrast, change=0.55 * (high - low))  # 1.1 half-widths from 0
    gain = replace(one, contrast=barely)
    assert changes([gain]) == "the slope" and changes([gain, gain, gain]) == "nothing"


def test_a_wrong_difference_is_contradicted(tmp_path):
    found = answered(tmp_path, {"random": 2.2, "farthest": 2.8, "hard": 2.2})
    verdicts = {one.setting.varying[RULE]: one.verdict for one in found.claims
                if one.claim.quantity == "difference"}  # fmt: skip
    assert verdicts == {"farthest": CONTRADICTS, "hard": CONTRADICTS}


def test_a_limited_pool_is_doubted_and_refutes_no_gain(tmp_path):
    found = answered(tmp_path, {"random": 2.2, "farthest": 2.2, "hard": 2.2}, pool=5119)
    doubts = {p.setting.varying[RULE]: Doubt.POOL_LIMITED in p.doubts for p in found.points}
    assert doubts == {"random": False, "farthest": True, "hard": True}
    verdicts = {one.setting.varying[RULE]: one.verdict for one in found.claims
                if one.claim.quantity == "difference"}  # fmt: skip
    assert verdicts == {"farthest": UNDECIDED, "hard": UNDECIDED}


@pytest.mark.parametrize("teachers", [4, 8])
def test_intervals_of_paired_differences_hold_the_truth_as_often_as_they_say(teachers):
    """Teachers share what makes them hard, and differ in how much a rule gains on each."""
    rng, scans, u = np.random.default_rng(0), 3000, np.log([16.0, 32, 64, 128, 256])
    own = 1.0 + 0.3 * rng.standard_normal((scans, teachers, 1))
    gain = 0.4 + 0.05 * rng.standard_normal((scans, teachers, 1))

    def alphas(alpha):
        y = -alpha * u + rng.standard_normal((scans, teachers, 1))
        return estimates(u[None], y + 0.05 * rng.standard_normal(y.shape)).teacher_alpha

    low, high = teacher_t(alphas(own + gain) - alphas(own))
    covered = np.mean((low < 0.4) & (high > 0.4))
    print(f"\n{teachers} teachers: {covered:.4f}")
    assert 0.93 <= covered <= 0.97
    apart = teacher_t(alphas(own + gain))
    assert np.mean(high - low) < 0.5 * np.mean(apart[1] - apart[0])


@pytest.mark.parametrize("change, sentence", [
    ({"data": {"sizes": [16, 32, 64]}}, 'rules are compared with random points; give "random"'),
    ({"task": {**TABLES["task"], "teacher": {"kind": "singular", "power": 0.6, "count": 1}}},
     "task.teacher.count: differences are paired over teachers; take at least 2"),
    ({"prediction": {"quantity": "difference", "value": 0.0}},
     "differences taken, where one is claimed; add a claim about alpha"),
    ({"data": {**TABLES["data"], "selection": ["random", "easy"]}},
     "no exponent is known for easy points"),
    ({"task": {**TABLES["task"], "teacher": {"kind": "threshold", "count": 2}}},
     "a threshold in one dimension is found exponentially fast"),
])  # fmt: skip
def test_what_cannot_be_compared_is_one_sentence(change, sentence):
    with pytest.raises(StudyError, match=sentence):
        study.validate({**TABLES, **change})


def test_the_figure_has_a_curve_and_a_prediction_for_every_rule(tmp_path):
    two = {**TABLES, "task": {**TABLES["task"], "manifold": {"kind": "cube", "dim": [1, 2]}}}
    found = study.validate(two)
    with Store.write(tmp_path / "s") as store:
        store.add(rows(found, lambda run, x: x ** (-1.0 / run.task.dim), noise=0.02, seed=1))
        answered = answer(found, store)
    (figure,) = VIEW.figures((answered,))
    (ax,) = figure.figure.axes
    assert ax.get_title() == "singular, simplex students"
    handles, labels = ax.get_legend_handles_labels()
    assert set(labels) == {"random", "farthest", "hard"}
    dashed = [line for line in ax.lines if line.get_linestyle() == "--"]
    assert [line.get_xdata().tolist() for line in dashed] == [[1, 2]] * 3
    predicted = {tuple(np.round(line.get_ydata(), 6)) for line in dashed}
    assert predicted == {(2.2, 1.1), (4.0, 2.0)}
    alone = study.validate(TABLES)
    with Store.write(tmp_path / "one") as store:
        assert VIEW.figures((answer(alone, store),)) == []
