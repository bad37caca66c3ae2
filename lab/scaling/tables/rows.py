"""The rows of a table that a user brings: cells by column, read as numbers, labels, or missing.

A cell is missing where it is empty, null, or one of the words that stand for nothing, MISSING. A
number is written in ASCII, as 12, 1.5 or 3e-4, and besides as people and other programs write it:

    1.3B, 10M, 31k        with k, M, B (or G), T for 10³, 10⁶, 10⁹, 10¹²
    56 %                  0.56, if the whole column is in per cent
    2,59623               a decimal comma, where the commas of the table can be nothing else
    1,234,567  1 234 567  thousands, in groups of three
    10^21, 1.5 x 10^21    powers
    1.50 ± 0.01           the value before its error, if the whole column has errors; 1.50 (0.01)

What was read so is said in `notes`. Python's float also takes 1_000 and the digits of other
scripts, which in a table are a mistake more often than a number. Every mistake is one sentence with
the place in the file.

The condition of `--where` compares columns with values, joined by `and`:

    condition  = comparison { "and" comparison }
    comparison = column ( "<" | "<=" | ">" | ">=" | "==" | "!=" ) number     1e9, 1.3B
               | column ( "==" | "!=" ) text            text in quotes, 'pythia' or "pythia"
               | column "is" [ "not" ] "missing"
    column     = name, or in quotes or backticks any name at all: `Tokens, billions`

Every comparison with a missing cell is false, `!=` too: what is not known neither equals nor
differs. There is no `or`, no bracket, no arithmetic, and no Python.

What it does not do: read files (`formats.py`), guess which column is which, or repair values.
"""

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from lab.mistakes import question

NUMBER = re.compile(
    r"(?i:[+-]?([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?|[+-]?(inf|infinity|nan))"
)
MISSING = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "-", "--", "?"})
"""Spellings of a missing cell, in lower case."""
POWERS = {"k": 3, "m": 6, "b": 9, "g": 9, "t": 12}
SCALED = re.compile(r"(?i)([+-]?[0-9.,]+)\s?([kmbgt])")
PERCENT = re.compile(r"(.*[0-9.,])\s?%")
COMMAS = re.compile(r"(?i)[+-]?[0-9]*(,[0-9]+)+(\.[0-9]*)?(e[+-]?[0-9]+)?")
DOTS = re.compile(r"[+-]?[0-9]{1,3}(\.[0-9]{3})+(,[0-9]+)?")
THOUSANDS = re.compile(r"(?i)[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+(\.[0-9]*)?(e[+-]?[0-9]+)?")
SPACED = re.compile(r"[+-]?[1-9][0-9]{0,2}([ '\u2019\u00a0\u2009\u202f][0-9]{3})+([.,][0-9]+)?")
POWER = re.compile(
    r"(?:([+-]?[0-9.]+(?:e[+-]?[0-9]+)?)\s?[xX×*·]\s?)?"
    r"([0-9.]+)\s?(?:\^|\*\*)\s?\{?([+-]?[0-9.]+)\}?"
)
ERROR = re.compile(r"(.*[0-9.kKMBGT%])\s?(?:(?:±|\+/?-)\s?[0-9.,e-]+\s?%?|\([0-9.,e-]+\))")
DECIMALS = (",", ".")
LONGEST = 200
"""Letters of a cell that may be a number in other clothes."""
LISTED = 8
"""Places that a sentence lists."""


class TableError(ValueError):
    """A table that cannot be used. The message is one sentence with the place and the remedy."""


OTHER_COLUMN = "; name a column of numbers"
"""The remedy where much of a column is text."""


@dataclass(frozen=True)
class ColumnCells:
    """A column as numbers: `values` are NaN where `missing` or `wrong` (not a number)."""

    values: Float[np.ndarray, " rows"]
    missing: Bool[np.ndarray, " rows"]
    wrong: Bool[np.ndarray, " rows"]


