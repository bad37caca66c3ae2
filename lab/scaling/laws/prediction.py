"""What a fitted law says of the loss at other x: a value, its intervals, how far beyond the data.

    mean    log L̂ ± t_ν √(gᵀ C g),       g = ∂μ/∂θ, C the covariance of θ: of the mean curve
    new     log L̂ ± t_ν √(gᵀ C g + σ²),  σ² = S/ν: of one more run there

the delta method (Bates & Watts 1988, §2.3), in L instead of log L for residuals in L. With groups C
is the sandwich over groups (Liang & Zeger 1986) and ν their number less one. Where C does not
exist, and for Huber's loss, the interval is that of the bootstrap. Both assume that the law is
right: of one that the data contradict nothing is said beyond them. Beside them stand the other laws
that describe the data as well (weight by AICc of at least LEAST), and beyond the data the interval
of a new run is widened to hold them: what the choice of a law adds.

What it does not do: fit, or say which law is right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lab.scaling.laws.fit import LawFit, covariance
from lab.scaling.scans.curves import Curves
from lab.scaling.scans.lines import LEVEL, student_quantile
from lab.scaling.scans.scan import Interval

LEAST = 0.05
"""Weight of another law, over that of the heaviest, from which it describes the data as well."""
UNUSABLE = ("misfit",)
"""Statuses of fits that say nothing beyond their data."""


@dataclass(frozen=True)
class Prediction:
    """The loss that a law expects at one x.

    x: by symbol. error: standard error of the mean curve. mean, new: 95 % intervals of the mean
    curve and of a new run, None where nothing honest can be said. beyond: how many times beyond the
    data, 1 within them. where: in words.
    others: what the other laws say that describe the data as well.
    """

    x: dict[str, float]
    value: float
    error: float | None
    mean: Interval | None
    new: Interval | None
    beyond: float
    where: str
    others: dict[str, float]


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def predictions(
    fit: LawFit,
    x: Float[np.ndarray, "variables places"],
    *,
    groups: Sequence | np.ndarray | None = None,
    bootstrap: Float[np.ndarray, "replicates coords"] | None = None,
    others: Mapping[str, LawFit] | None = None,
    names: Sequence[str] | None = None,
) -> list[Prediction]:
    """What a fit that was not refused says at x, one entry per column.

    groups: of the rows that were fitted. bootstrap: θ of replicates. others: laws that describe the
    data as well, fitted to the same rows. names: of the variables.
    """
    problem = fit.problem
    names = names or problem.law.variables
    z = np.log(x) - fit.origin[:, None]
    raw = problem.residual == "raw"
    curve = problem.law.raw if raw else problem.law.evaluate
    mu, slope = (part[0] for part in curve(fit.theta[None], z))
    value = mu if raw else np.exp(mu)
    label = None if groups is None else np.unique(groups, return_inverse=True)[1]
    c, dof = _covariance(fit, label)
    quantile = float(student_quantile(max(dof, 1)))
    sigma2 = float(fit.residual @ fit.residual) / max(fit.n - fit.theta.size, 1)
    around = np.einsum("ip,ij,jp->p", slope, c, slope)
    if bootstrap is not None and (problem.huber is not None or not np.isfinite(c).all()):
        draws = curve(bootstrap, np.array(z))[0]
        ends = np.nanquantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
        around = (np.maximum(np.abs(ends - mu), 0).max(0) / quantile) ** 2
    back = (lambda v: float(v)) if raw else (lambda v: float(np.exp(v)))
    out = []
    for i in range(x.shape[1]):
        beyond, where = _where(fit, x[:, i], names)
        said = {
            name: float(other.predict(*x[:, i : i + 1])[0])
            for name, other in (others or {}).items()
        }
        error, mean, new = None, None, None
        silent = fit.exact or (fit.status in UNUSABLE and beyond > 1)
        if np.isfinite(around[i]) and not silent:
            half, wide = quantile * np.sqrt(around[i]), quantile * np.sqrt(around[i] + sigma2)
            error = float(np.sqrt(around[i]) * (1 if raw else value[i]))
            mean = (back(mu[i] - half), back(mu[i] + half))
            reach = [back(mu[i] - wide), back(mu[i] + wide)]
            if beyond > 1:
                reach += [v for v in said.values() if np.isfinite(v)]
            new = (min(reach), max(reach))
        at = dict(zip(names, map(float, x[:, i]), strict=True))
        out.append(Prediction(at, float(value[i]), error, mean, new, beyond, where, said))
    return out


def _covariance(
    fit: LawFit, label: np.ndarray | None
) -> tuple[Float[np.ndarray, "coords coords"], int]:
    """C of θ, and its degrees of freedom."""
    r, jacobian = (part[0] for part in fit.problem.residuals(fit.theta[None]))
    c = covariance(jacobian, r)
    if label is None or not np.isfinite(c).all():
        return c, fit.n - fit.theta.size
    groups = int(label.max()) + 1
    inverse = c * (fit.n - fit.theta.size) / (r @ r)
    score = np.stack([np.bincount(label, row, groups) for row in jacobian * r])
    return inverse @ (score @ score.T) @ inverse * groups / (groups - 1), groups - 1


def _where(
    fit: LawFit, x: Float[np.ndarray, " variables"], names: Sequence[str]
) -> tuple[float, str]:
    """How many times beyond the data an x lies, and in words."""
    data = np.exp(fit.problem.z + fit.origin[:, None])
    return beyond(names, data, x)


def beyond(
    names: Sequence[str],
    data: Float[np.ndarray, "variables points"],
    x: Float[np.ndarray, " variables"],
) -> tuple[float, str]:
    """How many times beyond the data an x lies, and in words: interpolation, or projection by which
    factors."""
    said, most = [], 1.0
    for name, values, at in zip(names, data, x, strict=True):
        low, high = values.min() * (1 - 1e-9), values.max() * (1 + 1e-9)
        if at > high:
            most = max(most, at / values.max())
            said.append(f"{at / values.max():.3g} × the largest {name}")
        elif at < low:
            most = max(most, values.min() / at)
            said.append(f"{at / values.min():.3g} × the smallest {name}")
    return float(most), f"projection: {', '.join(said)}" if said else "interpolation"


def of_teachers(
    curves: Curves, data: Float[np.ndarray, "variables points"], x: Float[np.ndarray, "one places"]
) -> list[Prediction]:
    """What curves of several teachers say at x: their geometric mean, its interval by Student's t
    over teachers, and that of the curve of a new teacher."""
    values = curves.amplitude()[:, None] * x[0] ** -curves.alpha[:, None] + curves.floor()[:, None]
    out = []
    for i in range(x.shape[1]):
        far, where = beyond(("x",), data, x[:, i])
        value, error, mean, new = float("nan"), None, None, None
        if (values[:, i] > 0).all():
            mu = np.log(values[:, i])
            value, teachers = float(np.exp(mu.mean())), mu.size
            half = float(student_quantile(teachers - 1) * mu.std(ddof=1))
            error = float(value * mu.std(ddof=1) / np.sqrt(teachers))
            ends = half / np.sqrt(teachers), half * np.sqrt(1 + 1 / teachers)
            mean, new = ((value * np.exp(-end), value * np.exp(end)) for end in ends)
        out.append(Prediction({"x": float(x[0, i])}, value, error, mean, new, far, where, {}))
    return out
