"""[prediction]: the number in the question."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lab import theory
from lab.grids import Formula, Formulas, Table


class Prediction(Table):
    """The number in the question, written before the run, and others to tell it from."""

    exponent: Formula = "4/d"
    sense: Literal["bound", "equal"] = "bound"
    tolerance: Annotated[float, Field(ge=1e-3, lt=1, description="relative")] = 0.15
    rivals: Formulas = ()

    @property
    def text(self) -> str:
        """The predicted exponent as it is written."""
        return theory.parse(self.exponent).text

    @property
    def told(self) -> str:
        """What is predicted, in a few words."""
        relation = "≥" if self.sense == "bound" else "="
        return f"α {relation} {self.text}, within {self.tolerance:.0%}"
