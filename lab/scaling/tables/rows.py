"""The rows of a table a user brings: cells by column, read as numbers, labels, or missing.

An empty cell is missing, and so are a null of JSON and of Parquet. A number in a text file is
written in ASCII with a decimal point, as in 12, 1.5 or 3e-4: Python's float also takes 1_000 and
the digits of other scripts, which in a table are a mistake more often than a number.

Every mistake is one sentence with the place in the file.

What it does not do: read files (`formats.py`), guess which column is which, or repair values.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
from jaxtyping import Bool, Float

NUMBER = re.compile(r"(?i:[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|[+-]?(inf|infinity|nan))")


class TableError(ValueError):
    """A table that cannot be used. The message is one sentence with the place and the remedy."""


@dataclass(frozen=True)
class Rows:
    """Cells as they stand in the file, by column, and the name of each row's place."""

    path: str
    columns: dict[str, list]
    places: list[str]

    def __len__(self) -> int:
        return len(self.places)

    def column(self, name: str) -> list:
        """The cells of a column. Raises TableError with the nearest name if there is none."""
        if name not in self.columns:
            near = get_close_matches(name, self.columns, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise TableError(
                f"{self.path} has no column {name!r}; its columns are "
                f"{', '.join(map(repr, self.columns))}.{hint}"
            )
        return self.columns[name]

    def missing(self, name: str) -> Bool[np.ndarray, " rows"]:
        """Which cells of a column are empty."""
        return np.array([_empty(cell) for cell in self.column(name)], bool)

    def complete(self, names: Sequence[str], keep: Sequence[int]) -> list[int]:
        """The rows of `keep` in which none of these columns is empty."""
        gone = np.zeros(len(self), bool)
        for name in names:
            gone |= self.missing(name)
        return [i for i in keep if not gone[i]]

    def numbers(
        self, name: str, keep: Sequence[int] | None = None, *, positive: bool = True
    ) -> Float[np.ndarray, " rows"]:
        """A column as finite (and positive) numbers, of the rows in `keep` (all if None)."""
        self.column(name)
        out = []
        for i in range(len(self)) if keep is None else keep:
            value, place = self.number(name, i), self.places[i]
            if value is None:
                raise TableError(f"{place}: {name} is empty; fill it in or leave the row out.")
            if not np.isfinite(value):
                raise TableError(
                    f"{place}: {name} is {value}; it must be finite. Leave the row out."
                )
            if positive and value <= 0:
                raise TableError(
                    f"{place}: {name} is {value:g}; it must be positive, for logarithms are taken."
                )
            out.append(value)
        return np.array(out, float)

    def number(self, name: str, row: int) -> float | None:
        """One cell as a number, infinite and NaN ones too; None where it is empty."""
        cell = self.columns[name][row]
        if _empty(cell):
            return None
        if isinstance(cell, str) and not NUMBER.fullmatch(cell.strip()) or isinstance(cell, bool):
            value = None
        else:
            try:
                value = float(cell)
            except (TypeError, ValueError, OverflowError):
                value = None
        if value is None:
            raise TableError(
                f"{self.places[row]}: {name} is {_shown(cell)}, which is not a number{_hint(cell)}."
            )
        return value

    def text(self, name: str, row: int) -> str | None:
        """One cell as text; None where it is empty."""
        cell = self.columns[name][row]
        return None if _empty(cell) else str(cell).strip()

    def labels(self, name: str, keep: Sequence[int]) -> list[str]:
        """A column as non-empty text, of the rows in `keep`."""
        self.column(name)
        found = []
        for i in keep:
            label = self.text(name, i)
            if label is None:
                raise TableError(f"{self.places[i]}: {name} is empty; every row needs a group.")
            found.append(label)
        return found


def _empty(cell: object) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _shown(cell: object) -> str:
    text = repr(cell)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _hint(cell: object) -> str:
    """What to write instead of a cell that looks like a number or like nothing."""
    text = str(cell).strip()
    if re.fullmatch(r"(?i)n/?a|null|none|-+|\?", text):
        return "; leave the cell empty if it is missing"
    if re.fullmatch(r"[+-]?[\d_,.\u066b\u066c]+([eE][+-]?\d+)?", text):
        return "; write it as in 1234.5 or 1.2e9"
    return ""
