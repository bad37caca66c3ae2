"""The common ratio of points with errors on both axes."""

import numpy as np
import pytest

from lab.scaling.series import common_ratio

X = np.array([2.0, 3, 4, 6, 8, 10])


def test_exact_points_are_recovered_and_swapping_inverts():
    one = common_ratio(X, 0.9 * X, 0.02 * X, 0.05 * X)
    two = common_ratio(0.9 * X, X, 0.05 * X, 0.02 * X)
    assert one.value == pytest.approx(0.9) and one.chi2 == pytest.approx(0, abs=1e-12)
    assert one.interval[0] < 0.9 < one.interval[1]
    assert np.prod([one.interval, two.interval[::-1]], axis=0) == pytest.approx([1, 1])


def test_it_covers():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        x = X * np.exp(0.05 * rng.standard_normal(6))
        y = 0.8 * X * np.exp(0.1 * rng.standard_normal(6))
        low, high = common_ratio(x, y, 0.05 * x, 0.1 * y).interval
        held += low < 0.8 < high
    assert 0.93 <= held / 400 <= 1


def test_scatter_beyond_the_errors_makes_the_interval_longer():
    y = X * np.array([0.5, 2, 0.5, 2, 0.5, 2])
    low, high = common_ratio(X, y, 1e-3 * X, 1e-3 * y).interval
    assert low < 0.6 and high > 1.7


@pytest.mark.parametrize("x, y", [([1.0], [1.0]), ([1.0, 2], [1.0, -1])])
def test_it_refuses(x, y):
    x, y = np.array(x), np.array(y)
    with pytest.raises(ValueError, match="ratio needs two points"):
        common_ratio(x, y, 0.1 + 0 * x, 0.1 + 0 * y)
