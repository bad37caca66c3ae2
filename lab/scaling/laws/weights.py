"""How strongly the rows of a table speak for each law.

    aicc      w ∝ exp(−AICc/2),  AICc = 2Λ m/n + 2k m/(m−k−1), k = free coordinates + 1
              (Hurvich & Tsai 1989). About the measured range.
    holdout   w ∝ exp(−Λ_h m_h/h), Λ_h of the h rows at the far end, which the fit has not seen.
              About extrapolation, which is what an exponent is for.

Λ is the negative log-likelihood at the best scale of the density whose maximum the fit's objective
is, so that laws are weighed by what was minimised, S = Σ ρ(r) of `descent.py`:

    squares   normal:  Λ = (n/2) log(S/n)
    Huber     density exp(−ρ_δ(r)/s)/Z(s), normal in the middle with exponential tails:
              Λ = min_s S/s + n log Z(s),  Z(s) = √(2πs) erf(δ/√(2s)) + (2s/δ) exp(−δ²/(2s))
              (Huber 1964; the least favourable density, with scale s).

m counts what is independent: rows, or groups of rows where there are groups, which only shortens
the evidence in proportion. Fewer than three held out, rows or groups, give no hold-out weight: one
row says nothing of the size of its own error.

Weights are reported beside a law chosen beforehand. An interval quoted after choosing the law by
its weight covers .78–.93 instead of .95.

What it does not do: choose, or average.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int
from scipy import special

from lab.scaling.laws.fit import MANY, SOME, Fit, fit_law

STARTS, FEW_STARTS = 200, 50  # of a fit, and of one to a table of more than MANY rows
FEWEST_ROWS = 100  # that starts search on where many curves share SOME
HELD_LEAST = 3


@dataclass(frozen=True)
class Weights:
    """aicc, holdout: weight of each law that could be fitted, each summing to 1; empty where no
    law can be weighed. errors: root-mean-square residual of each law in the rows held out. held:
    how many those are. independent: m, of all rows."""

    aicc: dict[str, float]
    holdout: dict[str, float]
    errors: dict[str, float]
    held: int
    independent: int


@dataclass(frozen=True)
class Request:
    """What is asked of every fit to a table of so many rows and curves. hold: law → parameters held
    in it, and their values."""

    rows: int
    curves: int
    huber: float | int | None = None
    residual: str = "log"
    hold: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def fit(self, law: str, x: np.ndarray, loss: np.ndarray) -> Fit:
        """The law fitted to these rows of one curve."""
        return fit_law(
            law,
            x,
            loss,
            huber=self.huber,
            residual=self.residual,
            hold=self.hold.get(law),
            starts=FEW_STARTS if self.rows > MANY else STARTS,
            some=max(SOME // self.curves, FEWEST_ROWS),
        )


def law_weights(
    laws: Sequence[str],
    x: Float[np.ndarray, "variables points"],
    loss: Float[np.ndarray, " points"],
    *,
    curves: Sequence | np.ndarray | None = None,
    groups: Sequence | np.ndarray | None = None,
    huber: float | int | None = None,
    residual: str = "log",
    hold: Mapping[str, Mapping[str, float]] | None = None,
    held: int | None = None,
) -> Weights:
    """Weights of laws of the same variables.

    curves: one label per row; each label has a curve of its own, and AICc adds up. groups: one
    label per row; rows of one label share the curve but are not independent. huber, residual: of
    the objective. hold: law → parameters held in it. held: how many rows of each curve at its
    largest x (largest product, for two variables) the hold-out keeps from the fit; by default a
    tenth of them, at least one of each of several curves, three of a single one of twelve rows or
    more. Laws refused by one of the curves get no weight.
    """
    label = np.zeros(loss.size, int) if curves is None else np.asarray(curves)
    members = [np.flatnonzero(label == g) for g in np.unique(label)]
    unit = np.arange(loss.size) if groups is None else np.unique(groups, return_inverse=True)[1]
    request = Request(loss.size, len(members), huber, residual, hold or {})
    aicc, off = {}, {}
    for law in laws:
        parts = [
            _one_curve(
                law,
                x[:, m],
                loss[m],
                unit[m],
                request,
                _rows_held(m.size, len(members)) if held is None else held,
            )
            for m in members
        ]
        aicc[law] = sum(part[0] for part in parts)
        off[law] = np.concatenate([part[1] for part in parts])
        seen = np.concatenate([unit[m][part[2]] for m, part in zip(members, parts, strict=True)])
    off = {law: r for law, r in off.items() if r.size and np.isfinite(r).all()}
    distinct = np.unique(seen).size
    enough = distinct >= HELD_LEAST
    return Weights(
        _normalised({law: -v / 2 for law, v in aicc.items() if np.isfinite(v)}),
        _normalised(
            {law: -surprise(r, huber) * distinct / r.size for law, r in off.items() if enough}
        ),
        {law: float(np.sqrt((r**2).mean())) for law, r in off.items()},
        int(seen.size),
        int(np.unique(unit).size),
    )


def _rows_held(n: int, curves: int) -> int:
    if curves > 1:
        return max(round(n / 10), 1)
    return max(round(n / 10), HELD_LEAST) if n >= 4 * HELD_LEAST else 0


def surprise(r: Float[np.ndarray, " points"], huber: float | int | None) -> float:
    """Λ of residuals: their negative log-likelihood at the best scale, without constants."""
    n = r.size
    if huber is None:
        return float(n / 2 * np.log(max(r @ r / n, 1e-28)))
    # scipy.optimize takes a tenth of a second to import.
    from scipy.optimize import minimize_scalar

    size = np.abs(r)
    rho = np.where(size <= huber, r * r / 2, huber * (size - huber / 2))
    mean = max(rho.mean(), 1e-28)

    def cost(log_s: float) -> float:
        s = np.exp(log_s)
        middle = 0.5 * np.log(2 * np.pi * s) + np.log(special.erf(huber / np.sqrt(2 * s)))
        tails = np.log(2 * s / huber) - huber**2 / (2 * s)
        return float(mean / s + np.logaddexp(middle, tails))

    # The best s is S/n for a density that is all tails, 2 S/n for a normal one.
    found = minimize_scalar(
        cost,
        bounds=(np.log(mean) - 0.1, np.log(2 * mean) + 0.1),
        method="bounded",
        options={"xatol": 1e-8},
    )
    return float(n * found.fun)


def _one_curve(
    law: str,
    x: Float[np.ndarray, "variables points"],
    loss: Float[np.ndarray, " points"],
    unit: Int[np.ndarray, " points"],
    request: Request,
    held: int,
) -> tuple[float, Float[np.ndarray, " far"], Int[np.ndarray, " far"]]:
    """AICc, the residuals of the rows held out (NaN where the law is refused), and those rows."""
    n, independent = loss.size, np.unique(unit).size
    order = np.argsort(np.log(x).sum(0), kind="stable")
    near, far = np.sort(order[: max(n - held, 0)]), np.sort(order[max(n - held, 0) :])
    aicc, off = np.nan, np.full(far.size, np.nan)
    if near.size:
        whole = request.fit(law, x, loss)
        k = whole.theta.size + 1
        if whole.parameters and independent - k - 1 > 0:
            spread = 2 * surprise(whole.residual, request.huber) * independent / n
            aicc = spread + 2 * k * independent / (independent - k - 1)
    if near.size and far.size:
        part = request.fit(law, x[:, near], loss[near])
        if part.parameters:
            # A negative floor may make an extrapolated loss negative, a steep law make it overflow.
            with np.errstate(over="ignore", invalid="ignore"):
                said = part.predict(*x[:, far])
                off = loss[far] - said if request.residual == "raw" else np.log(loss[far] / said)
    return aicc, off, far


def _normalised(log_weight: dict[str, float]) -> dict[str, float]:
    if not log_weight:
        return {}
    top = max(log_weight.values())
    weight = {law: np.exp(value - top) for law, value in log_weight.items()}
    total = sum(weight.values())
    return {law: float(value / total) for law, value in weight.items()}
