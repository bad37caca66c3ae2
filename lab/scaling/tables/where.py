"""The condition of `--where`: comparisons of columns with values, joined by `and`.

    condition  = comparison { "and" comparison }
    comparison = column ( "<" | "<=" | ">" | ">=" | "==" | "!=" ) number     1e9, 1.3B
               | column ( "==" | "!=" ) text            text in quotes, 'pythia' or "pythia"
               | column "is" [ "not" ] "missing"
    column     = name, or in quotes or backticks any name at all: `Tokens, billions`

Every comparison with a missing cell is false, `!=` too: what is not known neither equals nor
differs.

What it does not do: `or`, brackets, arithmetic, or Python's eval.
"""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from lab.scaling.tables.rows import Rows
from lab.scaling.tables.rows import number as typed

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
MISSING = re.compile(_COLUMN + r"\sis\s+(?P<no>not\s+)?missing" + _END, re.IGNORECASE)
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
class Comparison:
    """column op value, where value is a number, a text, or None for IS and IS_NOT."""

    column: str
    op: str
    value: float | str | None

    def holds(self, cell: float | str | None) -> bool:
        """Whether a cell, None where it is missing, satisfies the comparison."""
        if self.op in (IS, IS_NOT):
            return (cell is None) == (self.op == IS)
        return cell is not None and cell == cell and bool(OPERATORS[self.op](cell, self.value))

    def rows(self, table: Rows, keep: list[int]) -> list[int]:
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


def parse_condition(text: str) -> tuple[Comparison, ...]:
    """The comparisons of a condition; all must hold.

    Raises ConditionError with the part that cannot be read.
    """
    found, at, more = [], 0, True
    while more:
        match = MISSING.match(text, at) or COMPARISON.match(text, at)
        if match is None:
            raise ConditionError(f"the condition {text[at:].strip()!r} is not of the form {FORM}")
        found.append(_comparison(match))
        at, more = match.end(), match["more"] is not None
    return tuple(found)


def _comparison(match: re.Match) -> Comparison:
    part = match.groupdict()
    column = next(part[k] for k in ("column", "tick", "double", "single") if part[k] is not None)
    if "op" not in part:
        return Comparison(column, IS_NOT if part["no"] else IS, None)
    op, number = part["op"], part["number"]
    if number is not None:
        try:
            value = typed(number)
        except ValueError:
            value = float("nan")
        if value != value:
            raise ConditionError(
                f"{number!r} in the condition {match[0].strip()!r} is not a number; put text in "
                f"quotes, as in \"{column} == '{number}'\", and ask for empty cells by "
                f"'{column} is missing'."
            )
        return Comparison(column, op, value)
    if op not in ("==", "!="):
        raise ConditionError(
            f"the condition {match[0].strip()!r} orders text; compare text by == or != only."
        )
    return Comparison(column, op, (part["one"] if part["two"] is None else part["two"]).strip())
