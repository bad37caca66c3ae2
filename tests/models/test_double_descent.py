"""Double descent over samples and features: exact risks against simulation."""

import numpy as np
import pytest

from lab.models import MinimumNorm, RandomFeaturesRidge, WeakFeatures, eigenlearning


def weak_features(p: int, D: int, n: int, noise: float, draws: int) -> np.ndarray:
    """Excess risks of minimum-norm solutions with the first p features, β in random directions."""
    rng = np.random.default_rng([p, D, n])
    beta = rng.standard_normal((draws, D, 1))
    beta /= np.linalg.norm(beta, axis=1, keepdims=True)
    x = rng.standard_normal((draws, n, D))
    y = x @ beta + noise * rng.standard_normal((draws, n, 1))
    beta[:, :p] -= np.linalg.pinv(x[:, :, :p]) @ y
    return (beta**2).sum((1, 2))


@pytest.mark.parametrize("p", [0, 10, 20, 26, 34, 45, 60])
def test_weak_features_have_the_risk_of_simulated_ones(p):
    risks = weak_features(p, D=60, n=30, noise=0.3, draws=1000)
    error = risks.std() / np.sqrt(len(risks))
    risk = WeakFeatures(60, 30, 0.3, 1.0).risk(p)
    assert abs(risks.mean() - risk) < 3 * error + 1e-12 and error < 0.05 * risk


def test_weak_features_have_the_published_risks_and_their_peak_at_the_threshold():
    model = WeakFeatures(60, 30, noise=0.3, norm=1)
    np.testing.assert_allclose(model.risk([10, 20]), [1.3193, 2.3481], atol=5e-5)
    risks = model.risk(np.arange(61))
    assert set(np.flatnonzero(np.isinf(risks))) == {29, 30, 31} and model.peak == 30
    assert np.all(np.diff(risks[:29]) > 0) and np.all(np.diff(risks[32:]) < 0)
    assert model.risk(60) == pytest.approx(MinimumNorm(60, 0.3, 1).risk(30))


def test_minimum_norm_is_exact_in_its_corners():
    assert MinimumNorm(50, 0.0, 2.0).risk([0, 25, 50, 60]).tolist() == [4, 2, 0, 0]
    assert MinimumNorm(50, 0.5).risk(10) == pytest.approx(0.8 + 0.25 * 10 / 39)
    assert np.isinf(MinimumNorm(50, 0.5).risk([49, 50, 51])).all()
    assert MinimumNorm(50, 0.5, 2.0).optimal_ridge == pytest.approx(0.25 * 50 / 4)
    assert WeakFeatures(10, 10, 0.0).risk(10) == 0


POWER = {"spectrum": np.arange(1, 401) ** -1.3, "target": np.arange(1, 401) ** -0.9}


@pytest.mark.parametrize("n, k, ridge, risk", [
    (50, 150, 0, 0.307), (50, 30, 0, 0.826), (50, 40, 0.1, 0.610), (50, 60, 0.1, 0.477),
    (100, 30, 0.1, 0.459), (40, 1000, 0.05, 0.228),
])  # fmt: skip
def test_random_features_have_the_known_risks(n, k, ridge, risk):
    model = RandomFeaturesRidge(**POWER, noise=np.sqrt(0.05))
    assert model.risk(n, k, ridge) == pytest.approx(risk, abs=6e-4)


@pytest.mark.parametrize("n, k, ridge", [(100, 300, 0.0), (200, 100, 0.0), (150, 150, 0.1)])
def test_random_features_have_the_risk_of_simulated_ones(n, k, ridge):
    λ, v, noise, risks = POWER["spectrum"], POWER["target"], 0.3, []
    for draw in range(30):
        rng = np.random.default_rng([draw, n, k])
        F = np.sqrt(λ)[:, None] * rng.standard_normal((len(λ), k)) / np.sqrt(k)
        x = rng.standard_normal((n, len(λ)))
        y, features = x @ v + noise * rng.standard_normal(n), x @ F
        if ridge:
            w = np.linalg.solve(features.T @ features + ridge * np.eye(k), features.T @ y)
        else:
            w = np.linalg.pinv(features) @ y
        risks.append(np.sum((F @ w - v) ** 2) + noise**2)
    assert np.mean(risks) == pytest.approx(
        RandomFeaturesRidge(**POWER, noise=noise).risk(n, k, ridge), rel=0.05
    )


