"""How often 95 % intervals of the exponent cover it, on simulated scans with a known exponent.

    python benchmarks/coverage.py [--scans 4000] [--seed 1] [--out results/coverage]

Writes coverage.csv and coverage.md. Every scan: α = 1, seven x over 1.5 decades, two seeds with a
scatter of 0.15 in log loss, amplitudes of teachers scattered by 0.3 in log loss, loss 0.1 at the
smallest x. Varied: teachers, the spread of their exponents, the floor, the tails of the seeds.
The columns `quoted` to `basic` come from the code that judges real studies; `no floor` is
teacher-t of a pure power law, for comparison.
"""

import argparse
import csv
from itertools import product
from pathlib import Path

import numpy as np

from lab.scaling.calibration import Design, Truth, calibrate
from lab.scaling.curves import fit_curves
from lab.scaling.intervals import teacher_t

X = np.geomspace(60, 60 * 10**1.5, 7)
COVERAGES = ("quoted", "profile", "wald", "percentile", "basic", "no floor")


def scenario(
    teachers: int, spread: float, floor: float, heavy: bool, scans: int, seed: int
) -> dict[str, object]:
    """One row of the table."""
    truth = Truth(1.0, 0.1, floor, spread=spread, heavy=heavy)
    design = Design(X, teachers, 2, 1.0)
    found = calibrate(design, truth, scans=scans, seed=seed)
    losses = truth.simulate(X, teachers, 2, scans, np.random.default_rng(seed))
    pure = fit_curves(np.log(X), losses.reshape(-1, X.size), share=1.0).alpha
    lo, hi = teacher_t(pure.reshape(scans, teachers))
    coverage = found.coverage | {"no floor": float(np.mean((lo <= 1) & (1 <= hi)))}
    return {
        "teachers": teachers, "spread": spread, "floor": floor,
        "seeds": "heavy" if heavy else "normal",
        **{name: f"{coverage[name]:.3f}" for name in COVERAGES},
        "width": f"{found.width['quoted']:.2f}", "bias": f"{found.bias:+.3f}",
        "wrong verdicts": f"{found.wrong:.4f}", "usable": f"{found.usable:.3f}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--scans", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("results/coverage"))
    options = parser.parse_args()
    rows = []
    for teachers, spread, floor, heavy in product(
            (4, 5, 10), (0.0, 0.1), (0.0, 5e-4, 1e-2), (False, True)):
        rows.append(scenario(teachers, spread, floor, heavy, options.scans, options.seed))
        print(rows[-1], flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    with (options.out / "coverage.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    error = np.sqrt(0.95 * 0.05 / options.scans)
    lines = [
        f"Coverage of nominal 95 % intervals of the exponent, {options.scans} simulated scans per "
        f"row (standard error {error:.3f}), by `benchmarks/coverage.py`.", "",
        "| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0]),
        *("| " + " | ".join(map(str, row.values())) + " |" for row in rows),
    ]
    (options.out / "coverage.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
