"""A series of exponents across dimensions d: their line on 1/d, their power of d, their ratio.

Line. α_d = intercept + slope/d, where the theory says 4 and 0, by weighted least squares of the
teachers' mean exponents. Teachers within one d are the independent units. With 4 teachers, the
variances of the means are themselves noisy, and weights 1/s² taken from them cover .84–.88 instead
of .95; so the weights come from a line of log variance on log d, and the error is a delete-one-
teacher jackknife that repeats the weights, with Student's t at Satterthwaite's degrees of freedom
(Efron 1982; Satterthwaite 1946). That covers .95–.96 in simulation, with variances equal or a
factor 64 apart. Whether a line describes the exponents at all is a test of its own (`fit_p`, F of
the weighted residuals against the scatter between teachers): a line that fails it is drawn as none.

Power. α = c/d^κ from the exponents of all dimensions, decided or not:

    log α_d = log c − κ log d + ε_d,   ε_d ~ N(0, (σ_d/α_d)²),

by weighted least squares. c is given for κ = 1, where theory has c = 4 (3 for rough targets), κ
beside it with c free. The joint test of (c, κ) against (c₀, 1) is

    F = (χ²(c₀, 1) − χ²_min)/2 / max(1, χ²_min/(n − 2)).

Five exponents whose own intervals cross an edge may decide together; a single one that does not
follow the law may hide among the others.

Ratio. The one that points with errors on both axes have in common,

    log(y_i / x_i) = log r + ε_i,   ε_i ~ N(0, (σ_x,i / x_i)² + (σ_y,i / y_i)²),

weighted by the inverse variances. Intervals of power and ratio are Student's; errors that are too
small for the scatter are made larger by max(1, χ²/(n − parameters)), never smaller.

Line with errors on both axes, of known standard errors per point:

    χ²(a, b) = Σ (y_i − a − b x_i)² / (σ_y,i² + b² σ_x,i²)        (York 1966).

a is projected out; b is found over the angle of the line, so that steep lines are no exception.
Intervals are where χ² rises by t² max(1, χ²_min/(n − 2)), t the Student quantile of the degrees
of freedom behind the errors: errors that are too small are made larger, never smaller, so
intervals cover a little more than they say. Ignoring σ_x flattens the line by the factor
var ξ/(var ξ + σ_x²): that is its bias.

What it does not do: correlated errors, or the bias of an estimate of d (it reads low).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import special

from lab.scaling.judge.exponent import Exponent
from lab.scaling.judge.verdict import Doubt
from lab.scaling.scans.curves import crossing
from lab.scaling.scans.estimate import USABLE
from lab.scaling.scans.lines import student_quantile
from lab.scaling.scans.scan import Interval


@dataclass(frozen=True)
class Line:
    """α = intercept + slope/d. dims: the dimensions that entered, those with a usable exponent
    and at least two teachers. fit_p: p of `the exponents lie on a line`, NaN for two dimensions.
    doubts: those of any point that entered. Values are NaN where fewer than two dimensions are
    left."""

    slope: float
    slope_interval: Interval
    intercept: float
    intercept_interval: Interval
    dims: tuple[float, ...]
    fit_p: float = np.nan
    doubts: tuple[Doubt, ...] = ()

    def predict(self, dims: Sequence | np.ndarray) -> Float[np.ndarray, " dims"]:
        """The line at these dimensions."""
        return self.intercept + self.slope / np.asarray(dims, float)


def across(dims: Sequence[float | int], exponents: Sequence[Exponent]) -> Line:
    """The line of α on 1/d with its 95 % intervals.

    dims, exponents: one exponent per dimension, in the same order.
    Raises ValueError when their numbers differ.
    """
    if len(dims) != len(exponents):
        raise ValueError(f"{len(dims)} dimensions cannot go with {len(exponents)} exponents.")
    kept = [
        (float(d), e.teacher_alpha + (e.correction.alpha if e.correction else 0.0), e.doubts)
        for d, e in zip(dims, exponents, strict=True)
        if e.status in USABLE and e.teachers > 1
    ]
    d = np.array([k[0] for k in kept])
    if np.unique(d).size < 2:
        nothing = (np.nan, np.nan)
        return Line(np.nan, nothing, np.nan, nothing, tuple(d.tolist()))
    alpha = [k[1] for k in kept]
    estimate, half = line_of_means(1 / d, alpha)
    (slope, intercept), (a, b) = estimate, half
    off = np.array([a.mean() for a in alpha]) - intercept - slope / d
    error = np.array([a.var(ddof=1) / a.size for a in alpha])
    free, dof = d.size - 2, sum(a.size - 1 for a in alpha)
    fit_p = np.nan
    if free > 0 and (error > 0).all():
        # The weights of the fit, scaled to the pooled variance: over each d's own, with the few
        # degrees of freedom that it has, a true line of four teachers fails in a fifth of studies.
        w = _weights(1 / d, error)
        own = np.array([a.size - 1 for a in alpha])
        w *= dof / (own * error * w).sum()
        fit_p = float(special.fdtrc(free, dof, (w * off**2).sum() / free))
    return Line(
        float(slope), (float(slope - a), float(slope + a)), float(intercept),
        (float(intercept - b), float(intercept + b)), tuple(d.tolist()), fit_p,
        tuple(dict.fromkeys(doubt for *_, doubts in kept for doubt in doubts)),
    )  # fmt: skip


def line_of_means(
    x: Float[np.ndarray, " dims"], alpha: Sequence[Float[np.ndarray, ...]]
) -> tuple[np.ndarray, np.ndarray]:
    """(slope, intercept) of the means of `alpha` on x, and their 95 % half-widths, each shape [2].

    alpha: per x, the exponents of its teachers (at least two).
    """
    mean = np.array([a.mean() for a in alpha])
    variance = np.array([a.var(ddof=1) / a.size for a in alpha])
    estimate = _weighted(x, mean, variance)
    part, dof = np.zeros((2, x.size)), np.array([a.size - 1.0 for a in alpha])
    for j, a in enumerate(alpha):
        if a.size < 3:  # nothing is left of the variance: keep it, move the mean alone
            left = [(m, variance[j]) for m in a[::-1]]
        else:
            left = [
                (b.mean(), b.var(ddof=1) / b.size) for b in (np.delete(a, k) for k in range(a.size))
            ]
        moved = []
        for m, v in left:
            means, variances = mean.copy(), variance.copy()
            means[j], variances[j] = m, v
            moved.append(_weighted(x, means, variances))
        lines = np.array(moved)
        part[:, j] = (a.size - 1) / a.size * ((lines - lines.mean(0)) ** 2).sum(0)
    total = part.sum(1)
    free = total**2 / np.maximum((part**2 / dof).sum(1), 1e-300)
    return estimate, student_quantile(np.maximum(free, 1)) * np.sqrt(total)


def _weights(x: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Inverse variances from the line of log variance on log x."""
    lx = np.log(x) - np.log(x).mean()
    lv = np.log(np.maximum(variance, 1e-12 * variance.max() + 1e-30))
    return np.exp(-(lv.mean() + lx * (lx @ lv) / max(lx @ lx, 1e-30)))


