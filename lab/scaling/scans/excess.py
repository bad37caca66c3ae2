"""The excess over a limit: mean of L − L∞ over repetitions, the quantity that is variance-limited.

The law L(x) − L∞ ∝ 1/x is one of expectations, over draws of the data or over starts: a cell is the
arithmetic mean over them, with its standard error. A mean that is negative by more than two
standard errors cannot be: then L∞ was not the limit. Over draws of the data not even one excess can
be negative, for L∞ is the smallest loss that the model has. Such cells, and those that are not
positive for want of repetitions, have no logarithm: they are told, never dropped in silence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

ROUNDING = 1e-8
"""Relative to L∞, a negative excess that means nothing."""
BEYOND = 2.0
"""Standard errors below zero from which a mean excess is a fault of the reference."""


@dataclass(frozen=True)
class Excess:
    """Cells of one scan: x, teacher, mean excess over the repetitions and its standard error.

    `below`: how many single excesses are negative beyond rounding, where none may be.
    """

    x: Float[np.ndarray, " cells"]
    teacher: Int[np.ndarray, " cells"]
    mean: Float[np.ndarray, " cells"]
    error: Float[np.ndarray, " cells"]
    below: int

    @property
    def positive(self) -> Bool[np.ndarray, " cells"]:
        """Cells that have a logarithm."""
        return self.mean > 0

    @property
    def impossible(self) -> bool:
        """Whether an excess lies so far below zero that L∞ cannot have been the limit."""
        return self.below > 0 or bool(np.any(self.mean < -BEYOND * self.error))


def excess(
    x: Float[np.ndarray, " rows"],
    loss: Float[np.ndarray, " rows"],
    limit: Float[np.ndarray, " rows"],
    teacher: Int[np.ndarray, " rows"],
    *,
    smallest: bool,
) -> Excess:
    """Cells from rows: L and L∞ of one repetition each.

    smallest: whether L∞ is the smallest loss of the model, so that no L may lie below it.

    A cell of one repetition has an infinite standard error: nothing says how far it scatters.
    """
    over = loss - limit
    below = int(np.sum(over < -ROUNDING * limit)) if smallest else 0
    cells = sorted(set(zip(teacher.tolist(), x.tolist(), strict=True)))
    mean, error = [], []
    for k, at in cells:
        some = over[(teacher == k) & (x == at)]
        mean.append(some.mean())
        error.append(some.std(ddof=1) / np.sqrt(some.size) if some.size > 1 else np.inf)
    k, at = zip(*cells, strict=True)
    return Excess(np.array(at, float), np.array(k, int), np.array(mean), np.array(error), below)