@dataclass(frozen=True)
class UserTable:
    """Cells as they stand in the file, by column, and the name of each row's place.

    notes: sentences about how the file was read, in the order in which that was found.
    decimal: "," or "." where the user says what separates decimals; None: as the cells tell.
    separator: what stands between columns, which tells what a comma inside of a cell may be.
    """

    path: str
    columns: dict[str, Any]
    places: Sequence[str]
    notes: list[str] = field(default_factory=list)
    decimal: str | None = None
    separator: str = ","
    read: dict[str, ColumnCells] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.places)

    def note(self, sentence: str) -> None:
        """Remember how something was read, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def column(self, name: str) -> Any:
        """The cells of a column. Raises TableError with the nearest name if there is none."""
        if name not in self.columns:
            known = list(self.columns)
            more = "" if len(known) <= 40 else ", …"
            raise TableError(
                f"{self.path} has no column {name!r}; its columns are "
                f"{', '.join(map(repr, known[:40]))}{more}.{question(name, self.columns)}"
            )
        return self.columns[name]

    def missing(self, name: str) -> Bool[np.ndarray, " rows"]:
        """Mask of the missing cells of a column."""
        cells = self.column(name)
        if isinstance(cells, np.ndarray) and cells.dtype.kind in "iufb":
            return np.isnan(cells) if cells.dtype.kind == "f" else np.zeros(len(cells), bool)
        return np.array([empty(cell) for cell in cells], bool)

    def complete(self, names: Sequence[str], keep: Sequence[int]) -> list[int]:
        """The rows of `keep` in which none of these columns is missing."""
        gone = np.zeros(len(self), bool)
        for name in dict.fromkeys(names):
            gone |= self.missing(name)
        return [i for i in keep if not gone[i]]

    def numbers(
        self,
        name: str,
        keep: Sequence[int] | None = None,
        *,
        positive: bool = True,
        why: str = "logarithms are taken",
    ) -> Float[np.ndarray, " rows"]:
        """A column as finite (and positive) numbers, of the rows in `keep` (all if None). why: they
        must be positive."""
        self.column(name)
        kept = np.arange(len(self)) if keep is None else np.asarray(keep, int)
        values = self.cells(name).values[kept]
        bad = ~np.isfinite(values) | ((values <= 0) if positive else False)
        for i in kept[bad].tolist():
            value, place = self.number(name, i), self.places[i]
            if value is None:
                raise TableError(f"{place}: {name} is empty; fill it in or leave the row out.")
            if not np.isfinite(value):
                raise TableError(
                    f"{place}: {name} is {value}; it must be finite. Leave such rows out, as by "
                    f"the condition \"{quote(name)} < 1e308\"."
                )
            raise TableError(
                f"{place}: {name} is {value:g}; it must be positive, for {why}; "
                f"leave such rows out by the condition \"{quote(name)} > 0\"."
            )
        return values

    def number(self, name: str, row: int) -> float | None:
        """One cell as a number, infinite ones too; None where it is missing."""
        found = self.cells(name)
        if found.missing[row]:
            return None
        if found.wrong[row]:
            cell = self.columns[name][row]
            raise TableError(
                f"{self.places[row]}: {name} is {_shown(cell)}, which is not a number"
                f"{_hint(cell) or self._without(name, cell)}."
            )
        return float(found.values[row])

    def _without(self, name: str, cell: object) -> str:
        """The condition that leaves one odd cell among numbers out."""
        text = str(cell).strip()
        if self.cells(name).wrong.sum() > 1 or len(self) < 3 or "'" in text or len(text) > 80:
            return OTHER_COLUMN
        return f"; leave the row out by the condition \"{quote(name)} != '{text}'\""

    def cells(self, name: str) -> ColumnCells:
        """A column as numbers, read once; what is unusual about them becomes a note."""
        if name not in self.read:
            self.read[name] = self._cells(name)
        return self.read[name]

    def numeric(self, name: str) -> bool:
        """True if a column has numbers, and nothing else but missing cells."""
        found = self.cells(name)
        return not found.wrong.any() and not found.missing.all()

    def text(self, name: str, row: int) -> str | None:
        """One cell as text; None where it is missing."""
        cell = self.columns[name][row]
        return None if empty(cell) else str(cell).strip()

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

    def _cells(self, name: str) -> ColumnCells:
        cells = self.columns[name]
        # beside decimal commas 1.000 is a thousand
        grouped = self.separator not in (",", "json") and self._decimal_comma
        plain = None if grouped else _plain(cells)
        if plain is not None:
            return plain
        n = len(cells)
        values, missing, wrong = np.full(n, np.nan), np.zeros(n, bool), np.zeros(n, bool)
        odd: dict[int, str] = {}
        for i, cell in enumerate(cells):
            if empty(cell):
                missing[i] = True
            elif isinstance(cell, str):
                text = cell.strip().replace("\u2212", "-")
                if NUMBER.fullmatch(text):
                    values[i] = float(text)
                else:
                    odd[i] = text
            elif isinstance(cell, bool | np.bool_):
                wrong[i] = True
            else:
                try:
                    values[i] = float(cell)
                except (TypeError, ValueError, OverflowError):
                    wrong[i] = True
        if odd or self._decimal_comma:
            self._unusual(name, odd, values, wrong)
        return ColumnCells(values, missing, wrong)

    def _unusual(
        self, name: str, odd: dict[int, str], values: np.ndarray, wrong: np.ndarray
    ) -> None:
        """Read cells that are no plain numbers, or say that they are none."""
        for i in [i for i, text in odd.items() if len(text) > LONGEST]:
            wrong[i] = True
            del odd[i]
        errors = {i: found[1] for i, text in odd.items() if (found := ERROR.fullmatch(text))}
        if errors and len(errors) == int((~np.isnan(values)).sum()) + len(odd):
            self.note(
                f"{name} is read without the errors in its cells: {next(iter(odd.values()))!r} is "
                f"{next(iter(errors.values()))}."
            )
            odd = errors
        percent = {i for i, text in odd.items() if PERCENT.fullmatch(text)}
        per_cent = bool(percent) and len(percent) == int((~np.isnan(values)).sum()) + len(odd)
        comma = self._comma(name, odd.values()) if any("," in t for t in odd.values()) else None
        shown: dict[str, str] = {}
        for i, text in odd.items():
            number, what = self._one(text, per_cent, comma)
            if number is None:
                wrong[i] = True
            else:
                values[i] = number
                shown.setdefault(what, f"{text} is {number:.10g}")
        if self.separator != "," and self._decimal_comma:
            # beside decimal commas a point in groups of three separates thousands
            grouped = [
                (i, str(cell).strip())
                for i, cell in enumerate(self.columns[name])
                if isinstance(cell, str) and "." in cell and i not in odd
            ]
            if grouped and all(DOTS.fullmatch(text) for _, text in grouped):
                for i, text in grouped:
                    values[i] = float(text.replace(".", ""))
                shown.setdefault("thousands", f"{grouped[0][1]} is {values[grouped[0][0]]:.10g}")
        for what, example in shown.items():
            if what != "points" and not wrong.any():
                self.note(f"{name} is read with {what}: {example}.")

    def _one(self, text: str, per_cent: bool, comma: str | None) -> tuple[float | None, str]:
        """The number that an unusual cell stands for, and by which custom; None: no number."""
        if per_cent:
            inner = PERCENT.fullmatch(text)
            assert inner is not None
            number = self._one(inner[1], False, comma)[0]
            return (None if number is None else number / 100), "per cent"
        scaled = SCALED.fullmatch(text)
        if scaled:
            number = self._one(scaled[1], False, comma)[0]
            if number is None:
                return None, ""
            power = POWERS[scaled[2].lower()]
            exact = repr(number) if "e" not in repr(number) else None
            value = float(f"{exact}e{power}") if exact else number * 10.0**power
            return value, "suffixes k, M, B, T"
        if NUMBER.fullmatch(text):
            return float(text), "points"
        if found := POWER.fullmatch(text):
            power_of = powered(found)
            return power_of, "powers" if power_of is not None else ""
        if SPACED.fullmatch(text):
            inner_text = re.sub(r"[ '\u2019\u00a0\u2009\u202f]", "", text).replace(",", ".")
            return float(inner_text), "thousands"
        if comma == "decimal":
            if DOTS.fullmatch(text):
                return float(text.replace(".", "").replace(",", ".")), "decimal commas"
            if COMMAS.fullmatch(text) and text.count(",") == 1 and "." not in text:
                return float(text.replace(",", ".")), "decimal commas"
        if comma == "thousands" and THOUSANDS.fullmatch(text):
            return float(text.replace(",", "")), "thousands"
        if DOTS.fullmatch(text) and text.count(".") > 1 and "," not in text:
            return float(text.replace(".", "")), "thousands"
        return None, ""

    def _comma(self, name: str, texts: object) -> str | None:
        """Meaning of commas inside of cells, `decimal` or `thousands`. Raises TableError where they
        may be either."""
        if self.decimal is not None:
            return "decimal" if self.decimal == "," else "thousands"
        bare = [_bare(text) for text in texts if "," in text]  # type: ignore[attr-defined]
        bare = [text for text in bare if COMMAS.fullmatch(text) or DOTS.fullmatch(text)]
        if not bare:
            return None
        if any(not THOUSANDS.fullmatch(text) for text in bare):
            return "decimal"
        if any(text.count(",") > 1 or "." in text for text in bare):
            return "thousands"
        if self._decimal_comma or self.separator == ";":
            return "decimal"
        if self.separator == ",":
            return "thousands"
        raise TableError(
            f"{name} is {bare[0]!r}, which may be {bare[0].replace(',', '')} or "
            f"{bare[0].replace(',', '.')}; say which by decimal=',' or decimal='.'."
        )

    @cached_property
    def _decimal_comma(self) -> bool:
        """True if some column has commas that can only be decimal, and none has decimal points."""
        if self.decimal is not None:
            return self.decimal == ","
        if self.separator == "json":
            return False
        comma = point = False
        for cells in self.columns.values():
            for cell in cells if not _numeric(cells) else ():
                if isinstance(cell, str) and ("," in cell or "." in cell):
                    bare = _bare(cell.strip())
                    comma = comma or _decimal(bare)
                    point = point or bool(
                        "." in bare and NUMBER.fullmatch(bare) and not DOTS.fullmatch(bare)
                    )
        return comma and not point


def _numeric(cells: Any) -> bool:
    return isinstance(cells, np.ndarray) and cells.dtype.kind in "iuf"


def _plain(cells: Any) -> ColumnCells | None:
    """Numbers of a column that has nothing else, quickly; None where it has."""
    array = np.asarray(cells) if isinstance(cells, np.ndarray) else None
    if array is not None and array.dtype.kind in "iuf":
        values = array.astype(float)
        return ColumnCells(values, np.isnan(values), np.zeros(values.size, bool))
    if not all(type(cell) is str for cell in cells):
        return None
    together = "\n".join(cells)
    if not together.isascii() or "_" in together or "n" in together or "N" in together:
        return None
    try:
        values = np.asarray(cells, object).astype(float)
    except ValueError:
        return None
    return ColumnCells(values, np.zeros(values.size, bool), np.zeros(values.size, bool))


def _bare(text: str) -> str:
    """A cell without its suffix or its sign of per cent."""
    found = PERCENT.fullmatch(text)
    text = found[1] if found else text
    scaled = SCALED.fullmatch(text)
    return scaled[1] if scaled else text


def _decimal(text: str) -> bool:
    """True if the comma of a number can only be decimal."""
    if DOTS.fullmatch(text):
        return "," in text
    return bool(COMMAS.fullmatch(text)) and text.count(",") == 1 and not THOUSANDS.fullmatch(text)


def empty(cell: object) -> bool:
    """True if a cell is missing."""
    if isinstance(cell, str):
        return cell.strip().lower() in MISSING
    return cell is None or (isinstance(cell, float) and cell != cell)


def quote(name: str) -> str:
    """A column's name as conditions and lists of columns take it."""
    return name if re.fullmatch(r"[\w.-]+", name) else f"`{name}`"


