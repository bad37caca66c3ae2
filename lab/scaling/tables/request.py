"""Questions to a table, and the numbers of the rows that answer them.

Each function refuses what cannot be asked, as a `TableError` of one sentence. Rows are made numbers
in an order that is always the same:

    wide        a column a run becomes a row a cell, with the columns `run` and the loss
    checks      rows of a table of `lab export` that are no runs of the scan are left out
    where       rows that satisfy the condition
    complete    rows with a value in every column that is used
    repeated    rows that equal another one in every column of the file count once
    best_of     of rows with the same x and group, the one of the lowest loss: the lower envelope
                over a sweep of learning rates, batches, …
    drop_worst  the largest losses

Columns may hold logarithms to base 10, per cent, or another unit. A column of standard errors makes
scales of residuals: the inverse error, of log loss σ/L, in units of the geometric mean, so that
only their ratios matter.

Checkpoints. A model trained once gives a row per checkpoint, and what is peculiar to it (shape,
data order, seed) is in all of them. An interval over rows is then too short, often by a factor of
two; whole models must be resampled. Two signs are looked for, in columns that no one named as a
group:

    named    a column whose name has one of the words in NAMED (model, run, teacher, …) with at
             least three labels, most rows in labels of two rows or more. A label of a `model`
             has one size throughout: else it names an architecture.
    shared   the size (x of a law of two variables, or a column of SIZES beside an x of DATA) takes
             values on three rows or more, each with another amount of data; so for most rows. In
             the file the data rise within each size, as a log of a training has them, or the
             residuals are alike within sizes, as those of a designed grid are not (F, p < 0.01).

The sentence quotes the intraclass correlation of the residuals (Fisher 1925), near 1 where groups
matter and near 0 where they do not:

    (s_b² − s_w²)/(s_b² + (n₀ − 1) s_w²),  mean squares between and within groups of n₀ rows.

What it does not do: fit, or decide: a grid of independent trainings looks like checkpoints when it
is sorted.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy import special

from lab.mistakes import question
from lab.scaling.judge import verdict as rule
from lab.scaling.laws.fit import LAWS
from lab.scaling.laws.law import HeldError, check_held
from lab.scaling.tables.formats import read_rows
from lab.scaling.tables.rows import (
    ConditionError,
    TableError,
    UserTable,
    number,
    parse_condition,
    places,
)

LOSS = "L"
SYMBOLS: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("x", "y"): ("N", "D"),
    ("x", "y", "z"): ("N", "D", "S"),
}
"""Names of a law's variables in a request, where that is not their own name: the field
writes laws in parameters N, samples D and steps S."""
At = Mapping[str, float | int] | float | int | str | Path
"""Points at which a law is evaluated: numbers by symbol or column, text as "N=7e9,D=1.4e12", a
number for a law of one variable, or a table."""


def judged(
    predict: float | int | None, sense: str | None, tolerance: float | int | None
) -> dict[str, Any]:
    """Question for `verdict.py`, with its defaults."""
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
        known = f"{', '.join(LAWS)}.{question(law, LAWS)}"
        raise TableError(f"the law {law!r} is unknown; the laws are {known}")
    if huber is not None and not (np.isfinite(huber) and huber > 0):
        raise TableError(f"huber is {huber}; it must be a positive number, such as 1e-3.")
    if residual not in ("log", "raw"):
        raise TableError(f"residual is {residual!r}; it must be 'log' or 'raw'.")
    if drop_worst < 0:
        raise TableError(f"drop-worst is {drop_worst}; it must not be negative.")
    if predict is not None and "alpha" in hold:
        raise TableError("alpha is held, so there is no exponent to predict; hold another.")
    if predict is not None and len(LAWS[law].variables) > 1:
        raise TableError(f"predict needs a law with one exponent; {law} has several.")
    try:
        check_held(LAWS[law], hold)
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
            "`x` COLUMN `loss` COLUMN"
            if variables == ("x",)
            else f"`columns` {','.join(f'{symbol}=COLUMN' for symbol in needed)}"
        )
        what = f"no column for {', '.join(missing)}" if missing else f"no use for {extra[0]!r}"
        raise TableError(f"the law {law} has {what}; give {how}.")
    return {v: given[s] for v, s in zip((*LAWS[law].variables, LOSS), needed, strict=True)}


def symbols(law: str) -> tuple[str, ...]:
    """Names of a law's variables in a request."""
    return SYMBOLS.get(LAWS[law].variables, LAWS[law].variables)


