"""The exponent at x → ∞ given ω: exact curves, coverage over the declared range, and its text."""

import numpy as np
import pytest

import lab
from lab.scaling.scans.limit import Limit, limit, limits

X = np.geomspace(100, 10_000, 9)
U = np.log(X / X[0])


def curve(alpha=1.0, omega=1.0, B=0.5):
    return -alpha * U + np.log1p(B * np.exp(-omega * U))


@pytest.mark.parametrize("teachers", [1, 4])
@pytest.mark.parametrize("omega, B", [(0.5, 0.3), (1.0, 1.0), (2.0, 3.0), (1.0, -0.4)])
def test_a_curve_without_noise_gives_its_limit(omega, B, teachers):
    found = limit(np.log(X), np.tile(curve(0.7, omega, B), (teachers, 1)), omega)
    assert found.alpha == pytest.approx(0.7, abs=1e-3)
    assert found.interval[0] - 1e-9 <= 0.7 <= found.interval[1] + 1e-9


def test_units_of_x_and_of_the_loss_change_nothing():
    rng = np.random.default_rng(0)
    y = curve() + 0.02 * rng.standard_normal((6, X.size))
    a, b = limit(np.log(X), y, 1.0), limit(np.log(X) + 30, y + 7, 1.0)
    assert a.interval == pytest.approx(b.interval, rel=1e-6)


@pytest.mark.parametrize("share", [0.5, 0.75, 1.0, 1.5, 2.0])
@pytest.mark.parametrize("B", [0.0, 0.3, 1.0])
def test_the_interval_covers_for_every_omega_of_the_declared_range(share, B):
    """500 scans: .93 less one Monte-Carlo error of .011."""
    rng = np.random.default_rng(int(10 * share + 100 * B))
    own = 1 + 0.02 * rng.standard_normal((500, 6, 1))
    y = curve(1.0, share, B) * own + 0.03 * rng.standard_normal((500, 6, X.size))
    found = limits(np.log(X), y, 1.0)
    assert np.mean((found.lower <= 1.0) & (found.upper >= 1.0)) >= 0.93 - 0.011


@pytest.mark.parametrize("noise, spread", [
    (0.05, 0.02), (0.02, 0.02), (0.007, 0.0), (0.002, 0.02), (0.002, 0.0), (0.0007, 0.0),
])  # fmt: skip
@pytest.mark.parametrize("share, B", [(0.5, 3.0), (0.6, 1.0), (0.85, 3.0), (1.3, 1.0)])
def test_the_interval_covers_however_quiet_the_data_are(noise, spread, share, B):
    """The weights fall on few ω′ there, and the truth lies between two."""
    rng = np.random.default_rng(int(10 * share + 1e5 * noise))
    x = np.geomspace(100, 100 * 10**1.3, 6)
    u = np.log(x / x[0])
    own = 1 + spread * rng.standard_normal((400, 5, 1))
    law = -u + np.log1p(B * np.exp(-share * u))
    found = limits(np.log(x), law * own + noise * rng.standard_normal((400, 5, 6)), 1.0)
    assert np.mean((found.lower <= 1.0) & (found.upper >= 1.0)) >= 0.93 - 0.013


def test_few_x_have_no_limit_and_teachers_with_holes_are_left_out():
    assert np.isnan(limit(np.log(X[:4]), np.tile(curve()[:4], (3, 1)), 1.0).alpha)
    y = np.tile(curve(), (4, 1))
    y[0, 2] = np.nan
    y[0, 3] += 5
    assert limit(np.log(X), y, 1.0).alpha == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("alpha, statistical, systematic, text", [
    (1.0, 0.01, 0.007, "1.00(1)[1]"), (0.996, 0.004, 0.012, "1.00(1)[2]"),
    (1.2345, 0.0004, 0.0003, "1.2345(4)[3]"), (2.0, 0.3, 0.0, "2.0(3)[0]"),
])  # fmt: skip
def test_it_is_quoted_with_both_errors(alpha, statistical, systematic, text):
    assert str(Limit(alpha, statistical, systematic, (0, 2), 1.0)) == text


def test_the_door_gives_it_and_a_claim_about_the_limit_is_refuted_by_it():
    rng = np.random.default_rng(1)
    teacher, x = np.repeat(np.arange(8), X.size), np.tile(X, 8)
    y = np.tile(curve(1.0, 1.0, 1.0), 8) + 0.003 * rng.standard_normal(x.size)
    columns = (x, np.exp(y), teacher)
    wrong = lab.exponent(*columns, prediction=2.0, sense="equal", tolerance=0.1, omega=1.0)
    assert wrong.shape == "bent" and wrong.verdict == "contradicts"
    assert wrong.limit.interval[0] < 1.0 < wrong.limit.interval[1]
    without = lab.exponent(*columns, prediction=2.0, sense="equal", tolerance=0.1)
    assert (without.limit, without.verdict) == (None, "undecided")
    assert "not-yet-asymptotic" in without.doubts and "ω" in without.advice
    for omega in (0.0, -1.0, np.nan):
        with pytest.raises(ValueError, match="omega"):
            lab.exponent(*columns, omega=omega)
    with pytest.raises(ValueError, match="floor"):
        lab.exponent(*columns, omega=1.0, floor=True)
