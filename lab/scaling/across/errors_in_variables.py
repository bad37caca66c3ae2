"""A straight line with errors on both axes: α on 1/d where d itself is measured.

    x_i = ξ_i + δ_i,  y_i = a + b ξ_i + ε_i,  δ_i ~ N(0, σ_x,i²), ε_i ~ N(0, σ_y,i²) independent.

With the ξ at their optimum the likelihood is Deming's, with one variance per point:

    χ²(a, b) = Σ (y_i − a − b x_i)² / (σ_y,i² + b² σ_x,i²)        (York 1966).

a is projected out; b is found over the angle of the line, so that steep lines are no exception.
Intervals are where χ² rises by t² max(1, χ²_min/(n − 2)), t the Student quantile of the degrees
of freedom behind the errors: errors that are too small are made larger, never smaller, so
intervals cover a little more than they say.
Ignoring σ_x flattens the line by the factor var ξ/(var ξ + σ_x²): that is its bias.

What it does not do: correlated errors, or the bias of an estimate of d (it reads low).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lab.scaling.scans.intervals import Interval, student_quantile
from lab.scaling.scans.profile import crossing


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