def _weighted(x: np.ndarray, y: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Slope and intercept with these weights."""
    w = _weights(x, variance)
    dx = x - w @ x / w.sum()
    slope = (w * dx) @ y / ((w * dx) @ x)
    return np.array([slope, w @ y / w.sum() - slope * (w @ x) / w.sum()])


FEWEST = 3
"""Dimensions that a series needs."""


@dataclass(frozen=True)
class PowerOfDimension:
    """α = c/d^κ over a series. c: with κ = 1; kappa: with c free; both with 95 % intervals. p: of
    the predicted c and κ = 1 together. dims: the dimensions that entered."""

    c: float
    c_interval: Interval
    kappa: float
    kappa_interval: Interval
    p: float
    dims: tuple[float, ...]


def series(
    dims: Sequence[float] | np.ndarray,
    alpha: Sequence[float] | np.ndarray,
    error: Sequence[float] | np.ndarray,
    *,
    dof: float,
    predicted: float,
) -> PowerOfDimension | None:
    """Pool the exponents of a series.

    alpha, error: exponents with their standard errors, positive, one for each entry of dims. dof:
    degrees of freedom behind the errors, together. predicted: c₀. None with fewer than three
    different dimensions.
    """
    d, a, s = (np.asarray(v, float) for v in (dims, alpha, error))
    if np.unique(d).size < FEWEST:
        return None
    y, w = np.log(a), (a / s) ** 2
    u = np.log(d)
    mean = float(w @ (y + u) / w.sum())
    c, c_half = mean, _half(w @ (y + u - mean) ** 2, d.size - 1, 1 / w.sum(), dof)
    du = u - w @ u / w.sum()
    kappa = -float((w * du) @ y / ((w * du) @ du))
    level = w @ (y + kappa * u) / w.sum()
    least = float(w @ (y + kappa * u - level) ** 2)
    half = _half(least, d.size - 2, 1 / ((w * du) @ du), dof)
    inflate = max(1.0, least / (d.size - 2))
    F = (float(w @ (y + u - np.log(predicted)) ** 2) - least) / 2 / inflate
    free = d.size - 2 if inflate > 1 else dof
    return PowerOfDimension(
        float(np.exp(c)), (float(np.exp(c - c_half)), float(np.exp(c + c_half))),
        kappa, (kappa - half, kappa + half), float(special.fdtrc(2, free, max(F, 0.0))),
        tuple(d.tolist()),
    )  # fmt: skip


def _half(chi2: Float[np.ndarray, ""] | float, free: int, variance: float, dof: float) -> float:
    """Half-width of the 95 % interval, errors made larger where the scatter asks for it."""
    inflate = max(1.0, float(chi2) / free)
    return float(student_quantile(free if inflate > 1 else dof)) * float(
        np.sqrt(inflate * variance)
    )


@dataclass(frozen=True)
class Ratio:
    """r with its 95 % interval. chi2: the scatter around it, on n − 1 degrees of freedom."""

    value: float
    interval: Interval
    chi2: float


def common_ratio(
    x: Float[np.ndarray, " points"],
    y: Float[np.ndarray, " points"],
    x_error: Float[np.ndarray, " points"],
    y_error: Float[np.ndarray, " points"],
) -> Ratio:
    """The ratio y / x of positive values with these standard errors.

    Raises ValueError for fewer than two points, and for values or errors that are not positive.
    """
    if x.size < 2 or not ((x > 0).all() and (y > 0).all()):
        raise ValueError(f"a common ratio needs two points of positive values; got {x.size}.")
    variance = (x_error / x) ** 2 + (y_error / y) ** 2
    if not (variance > 0).all():
        raise ValueError("errors of a ratio must be positive.")
    log, w = np.log(y / x), 1 / variance
    mean = float(w @ log / w.sum())
    chi2 = float(w @ (log - mean) ** 2)
    inflate = max(1.0, chi2 / (x.size - 1))
    half = float(student_quantile(x.size - 1)) * np.sqrt(inflate / w.sum())
    ends = (float(np.exp(mean - half)), float(np.exp(mean + half)))
    return Ratio(float(np.exp(mean)), ends, chi2)


@dataclass(frozen=True)
class StraightLine:
    """slope b and intercept a with 95 % intervals. chi2: its minimum, on n − 2 degrees."""

    slope: float
    slope_interval: Interval
    intercept: float
    intercept_interval: Interval
    chi2: float


def line_with_errors(
    x: Float[np.ndarray, " points"],
    y: Float[np.ndarray, " points"],
    x_error: Float[np.ndarray, " points"],
    y_error: Float[np.ndarray, " points"],
    *,
    dof: float = np.inf,
) -> StraightLine:
    """Fit the line. x_error, y_error: standard errors; x_error may be 0, y_error must not be.
    dof: degrees of freedom of the errors, infinite where they are known, K − 1 per point where
    they come from K teachers.

    Raises ValueError for fewer than three points, equal x, or a y_error that is not positive.
    """
    n = x.size
    if n < 3 or np.ptp(x) == 0:
        raise ValueError(f"a line with errors needs three points and two different x; got {n}.")
    if not (y_error > 0).all() or (x_error < 0).any():
        raise ValueError("errors of y must be positive and errors of x must not be negative.")
    scale = np.ptp(y) / np.ptp(x) or 1.0

    def chi2(b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        w = 1 / (y_error**2 + (b[:, None] * x_error) ** 2)
        rest = y - b[:, None] * x
        a = (w * rest).sum(1) / w.sum(1)
        return (w * (rest - a[:, None]) ** 2).sum(1), a

    angle = np.linspace(-np.pi / 2, np.pi / 2, 2001)[1:-1]
    for _ in range(6):  # the grid zooms onto its best cell; χ² may have two minima, so no descent
        value = chi2(scale * np.tan(angle))[0]
        best = angle[value.argmin()]
        width = angle[1] - angle[0]
        edge = np.pi / 2 - 1e-9
        angle = np.clip(np.linspace(best - 2 * width, best + 2 * width, 401), -edge, edge)
    least, (slope, intercept) = chi2(scale * np.tan(np.array([best])))[0], _at(chi2, best, scale)
    inflate = max(1.0, least[0] / (n - 2))
    rise = float(student_quantile(min(dof, 1e6))) ** 2 * inflate
    limit = least + rise
    # The curvature at fixed weights gives the first step of the search for the crossings.
    w = 1 / (y_error**2 + (slope * x_error) ** 2)
    dx = x - (w @ x) / w.sum()
    step = np.array([np.sqrt(rise / (w @ dx**2))])
    centre = np.array([slope])
    ends = [
        crossing(lambda b, _: chi2(b)[0], centre, limit, step, edge)[0]
        for edge in (-1e6 * abs(scale), 1e6 * abs(scale))
    ]

    def at_intercept(a: np.ndarray, _: np.ndarray) -> np.ndarray:
        b = np.linspace(ends[0], ends[1], 2001)
        w = 1 / (y_error**2 + (b[:, None] * x_error) ** 2)
        off = y - b[:, None] * x - a[:, None, None]
        return (w * off**2).sum(-1).min(-1)

    spread = np.array([np.sqrt(rise / w.sum()) + step[0] * abs(w @ x / w.sum())])
    cut = [
        crossing(at_intercept, np.array([intercept]), limit, spread, edge)[0]
        for edge in (-1e9, 1e9)
    ]
    return StraightLine(
        slope,
        (float(ends[0]), float(ends[1])),
        intercept,
        (float(cut[0]), float(cut[1])),
        float(least[0]),
    )


def _at(
    chi2: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]], angle: float, scale: float
) -> tuple[float, float]:
    b = scale * np.tan(angle)
    return float(b), float(chi2(np.array([b]))[1][0])
