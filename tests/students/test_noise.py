"""Noise scales of the gradient against their exact values in Gaussian linear regression."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lab.models import GaussianRegression
from lab.students import noise


def of_regression(w, x, y):
    return jnp.mean((w @ x - y) ** 2) / 2


@pytest.mark.parametrize("sigma", [0.0, 0.4])
def test_they_are_those_of_linear_regression(sigma):
    """At the start, where G = HΘ and Σ = H(ΘᵀHΘ) + GGᵀ + σ²H; 3 % of 20 000 points."""
    rate = 1 / np.arange(1, 9.0)
    target = np.full(8, 0.5)
    model = GaussianRegression(rate, target, sigma)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((8, 20_000)) * np.sqrt(rate)[:, None]
    y = target @ x + sigma * rng.standard_normal(20_000)
    with jax.enable_x64(True):
        found = noise.scales(of_regression, jnp.zeros((1, 1, 1, 8)), x[None], y[None, None])
    simple, other = np.asarray(found).ravel()
    expected = model.scales(0, 1, 0.1)
    assert (simple, other) == pytest.approx(expected, rel=0.03)
    assert abs(simple / other - 1) > 0.1


def test_what_has_no_curvature_along_the_gradient_has_no_noise_scale():
    def flat(w, x, y):
        return jnp.mean(w @ (x + y))

    x = np.random.default_rng(1).standard_normal((1, 3, 50))
    found = np.asarray(noise.scales(flat, jnp.zeros((1, 2, 1, 3)), x, x[:, :1]))
    assert found.shape == (2, 1, 2) and np.isnan(found[1]).all()


def test_they_are_found_among_the_details_by_step():
    details = {noise.column(10, "simple"): 3.0, noise.column(10, "noise"): 5.0,
               noise.column(20, "simple"): 4.0, "limit": 0.1}  # fmt: skip
    assert noise.measured(details) == {10: (3.0, 5.0)}
