"""Many curves of the law power + floor at once, each with its own amplitude and floor.

Equation, with x_1 the largest x of the curve, ℓ = log L(x_1), and σ the share of L(x_1) that is
power law:

    log L(x) = ℓ + log(1 + σ (m − 1)),   m = (x/x_1)^−α,

which is L = β x^−α + floor with floor = (1 − σ) L(x_1), β = σ L(x_1) x_1^α. In this form
(α, σ) are of order one whatever the units, σ = 1 is the pure power law, and ℓ enters linearly
in log loss, so it is projected out exactly (Golub & Pereyra 1973): two parameters remain.

The floor is signed: σ may exceed 1 (up to SHARE_MAX). A floor forced to be ≥ 0 makes the error
of α one-sided, and its intervals cover .92 instead of .95 where there is no floor; a signed
floor is free of that. Squared residuals in log loss, exact derivatives, Levenberg–Marquardt in
the box ALPHA_RANGE × [0, SHARE_MAX], one batch over all curves and starts. The best end of each
curve with a free exponent goes on until its gradient is 0 to rounding, as `laws/descent.py` says of
`settle`.

This is another problem than that of `laws/descent.py`, whose fits share one table, under any law,
weighted and robust, in coordinates without edges. Here every curve has losses and gaps of its own,
the box has edges, and two parameters have a step in closed form.

What it does not do: intervals, other laws, robust losses, judge whether a fit may be used.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

ALPHA_RANGE = (1e-3, 20.0)
SHARE_MAX = 4.0  # floor ≥ −3 L(x_1)
STARTS = (1.0, 0.7, 0.3, 0.05, 2.0)  # shares; the exponent of each start follows from the data
ITERATIONS = 100
SETTLING = 20

PerCurve = Float[np.ndarray, " curves"]
PerPoint = Float[np.ndarray, "curves points"]


@dataclass(frozen=True)
class Curves:
    """Least-squares fits of B curves.

    alpha, share, level: α, σ and ℓ = log L(x_1), shape [curves]. last: log x_1. cost: sum of
    squared residuals, shape [curves]. residual: log L − fit, 0 where not measured, shape
    [curves, points]. reached: how many of the starts came within 1e-6 (relative) of the best
    cost, shape [curves].
    """

    alpha: PerCurve
    share: PerCurve
    level: PerCurve
    last: PerCurve
    cost: PerCurve
    residual: PerPoint
    reached: PerCurve

    @property
    def at_bound(self) -> np.ndarray:
        """Whether α or σ stopped at the edge of the box, shape [curves]."""
        lo, hi = ALPHA_RANGE
        return (
            (self.alpha <= lo) | (self.alpha >= hi) | (self.share <= 0) | (self.share >= SHARE_MAX)
        )

    def floor(self) -> PerCurve:
        """The signed floor, in units of loss."""
        return (1 - self.share) * np.exp(self.level)

    def amplitude(self) -> PerCurve:
        """β of β x^−α + floor."""
        return self.share * np.exp(self.level + self.alpha * self.last)

    def inner(self, log_x: Float[np.ndarray, " points"]) -> tuple[PerPoint, PerPoint]:
        """m and 1 + σ(m − 1) at x; L = e^ℓ (1 + σ(m − 1)) where that is positive."""
        m = np.exp(-self.alpha[:, None] * (log_x - self.last[:, None]))
        return m, 1 + self.share[:, None] * (m - 1)


def fit_curves(
    log_x: Float[np.ndarray, " points"],
    log_loss: PerPoint,
    *,
    alpha: PerCurve | None = None,
    share: float | None = None,
    starts: tuple[float, ...] = STARTS,
    near: PerCurve | None = None,
) -> Curves:
    """Fit each curve; NaN marks points that were not measured.

    log_x: ascending. alpha: hold the exponents at these values. share: hold σ (1 fits the pure
    power law). starts: the shares to start from; ignored where `share` is held, and where `near`
    gives one start for each curve.
    """
    curves, points = log_loss.shape
    measured = np.isfinite(log_loss)
    last = log_x[points - 1 - measured[:, ::-1].argmax(1)]
    # Beyond the last measured x a negative floor could make the loss negative: u stops at 0.
    starts = starts if share is None else (share,)
    repeat = 1 if near is not None else len(starts)
    u = np.tile(np.minimum(log_x - last[:, None], 0), (repeat, 1))
    y = np.tile(log_loss, (repeat, 1))
    s = np.repeat(np.asarray(starts, float), curves) if near is None else near.copy()
    a = _slope(u, y, s) if alpha is None else np.tile(alpha, repeat)
    a, s, cost = _descend(u, y, a, s, free_alpha=alpha is None, free_share=share is None)
    cost = cost.reshape(repeat, curves)
    best = cost.argmin(0)
    pick = best * curves + np.arange(curves)
    reached = (cost <= cost.min(0) * (1 + 1e-6) + 1e-20).sum(0).astype(float)
    u, y, weight = u[:curves], np.where(measured, log_loss, 0), measured.astype(float)
    a, s = a[pick], s[pick]
    if alpha is None:  # who holds exponents searches among them, at coarser tolerances
        a, s = _settle(u, y, weight, a, s, free_share=share is None)
    residual, level, _, _ = _residual(u, y, weight, a, s)
    return Curves(a, s, level, last, (residual**2).sum(1), residual, reached)


def _slope(u: np.ndarray, y: np.ndarray, s: np.ndarray) -> np.ndarray:
    """Exponent of the start: least squares of log(L − floor), floor a share of the smallest L."""
    low = np.nanmin(y, 1)
    floor = (1 - s) * np.exp(low)
    with np.errstate(invalid="ignore"):
        z = np.log(np.maximum(np.exp(y) - floor[:, None], 0.02 * np.exp(y)))
    weight = np.isfinite(y)
    mean = np.where(weight, u, 0).sum(1) / weight.sum(1)
    du = np.where(weight, u - mean[:, None], 0)
    slope = -(du * np.where(weight, z, 0)).sum(1) / np.maximum((du**2).sum(1), 1e-300)
    return np.clip(slope, 0.02, 0.9 * ALPHA_RANGE[1])


def _residual(
    u: PerPoint,
    y: PerPoint,
    weight: PerPoint,
    a: PerCurve,
    s: PerCurve,
) -> tuple[PerPoint, PerCurve, PerPoint, PerPoint]:
    """Residual with ℓ projected out, ℓ, and the inner terms m and 1 + σ(m − 1)."""
    m = np.exp(-a[:, None] * u)
    inner = 1 + s[:, None] * (m - 1)
    r = y - np.log(inner)
    level = (weight * r).sum(1) / weight.sum(1)
    return weight * (r - level[:, None]), level, m, inner


def _descend(
    u: PerPoint,
    y: PerPoint,
    a: PerCurve,
    s: PerCurve,
    *,
    free_alpha: bool,
    free_share: bool,
) -> tuple[PerCurve, PerCurve, PerCurve]:
    """Levenberg–Marquardt in (α, σ), all curves together; finished curves drop out."""
    weight = np.isfinite(y).astype(float)
    y = np.where(weight > 0, y, 0)
    a, s = a.copy(), s.copy()
    r, _, m, inner = _residual(u, y, weight, a, s)
    cost = (r**2).sum(1)
    damping = np.full(a.size, 1e-3)
    live = np.arange(a.size)
    for _ in range(ITERATIONS):
        w, ul, al, sl, d = weight[live], u[live], a[live], s[live], damping[live]
        jj, kk, jk, gj, gk = _normal(ul, w, sl, m, inner, r)
        da, ds = _step(jj * (1 + d), kk * (1 + d), jk, gj, gk, al, sl, free_alpha, free_share)
        r_new, _, m_new, inner_new = _residual(ul, y[live], w, al + da, sl + ds)
        cost_new = (r_new**2).sum(1)
        better = cost_new <= cost[live]
        gain = cost[live] - cost_new
        # A rejected step at very large damping is as small as a converged one.
        done = (better & (gain <= 1e-12 * cost_new + 1e-26)) | (~better & (d > 1e10))
        a[live[better]], s[live[better]] = (al + da)[better], (sl + ds)[better]
        cost[live[better]] = cost_new[better]
        damping[live] = np.where(better, np.maximum(d / 10, 1e-14), d * 10)
        keep = ~done
        pick = better[:, None]
        r = np.where(pick, r_new, r)[keep]
        m, inner = np.where(pick, m_new, m)[keep], np.where(pick, inner_new, inner)[keep]
        live = live[keep]
        if not live.size:
            break
    return a, s, cost


def _settle(
    u: PerPoint,
    y: PerPoint,
    weight: PerPoint,
    a: PerCurve,
    s: PerCurve,
    *,
    free_share: bool,
) -> tuple[PerCurve, PerCurve]:
    """Undamped steps of each curve for as long as its decrement g · step falls."""

    def onward(i: np.ndarray, a: PerCurve, s: PerCurve) -> tuple[PerCurve, PerCurve, PerCurve]:
        r, _, m, inner = _residual(u[i], y[i], weight[i], a, s)
        normal = _normal(u[i], weight[i], s, m, inner, r)
        da, ds = _step(*normal, a, s, True, free_share)
        return a + da, s + ds, normal[3] * da + normal[4] * ds

    a, s = a.copy(), s.copy()
    live = np.arange(a.size)
    next_a, next_s, decrement = onward(live, a, s)
    for _ in range(SETTLING):
        beyond_a, beyond_s, less = onward(live, next_a, next_s)
        falls = less < decrement
        live = live[falls]
        if not live.size:
            break
        a[live], s[live] = next_a[falls], next_s[falls]
        next_a, next_s, decrement = beyond_a[falls], beyond_s[falls], less[falls]
    return a, s


def _normal(
    u: PerPoint, weight: PerPoint, s: PerCurve, m: PerPoint, inner: PerPoint, r: PerPoint
) -> tuple[PerCurve, PerCurve, PerCurve, PerCurve, PerCurve]:
    """The normal equations in (α, σ): the products of the derivatives with each other and with r;
    ℓ is projected out of them."""
    n = weight.sum(1, keepdims=True)
    j = weight * (-u * s[:, None] * m / inner)  # ∂/∂α
    k = weight * ((m - 1) / inner)  # ∂/∂σ
    j -= weight * (j.sum(1, keepdims=True) / n)
    k -= weight * (k.sum(1, keepdims=True) / n)
    return (j * j).sum(1), (k * k).sum(1), (j * k).sum(1), (j * r).sum(1), (k * r).sum(1)


def _step(
    jj: PerCurve,
    kk: PerCurve,
    jk: PerCurve,
    gj: PerCurve,
    gk: PerCurve,
    a: PerCurve,
    s: PerCurve,
    free_alpha: bool,
    free_share: bool,
) -> tuple[PerCurve, PerCurve]:
    """The damped Gauss–Newton step in the box; a parameter that meets its bound is held there
    and the other one is solved again."""
    tiny = 1e-300
    lo, hi = ALPHA_RANGE
    if free_alpha and free_share:
        det = np.maximum(jj * kk - jk * jk, tiny)
        da, ds = (kk * gj - jk * gk) / det, (jj * gk - jk * gj) / det
    else:
        da = gj / np.maximum(jj, tiny) if free_alpha else np.zeros_like(a)
        ds = gk / np.maximum(kk, tiny) if free_share else np.zeros_like(s)
    s_new = np.clip(s + ds, 0, SHARE_MAX)
    if free_alpha and free_share:
        hit = s_new != s + ds
        da = np.where(hit, (gj - jk * (s_new - s)) / np.maximum(jj, tiny), da)
    a_new = np.clip(a + da, lo, hi)
    if free_alpha and free_share:
        hit = a_new != a + da
        s_again = np.clip(s + (gk - jk * (a_new - a)) / np.maximum(kk, tiny), 0, SHARE_MAX)
        s_new = np.where(hit, s_again, s_new)
    return a_new - a, s_new - s
