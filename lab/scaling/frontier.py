"""Compute frontier: the best size at fixed compute, from losses over size and steps.

    N_opt ∝ C^ξ,    L_opt ∝ C^−η,    excess f = L_opt(C)/L(N_opt, ∞) − 1

by three estimators:

    envelope     curves of one size each, interpolated in log C (Kaplan et al., arXiv 2001.08361;
                 Henighan et al., arXiv 2010.14701): each touches the envelope between its crossings
                 with its neighbours on the hull, in the limit of sizes that are close
    isoflop      at equal C the minimum over sizes: of a cubic spline in log N between curves that
                 are interpolated to equal C; of rows in groups of equal C, of a parabola through
                 the points around the least loss (Hoffmann et al., arXiv 2203.15556, approach 2)
    parametric   E + A N^−α + B S^−β fitted to all rows (approach 3): ξ = β/(α + β),
                 η = αβ/(α + β), f = α/β, over the loss above E

ξ and η are slopes of log-log lines. Their intervals are Student's for the line through as many
points as there are sizes between them, with three times the variance where a curve enters three of
them, and of the parametric law percentiles of a bootstrap over runs (over rows where no runs are
named). Of noise-free losses they do not hold the bias.

Known bias, on `lab.models.Truncation` at sizes √2 apart: ξ +.001, η −.0005, f ± 1 % by both; at
sizes a factor 2 apart isoflop has ξ +.007 and f +15 %, and a parabola through a wide valley, which
is steeper on the side of small sizes, f +65 %. Where the frontier is a power law all displace N_opt
by one factor at all C, which is why ξ and η are free of it, and N_opt and f are not.
The additive law is told with `misfit` where residuals have a shape: there ξ is .42 to .45 for .40,
and f is 1.5 for .17. An excess needs curves that go on until they are flat: it is a lower bound
(`unfinished`) where the loss still falls at the end of the curves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import special

from lab.scaling.equal_compute import (
    FEWEST,
    STEPS,
    FrontierError,
    SizeCurve,
    Valley,
    groups_of_rows,
    parabola,
    size_curves,
    spline,
    valleys_of_curves,
    valleys_of_rows,
)
from lab.scaling.laws.fit import LawFit, fit_law
from lab.scaling.laws.uncertainty import resample
from lab.scaling.scans.lines import LEVEL, student_quantile
from lab.scaling.scans.scan import Interval

__all__ = ["Allocation", "Frontier", "FrontierError", "FrontierPoint", "FrontierValue", "frontier"]

METHODS = ("envelope", "isoflop", "parametric")
SHARED = 3.0
"""Optima that one curve enters, and so the variance of their mean over that of independent ones."""
BENT = 0.05
"""Relative change of a slope over the range below which a line is straight, however small its
scatter."""
FLAT = 0.02
"""Local exponent at the end of a curve, over its last decade, below which it is at its limit."""
REPLICATES = 400
FRONTIER_STATUS = {
    "power-law": "the points lie on one line",
    "bent": "the points lie on a curve: the exponent is a local slope",
    "misfit": "the law's residuals have a shape: it does not describe these losses",
    "unfinished": "curves still fall at their end: a lower bound",
    "no-curves": "there are no curves: the loss at infinite time is not known",
}


@dataclass(frozen=True)
class FrontierValue:
    """A number with its 95 % interval and a word of FRONTIER_STATUS; NaN where it has none."""

    value: float
    interval: Interval
    status: str


@dataclass(frozen=True)
class Allocation:
    """Best size, steps and loss at one compute, by the lines of the frontier."""

    N: FrontierValue
    S: FrontierValue
    loss: FrontierValue


@dataclass(frozen=True)
class FrontierPoint:
    """A point of the frontier.

    Attributes:
        C: compute. N: best size. S: its steps. loss: its loss.
        excess: loss/L(N, ∞) − 1, NaN where L(N, ∞) is not known.
    """

    C: float
    N: float
    S: float
    loss: float
    excess: float


@dataclass(frozen=True)
class Frontier:
    """A compute frontier.

    Attributes:
        xi, eta, excess: see the file.
        steps: slope of S_opt ∝ C^steps; 1 − ξ where C is a multiple of N S.
        method: of METHODS.
        points: the optima that the lines go through; of the parametric law none.
        left_out: a sentence for each group or curve that has no optimum inside of its range.
        cost: C/(N S), the geometric mean over rows; the steps of an allocation rest on it.
    """

    xi: FrontierValue
    eta: FrontierValue
    excess: FrontierValue
    steps: FrontierValue
    method: str
    points: tuple[FrontierPoint, ...]
    left_out: tuple[str, ...]
    cost: float
    _size: _Line
    _loss: _Line

    def allocate(self, C: float) -> Allocation:
        """Best size, steps and loss at a compute C > 0, with intervals of the lines there."""
        if not (np.isfinite(C) and C > 0):
            raise FrontierError(f"C = {C} is no compute; give a positive number")
        N, loss = self._size.at(C), self._loss.at(C)
        steps = [C / self.cost / size for size in (N[0], N[2], N[1])]
        rows = ((N, self.xi), (steps, self.xi), (loss, self.eta))
        return Allocation(*(FrontierValue(v[0], (v[1], v[2]), of.status) for v, of in rows))


@dataclass(frozen=True)
class _Line:
    """log y over log C: coefficients at the centre and their covariance, with its t quantile; or
    draws of a bootstrap [replicates, 2] around the estimate. `above` is a constant added to y."""

    centre: float
    coefficients: np.ndarray
    covariance: np.ndarray
    quantile: float
    above: float = 0.0

    @classmethod
    def through(cls, C: np.ndarray, y: np.ndarray, units: int, shared: bool) -> _Line:
        """Least squares. The covariance is that of `units` independent points, and SHARED times
        that where neighbouring optima share curves."""
        centre = float(np.log(C).mean())
        design = np.stack([np.ones(C.size), np.log(C) - centre], 1)
        found, *_ = np.linalg.lstsq(design, np.log(y), rcond=None)
        rest, dof = np.log(y) - design @ found, max(units - 2, 1)
        covariance = rest @ rest / (C.size - 2) * np.linalg.inv(design.T @ design)
        covariance *= C.size / units * (SHARED if shared else 1)
        return cls(centre, found, covariance, float(student_quantile(dof)))

    @property
    def slope(self) -> tuple[float, Interval]:
        half = self.quantile * np.sqrt(self.covariance[1, 1])
        value = float(self.coefficients[1])
        return value, (float(value - half), float(value + half))

    def at(self, C: float) -> tuple[float, float, float]:
        """y and the ends of its interval."""
        row = np.array([1.0, np.log(C) - self.centre])
        half = self.quantile * np.sqrt(max(row @ self.covariance @ row, 0.0))
        mean = row @ self.coefficients
        return tuple(float(self.above + np.exp(mean + h)) for h in (0.0, -half, half))  # type: ignore[return-value]


def frontier(
    N: Sequence[float] | np.ndarray,
    S: Sequence[float] | np.ndarray,
    loss: Sequence[float] | np.ndarray,
    flops: Sequence[float] | np.ndarray | None = None,
    run: Sequence[Any] | np.ndarray | None = None,
    method: str = "envelope",
    *,
    huber: float | None = None,
    seed: int = 0,
) -> Frontier:
    """The compute frontier of observations, one entry each.

    Args:
        N, S, loss: size, steps (or samples, tokens, time) and loss, positive.
        flops: compute C; 6 N S unless told.
        run: which observations are of one curve; those of one size unless told. Labels with
            several sizes each name isoFLOP groups, and are none of curves.
        method: "envelope" (needs curves), "isoflop" (curves, or groups of equal C) or "parametric".
        huber: δ of Huber's loss for the parametric law, in log loss; least squares unless told.
        seed: of the parametric law's bootstrap.

    Raises FrontierError, one sentence, for columns that are not equally long, finite and positive,
    one size, less than a decade of compute, steps that follow the size, and fewer than FEWEST
    points with an optimum inside of the range.
    """
    size, steps, losses = (_column(n, v) for n, v in (("N", N), ("S", S), ("loss", loss)))
    compute = 6 * size * steps if flops is None else _column("flops", flops)
    label = size if run is None else np.asarray(run)
    if not size.shape == steps.shape == losses.shape == compute.shape == label.shape:
        raise FrontierError("the columns are not equally long; give one entry an observation each")
    if method not in METHODS:
        raise FrontierError(f"method is {method!r}; choose one of {', '.join(METHODS)}")
    _refuse(size, steps, compute)
    cost = float(np.exp(np.mean(np.log(compute / size / steps))))
    if method == "parametric":
        return _parametric(size, steps, losses, compute, None if run is None else label, cost,
                           huber=huber, seed=seed)  # fmt: skip
    of_groups = None if run is None else label
    groups = groups_of_rows(size, compute, of_groups) if method == "isoflop" else []
    curves = [] if groups else size_curves(size, steps, losses, compute, label)
    if method == "envelope":
        points, left_out = _tangents(curves)
    elif groups or len(curves) < FEWEST:
        points, left_out = _minima(valleys_of_rows(groups, size, steps, losses, compute), parabola)
    else:
        points, left_out = _minima(valleys_of_curves(curves), spline)
    return _through(points, tuple(left_out), curves, method, cost)


def _column(name: str, values: Any) -> Float[np.ndarray, " rows"]:
    column = np.asarray(values, float)
    if column.ndim != 1 or not (np.isfinite(column) & (column > 0)).all():
        raise FrontierError(f"{name} is no column of finite positive numbers; leave other rows out")
    return column


def _refuse(size: np.ndarray, steps: np.ndarray, compute: np.ndarray) -> None:
    if size.size < FEWEST:
        raise FrontierError(f"{size.size} observations have no frontier; give more sizes and steps")
    sizes = np.unique(size)
    if sizes.size < FEWEST:
        raise FrontierError(
            f"N takes {sizes.size} value{'s' * (sizes.size > 1)}: a frontier needs {FEWEST} sizes "
            "or more; train others"
        )
    decades = np.ptp(np.log10(compute))
    if decades < 1:
        raise FrontierError(
            f"C spans {decades:.2g} decades, and a slope needs one or more; vary the compute"
        )
    x, y = np.log(size) - np.log(size).mean(), np.log(steps) - np.log(steps).mean()
    apart = (y - (x @ y) / (x @ x) * x).std() / np.log(10)
    if apart < 0.03:
        raise FrontierError(
            f"S follows N ({apart:.3f} decades apart): more steps and larger sizes look alike; "
            "vary them independently"
        )


# ---- optima ------------------------------------------------------------------------------------


def _tangents(curves: list[SizeCurve]) -> tuple[list[FrontierPoint], list[str]]:
    """Points where curves touch their envelope, between crossings with neighbours on the hull."""
    if len(curves) < FEWEST:
        raise FrontierError(
            f"{len(curves)} sizes have curves of {STEPS} steps or more, and an envelope needs "
            f"{FEWEST}; give more checkpoints, or take the method isoflop or parametric"
        )
    log_C = np.linspace(min(c.low for c in curves), max(c.high for c in curves), 4000)
    losses = np.stack([c.at(log_C) for c in curves])
    least = losses.argmin(0)[np.isfinite(losses).any(0)]
    # the hull: each size once, in order, where it is the best
    hull = [curves[k] for k in sorted(set(least))]
    cross = [_crossing(a, b) for a, b in zip(hull[:-1], hull[1:], strict=True)]
    points, left_out = [], []
    for k in range(1, len(hull) - 1):
        before, after = cross[k - 1], cross[k]
        wide = _crossing(hull[k - 1], hull[k + 1])
        curve = hull[k]
        at = (before + after) / 2
        # crossings of sizes a factor r apart lie off the tangent by log² r: extrapolate to r = 1
        at -= (wide - at) / 3
        if not curve.low <= at <= curve.high:
            left_out.append(
                f"N = {curve.size:g} is not crossed by both of its neighbours: curves end too soon"
            )
            continue
        log_L = float(curve.at(np.array(at)))
        points.append(
            FrontierPoint(
                float(np.exp(at)), curve.size, float(np.exp(at) / curve.cost / curve.size),
                float(np.exp(log_L)), float(np.exp(log_L) / curve.last - 1),
            )
        )  # fmt: skip
    return points, left_out


def _crossing(small: SizeCurve, large: SizeCurve) -> float:
    """log C from which on the larger size is better; NaN where their curves do not cross."""
    from scipy.optimize import brentq

    def gap(x: Any) -> Any:
        return small.of(x) - large.of(x)

    low, high = max(small.low, large.low), min(small.high, large.high)
    if not low < high:
        return np.nan
    grid = np.linspace(low, high, 400)
    signs = np.signbit(gap(grid))  # the smaller size is better
    change = np.flatnonzero(signs[:-1] & ~signs[1:])
    if not change.size:
        return np.nan
    k = change[-1]
    return float(brentq(lambda x: float(gap(x)), grid[k], grid[k + 1], xtol=1e-12))


def _minima(valleys: list[Valley], smooth: Any) -> tuple[list[FrontierPoint], list[str]]:
    """Minima over sizes at equal compute, of a smooth curve through log N − that of the least."""
    few = sum(one.log_N.size < FEWEST for one in valleys)
    points, left_out = [], []
    if few:
        left_out.append(f"groups of equal C with fewer than {FEWEST} sizes: {few}")
    for one in valleys:
        name, log_N, value = f"C = {np.exp(one.log_C):.3g}", one.log_N, one.log_L
        if log_N.size < FEWEST:
            continue
        best = int(value.argmin())
        if best in (0, log_N.size - 1):
            left_out.append(f"{name} has its minimum at the edge, N = {np.exp(log_N[best]):.3g}")
            continue
        x = log_N - log_N[best]
        curve, low, high = smooth(x, value)
        fine = np.linspace(low, high, 2001)
        valley = curve(fine)
        vertex = fine[valley.argmin()]
        if vertex in (low, high):
            left_out.append(f"{name} has no minimum inside of its sizes")
            continue
        log_S = np.interp(vertex, x, one.log_S)
        C, N, S, L = np.exp([one.log_C, log_N[best] + vertex, log_S, valley.min()]).tolist()
        points.append(FrontierPoint(C, N, S, L, np.nan))
    return points, left_out


def _through(
    points: list[FrontierPoint],
    left_out: tuple[str, ...],
    curves: list[SizeCurve],
    method: str,
    cost: float,
) -> Frontier:
    """Lines through optima, and the excess over the ends of curves."""
    if len(points) < FEWEST:
        reason = f": {left_out[0]}" if left_out else ""
        raise FrontierError(
            f"{len(points)} optima lie inside of the range, and a slope needs {FEWEST}{reason}; "
            "add sizes on both sides, or compute"
        )
    C, N, S, loss = (np.array([getattr(p, n) for p in points]) for n in ("C", "N", "S", "loss"))
    if np.ptp(np.log10(C)) < 1:
        raise FrontierError(
            f"the optima span {np.ptp(np.log10(C)):.2g} decades of C, and a slope needs one or "
            "more; add sizes or compute"
        )
    limit, known = _limits(curves, N)
    over = np.array([p.excess for p in points])
    over = np.where(np.isnan(over), loss / limit - 1, over)
    points = [replace(p, excess=float(f)) for p, f in zip(points, over, strict=True)]
    sizes = len([c for c in curves if N.min() <= c.size <= N.max()])
    lines = [_Line.through(C, y, min(sizes, C.size) or C.size, bool(sizes)) for y in (N, loss, S)]
    fall, ends = lines[1].slope
    f = over[np.isfinite(over)]
    if f.size < FEWEST:
        excess = FrontierValue(np.nan, (-np.inf, np.inf), "no-curves")
    else:
        half = float(student_quantile(f.size - 1)) * f.std(ddof=1) / np.sqrt(f.size)
        mean, half = float(f.mean()), float(half)
        excess = FrontierValue(mean, (mean - half, mean + half), known)
    return Frontier(
        FrontierValue(*lines[0].slope, _straight(C, N)),
        FrontierValue(-fall, (-ends[1], -ends[0]), _straight(C, loss)),
        excess, FrontierValue(*lines[2].slope, _straight(C, S)), method, tuple(points), left_out,
        cost,
        *lines[:2],
    )  # fmt: skip


def _limits(curves: list[SizeCurve], N: np.ndarray) -> tuple[np.ndarray, str]:
    """L(N, ∞) at sizes between those of curves: log-log lines between their last losses."""
    if len(curves) < 2:
        return np.full(N.shape, np.nan), "no-curves"
    x = np.log([c.size for c in curves])
    y = np.log([c.last for c in curves])
    at = np.log(N)
    limit = np.where((at >= x[0]) & (at <= x[-1]), np.exp(np.interp(at, x, y)), np.nan)
    used = [c.ends for c in curves if N.min() <= c.size <= N.max()]
    return limit, "power-law" if used and max(used) < FLAT else "unfinished"


def _straight(C: np.ndarray, y: np.ndarray) -> str:
    """`bent` where a parabola in log C describes y better than a line (F test, p < .01)."""
    x = np.log(C) - np.log(C).mean()
    rest = [np.sum((np.log(y) - np.polyval(np.polyfit(x, np.log(y), k), x)) ** 2) for k in (1, 2)]
    dof = C.size - 3
    second, first, _ = np.polyfit(x, np.log(y), 2)
    if dof < 2 or abs(2 * second * np.ptp(x)) < BENT * abs(first):
        return "power-law"
    p = special.fdtrc(1, dof, (rest[0] - rest[1]) / max(rest[1] / dof, 1e-300))
    return "bent" if p < 0.01 else "power-law"


# ---- the additive law ----------------------------------------------------------------------------


def _parametric(
    size: np.ndarray, steps: np.ndarray, loss: np.ndarray, compute: np.ndarray,
    groups: np.ndarray | None, cost: float, *, huber: float | None, seed: int,
) -> Frontier:  # fmt: skip
    fit = fit_law("chinchilla", np.stack([size, steps]), loss, huber=huber)
    if not fit.parameters:
        raise FrontierError(" ".join(fit.warnings))
    draws = resample(fit, groups=groups, replicates=REPLICATES, seed=seed)
    law = fit.problem.law
    with np.errstate(over="ignore", invalid="ignore"):  # the estimate, then the draws
        values = law.natural(np.concatenate([fit.theta[None], draws]), fit.origin)
    finite = np.isfinite(values).all(1)  # a draw may have no amplitude at all, or rise
    if not (falls := finite & (values[:, 3:] > 0).all(1))[0] or falls.sum() < 3:
        raise FrontierError("the additive law has no finite best size; take the method envelope")
    E, _, _, α, β = values[finite].T
    ends = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
    status = "misfit" if _misfit(fit) else "power-law"

    def quantity(values: np.ndarray) -> FrontierValue:
        low, high = np.quantile(values[1:], ends)
        return FrontierValue(float(values[0]), (float(low), float(high)), status)

    # N^(α+β) = (αA/βB) (C/cost)^β, and there B S^−β = (α/β) A N^−α
    centre = float(np.log(compute).mean())
    _, A, B, a, b = values[falls].T
    log_N = (np.log(a * A / (b * B)) + b * (centre - np.log(cost))) / (a + b)
    log_L = np.log(A) - a * log_N + np.log1p(a / b)
    lines = []
    for level, slope in ((log_N, b / (a + b)), (log_L, -a * b / (a + b))):
        pair = np.stack([level, slope])
        lines.append(
            _Line(centre, pair[:, 0], np.cov(pair[:, 1:]), float(special.ndtri(ends[1])),
                  float(E[0]) if slope[0] < 0 else 0.0)
        )  # fmt: skip
    return Frontier(
        quantity(β / (α + β)), quantity(α * β / (α + β)), quantity(α / β),
        quantity(α / (α + β)), "parametric", (), (), cost, *lines,
    )  # fmt: skip


def _misfit(fit: LawFit) -> bool:
    """True if residuals have a shape: quadratic terms in log N and log S, over the tangent space of
    the fit, explain more than noise does (F test, p < .01)."""
    z, r = fit.problem.z, fit.residual
    if fit.problem.huber is not None:  # rows that Huber's loss gives little weight get little here
        far = 3 * 1.4826 * float(np.median(np.abs(r)))
        r = np.clip(r, -far, far)
    _, jacobian = fit.problem.law.evaluate(fit.theta[None], z)
    scaled = z / np.abs(z).max(1, keepdims=True)
    extra = np.stack([scaled[0] ** 2, scaled[1] ** 2, scaled[0] * scaled[1]])
    basis, _ = np.linalg.qr(jacobian[0].T)
    extra = extra - (extra @ basis) @ basis.T
    new, length, _ = np.linalg.svd(extra.T, full_matrices=False)
    new = new[:, length > 1e-3]
    dof = r.size - len(jacobian[0]) - new.shape[1]
    if dof < 2 or not new.shape[1] or r @ r < 1e-20 * r.size:
        return False
    explained = ((new.T @ r) ** 2).sum()
    f = explained / new.shape[1] / max((r @ r - explained) / dof, 1e-300)
    return bool(special.fdtrc(new.shape[1], dof, f) < 0.01)
