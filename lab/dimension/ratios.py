"""The kNN form of Sharma and Kaplan: the dimension from r_k / r_1 for k = 2, 3, 4.

Where the density is constant over k neighbours, μ_k = r_k / r_1 has the distribution

    C(μ_k) = (1 − μ_k^−d)^(k−1),    so    −log(1 − C^(1/(k−1))) = d log μ_k,

a line through 0, fitted as in TwoNN (which is k = 2) without the largest `discard` of the ratios.
The estimate is the mean over k = 2, 3, 4 (arXiv 2004.10802, section on measuring the dimension).

What it does not do: weigh the three, which agree where the model holds.
"""

from __future__ import annotations

import numpy as np

from lab.dimension.doubts import Status
from lab.dimension.estimate import Estimate, estimated, refused
from lab.dimension.neighbours import Neighbours
from lab.dimension.two_nn import DISCARD, log_ratios, slope, ties

ORDERS = (2, 3, 4)


def knn(near: Neighbours, discard: float = DISCARD) -> Estimate:
    """Mean of the slopes at k = 2, 3, 4; the standard error takes them as fully correlated.

    Raises ValueError unless 0 ≤ discard < 1.
    """
    name = "knn"
    if near.k < max(ORDERS):
        return refused(name, Status.TOO_FEW, near.n)
    found = []
    for k in ORDERS:
        log_mu = log_ratios(near, k)
        d, se = slope(log_mu, discard, power=k - 1)
        found.append((d, se * np.sqrt(near.dependence(log_mu, k))))
    d, se = np.mean(found, axis=0).tolist()
    return estimated(name, d, se, near.n, near.radius(max(ORDERS)), ties(log_ratios(near)))
