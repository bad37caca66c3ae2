"""The interval of an exponent common to all teachers, by profile likelihood.

Amplitudes and floors are the teachers' own, α is one:

    profile   {α: S(α) ≤ S_min (1 + F_.95(1, ν)/ν)},  S(α) the least sum of squared residuals at α,
              ν = points − parameters. Follows the curvature of the law, so it is asymmetric.
    wald      α̂ ± t_ν se from the second derivative of S at its minimum.

Both trust that teachers do not differ in α and that points scatter independently around their
teacher's curve. Where that holds they agree with teacher-t (`intervals.py`) and are shorter; a
much longer teacher-t says that exponents differ. Source: Bates & Watts 1988, §6.1.

What it does not do: account for the choice of teachers.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lab.scaling.scans.curves import ALPHA_RANGE, Curves, fit_curves
from lab.scaling.scans.intervals import student_quantile


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
    """Where `cost(value, which)` first exceeds `limit`, going from `centre` towards `edge` by
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
