"""Slopes, bends, forecasts and the test of shape against NumPy's and SciPy's least squares."""

import numpy as np
import pytest
from scipy import stats

from lab.scaling.scans.lines import BEYOND, forecast, lines, local, shape

U = np.log(np.geomspace(100, 4000, 8))
ZIGZAG = 0.3 * (-1.0) ** np.arange(U.size)
APART = tuple((k, i) for k in range(4) for i in range(8) if (i < 4) == (k < 2))
"""Holes that leave two teachers the smaller x and two the larger."""


def losses(scans=1, teachers=4, noise=0.1, seed=0, u=U):
    """Lines with exponents of their own, and noise."""
    rng = np.random.default_rng(seed)
    alpha = 1 + 0.1 * rng.standard_normal((scans, teachers, 1))
    level = rng.standard_normal((scans, teachers, 1))
    return level - alpha * u + noise * rng.standard_normal((scans, teachers, u.size))


def holed(y, cells=((1, 0), (1, 4), (2, 6), (3, 7))):
    """Without these cells (teacher, point) of every scan."""
    y = y.copy()
    for k, i in cells:
        y[:, k, i] = np.nan
    return y


def cases():
    return [losses()[0], holed(losses(seed=1))[0]]


@pytest.mark.parametrize("y", cases(), ids=["whole", "holes"])
def test_lines_are_those_of_linregress(y):
    fit = lines(U, y[None])
    for k, own in enumerate(y):
        has = np.isfinite(own)
        oracle = stats.linregress(U[has], own[has])
        assert fit.alpha.value[0, k] == pytest.approx(-oracle.slope)
        assert fit.level[0, k] == pytest.approx(oracle.intercept)
        alone = lines(U, own[None, None]).alpha.half_widths()["profile"][0]
        assert alone == pytest.approx(stats.t.ppf(0.975, has.sum() - 2) * oracle.stderr)
    rest = [np.polyfit(U[h], o[h], 1, full=True)[1][0] for o in y for h in [np.isfinite(o)]]
    assert fit.cost[0] == pytest.approx(sum(rest))


def test_the_three_half_widths_are_those_of_the_textbook():
    y = losses()[0]
    halves = {name: h[0] for name, h in lines(U, y[None]).alpha.half_widths().items()}
    fits = [stats.linregress(U, own) for own in y]
    alpha = [-f.slope for f in fits]
    assert halves["teacher-t"] == pytest.approx(stats.t.ppf(0.975, 3) * stats.sem(alpha))
    rest = sum(np.polyfit(U, own, 1, full=True)[1][0] for own in y)
    dof = y.size - 2 * len(y)
    error = np.sqrt(rest / dof / ((U - U.mean()) ** 2).sum() / len(y))
    assert halves["profile"] == pytest.approx(stats.t.ppf(0.975, dof) * error)
    mean = stats.linregress(U, y.mean(0))
    assert halves["mean-curve"] == pytest.approx(stats.t.ppf(0.975, U.size - 2) * mean.stderr)
    fit = lines(U, y[None]).alpha
    assert fit.half_width()[0] == max(halves.values())
    assert fit.half_width(common=False)[0] == max(halves["teacher-t"], halves["profile"])


@pytest.mark.parametrize("y", cases(), ids=["whole", "holes"])
@pytest.mark.parametrize(
    "name, place", [("head", U[0]), ("tail", U[-1]), ("beyond", U[-1] + BEYOND * np.ptp(U))]
)
def test_slopes_of_parabolas_are_those_of_polyfit(y, name, place):
    found = getattr(lines(U, y[None]), name)
    for k, own in enumerate(y):
        has = np.isfinite(own)
        (a, b, c), cov = np.polyfit(U[has], own[has], 2, cov="unscaled")
        assert found.value[0, k] == pytest.approx(-(2 * a * place + b), rel=1e-6)
        gradient = np.array([2 * place, 1, 0])
        dof = has.sum() - 3
        rest = own[has] - np.polyval((a, b, c), U[has])
        error = np.sqrt(rest @ rest / dof * (gradient @ cov @ gradient))
        alone = getattr(lines(U, own[None, None]), name).half_widths()["profile"][0]
        assert alone == pytest.approx(stats.t.ppf(0.975, dof) * error, rel=1e-5)


