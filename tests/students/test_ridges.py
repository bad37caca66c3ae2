"""Solved shallow students: the closed form against simulation, differences, and known optima."""

import tomllib
from types import SimpleNamespace

import numpy as np
import pytest

import lab
from lab.execution import plan
from lab.mistakes import StudyError
from lab.spec import NO_TRAINING, Group
from lab.students import solvers
from lab.students.ridges import RidgeTarget, equispaced, loss, minimise


def target_of(name, p):
    rng = np.random.default_rng(5)
    if name == "constant":
        return RidgeTarget(p)
    make = {"random": RidgeTarget.of_random_signs, "one": RidgeTarget.of_one_sign}[name]
    return make(p, 40, rng=rng)


def values(target, x):
    if target.directions is None:
        return np.ones(len(x))
    return np.abs(x @ target.directions.T) @ target.weights


def directions(n, p, seed=0):
    U = np.random.default_rng(seed).standard_normal((n, p))
    return U / np.linalg.norm(U, axis=1, keepdims=True)


@pytest.mark.parametrize("name", ["constant", "random", "one"])
@pytest.mark.parametrize("p", [2, 4])
def test_the_loss_is_that_of_the_best_weights_on_many_points(name, p):
    target, U = target_of(name, p), directions(6, p)
    x = directions(400_000, p, seed=1)
    y, ridges = values(target, x), np.abs(x @ U.T)
    fitted, *_ = np.linalg.lstsq(ridges, y, rcond=None)
    value, _, a = loss(target, U)
    squares = (y - ridges @ fitted) ** 2
    assert abs(value - squares.mean()) < 4 * squares.std() / len(x) ** 0.5
    assert a == pytest.approx(fitted, abs=0.05)
    assert target.power == pytest.approx(np.mean(y**2), rel=0.02)


@pytest.mark.parametrize("name", ["constant", "random"])
def test_the_gradient_is_that_of_differences_along_the_sphere(name):
    target, U = target_of(name, 3), directions(5, 3)
    value, gradient, _ = loss(target, U)
    assert np.sum(gradient * U, axis=1) == pytest.approx(np.zeros(5), abs=1e-14)
    step = np.random.default_rng(2).standard_normal(U.shape)
    step -= np.sum(step * U, axis=1, keepdims=True) * U
    ends = []
    for h in (1e-5, -1e-5):
        moved = U + h * step
        ends.append(loss(target, moved / np.linalg.norm(moved, axis=1, keepdims=True))[0])
    assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(np.sum(gradient * step), rel=1e-6)


@pytest.mark.parametrize(
    "d, optima",
    [
        (1, {4: 5.4407e-4, 8: 3.3273e-5, 16: 2.0682e-6, 32: 1.2908e-7}),
        (2, {8: 8.8526e-4, 16: 1.2662e-4, 32: 2.2310e-5, 64: 3.8738e-6}),
    ],
)
def test_the_best_of_four_starts_is_the_known_optimum_of_one_sign(d, optima):
    for n, optimum in optima.items():
        rng = np.random.default_rng(n)
        best = min(minimise(RidgeTarget(d + 1), n, rng=rng).loss for _ in range(4))
        assert best == pytest.approx(optimum, rel=2e-3)


def test_equispaced_directions_have_their_closed_form_and_are_the_optimum_of_the_circle():
    for n in (1, 2, 5, 16):
        angles = np.pi * np.arange(n) / n
        U = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        assert equispaced(n) == pytest.approx(loss(RidgeTarget(2), U)[0], rel=1e-6)
    assert equispaced(10_000) * 1e16 == pytest.approx(np.pi**4 / 720, rel=1e-6)
    for n in (4, 12):
        rng = np.random.default_rng(n)
        found = [minimise(RidgeTarget(2), n, rng=rng).loss for _ in range(3)]
        assert min(found) == pytest.approx(equispaced(n), rel=1e-5)
        assert min(found) > equispaced(n) * (1 - 1e-6)


def test_a_student_of_as_many_units_as_its_target_can_be_it():
    target = RidgeTarget.of_random_signs(2, 3, rng=np.random.default_rng(1))
    best = min(minimise(target, 3, rng=np.random.default_rng(s)).loss for s in range(6))
    assert best < 1e-10


