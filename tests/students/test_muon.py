"""Muon against optax's, the oracle: same numbers to float32 round-off, whatever the shape."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax.contrib
import pytest

from lab.students import first_order


@pytest.fixture(autouse=True, scope="module")
def as_optax_promotes():
    """The oracle multiplies counts of steps by floats, which strict promotion refuses."""
    with jax.numpy_dtype_promotion("standard"):
        yield


SHAPES = [(1, 1), (1, 7), (7, 1), (2, 6), (6, 2), (6, 6), (11, 11), (12, 12), (13, 13), (30, 8),
          (8, 30), (4, 15), (30, 30), (64, 20), (20, 64)]  # fmt: skip


def matrix(shape, seed=0, scale=1.0):
    return jnp.asarray(scale * np.random.default_rng(seed).normal(size=shape), jnp.float32)


def rules(decay, names):
    axes = optax.contrib.MuonDimensionNumbers(reduction_axis=1, output_axis=0)
    theirs = optax.contrib.muon(
        1.0, beta=0.95, weight_decay=decay, adam_b2=0.999,
        muon_weight_dimension_numbers=lambda p: {k: axes if k in names else None for k in p},
    )  # fmt: skip
    return first_order.muon(0.95, adam_beta2=0.999, decay=decay, hidden=frozenset(names)), theirs


@pytest.fixture(scope="module")
def updates():
    """update(shape, scale): the first steps of both for one matrix; a program for each shape."""

    @functools.cache
    def program(shape):
        def first(rule):
            return lambda g: rule.update(g, rule.init(g), g)[0]["W"]

        return jax.jit(lambda g: [first(rule)(g) for rule in rules(0.0, {"W"})])

    def update(shape, scale):
        return program(shape)({"W": matrix(shape, scale=scale), "b": matrix((3, 1))})

    return update


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_one_matrix(shape, scale, updates):
    ours, theirs = updates(shape, scale)
    longest = max(1, shape[0] / shape[1]) ** 0.5
    np.testing.assert_allclose(ours, theirs, atol=5e-6 * longest)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_steps_of_a_network(decay):
    """Every parameter, five steps in a row, several students at once."""
    shapes = {"W0": (9, 3), "b0": (9, 1), "W1": (16, 9), "b1": (16, 1), "W2": (1, 16), "b2": (1, 1)}
    ours, theirs = rules(decay, {"W0", "W1"})
    parameters = {k: matrix((4, *s), seed=i) for i, (k, s) in enumerate(shapes.items())}
    states = [jax.vmap(rule.init)(parameters) for rule in (ours, theirs)]
    ours, theirs = (jax.jit(jax.vmap(rule.update)) for rule in (ours, theirs))
    for t in range(5):
        gradients = {k: matrix((4, *s), seed=99 * t + i) for i, (k, s) in enumerate(shapes.items())}
        one, states[0] = ours(gradients, states[0], parameters)
        two, states[1] = theirs(gradients, states[1], parameters)
        for k in shapes:
            np.testing.assert_allclose(one[k], two[k], atol=1e-5, err_msg=f"{k} at step {t}")


def test_a_vector_takes_the_polynomial_of_a_number():
    """A matrix of one row has one singular value, its length: f(1), which is not quite 1."""
    a, b, c = first_order.COEFFICIENTS
    s = 1.0
    for _ in range(first_order.ITERATIONS):
        s = a * s + b * s**3 + c * s**5
    v = matrix((1, 9))
    np.testing.assert_allclose(first_order.orthogonalise(v), s * v / jnp.linalg.norm(v), atol=1e-5)
    assert not 0.999 < s < 1.001


def test_no_gradient_no_step():
    assert not np.any(first_order.orthogonalise(jnp.zeros((5, 3))))
