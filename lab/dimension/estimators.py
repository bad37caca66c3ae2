"""Estimators of dimension: local PCA, pair counts, and all of them as classes and as statistics.

Local PCA. Of the k nearest neighbours of a point, the eigenvalues λ_1 ≥ λ_2 ≥ … of their
covariance; the local dimension is the number of λ_j > `PCA_SHARE` λ_1 (Fukunaga & Olsen, IEEE
Trans. Computers C-20, 176, 1971), the estimate its mean over at most `PCA_CENTRES` points. It reads
high where k neighbours reach over a curved piece, and cannot exceed k − 1. It hardly depends on the
density, and noise weaker than `PCA_SHARE` does not enter.

Correlation dimension. C(r) is the share of pairs closer than r, and C(r) ∝ r^d as r → 0, so

    d = log(C(r_2) / C(r_1)) / log(r_2 / r_1)

between two radii: the medians over points of their distances to neighbours k1 and k2 (Grassberger &
Procaccia, Physica D 9, 189, 1983). It weighs dense regions more than others, and reads lower than
nearest neighbours where points have edges, for its radii are longer. At most `CENTRES` points,
evenly spaced in the order of the rows, count their neighbours (among all points).

Classes, as scikit-learn has them: `TwoNN(discard=0.1).fit(X).dimension_`. After `fit` an estimator
has `dimension_`, `se_`, `interval_`, `estimate_` (the whole value, see `estimate.py`) and
`n_features_in_`. What cannot be estimated raises ValueError; duplicates are left out with a
UserWarning. They pass scikit-learn's `check_estimator` where its samples of 10 to 100 points are
enough for their neighbours (`MLE(k=5)`, `Correlation(3, 6)`, `LocalPCA(k=8)`), and have neither
`transform` nor `predict`: a dimension is one number for all points. Distances of whole numbers,
which one of its checks gives to metric='precomputed', are a lattice and refused.

Statistics: an estimator with its settings, by which the correction is measured and looked up.
`mle@10` is the mean of Levina–Bickel estimates from ten neighbours, `gride@4` the ratio of
neighbours 8 and 4. `PROFILE` are those that see ever larger neighbourhoods, and local PCA: how they
differ is what tells one manifold from another.

Not here: the correction of the bias (`calibration.py`), or the choice of k or a range of radii.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from lab.dimension import ratios
from lab.dimension.estimate import DimensionDoubt, Estimate, Status, estimated, refused
from lab.dimension.neighbours import Neighbours, from_distances, neighbours
from lab.dimension.ratios import log_ratios, ties

# ---- local PCA ----

PCA_K = 100
PCA_SHARE = 0.05
PCA_CENTRES = 500
BLOCK = 2**22
"""Coordinates held at a time."""


def local_pca(near: Neighbours, k: int = PCA_K, share: float = PCA_SHARE) -> Estimate:
    """Mean number of directions in the k nearest neighbours of at most PCA_CENTRES points.

    Refused where the points have fewer than k neighbours, or no coordinates.
    Raises ValueError for k below 3 or a share outside (0, 1).
    """
    if k < 3 or not 0 < share < 1:
        raise ValueError(f"k is {k} and share {share}; k ≥ 3 and 0 < share < 1 must hold.")
    name = "pca"
    if near.points is None:
        return refused(name, Status.NO_COORDINATES, near.n)
    if near.n - 1 < k:
        return refused(name, Status.TOO_FEW, near.n)
    centres = np.arange(near.n)
    if near.n > PCA_CENTRES:
        centres = np.linspace(0, near.n - 1, PCA_CENTRES).round().astype(np.int64)
    around, radius = _around(near, centres, k)
    local = np.concatenate(
        [
            (spectrum > share * spectrum[:, :1]).sum(axis=1)
            for spectrum in _spectra(near.points, around)
        ]
    )
    # counts are whole numbers, and neighbourhoods of k points overlap: n/k of them are independent
    rounding = 1 / np.sqrt(12 * max(near.n / k, 1.0))
    se = max(float(local.std()) / np.sqrt(local.size), float(rounding))
    doubts: tuple[DimensionDoubt, ...] = ()
    return estimated(name, float(local.mean()), se, near.n, radius, doubts)


def _around(near: Neighbours, centres: np.ndarray, k: int) -> tuple[np.ndarray, float]:
    """Indices of the k nearest neighbours of the centres, and the mean distance to the last."""
    if near.k >= k:
        return near.indices[centres, :k], float(near.distances[centres, k - 1].mean())
    from sklearn.metrics.pairwise import euclidean_distances

    indices, radius = [], 0.0
    step = max(1, BLOCK // near.n)
    for at in range(0, centres.size, step):
        some = centres[at : at + step]
        assert near.points is not None  # distances alone were refused
        squared = euclidean_distances(near.points[some], near.points, squared=True)
        squared[np.arange(some.size), some] = np.inf
        found = np.argpartition(squared, k - 1, axis=1)[:, :k]
        indices.append(found)
        radius += float(np.sqrt(np.take_along_axis(squared, found, axis=1).max(axis=1)).sum())
    return np.concatenate(indices), radius / centres.size


def _spectra(points: Float[np.ndarray, "n ambient"], around: np.ndarray) -> Iterator[np.ndarray]:
    """Eigenvalues of the neighbourhoods' covariances, largest first, block by block.

    The smaller of both products of the centred coordinates has the same non-zero ones.
    """
    k, ambient = around.shape[1], points.shape[1]
    step = max(1, BLOCK // (k * ambient))
    for at in range(0, len(around), step):
        x = points[around[at : at + step]]
        x = x - x.mean(axis=1, keepdims=True)
        swapped = x.transpose(0, 2, 1)
        product = swapped @ x if ambient <= k else x @ swapped
        yield np.linalg.eigvalsh(product)[:, ::-1]


# ---- the correlation dimension ----

K1, K2 = 10, 20
CENTRES = 2000
ROWS = 2**24
"""Distances held at a time."""
INSIDE = 1 - 1e-9
"""A radius is some pair's distance, and rounding must not say whether that pair is inside."""


