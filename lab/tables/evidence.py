"""[evidence]: what shows that the students have converged."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from lab.grids import Factors, Positives, Table


class Evidence(Table):
    """Evidence of convergence: the scans of this share of the teachers, of at least two, trained
    again with `budgets` × steps; and of one teacher of one setting with `rates` × the rate and with
    `weights` × the variance of the first weights. `until`: the largest budget that
    `lab run --until-converged` may give to an x, in units of the steps."""

    share: Annotated[float, Field(ge=0, le=1)] = 0.25
    budgets: Positives = (0.5, 2.0)
    rates: Factors = (0.5, 2.0)
    weights: Factors = (0.5, 2.0)
    until: Annotated[float, Field(ge=1, le=64)] = 8.0

    @model_validator(mode="after")
    def _far_enough(self) -> Evidence:
        if max(self.budgets) < 1.5:
            raise ValueError(
                f"budgets: {max(self.budgets):g} × the steps shows too little; give one of at "
                "least 1.5, such as budgets = [0.5, 2.0]"
            )
        for name in ("budgets", "rates", "weights"):
            if 1.0 in getattr(self, name):
                raise ValueError(f"{name}: 1 repeats the scan itself; leave it out")
        return self
