"""Linear regression, minimum-norm or with ridge.

f̂(x) = x β̂, with β̂ the minimiser of |y − Xβ|² + δ|β|²; at δ = 0 the one of smallest norm among
all minimisers. Its exact risk on Gaussian inputs is `lab.models.MinimumNorm`, and with a ridge or
other covariances `lab.models.eigenlearning`.

No intercept, no standardisation, no choice of δ from data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import linalg

__all__ = ["LinearRegression", "learn"]

WELL = 1e6
"""Condition number of the Gram matrix, the square of that of the points."""


@dataclass(frozen=True)
class LinearRegression:
    """A trained linear student; call it with points [m, D_amb] to get predictions [m, out].

    Attributes:
        rank: numerical rank of the inputs (with a ridge: their smaller dimension).
    """

    weights: Float[np.ndarray, "D_amb out"]
    rank: int

    def __call__(self, x: Float[np.ndarray, "m D_amb"]) -> Float[np.ndarray, "m out"]:
        return x @ self.weights


def learn(
    x: Float[np.ndarray, "D D_amb"],
    y: Float[np.ndarray, "D out"],
    *,
    ridge: float = 0.0,
    rng: np.random.Generator | None = None,
) -> LinearRegression:
    """Minimise |y − xβ|² + ridge |β|².

    Args:
        x, y: training points and targets.
        ridge: δ ≥ 0, not divided by the number of points; 0 gives the minimum-norm solution.
        rng: not used, this student is deterministic; all students are called alike.

    The smaller of XᵀX + δ and XXᵀ + δ is factorised, a tenth of the time of an orthogonal
    factorisation of X. Without a ridge that is done up to a condition number of WELL, where it
    leaves ten digits, and the pivoted orthogonal factorisation takes over beyond, which knows the
    rank. There, fewer points than coordinates are first turned into their own span, where the
    pivoting is cheap.
    """
    if not ridge >= 0:
        raise ValueError(f"a ridge is not negative, got {ridge}; set 0 for the minimum norm")
    n, p = x.shape
    # of (XᵀX + δ)⁻¹Xᵀy = Xᵀ(XXᵀ + δ)⁻¹y the smaller system
    gram = x.T @ x if p <= n else x @ x.T
    gram[np.diag_indices_from(gram)] += ridge
    if ridge == 0 and np.linalg.cond(gram, 2) > WELL:
        return _of_rank(x, y)
    system = linalg.cho_factor(gram, lower=True, overwrite_a=True, check_finite=False)
    solve = linalg.cho_solve
    weights = solve(system, x.T @ y) if p <= n else x.T @ solve(system, y)
    return LinearRegression(weights, min(n, p))


def _of_rank(x: np.ndarray, y: np.ndarray) -> LinearRegression:
    """The solution of smallest norm by complete orthogonal factorisation."""
    n, p = x.shape
    span, triangle = None, x
    if n < p:
        span, upper = linalg.qr(x.T, mode="economic", check_finite=False)
        triangle = upper.T
    rounding = max(n, p) * np.finfo(float).eps
    weights, _, rank, _ = linalg.lstsq(
        triangle, y, cond=rounding, lapack_driver="gelsy", check_finite=False
    )
    return LinearRegression(weights if span is None else span @ weights, int(rank))
