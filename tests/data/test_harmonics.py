"""Spectra of covariances on spheres: closed forms, the trace, and matrices of random points."""

import math

import numpy as np
import pytest
from scipy import special

from lab.data.covariances import covariance
from lab.data.linear_terms import harmonics


def sphere(n, d, seed=0):
    x = np.random.default_rng(seed).standard_normal((n, d + 1))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.mark.parametrize("d", [1, 2, 3, 5])
@pytest.mark.parametrize(("kind", "settings"), [
    ("gaussian", {}), ("matern", {"nu": 1.5}), ("laplace", {}), ("relu-nngp", {"depth": 2}),
    ("relu-ntk", {"bias": 0.5}),
])  # fmt: skip
def test_the_spectrum_is_that_of_the_matrix_of_many_random_points(kind, settings, d):
    k = covariance(kind, **settings)
    found = harmonics(k, d, degrees=30)
    assert found.multiplicity[:3].tolist() == [1, d + 1, (d + 2) * (d + 1) / 2 - 1]
    n = 1200
    matrix = k(sphere(n, d), sphere(n, d)) / n
    for power in (2, 3):  # traces of powers: insensitive to the order of eigenvalues
        exact = found.multiplicity @ found.eigenvalues**power
        diagonal = np.trace(matrix) / n if power == 2 else 0.0
        seen = np.trace(np.linalg.matrix_power(matrix, power)) - diagonal * np.mean(np.diag(matrix))
        assert seen == pytest.approx(exact, rel=0.06)


def test_a_smooth_kernel_leaves_nothing_and_a_rough_one_its_tail():
    assert harmonics(covariance("gaussian"), 2).rest < 1e-13
    k = covariance("laplace")
    tails = [harmonics(k, 2, degrees=n).rest for n in (50, 100, 200)]
    np.testing.assert_allclose(np.diff(np.log2(tails)), -1, atol=0.02)  # Σ_l>K l · l^−3


def test_the_gaussian_has_bessel_functions_for_eigenvalues():
    """exp(−|x − x′|²/2) is e^(t−1) of the cosine t: e^(t cos) expands in I_l and i_l."""
    degree = np.arange(12)
    for d, exact in ((1, special.iv(degree, 1)), (2, special.spherical_in(degree, 1))):
        found = harmonics(covariance("gaussian"), d, degrees=12).eigenvalues
        np.testing.assert_allclose(found, exact / math.e, rtol=1e-3, atol=1e-15)


def test_one_relu_layer_without_bias_has_no_odd_harmonic_above_the_first():
    found = harmonics(covariance("relu-nngp"), 2, degrees=30).eigenvalues
    assert found[1] > 0.05 and np.all(found[3::2] < 1e-12) and np.all(found[2:20:2] > 1e-7)
