"""95 % intervals for the exponent shared by several teachers.

Each teacher k is an experiment of its own: α_k is fitted with its own amplitude and floor, and

    teacher-t    α ± t_{K−1} s/√K,  α = mean of α_k, s their standard deviation. Quoted.
    percentile,  cluster bootstrap over teachers: the K values are resampled. Too short for few
    basic        teachers (a factor √((K−1)/K) and normal tails): for comparison.
    profile      one exponent common to all teachers, amplitudes and floors per teacher:
                 {α: S(α) ≤ S_min (1 + F_{.95}(1, ν)/ν)}, S the sum of squared residuals and
                 ν = points − parameters. Assumes that teachers do not differ in α.
    wald         α̂ ± t_ν se from the curvature of S at its minimum, same assumption.

teacher-t and profile are the two that are compared: where teachers share one exponent they
agree, and a much longer teacher-t says that exponents differ between teachers.
Sources: Student 1908; Efron 1979; Bates & Watts 1988 §6.1 (profile); coverage measured by
`benchmarks/coverage.py`.

What it does not do: choose between intervals after seeing them.
"""

from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import comb

import numpy as np
from jaxtyping import Float
from scipy import special

from lab.scaling.curves import ALPHA_RANGE, Curves, fit_curves

LEVEL = 0.95
Interval = tuple[float, float]


def student_quantile(dof: float | np.ndarray, level: float = LEVEL) -> np.ndarray:
    """The two-sided quantile t with P(|T| ≤ t) = level."""
    return special.stdtrit(dof, 0.5 + level / 2)


def teacher_t(alpha: Float[np.ndarray, "*scans teachers"]) -> tuple[np.ndarray, np.ndarray]:
    """Student's interval of the mean over teachers (last axis). NaN for a single teacher."""
    teachers = alpha.shape[-1]
    if teachers < 2:
        gap = np.full(alpha.shape[:-1], np.nan)
        return gap, gap.copy()
    half = student_quantile(teachers - 1) * alpha.std(-1, ddof=1) / np.sqrt(teachers)
    return alpha.mean(-1) - half, alpha.mean(-1) + half


