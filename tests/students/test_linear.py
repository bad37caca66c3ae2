"""Minimum-norm and ridge regression against their exact risk; eigenlearning against simulation."""

import math

import numpy as np
import pytest

from lab.data.spectra import Spectrum
from lab.models import MinimumNorm, eigenlearning
from lab.students import linear

P, NOISE = 50, 0.5
PUBLISHED = {10: 0.8641, 25: 0.7604, 40: 1.311, 60: 1.389, 100: 0.2551, 200: 0.0839}


def excess_risks(n: int, ridge: float, draws: int) -> np.ndarray:
    """|β̂ − β|² of independent draws of data, with |β| = 1 in a random direction."""
    risks = []
    for draw in range(draws):
        rng = np.random.default_rng([draw, n])
        beta = rng.standard_normal((P, 1))
        beta /= np.linalg.norm(beta)
        x = rng.standard_normal((n, P))
        y = x @ beta + NOISE * rng.standard_normal((n, 1))
        risks.append(np.sum((linear.learn(x, y, ridge=ridge).weights - beta) ** 2))
    return np.array(risks)


@pytest.mark.parametrize("n", PUBLISHED)
def test_minimum_norm_risk_is_the_exact_one(n):
    expected = MinimumNorm(P, NOISE).risk(n)
    assert expected == pytest.approx(PUBLISHED[n], rel=1e-3)
    risks = excess_risks(n, 0.0, draws=1500)
    standard_error = risks.std(ddof=1) / math.sqrt(len(risks))
    assert abs(risks.mean() - expected) < 3 * standard_error
    assert standard_error < 0.05 * expected  # or the line above says little


def test_the_peak_at_n_equal_p_and_its_removal_by_the_optimal_ridge():
    sizes = [20, 30, 40, 45, 50, 55, 60, 80, 120]
    ridge = MinimumNorm(P, NOISE).optimal_ridge
    without = [np.median(excess_risks(n, 0.0, draws=60)) for n in sizes]
    best = [np.mean(excess_risks(n, ridge, draws=60)) for n in sizes]
    assert sizes[int(np.argmax(without))] == P
    assert np.all(np.diff(best) < 0)
    assert np.all(np.array(best) < without)
    flat = np.ones(P)
    for n, risk in zip(sizes, best, strict=True):
        theory = eigenlearning.expected_risk(n, flat, flat / P, ridge=ridge, noise=NOISE)
        assert risk == pytest.approx(theory.mse - NOISE**2, rel=0.06)
    for other in (ridge / 3, ridge * 3):
        assert np.mean(excess_risks(P, other, draws=60)) > best[sizes.index(P)]


def test_variance_limited_beyond_the_peak():
    sizes = [64 * P, 128 * P, 256 * P]
    risks = [MinimumNorm(P, NOISE).risk(n) for n in sizes]
    assert -np.polyfit(np.log(sizes), np.log(risks), 1)[0] == pytest.approx(1, abs=0.02)
    assert MinimumNorm(P, NOISE).risk(P) == math.inf
    assert MinimumNorm(P, 0).risk(P) == 0


@pytest.mark.parametrize(("n", "p"), [(20, 50), (50, 20), (30, 30)])
def test_the_solution_is_the_one_of_smallest_norm(n, p):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((n, p)), rng.standard_normal((n, 2))
    np.testing.assert_allclose(
        linear.learn(x, y).weights, np.linalg.pinv(x) @ y, rtol=1e-8, atol=1e-10
    )
    student = linear.learn(x, y, ridge=0.7)
    primal = np.linalg.solve(x.T @ x + 0.7 * np.eye(p), x.T @ y)
    np.testing.assert_allclose(student.weights, primal, rtol=1e-9)
    np.testing.assert_allclose(student(x), x @ primal, rtol=1e-9)


@pytest.mark.parametrize("n, p", [(30, 50), (50, 30)])
def test_the_solution_is_the_same_on_both_sides_of_what_is_well_conditioned(n, p, monkeypatch):
    """The condition number of the Gram matrix is about 10⁵."""
    rng = np.random.default_rng(5)
    u, v = (np.linalg.qr(rng.standard_normal((m, 30)))[0] for m in (n, p))
    x, y = (u * np.geomspace(1, 10**-2.5, 30)) @ v.T, rng.standard_normal((n, 2))
    fast = linear.learn(x, y)
    monkeypatch.setattr(linear, "WELL", 1.0)
    slow = linear.learn(x, y)
    assert fast.rank == slow.rank == 30
    np.testing.assert_allclose(fast.weights, slow.weights, rtol=0, atol=1e-9 * abs(y).max() * 300)
    np.testing.assert_allclose(slow.weights, np.linalg.pinv(x) @ y, rtol=1e-8, atol=1e-10)


