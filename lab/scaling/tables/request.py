"""What is asked of a table: the law, the columns of its variables, the prediction and its sense.

Each function refuses what cannot be asked, as a `TableError` of one sentence.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from lab.scaling.judge import verdict as rule
from lab.scaling.laws import held
from lab.scaling.laws.fit import LAWS
from lab.scaling.laws.held import HeldError
from lab.scaling.tables.formats import read_rows
from lab.scaling.tables.rows import TableError, number

LOSS = "L"
SYMBOLS: Mapping[tuple[str, ...], tuple[str, ...]] = {("x", "y"): ("N", "D")}
"""What the variables of a law are called in a request, where that is not their name: the field
writes laws of two variables in parameters N and samples D."""
At = Mapping[str, float | int] | str | Path
"""Where a law is asked: numbers by symbol or column, text as "N=7e9,D=1.4e12", or a table."""


def judged(
    predict: float | int | None, sense: str | None, tolerance: float | int | None
) -> dict[str, Any]:
    """What `verdict.py` is asked, with its defaults."""
    given = [name for name, v in (("sense", sense), ("tolerance", tolerance)) if v is not None]
    sense = "equal" if sense is None else sense
    tolerance = 0.15 if tolerance is None else tolerance
    try:
        rule.allowed(1.0 if predict is None else predict, sense, tolerance)
    except ValueError as error:
        raise TableError(str(error)) from None
    if predict is None and given:
        raise TableError(
            f"{given[0]} judges a prediction, and there is none; give predict, or "
            f"leave {given[0]} out."
        )
    return dict(prediction=predict, sense=sense, tolerance=tolerance)


def check(
    law: str,
    huber: float | int | None,
    residual: str,
    drop_worst: int,
    predict: float | int | None,
    hold: Mapping[str, float],
) -> None:
    """Refuse an unknown law, and options that are out of range or do not go together."""
    if law not in LAWS:
        near = get_close_matches(law, LAWS, 1, 0.5)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise TableError(f"the law {law!r} is unknown; the laws are {', '.join(LAWS)}.{hint}")
    if huber is not None and not (np.isfinite(huber) and huber > 0):
        raise TableError(f"huber is {huber}; it must be a positive number, such as 1e-3.")
    if residual not in ("log", "raw"):
        raise TableError(f"residual is {residual!r}; it must be 'log' or 'raw'.")
    if drop_worst < 0:
        raise TableError(f"drop-worst is {drop_worst}; it must not be negative.")
    if predict is not None and "alpha" in hold:
        raise TableError("alpha is held, so there is no exponent to predict; hold another.")
    if predict is not None and len(LAWS[law].variables) > 1:
        raise TableError(f"predict needs a law with one exponent; {law} has two.")
    try:
        held.check(LAWS[law], hold)
    except HeldError as error:
        raise TableError(str(error)) from None


def columns(
    law: str, x: str | None, loss: str | None, given: Mapping[str, str] | None
) -> dict[str, str]:
    """Variable, or LOSS → column."""
    variables = symbols(law)
    given = dict(given or {})
    if x is not None:
        given["x"] = x
    if loss is not None:
        given[LOSS] = loss
    needed = (*variables, LOSS)
    missing = [s for s in needed if s not in given]
    extra = [s for s in given if s not in needed]
    if missing or extra:
        how = (
            "--x COLUMN --loss COLUMN"
            if variables == ("x",)
            else "--columns N=COLUMN,D=COLUMN,L=COLUMN"
        )
        what = f"no column for {', '.join(missing)}" if missing else f"no use for {extra[0]!r}"
        raise TableError(f"the law {law} has {what}; give {how}.")
    return {v: given[s] for v, s in zip((*LAWS[law].variables, LOSS), needed, strict=True)}


def symbols(law: str) -> tuple[str, ...]:
    """What the variables of a law are called in a request."""
    return SYMBOLS.get(LAWS[law].variables, LAWS[law].variables)


def inputs(at: Sequence[At], names: Mapping[str, str], law: str) -> np.ndarray:
    """Where a law is asked, of shape [variables, points]. names: column of each variable."""
    variables = symbols(law)
    names = {s: names[v] for s, v in zip(variables, LAWS[law].variables, strict=True)}
    points: list[dict[str, float]] = []
    for one in at:
        if isinstance(one, Mapping):
            points.append({name: float(value) for name, value in one.items()})
        elif isinstance(one, str) and "=" in one:
            points.append(_typed(one))
        else:
            rows = read_rows(one)
            called = [
                next((n for n in (names[v], v) if n in rows.columns), names[v]) for v in variables
            ]
            columns = [rows.numbers(name) for name in called]
            points += [dict(zip(variables, row, strict=True)) for row in zip(*columns, strict=True)]
    out = np.empty((len(variables), len(points)))
    for j, point in enumerate(points):
        for i, symbol in enumerate(variables):
            given = [n for n in (symbol, names[symbol]) if n in point]
            if not given or len(point) > len(variables):
                extra = [n for n in point if n not in (*variables, *names.values())]
                what = f"has no use for {extra[0]!r}" if extra else f"lacks {symbol}"
                form = ",".join(f"{v}=NUMBER" for v in variables)
                raise TableError(f"the place to predict at {what}; write it as in at {form}.")
            out[i, j] = point[given[0]]
    if not (np.isfinite(out) & (out > 0)).all():
        raise TableError("a law is asked at positive, finite numbers only; see at.")
    return out


def _typed(text: str) -> dict[str, float]:
    """'N=7e9,D=1.4T' as numbers by name."""
    point: dict[str, float] = {}
    for part in text.split(","):
        name, sign, value = (piece.strip() for piece in part.partition("="))
        try:
            found = number(value)
        except ValueError:
            found = None
        if not (name and sign) or found is None:
            raise TableError(
                f"at {text}: {part.strip()!r} is not of the form NAME=NUMBER; write it as in "
                "N=7e9,D=1.4e12."
            )
        if name in point:
            raise TableError(f"at {text}: {name} is given twice; keep one.")
        point[name] = found
    return point
