"""How often the corrected interval of a dimension holds the truth: results/dimension-coverage/.

    python benchmarks/dimension_coverage.py

Four groups of manifolds, d = 1 … 20:

    known      the references of the correction, other points
    left out   each of them, corrected by the others alone; the torus apart, for none resembles it
    new        manifolds that are none of them: other densities, unequal sides, products, bends
    noise      the cube with normal noise in 20 or more dimensions

A case is one estimate of one set of points. `doubted` is the share with `unlike-references`, and
coverage is given over all cases and over those without that doubt.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from lab.dimension.calibration import (
    FAR,
    MANIFOLDS,
    BiasTable,
    ball,
    calibration,
    corrected,
    cube,
    gaussian,
    resemblance,
    sphere,
)
from lab.dimension.estimate import Estimate
from lab.dimension.estimators import NEIGHBOURS, PROFILE, STATISTICS
from lab.dimension.neighbours import neighbours

FOLDER = Path(__file__).resolve().parent.parent / "results" / "dimension-coverage"
METHODS = ("two-nn-linear", "two-nn-mle", "mle@10", "mle-inverse@10", "knn", "gride@4",
           "correlation", "pca")  # fmt: skip
DIMENSIONS = (1, 2, 3, 4, 5, 7, 9, 11, 13, 15, 17, 20)
SIZES = {1000: (DIMENSIONS, 2), 5000: (DIMENSIONS, 1), 20_000: ((2, 7, 15, 20), 1)}
"""Dimensions and repeats at every number of points."""
HEAD = ("group", "manifold", "d", "n", "method", "estimate", "corrected", "low", "high", "distance")
Manifold = Callable[[int, int, np.random.Generator], np.ndarray]


def slab(d: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """A box whose sides fall from 1 to 0.3."""
    return cube(d, n, rng) * np.geomspace(1, 0.3, d)


def product(d: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """A sphere of radius ½ times a cube."""
    half = d // 2
    flat = cube(d - half, n, rng)
    return np.concatenate([sphere(half, n, rng) / 2, flat], axis=1) if half else flat


def bent(d: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """A Gaussian bent by 20 waves."""
    z = 0.5 * gaussian(d, n, rng)
    frequency = 2 * rng.standard_normal((d, 20)) / np.sqrt(d)
    waves = np.sin(z @ frequency + 2 * np.pi * rng.random(20))
    return np.concatenate([z, 0.5 * waves], axis=1)


def paraboloid(d: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """The unit ball with the squares of its coordinates."""
    z = 2 * ball(d, n, rng)
    return np.concatenate([z, z**2], axis=1)


def noisy(sigma: float) -> Manifold:
    """The cube in max(20, d + 4) dimensions with noise in all of them."""

    def points(d: int, n: int, rng: np.random.Generator) -> np.ndarray:
        x = sigma * rng.standard_normal((n, max(20, d + 4)))
        x[:, :d] += cube(d, n, rng)
        return x

    return points


NEW: dict[str, Manifold] = {
    "beta": lambda d, n, rng: rng.beta(2, 2, (n, d)),
    "slab": slab,
    "product": product,
    "bent": bent,
    "paraboloid": paraboloid,
    "half-normal": lambda d, n, rng: np.abs(rng.standard_normal((n, d))),
    "student-5": lambda d, n, rng: rng.standard_t(5, (n, d)),
}
NOISE = {f"noise {sigma}": noisy(sigma) for sigma in (0.001, 0.01, 0.03)}


def cases() -> Iterator[tuple]:
    """One row per estimate, in the columns of HEAD."""
    table = calibration()
    every = [*MANIFOLDS.items(), *NEW.items(), *NOISE.items()]
    for n, (dimensions, repeats) in SIZES.items():
        for d in dimensions:
            for number, (name, manifold) in enumerate(every):
                for repeat in range(repeats):
                    rng = np.random.default_rng([1, number, d, n, repeat])
                    yield from _cases(name, manifold(d, n, rng), d, table)
        print(f"n = {n} done", flush=True)


def _cases(name: str, points: np.ndarray, d: int, table: BiasTable) -> Iterator[tuple]:
    near = neighbours(points, NEIGHBOURS)
    found = {s: STATISTICS[s](near) for s in (*METHODS, *PROFILE)}
    if name in MANIFOLDS:
        yield from _rows("known", name, d, found, table)
        group = "torus left out" if name == "torus" else "left out"
        yield from _rows(group, name, d, found, table.without(name))
    else:
        yield from _rows("new" if name in NEW else name, name, d, found, table)


def _rows(
    group: str, name: str, d: int, found: dict[str, Estimate], table: BiasTable
) -> Iterator[tuple]:
    distance = resemblance(found, found["pca"].n, table)
    for method in METHODS:
        e = corrected(found[method], method, distance, table)
        yield (group, name, d, e.n, method.partition("@")[0], e.dimension, e.corrected,
               *e.corrected_interval, distance.min())  # fmt: skip


def summary(rows: list[tuple]) -> Iterator[str]:
    """Lines of a Markdown table: one per group and number of points."""
    yield "| manifolds | n | cases | doubted | covered | without doubt | least covered | width |"
    yield "|---|---|---|---|---|---|---|---|"
    for group in dict.fromkeys(row[0] for row in rows):
        for n in SIZES:
            some = [row for row in rows if row[0] == group and row[3] == n]
            held = np.array([row[7] <= row[2] <= row[8] for row in some])
            sure = np.array([row[9] <= FAR for row in some])
            methods = {row[4] for row in some}
            least = min(
                (np.mean([h for h, row in zip(held, some, strict=True) if row[4] == m]), m)
                for m in sorted(methods)
            )
            width = np.median([row[8] / row[7] for row in some])
            certain = f"{held[sure].mean():.3f}" if sure.any() else "–"
            yield (
                f"| {group} | {n} | {len(some)} | {1 - sure.mean():.2f} | {held.mean():.3f} | "
                f"{certain} | {least[1]} {least[0]:.2f} | {width:.2f} |"
            )


def main() -> None:
    rows = list(cases())
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "coverage.csv").open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(HEAD)
        out.writerows(
            [f"{cell:.4g}" if isinstance(cell, float) else cell for cell in row] for row in rows
        )
    text = [
        "# Coverage of corrected dimensions", "",
        "Made by `benchmarks/dimension_coverage.py`, which says what the groups are. All methods, "
        "d = 1 … 20. `without doubt`: covered where the points are not `unlike-references`; "
        "`least covered`: the worst method; `width`: median ratio of the interval's ends.", "",
        *summary(rows),
    ]  # fmt: skip
    (FOLDER / "coverage.md").write_text("\n".join(text) + "\n")
    print("\n".join(text))


if __name__ == "__main__":
    main()
