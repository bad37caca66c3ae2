"""Free knots: an optimum found by SciPy, the law of many pieces, and the students that it is of."""

import numpy as np
import pytest
from scipy import optimize

from lab.config import study
from lab.data.free_knots import POINTS, best, constant

X = (np.arange(POINTS) + 0.5) / POINTS - 0.5


def joined(f, knots):
    """What the best continuous fit with these inner knots leaves."""
    ends = np.concatenate([[-0.5], np.sort(knots), [0.5]])
    hats = np.stack([np.interp(X, ends, row) for row in np.eye(len(ends))], axis=1)
    rest = f(X) - hats @ np.linalg.lstsq(hats, f(X), rcond=None)[0]
    return np.mean(rest**2)


@pytest.mark.parametrize("f", [np.exp, lambda x: np.tanh(4 * x)])
def test_the_optimum_is_that_of_a_search_over_the_knots_of_continuous_fits(f):
    n = 5
    start = np.linspace(-0.5, 0.5, n + 1)[1:-1]

    def objective(knots):
        return np.log(joined(f, np.clip(knots, -0.49, 0.49)))

    close = {"xatol": 1e-5, "fatol": 1e-6}
    found = optimize.minimize(objective, start, method="Nelder-Mead", options=close)
    assert best(f(X), [n])[0] == pytest.approx(np.exp(found.fun), rel=0.01)


@pytest.mark.parametrize(
    "f, second, n, error",
    [
        (np.exp, np.exp, 4, 1e-3),
        (np.exp, np.exp, 32, 1e-3),
        (lambda x: x**2, lambda x: 2 + 0 * x, 8, 1e-3),
        # where f″ changes its sign the law is approached from below
        (lambda x: np.tanh(4 * x), lambda x: -32 * np.tanh(4 * x) / np.cosh(4 * x) ** 2, 100, 0.03),
    ],
)
def test_many_pieces_fall_with_the_fourth_power_and_the_integral_of_the_curvature(
    f, second, n, error
):
    assert best(f(X), [n])[0] * n**4 == pytest.approx(constant(second(X)), rel=error)


def test_a_quadratic_has_its_constant_in_closed_form_and_scales_as_it_should():
    assert constant(np.full(8, 2.0)) == pytest.approx(4 / 720)
    # f(x/ℓ) on an interval of length ℓ is the same function
    assert constant(np.full(8, 2.0 / 9), length=3.0) == pytest.approx(4 / 720)


def test_a_piecewise_linear_function_is_met_and_one_piece_is_the_line():
    f = np.abs(X - 0.25)
    assert best(f, [2])[0] < 1e-12
    line = np.polyval(np.polyfit(X, f, 1), X)
    assert best(f, [1])[0] == pytest.approx(np.mean((f - line) ** 2))


def tables(**changes):
    return {
        "schema": 1, "question": "?", "regime": "resolution-width",
        "task": {"manifold": {"kind": "cube", "dim": 1},
                 "teacher": {"widths": [16], "activation": "tanh", "bias": 0.5, "count": 2}},
        "student": {"widths": [8, 16, 32], "depth": 1},
        "prediction": {"exponent": "reference", "over": "range"},
    } | changes  # fmt: skip


def test_shallow_networks_on_an_interval_are_predicted_by_their_pieces():
    found = study.validate(tables())
    (task,), student = found.tasks(1), next(found.students())
    reference = found.reference(task, student)
    assert reference.at == (25, 49, 97) and reference.optimum
    pieces = np.array([9, 17, 33])
    slope = -np.polyfit(np.log(reference.at), -4 * np.log(pieces), 1)[0]
    assert found.predicted(task, student) == pytest.approx(slope)
    assert reference.of(25, {}) is None and reference.of(25, {"free-knots": 0.5}) == 0.5


@pytest.mark.parametrize("student", [{"widths": [8, 16, 32]},
                                     {"widths": [8, 16, 32], "depth": 1, "activation": "tanh"},
                                     {"widths": [8, 16, 500], "depth": 1}])  # fmt: skip
def test_students_with_more_knots_than_units_have_no_optimum(student):
    found = study.validate(tables(student=student, prediction={"exponent": 4}))
    assert found.reference(next(found.tasks(1)), next(found.students())) is None


def test_a_trained_run_keeps_the_optimum_of_its_teacher_and_is_above_it():
    from lab.data import sets
    from lab.execution import plan
    from lab.students import solvers

    quick = {"optimiser": "adam", "rate": 0.01, "steps": 200, "batch": 64, "precision": "float64"}
    found = study.validate(tables(training=quick, evidence={"share": 0}, student={
        "widths": [4, 8, 16], "depth": 1, "seeds": 1}))  # fmt: skip
    results = [r for group in plan.groups([p.run for p in found.plan])
               for r in solvers.solve(group, tick=lambda n: None)]  # fmt: skip
    assert all(r.details["free-knots"] < r.relative for r in results)
    one = results[0]
    nested = sets.nested(one.run.task, POINTS, test=10, root=one.run.root)
    order = np.argsort(nested.x[:, 0])
    values = np.interp(X, nested.x[order, 0], nested.y[order, 0])
    least = best(values, [one.run.student.widths[0] + 1])[0]
    assert one.details["free-knots"] == pytest.approx(least / nested.y.var(), rel=0.03)
