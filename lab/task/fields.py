"""Gaussian-field teachers: targets drawn from a covariance, with no network behind them.

A field f ~ GP(0, k) is known only at the points where it was drawn, so the test points and the
largest training set are drawn together, f(X) = L z with L Lᵀ = k(X, X) and z standard normal.
L is triangular: f at the first points depends on those points alone. With the test points first
and nested training sets after them, a larger training set therefore changes no value drawn before,
and every draw of one generator is the same teacher.

With k = Matérn-ν the field has ν derivatives in the mean square; with k = ReLU-NNGP it is the
limit of a wide random ReLU network. No fresh data without end: a field has no formula.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.linalg import cholesky

from lab.data.teachers import FIELD_POINTS
from lab.task.covariances import Covariance

__all__ = ["draw"]

_NUGGETS = (0.0, 1e-15, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10)


def draw(
    x: Float[np.ndarray, "points D_amb"],
    *,
    covariance: Covariance,
    outputs: int = 1,
    rng: np.random.Generator,
) -> Float[np.ndarray, "points outputs"]:
    """Values at `x` of independent fields, one per output, each of variance k(x, x).

    Args:
        x: test points first, then training points; see above.
        covariance: k, for example `Radial(nu=1.5)` or `Network("relu")`.
        outputs: number of fields.
        rng: consumed; the same state gives the same teacher at any number of points.

    A smooth covariance (ν ≥ 5/2 at thousands of points, Gaussian) can be factored only with a
    nugget, at most 1e-10 of the variance: the field then carries noise of that size, and its values
    are nested only up to that noise. Raises ValueError if that is not enough, or if there are more
    than `FIELD_POINTS` points.
    """
    if len(x) > FIELD_POINTS:
        raise ValueError(
            f"a Gaussian field at {len(x)} points needs a factor of {8e-9 * len(x) ** 2:.1f} GB; "
            f"draw it at {FIELD_POINTS} points or fewer, or use a wide network as the teacher"
        )
    # one column per output, each from its own stream, so that outputs too are nested
    z = np.stack([stream.standard_normal(len(x)) for stream in rng.spawn(outputs)], axis=1)
    scale = covariance.diagonal(x[:1])[0]
    for nugget in _NUGGETS:
        gram = covariance(x, x)
        gram[np.diag_indices_from(gram)] += nugget * scale
        try:
            factor = cholesky(gram, lower=True, overwrite_a=True, check_finite=False)
        except np.linalg.LinAlgError:
            continue
        return factor @ z
    raise ValueError(
        f"no Gaussian field at {len(x)} points: its covariance is not positive definite even with "
        f"a nugget of {_NUGGETS[-1]:g}; choose a rougher covariance or fewer points"
    )
