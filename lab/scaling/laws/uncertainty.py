"""Uncertainty of the parameters of a fitted law, and the rows that stand out of it.

    profile      {θ_j : S(θ_j) ≤ S_min (1 + F_.95(1, ν)/ν)}, other coordinates at their optimum,
                 ν = n − coordinates. Squared residuals only, parameters that are coordinates only.
    percentile,  rows, or whole groups of rows, are drawn with replacement and the law is fitted
    basic        again from the optimum. With fewer than ten groups both are too short.
    wald         estimate ± t_ν se, se from σ² (J Jᵀ)⁻¹ by the delta method. Squared residuals only.
    sandwich     the same, with t_{G−1} and (J Jᵀ)⁻¹ [Σ_g J_g r_g r_gᵀ J_gᵀ] (J Jᵀ)⁻¹ G/(G−1), for
                 rows in G groups, with correlated residuals in each (Liang & Zeger 1986).

Profile and wald count every row as independent, so with groups they are left out. Of more than
MANY rows there is no profile, which is then what wald is, and a replicate is one Gauss-Newton step
from the optimum, which differs from its own optimum by O(1/n) (Schucany & Wang 1991). Of fewer
groups than MANY that is not enough: their replicates take three steps more.

Parameters that are positive by definition get `basic` intervals on a logarithmic scale.
Sources: Bates & Watts 1988 §6.1; Efron 1979; Besiroglu et al. 2024 bootstrap scaling laws so.

Outliers. Least squares hides the rows that pull it: a far row with leverage has a small residual.
So rows are judged by their distance from a fit that cannot be pulled, Huber's with δ = 10⁻³:

    |r_i| > 5 · 1.4826 median |r|   →   row i stands out,

and the fit in question is repeated without them. It is a warning, not a deletion.

What it does not do: choose the law, or say that a row is wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from lab.scaling.laws.fit import MANY, LawFit, covariance, fit_law
from lab.scaling.laws.law import descend
from lab.scaling.scans.curves import crossing
from lab.scaling.scans.lines import LEVEL, student_quantile
from lab.scaling.scans.scan import Interval

WEIGHTED = ("profile", "wald", "sandwich")  # intervals that come first where rows have weights
CHUNK = 250  # resamples drawn at a time, so that their counts need little memory
STEPS = 500  # replicates of one step: enough for the ends of an interval, to 5 % of its length
FEWEST, MOST = 200, 20_000_000  # replicates of more steps, and how many times the rows at most


@dataclass(frozen=True)
class Uncertainty:
    """intervals: parameter → method → (lower, upper). errors: bootstrap standard error of each
    parameter; neither has the parameters that are held. theta: bootstrap coordinates, of shape
    [replicates, coords]."""

    intervals: dict[str, dict[str, Interval]]
    errors: dict[str, float]
    theta: Float[np.ndarray, "replicates coords"]


# What the data do not bound is infinite, and what is computed from it infinite or undefined.
@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def uncertainty(
    fit: LawFit,
    *,
    groups: Sequence | np.ndarray | None = None,
    replicates: int = 2000,
    seed: int = 0,
) -> Uncertainty:
    """Intervals of every parameter of a fit that was not refused.

    groups: one label per row; whole groups are resampled. Raises ValueError for a refused fit, or
    a single group.
    """
    if not fit.parameters:
        raise ValueError(f"a refused fit has no intervals: {' '.join(fit.warnings)}")
    law = fit.problem.law
    if groups is not None and len(set(groups)) < 2:
        raise ValueError("one group shows nothing of the scatter between groups.")
    theta = resample(fit, groups=groups, replicates=replicates, seed=seed)
    values = law.natural(theta, fit.origin)
    ends = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    spread = values.std(0, ddof=1)
    squared = fit.problem.huber is None
    weighted = fit.problem.scale is not None
    label = None if groups is None else np.unique(groups, return_inverse=True)[1]
    linear, dof = ("wald", fit.n - fit.theta.size) if label is None else ("sandwich", label.max())
    error = _linear_errors(fit, label) if squared else None
    quantile = float(student_quantile(max(int(dof), 1)))
    profiles = _profiles(fit) if squared and label is None and fit.n <= MANY else {}
    intervals: dict[str, dict[str, Interval]] = {}
    for j, (name, value) in enumerate(fit.parameters.items()):
        if name in law.held:
            continue
        lo, hi = map(float, ends[:, j])
        found = {"profile": profiles[name]} if name in profiles else {}
        found["percentile"] = (lo, hi)
        if (values[:, j] > 0).all() and value > 0 and name not in _signed(fit):
            found["basic"] = (value * (value / hi), value * (value / lo))
        else:
            found["basic"] = (2 * value - hi, 2 * value - lo)
        if error is not None:
            found[linear] = (value - quantile * error[j], value + quantile * error[j])
            if weighted:  # resampled rows of unlike weight are few of weight
                found = {k: found[k] for k in sorted(found, key=lambda k: k not in WEIGHTED)}
        intervals[name] = {k: (float(a), float(b)) for k, (a, b) in found.items()}
    errors = {
        name: float(s) for name, s in zip(fit.parameters, spread, strict=True) if name in intervals
    }
    if weighted and error is not None:
        errors = dict(zip(fit.parameters, map(float, error), strict=True))
        errors = {name: errors[name] for name in intervals}
    return Uncertainty(intervals, errors, theta)


def _signed(fit: LawFit) -> set[str]:
    law = fit.problem.law
    return (set(law.coordinates) - law.logarithmic) | {"floor"}


def resample(
    fit: LawFit, *, groups: Sequence | np.ndarray | None, replicates: int, seed: int
) -> Float[np.ndarray, "replicates coords"]:
    """Coordinates of the fit to `replicates` bootstrap resamples of rows or of groups; at most
    STEPS of them for more than MANY rows."""
    rng = np.random.default_rng(seed)
    label = np.arange(fit.n) if groups is None else np.unique(groups, return_inverse=True)[1]
    members = int(label.max()) + 1
    if fit.n > MANY:
        exact = members > MANY
        most = STEPS if exact else int(np.clip(MOST // fit.n, FEWEST, STEPS))
        draws = (rng.integers(0, members, members) for _ in range(min(replicates, most)))
        counts = np.array([np.bincount(draw, minlength=members) for draw in draws], np.int32)
        theta = _steps(fit, label, counts)
        return (
            theta
            if exact
            else np.concatenate(
                [
                    descend(
                        fit.problem,
                        theta[i : i + 10],
                        weights=counts[i : i + 10, label].astype(float),
                        iterations=3,
                        tolerance=1e-7,
                    )[0]
                    for i in range(0, len(theta), 10)
                ]
            )
        )
    out = []
    for first in range(0, replicates, CHUNK):
        size = min(CHUNK, replicates - first)
        drawn = rng.multinomial(members, np.full(members, 1 / members), size)
        start = np.repeat(fit.theta[None], size, 0)
        out.append(
            descend(
                fit.problem,
                start,
                weights=drawn[:, label].astype(float),
                iterations=60,
                tolerance=1e-7,
            )[0]
        )
    return np.concatenate(out)


def _steps(
    fit: LawFit, label: Int[np.ndarray, " points"], counts: Int[np.ndarray, "replicates groups"]
) -> Float[np.ndarray, "replicates coords"]:
    """One Gauss-Newton step from the optimum per resample. Scores and Hessians add up over rows, so
    each group is summed once."""
    r, jacobian = (part[0] for part in fit.problem.residuals(fit.theta[None]))
    huber, members = fit.problem.huber, counts.shape[1]
    slope = r if huber is None else np.clip(r, -huber, huber)
    curved = jacobian if huber is None else jacobian * (np.abs(r) <= huber)
    coords = len(jacobian)
    scale = np.maximum(np.sqrt((curved**2).sum(1)), 1e-300)
    jacobian, curved = jacobian / scale[:, None], curved / scale[:, None]
    rows = [row * slope for row in jacobian] + [
        curved[i] * jacobian[j] for i in range(coords) for j in range(coords)
    ]
    sums = np.stack([np.bincount(label, row, members) for row in rows], 1)
    out = []
    for count in counts:
        total = count @ sums
        hessian = total[coords:].reshape(coords, coords) + 1e-12 * np.eye(coords)
        out.append(np.linalg.solve(hessian, total[:coords]) / scale)
    return fit.theta + np.array(out)


def _linear_errors(
    fit: LawFit, label: Int[np.ndarray, " points"] | None
) -> Float[np.ndarray, " params"]:
    """Standard errors by the delta method; label: the group of each row, None for rows alone."""
    c = fit.covariance(label)[0]
    h = 1e-6 * (1 + np.abs(fit.theta))
    step = np.diag(h)
    law = fit.problem.law
    by_theta = (
        law.natural(fit.theta + step, fit.origin) - law.natural(fit.theta - step, fit.origin)
    ) / (2 * h[:, None])
    if not np.isfinite(c).all():
        return np.full(by_theta.shape[1], np.inf)
    return np.sqrt(np.maximum(np.einsum("ij,ik,kj->j", by_theta, c, by_theta), 0))


def _profiles(fit: LawFit) -> dict[str, Interval]:
    """Profile intervals of the parameters that are coordinates; an open end is infinite (or 0 for
    a positive parameter)."""
    law, theta = fit.problem.law, fit.theta
    dof = fit.n - theta.size
    r, jacobian = fit.problem.residuals(theta[None])
    c = covariance(jacobian[0], r[0])
    if dof < 1 or not np.isfinite(c).all():
        return {}
    names = list(law.coordinates)
    index = np.array([law.coordinates[name] for name in names])
    quantile = float(student_quantile(dof))
    along = c[:, index] / c[index, index]  # how the others follow a forced coordinate

    def cost(value: np.ndarray, which: np.ndarray) -> np.ndarray:
        j = which.astype(int)
        shift = value - theta[index[j]]
        start = theta + (along[:, j] * shift).T
        # Far away the linear step may leave the law's domain; the optimum itself does not.
        outside = ~np.isfinite(fit.problem.residuals(start)[0]).all(1)
        start[outside] = theta
        rows = np.arange(j.size)
        start[rows, index[j]] = value
        held = np.zeros(start.shape, bool)
        held[rows, index[j]] = True
        return descend(fit.problem, start, held=held, iterations=60, tolerance=1e-9)[1]

    limit = np.full(index.size, fit.objective * (1 + quantile**2 / dof) + 1e-24)
    step = np.maximum(quantile * np.sqrt(c[index, index]), 1e-9)
    # np.inf as an edge would make the direction NaN-free but the trial infinite: a far number.
    lower, upper = (crossing(cost, theta[index], limit, step, edge) for edge in (-1e3, 1e3))
    found = {}
    for name, lo, hi in zip(names, lower, upper, strict=True):
        ends = (-np.inf if lo <= -1e3 else lo, np.inf if hi >= 1e3 else hi)
        found[name] = tuple(np.exp(ends)) if name in law.logarithmic else ends
    return found


# ---- rows that stand out ----

ROBUST = 1e-3
FAR = 5.0
MATTERS = 0.2  # relative change of an exponent that deserves a warning


@dataclass(frozen=True)
class Outliers:
    """rows: indices of the rows that stand out. change: exponent → (with them, without them), for
    the exponents that move by more than MATTERS."""

    rows: Int[np.ndarray, " outliers"]
    change: dict[str, tuple[float, float]]


def outliers(fit: LawFit) -> Outliers:
    """Rows that stand out of a fit that was not refused, and what leaving them out changes."""
    problem = fit.problem
    x = np.exp(problem.z + fit.origin[:, None])
    loss = np.exp(problem.log_loss)
    law = problem.law
    robust = (
        fit
        if problem.huber == ROBUST and problem.residual == "log"
        else fit_law(law, x, loss, huber=ROBUST, starts=100)
    )
    size = np.abs(robust.residual)
    far = size > FAR * 1.4826 * np.median(size) + 1e-9
    nothing = Outliers(np.flatnonzero(far), {})
    if not far.any():
        return nothing
    without = fit_law(
        law, x[:, ~far], loss[~far], huber=problem.huber, residual=problem.residual, starts=100
    )
    if not without.parameters:
        return nothing
    pairs = {
        name: (fit.parameters[name], without.parameters[name])
        for name in law.coordinates
        if name not in law.logarithmic
    }
    change = {
        name: (a, b) for name, (a, b) in pairs.items() if abs(a - b) > MATTERS * max(abs(b), 1e-3)
    }
    return Outliers(np.flatnonzero(far), change)
