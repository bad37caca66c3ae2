"""[prediction]: what a study claims, with numbers in it. One table, or a list of [[prediction]]."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from lab import theory
from lab.grids import Formula, Formulas, Line, Table, as_tuple

Sense = Literal["bound", "equal", "covers"]
Over = Literal["range", "limit"]
RELATIONS = {"bound": "≥", "equal": "=", "covers": "≥"}
"""Senses of a claim: equality, or bound."""
WHERE = {"range": "over the measured range", "limit": "in the limit"}
"""Ranges over which a claim may hold."""
COUNTED = {
    None: "",
    "N": " of N",
    "hidden": " of the weights between hidden layers",
    "width": " of the width",
}
"""By which count of size a formula is meant."""


class ClaimTable(Table):
    """One claim as it is written. What is left out, the quantity fills in (`Quantity.claim`).

    quantity: the name of what it is about; a regime says which it can answer.
    exponent: the formula of a claim about α; value: of one about anything else.
    sense: `equal`, `bound` (at least) or `covers` (a share of intervals holds the truth).
    rivals: other formulas, to tell the claim from.
    over: where it holds, over the measured x (`range`) or as x grows (`limit`).
    where: the settings that it is about, as in { ridge = 0.0 }; all of them without it.
    Of claims about α: omega, the exponent of the correction 1 + B x^−ω, for its limit; delta, the
    change of the local exponent up to which the curve is straight, relative to the prediction, by
    default twice the tolerance; size, by which count the formula means the size of networks, that
    of the scan unless told, which is N unless [scan] says otherwise.
    """

    quantity: Line | None = None
    exponent: Formula | None = None
    value: Formula | None = None
    sense: Sense | None = None
    tolerance: Annotated[float, Field(ge=1e-3, lt=1, description="relative")] | None = None
    rivals: Formulas = ()
    over: Over | None = None
    where: dict[str, float | int | str] = Field(default_factory=dict)
    omega: Annotated[float, Field(gt=0, le=100)] | None = None
    delta: Annotated[float, Field(gt=0, le=10)] | None = None
    size: Literal["N", "hidden", "width"] | None = None


ClaimTables = Annotated[
    tuple[ClaimTable, ...], BeforeValidator(as_tuple), Field(min_length=1, alias="prediction")
]
"""One claim, or a list of them."""


@dataclass(frozen=True)
class Claim:
    """One claim with everything in it that decides its verdict.

    symbol: of the quantity, as it is told. key, formula: the key of its formula and what stands
    there, empty and None where the quantity takes none; text: the formula as it is told. tolerance:
    relative, unless `absolute`. several: whether the quantity may be claimed in either place, so
    that `over` is told.
    """

    quantity: str
    symbol: str
    key: str
    formula: str | float | None
    text: str
    sense: str
    tolerance: float
    rivals: tuple[str | float, ...] = ()
    over: str = "limit"
    several: bool = False
    where: tuple[tuple[str, float | int | str], ...] = ()
    omega: float | None = None
    delta: float | None = None
    size: str | None = None
    absolute: bool = False

    def about(self, setting: Mapping[str, Any]) -> bool:
        """True if it is about a setting with these values; names may be their last words."""
        return all(
            value in [v for full, v in setting.items() if name in (full, full.split(".")[-1])]
            for name, value in self.where
        )

    @property
    def allowed(self) -> str:
        """The tolerance in words: a share of the prediction, or a number."""
        return f"{self.tolerance:g}" if self.absolute else f"{self.tolerance:.0%}"

    def band(self, value: float) -> tuple[float, float]:
        """The values that agree with a prediction of this value; a bound has no upper end."""
        if self.absolute:
            low, high = value - self.tolerance, value + self.tolerance
        else:
            low, high = value * (1 - self.tolerance), value * (1 + self.tolerance)
        return low, math.inf if self.sense == "bound" else high

    @property
    def told(self) -> str:
        """The claim in a few words."""
        where = f" {WHERE[self.over]}" if self.several and self.over == "range" else ""
        where += "".join(f" at {name} {value}" for name, value in self.where)
        within = f", within {self.allowed}" if self.tolerance else ""
        told = f"{self.symbol}{COUNTED[self.size]} {RELATIONS[self.sense]} {self.text}"
        return f"{told}{where}{within}{declared(self.omega, self.delta)}"

    @property
    def rival_texts(self) -> tuple[str, ...]:
        """The rivals as they are written."""
        return tuple(theory.parse(rival).text for rival in self.rivals)

    def plain(self) -> dict[str, Any]:
        """Its keys as a study file has them, defaults included."""
        formula = {self.key: self.formula} if self.key else {}
        where: dict[str, Any] = {"where": dict(self.where)} if self.where else {}
        own = {"omega": self.omega, "delta": self.delta, "size": self.size}
        where |= {key: value for key, value in own.items() if value is not None}
        return {"quantity": self.quantity, **formula, "sense": self.sense,
                "tolerance": self.tolerance, "rivals": list(self.rivals), "over": self.over,
                **where}  # fmt: skip


def declared(omega: float | None, delta: float | None) -> str:
    """Declarations of a claim about α on its curve, comma first; empty without any."""
    correction = "" if omega is None else f", ω = {omega:g}"
    return correction + ("" if delta is None else f", straight within {delta:.0%}")
