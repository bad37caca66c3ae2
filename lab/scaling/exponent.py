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
from lab.scaling.curves import STARTS, Curves
from lab.scaling.estimate import SIGNIFICANT, STATUS, Estimates, estimate
from lab.scaling.intervals import Interval, bootstrap, student_quantile
from lab.scaling.profile import likelihood_ratio
from lab.scaling.scan import Scan
from lab.scaling.stretch import stretches

LAWS = ("power+floor", "power")
USABLE = ("converged",)


@dataclass(frozen=True)
class Exponent:
    """An exponent and what stands behind it.

    alpha: the estimate. interval: THE 95 % interval. intervals: all of them by method.
    parameters: beta (geometric mean over teachers), alpha, floor (mean, signed) of
    L = beta x^-alpha + floor. status: a key of STATUS. x: scanned sizes; used: which of them
    entered the fit; stretch: what each of them is (`stretch.py`). n: cells fitted.
    groups, curves: the teachers and their fits. tests: p-values of `equal` (α = prediction,
    Student), `likelihood` (the same, by the profile), `bound` (α ≥ prediction), `floor` (there is
    none), `teachers` (they share one exponent), `law` (power + floor holds). starts: tried and
    reached_best, summed over teachers. doubts: slugs. verdict: None without a prediction.
    advice: what would decide an undecided point.
    """

    alpha: float | int
    interval: Interval
    intervals: dict[str, Interval]
    parameters: dict[str, float]
    status: str
    law: str
    x: Float[np.ndarray, " points"]
    used: Bool[np.ndarray, " points"]
    stretch: tuple[str, ...]
    n: int
    teachers: int
    groups: tuple[str, ...]
    curves: Curves | None
    tests: dict[str, float]
    starts: dict[str, int]
    doubts: tuple[str, ...]
    prediction: float | int | None
    sense: str
    tolerance: float | int
    verdict: str | None
    advice: str

    @property
    def x_range(self) -> Interval:
        """Smallest and largest x that entered the fit."""
        inside = self.x[self.used]
        return (float(inside[0]), float(inside[-1])) if inside.size else (np.nan, np.nan)

    @property
    def teacher_alpha(self) -> Float[np.ndarray, " teachers"]:
        """The exponent of each teacher, in the order of `groups`."""
        return np.array([]) if self.curves is None else self.curves.alpha

    def teacher_curves(self, x: Sequence | np.ndarray) -> Float[np.ndarray, "teachers points"]:
        """Fitted loss of each teacher at x. NaN where a negative floor makes it negative."""
        if self.curves is None:
            return np.full((self.teachers, np.size(x)), np.nan)
        _, inner = self.curves.inner(np.log(np.asarray(x, float)))
        return np.exp(self.curves.level)[:, None] * np.where(inner > 0, inner, np.nan)

    def predict(self, x: Sequence | np.ndarray) -> Float[np.ndarray, " points"]:
        """Geometric mean over teachers of the fitted losses at x, the curve to draw."""
        return np.exp(np.log(self.teacher_curves(x)).mean(0))


