"""Coverage of the interval whose units are random orders of one pool, by simulation.

A nearest neighbour (k = 1, or 5 with label noise) learns a smooth target on a cube of d dimensions
from the first D points of J random orders of a pool, and is tested on one set, as a study with
`[task] data` has it. Truth: the median exponent over many such worlds. Printed by the share D/pool
of the largest training set: how often the quoted 95 % interval, where there is one, holds the
truth; and the same for units of independent pools with tests of their own.

    python benchmarks/one_pool.py [worlds]
"""

from __future__ import annotations

import sys

import numpy as np
from scipy.spatial import cKDTree

from lab.scaling.judge.exponent import judge
from lab.scaling.scans.estimate import estimate
from lab.scaling.scans.scan import Scan

UNITS, TEST, SIZES = 5, 300, 7
LARGEST = 400
"""D of the largest training set, whatever the pool."""
CASES = ((2, 0.0, 1), (6, 0.0, 1), (2, 0.5, 5))
"""Dimension, standard deviation of the label noise, neighbours."""


def target(x: np.ndarray) -> np.ndarray:
    return np.sin(3 * x[:, 0]) + np.cos(2 * x[:, 1]) + x.sum(axis=1) ** 2 / x.shape[1]


def draw(n: int, d: int, noise: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    x = rng.uniform(size=(n, d))
    return x, target(x) + noise * rng.standard_normal(n)


def losses(
    pool: tuple, test: tuple, D: np.ndarray, k: int, rng: np.random.Generator
) -> list[float]:
    order = rng.permutation(len(pool[0]))
    found = []
    for size in D:
        x, y = pool[0][order[:size]], pool[1][order[:size]]
        near = cKDTree(x).query(test[0], k)[1].reshape(len(test[0]), k)
        found.append(np.mean((y[near].mean(axis=1) - test[1]) ** 2) / test[1].var())
    return found


def world(
    share: float, d: int, noise: float, k: int, rng: np.random.Generator, *, apart: bool
) -> tuple[float, tuple[float, float]]:
    """The exponent of one world, and its interval."""
    D = np.unique(np.geomspace(24, LARGEST, SIZES).round().astype(int))
    n = round(LARGEST / share)
    pool, test = draw(n, d, noise, rng), draw(TEST, d, noise, rng)
    rows = []
    for _ in range(UNITS):
        if apart:
            pool, test = draw(n, d, noise, rng), draw(TEST, d, noise, rng)
        rows.append(losses(pool, test, D, k, rng))
    scan = Scan.of(
        np.tile(D, UNITS).astype(float), np.ravel(rows), np.repeat(np.arange(UNITS), len(D))
    )
    found = estimate(scan, law="power+floor" if noise else "power", replicates=200)
    return found.alpha, judge(found).interval


def covered(worlds: list, truth: float) -> str:
    """How often the interval holds the truth, and how often there is none."""
    ends = np.array([interval for _, interval in worlds])
    known = np.isfinite(ends).all(axis=1)
    held = (ends[known, 0] <= truth) & (truth <= ends[known, 1])
    return f"{held.mean():.2f} ({1 - known.mean():.2f} without)"


def main() -> None:
    worlds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print("d  noise  k  D/pool   orders of one pool   independent pools")
    for d, noise, k in CASES:
        for share in (1.0, 0.75, 0.5, 0.25):
            rng = np.random.default_rng(0)
            one = [world(share, d, noise, k, rng, apart=False) for _ in range(worlds)]
            own = [world(share, d, noise, k, rng, apart=True) for _ in range(worlds)]
            truth = float(np.nanmedian([alpha for alpha, _ in (*one, *own)]))
            print(f"{d}  {noise:5.1f}  {k}  {share:6.2f}   {covered(one, truth):>18}   "
                  f"{covered(own, truth):>18}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
