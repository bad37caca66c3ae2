"""The compute frontier of a table that a user brings, by every estimator that its rows allow.

Columns are named by symbols: N size, D samples, tokens or steps, L loss, and C compute where there
is a column (6 N D where not). A symbol that is not named takes the one column of a usual name, as
`params`, `tokens`, `budget`, `loss`. Which rows are used says `request.py`. A group column names
the curves of a table, one size each, or its isoFLOP groups.

Each estimator of `lab.scaling.frontier` answers for itself; one that the rows do not allow says why
in a sentence, and the others stand. Nothing is averaged over estimators.

What it does not do: print, or exit. Every mistake is a `TableError` of one sentence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from lab.files import to_jsonable
from lab.scaling.frontier import METHODS, STATUS, FrontierError, frontier
from lab.scaling.tables import request
from lab.scaling.tables.formats import read_rows
from lab.scaling.tables.request import prepared
from lab.scaling.tables.rows import TableError, UserTable

LAW = "chinchilla"
"""The law whose variables the columns of a frontier are."""
USUAL: Mapping[str, tuple[str, ...]] = {
    "N": ("n", "params", "parameters", "n_params", "num_params", "model_size", "size"),
    "D": ("d", "tokens", "samples", "n_tokens", "num_tokens", "data", "steps", "s"),
    "L": ("l", "loss", "final_loss", "test_loss", "val_loss", "eval_loss"),
    "C": ("c", "flops", "budget", "compute", "flop_budget", "compute_budget"),
}
"""Names of columns, in lower case, that stand for a symbol which is not named."""


def fit_frontier(
    path: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    group: str | None = None,
    huber: float | int | None = None,
    method: str | None = None,
    allocate: Sequence[float | int] = (),
    decimal: str | None = None,
    seed: int = 0,
    **rows: Any,
) -> dict[str, Any]:
    """The frontier of a table as plain values.

    columns: symbol → column, with the symbols N, D, L and C. group: column of labels, of curves or
    of isoFLOP groups. huber: δ of the parametric law. method: one of METHODS, all unless told.
    allocate: compute to allocate, in the unit of C. decimal: see `formats.py`. seed: of the
    bootstrap. rows: which rows, and in which units: where, drop_worst, best_of, checks, log10,
    percent, unit as in `request.py`.

    Returns n, columns, cost (C/(N D), its geometric mean), methods: by name xi of N ∝ C^xi, data of
    D ∝ C^data, eta of L ∝ C^−eta and excess, each {value, interval, status}; the optima `points`
    {C, N, S, loss, excess}, `left_out` and `allocations`; or, of one that is refused, `refused`, a
    sentence; and warnings. Raises TableError.
    """
    if method is not None and method not in METHODS:
        raise TableError(f"method is {method!r}; choose one of {', '.join(METHODS)}.")
    if huber is not None and not (np.isfinite(huber) and huber > 0):
        raise TableError(f"huber is {huber}; it must be a positive number, such as 1e-3.")
    found = read_rows(path, decimal=decimal)
    names = _named(found, dict(columns or {}))
    C = names.pop("C", None)
    of_law = request.columns(LAW, None, None, names)
    data = prepared(found, LAW, of_law, group=group, beside=[C] if C else [], **rows)
    N, D = data.inputs
    flops = found.numbers(C, data.keep) if C else 6 * N * D
    asked: dict[str, Any] = {"N": N, "S": D, "loss": data.loss, "flops": flops,
                             "run": data.groups, "huber": huber, "seed": seed}  # fmt: skip
    return to_jsonable({
        "n": len(data.keep), "columns": names | ({"C": C} if C else {}),
        "cost": float(np.exp(np.mean(np.log(flops / N / D)))),
        "methods": {one: _answer(one, asked, allocate) for one in METHODS if method in (None, one)},
        "warnings": [*found.notes, *data.warnings],
    })  # fmt: skip


def _answer(method: str, asked: Mapping[str, Any], compute: Sequence[float | int]) -> Any:
    """What one estimator says."""
    try:
        found = frontier(**asked, method=method)
        at = [(C, found.allocate(C)) for C in compute]
    except FrontierError as error:
        return {"refused": f"{error}."}
    quantities = {"xi": found.xi, "data": found.steps, "eta": found.eta, "excess": found.excess}
    return {
        **{name: {**asdict(one), "says": STATUS[one.status]} for name, one in quantities.items()},
        "points": [asdict(point) for point in found.points],
        "left_out": list(found.left_out),
        "allocations": [
            {"C": C, "N": asdict(a.N), "D": asdict(a.S), "loss": asdict(a.loss)} for C, a in at
        ],
    }


def _named(rows: UserTable, named: dict[str, str]) -> dict[str, str]:
    """Symbol → column, with usual names for what is not named."""
    for symbol in named:
        if symbol not in USUAL:
            raise TableError(f"a frontier has no use for {symbol!r}; name N, D, L and C.")
    for symbol, usual in USUAL.items():
        if symbol in named:
            continue
        there = [c for c in rows.columns if c.strip().lower() in usual and c not in named.values()]
        if len(there) == 1:
            named[symbol] = there[0]
        elif symbol != "C" or there:
            why = f"may be {' or '.join(map(repr, there))}" if there else "is not named"
            raise TableError(
                f"the column of {symbol} {why}; name columns as N=params,D=tokens,C=budget,L=loss. "
                f"{rows.path} has {', '.join(map(repr, rows.columns))}."
            )
    return {symbol: named[symbol] for symbol in USUAL if symbol in named}
