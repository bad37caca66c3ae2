"""The exponent at x → ∞, given how the curve corrects itself on the way.

With ω declared, each curve of a family is fitted to the teachers' mean log loss,

    log L = a − α log x + log(1 + B x^−ω′),   ω′ = ω/2 … 2ω in nine even steps of log ω′,

with its own a, α and B > −1, and a line besides; each with all x and without the smallest. None is
chosen: with k parameters and N_cut dropped x a fit has the weight (Jay and Neil 2008.01069)

    w ∝ exp(−½ (χ² + 2k + 2 N_cut)),

the nine ω′ together three times that of one, and

    α = Σ w α_i.

Each α_i is linear in the data around its optimum, so that its standard error is that of any other
functional: scatter between teachers and noise in common (`lines.py`). Statistical is the largest
error of a fit with at least PLAUSIBLE of the best weight: with the mean of variances that belongs
to the weights, intervals held the truth in as little as .80 of simulated scans with B = 1 and ω′ =
ω/2, where a line fits well. Systematic is the largest distance from α to such a fit, and at least
that between the best ω′ and its neighbours. Their own √(Σ w α_i² − α²) is next to 0 where the data
are quiet, for the weights then fall on one ω′ and the truth lies between two: with it, intervals
held the truth in .38 of the scans at noise .003. Interval: Student's t times both in quadrature.
Quoted as 1.00(1)[1], statistical and systematic in units of the last digit.

ω is never fitted: free, it is .18 to 1.3 by method on the same data (3-D Ising).

What it does not do: say that the declared ω is right. Outside ω/2 … 2ω nothing is known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lab.scaling.scans.lines import COMMON, TINY, PerScan, lines, student_quantile
from lab.scaling.scans.scan import Interval

FEWEST = 5
"""x below which a correction and a line cannot be told apart."""

SPAN = 2.0
"""The systematic error looks at ω/SPAN … ω·SPAN."""
STEPS = 9
FAMILY = 3.0
"""The weight of all ω′ together, in that of one line."""
PLAUSIBLE = 0.02
"""Share of the best weight from which a fit's error and distance count."""
ITERATIONS = 40
LOG_B = (-3.0, 4.0)
"""Bounds of log(1 + B)."""
ROUNDING = 1e-12
"""In log loss."""


@dataclass(frozen=True)
class Limit:
    """α at x → ∞ given ω, with its statistical and systematic standard errors and 95 % interval."""

    alpha: float
    statistical: float
    systematic: float
    interval: Interval
    omega: float

    def __str__(self) -> str:
        """1.00(1)[1], to the first digit of the smaller error that is not 0."""
        errors = [e for e in (self.statistical, self.systematic) if math.isfinite(e) and e > 0]
        if not errors or not math.isfinite(self.alpha):
            return f"{self.alpha:.2f}"
        digits = max(0, min(6, -math.floor(math.log10(max(errors)) + 1e-9)))
        unit = 10.0**digits
        return (f"{self.alpha:.{digits}f}({math.ceil(self.statistical * unit - 1e-9)})"
                f"[{math.ceil(self.systematic * unit - 1e-9)}]")  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """As `Limit`, of many scans: lower, upper are the ends of the interval."""

    alpha: PerScan
    statistical: PerScan
    systematic: PerScan
    lower: PerScan
    upper: PerScan


def limit(
    log_x: Float[np.ndarray, " points"],
    log_loss: Float[np.ndarray, "teachers points"],
    omega: float,
) -> Limit:
    """The exponent of one scan at x → ∞. omega: ω > 0 in units of the declared x.

    Teachers without every x are left out; NaN everywhere with fewer than five x.
    """
    whole = log_loss[np.isfinite(log_loss).all(1)]
    if not len(whole) or log_x.size < FEWEST:
        return Limit(math.nan, math.nan, math.nan, (math.nan, math.nan), omega)
    found = limits(log_x, whole[None], omega)
    return Limit(
        float(found.alpha[0]), float(found.statistical[0]), float(found.systematic[0]),
        (float(found.lower[0]), float(found.upper[0])), omega,
    )  # fmt: skip