def listed(text: str) -> list[str]:
    """Names separated by commas; one with a comma inside stands in quotes or backticks."""
    found = re.findall(r"\s*(?:`([^`]*)`|\"([^\"]*)\"|'([^']*)'|([^,]*))\s*(?:,|$)", text)
    names = ["".join(parts).strip() for parts in found]
    return names[:-1] if len(names) > 1 and not text.rstrip().endswith(",") else names


def powered(found: re.Match[str]) -> float | None:
    """The number that a match of POWER stands for; None where it is none."""
    try:
        factor, base, exponent = (float(part or 1) for part in found.groups())
        value = factor * base**exponent
    except (ValueError, OverflowError, ZeroDivisionError):
        return None
    return value if np.isfinite(value) else None


def number(text: str) -> float:
    """A number as people type it, as in 7e9, 7B, 1.5k or 10^21. Raises ValueError."""
    text = text.strip()
    found = POWER.fullmatch(text)
    value = powered(found) if found else None
    if value is not None:
        return value
    scaled = SCALED.fullmatch(text)
    if scaled and NUMBER.fullmatch(scaled[1]):
        return float(f"{scaled[1]}e{POWERS[scaled[2].lower()]}")
    if not NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is not a number")
    return float(text)


def places(rows: UserTable, which: Sequence[int]) -> str:
    """The places of some rows, the first of many."""
    said = ", ".join(rows.places[i] for i in which[:LISTED])
    return said + (", …" if len(which) > LISTED else "")


