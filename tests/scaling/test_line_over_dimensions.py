"""The line of α on 1/d: coverage, weights, and refusals."""

from copy import copy
from dataclasses import replace

import numpy as np
import pytest

from lab.scaling.judge.exponent import exponent
from lab.scaling.judge.verdict import Doubt
from lab.scaling.scans.estimate import Correction
from lab.scaling.scans.scan import Scan
from lab.scaling.series import across, line_of_means

DIMS = (2, 3, 4, 6, 8)
X = 1 / np.array(DIMS, float)
BUMP = np.array([0, 0, 0.6, 0, 0])


LOSSES = 100 / np.geomspace(100, 2000, 6) * np.exp(0.01 * np.indices((4, 6)).sum(0) % 0.013)
BASE = exponent(Scan(np.geomspace(100, 2000, 6), np.log(LOSSES), np.ones((4, 6), int), (*"abcd",)))


def points(alpha, *, scatter=0.05, teachers=4, rng=None, **changed):
    """Exponents whose teachers scatter around `alpha`, and nothing else is different."""
    rng = rng or np.random.default_rng(0)
    found = []
    for a in alpha:
        e = copy(BASE)  # thousands of them: without the checks of its constructor
        own = a + scatter * rng.standard_normal(teachers)
        for name, value in (dict(teacher_alpha=own, teachers=teachers) | changed).items():
            object.__setattr__(e, name, value)
        found.append(e)
    return found


@pytest.mark.parametrize(
    "scatter", [[0.1] * 5, [0.4, 0.2, 0.1, 0.07, 0.05], [0.05, 0.05, 0.05, 0.1, 0.2]]
)
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


@pytest.mark.parametrize("teachers, most", [(4, 0.08), (8, 0.06)])
def test_the_test_of_fit_passes_a_line_near_its_level(teachers, most):
    """300 lines: three Monte-Carlo errors of a share of .05 to .08 are .04 to .05. Of four teachers
    the weights themselves are noisy, and .08 of the lines fail at .05."""
    rng = np.random.default_rng(1)
    p = [across(DIMS, points(4 * X, teachers=teachers, rng=rng)).fit_p for _ in range(300)]
    assert 0.01 < np.mean(np.array(p) < 0.05) < most + 0.045


def test_the_test_of_fit_finds_a_bump_that_the_slope_does_not_show():
    rng = np.random.default_rng(2)
    for _ in range(20):
        assert across(DIMS, points(4 * X + BUMP, rng=rng)).fit_p < 0.01
    assert across(DIMS, points(np.exp(X), scatter=1e-4, rng=rng)).fit_p < 1e-6  # 1/d is not enough


def test_two_dimensions_have_a_line_that_cannot_be_tested():
    line = across(DIMS[:2], points(4 * X[:2]))
    assert np.isfinite(line.slope) and np.isnan(line.fit_p)


def test_the_line_carries_the_doubts_of_the_points_that_entered_and_of_no_other():
    found = points(4 * X)
    found[0] = replace(found[0], doubts=(Doubt.LATE, Doubt.COARSE))
    found[1] = replace(found[1], doubts=(Doubt.COARSE, Doubt.UNCHECKED))
    found[3] = replace(found[3], doubts=(Doubt.ONE_TEACHER,), teachers=1)
    found[4] = replace(found[4], doubts=(Doubt.SATURATED,), status="flat")
    line = across(DIMS, found)
    assert line.doubts == (Doubt.LATE, Doubt.COARSE, Doubt.UNCHECKED)
    assert line.dims == (2.0, 3.0, 4.0)


def test_corrections_move_the_points():
    shift = Correction(0.3, 0.0, 0.0)
    plain, moved = across(DIMS, points(4 * X)), across(DIMS, points(4 * X, correction=shift))
    assert moved.intercept == pytest.approx(plain.intercept + 0.3)
    assert moved.slope == pytest.approx(plain.slope)


def test_without_two_dimensions_there_is_no_line():
    line = across([], [])
    assert np.isnan([line.slope, line.intercept]).all() and line.dims == ()
    with pytest.raises(ValueError, match="cannot go with"):
        across([2.0], [])