def test_a_parabola_is_recovered_and_a_line_does_not_drift():
    bent = -U - 0.1 * (U - U[0]) ** 2 + np.zeros((1, 3, 1))
    fit = lines(U, bent)
    for there, place in ((fit.head, 0), (fit.tail, np.ptp(U)), (fit.beyond, 1.5 * np.ptp(U))):
        assert there.mean[0] == pytest.approx(1 + 0.2 * place)
    assert fit.drift.mean[0] == pytest.approx(fit.tail.mean[0] - fit.alpha.mean[0])
    assert lines(U, losses(noise=0)).drift.value == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("y", cases(), ids=["whole", "holes"])
def test_forecasts_are_those_of_polyfit(y):
    found, away = forecast(U, y[None])
    distances = []
    for k, own in enumerate(y):
        has = np.isfinite(own)
        head, ahead = has & (U < U[-2]), has & (U >= U[-2])
        line = np.polyfit(U[head], own[head], 1)
        off = (own[ahead] - np.polyval(line, U[ahead])).mean()
        assert found.value[0, k] == pytest.approx(off)
        distances.append(U[ahead].mean() - U[head].mean())
    assert away[0] == pytest.approx(np.mean(distances))


def test_a_teacher_without_the_largest_x_takes_no_part_in_the_forecast():
    y = losses()
    missing = holed(y, ((0, 6), (0, 7)))
    found, away = forecast(U, missing)
    alone, true = forecast(U, y[:, 1:])
    assert np.isnan(found.value[0, 0])
    assert found.mean[0] == pytest.approx(alone.mean[0]) and away[0] == pytest.approx(true[0])


def test_an_error_of_the_forecast_is_that_error_of_the_exponent():
    """Two x ahead that lie off by δα · distance say that α changes by δα."""
    y = losses(noise=0)
    y[..., -2:] -= 0.3 * (U[-2:].mean() - U[:-2].mean())
    found, away = forecast(U, y)
    assert -found.mean[0] / away[0] == pytest.approx(0.3)


@pytest.mark.parametrize("y", cases(), ids=["whole", "holes"])
def test_local_exponents_are_slopes_between_neighbours(y):
    mean, half = local(U, y[None])
    own = -np.diff(y, axis=1) / np.diff(U)
    assert mean[0] == pytest.approx(np.nanmean(own, 0))
    t = [stats.t.ppf(0.975, len(v) - 1) * stats.sem(v) for p in own.T for v in [p[np.isfinite(p)]]]
    assert (half[0] >= np.array(t) * (1 - 1e-12)).all()


def test_local_exponents_of_a_line_are_covered():
    """2000 scans: the Monte-Carlo error of a share of .95 is .005."""
    rng = np.random.default_rng(3)
    y = -U + 0.1 * rng.standard_normal((2000, 4, U.size))
    mean, half = local(U, y)
    assert (np.mean(np.abs(mean - 1) <= half, 0) > 0.95).all()


def test_missing_cells_are_cells_that_are_not_there():
    """A teacher with holes has the line, bend and residuals of its own cells alone."""
    y = holed(losses())
    fit = lines(U, y)
    keep = np.isfinite(y[0, 1])
    alone = lines(U[keep], y[:, 1:2, keep])
    assert fit.alpha.value[0, 1] == pytest.approx(alone.alpha.value[0, 0])
    assert fit.alpha.residual[0, 1, keep] == pytest.approx(alone.alpha.residual[0, 0])
    assert fit.tail.residual[0, 1, keep] == pytest.approx(alone.tail.residual[0, 0])
    assert (fit.alpha.residual[0, 1, ~keep] == 0).all()
    two = holed(losses(), [(0, i) for i in range(6)])
    assert np.isfinite(lines(U, two).alpha.value).all()
    assert np.isnan(lines(U, two).tail.value[0, 0])
    one = lines(U, holed(losses(), [(0, i) for i in range(7)])).alpha
    assert one.mean[0] == pytest.approx(lines(U, losses()[:, 1:]).alpha.mean[0])


