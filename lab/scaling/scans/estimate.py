"""The exponent of one scan as it is estimated, before anybody asks what it means.

Object: α over the measured range, the mean over teachers k of the least-squares slopes α_k of log
L(x, k), or of the exponents of L(x, k) = β_k x^−α_k + floor_k, from the cells of a `Scan`, by the
arrays of `estimates.py`. What more training would change is told by the caller as a `Correction`
and is kept beside α, not in it.

    local exponents   slopes between neighbouring x
    forecast          the two largest x from the rest

Known bias: the fit is in log loss, and the mean log of a loss that scatters lies below the log of
its mean by half the variance: a few per cent in α where single losses scatter by a half and more at
one end of the scan than at the other.

What it does not do: quote an interval, or doubt. A bend is small or large for the tolerance of a
question, so both are judged: see `judge/reading.py`. Choose between laws; see `weights.py`. Fit a
table of a user; see `reply.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from lab.scaling.scans.curves import Curves
from lab.scaling.scans.estimates import LAWS, Estimates, estimates
from lab.scaling.scans.intervals import LEVEL, Interval, bootstrap
from lab.scaling.scans.limit import Limit, limit
from lab.scaling.scans.lines import lines
from lab.scaling.scans.lines import local as local_slopes
from lab.scaling.scans.scan import COUNTS, Scan


class Local(NamedTuple):
    """The exponent between two neighbouring x: at their geometric mean x, with its 95 % ends."""

    x: float
    alpha: float
    lo: float
    hi: float


class Correction(NamedTuple):
    """What unlimited training would add to α, its standard error, and the log change of the loss
    that it would make at the largest x."""

    alpha: float
    error: float
    late: float


@dataclass(frozen=True)
class Estimate:
    """An exponent without a question.

    alpha: the mean over teachers. intervals: of sampling, by method. by_size: α and its interval
    under each count of size, by the names of `scan.COUNTS`; empty where nothing is counted. local:
    local exponents. limit: the exponent at x → ∞ given ω, None without one. forecast: error of the
    forecast of the two largest x in log loss, and its 95 % interval. correction: what more training
    would add to `alpha`. parameters: beta (geometric mean over teachers), alpha, floor of L = beta
    x^-alpha + floor. status: a key of STATUS. x: scanned sizes that were measured. n: cells fitted.
    groups, curves: the teachers and their fits. tests: p-values of `floor` (there is none),
    `teachers` (they share one exponent), `common` (they have no noise in common). arrays: what this
    was read from, of one scan; None where nothing was fitted, and then `refusal` says why.
    """

    alpha: float | int
    intervals: dict[str, Interval]
    by_size: dict[str, tuple[float, Interval]]
    local: tuple[Local, ...]
    limit: Limit | None
    forecast: tuple[float, Interval] | None
    correction: Correction | None
    parameters: dict[str, float]
    status: str
    law: str
    x: Float[np.ndarray, " points"]
    n: int
    teachers: int
    groups: tuple[str, ...]
    teacher_alpha: Float[np.ndarray, " teachers"]
    curves: Curves | None
    tests: dict[str, float]
    arrays: Estimates | None = field(repr=False)
    refusal: str

    def teacher_curves(self, x: Sequence | np.ndarray) -> Float[np.ndarray, "teachers points"]:
        """Fitted loss of each teacher at x. NaN where a negative floor makes it negative."""
        if self.curves is None:
            return np.full((self.teachers, np.size(x)), np.nan)
        _, inner = self.curves.inner(np.log(np.asarray(x, float)))
        return np.exp(self.curves.level)[:, None] * np.where(inner > 0, inner, np.nan)

    def predict(self, x: Sequence | np.ndarray) -> Float[np.ndarray, " points"]:
        """Geometric mean over teachers of the fitted losses at x, the curve to draw."""
        return np.exp(np.log(self.teacher_curves(x)).mean(0))


def estimate(
    scan: Scan,
    *,
    law: str = "power",
    correction: Correction | None = None,
    omega: float | None = None,
    count: str | None = None,
    drawn: bool = True,
    level: float = LEVEL,
    replicates: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Estimate the exponent of a scan.

    law: one of LAWS, what is known of the floor. correction: what more training would change.
    omega: the exponent ω of the correction 1 + B x^−ω, see `limit.py`. count: of `scan.COUNTS`, by
    which the exponent is quoted, that of x where None. drawn: whether the groups are teachers
    drawn at random; else they are starts of one target, see `estimates.py`. level: of the quoted
    interval, .95 but at the looks of a sequence (`judge/looks.py`).
    replicates, seed: of the cluster bootstrap (exact for up to 7 teachers at 2000 replicates).
    Raises ValueError for an unknown law, an ω that is not positive, or ω beside a floor.
    """
    if law not in LAWS:
        raise ValueError(f"law is {law!r}; an exponent is fitted by one of {', '.join(LAWS)}.")
    if omega is not None and not (np.isfinite(omega) and omega > 0):
        raise ValueError(f"omega is {omega}; it must be a positive number, such as 1.")
    if omega is not None and law == "power+floor":
        raise ValueError("omega corrects a power law without a floor; leave it out, or the floor.")
    measured = np.isfinite(scan.log_loss).sum(1)
    needed = 3 if law == "power+floor" else 2
    fitted = scan.teachers(measured >= needed).measured()
    if not fitted.groups or fitted.x.size < 3:
        return _nothing(scan, law, int(measured.max()), needed)
    own = fitted.declared if count is None or fitted.counts is None else COUNTS.index(count)
    e = estimates(fitted.log_sizes, fitted.log_loss[None], declared=own, law=law, drawn=drawn,
                  level=level)  # fmt: skip
    alpha = float(e.alpha[0])
    curves = _curves(e, fitted, own)
    beta = np.maximum(curves.amplitude(), np.finfo(float).tiny)
    parameters = {
        "beta": float(np.exp(np.log(beta).mean())),
        "alpha": alpha,
        "floor": 0.0 if e.floors is None else float(curves.floor().mean()),
    }
    return Estimate(
        alpha=alpha, intervals=_sampling(e, replicates, seed), by_size=_by_size(e, fitted),
        local=_locals(fitted, own),
        limit=None if omega is None else limit(e.log_x, fitted.log_loss, omega),
        forecast=_forecast(e), correction=correction, parameters=parameters,
        status=e.status[0], law=law, x=fitted.x, n=int(np.isfinite(fitted.log_loss).sum()),
        teachers=len(fitted.groups), groups=fitted.groups, teacher_alpha=e.teacher_alpha[0],
        curves=curves, tests={name: float(p[0]) for name, p in e.tests.items()}, arrays=e,
        refusal="",
    )  # fmt: skip