def _shown(cell: object) -> str:
    text = repr(cell)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _hint(cell: object) -> str:
    """Remedy for a cell that looks like a number or like nothing."""
    text = str(cell).strip()
    if re.fullmatch(r"[+-]?[\d_,.\u066b\u066c]+([eE][+-]?\d+)?", text):
        return "; write it as in 1234.5 or 1.2e9"
    return ""


# ---- conditions ----

OPERATORS: dict[str, Callable] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
IS, IS_NOT = "is missing", "is not missing"
_COLUMN = (
    r"\s*(?:`(?P<tick>[^`]+)`|\"(?P<double>[^\"]+)\"|'(?P<single>[^']+)'"
    r"|(?P<column>(?:(?!\s+and\s)[^<>=!'\"`])+?))\s*"
)
_END = r"\s*(?:\s(?P<more>and)\s|$)"
IS_MISSING = re.compile(_COLUMN + r"\sis\s+(?P<no>not\s+)?missing" + _END, re.IGNORECASE)
COMPARISON = re.compile(
    _COLUMN + r"(?P<op><=|>=|==|!=|<|>)\s*"
    r"(?:'(?P<one>[^']*)'|\"(?P<two>[^\"]*)\"|(?P<number>[^\s'\"<>=!]+))" + _END,
    re.IGNORECASE,
)
FORM = (
    "'column < number', \"column == 'text'\" or 'column is missing'; comparisons are "
    f"{' '.join(OPERATORS)}, joined by 'and'."
)


