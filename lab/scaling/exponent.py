"""The exponent of one scan, with its honest interval, doubts and verdict.

Object: α of L(x, k) = β_k x^−α_k + floor_k, the mean of α_k over the teachers k, from the cells
of a `Scan`. Quoted is the teacher-t interval (`intervals.py`); for a single teacher, the profile
interval. The common-exponent profile stands beside it.

The range of x is chosen by a rule fixed beforehand (`stretch.py`), and the rule is part of every
calibration. Known bias: where noise between seeds exceeds a factor 1.5 or so per cell, α reads
high by a few per cent, well inside the interval.

What it does not do: choose between laws; see `weights.py`. Fit a table of a user; see `table.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import special

from lab.scaling import verdict as rule
from lab.scaling.curves import STARTS, Curves, fit_curves
from lab.scaling.intervals import (
    Interval,
    bootstrap,
    common_exponent,
    student_quantile,
    teacher_t,
)
from lab.scaling.scan import Scan

LAWS = ("power+floor", "power")
SIGNIFICANT = 0.01
STATUS = {
    "converged": "everything may be used",
    "bound-hit": "a teacher's fit stopped at the edge of the box: α is an order of magnitude",
    "ill-conditioned": "exponent and floor cannot be told apart: the interval exceeds α itself",
    "flat": "the losses do not fall: there is no exponent to quote",
    "too-few-points": "fewer x than the law has parameters: nothing may be used",
}
USABLE = ("converged",)


@dataclass(frozen=True)
class Exponent:
    """An exponent and what stands behind it.

    alpha: the estimate. interval: THE 95 % interval. intervals: all of them by method.
    parameters: beta (geometric mean over teachers), alpha, floor (mean, signed) of
    L = beta x^-alpha + floor. status: a key of STATUS. x: scanned sizes; used: which of them
    entered the fit, shape [points]. groups, curves: the teachers and their fits. tests: p-values,
    `equal` (α = prediction), `bound` (α ≥ prediction), `floor` (no floor), `teachers` (one
    exponent for all teachers), `law` (power+floor holds). starts: tried and reached_best,
    summed over teachers. verdict: None without a prediction. advice: what would decide.
    """

    alpha: float
    interval: Interval
    intervals: dict[str, Interval]
    parameters: dict[str, float]
    status: str
    law: str
    x: Float[np.ndarray, " points"]
    used: Bool[np.ndarray, " points"]
    n: int
    teachers: int
    groups: tuple[str, ...]
    curves: Curves | None
    tests: dict[str, float]
    starts: dict[str, int]
    doubts: tuple[str, ...]
    prediction: float | None
    sense: str
    tolerance: float
    verdict: str | None
    advice: str

    @property
    def x_range(self) -> Interval:
        """Smallest and largest x that entered the fit."""
        inside = self.x[self.used]
        return float(inside[0]), float(inside[-1])

    @property
    def teacher_alpha(self) -> Float[np.ndarray, " teachers"]:
        """The exponent of each teacher, in the order of `groups`."""
        return np.array([]) if self.curves is None else self.curves.alpha

    def teacher_curves(self, x: Sequence | np.ndarray) -> Float[np.ndarray, "teachers points"]:
        """Fitted loss of each teacher at x. NaN where a negative floor makes it negative."""
        if self.curves is None:
            return np.full((self.teachers, np.size(x)), np.nan)
        c = self.curves
        u = np.log(np.asarray(x, float)) - np.log(self.x_range[1])
        inner = 1 + c.share[:, None] * np.expm1(-c.alpha[:, None] * u)
        return np.exp(c.level)[:, None] * np.where(inner > 0, inner, np.nan)

    def predict(self, x: Sequence | np.ndarray) -> Float[np.ndarray, " points"]:
        """Geometric mean over teachers of the fitted losses at x, the curve to draw."""
        return np.exp(np.log(self.teacher_curves(x)).mean(0))


def exponent(
    scan: Scan,
    *,
    prediction: float | None = None,
    sense: str = "bound",
    tolerance: float = 0.15,
    law: str = "power+floor",
    replicates: int = 2000,
    seed: int = 0,
    doubts: Sequence[str] = (),
) -> Exponent:
    """Estimate the exponent of a scan and judge a prediction by it.

    prediction, sense, tolerance: see `verdict.py`. law: one of LAWS; `power` is diagnostic only,
    a floor biases it. replicates, seed: of the cluster bootstrap (exact for up to 7 teachers at
    2000 replicates). doubts: slugs the caller knows of, such as `under-trained` or `diverged`;
    those found in the data are appended.
    """
    if law not in LAWS:
        raise ValueError(f"law is {law!r}; an exponent is fitted by one of {', '.join(LAWS)}.")
    if prediction is not None:
        rule.allowed(prediction, sense, tolerance)
    used = np.ones(scan.x.size, bool)
    needed = 3 if law == "power+floor" else 2
    measured = np.isfinite(scan.log_loss).sum(1)
    fitted = scan if (measured >= needed).all() else _only_teachers(scan, measured >= needed)
    teachers = len(fitted.groups)
    request = dict(prediction=prediction, sense=sense, tolerance=tolerance)
    found = list(doubts)
    if teachers == 0:
        nothing = (np.nan, np.nan)
        return Exponent(
            np.nan, nothing, {}, {}, "too-few-points", law, scan.x, used, 0, 0, (), None, {}, {},
            tuple(found), **request, verdict=None if prediction is None else rule.UNDECIDED,
            advice=f"a teacher has {measured.max()} x; {law} needs at least {needed}.")
    share = None if law == "power+floor" else 1.0
    log_x = np.log(fitted.x)
    curves = fit_curves(log_x, fitted.log_loss, share=share)
    common = common_exponent(log_x, fitted.log_loss[None], curves, share=share)
    pure = fit_curves(log_x, fitted.log_loss, share=1.0)
    intervals = {
        "profile": _pair(common.profile), "wald": _pair(common.wald)
    }
    if teachers > 1:
        alpha = float(curves.alpha.mean())
        resampled = bootstrap(curves.alpha, replicates=replicates, seed=seed)
        intervals = {"teacher-t": _pair(teacher_t(curves.alpha)), **intervals,
                     **{name: _pair(ends) for name, ends in resampled.items()}}
        interval = intervals["teacher-t"]
    else:
        alpha, interval = float(curves.alpha[0]), intervals["profile"]
    tests = _tests(fitted, curves, pure, common, alpha, prediction)
    found += [d for d in _doubts(fitted, curves, common, tests, interval, alpha) if d not in found]
    status = _status(fitted, curves, pure, alpha, interval)
    judged, sentence = None, ""
    if prediction is not None:
        judged = rule.verdict(alpha, interval, usable=status in USABLE, doubts=found, **request)
        if status not in USABLE:
            sentence = f"{STATUS[status]}; widen the range of x or lower the noise between seeds."
        elif judged == rule.UNDECIDED:
            sentence = rule.advice(
                alpha, interval, teachers=teachers, doubts=found, **request,
                deviation=float(curves.alpha.std(ddof=1)) if teachers > 1 else np.nan,
                reach=lambda half: _reach(fitted, curves, common, teachers, half))
    beta = np.maximum(curves.amplitude(log_x), np.finfo(float).tiny)
    parameters = {"beta": float(np.exp(np.log(beta).mean())), "alpha": alpha,
                  "floor": float(curves.floor().mean())}
    starts = {"tried": len(STARTS if share is None else (share,)) * teachers,
              "reached_best": int(curves.reached.sum())}
    return Exponent(
        alpha, interval, intervals, parameters, status, law, scan.x, used,
        int(np.isfinite(fitted.log_loss).sum()), teachers, fitted.groups, curves, tests, starts,
        tuple(found), **request, verdict=judged, advice=sentence)


def _only_teachers(scan: Scan, keep: np.ndarray) -> Scan:
    groups = tuple(g for g, k in zip(scan.groups, keep, strict=True) if k)
    return Scan(scan.x, scan.log_loss[keep], scan.count[keep], groups)


def _pair(ends: tuple[np.ndarray, np.ndarray]) -> Interval:
    return float(np.ravel(ends[0])[0]), float(np.ravel(ends[1])[0])


def _tail(f: float, above: float, below: float) -> float:
    """P(F > f) of the F distribution; NaN without degrees of freedom."""
    return float(special.fdtrc(above, below, max(f, 0.0))) if below > 0 and above > 0 else np.nan


def _tests(scan, curves, pure, common, alpha, prediction) -> dict[str, float]:
    teachers = len(scan.groups)
    points = np.isfinite(scan.log_loss).sum()
    cost = curves.cost.sum() + 1e-26
    dof = points - 3 * teachers
    tests = {
        "floor": _tail((pure.cost.sum() - cost) / teachers / (cost / max(dof, 1)), teachers, dof),
        "teachers": _tail(
            (common.cost[0] - cost) / max(teachers - 1, 1) / (cost / max(dof, 1)),
            teachers - 1, dof),
        "law": _law_holds(curves.residual, np.isfinite(scan.log_loss)),
    }
    if prediction is not None and teachers > 1:
        se = curves.alpha.std(ddof=1) / np.sqrt(teachers)
        t = (alpha - prediction) / max(se, 1e-300)
        below = float(special.stdtr(teachers - 1, t))
        tests |= {"equal": 2 * min(below, 1 - below), "bound": below}
    return tests


def _law_holds(residual: np.ndarray, measured: np.ndarray) -> float:
    """p-value of `the teachers' residuals have no shape in common` (lack of fit, F)."""
    teachers, points = residual.shape
    free = points - 3
    if teachers < 2 or free < 1 or not measured.all():
        return np.nan
    mean = residual.mean(0)
    inside = ((residual - mean) ** 2).sum() / ((teachers - 1) * free)
    return _tail(teachers * (mean**2).sum() / free / max(inside, 1e-26), free,
                 (teachers - 1) * free)


def _doubts(scan, curves, common, tests, interval, alpha) -> list[str]:
    found = []
    power = curves.share[:, None] * np.exp(-curves.alpha[:, None] * np.log(scan.x / scan.x[-1]))
    floor_share = np.median((1 - curves.share)[:, None] / (1 - curves.share[:, None] + power), 0)
    if (floor_share > 0.5).mean() > 0.5:
        found.append("floor")
    if tests["floor"] < SIGNIFICANT and curves.share.mean() > 1:
        found.append("steepening")
    if tests["law"] < SIGNIFICANT:
        found.append("wrong-law")
    if scan.decades < 1:
        found.append("few-decades")
    if len(scan.groups) == 1:
        found.append("one-teacher")
    lo, hi = _pair(common.profile)
    apart = not (lo <= alpha <= hi) or not (interval[0] <= common.alpha[0] <= interval[1])
    if tests["teachers"] < SIGNIFICANT or (np.isfinite([lo, hi]).all() and apart):
        found.append("intervals-disagree")
    return found


def _status(scan, curves, pure, alpha, interval) -> str:
    spread = np.nanmax(scan.log_loss, 1) - np.nanmin(scan.log_loss, 1)
    if np.median(pure.alpha) <= 0.01 or np.median(spread) < 1e-3:
        return "flat"
    if curves.at_bound.any():
        return "bound-hit"
    lo, hi = interval
    return "ill-conditioned" if not np.isfinite(hi) or (hi - lo) / 2 > alpha else "converged"


def _reach(scan, curves, common, teachers: int, half_width: float) -> float | None:
    """The largest x at which a scan of the same spacing reaches a half-width, None within three
    more decades. Teachers keep their scatter; the error of each fit follows the design."""
    if common.dof[0] < 1:
        return None
    alpha, share = common.alpha[0], float(np.median(curves.share))
    noise = common.cost[0] / common.dof[0]
    u = np.log(scan.x / scan.x[-1])
    step = -u[0] / (u.size - 1)

    def error(u: np.ndarray) -> float:
        m = np.exp(-alpha * u)
        inner = 1 + share * (m - 1)
        design = np.stack([np.ones_like(u), -u * share * m / inner, (m - 1) / inner], 1)
        if share <= 0 or (inner <= 0).any():
            return np.inf
        return float(noise * np.linalg.pinv(design.T @ design)[1, 1])

    now = error(u)
    total = curves.alpha.var(ddof=1) if teachers > 1 else now
    between = max(total - now, 0.0)
    quantile = student_quantile(max(teachers - 1, 1) if teachers > 1 else common.dof[0])
    for extra in range(1, int(np.ceil(3 * np.log(10) / step)) + 1):
        longer = np.append(u, step * np.arange(1, extra + 1))
        if quantile * np.sqrt((between + error(longer)) / teachers) <= half_width:
            return float(scan.x[-1] * np.exp(extra * step))
    return None
