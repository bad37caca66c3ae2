"""Manifolds and embeddings: support, moments, and the dimension itself."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lab.data import manifolds
from lab.data.streams import fold_in, generator, stream

KEY = jax.random.key(3)


def chart_of(kind, d, u):
    """A smooth parametrisation of the manifold by d numbers, for its tangent space."""
    if kind == "sphere":
        return jnp.concatenate([u, jnp.ones(1)]) / jnp.sqrt(1 + jnp.sum(u**2))
    if kind == "torus":
        return jnp.concatenate([jnp.cos(u), jnp.sin(u)])
    return u


@pytest.mark.parametrize("kind", ["cube", "ball", "sphere", "torus", "gaussian"])
def test_support_and_moments(kind):
    d, n = 3, 40_000
    z = np.asarray(manifolds.sample(((kind, d),), n, key=KEY))
    assert np.allclose(z.mean(1), 0, atol=5 * z.std() / n**0.5)
    variance = {"cube": 1 / 12, "ball": 0.25 / (d + 2), "sphere": 1 / (d + 1), "torus": 0.5,
                "gaussian": 1.0}[kind]  # fmt: skip
    assert np.allclose(z.var(1), variance, rtol=0.04)
    r = np.linalg.norm(z, axis=0)
    if kind == "cube":
        assert np.abs(z).max() <= 0.5
    if kind == "ball":
        assert r.max() <= 0.5 + 1e-6 and np.mean(r < 0.25) == pytest.approx(1 / 8, abs=0.01)
    if kind == "sphere":
        assert np.allclose(r, 1, atol=1e-5)
    if kind == "torus":
        assert np.allclose(z[:d] ** 2 + z[d:] ** 2, 1, atol=1e-5)


@pytest.mark.parametrize("manifold", ["cube", "ball", "sphere", "torus", "gaussian"])
@pytest.mark.parametrize("kind", ["identity", "linear", "curved"])
@pytest.mark.parametrize("d", [1, 2, 5])
def test_jacobian_rank_of_every_embedding_is_d(make_study, manifold, kind, d):
    embedding = {"kind": kind} if kind == "identity" else {"kind": kind, "ambient": 12}
    task = make_study(
        task={"manifold": {"kind": manifold, "dim": [d]}, "embedding": embedding}
    ).plan[0].run.task  # fmt: skip
    arrays = manifolds.embedding(
        kind, task.chart, task.D_amb, key=stream("embedding", task, root=0)
    )

    def through(u):
        z = chart_of(manifold, d, u)[:, None]
        return manifolds.embed(kind, task.D_amb, arrays, z, key=KEY)[:, 0]

    jacobians = jax.jit(jax.vmap(jax.jacobian(through)))(jax.random.normal(KEY, (5, d)))
    s = np.linalg.svd(np.asarray(jacobians), compute_uv=False)
    assert s.shape == (5, d) and s.min() > 1e-2


def test_linear_embedding_keeps_distances(make_study):
    task = make_study(task={"embedding": {"kind": "linear", "ambient": 7}}).plan[0].run.task
    arrays = manifolds.embedding("linear", 2, 7, key=KEY)
    z = manifolds.sample(task.manifold, 50, key=KEY)
    x = manifolds.embed("linear", 7, arrays, z, key=KEY)
    assert np.allclose(x.T @ x, z.T @ z, atol=1e-5)


def test_features_reach_the_student_but_not_the_teacher(make_study):
    task = make_study(task={"embedding": {"kind": "features", "ambient": 5}}).plan[0].run.task
    z = manifolds.sample(task.manifold, 1000, key=KEY)
    x = np.asarray(manifolds.embed("features", 5, {}, z, key=jax.random.key(4)))
    assert np.array_equal(x[:2], z) and np.abs(x[2:]).max() <= 0.5
    assert np.abs(np.corrcoef(x) - np.eye(5)).max() < 0.15


def test_product_has_independent_factors(make_study):
    z = np.asarray(manifolds.sample((("cube", 2), ("sphere", 1)), 5000, key=KEY))
    assert z.shape == (4, 5000)
    assert np.abs(np.corrcoef(z)[:2, 2:]).max() < 0.06


def test_streams_are_named_and_independent_of_everything_but_d_and_k(make_study):
    task = make_study().plan[0].run.task
    key = jax.random.key_data(stream("teacher", task, root=0))
    for other, same in (
        (replace(task, teacher_activation="tanh", noise=0.3, embedding="linear"), True),
        (replace(task, teacher=1), False),
        (replace(task, manifold=(("cube", 3),)), False),
    ):
        found = jax.random.key_data(stream("teacher", other, root=0))
        assert bool((found == key).all()) is same
    with pytest.raises(KeyError, match="known"):
        stream("tset", task, root=0)


@pytest.mark.parametrize("root", [0, 1, 77, 2**31 - 1])
def test_keys_are_folded_as_jax_folds_them(root):
    key, words = jax.random.key(root), (0, root)
    for index in (0, 5, 2**16 + 1, 2**32 - 1):
        key, words = jax.random.fold_in(key, np.uint32(index)), fold_in(words, index)
        assert (np.asarray(jax.random.key_data(key)) == words).all()


def test_a_generator_is_that_of_its_key(make_study):
    task = make_study().plan[0].run.task
    key = jax.random.fold_in(jax.random.fold_in(stream("draw", task, root=3), 10), 4)
    known = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    found = generator("draw", task, 10, 4, root=3)
    assert (found.integers(2**60, size=8) == known.integers(2**60, size=8)).all()
