"""Slopes, their changes, forecasts and their errors against NumPy's and SciPy's least squares."""

import numpy as np
import pytest
from scipy import stats

from lab.scaling.scans.lines import COMMON, first, forecast, lines, local, without_first

U = np.log(np.geomspace(100, 4000, 8))


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
    rest = [np.polyfit(U[h], o[h], 1, full=True)[1][0] for o in y for h in [np.isfinite(o)]]
    assert fit.cost[0] == pytest.approx(sum(rest))


def test_the_error_is_that_of_the_two_parts():
    """Scatter between teachers, and of the mean curve about a parabola of 8 x."""
    y = losses()[0]
    fit = lines(U, y[None])
    alpha = [-stats.linregress(U, own).slope for own in y]
    t = stats.t.ppf(0.975, 3) * stats.sem(alpha)
    assert fit.alpha.halves()["teacher-t"][0] == pytest.approx(t)
    mean = y.mean(0)
    M = ((mean - np.polyval(np.polyfit(U, mean, 2), U)) ** 2).sum() / 5
    inner = y - mean
    rest = [own - np.polyval(np.polyfit(U, own, 1), U) for own in inner]
    v = np.sum(np.square(rest)) / (3 * 6)
    tau = max(COMMON * M - v / 4, 0)
    w = 1 / ((U - U.mean()) ** 2).sum()
    own, shared = stats.sem(alpha) ** 2, tau * w
    error, dof = fit.alpha.error()
    assert error[0] == pytest.approx(np.sqrt(own + shared))
    assert dof[0] == pytest.approx((own + shared) ** 2 / (own**2 / 3 + shared**2 / 5))
    assert fit.alpha.half()[0] == pytest.approx(stats.t.ppf(0.975, dof[0]) * error[0])
    assert fit.alpha.scatter.p[0] == pytest.approx(stats.f.sf(M / (v / 4), 5, 18))


def test_noise_in_common_is_seen_and_a_smooth_bend_is_none():
    rng = np.random.default_rng(1)
    y = -U + 0.1 * rng.standard_normal((200, 4, U.size))
    common = y + 0.1 * rng.standard_normal((200, 1, U.size))
    bent = y - 0.1 * (U - U[0]) ** 2
    plain, seen, smooth = (lines(U, v).alpha for v in (y, common, bent))
    assert np.median(seen.half()) > 1.5 * np.median(plain.half())
    assert smooth.half() == pytest.approx(plain.half(), rel=1e-6)
    assert np.mean(seen.scatter.p < 0.05) > 0.7 > 0.1 > np.mean(plain.scatter.p < 0.05)


def test_one_teacher_has_the_error_of_its_own_curve():
    y = losses(teachers=1)
    rest = y[0, 0] - np.polyval(np.polyfit(U, y[0, 0], 2), U)
    error = np.sqrt((rest**2).sum() / 5 / ((U - U.mean()) ** 2).sum())
    alpha = lines(U, y).alpha
    assert alpha.half()[0] == pytest.approx(stats.t.ppf(0.975, 5) * error)
    assert np.isnan(alpha.halves()["teacher-t"][0])


@pytest.mark.parametrize("y", cases(), ids=["whole", "holes"])
def test_the_change_is_that_of_polyfit(y):
    change = lines(U, y[None]).change
    for k, own in enumerate(y):
        has = np.isfinite(own)
        a, _, _ = np.polyfit(U[has], own[has], 2)
        assert change.value[0, k] == pytest.approx(-2 * a * np.ptp(U), rel=1e-6)


def test_a_parabola_is_recovered_and_a_line_does_not_change():
    bent = -U - 0.1 * (U - U[0]) ** 2 + np.zeros((1, 3, 1))
    assert lines(U, bent).change.mean[0] == pytest.approx(0.2 * np.ptp(U))
    assert lines(U, losses(noise=0)).change.value == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("y", cases(), ids=["whole", "holes"])
def test_the_smallest_x_lies_off_the_line_through_the_others(y):
    found, rest = first(U, y[None]), lines(U, without_first(y[None]))
    for k, own in enumerate(y):
        has = np.isfinite(own) & (U > U[0])
        line = np.polyfit(U[has], own[has], 1)
        assert rest.alpha.value[0, k] == pytest.approx(-line[0])
        off = own[0] - np.polyval(line, U[0])
        assert found.value[0, k] == pytest.approx(off, nan_ok=True)


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
    """A teacher with holes has the line and residuals of its own cells alone."""
    y = holed(losses())
    fit = lines(U, y)
    keep = np.isfinite(y[0, 1])
    alone = lines(U[keep], y[:, 1:2, keep])
    assert fit.alpha.value[0, 1] == pytest.approx(alone.alpha.value[0, 0])
    assert fit.residual[0, 1, keep] == pytest.approx(alone.residual[0, 0])
    assert (fit.residual[0, 1, ~keep] == 0).all()
    two = holed(losses(), [(0, i) for i in range(6)])
    assert np.isfinite(lines(U, two).alpha.value).all()
    assert np.isnan(lines(U, two).change.value[0, 0])
    one = lines(U, holed(losses(), [(0, i) for i in range(7)])).alpha
    assert one.mean[0] == pytest.approx(lines(U, losses()[:, 1:]).alpha.mean[0])


def test_units_change_nothing():
    y, moved = holed(losses(seed=9)), holed(losses(seed=9)) + 40.0
    v = U + 25.0
    a, b = lines(U, y), lines(v, moved)
    for name in ("alpha", "change"):
        one, other = getattr(a, name), getattr(b, name)
        assert other.mean == pytest.approx(one.mean, rel=1e-9)
        assert other.half() == pytest.approx(one.half(), rel=1e-7)
    for one, other in zip(local(U, y), local(v, moved), strict=True):
        assert other == pytest.approx(one, rel=1e-9)
    (e, away), (f, distance) = forecast(U, y), forecast(v, moved)
    assert f.mean == pytest.approx(e.mean, rel=1e-8) and distance == pytest.approx(away)