def test_coinciding_directions_do_not_break_the_weights():
    U = directions(3, 3)
    U[1] = U[0]
    value, gradient, a = loss(RidgeTarget(3), U)
    assert np.isfinite(value) and np.isfinite(gradient).all() and np.isfinite(a).all()


STUDY = """
schema = 1
question = "Do shallow students follow theory?"
regime = "resolution-width"
[task]
manifold = {{ kind = "sphere", dim = [1, 2] }}
teacher = {{ kind = "ridges", {teacher} }}
[student]
kind = "ridges"
units = [4, 6, 8]
starts = 3
[prediction]
exponent = "{exponent}"
"""


def runs_of(teacher, exponent="1 + 3/d"):
    return lab.read(tomllib.loads(STUDY.format(teacher=teacher, exponent=exponent)))


@pytest.mark.parametrize(
    "teacher, count", [('signs = "one"', 1), ('signs = "random", units = 64, count = 2', 2)]
)
def test_a_start_is_a_run_and_the_scan_reads_the_lowest(teacher, count):
    study = runs_of(teacher)
    assert len(study.plan) == 2 * 3 * 3 * count
    groups = plan.left(study.plan, {}).missing
    assert {run.coordinate("units") for run in groups} == {4, 6, 8}
    of_first = [run for run in groups if run.task.dim == 1 and run.task.teacher == 0]
    shapes = tuple((run.student, None, (0, 1, 2)) for run in of_first[::3])
    group = Group((of_first[0].task,), shapes, NO_TRAINING, 0)
    found = solvers.solve(group, tick=lambda n: None)
    assert [r.observations[0].split for r in found] == ["population"] * 9
    rows = [(r.run, SimpleNamespace(relative=r.relative)) for r in found]
    read = study.reading(rows)
    assert read.x.tolist() == [4, 6, 8]
    lowest = [min(r.relative for r in found[i : i + 3]) for i in (0, 3, 6)]
    assert read.value.tolist() == lowest


def test_random_signs_know_their_smoothness_and_one_sign_is_no_field():
    assert {run.run.task.smoothness for run in runs_of('signs = "random", units = 64').plan} == {
        1.5
    }
    study = runs_of('signs = "random", units = 64', "2s/d")
    assert [study.predicted(task) for task in study.tasks(1)] == [3.0, 1.5]
    assert {run.run.task.smoothness for run in runs_of('signs = "one"').plan} == {None}


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"task.teacher.signs": "random"}, "need a number of them, such as units = 4096"),
        ({"task.teacher.count": 4}, "are one target; leave it out"),
        ({"task.teacher.gain": 2.0}, "ridges have none of these"),
        ({"task.manifold.kind": "cube"}, 'kind = "sphere", and no embedding'),
        ({"task.noise": 0.1}, 'takes loss = "mse" and no noise'),
        ({"student": {"widths": [4, 8, 16]}}, 'take student.kind = "ridges"'),
        ({"task.teacher": {"widths": [64]}}, 'take teacher = { kind = "ridges" }'),
        ({"student.units": [4, 8]}, "give at least three different ones"),
    ],
)
def test_what_does_not_go_together_is_refused_with_its_remedy(changes, words):
    tables = tomllib.loads(STUDY.format(teacher='signs = "one"', exponent="1 + 3/d"))
    for key, value in changes.items():
        *path, last = key.split(".")
        table = tables
        for name in path:
            table = table[name]
        table[last] = value
    with pytest.raises(StudyError) as caught:
        lab.read(tables)
    assert any(words in sentence for sentence in caught.value.mistakes), caught.value.mistakes


def test_references_of_ridges():
    study = runs_of('signs = "one"')
    (circle, sphere), student = study.tasks(1), next(study.students())
    found = study.reference(circle, student)
    assert found.at == (8, 12, 16) and found.optimum
    assert found.value == tuple(equispaced(n) for n in (4, 6, 8))
    assert study.predicted(circle, student, "reference") == pytest.approx(4, rel=0.05)
    assert study.reference(sphere, student) is None
    random = runs_of('signs = "random", units = 4096', "reference")
    found = random.reference(next(random.tasks(1)), student)
    assert found.at == (8, 12, 16) and not found.optimum and found.source == "linear terms"
