"""Predictions that a study works out, and what it says where a formula or the training fails."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from lab.config import study
from lab.data.linear_terms import linear_terms
from lab.execution.store import Store
from lab.execution.table import Row
from lab.findings import answering, expected, exponent_views
from lab.findings.expected import left_to_train, references
from lab.findings.exponents import at_optimum
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


def row_of(run, loss, details=None):
    known = (run.fingerprint(), run.canonical(), "done", run.N, loss, loss, 0, (), None, 1.0, 1)
    return Row(*known, {}, details=details or {})


def runs_of(found, gap):
    """Finished runs whose losses lie above the reference by a factor of N."""
    (task,) = found.tasks(1)
    terms, done = linear_terms(task), []
    for planned in found.plan:
        run = planned.run
        if planned.role == "scan":
            loss = float(terms.loss(np.array([run.N]))[0]) * gap(run.N)
            done.append((run, row_of(run, loss)))
    return done


def test_the_optimisation_gap_is_trained_over_reference_and_may_not_grow():
    found = width_study(d=[2])
    steady = runs_of(found, lambda N: 3.0)
    assert [e.ratio for e in references(found, steady)] == pytest.approx([3.0] * 3)
    assert Doubt.GAP_GROWS not in premises(found, steady)
    growing = runs_of(found, lambda N: N**0.5 / 10)
    assert Doubt.GAP_GROWS in premises(found, growing)
    assert [e.interval[0] < 3 < e.interval[1] for e in references(found, scattered(steady))] == [
        True
    ] * 3


def scattered(done):
    """The same runs, losses of the second teacher as far above as those of the first below."""
    return [
        (run, replace(row, relative=row.relative * (1.2 if run.task.teacher else 1 / 1.2)))
        for run, row in done
    ]


def circle_study():
    return study.validate({
        "schema": 1, "question": "?", "regime": "resolution-width",
        "task": {"manifold": {"kind": "cube", "dim": 1},
                 "teacher": {"widths": [16], "activation": "tanh", "count": 2}},
        "student": {"widths": [4, 6, 9, 14, 20, 30], "depth": 1},
        "evidence": {"share": 0},
        "prediction": {"exponent": 4, "tolerance": 0.15},
    })  # fmt: skip


def beside_knots(found, gap):
    """Finished runs that are above their optimum by a factor of N."""
    done = []
    for planned in found.plan:
        run, n = planned.run, planned.run.student.widths[0]
        optimum = 0.01 * (n + 1) ** -4.0
        loss = optimum * gap(n)
        done.append((run, row_of(run, loss, {"free-knots": optimum})))
    return done


def test_the_room_that_an_optimum_leaves_is_the_largest_change_of_the_slope():
    found = circle_study()
    at = references(found, beside_knots(found, lambda n: 1.3))
    u = np.log([e.x for e in at])
    room = left_to_train(at)
    # every subset of the losses that may fall to the optimum
    changes = [np.polyfit(u, -np.log(1.3) * np.array(fall), 1)[0]
               for fall in itertools.product((0, 1), repeat=len(at))]  # fmt: skip
    assert room == pytest.approx(max(np.abs(changes)), abs=0.02) and room > max(np.abs(changes))
    linear = width_study(d=[2])
    assert left_to_train(references(linear, runs_of(linear, lambda N: 1.0))) is None


@pytest.mark.parametrize("gap, optimal", [(1.2, True), (1.7, False)])
def test_a_small_gap_to_an_exact_optimum_replaces_training_with_other_budgets(
    tmp_path, gap, optimal
):
    found = circle_study()
    assert Doubt.UNCHECKED not in [f.doubt for f in warnings_of(found)]
    done = beside_knots(found, lambda n: gap)
    assert at_optimum(found, done) is optimal
    assert at_optimum(found, [(run, replace(row, details={})) for run, row in done]) is False
    with Store.write(tmp_path / "s") as store:
        store.add([row for _, row in done])
        (point,) = answering.answer(found, store).points
    assert (Doubt.UNCHECKED in point.doubts) is not optimal


def test_what_training_costs_is_tabulated_drawn_and_written(tmp_path):
    found = width_study(d=[2])
    with Store.write(tmp_path / "s") as store:
        store.add([row for _, row in scattered(runs_of(found, lambda N: 3.0))])
        answer = answering.answer(found, store)
    (table,) = expected.below((answer,))
    assert table.columns[0] == "trained / reference" and "What training costs" in table.words
    ((*_, reference, error, small, large, room),) = table.rows
    assert (reference, error, room) == ("linear terms", "2e-03", "–")
    assert small.startswith("N 113: 3 [") and large.startswith("N 1217: 3 [")
    (figure,) = expected.figures((answer,))
    (ax,) = figure.figure.axes
    assert [1, 1] in [list(line.get_ydata()) for line in ax.lines]
    rows = expected.files((answer,))["gap.csv"]
    assert [row[rows.columns.index("gap")] for row in rows.rows] == pytest.approx([3.0] * 3)
    assert "3 → 3" in exponent_views.table((answer,)).markdown()
