"""Exact students through the runner's door: order, nesting, and limits that are exact."""

from dataclasses import replace

import numpy as np
import pytest

from lab.config import study
from lab.data import sets
from lab.execution import plan
from lab.students import solvers

EXACT = {
    "question": "Is it exact?",
    "regime": "resolution-data",
    "task": {"manifold": {"kind": "cube", "dim": [2]},
             "teacher": {"widths": [8], "activation": "tanh", "count": 2}},
    "student": {"kind": "nearest"},
    "data": {"sizes": [32, 64, 128]},
}  # fmt: skip
FIELD = {"manifold": {"kind": "sphere", "dim": [1]},
         "teacher": {"kind": "field", "covariance": "laplace", "count": 1}}  # fmt: skip
SPECTRAL = {"manifold": {"kind": "spectral", "a": 1.5, "b": 1.5, "modes": 60},
            "teacher": {"count": 1}}  # fmt: skip


def made(**changes):
    tables = {**EXACT, **changes}
    return study.validate({key: table for key, table in tables.items() if table is not None})


def learned(found):
    groups = plan.groups([p.run for p in found.plan])
    return {r.run: r for g in groups for r in solvers.solve(g, tick=lambda n: None)}


@pytest.fixture
def small_fields(monkeypatch):
    """Fields are drawn jointly at all their points, which takes the cube of how many they are."""
    monkeypatch.setattr(sets, "FIELD_TEST_POINTS", 200)


STUDENTS = [
    {"kind": "nearest", "neighbours": 2},
    {"kind": "simplex"},
    {"kind": "linear"},
    {"kind": "kernel", "kernel": "matern", "nu": 1.5},
    {"kind": "random-features", "count": 40, "seeds": 2},
]


@pytest.mark.parametrize("student", STUDENTS, ids=lambda s: s["kind"])
def test_every_exact_student_learns_in_the_order_of_its_group(student):
    found = made(student=student)
    (first, *_) = groups = plan.groups([p.run for p in found.plan])
    ticks = []
    assert [r.run for r in solvers.solve(first, tick=ticks.append)] == first.runs()
    assert sum(ticks) == first.student_steps and len(groups) == 2
    loss = {(r.run.size, r.run.seed): r.relative for r in learned(found).values()}
    assert loss[128, 0] < 1.0 and loss[128, 0] <= loss[32, 0] * 1.5


def test_training_sets_of_a_network_teacher_are_nested():
    exact = made().plan[0].run.task
    few, more = (sets.nested(exact, D, test=50, root=0) for D in (32, 128))
    np.testing.assert_array_equal(few.x, more.x[:32])
    np.testing.assert_array_equal(few.y, more.y[:32])
    assert few.baseline == more.baseline


def test_networks_and_exact_students_are_tested_on_the_same_points():
    """The loss of the constant student, loss / relative loss, is a number of the test set alone,
    and networks in float64 draw what exact students do."""
    networks = made(student={"widths": [3], "depth": 1, "seeds": 1}, evidence={"share": 0.0},
                    training={"preset": "adam", "steps": 10, "batch": 16,
                              "precision": "float64"})  # fmt: skip
    constant = [
        {run.task.teacher: r.loss / r.relative for run, r in learned(found).items() if run.size}
        for found in (networks, made())
    ]
    assert len(constant[0]) == 2 and constant[0] == pytest.approx(constant[1], rel=1e-6)
    assert constant[0][0] != pytest.approx(constant[0][1], rel=1e-3)


def test_a_field_is_one_function_at_every_size(small_fields):
    task = made(task=FIELD).plan[0].run.task
    few, more = (sets.nested(task, D, test=0, root=0) for D in (50, 1500))
    np.testing.assert_allclose(few.y, more.y[:50], atol=1e-12)
    assert few.baseline == pytest.approx(more.baseline, rel=1e-12)


def test_conditioning_lands_in_the_details(small_fields):
    found = made(student={"kind": "kernel", "kernel": "laplace"}, task=FIELD)
    for result in learned(found).values():
        assert result.details["condition"] > 1 and result.details["jitter"] == 0


