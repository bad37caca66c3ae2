"""The statistics of one set of points that the correction is measured and looked up by.

A statistic is an estimator with its settings: `mle@10` is the mean of Levina–Bickel estimates from
ten neighbours, `gride@4` the ratio of neighbours 8 and 4. `PROFILE` are those that see ever larger
neighbourhoods, and local PCA: how they differ is what tells one manifold from another.

What it does not do: correct anything (`calibration.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from lab.dimension import correlation, gride, levina_bickel, local_pca, ratios, two_nn
from lab.dimension.estimate import Estimate
from lab.dimension.neighbours import Neighbours

ORDERS = (5, 10, 20)
"""k of Levina–Bickel estimates that can be corrected."""
PROFILE = ("two-nn-mle", "gride@2", "gride@4", "gride@8", "gride@16", "correlation", "pca")
NEIGHBOURS = 32
"""How many neighbours all of them need."""

STATISTICS: dict[str, Callable[[Neighbours], Estimate]] = {
    "two-nn-linear": two_nn.linear,
    "two-nn-mle": two_nn.mle,
    **{f"mle@{k}": partial(levina_bickel.mle, k=k) for k in ORDERS},
    **{f"mle-inverse@{k}": partial(levina_bickel.mle, k=k, average="inverses") for k in ORDERS},
    "knn": ratios.knn,
    **{f"gride@{n1}": partial(gride.gride, n1=n1) for n1 in (2, 4, 8, 16)},
    "correlation": correlation.correlation,
    "pca": local_pca.local_pca,
}  # fmt: skip