class ConditionError(ValueError):
    """A condition that cannot be read, in one sentence."""


@dataclass(frozen=True)
class Condition:
    """column op value, where value is a number, a text, or None for IS and IS_NOT."""

    column: str
    op: str
    value: float | str | None

    def holds(self, cell: float | str | None) -> bool:
        """True if a cell, None where it is missing, satisfies the comparison."""
        if self.op in (IS, IS_NOT):
            return (cell is None) == (self.op == IS)
        return cell is not None and cell == cell and bool(OPERATORS[self.op](cell, self.value))

    def rows(self, table: UserTable, keep: list[int]) -> list[int]:
        """The rows of `keep` that satisfy the comparison.

        Raises TableError for an unknown column, and for text where a number is compared.
        """
        cells = table.column(self.column)
        if isinstance(self.value, str):
            # a word for nothing, as 'none', is text to whoever asks for it
            return [
                i
                for i in keep
                if self.holds(table.text(self.column, i))
                or (self.op == "==" and str(cells[i]).strip() == self.value != "")
            ]
        if self.value is None:
            gone = table.missing(self.column)
            return [i for i in keep if gone[i] == (self.op == IS)]
        return [i for i in keep if self.holds(table.number(self.column, i))]


def parse_condition(text: str) -> tuple[Condition, ...]:
    """The comparisons of a condition; all must hold.

    Raises ConditionError with the part that cannot be read.
    """
    found, at, more = [], 0, True
    while more:
        match = IS_MISSING.match(text, at) or COMPARISON.match(text, at)
        if match is None:
            raise ConditionError(f"the condition {text[at:].strip()!r} is not of the form {FORM}")
        found.append(_comparison(match))
        at, more = match.end(), match["more"] is not None
    return tuple(found)


def _comparison(match: re.Match) -> Condition:
    part = match.groupdict()
    column = next(part[k] for k in ("column", "tick", "double", "single") if part[k] is not None)
    if "op" not in part:
        return Condition(column, IS_NOT if part["no"] else IS, None)
    op, text = part["op"], part["number"]
    if text is not None:
        try:
            value = number(text)
        except ValueError:
            value = float("nan")
        if value != value:
            raise ConditionError(
                f"{text!r} in the condition {match[0].strip()!r} is not a number; put text in "
                f"quotes, as in \"{column} == '{text}'\", and ask for empty cells by "
                f"'{column} is missing'."
            )
        return Condition(column, op, value)
    if op not in ("==", "!="):
        raise ConditionError(
            f"the condition {match[0].strip()!r} orders text; compare text by == or != only."
        )
    return Condition(column, op, (part["one"] if part["two"] is None else part["two"]).strip())
