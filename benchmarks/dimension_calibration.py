"""Measures the bias of the estimators of dimension: lab/dimension/calibration.csv.

    python benchmarks/dimension_calibration.py    # what is missing, smallest n first

A row is one manifold, d and n: the mean over repeats of log(estimate / d) for every statistic. Each
repeat has a generator of its own, seeded by the manifold, d, n and its number, so rows do not
depend on each other. About a quarter of an hour on one core.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

from lab.dimension.calibration import MANIFOLDS, TABLE
from lab.dimension.estimators import NEIGHBOURS, STATISTICS
from lab.dimension.neighbours import neighbours

DIMENSIONS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24)
REPEATS = {250: 40, 500: 16, 1000: 10, 2000: 6, 5000: 2, 20_000: 1}
COARSE = {20_000: (1, 2, 4, 8, 12, 16, 24)}
"""Dimensions at the numbers of points where all would take long."""
HEAD = ("manifold", "d", "n", *STATISTICS)


def bias(manifold: str, d: int, n: int) -> list[float]:
    """Mean of log(estimate / d) over the repeats, per statistic."""
    found = []
    for repeat in range(REPEATS[n]):
        rng = np.random.default_rng([list(MANIFOLDS).index(manifold), d, n, repeat])
        near = neighbours(MANIFOLDS[manifold](d, n, rng), NEIGHBOURS)
        found.append([one(near).dimension / d for one in STATISTICS.values()])
    return np.log(found).mean(axis=0).tolist()


def measure(path: Path) -> None:
    """Append the rows that the table lacks, then sort it."""
    rows = read(path)
    for n in REPEATS:
        for d in COARSE.get(n, DIMENSIONS):
            for manifold in MANIFOLDS:
                if (manifold, d, n) not in rows:
                    rows[manifold, d, n] = [f"{b:.4f}" for b in bias(manifold, d, n)]
        write(path, rows)
        print(f"n = {n} done", flush=True)


def read(path: Path) -> dict[tuple[str, int, int], list[str]]:
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        head, *rows = csv.reader(file)
    assert tuple(head) == HEAD, "the table has other statistics: move it away"
    return {(manifold, int(d), int(n)): values for manifold, d, n, *values in rows}


def write(path: Path, rows: dict[tuple[str, int, int], list[str]]) -> None:
    with path.open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(HEAD)
        out.writerows([*key, *rows[key]] for key in sorted(rows))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--table", type=Path, default=TABLE)
    measure(options.parse_args().table)


if __name__ == "__main__":
    main()