def resamples(teachers: int, replicates: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Counts of each teacher in cluster-bootstrap resamples, and the weight of each resample.

    Every distinct resample with its exact probability where there are at most `replicates` of
    them (35 for 4 teachers, 126 for 5), else `replicates` random ones.
    Returns counts, shape [resamples, teachers], and weights that sum to 1, shape [resamples].
    """
    if comb(2 * teachers - 1, teachers) > replicates:
        rng = np.random.default_rng(seed)
        counts = rng.multinomial(teachers, np.full(teachers, 1 / teachers), replicates)
        return counts, np.full(replicates, 1 / replicates)
    draws = np.array(list(combinations_with_replacement(range(teachers), teachers)))
    counts = (draws[:, :, None] == np.arange(teachers)).sum(1)
    log_weight = special.gammaln(teachers + 1) - special.gammaln(counts + 1).sum(1)
    return counts, np.exp(log_weight - teachers * np.log(teachers))


def bootstrap(
    alpha: Float[np.ndarray, "*scans teachers"], *, replicates: int, seed: int
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Percentile and basic intervals of the mean over teachers, by resampling teachers."""
    counts, weight = resamples(alpha.shape[-1], replicates, seed)
    mean = alpha @ counts.T / alpha.shape[-1]
    order = np.argsort(mean, axis=-1)
    mass = np.cumsum(weight[order], axis=-1)
    ends = []
    for p in ((1 - LEVEL) / 2, (1 + LEVEL) / 2):
        at = np.minimum((mass < p - 1e-12).sum(-1), weight.size - 1)
        ordered = np.take_along_axis(mean, order, -1)
        ends.append(np.take_along_axis(ordered, at[..., None], -1)[..., 0])
    centre = alpha.mean(-1)
    return {"percentile": (ends[0], ends[1]),
            "basic": (2 * centre - ends[1], 2 * centre - ends[0])}


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
    curves: Curves,
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

    def slope_and_cost(alpha: np.ndarray, scan: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scan = scan.astype(int)
        rows = (scan[:, None] * teachers + np.arange(teachers)).ravel()
        held = np.repeat(alpha, teachers)
        fit = fit_curves(log_x, flat[rows], alpha=held, share=share, starts=(1.0, 0.2))
        u = log_x - log_x[-1]
        m = np.exp(-held[:, None] * u)
        rate = -u * fit.share[:, None] * m / (1 + fit.share[:, None] * (m - 1))
        # dS/dα at fixed α: the other parameters are at their optimum (envelope theorem)
        slope = -2 * (fit.residual * rate).sum(1)
        return slope.reshape(-1, teachers).sum(1), fit.cost.reshape(-1, teachers).sum(1)

    which = np.arange(scans).astype(float)
    own_alpha = curves.alpha.reshape(scans, teachers)
    lo, hi = own_alpha.min(1), own_alpha.max(1)
    flat_scan = hi - lo < 1e-9
    root = elementwise.find_root(
        lambda a, i: slope_and_cost(a, i)[0], (lo - 1e-6, hi + 1e-6), args=(which,),
        tolerances={"xatol": 1e-7}, maxiter=60)
    alpha = np.where(flat_scan | ~np.isfinite(root.x), own_alpha.mean(1), root.x)
    cost = slope_and_cost(alpha, which)[1]
    quantile = student_quantile(np.maximum(dof, 1)) ** 2
    limit = cost * (1 + quantile / np.maximum(dof, 1)) + 1e-26
    # Curvature by a central difference of the exact slope.
    h = 1e-4 * np.maximum(alpha, 0.05)
    bend = (slope_and_cost(alpha + h, which)[0] - slope_and_cost(alpha - h, which)[0]) / (2 * h)
    with np.errstate(invalid="ignore", divide="ignore"):
        half = np.sqrt(quantile * 2 * cost / np.maximum(dof, 1) / np.where(bend > 0, bend, np.nan))
    ends = [_cross(slope_and_cost, alpha, limit, half, which, sign) for sign in (-1, 1)]
    gone = dof < 1
    nan = np.where(gone, np.nan, 0)
    ends = (ends[0] + nan, ends[1] + nan)
    return Common(alpha, cost, dof, ends, (alpha - half + nan, alpha + half + nan))


def _cross(slope_and_cost, alpha, limit, half, which, sign):
    """Where S(α) crosses `limit` on one side of its minimum."""
    from scipy.optimize import elementwise

    edge = np.full(alpha.size, ALPHA_RANGE[0] if sign < 0 else ALPHA_RANGE[1])
    step = np.where(np.isfinite(half) & (half > 0), half, 0.1)
    inside, outside = alpha.copy(), alpha.copy()
    open_ = np.ones(alpha.size, bool)
    for _ in range(12):
        i = np.flatnonzero(open_)
        trial = alpha[i] + sign * step[i]
        trial = np.maximum(trial, edge[i]) if sign < 0 else np.minimum(trial, edge[i])
        above = slope_and_cost(trial, which[i])[1] > limit[i]
        outside[i] = trial
        inside[i[~above]] = trial[~above]
        stuck = ~above & (trial == edge[i])
        outside[i[stuck]] = 0.0 if sign < 0 else np.inf
        open_[i[above | stuck]] = False
        step *= 2
        if not open_.any():
            break
    inner = (~open_) & np.isfinite(outside) & (outside != 0)
    i = np.flatnonzero(inner)
    found = outside.copy()
    if i.size:
        left, right = np.minimum(inside[i], outside[i]), np.maximum(inside[i], outside[i])
        root = elementwise.find_root(
            lambda a, j: slope_and_cost(a, j)[1] - limit[j.astype(int)], (left, right),
            args=(which[i],), tolerances={"xatol": 1e-6}, maxiter=60)
        found[i] = root.x
    return found
