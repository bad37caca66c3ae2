"""Kernel gradient flow on spheres: the sum over degrees against kernels and flows on points."""

import numpy as np
import pytest
from scipy.special import comb

from lab.models import KernelFlow


def test_on_the_circle_it_is_the_flow_of_the_kernel_in_closed_form():
    """Σ_l cos(lθ)/(1 + l²) over all whole l is π cosh(π − θ)/sinh π; its flow by Fourier."""
    n = 2**18
    θ = 2 * np.pi * np.arange(n) / n
    kernel = np.cosh(np.pi - θ) / np.cosh(np.pi)
    λ = np.fft.fft(kernel).real / n
    t = np.array([0, 1, 30, 1e3, 3e5])
    flow = [np.sum(λ * np.exp(-2 * λ * one)) for one in t]
    np.testing.assert_allclose(KernelFlow(1, 0.5, 0.5).risk(t), flow, rtol=2e-3)
    degree = np.arange(50)
    np.testing.assert_allclose(KernelFlow(1, 0.5, 0.5).eigenvalues(degree, 0.5), λ[:50], rtol=1e-6)


def test_random_points_of_a_sphere_flow_as_unlimited_data_do():
    """Exact in t by the eigenvectors of the kernel matrix; exact mean over teachers."""
    model, n, degree = KernelFlow(2, 0.8, 1.0), 500, np.arange(120)
    x = np.random.default_rng(1).standard_normal((n + 200, 3))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    cosine = np.clip(x @ x.T, -1, 1)

    def kernel(nu: float) -> np.ndarray:
        weight = model.eigenvalues(degree, nu) * (2 * degree + 1)
        return np.polynomial.legendre.legval(cosine, weight)

    student, teacher = kernel(1.0), kernel(0.8)
    λ, U = np.linalg.eigh(student[:n, :n] / n)
    λ = np.maximum(λ, 1e-300)
    for t in (0.0, 3.0, 30.0, 100.0):
        solved = student[n:, :n] @ (U * (-np.expm1(-λ * t) / λ / n)) @ U.T
        cross = np.einsum("ij,ij->i", solved, teacher[n:, :n])
        own = np.einsum("ij,jk,ik->i", solved, teacher[:n, :n], solved, optimize=True)
        loss = np.mean(np.diag(teacher)[n:] - 2 * cross + own)
        assert model.risk(t) == pytest.approx(loss, rel=0.05)


@pytest.mark.parametrize("d, beta, xi, eta", [
    (1, 1 / 2, 1 / 3, 1 / 3), (2, 1 / 3, 0.4, 0.2), (3, 0.25, 3 / 7, 1 / 7),
    (4, 0.2, 4 / 9, 1 / 9), (8, 1 / 9, 8 / 17, 1 / 17),
])  # fmt: skip
def test_the_exponents_are_those_of_the_loss(d, beta, xi, eta):
    model = KernelFlow(d, 0.5, 0.5)
    exponents = model.time_exponent, model.xi, model.eta, model.data_exponent
    assert exponents == pytest.approx((beta, xi, eta, 1 / d))
    t = np.array([1e15, 1e16])
    assert np.diff(-np.log(model.risk(t)))[0] / np.log(10) == pytest.approx(beta, abs=2e-3)


def test_the_sum_over_degrees_is_complete_and_counts_harmonics():
    model, degree = KernelFlow(3, 1.2, 0.7), np.arange(20_000)
    many = comb(degree + 3, 3) - comb(np.maximum(degree + 1, 0), 3)
    power = many * model.eigenvalues(degree, 1.2)
    assert power.sum() == pytest.approx(1, abs=1e-9)
    left = power * np.exp(-2 * 500 * model.eigenvalues(degree, 0.7))
    assert model.risk(500.0) == pytest.approx(left.sum(), rel=1e-6)
    risks = model.risk([[0.0, 1.0], [10.0, np.inf]])
    assert risks[0, 0] == pytest.approx(1, abs=1e-12) and risks[1, 1] == model.limit == 0
    assert KernelFlow(2, 0.1, 0.1).risk(0) == pytest.approx(1, abs=1e-10)


@pytest.mark.parametrize("d, degree", [(1, 7), (2, 0), (3, 5), (4, 3)])
def test_harmonics_beyond_a_degree_are_never_learned(d, degree):
    model, own = KernelFlow(d, 0.7, 0.5), np.arange(degree + 1)
    many = np.array([comb(k + d, d) - (comb(k + d - 2, d) if k > 1 else 0) for k in own])
    power, rate = many * model.eigenvalues(own, 0.7), model.eigenvalues(own, 0.5)
    assert model.harmonics(degree) == many.sum()
    for t in (0.0, 3.0, 1e5, np.inf):
        expected = 1 - power.sum() + (power @ np.exp(-2 * rate * t) if t < np.inf else 0)
        assert model.loss(degree, t) == pytest.approx(expected, rel=1e-9)
    assert model.loss(10**6, 5.0) == pytest.approx(model.risk(5.0), rel=1e-4)
    few, many = 10**3, 10**4
    slope = np.log(model.loss(few, np.inf) / model.loss(many, np.inf)) / np.log(
        model.harmonics(many) / model.harmonics(few)
    )
    assert slope == pytest.approx(model.size_exponent, rel=0.01)


def test_what_is_out_of_range_is_one_sentence():
    with pytest.raises(ValueError, match=r"^teacher = 0.01 is outside .* in \[0.1, inf\)$"):
        KernelFlow(1, 0.01, 0.5)
    with pytest.raises(ValueError, match="^d = 0 .* a whole number"):
        KernelFlow(0, 1, 1)
    with pytest.raises(ValueError, match="^t = -1 "):
        KernelFlow(1, 1, 1).risk(-1)
