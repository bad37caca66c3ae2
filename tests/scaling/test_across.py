"""The line of α on 1/d: coverage, weights, and refusals."""

import numpy as np
import pytest

from lab.scaling.across import across, line_of_means

X = 1 / np.array([2.0, 3, 4, 6, 8])


@pytest.mark.parametrize("scatter", [[0.1] * 5, [0.4, 0.2, 0.1, 0.07, 0.05],
                                     [0.05, 0.05, 0.05, 0.1, 0.2]])
def test_slope_and_intercept_are_covered(scatter):
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(600):
        alpha = [4 * x + s * rng.standard_normal(4) for x, s in zip(X, scatter, strict=True)]
        estimate, half = line_of_means(X, alpha)
        inside.append(np.abs(estimate - [4, 0]) <= half)
    covered = np.mean(inside, 0)
    assert ((covered >= 0.93) & (covered <= 0.985)).all()


def test_precise_dimensions_weigh_more():
    rng = np.random.default_rng(0)
    scatter = np.array([0.4, 0.2, 0.1, 0.07, 0.05])
    weighted, plain = [], []
    for _ in range(400):
        alpha = [4 * x + s * rng.standard_normal(4) for x, s in zip(X, scatter, strict=True)]
        weighted.append(line_of_means(X, alpha)[0][0])
        plain.append(np.polyfit(X, [a.mean() for a in alpha], 1)[0])
    assert np.std(weighted) < 0.8 * np.std(plain)


def test_without_two_dimensions_there_is_no_line():
    line = across([], [])
    assert np.isnan([line.slope, line.intercept]).all() and line.dims == ()
    with pytest.raises(ValueError, match="cannot go with"):
        across([2.0], [])
