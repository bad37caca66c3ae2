"""A line with errors on both axes."""

import numpy as np
import pytest

from lab.scaling.series import line_with_errors

XI = 1 / np.array([2.0, 3, 4, 6, 8, 12])


def test_exact_points_are_recovered():
    line = line_with_errors(XI, 4 * XI + 0.1, np.full(6, 0.01), np.full(6, 0.05))
    assert (line.slope, line.intercept) == pytest.approx((4, 0.1), abs=1e-6)
    assert line.slope_interval[0] < 4 < line.slope_interval[1]


def test_without_errors_of_x_it_is_weighted_least_squares():
    rng = np.random.default_rng(0)
    error = np.array([0.1, 0.2, 0.1, 0.05, 0.1, 0.02])
    y = 4 * XI + error * rng.standard_normal(6)
    line = line_with_errors(XI, y, np.zeros(6), error)
    (slope, intercept), cov = np.polyfit(XI, y, 1, w=1 / error, cov="unscaled")
    assert (line.slope, line.intercept) == pytest.approx((slope, intercept), rel=1e-5)
    inflate = np.sqrt(max(1, line.chi2 / 4)) * 1.96
    for interval, i in ((line.slope_interval, 0), (line.intercept_interval, 1)):
        assert np.diff(interval)[0] / 2 == pytest.approx(inflate * np.sqrt(cov[i, i]), rel=2e-3)


def test_swapping_the_axes_inverts_the_slope():
    rng = np.random.default_rng(1)
    x, y = XI + 0.02 * rng.standard_normal(6), 4 * XI + 0.05 * rng.standard_normal(6)
    one = line_with_errors(x, y, np.full(6, 0.02), np.full(6, 0.05))
    two = line_with_errors(y, x, np.full(6, 0.05), np.full(6, 0.02))
    assert one.slope * two.slope == pytest.approx(1, rel=1e-5)


def test_it_covers_and_is_not_flattened():
    rng = np.random.default_rng(0)
    slopes, covered = [], []
    for _ in range(150):
        x = XI + 0.05 * rng.standard_normal(6)
        y = 4 * XI + 0.1 * rng.standard_normal(6)
        line = line_with_errors(x, y, np.full(6, 0.05), np.full(6, 0.1))
        slopes.append(line.slope)
        covered.append(line.slope_interval[0] <= 4 <= line.slope_interval[1])
        flat = np.polyfit(x, y, 1)[0]
    assert np.mean(covered) > 0.93
    assert np.median(slopes) == pytest.approx(4, rel=0.05)
    assert flat < 4


def test_bad_designs_are_refused():
    with pytest.raises(ValueError, match="three points"):
        line_with_errors(XI[:2], XI[:2], XI[:2], XI[:2])
    with pytest.raises(ValueError, match="must be positive"):
        line_with_errors(XI, XI, XI, 0 * XI)
