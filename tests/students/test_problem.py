"""Whole-problem rules: exact where the problem is linear, and each student on its own."""

import re
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from lab.data.streams import stream
from lab.execution import plan
from lab.mistakes import StudyError
from lab.students import mlp, solvers, training
from lab.students.batches import batch_source
from lab.students.whole_problem import GaussNewton, Problem, gauss_newton, newton, problem
from lab.tables import training as recipes


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def squares(residuals):
    """The problem of these residuals."""
    return Problem(lambda p: jnp.sum(residuals(p) ** 2), residuals, jax.jacfwd(residuals))


def test_one_undamped_step_solves_linear_least_squares():
    rng = np.random.default_rng(0)
    X, y, theta = rng.normal(size=(30, 6)), rng.normal(size=30), rng.normal(size=6)
    solution = np.linalg.lstsq(X, y, rcond=None)[0]
    X, y, theta = map(jnp.asarray, (X, y, theta))
    step = newton(2 * X.T @ X, 2 * X.T @ (X @ theta - y), 0.0)
    np.testing.assert_allclose(theta + step, solution, rtol=1e-10)
    damped = gauss_newton(squares(lambda p: X @ p - y), theta, 12)
    np.testing.assert_allclose(damped, solution, rtol=1e-10)


def rosenbrock(p):
    return jnp.stack([10 * (p[1] - p[0] ** 2), 1 - p[0]])


def cliff(p):
    """Residuals that are no numbers beyond p = 1, and whose first step leads there."""
    return jnp.where(p > 1, jnp.nan, 1 - p**3)


def nowhere(p):
    return jnp.full(2, jnp.nan) * p


@pytest.mark.parametrize("residuals, start, end", [
    (rosenbrock, [-1.2, 1.0], [1.0, 1.0]), (cliff, [0.1], [1.0]), (nowhere, [0.5], [0.5]),
    (lambda p: jnp.stack([p[0] + p[1] - 2, 0 * p[0]]), [0.0, 0.0], [1.0, 1.0]),
], ids=["a curved valley", "a cliff", "no number", "a singular Jacobian"])  # fmt: skip
def test_damping_finds_the_way_or_stays(residuals, start, end):
    one = squares(residuals)
    found = [gauss_newton(one, jnp.asarray(start), steps) for steps in (0, 1, 2, 5, 60)]
    np.testing.assert_allclose(found[-1], end, rtol=1e-5)
    assert not (np.diff([one.loss(p) for p in found]) > 0).any()


def test_the_jacobian_is_that_of_the_residuals_and_their_square_is_the_loss(make_study):
    student = make_study(student={"widths": [3, 4, 5], "activation": "tanh"}).plan[0].run.student
    p = mlp.init(student, 2, 2, keys=jax.random.key(0))
    x, y = (jnp.asarray(np.random.default_rng(k).normal(size=(2, 7))) for k in (0, 1))
    one = problem(student, "mse", 2.0, jnp.asarray(0.7), x, y)
    r = one.residuals(p)
    assert jnp.sum(r**2) == pytest.approx(float(one.loss(p)))
    theta, unravel = ravel_pytree(p)
    J = jax.jacfwd(lambda t: one.residuals(unravel(t)))(theta)
    np.testing.assert_allclose(one.jacobian(p), J, rtol=1e-6, atol=1e-12)
    assert problem(student, "power", 1.0, jnp.asarray(0.7), x, y).residuals is None


REALISABLE = {
    "task": {"teacher": {"widths": [3], "activation": "tanh", "count": 1}},
    "student": {"widths": [3, 4, 5], "depth": 1, "activation": "tanh", "seeds": 3},
    "evidence": {"share": 0.0},
}
"""The smallest students are of the teacher's size."""
SECOND_ORDER = {"preset": "default", "optimiser": "gauss-newton", "steps": 100, "batch": 256}


def groups(found):
    return plan.groups(p.run for p in found.plan if p.run.student.widths == (3,))


def losses(found):
    return [r.relative for (group,) in [groups(found)] for r in training.train(group)]


def test_a_teacher_of_the_students_size_is_found(make_study):
    """With as many evaluations of as many points as Adam, to round-off where Adam is far away."""
    ours = losses(make_study(**REALISABLE, training={**SECOND_ORDER, "steps": 150}))
    recipe = {"optimiser": "adam", "steps": 300, "batch": 256, "precision": "float64"}
    adam = losses(make_study(**REALISABLE, training=recipe))
    assert max(ours) < 1e-25 and min(adam) > 1e-5


def test_each_student_descends_on_its_own(make_study):
    """Alone, beside others, and without `vmap`: damping is that of one student."""
    found = make_study(**REALISABLE, training={**SECOND_ORDER, "steps": 6})
    (group,) = groups(found)
    together = {r.run: r.loss for r in training.train(group)}
    ((student, _, seeds),) = group.shapes
    given = batch_source(group)
    x, y = given.large(256)
    one = problem(student, given.loss, given.power, 1 / given.rms[0], x[0], y[0])
    key = stream("init", group.teachers[0], root=group.root)
    descend = jax.jit(lambda p: gauss_newton(one, p, 6))
    for run, loss in together.items():
        p = descend(mlp.init(student, 2, 1, keys=jax.random.fold_in(key, run.seed)))
        x_test, y_test = given.test
        f = mlp.apply(student, p, x_test[0] / given.rms[0])
        assert jnp.mean((f - y_test[0]) ** 2) == pytest.approx(loss, rel=1e-6)
    last = replace(group, shapes=((student, None, seeds[-1:]),))
    assert training.train(last)[0].loss == pytest.approx(together[last.runs()[0]], rel=1e-6)


