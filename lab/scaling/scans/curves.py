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
curve with a free exponent goes on until its gradient is 0 to rounding, as `laws/law.py` says of
`polish_to_stationary`.

This is another problem than that of `laws/law.py`, whose fits share one table, under any law,
weighted and robust, in coordinates without edges. Here every curve has losses and gaps of its own,
the box has edges, and two parameters have a step in closed form.

An exponent common to all teachers of a scan, with amplitudes and floors of their own:

    profile   {α: S(α) ≤ S_min (1 + F_.95(1, ν)/ν)},  S(α) the least sum of squared residuals at α,
              ν = points − parameters. Follows the curvature of the law, so it is asymmetric.
    wald      α̂ ± t_ν se from the second derivative of S at its minimum.

Both trust that teachers do not differ in α and that points scatter independently around their
teacher's curve. Where that holds they agree with teacher-t (`lines.py`) and are shorter; a much
longer teacher-t says that exponents differ. Source: Bates & Watts 1988, §6.1.

Whole scans with a floor that is not known: exponents are those of the teachers' own curves. Where
the curve of a teacher stops at the edge of its box, its own exponent means nothing, and the more
teachers the more often one does; then the teachers' values are the pseudo-values of the delete-one
jackknife of the common exponent, K α_c − (K − 1) α_c,−k, which exist whatever a single curve does.
In simulation both cover alike, and the pseudo-values are usable as often with 20 teachers as with
4 (Quenouille 1956, Tukey 1958). No fit tells a floor from a bend: a bend of a law with a floor is
never tested, and stays a doubt.

What it does not do: other laws, robust losses, judge whether a fit may be used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float

from lab.scaling.scans.lines import PAIR, lines, student_quantile, tail_of_f, teacher_t

ALPHA_RANGE = (1e-3, 20.0)
SHARE_MAX = 4.0  # floor ≥ −3 L(x_1)
STARTS = (1.0, 0.7, 0.3, 0.05, 2.0)  # shares; the exponent of each start follows from the data
ITERATIONS = 100
SETTLING = 20

PerCurve = Float[np.ndarray, " curves"]
PerPoint = Float[np.ndarray, "curves points"]


@dataclass(frozen=True)
class CurveFits:
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
        """True if α or σ stopped at the edge of the box, shape [curves]."""
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
) -> CurveFits:
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
    return CurveFits(a, s, level, last, (residual**2).sum(1), residual, reached)


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


# ---- one exponent common to the teachers of a scan ----


@dataclass(frozen=True)
class Common:
    """One exponent common to the teachers of each scan.

    alpha: its estimate, cost: S at it, dof: ν, each of shape [scans]. profile, wald:
    (lower, upper), each of shape [scans]; an end that the data do not bound is 0 or infinite.
    """

    alpha: Float[np.ndarray, " scans"]
    cost: Float[np.ndarray, " scans"]
    dof: Float[np.ndarray, " scans"]
    profile: tuple[np.ndarray, np.ndarray]
    wald: tuple[np.ndarray, np.ndarray]


