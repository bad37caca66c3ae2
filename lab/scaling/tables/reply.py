"""The reply to `lab fit TABLE`: a law fitted to a table that a user brings.

The columns have the user's names. Rows may be narrowed by a condition (`where.py`) and by leaving
out the largest losses; rows in which a column that is used is empty are left out and counted. With
a group column and the laws power and power + floor, each group is a teacher with its own amplitude
and floor and the interval is that of a scan (`judge/exponent.py`); with other laws, or parameters
that are held, one curve is fitted to all rows and whole groups are resampled. Without one, rows
that look like checkpoints of one model get a warning (`checkpoints.py`).

What it does not do: print, or exit. Every mistake is a `TableError` of one sentence.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from lab.plain import plain
from lab.scaling.judge import verdict as rule
from lab.scaling.judge.exponent import Exponent, exponent
from lab.scaling.laws.checkpoints import looks_like_checkpoints
from lab.scaling.laws.fit import FIT_STATUS, LAWS, Fit, fit_law
from lab.scaling.laws.held import HeldError
from lab.scaling.laws.outliers import outliers
from lab.scaling.laws.uncertainty import uncertainty
from lab.scaling.laws.weights import law_weights
from lab.scaling.scans.curves import STARTS
from lab.scaling.scans.estimates import LAWS as SCAN_LAWS
from lab.scaling.scans.estimates import STATUS
from lab.scaling.scans.intervals import bootstrap, teacher_t
from lab.scaling.scans.scan import Scan
from lab.scaling.tables import request
from lab.scaling.tables.formats import read_rows
from lab.scaling.tables.rows import Rows, TableError
from lab.scaling.tables.where import ConditionError, parse_condition

FEW = 10  # groups, below which intervals by resampling them are too short
CELLS = 5_000_000  # groups times distinct x, of which some fifty arrays are held


def fit_table(
    path: str | Path,
    *,
    law: str,
    x: str | None = None,
    loss: str | None = None,
    columns: Mapping[str, str] | None = None,
    group: str | None = None,
    huber: float | int | None = None,
    residual: str = "log",
    where: str | None = None,
    drop_worst: int = 0,
    hold: Mapping[str, float] | None = None,
    predict: float | int | None = None,
    sense: str | None = None,
    tolerance: float | int | None = None,
    replicates: int = 2000,
    seed: int = 0,
) -> dict[str, Any]:
    """Fit a law to a table and return what `--json` prints.

    law: a name in `fit.LAWS`. x, loss: columns of a law of one variable. columns: for two
    variables, symbol → column with the symbols N, D, L. group: column of labels. huber: δ, None
    for squares. residual: `log` or `raw`. where: see `where.py`. drop_worst: how many of the
    largest losses to leave out, after `where`. hold: parameters of the law that are not fitted,
    and their values. predict, sense ("equal" by default), tolerance (0.15): see `verdict.py`; laws
    of one variable only. replicates, seed: of the bootstrap.

    Returns law, parameters, held (those of them that are), intervals (parameter → method →
    [lower, upper]; the main one first), quoted (parameter → the name of that method), errors
    (bootstrap standard errors), objective (sum over rows), n, left_out (rows with an empty cell),
    status and what it allows, starts {tried, reached_best, of large tables also
    rows, those that the starts saw}, weights {aicc, holdout, held_out,
    independent}, warnings, with groups their number, and with `predict` also prediction, verdict,
    doubts, advice and, for teachers, p-values. An infinite or undefined number is None; a refused
    fit has no parameters.
    Raises TableError.
    """
    hold = dict(hold or {})
    asked = request.judged(predict, sense, tolerance)
    request.check(law, huber, residual, drop_worst, predict, hold)
    names = request.columns(law, x, loss, columns)
    rows = read_rows(path)
    used = [*names.values(), *([group] if group is not None else [])]
    chosen = _chosen(rows, where)
    full = rows.complete(used, chosen)
    keep = _without_worst(rows, full, names[request.LOSS], where, drop_worst)
    values = {symbol: rows.numbers(name, keep) for symbol, name in names.items()}
    groups = rows.labels(group, keep) if group is not None else None
    inputs = np.stack([values[v] for v in LAWS[law].variables])
    several = groups if groups is not None and len(set(groups)) > 1 else None
    as_scan = law in SCAN_LAWS and huber is None and residual == "log"
    teachers, sharing = (several, None) if as_scan else (None, several)
    if teachers is not None and hold:
        raise TableError(
            f"hold is for one curve; with a group column every group has a {law} of its own. Leave "
            f"one of them out" + (", or take the law power." if "floor" in hold else ".")
        )
    if teachers is not None:
        _refuse_cells(inputs[0], teachers)
    same = [name for name, other in LAWS.items() if other.variables == LAWS[law].variables]
    measured = values[request.LOSS]
    try:
        if teachers is not None:
            out = _scan(law, inputs[0], measured, teachers, asked, replicates, seed)
        else:
            fit = fit_law(law, inputs, measured, huber=huber, residual=residual, hold=hold,
                          names=request.symbols(law))  # fmt: skip
            out = _whole(fit, sharing, rows, keep, names, asked, replicates, seed)
            if groups is not None and sharing is None:
                out["warnings"].append(
                    f"{group} is {groups[0]!r} in every row: one group shows nothing of the "
                    f"scatter between groups, so rows are counted."
                )
        out["quoted"] = {name: next(iter(ends)) for name, ends in out["intervals"].items()}
        if out["parameters"]:
            found = law_weights(
                same, inputs, measured, curves=teachers, groups=sharing, huber=huber,
                residual=residual, hold={law: hold},
            )  # fmt: skip
            out["weights"] = {
                "aicc": found.aicc,
                "holdout": found.holdout,
                "held_out": found.held,
                "independent": found.independent,
            }
    except HeldError as error:
        raise TableError(str(error)) from None
    out["warnings"] += rows.notes
    out["left_out"] = len(chosen) - len(full)
    if out["left_out"]:
        out["warnings"].append(_left_out(rows, used, sorted(set(chosen) - set(full))))
    return plain(out)


def _refuse_cells(x: Float[np.ndarray, " points"], groups: Sequence[str]) -> None:
    """TableError where the table of groups by distinct x is more than memory holds."""
    several, values = len(set(groups)), np.unique(x).size
    if several * values > CELLS:
        raise TableError(
            f"{several} groups and {values} values of x make {several * values} cells; the limit "
            f"is {CELLS}. Round x to values that the groups share, leave groups out by where, or "
            "leave the group column out."
        )


def _left_out(rows: Rows, used: list[str], gone: list[int]) -> str:
    empty = [name for name in used if any(rows.missing(name)[gone])]
    places = ", ".join(rows.places[i] for i in gone[:8]) + (", …" if len(gone) > 8 else "")
    count = "1 row was" if len(gone) == 1 else f"{len(gone)} rows were"
    return f"{count} left out: no value of {' or '.join(empty)} ({places})."


def _chosen(rows: Rows, where: str | None) -> list[int]:
    """Rows that satisfy the condition, in the order of the file."""
    keep = list(range(len(rows)))
    try:
        for part in parse_condition(where) if where is not None else ():
            keep = part.rows(rows, keep)
    except ConditionError as error:
        raise TableError(str(error)) from None
    return keep


def _without_worst(
    rows: Rows, keep: list[int], loss: str, where: str | None, drop_worst: int
) -> list[int]:
    """The rows of `keep` without the largest losses."""
    if not keep:
        raise TableError(
            f"{rows.path} has no rows"
            + (f" where {where}" if where else "")
            + (
                "; nothing to fit."
                if not len(rows) or where
                else " without an empty cell in the columns used; nothing to fit."
            )
        )
    if not drop_worst:
        return keep
    value = rows.numbers(loss, keep)
    if drop_worst >= len(keep):
        raise TableError(f"drop-worst {drop_worst} leaves none of the {len(keep)} rows.")
    worst = set(np.argsort(value, kind="stable")[len(keep) - drop_worst :].tolist())
    return [i for j, i in enumerate(keep) if j not in worst]


def _whole(
    fit: Fit,
    groups: Sequence[str] | None,
    rows: Rows,
    keep: Sequence[int],
    names: Mapping[str, str],
    asked: dict[str, Any],
    replicates: int,
    seed: int,
) -> dict[str, Any]:
    """One curve or surface through all rows; groups: None or at least two of them."""
    law = fit.problem.law
    warnings = list(fit.warnings)
    out: dict[str, Any] = dict(
        law=law.name,
        parameters=dict(fit.parameters),
        held=dict(law.held),
        intervals={},
        errors={},
        objective=fit.objective,
        n=fit.n,
        status=fit.status,
        usable=FIT_STATUS[fit.status],
        starts={"tried": fit.tried, "reached_best": fit.reached},
    )
    if 0 < fit.searched < fit.n:
        out["starts"]["rows"] = fit.searched
    if groups is not None:
        out["groups"] = len(set(groups))
    if fit.parameters:
        sure = uncertainty(fit, groups=groups, replicates=replicates, seed=seed)
        out["intervals"], out["errors"] = sure.intervals, sure.errors
        together = None if groups else looks_like_checkpoints(rows, keep, names, fit.residual)
        if together:
            warnings.append(together)
        if groups and out["groups"] < FEW:
            warnings.append(
                f"{out['groups']} groups are few for a bootstrap: its intervals over "
                f"fewer than {FEW} are too short."
            )
        far = outliers(fit)
        for name, (with_them, without) in far.change.items():
            places = ", ".join(rows.places[keep[i]] for i in far.rows[:8])
            warnings.append(
                f"{far.rows.size} of {fit.n} rows stand out ({places}): without them {name} is "
                f"{without:.3g} instead of {with_them:.3g}."
            )
        if fit.parameters.get("floor", 0) < 0 and fit.problem.law.name == "power+floor":
            warnings.append(
                "the floor is negative: the curve steepens towards large x, or has "
                "no floor that can be told from 0."
            )
        for name, found in sure.intervals.items():
            if name in ("alpha", "beta") and _apart(found):
                ends = ", ".join(f"{k} {a:.3g}..{b:.3g}" for k, (a, b) in found.items())
                warnings.append(f"the intervals of {name} disagree: {ends}.")
    if asked["prediction"] is not None:
        doubts = (
            ["few-decades"] * (fit.status == "short-range")
            + ["wrong-law"] * (fit.status == "misfit")
            + ["one-teacher"] * (groups is None)
        )
        out |= _judged(out, fit, doubts, asked)
    return out | {"warnings": warnings}


def _apart(found: Mapping[str, tuple[float, float]]) -> bool:
    """Whether the two main intervals differ by more than a factor two in length."""
    if "profile" not in found:
        return False
    one, two = (found[k][1] - found[k][0] for k in ("profile", "percentile"))
    return bool(max(one, two) > 2 * min(one, two))


def _judged(
    out: dict[str, Any], fit: Fit, doubts: list[str], asked: dict[str, Any]
) -> dict[str, Any]:
    found = out["intervals"].get("alpha", {})
    interval = next(iter(found.values()), (np.nan, np.nan))
    alpha = out["parameters"].get("alpha", np.nan)
    usable = fit.status in ("converged", "short-range", "misfit") and bool(found)
    said, reason = rule.verdict([interval], usable=usable, doubts=doubts, **asked)
    doubts = [*doubts, *([reason.value] if reason else [])]
    advice = ""
    if said == rule.UNDECIDED and usable:
        # one group: more of them is the advice, and no range of x
        advice = rule.advice(alpha, [interval], teachers=1, doubts=doubts, x=(1.0, 1.0), **asked)
    elif not usable:
        advice = f"{FIT_STATUS[fit.status]}."
    return dict(
        prediction=asked["prediction"],
        verdict=said,
        doubts=doubts,
        advice=advice,
        relation=rule.relation(
            [interval],
            said,
            prediction=asked["prediction"],
            tolerance=asked["tolerance"],
            doubts=doubts,
        ),
    )


def _starts(e: Exponent, law: str) -> dict[str, int]:
    if e.curves is None:
        return {"tried": 0, "reached_best": 0}
    each = len(STARTS) if law == "power+floor" else 1
    return {"tried": each * e.teachers, "reached_best": int(e.curves.reached.sum())}


def _scan(
    law: str,
    x: Float[np.ndarray, " points"],
    loss: Float[np.ndarray, " points"],
    groups: Sequence[str],
    asked: dict[str, Any],
    replicates: int,
    seed: int,
) -> dict[str, Any]:
    """Each group is a teacher."""
    e = exponent(Scan.of(x, loss, groups), law=law, replicates=replicates, seed=seed, **asked)
    out: dict[str, Any] = dict(
        law=law,
        parameters=dict(e.parameters),
        held={},
        intervals={},
        errors={},
        objective=None,
        n=len(loss),
        status=e.status,
        usable=STATUS[e.status],
        starts=_starts(e, law),
        groups=e.teachers,
    )
    warnings = []
    if e.curves is None:
        out["parameters"] = {}
    else:
        out["objective"] = float(e.curves.cost.sum())
        out["intervals"]["alpha"] = {"quoted": e.interval, **e.intervals}
        if law == "power":
            out["parameters"].pop("floor")
    if e.curves is not None and e.teachers > 1:
        tiny = np.finfo(float).tiny
        own: dict[str, tuple[np.ndarray, Callable[..., Any]]] = {
            "alpha": (e.curves.alpha, float),
            "floor": (e.curves.floor(), float),
            "beta": (np.log(np.maximum(e.curves.amplitude(), tiny)), np.exp),
        }
        for name in out["parameters"]:
            value, back = own[name]
            if back is float:
                out["errors"][name] = float(value.std(ddof=1) / np.sqrt(value.size))
            if name != "alpha":
                ends = {
                    "teacher-t": teacher_t(value[None]),
                    **bootstrap(value[None], replicates=replicates, seed=seed),
                }
                out["intervals"][name] = {
                    k: (float(back(lo[0])), float(back(hi[0]))) for k, (lo, hi) in ends.items()
                }
    if e.status != "converged":
        warnings.append(f"{STATUS[e.status]}.")
    warnings += rule.explain(e.doubts)
    if asked["prediction"] is not None:
        out |= dict(
            prediction=e.prediction,
            verdict=e.verdict,
            doubts=list(e.doubts),
            relation=e.relation,
            advice=e.advice,
            p={name: e.tests[name] for name in ("equal", "bound") if name in e.tests},
        )
    return out | {"warnings": warnings}
