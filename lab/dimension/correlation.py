"""The correlation dimension: how the number of pairs grows with their distance.

C(r) is the share of pairs closer than r, and C(r) ∝ r^d as r → 0, so

    d = log(C(r_2) / C(r_1)) / log(r_2 / r_1)

between two radii: the medians over points of their distances to neighbours k1 and k2.

Grassberger & Procaccia, Physica D 9, 189 (1983). It weighs dense regions more than others, and
reads lower than nearest neighbours where points have edges, for its radii are longer. Of more than
`CENTRES` points only that many, evenly spaced in the order of the rows, count their neighbours
(among all points).

What it does not do: fit a line over a range of radii, or find that range.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from lab.dimension.doubts import Status
from lab.dimension.estimate import Estimate, estimated, refused
from lab.dimension.neighbours import Neighbours
from lab.dimension.two_nn import log_ratios, ties

K1, K2 = 10, 20
CENTRES = 2000
ROWS = 2**24
"""Distances held at a time."""
INSIDE = 1 - 1e-9
"""A radius is some pair's distance, and rounding must not say whether that pair is inside."""


def correlation(near: Neighbours, k1: int = K1, k2: int = K2) -> Estimate:
    """The correlation dimension between the median distances to neighbours k1 and k2.

    Refused where the points have
    fewer than k2 neighbours. Raises ValueError unless 1 ≤ k1 < k2.
    """
    if not 1 <= k1 < k2:
        raise ValueError(f"k1 is {k1} and k2 {k2}; 1 ≤ k1 < k2 must hold.")
    name = "correlation"
    if near.k < k2:
        return refused(name, Status.TOO_FEW, near.n)
    radii = np.median(near.distances[:, [k1 - 1, k2 - 1]], axis=0)
    if not radii[1] > radii[0]:
        return refused(name, Status.DEGENERATE, near.n)
    inner, outer = counts(near, radii)
    if not inner.any():
        return refused(name, Status.DEGENERATE, near.n)
    span = float(np.log(radii[1] / radii[0]))
    d = float(np.log(outer.sum() / inner.sum())) / span
    se = _relative_error(inner, outer, near.n) / span
    return estimated(name, d, se, near.n, float(radii[1]), ties(log_ratios(near)))


def _relative_error(inner: np.ndarray, outer: np.ndarray, n: int) -> float:
    """Standard error of log(Σ outer / Σ inner), a ratio of U-statistics over m centres.

    Counts of one centre vary because they are counts, by 1/inner − 1/outer (one holds the other),
    and because places differ, by the rest. A pair of centres is counted twice; a place enters as a
    centre and as the neighbour of others.
    """
    m = inner.size
    counting = 1 / inner.mean() - 1 / outer.mean()
    places = max(float((outer / outer.mean() - inner / inner.mean()).var()) - counting, 0.0)
    return float(np.sqrt(counting / m * (1 + m / n) + places * (1 / m + 3 / n)))


def counts(
    near: Neighbours, radii: Float[np.ndarray, " radii"]
) -> Int[np.ndarray, "radii centres"]:
    """How many other points lie closer than each radius to every centre."""
    centres = np.arange(near.n)
    if near.n > CENTRES:
        centres = np.linspace(0, near.n - 1, CENTRES).round().astype(np.int64)
    out = np.empty((len(radii), centres.size), dtype=np.int64)
    step = max(1, ROWS // near.n)
    for at in range(0, centres.size, step):
        squared = _squared(near, centres[at : at + step])
        for which, r in enumerate(radii):
            out[which, at : at + step] = (squared < INSIDE * r * r).sum(axis=1) - 1
    return out


def _squared(near: Neighbours, some: np.ndarray) -> np.ndarray:
    """Squared distances of some points to all."""
    if near.points is None:
        assert near.matrix is not None  # distances were given instead
        return near.matrix[some] ** 2
    from sklearn.metrics.pairwise import euclidean_distances

    return euclidean_distances(near.points[some], near.points, squared=True)