def nested(y):
    """p of a common shape: the F test of two nested designs, by least squares."""
    has = np.isfinite(y)
    k, i = np.nonzero(has)
    own = np.concatenate([np.eye(len(y))[k], np.eye(len(y))[k] * U[i, None]], 1)
    both = np.concatenate([own, np.eye(U.size)[i]], 1)
    rest, rank = zip(*(
        (((y[has] - X @ np.linalg.pinv(X) @ y[has]) ** 2).sum(), np.linalg.matrix_rank(X))
        for X in (own, both)), strict=True)  # fmt: skip
    df, free = rank[1] - rank[0], has.sum() - rank[1]
    return stats.f.sf((rest[0] - rest[1]) / df / (rest[1] / free), df, free)


@pytest.mark.parametrize("size", [0.0, 0.3])
@pytest.mark.parametrize(
    "cells",
    [(), ((0, 3),), ((1, 0), (1, 4), (2, 6), (3, 7)), tuple((k, k) for k in range(4)), APART],
)
def test_the_test_of_shape_is_that_of_nested_designs(cells, size):
    y = holed(losses(seed=5) + size * ZIGZAG, cells)
    assert shape(U, y)[0] == pytest.approx(nested(y[0]), rel=1e-6, abs=1e-12)


@pytest.mark.parametrize(
    "cells, scans", [((), 3000), (((0, 3),), 500), (((1, 0), (1, 4), (2, 6), (3, 7)), 500)]
)
def test_the_test_of_shape_is_uniform_under_the_law(cells, scans):
    """Kolmogorov–Smirnov; and the share below .05 within three Monte-Carlo errors (.012, .029)."""
    p = shape(U, holed(losses(scans, seed=6), cells))
    assert stats.kstest(p, "uniform").pvalue > 0.001
    assert np.mean(p < 0.05) == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / scans))


@pytest.mark.parametrize("cells", [(), ((0, 3),), ((2, 7),), ((1, 0), (1, 4), (2, 6), (3, 7))])
def test_a_common_zigzag_is_found_with_and_without_holes(cells):
    p = shape(U, holed(losses(50, seed=7) + ZIGZAG, cells))
    assert (p < 1e-4).all()


def test_shapes_that_cancel_are_nothing_in_common():
    signs = np.array([1, -1, 1, -1])[:, None]
    assert (shape(U, losses(200, seed=8) + signs * ZIGZAG) > 0.05).all()
    assert np.isnan(shape(U, losses(teachers=1))).all()
    assert shape(U, losses(noise=0)) > 0.5  # rounding errors have no shape


def test_units_change_nothing():
    y, moved = holed(losses(seed=9)), holed(losses(seed=9)) + 40.0
    v = U + 25.0
    a, b = lines(U, y), lines(v, moved)
    for name in ("alpha", "head", "tail", "beyond", "drift"):
        one, other = getattr(a, name), getattr(b, name)
        assert other.mean == pytest.approx(one.mean, rel=1e-9)
        for kind, half in one.half_widths().items():
            assert other.half_widths()[kind] == pytest.approx(half, rel=1e-8)
    assert shape(v, moved) == pytest.approx(shape(U, y), rel=1e-8)
    for one, other in zip(local(U, y), local(v, moved), strict=True):
        assert other == pytest.approx(one, rel=1e-9)
    (e, away), (f, distance) = forecast(U, y), forecast(v, moved)
    assert f.mean == pytest.approx(e.mean, rel=1e-8) and distance == pytest.approx(away)
