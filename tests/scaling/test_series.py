"""α = c/d^κ from all dimensions of a series: exact exponents, coverage, and what a test decides."""

import numpy as np
import pytest

from lab.scaling.series import series

DIMS = (2, 3, 4, 6, 8)


def simulated(c=4.0, kappa=1.0, error=0.1, scans=400, seed=0):
    """Series of exponents whose relative errors are known from seven degrees of freedom each."""
    rng = np.random.default_rng(seed)
    for _ in range(scans):
        true = c / np.array(DIMS, float) ** kappa
        s = error * true * np.sqrt(rng.chisquare(7, true.size) / 7)
        yield series(DIMS, true + error * true * rng.standard_normal(true.size), s, dof=35,
                     predicted=4.0)  # fmt: skip


def test_exact_exponents_give_their_law():
    found = series(DIMS, [3 / d**1.2 for d in DIMS], [0.01] * 5, dof=35, predicted=4.0)
    assert found.kappa == pytest.approx(1.2) and found.p < 1e-6
    same = series(DIMS, [4 / d for d in DIMS], [0.01 / d for d in DIMS], dof=35, predicted=4.0)
    assert (same.c, same.kappa, same.p) == pytest.approx((4, 1, 1))
    assert same.dims == DIMS


def test_open_points_decide_together():
    """Each exponent has an error of 7 %, and alone is open within 15 %; the series is not."""
    found = list(simulated(error=0.07))
    inside = [4 * 0.85 <= one.c_interval[0] and one.c_interval[1] <= 4 * 1.15 for one in found]
    covered = [one.c_interval[0] <= 4 <= one.c_interval[1] for one in found]
    rejected = [one.p < 0.05 for one in found]
    assert np.mean(inside) > 0.6 and np.mean(covered) >= 0.93 - 0.02
    assert np.mean(rejected) <= 0.05 + 0.03
    assert np.mean([one.kappa_interval[0] <= 1 <= one.kappa_interval[1] for one in found]) > 0.91
    assert np.mean([one.p < 0.05 for one in simulated(c=3.0, error=0.07)]) > 0.9


def test_two_dimensions_are_no_series():
    assert series((2, 2, 4), (2, 2, 1), (0.1, 0.1, 0.1), dof=10, predicted=4.0) is None
