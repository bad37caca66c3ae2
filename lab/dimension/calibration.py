"""The bias of the estimators on manifolds of known dimension, and estimates without it.

Every local estimator reads low at high d, for then the nearest neighbour is no longer near: the
density changes on the way to it, and points at an edge have neighbours on one side only. How low
depends on n, on d and on the manifold. `calibration.csv` holds the mean b of log(estimate / d) on
the `MANIFOLDS` below (made by benchmarks/dimension_calibration.py); in between, b is
linear in log n and log d. How often the interval holds d: benchmarks/dimension_coverage.py.

A correction inverts log d + b(d, n) = log(estimate) on every reference that the points resemble.
Its interval is the hull of what they give, each with the errors of sampling, of the table (`SLACK`)
and of manifolds that are none of the references (`SHARE` of the bias).

Resemblance is judged by the profile, the estimates from ever larger neighbourhoods and the
directions that local PCA counts: the distance of the points from a reference is

    D² = min over d of the mean of (log estimate_s − log d − b_s(d, n))² / (se_s² + slack_s²)

over the statistics s of the profile. References within `NEAR` of the nearest are resembled. Points
farther than `FAR` from all of them are corrected all the same, with a doubt; beyond the d and the n
of the table nothing is, and an interval that begins in it and whose centre lies beyond has no end.

What it does not do: correct for noise off the manifold. Where it is as large as the distance of
neighbours it is a dimension of its own: either the profile shows it (a doubt), or the neighbours
reach nothing but noise, and then no estimator of this room can know.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float

from lab.dimension.estimate import DimensionDoubt, Estimate, Z
from lab.dimension.estimators import PROFILE

TABLE = Path(__file__).with_name("calibration.csv")
SLACK = 0.02
"""Relative error of the table, of its repeats and between its d and n."""
SHARE = 0.15
"""Part of its bias by which an unknown manifold differs from a reference that it resembles."""
COARSE = {"pca": 0.1}
"""Slack of statistics that depend on the shape more than on d."""
NEAR = 1.5
FAR = 1.75


@dataclass(frozen=True)
class BiasTable:
    """b of every statistic on the grid of manifolds, d and n."""

    manifolds: tuple[str, ...]
    d: Float[np.ndarray, " d"]
    n: Float[np.ndarray, " n"]
    bias: Mapping[str, Float[np.ndarray, "manifolds d n"]]

    def curves(self, statistic: str, n: int) -> Float[np.ndarray, "manifolds d"]:
        """log d + b of a statistic at n points, made to rise with d; n is kept within the table."""
        at = np.clip(np.log(n), *np.log(self.n[[0, -1]]))
        after = int(np.clip(np.searchsorted(np.log(self.n), at), 1, self.n.size - 1))
        low, high = np.log(self.n[after - 1 : after + 1])
        share = (at - low) / (high - low)
        b = self.bias[statistic]
        b = (1 - share) * b[..., after - 1] + share * b[..., after]
        return np.maximum.accumulate(np.log(self.d) + b, axis=1)

    def without(self, manifold: str) -> BiasTable:
        """The same without one manifold, to see how it does on one that it does not know."""
        keep = [i for i, name in enumerate(self.manifolds) if name != manifold]
        names = tuple(self.manifolds[i] for i in keep)
        return replace(self, manifolds=names, bias={s: b[keep] for s, b in self.bias.items()})


@lru_cache(maxsize=1)
def calibration() -> BiasTable:
    """The table that comes with the lab."""
    with TABLE.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    manifolds = tuple(dict.fromkeys(row["manifold"] for row in rows))
    d, n = (sorted({int(row[key]) for row in rows}) for key in ("d", "n"))
    at = {(row["manifold"], int(row["d"]), int(row["n"])): row for row in rows}
    names = [name for name in rows[0] if name not in ("manifold", "d", "n")]
    bias = {name: _grid(at, name, manifolds, d, n) for name in names}
    return BiasTable(manifolds, np.array(d, float), np.array(n, float), bias)


def _grid(
    rows: Mapping[tuple[str, int, int], Mapping[str, str]],
    name: str,
    manifolds: Sequence[str],
    d: Sequence[int],
    n: Sequence[int],
) -> Float[np.ndarray, "manifolds d n"]:
    """One column of the table as a grid; d that are missing at some n lie between others."""

    def along(m: str, j: int) -> np.ndarray:
        known = [i for i in d if (m, i, j) in rows]
        return np.interp(np.log(d), np.log(known), [float(rows[m, i, j][name]) for i in known])

    return np.array([[along(m, j) for j in n] for m in manifolds]).swapaxes(1, 2)


def _inverse(value: float, curve: np.ndarray, log_d: np.ndarray) -> float:
    """log d where a curve takes a value; straight beyond its ends."""
    if value <= curve[0]:
        return log_d[0] + value - curve[0]
    if value >= curve[-1]:
        slope = max((curve[-1] - curve[-2]) / (log_d[-1] - log_d[-2]), 0.25)
        return log_d[-1] + (value - curve[-1]) / slope
    after = int(np.searchsorted(curve, value))
    share = (value - curve[after - 1]) / max(curve[after] - curve[after - 1], 1e-12)
    return log_d[after - 1] + share * (log_d[after] - log_d[after - 1])


def resemblance(
    profile: Mapping[str, Estimate], n: int, table: BiasTable
) -> Float[np.ndarray, " manifolds"]:
    """D of the points from every reference; NaN if no statistic of the profile exists."""
    found = {s: profile[s] for s in PROFILE if s in profile and profile[s].dimension > 0}
    if not found:
        return np.full(len(table.manifolds), np.nan)
    fine = np.linspace(np.log(table.d[0]) - 0.7, np.log(table.d[-1]) + 0.7, 400)
    log_d = np.log(table.d)
    total = np.zeros((len(table.manifolds), fine.size))
    for name, e in found.items():
        error = (e.se / e.dimension) ** 2 + COARSE.get(name, SLACK) ** 2
        for i, curve in enumerate(table.curves(name, n)):
            expected = np.interp(fine, log_d, curve)
            expected += np.minimum(fine - log_d[0], 0) + np.maximum(fine - log_d[-1], 0)
            total[i] += (np.log(e.dimension) - expected) ** 2 / error
    return np.sqrt(total.min(axis=1) / len(found))


def corrected(
    estimate: Estimate,
    statistic: str,
    distance: Float[np.ndarray, " manifolds"],
    table: BiasTable,
) -> Estimate:
    """The estimate with its correction, or with the doubt that there is none.

    Args:
        estimate: one estimate.
        statistic: its name in the table, as in `mle@10`; one that is not there is not corrected.
        distance: of the points from every reference, see `resemblance`.
    """
    if not estimate.dimension > 0:
        return estimate
    if statistic not in table.bias or np.isnan(distance).any():
        return replace(estimate, doubts=(*estimate.doubts, DimensionDoubt.UNCALIBRATED))
    like = distance <= distance.min() + NEAR
    weight = np.exp(-0.5 * distance[like] ** 2)
    curves, slack = table.curves(statistic, estimate.n)[like], COARSE.get(statistic, SLACK)
    centre, low, high = _hull(estimate, curves, weight, table.d, slack)
    doubts = list(estimate.doubts)
    doubts += [DimensionDoubt.UNLIKE] * bool(distance.min() > FAR)
    outside = not table.n[0] <= estimate.n <= table.n[-1]
    doubts += [DimensionDoubt.OUTSIDE_N] * outside
    doubts += [DimensionDoubt.OUTSIDE_D] * bool(high > table.d[-1])
    # nothing was measured there that a correction could be of
    if outside or low > table.d[-1]:
        return replace(estimate, doubts=tuple(doubts))
    if centre > table.d[-1]:
        high = np.inf
    return replace(estimate, corrected=centre, corrected_interval=(low, high), doubts=tuple(doubts))


def _hull(
    estimate: Estimate, curves: np.ndarray, weight: np.ndarray, d: np.ndarray, slack: float
) -> tuple[float, float, float]:
    """Weighted mean of the inverses on some references, and the ends of their hull."""
    value, log_d = np.log(estimate.dimension), np.log(d)
    sampling = estimate.se / estimate.dimension
    centres, ends = [], []
    for curve in curves:
        centre = _inverse(value, curve, log_d)
        spread = Z * np.sqrt(sampling**2 + slack**2 + (SHARE * (value - centre)) ** 2)
        centres.append(centre)
        ends += [_inverse(value - spread, curve, log_d), _inverse(value + spread, curve, log_d)]
    mean = np.average(centres, weights=np.maximum(weight, 1e-300))
    return float(np.exp(mean)), float(np.exp(min(ends))), float(np.exp(max(ends)))


# ---- manifolds of known dimension d, which the correction was measured on -----------------------
#
# Those of the tasks, written for NumPy with one row per point, and for any d. Distances know
# nothing of a linear isometry, so the ambient dimension enters through noise alone.

Sample = Float[np.ndarray, "n ambient"]


def cube(d: int, n: int, rng: np.random.Generator) -> Sample:
    """Uniform on [−½, ½]^d."""
    return rng.random((n, d)) - 0.5


def gaussian(d: int, n: int, rng: np.random.Generator) -> Sample:
    """Standard normal in R^d."""
    return rng.standard_normal((n, d))


def sphere(d: int, n: int, rng: np.random.Generator) -> Sample:
    """Uniform on S^d in R^{d+1}."""
    x = rng.standard_normal((n, d + 1))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def ball(d: int, n: int, rng: np.random.Generator) -> Sample:
    """Uniform in the ball of radius ½ in R^d."""
    x = rng.standard_normal((n, d))
    return 0.5 * rng.random((n, 1)) ** (1 / d) * x / np.linalg.norm(x, axis=1, keepdims=True)


def torus(d: int, n: int, rng: np.random.Generator) -> Sample:
    """Uniform on the product of d unit circles in R^{2d}."""
    angle = 2 * np.pi * rng.random((n, d))
    return np.concatenate([np.cos(angle), np.sin(angle)], axis=1)


def curved(d: int, n: int, rng: np.random.Generator) -> Sample:
    """The cube, bent into R^{2d} by d sines."""
    z = cube(d, n, rng)
    waves = z @ (2 * rng.standard_normal((d, d))) + 2 * np.pi * rng.random(d)
    return np.concatenate([z, 0.5 * np.sin(waves)], axis=1)


MANIFOLDS: dict[str, Callable[[int, int, np.random.Generator], Sample]] = {
    "cube": cube, "ball": ball, "sphere": sphere, "gaussian": gaussian, "torus": torus,
    "curved": curved,
}  # fmt: skip