def test_a_polish_takes_the_rule_that_is_named(make_study):
    plain = {"steps": 20, "batch": 256, "precision": "float64"}
    polish = {"polish": 10, "polish_batch": 256}
    (without, by_lbfgs, by_squares) = (
        losses(make_study(**REALISABLE, training={**plain, **more}))
        for more in ({}, polish, {**polish, "polish_by": "gauss-newton"})
    )
    for first, second, third in zip(without, by_lbfgs, by_squares, strict=True):
        assert third < second < first


def test_the_default_rule_is_in_no_fingerprint(make_study):
    def text(**recipe):
        return make_study(training={"polish": 5, **recipe}).plan[0].run.training.text

    assert text(polish_by="lbfgs") == text() and "polish_by" not in text()
    assert '"polish_by":"gauss-newton"' in text(polish_by="gauss-newton")
    alone = {"polish": 0, "optimiser": "gauss-newton", "steps": 7, "batch": 99}
    assert make_study(training=alone).plan[0].run.coordinates["samples"] == 2 * 7 * 99


def test_plan_and_clock_take_what_the_rule_says_of_a_step(make_study):
    found = make_study(**REALISABLE, training=SECOND_ORDER)
    (group,) = groups(found)
    ((student, _, seeds),) = group.shapes
    N = student.parameters(2, 1)
    evaluations = 200 * 256 * solvers.student_flops(group, student)
    one = evaluations + 100 * GaussNewton.flops(N=N, residuals=256)
    assert group.runs()[0].coordinates["C"] == pytest.approx(one)
    learned = solvers.of(group).flops(group) - solvers.label_flops(group)
    assert learned == pytest.approx(len(seeds) * one)
    assert solvers.student_bytes(group, student) > 8 * 256 * N
    (other,) = groups(make_study(**REALISABLE, training={**SECOND_ORDER, "optimiser": "lbfgs"}))
    assert plan.lane_seconds(group) > plan.lane_seconds(other) > 0


@pytest.mark.parametrize("recipe, said, remedy", [
    ({}, 'optimiser: Gauss–Newton needs a loss that is a mean of squares, and this one is kl; take '
     'lbfgs, or task.loss = "mse"', {"optimiser": "lbfgs"}),
    ({"task": {}, "batch": 10}, "batch: Gauss–Newton learns 10 points by heart with N = 51 "
     "parameters; take a batch of at least 51", {"batch": 51}),
    ({"task": {}, "batch": 2**21}, "batch: Gauss–Newton on 2097152 points takes 1.7 GB for the "
     "largest student (N = 51), over 1.1 GB; take a batch of at most 1048576", {"batch": 1048576}),
    ({"task": {}, "preset": "adam", "optimiser": "adam", "polish": 3, "polish_by": "muon"},
     "polish_by: muon moves along gradients of batches, and a polish is on one batch; take lbfgs "
     "or gauss-newton", {"polish_by": "gauss-newton"}),
    ({"task": {}, "preset": "adam", "optimiser": "adam", "polish_by": "gauss-newton"},
     "polish_by: nothing is polished", {"polish": 1}),
    ({"task": {}, "polish_by": "gauss-newton"}, "polish_by: gauss-newton is on one batch from the "
     "start", {"polish_by": "lbfgs"}),
], ids=["no square", "too few points", "too large", "no whole problem", "no polish",
        "twice"])  # fmt: skip
def test_what_a_rule_cannot_do_is_refused(make_study, recipe, said, remedy):
    task = recipe.get("task", {"loss": "kl", "teacher": {"outputs": 3}})
    own = {**SECOND_ORDER, **{k: v for k, v in recipe.items() if k != "task"}}
    with pytest.raises(StudyError, match=re.escape(f"training.{said}")):
        make_study(task=task, training=own)
    make_study(task=task, training={**own, **remedy})


def test_a_student_beyond_all_batches_is_refused(make_study, monkeypatch):
    monkeypatch.setattr(recipes, "STUDENT_BYTES", 1e4)
    with pytest.raises(StudyError, match="take lbfgs, or smaller students"):
        make_study(training=SECOND_ORDER)
    make_study(training={**SECOND_ORDER, "optimiser": "lbfgs"})


def test_sets_have_no_whole_problem(make_study):
    data = {
        "regime": "resolution-data",
        "student": {"widths": [4]},
        "data": {"sizes": [512, 600, 700]},
    }
    with pytest.raises(StudyError, match="Gauss–Newton needs fresh data"):
        make_study(**data, training=SECOND_ORDER)
