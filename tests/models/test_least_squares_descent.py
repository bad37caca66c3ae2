"""Descent on least squares: exact risks against simulated noise, and the formula of two Us."""

import numpy as np
import pytest

from lab.models import LeastSquaresDescent
from lab.models.double_descent import heckel_yilmaz

TWO = {"deviations": (1, 0.15), "theta": (0.45, 3), "noise": 1, "n": 10}


def extrema(risk: np.ndarray) -> list[int]:
    return [
        i for i in range(1, len(risk) - 1) if (risk[i] - risk[i - 1]) * (risk[i + 1] - risk[i]) < 0
    ]


def test_two_coordinates_descend_twice_and_once_with_rates_of_their_own():
    k = np.arange(4001)
    risk = heckel_yilmaz(k, **TWO, rates=0.1)
    assert extrema(risk) == [12, 30, 491]
    np.testing.assert_allclose(risk[[12, 30, 491]], [0.25956, 0.26939, 0.16694], atol=5e-6)
    assert risk[1] == pytest.approx(0.366615, abs=5e-7)
    assert heckel_yilmaz(np.inf, **TWO, rates=0.1) == pytest.approx(0.2)
    assert len(extrema(heckel_yilmaz(k, **TWO, rates=[0.1, 4.3]))) == 1


def test_on_a_design_of_orthogonal_columns_both_formulas_are_one():
    X = np.zeros((10, 2))
    X[0, 0], X[1, 1] = np.sqrt(10), 0.15 * np.sqrt(10)
    for rates in (0.1, np.array([0.1, 4.3])):
        model, k = LeastSquaresDescent(X, [0.45, 3], 1.0, rates), np.array([0, 1, 12, 491, np.inf])
        np.testing.assert_allclose(model.risk(k), heckel_yilmaz(k, **TWO, rates=rates), rtol=1e-12)
        np.testing.assert_allclose(model.heckel_yilmaz(k), model.risk(k), rtol=1e-12)
    assert model.limit == pytest.approx(0.2)


@pytest.mark.parametrize("rates", [0.3, np.geomspace(0.1, 2, 20)])
def test_the_risk_is_that_of_simulated_noise(rates):
    n, d, noise, draws = 200, 20, 0.8, 1500
    rng = np.random.default_rng(3)
    deviations = np.geomspace(1, 0.2, d)
    X, θ = deviations * rng.standard_normal((n, d)), rng.standard_normal(d)
    Σ = np.diag(deviations**2)
    model = LeastSquaresDescent(X, θ, noise, rates, Σ)
    y = (X @ θ)[:, None] + noise * rng.standard_normal((n, draws))
    w, checked = np.zeros((d, draws)), (1, 5, 30, 200)
    for k in range(1, 201):
        w -= np.reshape(rates, (-1, 1)) * (X.T @ (X @ w - y)) / n
        if k in checked:
            risks = deviations**2 @ (w - θ[:, None]) ** 2
            error = risks.std() / np.sqrt(draws)
            assert abs(risks.mean() - model.risk(k)) < 3 * error + 1e-12
        if k in (5, 30) and np.ndim(rates) == 0:
            assert 0.85 * model.risk(k) < model.heckel_yilmaz(k) < model.risk(k)
    own = LeastSquaresDescent(X, θ, noise, rates).risk(200)
    assert ((X @ (w - θ[:, None])) ** 2).mean(0).mean() == pytest.approx(own, rel=0.02)


def test_fewer_samples_than_coordinates_end_at_the_minimum_norm_solution():
    rng = np.random.default_rng(0)
    X, θ = rng.standard_normal((8, 20)), rng.standard_normal(20)
    model = LeastSquaresDescent(X, θ, 0.5, 0.1, np.eye(20))
    pinv = np.linalg.pinv(X)
    exact = np.sum((pinv @ X @ θ - θ) ** 2) + 0.25 * np.sum(pinv**2)
    assert model.limit == pytest.approx(exact) and model.risk(0) == pytest.approx(θ @ θ)
    assert model.risk(10**7) == pytest.approx(exact)


@pytest.mark.parametrize("wrong, sentence", [
    ({"theta": [1.0]}, "shapes .* give a design"),
    ({"rates": 3.0}, "^rates up to 3 make descent diverge, .* divide the rates by more than 1.5"),
    ({"rates": [0.1, 0.1, 0.1]}, "^rates are not one for all"),
    ({"covariance": [[1.0, 0.0], [0.0, -1.0]]}, "negative eigenvalue -1"),
    ({"noise": -1.0}, "^noise = -1 "),
])  # fmt: skip
def test_what_is_out_of_range_is_one_sentence(wrong, sentence):
    good = {"X": np.sqrt(2) * np.eye(2), "theta": [1.0, 1.0], "noise": 0.1, "rates": 0.1}
    assert LeastSquaresDescent(**good).risk(0) == pytest.approx(2)
    with pytest.raises(ValueError, match=sentence):
        LeastSquaresDescent(**good | wrong)
    with pytest.raises(ValueError, match="^k = 1.5 "):
        LeastSquaresDescent(**good).risk(1.5)