def exponent(
    scan: Scan,
    *,
    prediction: float | int | None = None,
    sense: str = "bound",
    tolerance: float | int = 0.15,
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
    request = dict(prediction=prediction, sense=sense, tolerance=tolerance)
    needed = 3 if law == "power+floor" else 2
    measured = np.isfinite(scan.log_loss).sum(1)
    fitted = _only_teachers(scan, measured >= needed)
    teachers = len(fitted.groups)
    if teachers == 0:
        nothing = (np.nan, np.nan)
        return Exponent(
            np.nan, nothing, {}, {}, "too-few-points", law, scan.x, np.zeros(scan.x.size, bool),
            ("",) * scan.x.size, 0, 0, (), None, {}, {}, tuple(doubts), **request,
            verdict=None if prediction is None else rule.UNDECIDED,
            advice=f"a teacher has {measured.max()} x; {law} needs at least {needed}.")
    log_x = np.log(fitted.x)
    e = estimate(log_x, fitted.log_loss[None], law=law)
    alpha, interval = float(e.alpha[0]), (float(e.lower[0]), float(e.upper[0]))
    intervals = {"profile": _pair(e.common.profile), "wald": _pair(e.common.wald)}
    if teachers > 1:
        resampled = bootstrap(e.teacher_alpha, replicates=replicates, seed=seed)
        intervals = {"teacher-t": interval, **intervals,
                     **{name: _pair(ends) for name, ends in resampled.items()}}
    tests = {name: float(p[0]) for name, p in e.tests.items()}
    if prediction is not None:
        kept = np.where(e.used[0], fitted.log_loss, np.nan)
        tests["likelihood"] = likelihood_ratio(
            log_x, kept, e.common, prediction, share=None if law == "power+floor" else 1.0)
        if teachers > 1:
            tests |= against(e.teacher_alpha[0], prediction)
    found = list(dict.fromkeys([*doubts, *doubts_of(e, log_x)[0]]))
    judged, sentence = None, ""
    if prediction is not None:
        usable = e.status[0] in USABLE
        judged = rule.verdict(alpha, interval, usable=usable, doubts=found, **request)
        if not usable:
            sentence = f"{STATUS[e.status[0]]}: widen the range of x or add seeds."
        elif judged == rule.UNDECIDED:
            sentence = rule.advice(
                alpha, interval, teachers=teachers, doubts=found, **request,
                deviation=float(e.teacher_alpha[0].std(ddof=1)) if teachers > 1 else np.nan,
                reach=lambda half: _reach(fitted.x, e, half))
    beta = np.maximum(e.curves.amplitude(), np.finfo(float).tiny)
    parameters = {"beta": float(np.exp(np.log(beta).mean())), "alpha": alpha,
                  "floor": float(e.curves.floor().mean())}
    starts = {"tried": len(STARTS if law == "power+floor" else (1.0,)) * teachers,
              "reached_best": int(e.curves.reached.sum())}
    stretch = stretches(log_x, fitted.log_loss, e.used[0], e.floor_share[0], e.curves)
    return Exponent(
        alpha, interval, intervals, parameters, e.status[0], law, scan.x, e.used[0], stretch,
        int(np.isfinite(fitted.log_loss[:, e.used[0]]).sum()), teachers, fitted.groups, e.curves,
        tests, starts, tuple(found), **request, verdict=judged, advice=sentence)


def doubts_of(e: Estimates, log_x: Float[np.ndarray, " points"]) -> list[list[str]]:
    """Doubts found in the data, per scan. In `verdict.REMEDY`, and `intervals-disagree`: teachers
    differ in their exponents, or one of the two main intervals leaves out the other's estimate."""
    scans, teachers = e.teacher_alpha.shape
    floored = (e.floor_share > 0.5).sum(1) > 0.5 * e.used.sum(1)
    curved = e.curves.share.reshape(scans, teachers).mean(1)
    steep = (e.tests["floor"] < SIGNIFICANT) & (curved > 1)
    broken = e.tests["law"] < SIGNIFICANT
    spans = np.where(e.used, log_x, -np.inf).max(1) - np.where(e.used, log_x, np.inf).min(1)
    lo, hi = e.common.profile
    apart = (e.alpha < lo) | (e.alpha > hi) | (e.common.alpha < e.lower) | (
        e.common.alpha > e.upper)
    flags = {
        "floor": floored, "steepening": steep, "wrong-law": broken,
        "few-decades": spans < np.log(10) * (1 - 1e-9),
        "one-teacher": np.full(scans, teachers == 1),
        "intervals-disagree": apart | (e.tests["teachers"] < SIGNIFICANT),
    }
    return [[name for name, flag in flags.items() if flag[i]] for i in range(scans)]


def against(alpha: Float[np.ndarray, " teachers"], prediction: float | int) -> dict[str, float]:
    """Student's tests of the teachers' mean exponent: p of `equal` and, one-sided, of `bound`
    (α ≥ prediction)."""
    error = alpha.std(ddof=1) / np.sqrt(alpha.size)
    below = float(special.stdtr(alpha.size - 1, (alpha.mean() - prediction) / max(error, 1e-300)))
    return {"equal": 2 * min(below, 1 - below), "bound": below}


def _only_teachers(scan: Scan, keep: np.ndarray) -> Scan:
    groups = tuple(g for g, k in zip(scan.groups, keep, strict=True) if k)
    return Scan(scan.x, scan.log_loss[keep], scan.count[keep], groups)


def _pair(ends: tuple[np.ndarray, np.ndarray]) -> Interval:
    return float(np.ravel(ends[0])[0]), float(np.ravel(ends[1])[0])


def _reach(x: np.ndarray, e: Estimates, half_width: float) -> float | None:
    """The largest x at which a scan of the same spacing reaches a half-width, None within three
    more decades. Teachers keep their scatter; the error of each fit follows the design."""
    teachers, common = e.teacher_alpha.shape[1], e.common
    if common.dof[0] < 1:
        return None
    alpha, share = common.alpha[0], float(np.median(e.curves.share))
    noise = common.cost[0] / common.dof[0]
    u = np.log(x[e.used[0]])
    u -= u[-1]
    step = -u[0] / (u.size - 1)

    def error(u: np.ndarray) -> float:
        m = np.exp(-alpha * u)
        inner = 1 + share * (m - 1)
        design = np.stack([np.ones_like(u), -u * share * m / inner, (m - 1) / inner], 1)
        if share <= 0 or (inner <= 0).any():
            return np.inf
        return float(noise * np.linalg.pinv(design.T @ design)[1, 1])

    now = error(u)
    total = e.curves.alpha.var(ddof=1) if teachers > 1 else now
    between = max(total - now, 0.0)
    quantile = student_quantile(max(teachers - 1, 1) if teachers > 1 else common.dof[0])
    for extra in range(1, int(np.ceil(3 * np.log(10) / step)) + 1):
        longer = np.append(u, step * np.arange(1, extra + 1))
        if quantile * np.sqrt((between + error(longer)) / teachers) <= half_width:
            return float(x[e.used[0]][-1] * np.exp(extra * step))
    return None
