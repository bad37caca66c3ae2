"""Data: what is fixed stays fixed, whatever else a study holds."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lab.config import study
from lab.data import sets, teachers
from lab.data.streams import stream

KEYS = jax.random.split(jax.random.key(1), 2)


@pytest.fixture
def task(make_study):
    return make_study().plan[0].run.task


def test_targets_have_mean_zero_and_variance_one(make_study):
    task = make_study(task={"teacher": {"outputs": 3, "widths": [16], "bias": 0.4}}).plan[0].run
    src = sets.source(task.task, root=0)
    _, y = sets.clean(src, 50_000, key=KEYS[0])
    assert np.allclose(y.mean(1), 0, atol=0.03) and np.allclose(y.var(1), 1, rtol=0.05)
    assert sets.baseline("mse", 2.0, y) == pytest.approx(float(y.var(1).mean()), rel=1e-4)


def test_teacher_without_biases_is_homogeneous_and_with_biases_is_not(task):
    z = jax.random.normal(KEYS[0], (2, 20))
    for bias, homogeneous in ((0.0, True), (0.5, False)):
        networks = teachers.draw([2], task.teacher_widths, 1, bias, key=KEYS[1])
        twice, once = (teachers.apply(networks, "relu", c * z) for c in (2.0, 1.0))
        assert np.allclose(twice, 2 * once, rtol=1e-4, atol=1e-5) is homogeneous


def test_teacher_on_a_product_is_additive(make_tables):
    tables = make_tables()
    factors = [{"kind": "cube", "dim": 2}, {"kind": "cube", "dim": 1}]
    tables["task"] = {"manifold": {"kind": "product", "factors": factors}}
    task = study.validate(tables).plan[0].run.task
    networks = teachers.draw([2, 1], task.teacher_widths, 1, key=KEYS[0])
    z = jax.random.normal(KEYS[1], (3, 4))
    mixed = jnp.concatenate([z[:2, :1], z[2:, 1:2]])

    def T(v):
        return teachers.apply(networks, "relu", v)[0]

    one, two, cross = T(z[:, :1]), T(z[:, 1:2]), T(mixed)
    back = T(jnp.concatenate([z[:2, 1:2], z[2:, :1]]))
    assert np.allclose(one + two, cross + back, atol=1e-5)


def test_stream_does_not_depend_on_how_it_is_cut(task):
    src = sets.source(task, root=0)
    whole = sets.fresh(src, jnp.asarray(0), 6, 8, key=KEYS[0], noise_key=KEYS[1])
    parts = [sets.fresh(src, jnp.asarray(s), 2, 8, key=KEYS[0], noise_key=KEYS[1])
             for s in (0, 2, 4)]  # fmt: skip
    for i in range(2):
        assert np.array_equal(whole[i], jnp.concatenate([p[i] for p in parts]))


def test_training_sets_are_nested(task):
    src = sets.source(replace(task, noise=0.1), root=0)
    small = sets.pool(src, (10, 700), key=KEYS[0], noise_key=KEYS[1])
    large = sets.pool(src, (10, 700, 2500), key=KEYS[0], noise_key=KEYS[1])
    assert small[0].shape == (2, 700) and large[0].shape == (2, 2500)
    for a, b in zip(small, large, strict=True):
        assert np.allclose(a, b[:, :700], atol=1e-6)


def test_batches_stay_inside_the_training_set(task):
    x = jnp.arange(100.0)[:, None]
    for size in (1, 7, 100):
        found, _ = sets.from_pool(x, x, jnp.asarray(size), jnp.asarray(0), 200, 16, key=KEYS[0])
        assert found.max() < size and (size < 7 or len(np.unique(found)) == size)


def test_noise_is_on_the_labels_only_and_of_the_given_size(task):
    quiet = sets.source(task, root=0)
    loud = sets.source(replace(task, noise=0.3), root=0)
    x, y = sets.clean(quiet, 20_000, key=KEYS[0])
    xn, yn = sets.noisy(loud, 20_000, key=KEYS[0], noise_key=KEYS[1])
    assert np.array_equal(x, xn)
    assert float(jnp.std(yn - y)) == pytest.approx(0.3, rel=0.03)


def test_same_source_and_test_set_whatever_the_study_holds(make_study):
    small = make_study().plan[0].run
    large = make_study(
        student={"widths": [2, 3, 9], "seeds": 3}, task={"manifold": {"dim": [2, 5]},
        "teacher": {"count": 4}}).plan[0].run  # fmt: skip
    assert small.task == large.task
    found = []
    for run in (small, large):
        src = sets.source(run.task, root=run.root)
        found.append(sets.clean(src, 100, key=stream("test", run.task, root=run.root)))
    for a, b in zip(*found, strict=True):
        assert np.array_equal(a, b)


def test_losses_against_their_definitions():
    rng = np.random.default_rng(0)
    f, y = rng.normal(size=(2, 50)), rng.normal(size=(2, 50))
    assert sets.losses("mse", 2.0, jnp.asarray(f), jnp.asarray(y)) == pytest.approx(
        np.mean((f - y) ** 2), rel=1e-5
    )
    assert sets.losses("power", 1.5, jnp.asarray(f), jnp.asarray(y)) == pytest.approx(
        np.mean(np.abs(f - y) ** 1.5), rel=1e-5
    )
    p, q = (np.exp(v) / np.exp(v).sum(0) for v in (y, f))
    assert sets.losses("kl", 2.0, jnp.asarray(f), jnp.asarray(p)) == pytest.approx(
        np.mean((p * np.log(p / q)).sum(0)), rel=1e-4
    )
    perfect = jnp.log(jnp.asarray(p))
    assert float(sets.losses("kl", 2.0, perfect, jnp.asarray(p))) == pytest.approx(0, abs=1e-6)
