"""How strongly the rows of a table speak for each law.

    aicc      w ∝ exp(−AICc/2),  AICc = n log(S/n) + 2k + 2k(k+1)/(n−k−1), k = coordinates + 1
              (Hurvich & Tsai 1989). About the measured range.
    holdout   w ∝ e^(−h), e the root-mean-square error of log L over the h rows at the far end,
              which the fit has not seen: the likelihood of a normal error of unknown size.
              About extrapolation, which is what an exponent is for.

Squared residuals of log L in both. Weights are reported beside a law chosen beforehand. An
interval quoted after choosing the law by its weight covers .78–.93 instead of .95.

What it does not do: choose, or average.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lab.scaling.fit import fit_law

STARTS = 200


@dataclass(frozen=True)
class Weights:
    """aicc, holdout: weight of each law that could be fitted, each summing to 1. errors: e of
    each law. held: rows held out."""

    aicc: dict[str, float]
    holdout: dict[str, float]
    errors: dict[str, float]
    held: int


def law_weights(
    laws: Sequence[str],
    x: Float[np.ndarray, "variables points"],
    loss: Float[np.ndarray, " points"],
    *,
    groups: Sequence | np.ndarray | None = None,
    held: int | None = None,
) -> Weights:
    """Weights of laws of the same variables.

    groups: one label per row; each group has a curve of its own, and AICc adds up. held: how many
    rows of each curve at its largest x (largest product, for two variables) the hold-out keeps
    from the fit; a tenth of them by default, at least one. Laws refused by one of the curves get
    no weight.
    """
    label = np.zeros(loss.size, int) if groups is None else np.asarray(groups)
    members = [np.flatnonzero(label == g) for g in np.unique(label)]
    aicc, errors, kept = {}, {}, 0
    for law in laws:
        parts = [_one_curve(law, x[:, rows], loss[rows], held) for rows in members]
        aicc[law] = sum(part[0] for part in parts)
        off = np.concatenate([part[1] for part in parts])
        kept = off.size
        errors[law] = float(np.sqrt((off**2).mean()))
    errors = {law: e for law, e in errors.items() if np.isfinite(e)}
    return Weights(
        _normalised({law: -v / 2 for law, v in aicc.items() if np.isfinite(v)}),
        _normalised({law: -kept * np.log(max(e, 1e-14)) for law, e in errors.items()}),
        errors, kept)


def _one_curve(law, x, loss, held) -> tuple[float, np.ndarray]:
    """AICc and the errors of log L in the rows held out; NaN where the law is refused."""
    n = loss.size
    held = max(round(n / 10), 1) if held is None else held
    if n <= held:
        return np.nan, np.full(held, np.nan)
    order = np.argsort(np.log(x).sum(0), kind="stable")
    near, far = np.sort(order[: n - held]), np.sort(order[n - held:])
    whole = fit_law(law, x, loss, starts=STARTS)
    k = whole.theta.size + 1
    aicc = np.nan
    if whole.parameters and n - k - 1 > 0:
        spread = n * np.log(max(whole.objective, 1e-28) / n)
        aicc = spread + 2 * k + 2 * k * (k + 1) / (n - k - 1)
    part = fit_law(law, x[:, near], loss[near], starts=STARTS)
    if not part.parameters:
        return aicc, np.full(held, np.nan)
    # A negative floor may make an extrapolated loss negative, a steep law make it overflow.
    with np.errstate(over="ignore", invalid="ignore"):
        return aicc, np.log(loss[far]) - np.log(part.predict(*x[:, far]))


def _normalised(log_weight: dict[str, float]) -> dict[str, float]:
    if not log_weight:
        return {}
    top = max(log_weight.values())
    weight = {law: np.exp(value - top) for law, value in log_weight.items()}
    total = sum(weight.values())
    return {law: float(value / total) for law, value in weight.items()}