def common_exponent(
    log_x: Float[np.ndarray, " points"],
    log_loss: Float[np.ndarray, "scans teachers points"],
    curves: CurveFits,
    *,
    share: float | None = None,
) -> Common:
    """Profile-likelihood (F) and Wald intervals of an exponent common to the teachers.

    curves: the free fits of all scans' teachers, in the order of `log_loss` flattened. share:
    as in `fit_curves`; 1 for the pure power law. NaN where no degree of freedom is left.
    """
    # scipy.optimize takes a tenth of a second to import, which `lab status` should not pay.
    from scipy.optimize import elementwise

    scans, teachers, points = log_loss.shape
    flat = log_loss.reshape(scans * teachers, points)
    measured = np.isfinite(log_loss).sum((1, 2))
    own = 2 if share is None else 1
    dof = (measured - own * teachers - 1).astype(float)

    start = np.clip(curves.share, 0.05, 3.5)

    def slope_and_cost(alpha: np.ndarray, scan: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows = (scan.astype(int)[:, None] * teachers + np.arange(teachers)).ravel()
        held = np.repeat(alpha, teachers)
        # At a held α one start is enough: twenty find nothing better.
        fit = fit_curves(log_x, flat[rows], alpha=held, share=share, near=start[rows])
        m, inner = fit.inner(log_x)
        u = log_x - fit.last[:, None]
        # dS/dα at fixed α: the other parameters are at their optimum (envelope theorem).
        # The residual is 0 where nothing was measured.
        rate = np.where(fit.residual != 0, -u * fit.share[:, None] * m / inner, 0)
        slope = -2 * (fit.residual * rate).sum(1)
        return slope.reshape(-1, teachers).sum(1), fit.cost.reshape(-1, teachers).sum(1)

    which = np.arange(scans).astype(float)
    own_alpha = curves.alpha.reshape(scans, teachers)
    lo, hi = own_alpha.min(1), own_alpha.max(1)
    flat_scan = hi - lo < 1e-9
    root = elementwise.find_root(
        lambda a, i: slope_and_cost(a, i)[0],
        (lo - 1e-6, hi + 1e-6),
        args=(which,),
        tolerances={"xatol": 1e-7},
        maxiter=60,
    )
    alpha = np.where(flat_scan | ~np.isfinite(root.x), own_alpha.mean(1), root.x)
    cost = slope_and_cost(alpha, which)[1]
    quantile = student_quantile(np.maximum(dof, 1)) ** 2
    limit = cost * (1 + quantile / np.maximum(dof, 1)) + 1e-26
    # Curvature by a central difference of the exact slope.
    h = 1e-4 * np.maximum(alpha, 0.05)
    bend = (slope_and_cost(alpha + h, which)[0] - slope_and_cost(alpha - h, which)[0]) / (2 * h)
    with np.errstate(invalid="ignore", divide="ignore"):
        half = np.sqrt(quantile * 2 * cost / np.maximum(dof, 1) / np.where(bend > 0, bend, np.nan))
    lo, hi = ALPHA_RANGE
    twice = np.tile(which, 2).astype(int)  # both ends at once: the fits are batches anyway
    lower, upper = crossing(
        lambda a, i: slope_and_cost(a, which[twice[i.astype(int)]])[1],
        alpha[twice],
        limit[twice],
        half[twice],
        np.repeat([lo, hi], scans),
    ).reshape(2, scans)
    nan = np.where(dof < 1, np.nan, 0)
    lower, upper = np.where(lower <= lo, 0, lower) + nan, np.where(upper >= hi, np.inf, upper) + nan
    return Common(alpha, cost, dof, (lower, upper), (alpha - half + nan, alpha + half + nan))


def crossing(
    cost: Callable[[np.ndarray, np.ndarray], np.ndarray],
    centre: Float[np.ndarray, " scans"],
    limit: Float[np.ndarray, " scans"],
    step: Float[np.ndarray, " scans"],
    edge: float | Float[np.ndarray, " scans"],
) -> Float[np.ndarray, " scans"]:
    """Value at which `cost(value, which)` first exceeds `limit`, from `centre` towards `edge` by
    `step`, doubled until then; `edge` where it never does."""
    from scipy.optimize import elementwise

    edge = np.broadcast_to(np.asarray(edge, float), centre.shape)
    toward = np.sign(edge - centre)
    step = toward * np.where(np.isfinite(step) & (step > 0), step, 0.1)
    inside, outside = centre.copy(), edge.copy()
    bracketed = np.zeros(centre.size, bool)
    going = np.ones(centre.size, bool)
    for _ in range(12):
        i = np.flatnonzero(going)
        trial = centre[i] + step[i]
        trial = np.where((trial - edge[i]) * toward[i] > 0, edge[i], trial)
        above = cost(trial, i.astype(float)) > limit[i]
        outside[i[above]], bracketed[i[above]] = trial[above], True
        inside[i[~above]] = trial[~above]
        going[i] = ~above & (trial != edge[i])
        step *= 2
        if not going.any():
            break
    i = np.flatnonzero(bracketed)
    if i.size:
        ends = np.sort(np.stack([inside[i], outside[i]]), axis=0)
        root = elementwise.find_root(
            lambda a, j: cost(a, j) - limit[j.astype(int)],
            (ends[0], ends[1]),
            args=(i.astype(float),),
            tolerances={"xatol": 1e-6},
            maxiter=60,
        )
        outside[i] = root.x
    return outside


# ---- scans with a floor ----


@dataclass(frozen=True)
class Floored:
    """Fits with a floor: as in `Estimates`, and curves: of all teachers, scan by scan. at_bound:
    whether a teacher's own curve stopped at the edge of its box. share: the floor's share of the
    fitted loss, median over teachers."""

    alpha: Float[np.ndarray, " scans"]
    lower: Float[np.ndarray, " scans"]
    upper: Float[np.ndarray, " scans"]
    halves: dict[str, Float[np.ndarray, " scans"]]
    teacher_alpha: Float[np.ndarray, "scans teachers"]
    at_bound: Bool[np.ndarray, "scans teachers"]
    curves: CurveFits
    share: Float[np.ndarray, "scans points"]
    tests: dict[str, Float[np.ndarray, " scans"]]


def fit_floored(
    log_x: Float[np.ndarray, " points"], log_loss: Float[np.ndarray, "scans teachers points"]
) -> Floored:
    """Fit every teacher of every scan; each needs three measured x."""
    scans, teachers, points = log_loss.shape
    flat = log_loss.reshape(-1, points)
    curves = fit_curves(log_x, flat)
    common = common_exponent(log_x, log_loss, curves)
    own = curves.alpha.reshape(scans, teachers).copy()
    at_bound = curves.at_bound.reshape(scans, teachers)
    for i in np.flatnonzero(at_bound.any(1) & (teachers > 2)).tolist():
        own[i] = _pseudo_values(log_x, log_loss[i], curves, i, float(common.alpha[i]))
    alpha = own.mean(1)
    profile = common.profile
    lower, upper = teacher_t(own) if teachers > 1 else profile
    halves = {"profile": (profile[1] - profile[0]) / 2}
    if teachers > 1:
        halves = {"teacher-t": (upper - lower) / 2, **halves}
        longer = profile[1] - profile[0] > upper - lower
        lower = np.where(longer, profile[0] + alpha - common.alpha, lower)
        upper = np.where(longer, profile[1] + alpha - common.alpha, upper)
    cost = curves.cost.reshape(scans, teachers).sum(1)
    dof = np.isfinite(log_loss).sum((1, 2)) - 3 * teachers
    noise = (cost + 1e-26) / np.maximum(dof, 1)
    apart = (common.cost - cost) / max(teachers - 1, 1)
    straight = lines(log_x, log_loss).cost
    _, inner = curves.inner(log_x)
    share = ((1 - curves.share)[:, None] / inner).reshape(scans, teachers, points)
    tests = {
        "law": shared_shape(log_x, log_loss),
        "floor": tail_of_f((straight - cost) / teachers / noise, teachers, dof),
        "teachers": tail_of_f(apart / noise, teachers - 1, dof),
    }
    share = np.median(share, 1)
    return Floored(alpha, lower, upper, halves, own, at_bound, curves, share, tests)


def _pseudo_values(
    log_x: Float[np.ndarray, " points"],
    log_loss: Float[np.ndarray, "teachers points"],
    curves: CurveFits,
    scan: int,
    together: float,
) -> Float[np.ndarray, " teachers"]:
    teachers = len(log_loss)
    mine = slice(scan * teachers, (scan + 1) * teachers)
    left = []
    for k in range(teachers):
        keep = np.arange(teachers) != k
        rest = CurveFits(*(getattr(curves, f.name)[mine][keep] for f in fields(CurveFits)))
        left.append(common_exponent(log_x, log_loss[None, keep], rest).alpha[0])
    return teachers * together - (teachers - 1) * np.array(left)


def shared_shape(
    log_x: Float[np.ndarray, " points"], log_loss: Float[np.ndarray, "scans teachers points"]
) -> Float[np.ndarray, " scans"]:
    """p of `the teachers' residuals about their curves have no shape in common`; with holes, over
    the teachers that have every x of their scan."""
    scans, teachers, points = log_loss.shape
    r = fit_curves(log_x, log_loss.reshape(-1, points)).residual.reshape(scans, teachers, points)
    has = np.isfinite(log_loss)
    whole = (has == has.any(1, keepdims=True)).all(2)
    r = np.where(whole[..., None], r, 0)
    K, free = whole.sum(1), has.any(1).sum(1) - 3
    mean = r.sum(1) / np.maximum(K, 1)[:, None]
    inside = np.where(whole[..., None], (r - mean[:, None]) ** 2, 0).sum((1, 2))
    F = K * (mean**2).sum(1) * np.maximum(K - 1, 1) / np.maximum(inside, 1e-20)
    return tail_of_f(F, free, (K - 1) * free)


def forecast_floored(
    log_x: Float[np.ndarray, " points"],
    log_loss: Float[np.ndarray, "scans teachers points"],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `lines.forecast`: mean error in log loss, its half-width (Student's t over teachers), and
    the distance in log x; NaN with fewer than six x."""
    scans, teachers, points = log_loss.shape
    nothing = np.full(scans, np.nan)
    if points < 4 + PAIR or teachers < 2:
        return nothing, nothing.copy(), nothing.copy()
    head = np.where(np.arange(points) < points - PAIR, log_loss, np.nan)
    known = (np.isfinite(head).sum(2) >= 3) & np.isfinite(log_loss[..., -PAIR:]).any(2)
    curves = fit_curves(log_x, np.where(known[..., None], head, 0.0).reshape(-1, points))
    _, inner = curves.inner(log_x[-PAIR:])
    ahead = curves.level[:, None] + np.log(np.where(inner > 0, inner, np.nan))
    apart = log_loss[..., -PAIR:] - ahead.reshape(scans, teachers, PAIR)
    seen = np.isfinite(apart)
    known &= seen.any(2)
    off = np.where(seen, apart, 0.0).sum(2) / np.maximum(seen.sum(2), 1)
    off = np.where(known, off, np.nan)
    K = np.isfinite(off).sum(1)
    mean = np.nansum(off, 1) / np.maximum(K, 1)
    scatter = np.sqrt(np.nansum((off - mean[:, None]) ** 2, 1) / np.maximum(K - 1, 1))
    half = student_quantile(np.maximum(K - 1, 1)) * scatter / np.sqrt(np.maximum(K, 1))
    away = np.full(scans, log_x[-PAIR:].mean() - log_x[:-PAIR].mean())
    mean, half, away = (np.where(K > 1, v, np.nan) for v in (mean, half, away))
    return mean, half, away