def inputs(at: Sequence[At], names: Mapping[str, str], law: str) -> np.ndarray:
    """Points at which a law is evaluated, shape [variables, points]. names: column per variable."""
    variables = symbols(law)
    names = {s: names[v] for s, v in zip(variables, LAWS[law].variables, strict=True)}
    points: list[dict[str, float]] = []
    for one in at:
        if isinstance(one, Mapping):
            points.append({name: float(value) for name, value in one.items()})
        elif isinstance(one, str) and "=" in one:
            points.append(_typed(one))
        elif (bare := _bare(one)) is not None:
            points.append({variables[0]: bare} if len(variables) == 1 else {"": bare})
        else:
            assert isinstance(one, str | Path)  # a number is bare
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
                if extra == [""]:
                    extra = [f"{point['']:g} without a name"]
                what = f"has no use for {extra[0]!r}" if extra else f"lacks {symbol}"
                form = ",".join(f"{v}=NUMBER" for v in variables)
                raise TableError(f"the place to predict at {what}; write it as in at {form}.")
            out[i, j] = point[given[0]]
    if not (np.isfinite(out) & (out > 0)).all():
        raise TableError("a law is asked at positive, finite numbers only; see at.")
    return out


def _bare(one: Any) -> float | None:
    """A number without a name; None where it is none."""
    if isinstance(one, float | int):
        return float(one)
    try:
        return number(one) if isinstance(one, str) else None
    except ValueError:
        return None


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


# ---- the numbers of a fit ----

ROLES = {"scan", ""}
"""Roles of the runs that a law is fitted to, in a table of `lab export`."""


@dataclass(frozen=True)
class Prepared:
    """Rows that are fitted. keep: places of the rows in the table. names: variable → column."""

    rows: UserTable
    keep: list[int]
    names: dict[str, str]
    inputs: Float[np.ndarray, "variables points"]
    loss: Float[np.ndarray, " points"]
    groups: list[str] | None
    scale: Float[np.ndarray, " points"] | None
    left_out: int
    warnings: list[str]


def prepared(
    rows: UserTable,
    law: str,
    names: dict[str, str],
    *,
    group: str | None = None,
    where: str | None = None,
    drop_worst: int = 0,
    weights: str | None = None,
    best_of: Sequence[str] = (),
    checks: bool = False,
    residual: str = "log",
    log10: Sequence[str] = (),
    percent: Sequence[str] = (),
    unit: Mapping[str, float | int] | None = None,
    beside: Sequence[str] = (),
) -> Prepared:
    """The numbers of a fit. names: variable → column. beside: further columns that have a value in
    every row. Raises TableError."""
    warnings: list[str] = []
    parts = _condition(where)
    keep = list(range(len(rows)))
    asked = {part.column for part in parts} if parts else set()
    if not checks and "fingerprint" in rows.columns and not asked & {"role", "check"}:
        keep = _scans(rows, keep, warnings)
    for part in parts:
        keep = part.rows(rows, keep)
    chosen = keep
    used = [*names.values(), *([group] if group is not None else [])]
    used += [*([weights] if weights is not None else []), *best_of, *beside]
    full = rows.complete(used, chosen)
    if not full:
        raise TableError(
            f"{rows.path} has no rows"
            + (f" where {where}" if where else "")
            + (
                "; nothing to fit."
                if not len(rows) or where
                else " without an empty cell in the columns used; nothing to fit."
            )
        )
    swept = [*names.values(), *([group] if group is not None else []), *best_of]
    keep = _once(rows, full, swept, warnings)
    values = _values(rows, law, names, keep, log10, percent, unit or {})
    variables = LAWS[law].variables
    if best_of:
        key = [*(values[v] for v in variables)]
        label = rows.labels(group, keep) if group is not None else [""] * len(keep)
        best = _lowest(rows, keep, key, label, values[LOSS], best_of, warnings)
        keep = [keep[i] for i in best]
        values = {symbol: v[best] for symbol, v in values.items()}
    if drop_worst:
        if drop_worst >= len(keep):
            raise TableError(f"drop-worst {drop_worst} leaves none of the {len(keep)} rows.")
        order = np.argsort(values[LOSS], kind="stable")
        best = np.sort(order[: len(keep) - drop_worst])
        keep = [keep[i] for i in best]
        values = {symbol: v[best] for symbol, v in values.items()}
    loss = values[LOSS]
    scale = None
    if weights is not None:
        error = rows.numbers(weights, keep, why="it weighs the row by its inverse")
        scale = 1 / error if residual == "raw" else loss / error
        scale = scale / np.exp(np.log(scale).mean())
    if len(full) < len(chosen):
        warnings.append(_left_out(rows, used, sorted(set(chosen) - set(full))))
    return Prepared(
        rows, keep, names, np.stack([values[v] for v in variables]), loss,
        rows.labels(group, keep) if group is not None else None, scale,
        len(chosen) - len(full), warnings,
    )  # fmt: skip


def _condition(where: str | None) -> tuple:
    try:
        return parse_condition(where) if where is not None else ()
    except ConditionError as error:
        raise TableError(str(error)) from None


