"""The condition of `--where`: comparisons of columns with numbers, joined by `and`.

    condition  = comparison { "and" comparison }
    comparison = column ( "<" | "<=" | ">" | ">=" | "==" | "!=" ) number

What it does not do: `or`, brackets, arithmetic, or Python's eval.
"""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

OPERATORS: dict[str, Callable] = {
    "<=": operator.le, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
    "<": operator.lt, ">": operator.gt,
}
COMPARISON = re.compile(r"\s*(?P<column>[^<>=!]+?)\s*(?P<op><=|>=|==|!=|<|>)\s*(?P<number>\S+)\s*")


class ConditionError(ValueError):
    """A condition that cannot be read, in one sentence."""


@dataclass(frozen=True)
class Comparison:
    """column op number; `holds` applies it to a value."""

    column: str
    op: str
    number: float

    def holds(self, value: float) -> bool:
        """Whether the value satisfies the comparison."""
        return bool(OPERATORS[self.op](value, self.number))


def parse_condition(text: str) -> tuple[Comparison, ...]:
    """The comparisons of a condition; all must hold.

    Raises ConditionError with the part that cannot be read.
    """
    found = []
    for part in re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE):
        match = COMPARISON.fullmatch(part)
        number = None
        if match:
            try:
                number = float(match["number"])
            except ValueError:
                number = None
        if number is None or number != number:
            raise ConditionError(
                f"the condition {part!r} is not of the form 'column < number'; comparisons are "
                f"{' '.join(OPERATORS)}, joined by 'and'.")
        found.append(Comparison(match["column"], match["op"], number))
    return tuple(found)
