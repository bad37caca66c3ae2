"""[evidence]: what shows that the students have converged."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated

from pydantic import Field

from lab.grids import Factors, Positives, Table, said


class Evidence(Table):
    """Evidence of convergence: the scans of this share of the teachers, of at least two, trained
    again with `budgets` × steps; of one teacher of each setting with `slower` × steps at 1/`slower`
    of the rate; and of that teacher of one setting with `rates` × the rate and with `weights` × the
    variance of the first weights. `until`: the most times the steps, at such a part of the rate,
    that `lab run --until-converged` may give to an x."""

    share: Annotated[float, Field(ge=0, le=1)] = 0.25
    budgets: Positives = (0.5, 2.0)
    slower: Factors = (2.0,)
    rates: Factors = (0.5, 2.0)
    weights: Factors = (0.5, 2.0)
    until: Annotated[float, Field(ge=1, le=64)] = 8.0

    def wrong(self) -> Iterator[str]:
        for name in ("budgets", "slower", "rates", "weights"):
            yield from said(partial(self._of_factors, name))
        for factor in self.slower:
            if factor < 1:
                yield f"slower: {factor:g} is faster; take a factor above 1, such as slower = [2.0]"
        if max(self.budgets) < 1.5:
            yield (
                f"budgets: {max(self.budgets):g} × the steps shows too little; give one of at "
                "least 1.5, such as budgets = [0.5, 2.0]"
            )

    def _of_factors(self, name: str) -> Iterator[str]:
        """Factors that change something, and not beyond all measure."""
        for factor in getattr(self, name):
            if factor == 1.0:
                yield f"{name}: 1 repeats the scan itself; leave it out"
            elif not 1e-3 <= factor <= 1e3:
                yield f"{name}: {factor:g} is out of range; take a factor from 0.001 to 1000"