def _scans(rows: UserTable, keep: list[int], warnings: list[str]) -> list[int]:
    """The runs of the scan in a table of `lab export`."""
    if "role" in rows.columns:
        kept = [i for i in keep if (rows.text("role", i) or "") in ROLES]
    elif "check" in rows.columns:
        kept = [i for i in keep if (rows.text("check", i) or "").lower() in ("false", "0", "")]
    else:
        return keep
    if kept and len(kept) < len(keep):
        warnings.append(
            f"{len(keep) - len(kept)} rows are checks or limits of a study and were left out; keep "
            "them by checks."
        )
        return kept
    return keep


def _once(rows: UserTable, keep: list[int], used: list[str], warnings: list[str]) -> list[int]:
    """Rows that equal another one in every column, once; told too if they equal it in those that
    are used alone."""
    names = list(rows.columns)
    whole = _first(rows, keep, names)
    if len(whole) < len(keep):
        gone = sorted(set(keep) - set(whole))
        many = "1 row repeats" if len(gone) == 1 else f"{len(gone)} rows repeat"
        warnings.append(
            f"{many} another one in every column and count once ({places(rows, gone)})."
        )
    if set(used) < set(names):
        first = _first(rows, whole, used)
        alike = len(whole) - len(first)
        if alike:
            many = "1 row has" if alike == 1 else f"{alike} rows have"
            same = sorted({name for name in names if name not in used},
                          key=lambda name: len(_first(rows, whole, [*used, name])))  # fmt: skip
            warnings.append(
                f"{many} the same {', '.join(dict.fromkeys(used))} as another one and differ in "
                f"other columns: if they are the same run, keep one of each by `best_of` "
                f"{same[-1]!r}."
            )
    return whole


def _first(rows: UserTable, keep: list[int], names: list[str]) -> list[int]:
    """The first of each set of rows that are equal in these columns."""
    columns = [rows.columns[name] for name in names]
    seen: set[tuple] = set()
    kept = []
    for i in keep:
        cells = tuple(c[i] if isinstance(c[i], str) else repr(c[i]) for c in columns)
        if cells not in seen:
            seen.add(cells)
            kept.append(i)
    return kept


def _values(
    rows: UserTable,
    law: str,
    names: Mapping[str, str],
    keep: list[int],
    log10: Sequence[str],
    percent: Sequence[str],
    unit: Mapping[str, float | int],
) -> dict[str, np.ndarray]:
    """The columns of every variable as positive numbers, in the units that were asked for."""
    called = dict(zip((*LAWS[law].variables, LOSS), (*symbols(law), LOSS), strict=True))
    for option, given in (("log10", log10), ("percent", percent), ("unit", unit)):
        for name in given:
            if name not in called.values() and name not in names.values():
                raise TableError(
                    f"{option} names {name!r}, which is not used; it must be one of "
                    f"{', '.join(called.values())} or their columns."
                )
    out = {}
    for variable, column in names.items():
        mine = {called[variable], column}
        logs = bool(mine & set(log10))
        value = rows.numbers(column, keep, positive=not logs)
        if logs:
            with np.errstate(over="ignore", under="ignore"):
                value = 10.0**value
            if not (np.isfinite(value) & (value > 0)).all():
                raise TableError(f"{column} is no logarithm to base 10: 10^{column} overflows.")
        if mine & set(percent):
            value = value / 100
        for name in mine & set(unit):
            if not (np.isfinite(unit[name]) and unit[name] > 0):
                raise TableError(f"unit {name} is {unit[name]}; it must be a positive number.")
            value = value * unit[name]
        out[variable] = value
    return out


def _lowest(
    rows: UserTable,
    keep: list[int],
    key: Sequence[np.ndarray],
    label: Sequence[str],
    loss: np.ndarray,
    best_of: Sequence[str],
    warnings: list[str],
) -> np.ndarray:
    """Rows with the lowest loss among those of the same x and group."""
    found: dict[tuple, list[int]] = {}
    for i in range(len(keep)):
        found.setdefault((*(float(k[i]) for k in key), label[i]), []).append(i)
    best = np.array(sorted(min(some, key=lambda i: loss[i]) for some in found.values()))
    warnings.append(
        f"{len(keep) - best.size} of {len(keep)} rows are not the one of the lowest loss at their "
        f"x over {', '.join(best_of)} and were left out."
    )
    for name in best_of:
        if not rows.numeric(name):
            continue
        value, edge, swept = rows.cells(name).values, 0, 0
        for some in found.values():
            tried = np.array([value[keep[i]] for i in some])
            if np.unique(tried).size < 2 or np.ptp(loss[some]) == 0:
                continue
            swept += 1
            edge += bool(
                value[keep[min(some, key=lambda i: loss[i])]] in (tried.min(), tried.max())
            )
        if edge:
            warnings.append(
                f"The best {name} is the smallest or the largest that was tried at {edge} of "
                f"{swept} x: the true minimum may be lower there; sweep further."
            )
    return best


