"""How good intervals, shapes and verdicts are: coverage, power and error rates on simulated scans.

    python benchmarks/coverage.py [--scans 1000] [--out results/coverage]

Designs of 5, 8 and 16 teachers, 6 to 9 x over 1.3 or 2 decades, 2 seeds, an equality within 15 %.
Truths that the estimator assumes, and truths that it does not. A row is a truth, a design and a
place of the claim (over the range, or in the limit, there with and without an ω): coverage and
width of the interval, how often the curve is found straight or bent, and P(agrees) and
P(contradicts) where the truth is .5 … 1.5 of the prediction; .85 and 1.15 are the edges, where
either word should be given in at most .025. `half`: P(agrees) at the truth where the tolerance is
the median interval, so that the interval is half of the band.

Writes coverage.md and coverage.csv. Takes minutes of one core; no JAX.
"""

import argparse
import csv
import itertools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from lab.findings.view import table
from lab.scaling.judge.calibration import RATIOS, Design, Truth, calibrate, misspecified

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
DESIGNS = ((5, 6, 1.3), (8, 7, 1.3), (8, 9, 2.0), (16, 9, 2.0))
"""Teachers, x, decades."""
PLACES = ("range", "limit", "limit, ω = 1")
TOLERANCE = 0.15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--scans", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=Path("results/coverage"))
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for (name, truth), (teachers, points, decades), place in itertools.product(
        (ASSUMED | MISSPECIFIED).items(), DESIGNS, PLACES
    ):
        x = np.geomspace(100, 100 * 10**decades, points)
        rows.append(
            {"truth": name, "assumed": name in ASSUMED, "over": place, "teachers": teachers,
             "x": points, "decades": decades, **measured(x, teachers, truth, place, asked.scans)}
        )  # fmt: skip
        print(name, teachers, points, place, rows[-1]["covers"], flush=True)
    with open(asked.out / "coverage.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}
                         for row in rows)  # fmt: skip
    (asked.out / "coverage.md").write_text(_markdown(rows, asked.scans), encoding="utf-8")


def measured(
    x: np.ndarray, teachers: int, truth: Truth, place: str, scans: int
) -> Mapping[str, float]:
    """One row: what simulated scans of one design and truth showed."""
    over, omega = place.split(",")[0], 1.0 if "ω" in place else None
    target = truth.slope(x) if over == "range" else float(truth.asymptote)
    design = Design(x, teachers, 2, target, "equal", TOLERANCE, over=over, omega=omega)
    found = calibrate(design, truth, scans=scans, seed=0)
    kind = "limit" if omega else "quoted"
    width = found.width["quoted"]
    narrow = replace(design, tolerance=min(width / target, 0.9))
    half = calibrate(narrow, truth, scans=scans, seed=0, ratios=())
    return {
        "covers": found.coverage[kind], "width": found.width[kind],
        "straight": found.shapes["straight"], "bent": found.shapes["bent"],
        "half": half.verdicts["agrees"],
        **{f"{word} at {ratio:g}": found.by_ratio[ratio][i]
           for ratio in RATIOS for i, word in enumerate(("agrees", "contradicts"))},
    }  # fmt: skip


def _markdown(rows: list[dict], scans: int) -> str:
    parts = [
        "# Coverage, power and error rates",
        f"{scans} simulated scans a row (a share near .95 has a standard error of "
        f"{np.sqrt(0.95 * 0.05 / scans):.3f}), noise .15 in log loss between seeds unless said, 2 "
        "seeds, an equality within 15 %. Ranges over 5 teachers × 6 x and 8 × 7 (1.3 decades), "
        "8 × 9 and 16 × 9 (2 decades). `covers`: of a claim over the range the 95 % interval of "
        "the exponent over the range holds the least-squares slope of the true curve; of the limit "
        "given ω = 1, the interval of the limit holds the exponent at x → ∞. Edge: the truth is "
        ".85 or 1.15 of the prediction. `half`: P(agrees) at the truth where the interval is half "
        "of the band.",
    ]
    columns = ("truth", "covers", "straight", "bent", "agrees at the edge",
               "contradicts at the edge", "agrees at the truth", "half",
               "contradicts at 0.5")  # fmt: skip
    for place in PLACES:
        lines = []
        for name in dict.fromkeys(row["truth"] for row in rows):
            mine = [r for r in rows if r["truth"] == name and r["over"] == place]
            both = {word: [r[f"{word} at {edge}"] for r in mine for edge in (0.85, 1.15)]
                    for word in ("agrees", "contradicts")}  # fmt: skip
            lines.append((
                name, *(_range([r[k] for r in mine]) for k in ("covers", "straight", "bent")),
                _range(both["agrees"]), _range(both["contradicts"]),
                *(_range([r[k] for r in mine])
                  for k in ("agrees at 1", "half", "contradicts at 0.5")),
            ))  # fmt: skip
        parts += [f"## Claims over the {place}", table(columns, lines)]
    parts.append("All rows, and both verdicts at truth / prediction from .5 to 1.5, are in "
                 "coverage.csv.")  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _range(values: list[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:.2f}" if high - low < 5e-3 else f"{low:.2f}–{high:.2f}"


if __name__ == "__main__":
    main()