@pytest.mark.parametrize("ridge", [0.0, 1e-6, 0.3])
def test_many_features_are_the_kernel_and_samples_are_dual_to_features(ridge):
    λ, v = POWER["spectrum"], POWER["target"]
    model = RandomFeaturesRidge(λ, v, 0.2)
    kernel = eigenlearning.expected_risk(70, λ, v**2, ridge=ridge, noise=0.2).mse
    assert model.risk(70, np.inf, ridge) == kernel
    assert model.risk(70, 1e9, ridge) == pytest.approx(kernel, rel=1e-6)
    isotropic = RandomFeaturesRidge(λ, np.sqrt(λ), 0.0)
    assert isotropic.risk(1e9, 70) == pytest.approx(isotropic.risk(70, 1e9), rel=1e-6)
    assert model.risk(1e9, 70, ridge) == pytest.approx(model.risk(np.inf, 70), rel=1e-6)
    assert model.risk(np.inf, np.inf) == pytest.approx(0.04)


def test_the_random_features_equations_hold_as_published():
    """γ and κ put back into the published equations, which have no care for rounding."""
    n, k, ridge, noise = 60, 90, 0.2, 0.4
    λ, v = POWER["spectrum"], POWER["target"]
    model = RandomFeaturesRidge(λ, v, noise)
    γ = model._gamma(n, k, ridge)
    z, q = np.sum(λ / (λ + γ)), np.sum((λ / (λ + γ)) ** 2)
    κ = γ * (k - z) / k
    assert n == pytest.approx(z + ridge / κ) and k == pytest.approx(z + k * κ / γ)
    bias = np.sum((γ / (λ + γ) - κ * λ / (λ + γ) ** 2 * k / (k - q)) * v**2)
    risk = (bias + noise**2) / (1 - (q * (k - 2 * z) + z**2) / (n * (k - q)))
    assert model.risk(n, k, ridge) == pytest.approx(risk, rel=1e-10)


def test_the_optimal_ridge_takes_the_peak_away():
    model = RandomFeaturesRidge(**POWER, noise=0.3)
    k = np.array([40, 60, 80, 100, 125, 160, 250])
    without, best = model.risk(100, k), []
    for features in k:
        best.append(model.risk(100, features, model.optimal_ridge(100, features)))
        assert best[-1] <= model.risk(100, features, 0.05)
    assert np.isinf(without[3]) and without[2] > without[0] and without[4] > without[5]
    assert np.all(np.diff(best) < 0) and np.all(best <= without)


def test_complete_features_learn_all_but_the_noise():
    model = RandomFeaturesRidge([1.0, 0.5], [1.0, 1.0], 0.5)
    assert model.risk(10, 7) == pytest.approx(0.25 * 10 / 8)
    assert model.risk(10, 7, 1e-9) == pytest.approx(model.risk(10, 7), rel=1e-6)
    assert model.risk(2, 7) == np.inf


@pytest.mark.parametrize("wrong, sentence", [
    (lambda: WeakFeatures(10, 5, 0.1).risk(11), r"^p = 11 is outside .* in \[0, 10\]$"),
    (lambda: WeakFeatures(10, 5, -0.1), "^noise = -0.1 "),
    (lambda: MinimumNorm(5, 0.1).risk(2.5), "^n = 2.5 .* give a whole number"),
    (lambda: RandomFeaturesRidge([1.0], [1.0, 2.0], 0.1), "shapes .* give two columns"),
    (lambda: RandomFeaturesRidge([0.0], [1.0], 0.1), "^spectrum = 0 "),
    (lambda: RandomFeaturesRidge([1.0], [1.0], 0.1).risk(3, 0), "^k = 0 "),
])  # fmt: skip
def test_what_is_out_of_range_is_one_sentence(wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        wrong()