def _left_out(rows: UserTable, used: list[str], gone: list[int]) -> str:
    empty = [name for name in used if any(rows.missing(name)[gone])]
    places = ", ".join(rows.places[i] for i in gone[:8]) + (", …" if len(gone) > 8 else "")
    count = "1 row was" if len(gone) == 1 else f"{len(gone)} rows were"
    return f"{count} left out: no value of {' or '.join(empty)} ({places})."


# ---- rows that look like checkpoints of one model ----

NAMED = frozenset({"model", "run", "teacher", "group", "trial", "experiment", "trajectory", "job"})
SIZES = frozenset({"parameters", "params", "param", "n", "size", "width"})
DATA = frozenset("tokens token d data samples examples steps step iterations epochs epoch".split())
ALIKE = 0.01


def looks_like_checkpoints(
    rows: UserTable,
    keep: Sequence[int],
    names: Mapping[str, str],
    residual: Float[np.ndarray, " points"],
) -> str | None:
    """A sentence about rows that belong together and its remedy, or None.

    rows, keep: the table and the rows fitted. names: variable → column (x, or x and y of a law of
        size and data, and L).
    residual: of each row fitted.
    """
    size, data = (names["x"], names["y"]) if "y" in names else (None, names["x"])
    used = set(names.values())
    sizes = (
        [size]
        if size
        else [
            name
            for name in rows.columns
            if name not in used and _words(name) & SIZES and _words(data) & DATA
        ]
    )
    for name in rows.columns:
        words = _words(name)
        if name in used or not words & NAMED:
            continue
        label = _labels(rows, name, keep)
        one_size = (
            "model" not in words
            or not sizes
            or all(
                len({rows.text(sizes[0], keep[i]) for i in np.flatnonzero(label == g).tolist()})
                == 1
                for g in range(label.max() + 1)
            )
        )
        if label.max() >= 2 and one_size and _share(label, 2) > 0.5:
            return _sentence(
                name, label, residual, f"{label.size} rows have {label.max() + 1} values of {name}"
            )
    for name in sizes:
        label = _labels(rows, name, keep)
        if label.max() < 2 or _share(label, 3) <= 0.5:
            continue
        along = rows.numbers(data, keep)
        members = [np.flatnonzero(label == g) for g in range(label.max() + 1)]
        inside = [along[m] for m in members if m.size >= 3]
        if any(np.unique(part).size < part.size / 2 or np.ptp(part) == 0 for part in inside):
            continue
        steps = np.sign(np.concatenate([np.diff(part) for part in inside]))
        if abs(steps.mean()) > 0.6 or intraclass(label, residual)[1] < ALIKE:
            return _sentence(
                name,
                label,
                residual,
                f"{label.size} rows share {label.max() + 1} values of {name} and differ in {data}",
            )
    return None


def intraclass(
    label: Int[np.ndarray, " points"], value: Float[np.ndarray, " points"]
) -> tuple[float, float]:
    """Intraclass correlation, and p of `groups do not differ` (F)."""
    n, count = value.size, np.bincount(label)
    mean = np.bincount(label, value) / count
    dof = count.size - 1, n - count.size
    if min(dof) < 1:
        return np.nan, np.nan
    between = count @ (mean - value.mean()) ** 2 / dof[0]
    within = max(((value - mean[label]) ** 2).sum() / dof[1], 1e-300)
    per_group = (n - (count**2).sum() / n) / dof[0]
    return (
        float((between - within) / (between + (per_group - 1) * within)),
        float(special.fdtrc(*dof, between / within)),
    )


def _sentence(name: str, label: np.ndarray, residual: np.ndarray, what: str) -> str:
    correlation, p = intraclass(label, residual)
    like = "are alike" if p < ALIKE else "are not alike beyond chance"
    return (
        f"{what}: if those are checkpoints of one model or otherwise belong together, they "
        f"are not independent (their residuals {like}, intraclass correlation "
        f"{correlation:.2f}) and intervals that count rows are wrong, mostly too short; give "
        f"`group` {name!r} to count them together."
    )


def _words(name: str) -> set[str]:
    return set(re.split(r"[^a-z]+", name.lower()))


def _labels(rows: UserTable, name: str, keep: Sequence[int]) -> Int[np.ndarray, " points"]:
    """The label of each row as an integer; rows without one are alone."""
    found = [rows.text(name, i) or f"\0{i}" for i in keep]
    return np.unique(found, return_inverse=True)[1]


def _share(label: np.ndarray, least: int) -> float:
    """Share of rows in labels of at least `least` rows."""
    count = np.bincount(label)
    return float(count[count >= least].sum() / label.size)
