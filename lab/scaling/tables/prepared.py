"""The numbers of a fit, made of the rows of a table in an order that is always the same.

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

What it does not do: fit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lab.scaling.laws.fit import LAWS
from lab.scaling.tables.request import LOSS, symbols
from lab.scaling.tables.rows import Rows, TableError, places
from lab.scaling.tables.where import ConditionError, parse_condition

RUN = "run"
ROLES = {"scan", ""}
"""Roles of the runs that a law is fitted to, in a table of `lab export`."""
SPREADS = ("__MIN", "__MAX")
"""Ends of names under which trackers export the spread of a curve beside it."""


@dataclass(frozen=True)
class Prepared:
    """What is fitted. keep: places of the rows in the table. names: variable → column."""

    rows: Rows
    keep: list[int]
    names: dict[str, str]
    inputs: Float[np.ndarray, "variables points"]
    loss: Float[np.ndarray, " points"]
    groups: list[str] | None
    scale: Float[np.ndarray, " points"] | None
    left_out: int
    warnings: list[str]


def prepared(
    rows: Rows,
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
    keep = _once(rows, full, [*names.values(), *([group] if group is not None else [])], warnings)
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
        error = rows.numbers(weights, keep)
        scale = 1 / error if residual == "raw" else loss / error
        scale = scale / np.exp(np.log(scale).mean())
    if len(full) < len(chosen):
        warnings.append(_left_out(rows, used, sorted(set(chosen) - set(full))))
    return Prepared(
        rows, keep, names, np.stack([values[v] for v in variables]), loss,
        rows.labels(group, keep) if group is not None else None, scale,
        len(chosen) - len(full), warnings,
    )  # fmt: skip


def melted(rows: Rows, x: Sequence[str], loss: str) -> Rows:
    """The rows of a table with a column a run: one a cell, with the columns of x, `run`, and loss.

    Raises TableError where no column is left that has numbers.
    """
    for name in x:
        rows.column(name)
    runs = [
        name
        for name in rows.columns
        if name not in x and not name.endswith(SPREADS) and rows.numeric(name)
    ]
    if not runs:
        raise TableError(f"{rows.path} has no columns of numbers beside {', '.join(x)}.")
    columns: dict[str, list] = {name: [] for name in (*x, RUN, loss)}
    if len(columns) < len(x) + 2:
        raise TableError(
            f"the columns {', '.join(x)} and {loss!r} must differ; name the loss else."
        )
    where = []
    for name in runs:
        found, cells = rows.cells(name), rows.columns[name]
        for i in np.flatnonzero(~found.missing).tolist():
            for other in x:
                columns[other].append(rows.columns[other][i])
            columns[RUN].append(name)
            columns[loss].append(cells[i])
            where.append(f"{rows.places[i]}, {name}")
    gone = [name for name in rows.columns if name not in x and name not in runs]
    notes = [*rows.notes, f"{len(runs)} columns are a run each."]
    if gone:
        said = ", ".join(map(repr, gone[:5])) + (", …" if len(gone) > 5 else "")
        notes.append(f"Columns that are no runs were left out: {said}.")
    return Rows(rows.path, columns, where, notes, rows.decimal, rows.separator)


def _condition(where: str | None) -> tuple:
    try:
        return parse_condition(where) if where is not None else ()
    except ConditionError as error:
        raise TableError(str(error)) from None


def _scans(rows: Rows, keep: list[int], warnings: list[str]) -> list[int]:
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


def _once(rows: Rows, keep: list[int], used: list[str], warnings: list[str]) -> list[int]:
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
        alike = len(whole) - len(_first(rows, whole, used))
        if alike:
            many = "1 row has" if alike == 1 else f"{alike} rows have"
            warnings.append(
                f"{many} the same {', '.join(dict.fromkeys(used))} as another one and differ in "
                "other columns: if they are the same run, pick one of each by where."
            )
    return whole


def _first(rows: Rows, keep: list[int], names: list[str]) -> list[int]:
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
    rows: Rows,
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
    rows: Rows,
    keep: list[int],
    key: Sequence[np.ndarray],
    label: Sequence[str],
    loss: np.ndarray,
    best_of: Sequence[str],
    warnings: list[str],
) -> np.ndarray:
    """Which rows have the lowest loss among those of the same x and group."""
    found: dict[tuple, list[int]] = {}
    for i in range(len(keep)):
        found.setdefault((*(float(k[i]) for k in key), label[i]), []).append(i)
    best = np.array(sorted(min(some, key=lambda i: loss[i]) for some in found.values()))
    warnings.append(
        f"{len(keep) - best.size} of {len(keep)} rows have not the lowest loss of their x over "
        f"{', '.join(best_of)} and were left out."
    )
    for name in best_of:
        if not rows.numeric(name):
            continue
        value, edge, swept = rows.cells(name).values, 0, 0
        for some in found.values():
            tried = np.array([value[keep[i]] for i in some])
            if np.unique(tried).size < 2:
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


def _left_out(rows: Rows, used: list[str], gone: list[int]) -> str:
    empty = [name for name in used if any(rows.missing(name)[gone])]
    places = ", ".join(rows.places[i] for i in gone[:8]) + (", …" if len(gone) > 8 else "")
    count = "1 row was" if len(gone) == 1 else f"{len(gone)} rows were"
    return f"{count} left out: no value of {' or '.join(empty)} ({places})."
