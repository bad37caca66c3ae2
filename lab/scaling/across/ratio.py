"""The ratio that points with errors on both axes have in common.

    log(y_i / x_i) = log r + ε_i,   ε_i ~ N(0, (σ_x,i / x_i)² + (σ_y,i / y_i)²),

weighted by the inverse variances. The 95 % interval is Student's t over the points, and errors that
are too small for the scatter are made larger by max(1, χ²/(n − 1)), never smaller.

What it does not do: say whether the ratio is the same at all x; the line of
`errors_in_variables.py` does.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lab.scaling.scans.intervals import Interval, student_quantile


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
