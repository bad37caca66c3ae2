"""Dimensions of inputs and hidden layers: those of the points that are named, and of no others."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lab.dimension
from lab.data import sets, teachers
from lab.data.streams import stream
from lab.data.task import TEST_POINTS
from lab.execution import plan
from lab.students import mlp, training
from lab.students.dimensions import Dimension

EVERY = ["input", "teacher.1.before", "teacher.last", "student.1.before.initialisation",
         "student.last.initialisation", "student.last"]  # fmt: skip


@pytest.fixture
def measured(make_study):
    """Results of a small study, and the study, that measures at these places."""

    def of(*places, shapes=1, **changes):
        measure = {"dimension": list(places), "n": 300} if places else {}
        found = make_study(measure=measure, **changes)
        (group, *_) = plan.groups([p.run for p in found.plan])
        return training.train(replace(group, shapes=group.shapes[:shapes]))

    return of


def raw(points, method="two-nn-mle"):
    estimates = lab.dimension.measure(np.asarray(points, float)).estimates
    return next(e.dimension for e in estimates if e.method == method)


def value(result, place):
    return Dimension.of(result.details, place).value


def drawn(run):
    """The task of a run, and its first 300 test points: in the manifold, and as students see
    them."""
    src = sets.source(run.task, root=run.root)
    key = stream("test", run.task, root=run.root)
    z, x = sets.place(src, src.arrays, TEST_POINTS, key=key)
    return src, z[:, :300], x[:, :300]


def test_each_place_is_measured_on_the_points_that_it_names(measured):
    curved = {"manifold": {"dim": 3}, "embedding": {"kind": "features", "ambient": 5}}
    (result, *_) = measured(*EVERY, task=curved, student={"widths": [6, 7, 8]})
    run = result.run
    src, z, x = drawn(run)
    assert value(result, "input") == pytest.approx(raw(x.T), rel=1e-6)
    (W, b), (V, c), _ = src.networks[0]  # the teacher sees the manifold's own coordinates
    first = np.asarray(W) @ np.asarray(z) + np.asarray(b)
    last = np.maximum(np.asarray(V) @ np.maximum(first, 0) + np.asarray(c), 0)
    assert value(result, "teacher.1.before") == pytest.approx(raw(first.T), rel=1e-3)
    assert value(result, "teacher.last") == pytest.approx(raw(last.T), rel=1e-3)
    seed = jax.random.fold_in(stream("init", run.task, root=run.root), run.seed)
    start = mlp.init(run.student, run.task.D_amb, 1, keys=seed)
    first = np.asarray(start["W0"]) @ np.asarray(x / src.rms) + np.asarray(start["b0"])
    found = value(result, "student.1.before.initialisation")
    assert found == pytest.approx(raw(first.T), rel=1e-3)
    assert value(result, "student.last.initialisation") != value(result, "student.last")


def test_the_last_hidden_layer_is_what_the_output_is_linear_in(measured):
    (result, *_) = measured()
    student, D_amb = result.run.student, result.run.task.D_amb
    start = mlp.init(student, D_amb, 1, keys=jax.random.key(0))
    x = jax.random.normal(jax.random.key(1), (D_amb, 9))
    *_, (before, after) = mlp.hidden(student, start, x)
    assert jnp.allclose(start["W2"] @ after + start["b2"], mlp.apply(student, start, x), atol=1e-6)
    assert jnp.array_equal(after, jnp.maximum(before, 0))


@pytest.mark.parametrize("manifold", ["cube", {"kind": "product"}])
def test_a_teachers_layers_stand_side_by_side(manifold):
    sizes = [3] if manifold == "cube" else [3, 2]
    rng = np.random.default_rng(0)
    networks = [
        [(jnp.array(rng.normal(size=(4, m))), jnp.zeros((4, 1))),
         (jnp.array(rng.normal(size=(2, 4))), jnp.zeros((2, 1)))]
        for m in sizes
    ]  # fmt: skip
    z = jnp.array(rng.normal(size=(sum(sizes), 7)))
    ((before, after),) = teachers.hidden(networks, "tanh", z)
    assert before.shape == (4 * len(sizes), 7) and jnp.allclose(after, jnp.tanh(before))
    outputs = jnp.concatenate([layers[-1][0] for layers in networks], axis=1) @ after
    assert jnp.allclose(outputs, teachers.apply(networks, "tanh", z), atol=1e-5)


def test_measuring_changes_no_loss(measured):
    plain, beside = measured(), measured(*EVERY)
    assert [r.loss for r in plain] == [r.loss for r in beside]
    assert not plain[0].details and len(beside[0].details) == 6 * len(EVERY)
    assert [r.run for r in plain] == [replace(r.run, measure=None) for r in beside]


def test_students_are_measured_one_by_one_and_what_they_share_once(measured):
    results = measured("input", "student.last", shapes=2,
                       student={"seeds": 2, "widths": [8, 12, 16]})  # fmt: skip
    last = [value(r, "student.last") for r in results]
    assert len({value(r, "input") for r in results}) == 1
    assert len(set(last)) == len(last)


def test_what_cannot_be_measured_is_left_out(measured):
    diverging = {"preset": "sgd", "rate": 1e9, "steps": 50}
    for result in measured("student.last", "input", training=diverging):
        assert result.status == "diverged" and Dimension.of(result.details, "student.last") is None
        assert Dimension.of(result.details, "input") is not None
