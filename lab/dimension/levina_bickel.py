"""The maximum likelihood of Levina and Bickel: the dimension from k distances around every point.

Where the density is constant over k neighbours, the local estimate of point i is

    m_i = [ 1/(k − 1) Σ_{j<k} log(r_k / r_j) ]^−1

and points are put together by one of two rules:

    mle           mean of m_i          (Levina & Bickel, NIPS 2004), reads high by (k − 1)/(k − 2)
    mle-inverse   1 / mean of 1/m_i    (MacKay & Ghahramani, 2005), the likelihood of all points

Both read low where d is high. What it does not do: average over a range of k.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float

from lab.dimension.doubts import Status
from lab.dimension.estimate import Estimate, estimated, refused
from lab.dimension.neighbours import Neighbours
from lab.dimension.two_nn import EQUAL, ties

K = 10
NAMES = {"estimates": "mle", "inverses": "mle-inverse"}


def inverses(near: Neighbours, k: int) -> Float[np.ndarray, " n"]:
    """1/m_i of every point."""
    log_r = np.log(near.distances[:, :k])
    return log_r[:, -1] - log_r[:, :-1].mean(axis=1)


def mle(
    near: Neighbours, k: int = K, average: Literal["estimates", "inverses"] = "estimates"
) -> Estimate:
    """The dimension from k neighbours, by the mean of local estimates or of their inverses.

    Refused where the points have fewer than k neighbours, and the mean of estimates where a point
    has k neighbours at one distance, for its own estimate is infinite.
    Raises ValueError for k below 3.
    """
    if k < 3:
        raise ValueError(f"k is {k}; local estimates need at least three neighbours.")
    name = NAMES[average]
    if near.k < k:
        return refused(name, Status.TOO_FEW, near.n)
    inverse = inverses(near, k)
    if inverse.max() < EQUAL or (average == "estimates" and inverse.min() < EQUAL):
        return refused(name, Status.DEGENERATE, near.n)
    local = inverse if average == "inverses" else 1 / inverse
    relative = float(local.std() / local.mean()) * np.sqrt(near.dependence(local, k) / near.n)
    d = float(local.mean()) if average == "estimates" else float(1 / local.mean())
    doubts = ties(np.log(near.distances[:, 1] / near.distances[:, 0]))
    return estimated(name, d, d * relative, near.n, near.radius(k), doubts)
