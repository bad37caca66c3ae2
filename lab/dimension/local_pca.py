"""Local PCA: the dimension as the number of directions in which a neighbourhood extends.

Of the k nearest neighbours of a point, the eigenvalues λ_1 ≥ λ_2 ≥ … of their covariance; the
local dimension is the number of λ_j > `SHARE` λ_1 (Fukunaga & Olsen, IEEE Trans. Computers C-20,
176, 1971), the estimate its mean over points. Of more than `CENTRES` points only that many, evenly
spaced in the order of the rows, are taken.

It reads high where k neighbours reach over a curved piece, and cannot exceed k − 1. It hardly
depends on the density, and noise weaker than `SHARE` does not enter.

What it does not do: choose k, or work without coordinates.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from lab.dimension.doubts import Doubt, Status
from lab.dimension.estimate import Estimate, estimated, refused
from lab.dimension.neighbours import Neighbours

K = 100
SHARE = 0.05
CENTRES = 500
BLOCK = 2**22
"""Coordinates held at a time."""


def local_pca(near: Neighbours, k: int = K, share: float = SHARE) -> Estimate:
    """Mean number of directions in the k nearest neighbours of at most CENTRES points.

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
    if near.n > CENTRES:
        centres = np.linspace(0, near.n - 1, CENTRES).round().astype(np.int64)
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
    doubts: tuple[Doubt, ...] = ()
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
