"""[prediction]: what a study claims, with numbers in it. One table, or a list of [[prediction]]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from lab import theory
from lab.grids import Formula, Formulas, Line, Table, as_tuple

Sense = Literal["bound", "equal", "covers"]
Over = Literal["range", "limit"]
RELATIONS = {"bound": "≥", "equal": "=", "covers": "≥"}
"""How a quantity stands to its formula."""
WHERE = {"range": "over the measured range", "limit": "in the limit"}
"""Where a claim holds."""


class Prediction(Table):
    """One claim as it is written. What is left out, the quantity fills in (`Quantity.claim`).

    quantity: the name of what it is about; a regime says which it can answer.
    exponent: the formula of a claim about α; value: of one about anything else.
    sense: `equal`, `bound` (at least) or `covers` (a share of intervals holds the truth).
    rivals: other formulas, to tell the claim from.
    over: where it holds, over the measured x (`range`) or as x grows (`limit`).
    where: the settings that it is about, as in { ridge = 0.0 }; all of them without it.
    """

    quantity: Line | None = None
    exponent: Formula | None = None
    value: Formula | None = None
    sense: Sense | None = None
    tolerance: Annotated[float, Field(ge=1e-3, lt=1, description="relative")] | None = None
    rivals: Formulas = ()
    over: Over | None = None
    where: dict[str, float | int | str] = Field(default_factory=dict)


Predictions = Annotated[
    tuple[Prediction, ...], BeforeValidator(as_tuple), Field(min_length=1, alias="prediction")
]
"""One claim, or a list of them."""


@dataclass(frozen=True)
class Claim:
    """One claim with everything in it that decides its verdict.

    symbol: of the quantity, as it is told. key, formula: the key of its formula and what stands
    there, empty and None where the quantity takes none; text: the formula as it is told. tolerance:
    relative. several: whether the quantity may be claimed in either place, so that `over` is told.
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

    def about(self, setting: Mapping[str, Any]) -> bool:
        """Whether it is about a setting with these values; names may be their last words."""
        return all(
            value in [v for full, v in setting.items() if name in (full, full.split(".")[-1])]
            for name, value in self.where
        )

    @property
    def told(self) -> str:
        """What is claimed, in a few words."""
        where = f" {WHERE[self.over]}" if self.several and self.over == "range" else ""
        where += "".join(f" at {name} {value}" for name, value in self.where)
        within = f", within {self.tolerance:.0%}" if self.tolerance else ""
        return f"{self.symbol} {RELATIONS[self.sense]} {self.text}{where}{within}"

    @property
    def rival_texts(self) -> tuple[str, ...]:
        """The rivals as they are written."""
        return tuple(theory.parse(rival).text for rival in self.rivals)

    def plain(self) -> dict[str, Any]:
        """Its keys as a study file has them, defaults included."""
        formula = {self.key: self.formula} if self.key else {}
        where = {"where": dict(self.where)} if self.where else {}
        return {"quantity": self.quantity, **formula, "sense": self.sense,
                "tolerance": self.tolerance, "rivals": list(self.rivals), "over": self.over,
                **where}  # fmt: skip
