"""Exponents across dimensions: slope and intercept of α on 1/d, where the theory says 4 and 0.

    α_d = intercept + slope / d,

by weighted least squares of the teachers' mean exponents. Teachers within one d are the
independent units. With 4 teachers, the variances of the means are themselves noisy, and weights
1/s² taken from them cover .84–.88 instead of .95; so the weights come from a line of log variance
on log d, and the error is a delete-one-teacher jackknife that repeats the weights, with Student's
t at Satterthwaite's degrees of freedom (Efron 1982; Satterthwaite 1946). That covers .95–.96 in
simulation, with variances equal or a factor 64 apart.

Whether a line describes the exponents at all is a test of its own (`fit_p`, F of the weighted
residuals against the scatter between teachers): a line that fails it is drawn as none.

What it does not do: errors on d itself; see `errors_in_variables.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import special

from lab.scaling.judge.doubts import Doubt
from lab.scaling.judge.exponent import Exponent
from lab.scaling.scans.estimates import USABLE
from lab.scaling.scans.intervals import Interval, student_quantile


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
    x: Float[np.ndarray, " dims"], alpha: Sequence[Float[np.ndarray, "..."]]
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
