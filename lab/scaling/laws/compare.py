"""Joint laws of the same rows beside each other, by AICc.

Every law of as many variables is fitted to the rows; a law's AICc is that of
`lab.scaling.laws.prediction`, with each row as independent, and stands here above that of the best.
It says which law describes these rows best, and nothing of losses beyond them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from lab.scaling.laws.fit import LAWS, fit_law
from lab.scaling.laws.prediction import Request, surprise


@dataclass(frozen=True)
class LawOfMany:
    """One law beside others. above: its AICc over that of the best; exponents: by variable;
    residual: root mean square in log L."""

    name: str
    above: float
    exponents: dict[str, float]
    status: str
    residual: float
    rows: int

    @property
    def told(self) -> str:
        """The exponents in words."""
        return ", ".join(f"{name} {value:.3g}" for name, value in self.exponents.items())

    def plain(self) -> dict[str, Any]:
        """Its numbers by name."""
        return {"law": self.name, "above": self.above, "exponents": self.exponents,
                "status": self.status, "residual": self.residual, "rows": self.rows}  # fmt: skip


def compared(
    names: Sequence[str],
    x: Float[np.ndarray, "variables points"],
    loss: Float[np.ndarray, " points"],
) -> tuple[LawOfMany, ...]:
    """The laws of as many variables that can be fitted, the best first; names: of the variables."""
    request, found = Request(loss.size, 1), []
    for law in LAWS.values():
        if len(law.variables) != len(names):
            continue
        fit = fit_law(law, x, loss, starts=request.starts, names=names)
        k, n = fit.theta.size + 1, loss.size
        if not fit.parameters or n <= k + 1:
            continue
        aicc = 2 * surprise(fit.residual, None) + 2 * k * n / (n - k - 1)
        powers = law.exponents(fit.parameters)
        by_name = {name: powers[v] for name, v in zip(names, law.variables, strict=True)}
        rest = float(np.sqrt(np.mean(fit.residual**2)))
        found.append((aicc, law.name, by_name, fit.status, rest))
    found.sort(key=lambda one: one[0])
    return tuple(
        LawOfMany(name, float(aicc - found[0][0]), powers, status, rest, loss.size)
        for aicc, name, powers, status, rest in found
    )
