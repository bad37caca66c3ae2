"""How long a dimension takes, as ratios to what a user would run instead.

    python benchmarks/dimension.py                  # n = 1000 and 10 000
    python benchmarks/dimension.py 1000 100000      # other numbers of points

Points fill d dimensions of R^D at random: d = 3, where a tree pays, and d = 20, where it does not.
`query` is one search of scikit-learn, NearestNeighbors(k + 1).fit(X).kneighbors(X), with its own
choice of algorithm; TwoNN and MLE of the lab share one search with k = 10, as `lab dimension` does.
`skdim` is TwoNN of scikit-dimension, where it is installed; from 10 000 points in more than 25
dimensions on it holds blocks of the full matrix of distances. Fastest of three runs below 10 s.

An approximate search (HNSW) would pay beyond 10^5 points of high dimension, where blocks take n²;
it changes what is measured, for a missed nearest neighbour raises r_1 and with it the dimension.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from lab.dimension import ratios
from lab.dimension.neighbours import neighbours

AMBIENT = (20, 100, 600)
INTRINSIC = (3, 20)
K = 10
HEAD = (
    f"{'n':>7} {'D':>4} {'d':>3} {'lab':>9} {'two-nn':>9} {'/ query':>8} "
    f"{'/ query 2':>9} {'skdim /':>8}"
)


def seconds(work: Callable[[], object], repeat: int = 3) -> float:
    """The fastest of a few runs, or the only one if that takes ten seconds."""
    best = np.inf
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
        if best > 10:
            break
    return best


def points(n: int, d: int, ambient: int) -> np.ndarray:
    rng = np.random.default_rng([n, d, ambient])
    frame = np.linalg.qr(rng.standard_normal((ambient, d)))[0]
    return rng.random((n, d)) @ frame.T


def both(x: np.ndarray) -> None:
    """TwoNN and MLE from one search."""
    near = neighbours(x, K)
    ratios.two_nn_linear(near)
    ratios.levina_bickel(near)
    ratios.levina_bickel(near, average="inverses")


def one(x: np.ndarray) -> None:
    ratios.two_nn_linear(neighbours(x, 2))


def query(x: np.ndarray, k: int) -> None:
    from sklearn.neighbors import NearestNeighbors

    NearestNeighbors(n_neighbors=k + 1).fit(x).kneighbors(x)


def theirs(x: np.ndarray) -> float:
    """Seconds of scikit-dimension's TwoNN, NaN where it is not installed."""
    try:
        from skdim.id import TwoNN
    except ImportError:
        return np.nan
    return seconds(lambda: TwoNN().fit(x))


def main() -> None:
    warnings.simplefilter("ignore")
    # numba imports the package `coverage`, which is not the script of that name in this folder
    sys.path = [path for path in sys.path if Path(path).resolve() != Path(__file__).parent]
    sizes = [int(word) for word in sys.argv[1:]] or [1000, 10_000]
    query(points(1000, 3, 20), 2)  # imports
    print(HEAD)
    for n in sizes:
        for ambient in AMBIENT:
            for d in INTRINSIC:
                x = points(n, d, ambient)
                lab, twonn = seconds(lambda x=x: both(x)), seconds(lambda x=x: one(x))
                many, two = (seconds(lambda x=x, k=k: query(x, k)) for k in (K, 2))
                print(
                    f"{n:7d} {ambient:4d} {d:3d} {lab:8.3f}s {twonn:8.3f}s {lab / many:8.2f} "
                    f"{twonn / two:9.2f} {theirs(x) / twonn:8.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
