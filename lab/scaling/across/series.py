"""One test of α = c/d^κ from the exponents of all dimensions of a series, decided or not.

    log α_d = log c − κ log d + ε_d,   ε_d ~ N(0, (σ_d/α_d)²),

by weighted least squares. c is given for κ = 1, where theory has c = 4 (3 for rough targets), κ
beside it with c free. Errors that are too small for the scatter about the curve are made larger by
max(1, χ²/(n − parameters)), never smaller; intervals are Student's, at the degrees of freedom of
the scatter where it rules and else of the errors. The joint test of (c, κ) against (c₀, 1) is

    F = (χ²(c₀, 1) − χ²_min)/2 / max(1, χ²_min/(n − 2)).

Five exponents whose own intervals cross an edge may decide together. What it does not do: say that
each d follows the law; a single one may differ and hide among the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import special

from lab.scaling.scans.intervals import Interval, student_quantile

FEWEST = 3
"""Dimensions that a series needs."""


@dataclass(frozen=True)
class Power:
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
) -> Power | None:
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
    return Power(
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