def correlation(near: Neighbours, k1: int = K1, k2: int = K2) -> Estimate:
    """The correlation dimension between the median distances to neighbours k1 and k2.

    Refused where the points have fewer than k2 neighbours. Raises ValueError unless 1 ≤ k1 < k2.
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
    """Number of other points closer than each radius to every centre."""
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


# ---- classes of scikit-learn ----

METRICS = ("euclidean", "precomputed")


class DimensionEstimator(BaseEstimator, ABC):
    """Steps of every class: find neighbours, estimate, keep the value."""

    metric: str

    @abstractmethod
    def _needs(self) -> int:
        """Number of neighbours that are searched."""

    @abstractmethod
    def _estimate(self, near: Neighbours) -> Estimate:
        """The estimate from them."""

    def fit(self, X: Any, y: Any = None) -> DimensionEstimator:
        """Estimate the dimension of X.

        Args:
            X: array of shape [n, ambient], one row per point; with metric='precomputed' the
                distances [n, n] between them.
            y: ignored.
        """
        if self.metric not in METRICS:
            raise ValueError(f"metric is {self.metric!r}; it must be one of {METRICS}.")
        X = validate_data(self, X, dtype="float64", ensure_min_samples=3)
        search = neighbours if self.metric == "euclidean" else from_distances
        near = search(X, self._needs())
        if near.duplicates:
            warnings.warn(
                f"{near.duplicates} of {len(X)} points equal another one and were left out.",
                stacklevel=2,
            )
        found = self._estimate(near)
        if found.status is not Status.ESTIMATED:
            raise ValueError(
                f"{type(self).__name__} finds no dimension of {near.n} points: "
                f"{found.status.meaning}."
            )
        self.estimate_ = found
        self.dimension_, self.se_, self.interval_ = found.dimension, found.se, found.interval
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = tags.input_tags.positive_only = self.metric == "precomputed"
        return tags


class TwoNN(DimensionEstimator):
    """TwoNN. method: 'linear', without `discard` of the ratios, or 'mle'."""

    def __init__(
        self, discard: Any = ratios.DISCARD, method: Any = "linear", metric: Any = "euclidean"
    ):
        self.discard = discard
        self.method = method
        self.metric = metric

    def _needs(self) -> int:
        return 2

    def _estimate(self, near: Neighbours) -> Estimate:
        if self.method not in ("linear", "mle"):
            raise ValueError(f"method is {self.method!r}; it must be 'linear' or 'mle'.")
        return (
            ratios.two_nn_mle(near)
            if self.method == "mle"
            else ratios.two_nn_linear(near, self.discard)
        )


class MLE(DimensionEstimator):
    """Levina and Bickel. average: of 'estimates' or of 'inverses'."""

    def __init__(
        self,
        k: Any = ratios.LEVINA_BICKEL_K,
        average: Any = "estimates",
        metric: Any = "euclidean",
    ):
        self.k = k
        self.average = average
        self.metric = metric

    def _needs(self) -> int:
        return self.k

    def _estimate(self, near: Neighbours) -> Estimate:
        if self.average not in ratios.AVERAGES:
            raise ValueError(f"average is {self.average!r}; it must be 'estimates' or 'inverses'.")
        return ratios.levina_bickel(near, self.k, self.average)


class KNN(DimensionEstimator):
    """The kNN form of Sharma and Kaplan."""

    def __init__(self, discard: Any = ratios.DISCARD, metric: Any = "euclidean"):
        self.discard = discard
        self.metric = metric

    def _needs(self) -> int:
        return max(ratios.KNN_ORDERS)

    def _estimate(self, near: Neighbours) -> Estimate:
        return ratios.knn(near, self.discard)


class Gride(DimensionEstimator):
    """Gride at neighbours n1 and n2 (2 n1 unless given)."""

    def __init__(self, n1: Any = ratios.N1, n2: Any = None, metric: Any = "euclidean"):
        self.n1 = n1
        self.n2 = n2
        self.metric = metric

    def _needs(self) -> int:
        return 2 * self.n1 if self.n2 is None else self.n2

    def _estimate(self, near: Neighbours) -> Estimate:
        return ratios.gride(near, self.n1, self.n2)


class Correlation(DimensionEstimator):
    """The correlation dimension between neighbours k1 and k2."""

    def __init__(self, k1: Any = K1, k2: Any = K2, metric: Any = "euclidean"):
        self.k1 = k1
        self.k2 = k2
        self.metric = metric

    def _needs(self) -> int:
        return self.k2

    def _estimate(self, near: Neighbours) -> Estimate:
        return correlation(near, self.k1, self.k2)


class LocalPCA(DimensionEstimator):
    """Local PCA over k neighbours."""

    def __init__(self, k: Any = PCA_K, share: Any = PCA_SHARE, metric: Any = "euclidean"):
        self.k = k
        self.share = share
        self.metric = metric

    def _needs(self) -> int:
        return 1

    def _estimate(self, near: Neighbours) -> Estimate:
        return local_pca(near, self.k, self.share)


# ---- statistics of the correction ----

ORDERS = (5, 10, 20)
"""k of Levina–Bickel estimates that can be corrected."""
PROFILE = ("two-nn-mle", "gride@2", "gride@4", "gride@8", "gride@16", "correlation", "pca")
NEIGHBOURS = 32
"""Number of neighbours that all estimators need."""

STATISTICS: dict[str, Callable[[Neighbours], Estimate]] = {
    "two-nn-linear": ratios.two_nn_linear,
    "two-nn-mle": ratios.two_nn_mle,
    **{f"mle@{k}": partial(ratios.levina_bickel, k=k) for k in ORDERS},
    **{f"mle-inverse@{k}": partial(ratios.levina_bickel, k=k, average="inverses") for k in ORDERS},
    "knn": ratios.knn,
    **{f"gride@{n1}": partial(ratios.gride, n1=n1) for n1 in (2, 4, 8, 16)},
    "correlation": correlation,
    "pca": local_pca,
}  # fmt: skip
