"""The estimators as scikit-learn has them, for pipelines of one's own.

`TwoNN(discard=0.1).fit(X).dimension_`: after `fit` an estimator has `dimension_`, `se_`,
`interval_`, `estimate_` (the whole value, see `estimate.py`) and `n_features_in_`. What cannot be
estimated raises ValueError. Points that equal another one are left out with a UserWarning.

They pass scikit-learn's `check_estimator` where its samples of 10 to 100 points are enough for
their neighbours (`MLE(k=5)`, `Correlation(3, 6)`, `LocalPCA(k=8)`), for too few are refused. They
have neither `transform` nor `predict`: a dimension is one number for all points. Distances of whole
numbers, which one of its checks gives to metric='precomputed', are a lattice and refused.

What they do not do: correct the bias; `lab.dimension.measure` does.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from lab.dimension import correlation, gride, levina_bickel, local_pca, ratios, two_nn
from lab.dimension.doubts import Status
from lab.dimension.estimate import Estimate
from lab.dimension.neighbours import Neighbours, from_distances, neighbours

METRICS = ("euclidean", "precomputed")


class DimensionEstimator(BaseEstimator, ABC):
    """What all of them do: find neighbours, estimate, keep the value."""

    metric: str

    @abstractmethod
    def _needs(self) -> int:
        """How many neighbours are searched."""

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
    """TwoNN, see `two_nn.py`. method: 'linear', without `discard` of the ratios, or 'mle'."""

    def __init__(
        self, discard: Any = two_nn.DISCARD, method: Any = "linear", metric: Any = "euclidean"
    ):
        self.discard = discard
        self.method = method
        self.metric = metric

    def _needs(self) -> int:
        return 2

    def _estimate(self, near: Neighbours) -> Estimate:
        if self.method not in ("linear", "mle"):
            raise ValueError(f"method is {self.method!r}; it must be 'linear' or 'mle'.")
        return two_nn.mle(near) if self.method == "mle" else two_nn.linear(near, self.discard)


class MLE(DimensionEstimator):
    """Levina and Bickel, see `levina_bickel.py`. average: of 'estimates' or of 'inverses'."""

    def __init__(
        self, k: Any = levina_bickel.K, average: Any = "estimates", metric: Any = "euclidean"
    ):
        self.k = k
        self.average = average
        self.metric = metric

    def _needs(self) -> int:
        return self.k

    def _estimate(self, near: Neighbours) -> Estimate:
        if self.average not in levina_bickel.NAMES:
            raise ValueError(f"average is {self.average!r}; it must be 'estimates' or 'inverses'.")
        return levina_bickel.mle(near, self.k, self.average)


class KNN(DimensionEstimator):
    """The kNN form of Sharma and Kaplan, see `ratios.py`."""

    def __init__(self, discard: Any = two_nn.DISCARD, metric: Any = "euclidean"):
        self.discard = discard
        self.metric = metric

    def _needs(self) -> int:
        return max(ratios.ORDERS)

    def _estimate(self, near: Neighbours) -> Estimate:
        return ratios.knn(near, self.discard)


class Gride(DimensionEstimator):
    """Gride at neighbours n1 and n2 (2 n1 unless given), see `gride.py`."""

    def __init__(self, n1: Any = gride.N1, n2: Any = None, metric: Any = "euclidean"):
        self.n1 = n1
        self.n2 = n2
        self.metric = metric

    def _needs(self) -> int:
        return 2 * self.n1 if self.n2 is None else self.n2

    def _estimate(self, near: Neighbours) -> Estimate:
        return gride.gride(near, self.n1, self.n2)


class Correlation(DimensionEstimator):
    """The correlation dimension between neighbours k1 and k2, see `correlation.py`."""

    def __init__(
        self, k1: Any = correlation.K1, k2: Any = correlation.K2, metric: Any = "euclidean"
    ):
        self.k1 = k1
        self.k2 = k2
        self.metric = metric

    def _needs(self) -> int:
        return self.k2

    def _estimate(self, near: Neighbours) -> Estimate:
        return correlation.correlation(near, self.k1, self.k2)


class LocalPCA(DimensionEstimator):
    """Local PCA over k neighbours, see `local_pca.py`."""

    def __init__(
        self, k: Any = local_pca.K, share: Any = local_pca.SHARE, metric: Any = "euclidean"
    ):
        self.k = k
        self.share = share
        self.metric = metric

    def _needs(self) -> int:
        return 1

    def _estimate(self, near: Neighbours) -> Estimate:
        return local_pca.local_pca(near, self.k, self.share)
