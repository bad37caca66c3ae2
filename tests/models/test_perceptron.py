"""Pruned perceptrons: theory against known numbers, its own equation, and simulation."""

import numpy as np
import pytest
from scipy import integrate, stats
from sklearn.svm import SVC

from lab.models import PerceptronPruning


def simulated(alpha: float, keep: float, which: str, N: int, seed: int) -> float:
    """Error of a maximal-margin student through 0, which twice mirrored data make of an SVM."""
    rng = np.random.default_rng([seed, N])
    P = round(alpha * N)
    x = rng.standard_normal((round(P / keep), N))
    order = np.argsort(np.abs(x[:, 0]))
    x = x[order[:P] if which == "hard" else order[-P:]]
    both, y = np.concatenate([x, -x]), np.sign(np.concatenate([x[:, 0], -x[:, 0]]))
    w = SVC(kernel="linear", C=1e6, tol=1e-6).fit(both, y).coef_[0]
    return np.arccos(w[0] / np.linalg.norm(w)) / np.pi


@pytest.mark.parametrize("alpha, keep, which, error", [
    (1, 1.0, "hard", 0.26571), (2, 1.0, "easy", 0.18848), (5, 1.0, "hard", 0.09383),
    (20, 1.0, "hard", 0.02491), (100, 1.0, "easy", 0.00500),
    (1, 0.5, "hard", 0.3211), (3, 0.5, "hard", 0.0812), (10, 0.5, "hard", 0.0249),
    (1, 0.5, "easy", 0.1818), (3, 0.5, "easy", 0.0862), (10, 0.5, "easy", 0.0297),
])  # fmt: skip
def test_errors_are_the_known_ones(alpha, keep, which, error):
    assert PerceptronPruning(alpha, keep, which).error == pytest.approx(error, abs=6e-5)


@pytest.mark.parametrize("alpha, keep, which", [
    (3, 0.5, "hard"), (0.3, 0.02, "hard"), (30, 0.01, "easy"), (1, 1.0, "hard"),
])  # fmt: skip
def test_overlap_and_stability_solve_the_equation_of_the_largest_margin(alpha, keep, which):
    model = PerceptronPruning(alpha, keep, which)
    low, high = model.margins
    assert 2 * (stats.norm.cdf(high) - stats.norm.cdf(low)) == pytest.approx(keep)

    def F(R: float, κ: float) -> float:
        s = np.sqrt(1 - R * R)

        def inner(u: float) -> float:
            m = κ - R * u
            mean = (m * m + s * s) * stats.norm.cdf(m / s) + s * m * stats.norm.pdf(m / s)
            return mean * 2 * stats.norm.pdf(u) / keep

        edge = np.clip((κ + 8 * s) / R, low, min(high, 12))
        parts = np.linspace(low, edge, 4)
        return s * s - alpha * sum(
            integrate.quad(inner, a, b)[0] for a, b in zip(parts[:-1], parts[1:], strict=True)
        )

    R, κ = model.overlap, model.stability
    assert F(R, κ) == pytest.approx(0, abs=1e-7 * (1 - R * R))
    for g in (0.97, 1.03):  # other overlaps allow less
        tilted = R / np.hypot(R, g * np.sqrt(1 - R * R))
        assert F(tilted, κ) < 0
    assert model.error == pytest.approx(np.arccos(R) / np.pi)


@pytest.mark.parametrize("alpha, keep, which", [
    (3, 1.0, "hard"), (1, 0.5, "easy"), (1, 0.5, "hard"), (1, 0.2, "easy"),
])  # fmt: skip
def test_a_simulated_student_has_the_error_within_8_percent(alpha, keep, which):
    errors = [simulated(alpha, keep, which, 150, seed) for seed in range(6)]
    exact = PerceptronPruning(alpha, keep, which).error
    assert np.mean(errors) == pytest.approx(exact, rel=0.08)
    assert abs(np.mean(errors) - exact) < 3 * np.std(errors, ddof=1) / np.sqrt(6) + 0.01 * exact


def test_easy_is_best_where_data_are_scarce_and_hard_where_they_are_abundant():
    gap = [
        PerceptronPruning(a, 0.5, "hard").error - PerceptronPruning(a, 0.5, "easy").error
        for a in (0.5, 2, 2.5, 2.6, 10)
    ]
    assert np.all(np.array(gap[:3]) > 0) and np.all(np.array(gap[3:]) < 0)


@pytest.mark.parametrize("keep", [1.0, 0.3, 0.001])
def test_the_tail_of_hard_examples_is_that_of_all_they_were_taken_from(keep):
    alphas = np.array([1e2, 1e4, 1e7])
    errors = [PerceptronPruning(a, keep, "hard").error for a in alphas]
    np.testing.assert_allclose(errors * alphas / keep, 0.5005, rtol=1e-3)
    whole = PerceptronPruning(1e4 / keep, 1.0).error
    assert errors[1] == pytest.approx(whole, rel=1e-6)
    easy = [PerceptronPruning(a, 0.2, "easy").error for a in (1e4, 1e6)]
    assert np.log(easy[0] / easy[1]) / np.log(100) == pytest.approx(1, abs=1e-3)


def test_what_is_out_of_range_is_one_sentence():
    with pytest.raises(ValueError, match=r"^keep = 0 .* in \(0, 1\]$"):
        PerceptronPruning(1, 0, "hard")
    with pytest.raises(ValueError, match="^alpha = -1 "):
        PerceptronPruning(-1, 1.0)
