"""Rows that stand out, and how far they move the exponents.

Least squares hides the rows that pull it: a far row with leverage has a small residual. So rows
are judged by their distance from a fit that cannot be pulled, Huber's with δ = 10⁻³:

    |r_i| > 5 · 1.4826 median |r|   →   row i stands out,

and the fit in question is repeated without them. It is a warning, not a deletion.

What it does not do: say that a row is wrong.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from lab.scaling.laws.fit import LawFit, fit_law

ROBUST = 1e-3
FAR = 5.0
MATTERS = 0.2  # relative change of an exponent that deserves a warning


@dataclass(frozen=True)
class Outliers:
    """rows: indices of the rows that stand out. change: exponent → (with them, without them), for
    the exponents that move by more than MATTERS."""

    rows: Int[np.ndarray, " outliers"]
    change: dict[str, tuple[float, float]]


def outliers(fit: LawFit) -> Outliers:
    """Rows that stand out of a fit that was not refused, and what leaving them out changes."""
    problem = fit.problem
    x = np.exp(problem.z + fit.origin[:, None])
    loss = np.exp(problem.log_loss)
    law = problem.law
    robust = (
        fit
        if problem.huber == ROBUST and problem.residual == "log"
        else fit_law(law, x, loss, huber=ROBUST, starts=100)
    )
    size = np.abs(robust.residual)
    far = size > FAR * 1.4826 * np.median(size) + 1e-9
    nothing = Outliers(np.flatnonzero(far), {})
    if not far.any():
        return nothing
    without = fit_law(
        law, x[:, ~far], loss[~far], huber=problem.huber, residual=problem.residual, starts=100
    )
    if not without.parameters:
        return nothing
    pairs = {
        name: (fit.parameters[name], without.parameters[name])
        for name in law.coordinates
        if name not in law.logarithmic
    }
    change = {
        name: (a, b) for name, (a, b) in pairs.items() if abs(a - b) > MATTERS * max(abs(b), 1e-3)
    }
    return Outliers(np.flatnonzero(far), change)