def test_the_limit_of_fixed_features_is_never_undercut_and_falls_as_one_over_D():
    found = made(
        regime="variance-data",
        student={"kind": "random-features", "count": 8, "bias": 0.5},
        data={"sizes": [128, 512, 2048], "draws": 24},
        prediction={"exponent": 1, "sense": "equal"},
    )
    of = {D: [] for D in (128, 512, 2048)}
    for run, r in learned(found).items():
        of[run.size].append(r.relative - r.details["limit"])
        assert r.relative > r.details["limit"]
    scaled = [np.mean(v) * D for D, v in of.items()]
    assert np.ptp(scaled) < 0.5 * np.mean(scaled)


def test_the_excess_of_gaussian_features_is_the_formula():
    from lab.students.random_features import expected_risk

    found = made(
        regime="variance-data", task=SPECTRAL,
        student={"kind": "random-features", "features": "gaussian", "count": 6},
        data={"sizes": [40, 80, 160], "draws": 80},
        prediction={"exponent": 1, "sense": "equal"},
    )  # fmt: skip
    results = learned(found)
    for D in (40, 80, 160):
        some = [r for run, r in results.items() if run.size == D]
        losses = np.array([r.relative for r in some])
        exact = expected_risk(some[0].details["limit"], features=6, samples=D)
        assert abs(losses.mean() - exact) < 4 * losses.std() / np.sqrt(losses.size)


def test_duality_of_features_and_samples():
    """P features on unlimited data and all features on P samples follow one law."""
    sizes = [4, 8, 16]
    predict = {"exponent": "alpha", "sense": "equal"}
    task = {**SPECTRAL, "teacher": {"count": 150}}
    features = made(regime="resolution-width", task=task, data=None, prediction=predict,
                    student={"kind": "random-features", "features": "gaussian", "count": sizes,
                             "seeds": 1})  # fmt: skip
    samples = made(task=task, data={"sizes": sizes}, student={"kind": "linear"},
                   prediction=predict)  # fmt: skip
    a, b = (
        [np.mean([r.relative for run, r in learned(f).items() if f.x(run) == n]) for n in sizes]
        for f in (features, samples)
    )
    np.testing.assert_allclose(a, b, rtol=0.1)


def test_a_network_in_one_basin_never_undercuts_its_reference(monkeypatch, optimised):
    from lab.students import basin

    monkeypatch.setattr(basin, "STARTS", 3)
    monkeypatch.setattr(basin, "TRIALS", 8)
    monkeypatch.setattr(sets, "POPULATION", 512)
    found = made(
        regime="variance-data",
        task={"manifold": {"kind": "cube", "dim": [2]}, "teacher": {"count": 1}},
        student={"kind": "mlp", "widths": 3, "depth": 1, "activation": "tanh"},
        data={"sizes": [256, 1024, 4096], "draws": 8},
        prediction={"exponent": 1, "sense": "equal"},
    )
    of = {D: [] for D in (256, 1024, 4096)}
    for run, r in learned(found).items():
        of[run.size].append(r.relative / r.details["limit"] - 1)
    assert min(map(min, of.values())) > -1e-8
    assert np.mean(of[256]) > np.mean(of[1024]) > np.mean(of[4096]) > 0
    assert np.mean(of[1024]) * 1024 == pytest.approx(13, rel=0.6)  # about N, as for a linear model


def test_a_solved_student_leaves_one_observation(small_fields):
    """Of the test points; of the population where that is known, or a set of points."""
    linear = made(task=SPECTRAL, student={"kind": "linear", "ridge": 1e-3},
                  prediction={"exponent": 0.5})  # fmt: skip
    drawn = made(regime="variance-data", student={"kind": "random-features", "count": 6},
                 data={"sizes": [64, 96, 128], "draws": 1}, prediction={"exponent": 1})  # fmt: skip
    for found, split in ((made(), "test"), (linear, "population"), (drawn, "population")):
        for result in learned(found).values():
            (seen,) = result.observations
            assert (seen.step, seen.split, seen.loss) == (0, split, result.loss)


@pytest.mark.parametrize("kind, same", [("nearest", True), ("random-features", False)])
def test_another_start_draws_features_anew_and_no_point(kind, same):
    student = {"kind": kind} if same else {"kind": kind, "count": 20}
    first = plan.groups([p.run for p in made(student=student).plan])[0]
    losses = [[r.loss for r in solvers.solve(replace(first, start=start), tick=lambda n: None)]
              for start in (0, 1)]  # fmt: skip
    assert (losses[0] == losses[1]) == same
