"""Predictions that a study works out, and what it says where a formula or the training fails."""

import numpy as np
import pytest

from lab.config import study
from lab.data.linear_terms import linear_terms
from lab.execution.table import Row
from lab.findings.expected import references
from lab.findings.premises import premises, sentences
from lab.mistakes import StudyError
from lab.regimes.design_warnings import warnings_of
from lab.scaling.judge.verdict import Doubt


def width_study(
    exponent="reference", *, teacher=None, manifold="sphere", d=(2, 4), widths=(8, 16, 32)
):
    return study.validate({
        "schema": 1, "question": "?", "regime": "resolution-width",
        "task": {"manifold": {"kind": manifold, "dim": list(d)},
                 "teacher": {"widths": [4096], "bias": 0.5, "count": 2} | (teacher or {})},
        "student": {"widths": list(widths)},
        "prediction": {"exponent": exponent, "over": "range", "sense": "equal"},
    })  # fmt: skip


def predictions(found):
    student = next(found.students())
    return [found.predicted(task, student) for task in found.tasks(1)]


def test_the_reference_of_networks_is_the_slope_of_the_best_linear_loss_over_the_same_sizes():
    found = width_study()
    expected = []
    for task in found.tasks(1):
        N = [s.parameters(task.D_amb, 1) for s in found.students()]
        loss = linear_terms(task).loss(np.array(N))
        expected.append(-np.polyfit(np.log(N), np.log(loss), 1)[0])
    assert predictions(found) == pytest.approx(expected)
    assert expected[0] == pytest.approx(1.5, rel=0.02)


def test_the_resolution_exponent_follows_the_smoothness_of_the_target():
    assert predictions(width_study("resolution")) == [1.5, 0.75]
    assert predictions(width_study("resolution", teacher={"activation": "relu^1.5"})) == [2, 1]
    assert predictions(width_study("resolution", teacher={"activation": "tanh"})) == [2, 1]
    assert predictions(width_study("min(4, 2*s)/d")) == [1.5, 0.75]


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"teacher": {"activation": "tanh"}}, "no exact reference is known for mlp students"),
        ({"manifold": "cube"}, "no exact reference is known for mlp students"),
    ],
)
def test_a_reference_that_nobody_knows_is_refused(changes, words):
    with pytest.raises(StudyError, match=words):
        width_study("reference", **changes)


def test_kernels_are_referred_to_their_exact_risk_and_agree_with_theory_in_the_limit():
    tables = {
        "schema": 1, "question": "?", "regime": "resolution-data",
        "task": {"manifold": {"kind": "sphere", "dim": [2]},
                 "teacher": {"kind": "field", "covariance": "matern", "nu": 1.5, "count": 2}},
        "student": {"kind": "kernel", "kernel": "matern", "nu": 1.5, "inputs": "raw"},
        "data": {"sizes": [128, 256, 512, 1024]},
        "prediction": {"exponent": "reference", "over": "range", "sense": "equal"},
    }  # fmt: skip
    (reference,) = predictions(study.validate(tables))
    tables["prediction"]["exponent"] = "resolution"
    (limit,) = predictions(study.validate(tables))
    assert limit == 1.5 and reference == pytest.approx(1.5, abs=0.03)


def test_a_formula_about_smooth_targets_is_doubted_beside_a_rough_one():
    def doubts(exponent, **teacher):
        return {f.doubt for f in warnings_of(width_study(exponent, teacher=teacher))}

    assert Doubt.ROUGH_TARGET in doubts("4/d") and Doubt.ROUGH_TARGET in doubts("4 / d")
    assert Doubt.ROUGH_TARGET not in doubts("4/d", activation="tanh")
    assert Doubt.ROUGH_TARGET not in doubts("3/d")
    done = runs_of(width_study("4/d", d=[2]), lambda N: 1.0)
    assert Doubt.ROUGH_TARGET in premises(width_study("4/d", d=[2]), done)
    (said,) = [s for s in sentences(width_study("resolution", d=[2]), done) if "resolution" in s]
    assert "min(4, 2s)/d = 1.5, inferred" in said


def test_students_of_as_many_parameters_as_their_teacher_are_saturated():
    # 64 units in 3 coordinates are 321 parameters; 16 by 16 students have 353
    few = [f.doubt for f in warnings_of(width_study(teacher={"widths": [64]}, d=[2]))]
    assert Doubt.SATURATED in few
    small = width_study(teacher={"widths": [64]}, d=[2], widths=(4, 6, 8))
    assert Doubt.SATURATED not in [f.doubt for f in warnings_of(small)]


def runs_of(found, gap):
    """Finished runs whose losses lie above the reference by a factor of N."""
    (task,) = found.tasks(1)
    terms, done = linear_terms(task), []
    for planned in found.plan:
        run = planned.run
        if planned.role == "scan":
            loss = float(terms.loss(np.array([run.N]))[0]) * gap(run.N)
            done.append((run, Row(run.fingerprint(), "", "done", run.N, loss, loss, 0, (), None,
                                  1.0, 1, {})))  # fmt: skip
    return done


def test_the_optimisation_gap_is_trained_over_reference_and_may_not_grow():
    found = width_study(d=[2])
    steady = runs_of(found, lambda N: 3.0)
    assert [e.ratio for e in references(found, steady)] == pytest.approx([3.0] * 3)
    assert Doubt.GAP_GROWS not in premises(found, steady)
    growing = runs_of(found, lambda N: N**0.5 / 10)
    assert Doubt.GAP_GROWS in premises(found, growing)