def limits(
    log_x: Float[np.ndarray, " points"],
    log_loss: Float[np.ndarray, "scans teachers points"],
    omega: float,
) -> Limits:
    """The exponents of many scans at x → ∞, of at least five x, none of them missing."""
    _, K, n = log_loss.shape
    u = log_x - log_x[0]
    scatter = lines(u, log_loss).alpha.scatter
    common, dof = scatter.common, np.maximum(scatter.curve_dof, 1.0)[:, None]
    fits = [_fits(u[cut:], log_loss[..., cut:], omega, cut) for cut in (0, 1)]
    alpha, between, shared, rest = (np.concatenate(part, 1) for part in zip(*fits, strict=True))
    k = np.tile(np.append(np.full(STEPS, 3), 2), 2)
    cuts = np.repeat([0, 1], STEPS + 1)
    prior = np.tile(np.append(np.full(STEPS, FAMILY / STEPS), 1.0), 2)
    # What the best fit explains is no noise in common. Of one curve nothing else says how it
    # scatters.
    alone = (rest / (n - cuts - k)).min(1)
    inner = scatter.inner / K if K > 1 else np.zeros_like(alone)
    common = np.clip(COMMON * alone - inner, 0, common) if K > 1 else alone
    noise = np.maximum(inner + common, ROUNDING**2)[:, None]
    cost = rest / noise + 2 * k + 2 * cuts
    weight = prior * np.exp(-(cost - cost.min(1, keepdims=True)) / 2)
    weight /= weight.sum(1, keepdims=True)
    shared = shared * common[:, None]
    variance = between + shared
    parts = between**2 / max(K - 1, 1) + shared**2 / dof
    free = np.where(parts > TINY, variance**2 / np.maximum(parts, TINY), max(K - 1, 1))
    value = (weight * alpha).sum(1)
    plausible = weight >= PLAUSIBLE * weight.max(1, keepdims=True)
    statistical = np.sqrt(np.where(plausible, variance, 0).max(1))
    away = np.where(plausible, np.abs(alpha - value[:, None]), 0).max(1)
    systematic = np.maximum(away, _between(alpha[:, :STEPS], weight[:, :STEPS]))
    half = student_quantile((weight * free).sum(1)) * np.hypot(statistical, systematic)
    return Limits(value, statistical, systematic, value - half, value + half)


def _between(
    alpha: Float[np.ndarray, "scans steps"], weight: Float[np.ndarray, "scans steps"]
) -> PerScan:
    """The larger distance from the α of the best ω′ to those of the ω′ beside it."""
    gap = np.abs(np.diff(alpha, axis=1))
    both = np.maximum(np.pad(gap, ((0, 0), (1, 0))), np.pad(gap, ((0, 0), (0, 1))))
    return np.take_along_axis(both, weight.argmax(1)[:, None], 1)[:, 0]


def _fits(
    u: Float[np.ndarray, " points"],
    y: Float[np.ndarray, "scans teachers points"],
    omega: float,
    cut: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """For every ω′ and for the line: α, its variance by the scatter between teachers, Σ w², and the
    sum of squared residuals, each of shape [scans, fits]."""
    K, mean = y.shape[1], y.mean(1)
    steps = omega * SPAN ** np.linspace(-1, 1, STEPS)
    alpha, weight, rest = _corrected(u, mean, steps)
    line = np.linalg.pinv(np.stack([np.ones(u.size), -u], 1))[1]
    basis = np.linalg.qr(np.stack([np.ones(u.size), u], 1))[0]
    off = mean - (mean @ basis) @ basis.T
    alpha = np.concatenate([alpha, (mean @ line)[:, None]], 1)
    weight = np.concatenate([weight, np.broadcast_to(line, (len(y), 1, u.size))], 1)
    rest = np.concatenate([rest, (off**2).sum(1, keepdims=True)], 1)
    own = np.einsum("skx,sfx->sfk", y - mean[:, None], weight)
    return alpha, (own**2).sum(-1) / max(K - 1, 1) / K, (weight**2).sum(-1), rest


def _corrected(
    u: Float[np.ndarray, " points"],
    y: Float[np.ndarray, "scans points"],
    steps: Float[np.ndarray, " fits"],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """α, its derivative by the data and the sum of squared residuals of the curve of every ω′, by
    damped Gauss–Newton in log(1 + B), a and α projected out."""
    basis = np.linalg.qr(np.stack([np.ones(u.size), u], 1))[0]
    z = np.exp(-steps[:, None] * (u - u[0]))
    y = y[:, None]

    def left(v: np.ndarray) -> np.ndarray:
        return v - (v @ basis) @ basis.T

    def residual(b: np.ndarray) -> np.ndarray:
        return left(y - np.log1p(np.expm1(b)[..., None] * z))

    b = np.zeros((len(y), steps.size))
    r = residual(b)
    cost, damping = (r**2).sum(-1), np.full(b.shape, 1e-3)
    for _ in range(ITERATIONS):
        B = np.expm1(b)[..., None]
        g = left((B + 1) * z / (1 + B * z))
        step = (g * r).sum(-1) / np.maximum((g * g).sum(-1) * (1 + damping), TINY)
        trial = np.clip(b + np.clip(step, -1, 1), *LOG_B)
        r_new = residual(trial)
        cost_new = (r_new**2).sum(-1)
        better = cost_new <= cost
        moved = np.abs(np.where(better, trial - b, 0)).max()
        b, cost = np.where(better, trial, b), np.where(better, cost_new, cost)
        r = np.where(better[..., None], r_new, r)
        damping = np.where(better, damping / 10, damping * 10 + 1e-6)
        if better.all() and moved < ROUNDING:
            break
    B = np.expm1(b)[..., None]
    g = (B + 1) * z / (1 + B * z)
    line = np.linalg.pinv(np.stack([np.ones(u.size), -u], 1))[1]
    alpha = (y - np.log1p(B * z)) @ line
    design = np.stack([np.ones_like(g), -np.broadcast_to(u, g.shape), g], -1)
    return alpha, np.linalg.pinv(design)[..., 1, :], cost
