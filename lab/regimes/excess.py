"""Regimes whose loss is an excess over a limit that each run knows: what they have in common."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from lab.axes import Ordinate, excess_over
from lab.regimes.cell import Values
from lab.regimes.regime import Regime, Rows
from lab.tables.prediction import Prediction, Predictions


class OverLimit(Regime):
    """A variance-limited regime: theory has 1 for its exponent (Bahri et al., arXiv 2102.06701)."""

    predictions: Predictions = (Prediction(exponent=1.0, sense="equal"),)

    means: ClassVar[bool] = True
    limit: ClassVar[str]
    """The limit in words."""
    smallest: ClassVar[bool]
    """Whether the limit is the smallest loss of the model, so that no loss may lie below it."""

    @property
    def ordinate(self) -> Ordinate:
        return excess_over(self.limit)

    @property
    def law(self) -> str:
        return "power"

    def reading(self, done: Rows, limits: Rows = ()) -> Values:
        """Mean excess over repetitions, cell by cell, where it has a logarithm."""
        from lab.scaling.judge.verdict import Doubt
        from lab.scaling.scans.scan import excess

        raw = self.losses(done)
        if not done:
            return raw
        limit = np.array([row.details["limit"] for _, row in done], float)
        over = excess(raw.x, raw.value, limit, raw.teacher, smallest=self.smallest)
        keep = over.positive
        doubts: tuple[Doubt, ...] = () if keep.all() else (Doubt.EXCESS_UNRESOLVED,)
        if over.impossible:
            doubts = (Doubt.REFERENCE_NOT_CONVERGED,)
        zeros = np.zeros(int(keep.sum()), int)
        return Values(
            over.x[keep], over.mean[keep], over.teacher[keep], zeros, self.ordinate.unit,
            doubts,
        )  # fmt: skip
