"""How far fitted laws extrapolate: errors beyond the data, and how often intervals hold them.

    python benchmarks/extrapolation.py [REPEATS] [SEED]

Learning curves are simulated from laws with the parameters that their papers quote, with noise of
1 % in log loss, 12 points over three decades; a new run at 2, 4 and 10 times the largest x is
predicted by every law of one variable. Rosenfeld's question (arXiv 1909.12673, section 6) is put to
the digitised runs of Hoffmann et al. that come with the lab: fit the corner of small N and small D,
predict the rest.

    RMSLE      root mean square of log(predicted / true), over curves that are not refused
    covered    share of new runs inside of the 95 % interval; where the fit gives none it says so
    width      median of the upper over the lower end of these intervals
    silent     share of fits that give no interval there: a misfit, a ridge, rows without scatter

Where the law is right the interval must cover .9 at four times; where it is wrong it must be wide
or absent.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from lab.scaling.laws.fit import LAWS, fit_law
from lab.scaling.laws.prediction import law_weights, predictions
from lab.scaling.tables.formats import read_rows

TABLE = Path(__file__).parent.parent / "studies" / "tables" / "chinchilla_digitised.csv"
TRUTHS = {
    # Kaplan et al. 2020, L(N); Hoffmann et al. 2022 at infinite data; Hestness et al. 2017, words;
    # Caballero et al. 2022, figure 1, a break inside of the range
    "power": (1e5, dict(beta=(8.8e13) ** 0.076, alpha=0.076)),
    "power+floor": (1e6, dict(beta=406.4, alpha=0.34, floor=1.69)),
    "m3": (1e4, dict(beta=12.0, alpha=0.3, gamma=1e-8)),
    "bnsl": (1e3, dict(a=0.05, b=1.9, c0=0.05, c1=0.4, d1=3e4, f1=0.3)),
}
FITTED = ("power", "power+floor", "m3", "m4", "bnsl")
BEYOND = (2.0, 4.0, 10.0)
NOISE, POINTS, DECADES = 0.01, 12, 3.0
AS_WELL = 0.05


def simulated(repeats: int, seed: int) -> list[tuple[str, str, float, float, float, float, float]]:
    """(truth, law, how far, RMSLE, covered, width, silent)."""
    out = []
    for truth, (first, values) in TRUTHS.items():
        x = np.geomspace(first, first * 10**DECADES, POINTS)
        far = x[-1] * np.array(BEYOND)
        errors: dict[tuple[str, int], list[float]] = {}
        inside: dict[tuple[str, int], list[bool | None]] = {}
        wide: dict[tuple[str, int], list[float]] = {}
        for repeat in range(repeats):
            rng = np.random.default_rng([seed, repeat])
            loss = LAWS[truth].loss(values, x) * np.exp(NOISE * rng.standard_normal(x.size))
            new = LAWS[truth].loss(values, far) * np.exp(NOISE * rng.standard_normal(far.size))
            fits = {law: fit_law(law, x[None], loss, starts=100) for law in FITTED}
            weight = law_weights(FITTED, x[None], loss).aicc
            least = AS_WELL * max(weight.values(), default=1.0)
            for law, fit in fits.items():
                if not fit.parameters:
                    continue
                others = {
                    name: fits[name]
                    for name, w in weight.items()
                    if name != law and w >= least and fits[name].parameters
                }
                for i, said in enumerate(predictions(fit, far[None], others=others)):
                    if said.value > 0:
                        errors.setdefault((law, i), []).append(float(np.log(said.value / new[i])))
                    held = None if said.new is None else said.new[0] <= new[i] <= said.new[1]
                    inside.setdefault((law, i), []).append(held)
                    if said.new is not None:
                        wide.setdefault((law, i), []).append(said.new[1] / said.new[0])
        for (law, i), off in errors.items():
            known = [held for held in inside[law, i] if held is not None]
            covered = float(np.mean(known)) if known else float("nan")
            silent = 1 - len(known) / len(inside[law, i])
            error = float(np.sqrt(np.mean(np.square(off))))
            width = float(np.median(wide.get((law, i), [np.nan])))
            out.append((truth, law, BEYOND[i], error, covered, width, silent))
    return out


def corner(share: float) -> list[tuple[str, int, float]]:
    """(law, rows predicted, RMSLE) of laws fitted to the smallest N and D."""
    rows = read_rows(TABLE)
    N, D, loss = (rows.numbers(name) for name in ("parameters", "tokens", "loss"))
    small = (np.quantile(N, share) >= N) & (np.quantile(D, share) >= D)
    out = []
    for name, law in LAWS.items():
        if law.variables != ("x", "y"):
            continue
        fit = fit_law(name, np.stack([N, D])[:, small], loss[small], huber=1e-3)
        if fit.parameters:
            off = np.log(fit.predict(N[~small], D[~small]) / loss[~small])
            out.append((name, int((~small).sum()), float(np.sqrt(np.mean(off**2)))))
    return out


if __name__ == "__main__":
    given = [int(text) for text in sys.argv[1:3]]
    repeats, seed = given + [100, 0][len(given) :]
    head = f"{'truth':12} {'law':12} {'beyond':>6} {'RMSLE':>8} {'covered':>8} {'width':>7}"
    print(f"{head} {'silent':>7}")
    for truth, law, far, error, covered, width, silent in simulated(repeats, seed):
        row = f"{truth:12} {law:12} {far:6g} {error:8.4f} {covered:8.2f} {width:7.3g}"
        print(f"{row} {silent:7.2f}")
    for share in (0.5, 0.7):
        for name, rows, error in corner(share):
            print(f"smallest {share:.0%} of N and D: {name:12} {error:.4f} in {rows} rows")
