"""The neighbours of every point: one exact search that all estimators read.

Row i of `distances` holds r_1 ≤ r_2 ≤ … ≤ r_k, the Euclidean distances of point i to its nearest
other points. Points that equal another one, but for the rounding of float32, are left out: they
have r_1 = 0 or next to it, and every estimator here divides by it.

The search is scikit-learn's: a tree, or blocks of |x|² + |y|² − 2 x·y on all cores. A tree pays
where the points fill few dimensions, which a pilot on some of them says: measured on planes in R^D
with k = 10, in ns per point,

    tree     29 000 (D / 20) e^{0.45 (d − 3)} √(n / 10 000)        blocks     n (4 + 0.06 D)

Blocks lose digits where a neighbour is much nearer than the origin, so the points are centred, and
short distances are taken again from differences. Memory is n k distances, never n².

What it does not do: approximate searches, or resolve neighbours nearer than 1e-8 of their norm from
one another when it searches by blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Num

SMALL = 2000
"""Number of points up to which blocks always do."""
PILOT = 500
BLOCK = 8192
"""Rows searched at a time."""
WINDOWED = 2**24
"""Distances held at a time where a window is left out."""
ROUNDING, GAP, APART = 1e-6, 100.0, 1e-3
"""Copies: distance over the norm that is rounding of float32; the gap that sets others apart; how
far below the median distance either must be."""
PAIRED = 30.0
"""Ratio of the two nearest distances of a copy with some noise."""
CLOSE = 1e-5
"""Squared distances below this part of the squared norm are taken from differences."""


class PointsError(ValueError):
    """Points whose dimension cannot be measured, in one sentence with the remedy."""


@dataclass(frozen=True)
class Neighbours:
    """Distances and indices of the k nearest other points of every point, nearest first.

    `points` are the points without duplicates, centred and in units of `unit`, or None where only
    distances were given; then `matrix` holds them. `duplicates` counts the points that were left
    out because they equal another one, `copies` those that do but for rounding. `window`: how many
    rows before and after a point are no neighbours of it.
    """

    distances: Float[np.ndarray, "n k"]
    indices: Int[np.ndarray, "n k"]
    points: Float[np.ndarray, "n ambient"] | None = None
    matrix: Float[np.ndarray, "n n"] | None = None
    duplicates: int = 0
    copies: int = 0
    unit: float = 1.0
    window: int = 0
    single: bool = False

    @property
    def n(self) -> int:
        return len(self.distances)

    @property
    def k(self) -> int:
        return self.distances.shape[1]

    def radius(self, k: int) -> float:
        """Mean distance to the k-th neighbour."""
        return float(self.distances[:, k - 1].mean()) * self.unit

    def tied(self) -> float:
        """Share of points of which two of the nearest four neighbours are equally far, to rounding;
        of float32 numbers that is coarser the farther they are from the origin."""
        r = self.distances[:, : min(4, self.k)]
        tolerance = np.full(self.n, 1e-5)
        if self.single and self.points is not None:
            size = np.abs(self.points).max(axis=1, initial=0.0)
            tolerance = np.clip(4e-7 * size / r[:, 0], 1e-5, 1e-3)
        return float((np.diff(np.log(r), axis=1) < tolerance[:, None]).any(axis=1).mean())

    def consecutive(self) -> float:
        """Share of points whose nearest neighbour is one of the two rows before or after it, or
        whose two nearest ones are such rows of each other, as on another strand of a path."""
        own = np.abs(self.indices[:, 0] - np.arange(self.n)) <= 2
        if self.k > 1:
            own |= np.abs(self.indices[:, 0] - self.indices[:, 1]) <= 2
        return float(own.mean())

    def paired(self) -> float:
        """Share of points that are the nearest neighbour of their own nearest one, PAIRED times
        nearer than the next. Of independent points in d dimensions it is below PAIRED^−d."""
        if self.k < 2:
            return 0.0
        near = self.indices[:, 0]
        mutual = near[near] == np.arange(self.n)
        return float((mutual & (self.distances[:, 1] > PAIRED * self.distances[:, 0])).mean())

    def dependence(self, value: Float[np.ndarray, " n"], k: int) -> float:
        """Variance of the mean of `value` over points, as a multiple of that of independent ones.

        Neighbours share distances, so what they say is correlated: covariances of all pairs in the
        graph of k nearest neighbours are added to the variances.
        """
        from scipy.sparse import csr_array

        c = value - value.mean()
        total = float(c @ c)
        if total == 0:
            return 1.0
        ends = np.arange(0, self.n * k + 1, k)
        flat = self.indices[:, :k].ravel()
        graph = csr_array((np.ones(flat.size), flat, ends), shape=(self.n, self.n))
        mutual = graph.multiply(graph.T)
        pairs = 2 * float(c @ (graph @ c)) - float(c @ (mutual @ c))
        return max(1 + pairs / total, 0.25)


def neighbours(
    points: Num[np.ndarray, "n ambient"],
    k: int,
    *,
    window: int = 0,
    track: Callable[[list[slice]], Iterable[slice]] = iter,
) -> Neighbours:
    """The k nearest neighbours of every point, or as many as there are, without duplicates and
    without copies that differ by rounding alone.

    Args:
        points: finite numbers, one row per point.
        k: number of neighbours.
        window: how many rows before and after a point are no neighbours of it (Theiler 1986).
        track: is given the blocks of rows and yields them, for progress.

    Raises PointsError for fewer than three distinct points, and for numbers that are not finite.
    """
    x = np.array(points, dtype=np.float64)
    if not np.isfinite(x).all():
        raise PointsError("the points hold NaN or infinite numbers; leave those rows out.")
    with np.errstate(over="ignore"):
        single = bool((x.astype(np.float32) == x).all())
    largest = float(np.abs(x).max(initial=0.0))
    unit = 1.0
    if largest and not 1e-100 < largest < 1e100:  # squares would vanish or overflow
        unit = largest
        x /= largest
    norm = np.sqrt(np.einsum("ij,ij->i", x, x))
    x -= x.mean(axis=0)

    def search(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        most = min(k, len(x) - 1 - 2 * window if window else len(x) - 1)
        if most < 1:
            return _none()
        return _windowed(x, most, window, track) if window else _search(x, most, track)

    distances, indices = search(x) if len(x) > 1 else _none()
    duplicates = copies = 0
    if distances.size and (distances[:, 0] == 0).any():
        first = _distinct(x)
        duplicates, x, norm = len(x) - first.size, x[first], norm[first]
        distances, indices = search(x) if len(x) > 1 else _none()
    if distances.size and len(x) > 2:
        again = _copies(distances, indices, norm)
        if again.any():
            copies, x = int(again.sum()), x[~again]
            distances, indices = search(x) if len(x) > 1 else _none()
    _enough(len(x))
    if not distances.size:
        raise PointsError(
            f"a window of {window} rows leaves no neighbours among {len(x)} points; take less."
        )
    return Neighbours(
        distances, indices, points=x, duplicates=duplicates, copies=copies, unit=unit,
        window=window, single=single,
    )  # fmt: skip


def _copies(
    distances: np.ndarray, indices: np.ndarray, norm: Float[np.ndarray, " n"]
) -> Bool[np.ndarray, " n"]:
    """Points that equal an earlier one but for rounding: nearer than ROUNDING of their norm, or
    below a gap of a factor GAP in the distances of nearest neighbours, and far below the usual
    distance in either case."""
    r = distances[:, 0]
    usual = float(np.median(r))
    low = np.sort(r[r < APART * usual])
    cut = np.where(r < APART * usual, ROUNDING * norm, 0.0)
    if low.size:
        above = np.append(low[1:], np.min(r[r >= APART * usual]))
        wide = np.flatnonzero(above > GAP * low)
        if wide.size:
            cut = np.maximum(cut, low[wide[-1]] * (1 + 1e-9))
    close = distances <= cut[:, None]
    return np.asarray((close & (indices < np.arange(len(r))[:, None])).any(axis=1))


def _windowed(x: np.ndarray, k: int, window: int, track: Callable) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours that are more than `window` rows away, by blocks."""
    from scipy.spatial.distance import cdist
    from sklearn.metrics.pairwise import euclidean_distances

    n, direct = len(x), x.shape[1] <= 50
    distances, indices = np.empty((n, k)), np.empty((n, k), dtype=np.int64)
    step = max(1, WINDOWED // n)
    for rows in track([slice(at, at + step) for at in range(0, n, step)]):
        some = x[rows]
        d = cdist(some, x) if direct else euclidean_distances(some, x)
        own = np.arange(n)[rows]
        d[np.abs(own[:, None] - np.arange(n)) <= window] = np.inf
        near = np.argpartition(d, k - 1, axis=1)[:, :k]
        r = np.take_along_axis(d, near, axis=1)
        order = np.argsort(r, axis=1, kind="stable")
        distances[rows] = np.take_along_axis(r, order, axis=1)
        indices[rows] = np.take_along_axis(near, order, axis=1)
    return distances, indices


def from_distances(matrix: Num[np.ndarray, "n others"], k: int) -> Neighbours:
    """The k nearest neighbours of every point from all distances between them.

    Raises PointsError if the matrix is not square, symmetric, finite, non-negative and zero on its
    diagonal, or leaves fewer than three distinct points.
    """
    d = np.array(matrix, dtype=np.float64)
    if d.ndim != 2 or d.shape[0] != d.shape[1]:
        shape = " × ".join(map(str, d.shape))
        raise PointsError(f"precomputed distances are square, and these are {shape}.")
    if not (np.isfinite(d).all() and (d >= 0).all()):
        raise PointsError("precomputed distances must be finite and not negative.")
    if not (np.allclose(d, d.T) and not np.diag(d).any()):
        raise PointsError("precomputed distances must be symmetric, with zeros on the diagonal.")
    twin = np.triu(d == 0, 1).any(axis=0)
    d = d[np.ix_(~twin, ~twin)]
    _enough(len(d))
    k = min(k, len(d) - 1)
    others = d.copy()
    np.fill_diagonal(others, np.inf)
    indices = np.argsort(others, axis=1, kind="stable")[:, :k]
    distances = np.take_along_axis(others, indices, axis=1)
    return Neighbours(distances, indices, matrix=d, duplicates=int(twin.sum()))


def _enough(n: int) -> None:
    if n < 3:
        raise PointsError(
            f"a dimension needs at least three different points, and there "
            f"{'is' if n == 1 else 'are'} {n}."
        )


def _none() -> tuple[np.ndarray, np.ndarray]:
    return np.empty((0, 0)), np.empty((0, 0), dtype=np.int64)


def _distinct(x: np.ndarray) -> np.ndarray:
    """The first row of each set of equal rows, in their order."""
    rows = np.ascontiguousarray(x + 0.0)  # −0 and 0 are equal, and their bytes are not
    keys = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
    return np.sort(np.unique(keys, return_index=True)[1])


def _tree_pays(x: np.ndarray) -> bool:
    """True if a tree is searched faster than blocks; d is TwoNN's over a few of the points."""
    n, ambient = x.shape
    if n <= SMALL:
        return False
    r, _ = _query(x[:: n // PILOT], 2, tree=False, track=iter)
    r = r[r[:, 0] > 0]
    if len(r) < 10:
        return False
    d = 1 / max(float(np.log(r[:, 1] / r[:, 0]).mean()), 0.01)
    tree = 29_000 * ambient / 20 * np.exp(0.45 * (d - 3)) * np.sqrt(n / 10_000)
    return bool(tree < n * (4 + 0.06 * ambient))


def _search(x: np.ndarray, k: int, track: Callable) -> tuple[np.ndarray, np.ndarray]:
    return _query(x, k, tree=_tree_pays(x), track=track)


def _query(x: np.ndarray, k: int, *, tree: bool, track: Callable) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.neighbors import NearestNeighbors

    algorithm = "kd_tree" if tree else "brute"
    search = NearestNeighbors(n_neighbors=k + 1, algorithm=algorithm, n_jobs=-1 if tree else None)
    search.fit(x)
    distances, indices = np.empty((len(x), k)), np.empty((len(x), k), dtype=np.int64)
    for rows in track([slice(at, at + BLOCK) for at in range(0, len(x), BLOCK)]):
        d, i = search.kneighbors(x[rows])
        if not tree:
            d, i = _sharpened(x, rows, d, i)
        distances[rows], indices[rows] = _without_self(d, i, np.arange(len(x))[rows])
    return distances, indices


def _without_self(d: np.ndarray, i: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances and indices without each point itself; the farthest goes where it is not found."""
    self = i == own[:, None]
    self[~self.any(axis=1), -1] = True
    return d[~self].reshape(len(d), -1), i[~self].reshape(len(i), -1)


def _sharpened(
    x: np.ndarray, rows: slice, d: np.ndarray, i: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Distances from differences in the rows where cancellation costs digits, sorted again."""
    own = x[rows]
    # Column 0 is the point itself, unless a twin stands there.
    close = np.flatnonzero(d[:, 1] ** 2 < CLOSE * (own**2).sum(axis=1))
    if close.size:
        d, i = d.copy(), i.copy()
        for at in range(0, close.size, 256):
            some = close[at : at + 256]
            exact = np.sqrt(((x[i[some]] - own[some, None]) ** 2).sum(axis=2))
            order = np.argsort(exact, axis=1, kind="stable")
            d[some] = np.take_along_axis(exact, order, axis=1)
            i[some] = np.take_along_axis(i[some], order, axis=1)
    return d, i