def _forecast(e: Estimates) -> tuple[float, Interval] | None:
    error, half = float(e.ahead[0]), float(e.ahead_half[0])
    return (error, (error - half, error + half)) if np.isfinite(error) else None


def _sampling(e: Estimates, replicates: int, seed: int) -> dict[str, Interval]:
    alpha, own = float(e.alpha[0]), e.teacher_alpha
    found = {name: (alpha - float(h[0]), alpha + float(h[0])) for name, h in e.halves.items()
             if np.isfinite(h[0])}  # fmt: skip
    if own.shape[1] > 1 and e.drawn:
        for name, (lo, hi) in bootstrap(own, replicates=replicates, seed=seed).items():
            found[name] = (float(lo[0]), float(hi[0]))
    return found


def _by_size(e: Estimates, scan: Scan) -> dict[str, tuple[float, Interval]]:
    if scan.counts is None:
        return {}
    return {
        name: (float(a), (float(a - h), float(a + h)))
        for name, a, h in zip(COUNTS, e.by_count[:, 0], e.by_count_half[:, 0], strict=True)
    }


def _locals(scan: Scan, own: int) -> tuple[Local, ...]:
    u = scan.log_sizes[own]
    mean, half = local_slopes(u, scan.log_loss[None])
    middle = np.exp((u[1:] + u[:-1]) / 2)
    return tuple(
        Local(float(x), float(a), float(a - h), float(a + h))
        for x, a, h in zip(middle, mean[0], half[0], strict=True)
        if np.isfinite(a)
    )


def _curves(e: Estimates, scan: Scan, own: int) -> Curves:
    """The teachers' fits over the declared x, whatever count the exponent is quoted by."""
    if e.floors is None:
        return _straight(scan.log_sizes[scan.declared], scan)
    if own == scan.declared:
        return e.floors.curves
    again = estimates(
        scan.log_sizes, scan.log_loss[None], declared=scan.declared, law="power+floor"
    )
    assert again.floors
    return again.floors.curves


def _straight(u: np.ndarray, scan: Scan) -> Curves:
    """The teachers' lines as curves without a floor, under the declared count."""
    fit = lines(u, scan.log_loss[None])
    alpha, K = fit.alpha.value[0], len(scan.groups)
    return Curves(
        alpha, np.ones(K), fit.level[0] - alpha * u[-1], np.full(K, u[-1]),
        (fit.residual[0] ** 2).sum(1), fit.residual[0], np.ones(K))  # fmt: skip


def _nothing(scan: Scan, law: str, most: int, needed: int) -> Estimate:
    return Estimate(
        alpha=np.nan, intervals={}, by_size={}, local=(), limit=None, forecast=None,
        correction=None, parameters={}, status="too-few-points", law=law, x=scan.x, n=0, teachers=0,
        groups=(), teacher_alpha=np.array([]), curves=None, tests={}, arrays=None,
        refusal=f"a teacher has {most} x; an exponent needs at least three x, and {law} {needed} "
        "of every teacher.",
    )  # fmt: skip