def test_repeated_columns_share_their_weight():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((40, 5))
    student = linear.learn(np.hstack([x, x]), x @ np.ones((5, 1)))
    np.testing.assert_allclose(student.weights, 0.5, rtol=1e-10)
    assert student.rank == 5


def test_a_negative_ridge_is_refused():
    with pytest.raises(ValueError, match="not negative, got -1"):
        linear.learn(np.ones((3, 1)), np.ones((3, 1)), ridge=-1)


# ---- eigenlearning ----------------------------------------------------------------------------


@pytest.mark.parametrize(("b", "a"), [(1.5, 1.5), (2.0, 2.0), (1.5, 2.5)])
def test_eigenlearning_agrees_with_simulation(b, a):
    task = Spectrum(a, b, modes=2048)
    for n in (32, 64, 128):
        risks = []
        for draw in range(40):
            rng = np.random.default_rng([draw, n])
            teacher, x = task.teacher(rng=rng), task.points(n, rng=rng)
            risks.append(task.risk(linear.learn(x, x @ teacher).weights, teacher))
        theory = eigenlearning.expected_risk(n, task.eigenvalues, task.power)
        assert np.mean(risks) == pytest.approx(theory.mse, rel=0.06)


@pytest.mark.parametrize(("ridge", "noise"), [(0.1, 0.0), (0.0, 0.3), (0.1, 0.3)])
def test_eigenlearning_with_ridge_and_noise(ridge, noise):
    task, n, risks = Spectrum(2.0, 1.5, modes=512), 64, []
    for draw in range(100):
        rng = np.random.default_rng(draw)
        teacher, x = task.teacher(rng=rng), task.points(n, rng=rng)
        y = x @ teacher + noise * rng.standard_normal((n, 1))
        risks.append(task.risk(linear.learn(x, y, ridge=ridge).weights, teacher) + noise**2)
    theory = eigenlearning.expected_risk(n, task.eigenvalues, task.power, ridge=ridge, noise=noise)
    assert np.mean(risks) == pytest.approx(theory.mse, rel=0.06)


@pytest.mark.parametrize(
    ("b", "a", "slope"), [(1.5, 1.5, 0.5), (2, 2, 1), (1.5, 2.5, 1.5), (1.5, 5, 3)]
)
def test_eigenlearning_has_the_slope_min_of_a_less_1_and_2b(b, a, slope):
    task, sizes = Spectrum(a, b, modes=2**20), [64, 128, 256, 512]
    risks = [eigenlearning.expected_risk(n, task.eigenvalues, task.power).mse for n in sizes]
    assert -np.polyfit(np.log(sizes), np.log(risks), 1)[0] == pytest.approx(slope, rel=0.03)


def test_eigenlearning_conserves_learnability_and_ends_at_the_number_of_modes():
    task = Spectrum(2.0, 1.5, modes=100)
    for n in (1, 10, 99):
        risk = eigenlearning.expected_risk(n, task.eigenvalues, task.power)
        assert risk.learnabilities.sum() == pytest.approx(n, rel=1e-10)
    assert eigenlearning.expected_risk(150, task.eigenvalues, task.power).mse == 0
    noisy = eigenlearning.expected_risk(150, task.eigenvalues, task.power, noise=0.1)
    assert noisy.mse == pytest.approx(0.01 * 150 / 50)  # n/(n − p): the exact formula's limit
    with pytest.raises(ValueError, match="n > 0"):
        eigenlearning.expected_risk(0, task.eigenvalues, task.power)


def test_eigenlearning_counts_the_modes_of_one_eigenvalue_together():
    spread = np.repeat([1.0, 0.1, 0.01], [2, 30, 400])
    power = spread / spread.sum()
    many, of = np.array([2.0, 30.0, 400.0]), np.array([1.0, 0.1, 0.01])
    for n in (20, 200, 600):
        one = eigenlearning.expected_risk(n, spread, power, noise=0.3)
        all_of = eigenlearning.expected_risk(
            n, of, many * of / spread.sum(), noise=0.3, multiplicity=many
        )
        assert one.mse == pytest.approx(all_of.mse, rel=1e-9)
        assert one.overfitting == pytest.approx(all_of.overfitting, rel=1e-9)
