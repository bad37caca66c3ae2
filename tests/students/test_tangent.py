"""Tangents of networks: the kernel without a Jacobian, and limits that wide networks reach."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from lab.kinds.student import StudentSpec
from lab.students import mlp, tangent


def student(*widths, activation="erf"):
    return StudentSpec("mlp", widths, activation, "ntk", 1.5, 0.5, "raw")


def points(n, seed=0):
    return np.random.default_rng(seed).standard_normal((n, 3))


@pytest.mark.parametrize("widths", [(7,), (5, 9)])
@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_tangent_kernel_is_the_gram_matrix_of_the_jacobian(widths, activation):
    with jax.enable_x64(True):
        s = student(*widths, activation=activation)
        p = jax.tree.map(lambda v: v.astype(float), mlp.init(s, 3, 1, keys=jax.random.key(1)))
        flat, unravel = ravel_pytree(p)
        x, z = jnp.asarray(points(6).T), jnp.asarray(points(4, 1).T)

        @jax.jit
        def jacobian(x):
            return jax.jacrev(lambda v: mlp.apply(s, unravel(v), x)[0])(flat)

        found = tangent.tangent_kernel(s, p, x, z)
        np.testing.assert_allclose(found, jacobian(x) @ jacobian(z).T, rtol=1e-9, atol=1e-12)


def test_wide_networks_reach_their_tangent_and_the_exact_kernel():
    x, x_test = points(12), points(30, 1)
    y = np.sin(x[:, :1]) + 0.3 * x[:, 1:2] ** 2
    gaps = {}
    for w in (64, 4096):
        own, exact = [], []
        for s in range(3):
            f = tangent.predictions(student(w), x, y, x_test, steps=100, key=jax.random.key(s))
            own.append(np.abs(f.network - f.tangent).max())
            exact.append(np.abs(f.network - f.kernel).max())
        gaps[w] = np.mean(own), np.mean(exact)
    assert gaps[4096][0] < gaps[64][0] / 5 and gaps[4096][1] < gaps[64][1] / 4


def test_the_first_order_change_has_mean_zero_and_predicts_the_tangent():
    x, x_test = points(8), points(20, 1)
    y = np.sin(x[:, :1])
    found = [tangent.predictions(student(512), x, y, x_test, steps=30, key=jax.random.key(s))
             for s in range(40)]  # fmt: skip
    change = np.stack([f.change for f in found])
    error = change.std(axis=0) / np.sqrt(len(found))
    assert np.mean(np.abs(change.mean(axis=0)) < 3 * error) > 0.9
    moved = np.stack([f.tangent - f.kernel for f in found])
    assert np.std(moved - change) < 0.3 * np.std(moved)


@pytest.mark.long
def test_many_steps_interpolate():
    x = points(6)
    y = np.sin(x[:, :1])
    f = tangent.predictions(student(256), x, y, x, steps=200_000, key=jax.random.key(0))
    for prediction in (f.network, f.tangent, f.kernel):
        assert np.abs(prediction - y).max() < 1e-3


def test_a_start_and_its_image_share_their_kernel_and_cancel_what_is_odd():
    x, x_test = points(8), points(20, 1)
    y = np.sin(x[:, :1])
    with jax.enable_x64(True):
        s = student(32, 32)
        p = jax.tree.map(lambda v: v.astype(float), mlp.init(s, 3, 1, keys=jax.random.key(2)))
        image = tangent._mirrored(s, p)
        here, there = (tangent.tangent_kernel(s, q, x.T, x.T) for q in (p, image))
        np.testing.assert_allclose(here, there, rtol=1e-12)
    single, pair = [], []
    for seed in range(24):
        f = tangent.predictions(student(512), x, y, x_test, steps=30, key=jax.random.key(seed))
        single.append(f.network[:, :1] - f.tangent)
        pair.append(f.network.mean(axis=1, keepdims=True) - f.tangent)
    assert np.std(pair) < 0.3 * np.std(single)
