"""Several dimensions at once: a simultaneous band and corrected p-values.

    band   the quoted intervals, longer by c/t_d: t_d Student's quantile for the teachers of d, and
           c the one number so that all true α_d lie inside at once in 95 % of studies, the
           quantile of max_d |t_d| over independent Student t (max-t).
    holm   p-values that may be compared with the level as they stand, whatever their dependence
           (Holm 1979).

What it does not do: the line across dimensions; see `across.py`.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy import special

from lab.scaling.scans.estimate import USABLE
from lab.scaling.scans.exponent import Exponent
from lab.scaling.scans.intervals import LEVEL, Interval, student_quantile


def band(exponents: Sequence[Exponent]) -> list[Interval]:
    """Simultaneous 95 % intervals, one per exponent; NaN where there is no usable one or only one
    teacher."""
    usable = [e for e in exponents if e.status in USABLE and e.teachers > 1]
    dof = np.array([e.teachers - 1 for e in usable], float)
    c = max_t_quantile(dof) if usable else np.nan
    out = []
    for e in exponents:
        longer = np.nan
        if e.status in USABLE and e.teachers > 1:
            longer = c / student_quantile(e.teachers - 1)
        lo, hi = e.interval
        out.append(
            (float(e.alpha - longer * (e.alpha - lo)), float(e.alpha + longer * (hi - e.alpha)))
        )
    return out


def max_t_quantile(dof: Float[np.ndarray, " dims"], level: float = LEVEL) -> float:
    """c with Π_d P(|t_d| ≤ c) = level for independent t of these degrees of freedom."""
    lo, hi = 0.0, 1e6
    for _ in range(200):
        c = (lo + hi) / 2
        inside = np.prod(2 * special.stdtr(dof, c) - 1)
        lo, hi = (c, hi) if inside < level else (lo, c)
    return (lo + hi) / 2


def holm(p: Sequence[float]) -> Float[np.ndarray, " tests"]:
    """Holm's adjusted p-values, in the order given; NaN stays NaN and counts as no test."""
    p = np.asarray(p, float)
    adjusted = np.full(p.size, np.nan)
    tested = np.flatnonzero(np.isfinite(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    steps = p[order] * np.arange(order.size, 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted
