"""How good the quoted interval and the verdict are: coverage and error rates on simulated scans.

    python benchmarks/coverage.py [--scans 4000] [--out results/coverage]

Designs with 4, 6 and 10 teachers, 2 seeds, 6 or 8 x over 1.3 or 2 decades, prediction 4/d as a
bound and as an equality with a tolerance of 15 %. Truths that the estimator assumes, and truths
that it does not. Columns: coverage of the quoted interval and of the three that it is the longest
of; P(agrees) and P(contradicts) where the truth is the edge of the allowed region, each of which
should be at most .025; P(agrees) at 1.5 times the prediction, the power; and `silent`, the share of
scans whose interval misses the truth without a doubt and without an `undecided`.

Writes coverage.md and coverage.csv. Takes two minutes of one core; no JAX.
"""

import argparse
import csv
import itertools
from pathlib import Path

import numpy as np

from lab.scaling.judge.calibration import RATIOS, Design, Truth, calibrate, misspecified
from lab.show.markdown import table

ASSUMED = {
    "equal exponents": Truth(1.0),
    "exponents scatter by 10 %": Truth(1.0, spread=0.1),
    "heavy-tailed seeds": Truth(1.0, heavy=True),
    "noise .3": Truth(1.0, noise=0.3, spread=0.05),
}
"""The model of the estimator."""
MISSPECIFIED = misspecified(Truth(1.0, spread=0.05)) | {
    f"{name}, quiet": truth
    for name, truth in misspecified(Truth(1.0, noise=0.03, spread=0.02)).items()
    if name.startswith(("bends", "untrained"))
}
"""What the estimator does not know of; then it must doubt, widen or refuse."""
DESIGNS = ((4, 6, 1.3), (6, 6, 1.3), (6, 8, 2.0), (10, 8, 2.0))
"""Teachers, x, decades."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--scans", type=int, default=4000)
    parser.add_argument("--out", type=Path, default=Path("results/coverage"))
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for (teachers, points, decades), (name, truth), sense in itertools.product(
        DESIGNS, (ASSUMED | MISSPECIFIED).items(), ("bound", "equal")
    ):
        x = np.geomspace(100, 100 * 10**decades, points)
        design = Design(x, teachers, 2, prediction=truth.asymptote, sense=sense)
        found = calibrate(design, truth, scans=asked.scans, seed=0)
        rows.append({
            "truth": name, "assumed": name in ASSUMED, "sense": sense, "teachers": teachers,
            "x": points, "decades": decades, "quoted": found.coverage["quoted"],
            "teacher-t": found.coverage["teacher-t"], "profile": found.coverage["profile"],
            "mean-curve": found.coverage["mean-curve"], "width": found.width["quoted"],
            "agrees at .85": found.by_ratio[0.85][0], "contradicts at .85": found.by_ratio[0.85][1],
            "agrees at 1.15": found.by_ratio[1.15][0],
            "contradicts at 1.15": found.by_ratio[1.15][1],
            "silent": found.silent,
        } | {f"{word} at {ratio:g}": found.by_ratio[ratio][i]
             for ratio in RATIOS for i, word in enumerate(("agrees", "contradicts"))})  # fmt: skip
        print(name, sense, teachers, points, f"{found.coverage['quoted']:.3f}", flush=True)
    with open(asked.out / "coverage.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}
                         for row in rows)  # fmt: skip
    (asked.out / "coverage.md").write_text(_markdown(rows, asked.scans), encoding="utf-8")


def _markdown(rows: list[dict], scans: int) -> str:
    parts = [
        "# Coverage and error rates",
        f"{scans} simulated scans a row, noise .15 in log loss between seeds unless said, 2 seeds. "
        "Ranges over 4 teachers × 6 x, 6 × 6, 6 × 8 and 10 × 8, 1.3 to 2 decades. Edge: the truth "
        "is .85 or 1.15 of the prediction, where either verdict is wrong half of the time that it "
        "is given. Of truths that are no power law, coverage is that of the exponent at x → ∞, "
        "and `silent` the share of scans whose interval misses it without a doubt and without an "
        "`undecided`.",
    ]
    for assumed, title in ((True, "What the estimator assumes"), (False, "What it does not")):
        columns = ("truth", "quoted", "teacher-t", "profile", "mean-curve", "agrees at the edge",
                   "contradicts at the edge", "agrees at 1.5 × a bound", "silent")  # fmt: skip
        lines = []
        for name in dict.fromkeys(r["truth"] for r in rows if r["assumed"] is assumed):
            mine = [r for r in rows if r["truth"] == name]
            bound = [r for r in mine if r["sense"] == "bound"]
            equal = [r for r in mine if r["sense"] == "equal"]
            lines.append((
                name, *(_range([r[k] for r in bound]) for k in columns[1:5]),
                _range([r["agrees at .85"] for r in mine] + [r["agrees at 1.15"] for r in equal]),
                _range([r["contradicts at .85"] for r in mine]
                       + [r["contradicts at 1.15"] for r in equal]),
                _range([r["agrees at 1.5"] for r in bound]), _range([r["silent"] for r in mine]),
            ))  # fmt: skip
        parts += [f"## {title}", table(columns, lines)]
    parts.append("All rows, and both verdicts at truth / prediction from .5 to 1.5, are in "
                 "coverage.csv.")  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _range(values: list[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:.3f}" if high - low < 5e-4 else f"{low:.3f}–{high:.3f}"


if __name__ == "__main__":
    main()
