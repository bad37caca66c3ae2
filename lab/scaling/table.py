"""Fitting a law to a table a user brings: what `lab fit TABLE` prints.

The columns have the user's names. Rows may be narrowed by a condition (`where.py`) and by leaving
out the largest losses. With a group column and the laws power and power + floor, each group is a
teacher with its own amplitude and floor and the quoted interval is teacher-t (`exponent.py`);
with other laws, one curve is fitted to all rows and whole groups are resampled.

What it does not do: print, or exit. Every mistake is a `TableError` of one sentence.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lab.scaling import verdict as rule
from lab.scaling.estimate import STATUS
from lab.scaling.exponent import LAWS as SCAN_LAWS
from lab.scaling.exponent import exponent
from lab.scaling.fit import FIT_STATUS, LAWS, Fit, fit_law
from lab.scaling.intervals import bootstrap, teacher_t
from lab.scaling.outliers import outliers
from lab.scaling.plain import plain
from lab.scaling.rows import Rows, TableError, read_rows
from lab.scaling.scan import Scan
from lab.scaling.uncertainty import uncertainty
from lab.scaling.weights import law_weights
from lab.scaling.where import ConditionError, parse_condition

LOSS = "L"


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
    predict: float | int | None = None,
    sense: str = "equal",
    tolerance: float | int = 0.15,
    replicates: int = 2000,
    seed: int = 0,
) -> dict:
    """Fit a law to a table and return what `--json` prints.

    law: a name in `fit.LAWS`. x, loss: columns of a law of one variable. columns: for two
    variables, symbol → column with the symbols N, D, L. group: column of labels. huber: δ, None
    for squares. residual: `log` or `raw`. where: see `where.py`. drop_worst: how many of the
    largest losses to leave out, after `where`. predict, sense, tolerance: see `verdict.py`; laws
    of one variable only. replicates, seed: of the bootstrap.

    Returns law, parameters, intervals (parameter → method → [lower, upper]; the main one first),
    quoted (parameter → the name of that method), errors (bootstrap standard errors), objective
    (sum over rows), n, status and what it allows, starts {tried, reached_best}, weights {aicc,
    holdout}, warnings, and with `predict` also prediction, verdict, doubts, advice and, for
    groups, p-values. An infinite or undefined number is None.
    Raises TableError.
    """
    _check(law, huber, residual, drop_worst, predict, tolerance, sense)
    names = _columns(law, x, loss, columns)
    rows = read_rows(path)
    keep = _kept(rows, names[LOSS], where, drop_worst)
    values = {symbol: rows.numbers(name, keep) for symbol, name in names.items()}
    groups = rows.labels(group, keep) if group is not None else None
    inputs = np.stack([values[v] for v in LAWS[law].variables])
    as_scan = (groups is not None and law in SCAN_LAWS and huber is None and residual == "log"
               and len(set(groups)) > 1)
    request = dict(prediction=predict, sense=sense, tolerance=tolerance)
    if as_scan:
        out = _scan(law, inputs[0], values[LOSS], groups, request, replicates, seed)
    else:
        fit = fit_law(law, inputs, values[LOSS], huber=huber, residual=residual)
        out = _whole(fit, groups, rows, keep, request, replicates, seed)
    out["quoted"] = {name: next(iter(found)) for name, found in out["intervals"].items()}
    same = [name for name, other in LAWS.items() if other.variables == LAWS[law].variables]
    if out["parameters"]:
        weights = law_weights(same, inputs, values[LOSS], groups=groups if as_scan else None)
        out["weights"] = {"aicc": weights.aicc, "holdout": weights.holdout,
                          "held_out": weights.held}
    return plain(out)


def _check(law, huber, residual, drop_worst, predict, tolerance, sense) -> None:
    if law not in LAWS:
        raise TableError(f"the law {law!r} is unknown; the laws are {', '.join(LAWS)}.")
    if huber is not None and not (np.isfinite(huber) and huber > 0):
        raise TableError(f"huber is {huber}; it must be a positive number, such as 1e-3.")
    if residual not in ("log", "raw"):
        raise TableError(f"residual is {residual!r}; it must be 'log' or 'raw'.")
    if drop_worst < 0:
        raise TableError(f"drop-worst is {drop_worst}; it must not be negative.")
    if predict is not None:
        if len(LAWS[law].variables) > 1:
            raise TableError(f"predict needs a law with one exponent; {law} has two.")
        try:
            rule.allowed(predict, sense, tolerance)
        except ValueError as error:
            raise TableError(str(error)) from None


def _columns(law, x, loss, columns) -> dict[str, str]:
    """Symbol → column."""
    variables = LAWS[law].variables
    given = dict(columns or {})
    if x is not None:
        given["x"] = x
    if loss is not None:
        given[LOSS] = loss
    needed = (*variables, LOSS)
    missing = [s for s in needed if s not in given]
    extra = [s for s in given if s not in needed]
    if missing or extra:
        how = ("--x COLUMN --loss COLUMN" if variables == ("x",)
               else "--columns N=COLUMN,D=COLUMN,L=COLUMN")
        what = f"no column for {', '.join(missing)}" if missing else f"no use for {extra[0]!r}"
        raise TableError(f"the law {law} has {what}; give {how}.")
    return {s: given[s] for s in needed}


def _kept(rows: Rows, loss: str, where: str | None, drop_worst: int) -> list[int]:
    """Rows that satisfy the condition, without the largest losses, in the order of the file."""
    keep = list(range(len(rows)))
    if where is not None:
        try:
            condition = parse_condition(where)
        except ConditionError as error:
            raise TableError(str(error)) from None
        for part in condition:
            value = rows.numbers(part.column, positive=False)
            keep = [i for i in keep if part.holds(value[i])]
    if not keep:
        raise TableError(
            f"{rows.path} has no rows" + (f" where {where}" if where else "") + "; nothing to fit.")
    value = rows.numbers(loss, keep)
    if drop_worst >= len(keep):
        raise TableError(f"drop-worst {drop_worst} leaves none of the {len(keep)} rows.")
    worst = set(np.argsort(value, kind="stable")[len(keep) - drop_worst:].tolist())
    return [i for j, i in enumerate(keep) if j not in worst]


def _whole(fit: Fit, groups, rows: Rows, keep, request, replicates, seed) -> dict:
    """One curve or surface through all rows."""
    law = fit.problem.law
    warnings = list(fit.warnings)
    out = dict(law=law.name, parameters=dict(fit.parameters), intervals={}, errors={},
               objective=fit.objective, n=fit.n, status=fit.status,
               usable=FIT_STATUS[fit.status],
               starts={"tried": fit.tried, "reached_best": fit.reached})
    doubts = []
    if fit.parameters:
        sure = uncertainty(fit, groups=groups, replicates=replicates, seed=seed)
        out["intervals"], out["errors"] = sure.intervals, sure.errors
        far = outliers(fit)
        for name, (with_them, without) in far.change.items():
            places = ", ".join(rows.places[keep[i]] for i in far.rows[:8])
            warnings.append(
                f"{far.rows.size} of {fit.n} rows stand out ({places}): without them {name} is "
                f"{without:.3g} instead of {with_them:.3g}.")
        if fit.parameters.get("floor", 0) < 0 and fit.problem.law.name == "power+floor":
            warnings.append("the floor is negative: the curve steepens towards large x, or has "
                            "no floor that can be told from 0.")
        for name, found in sure.intervals.items():
            if name in ("alpha", "beta") and _apart(found):
                ends = ", ".join(f"{k} {a:.3g}..{b:.3g}" for k, (a, b) in found.items())
                warnings.append(f"the intervals of {name} disagree: {ends}.")
    if request["prediction"] is not None:
        doubts = ["few-decades"] * (fit.status == "short-range") + ["wrong-law"] * (
            fit.status == "misfit") + ["one-teacher"] * (groups is None)
        out |= _judged(out, fit, doubts, request)
    return out | {"warnings": warnings}


def _apart(found: Mapping[str, tuple[float, float]]) -> bool:
    """Whether the two main intervals differ by more than a factor two in length."""
    if "profile" not in found:
        return False
    one, two = (found[k][1] - found[k][0] for k in ("profile", "percentile"))
    return bool(max(one, two) > 2 * min(one, two))


def _judged(out: dict, fit: Fit, doubts: list[str], request: dict) -> dict:
    found = out["intervals"].get("alpha", {})
    interval = next(iter(found.values()), (np.nan, np.nan))
    alpha = out["parameters"].get("alpha", np.nan)
    usable = fit.status in ("converged", "short-range", "misfit") and bool(found)
    said = rule.verdict(alpha, interval, usable=usable, doubts=doubts, **request)
    advice = ""
    if said == rule.UNDECIDED and usable:
        advice = rule.advice(alpha, interval, teachers=1, deviation=np.nan, doubts=doubts,
                             reach=lambda _: None, **request)
    elif not usable:
        advice = f"{FIT_STATUS[fit.status]}."
    return dict(prediction=request["prediction"], verdict=said, doubts=doubts, advice=advice)


def _scan(law, x, loss, groups, request, replicates, seed) -> dict:
    """Each group is a teacher."""
    e = exponent(Scan.of(x, loss, groups), law=law, replicates=replicates, seed=seed, **request)
    out = dict(law=law, parameters=dict(e.parameters), intervals={}, errors={}, objective=None,
               n=len(loss), status=e.status, usable=STATUS[e.status], starts=dict(e.starts),
               groups=e.teachers, stretch=dict(zip(map(str, e.x.tolist()), e.stretch, strict=True)))
    warnings = []
    if e.curves is None:
        out["parameters"] = {}
    else:
        out["objective"] = float(e.curves.cost.sum())
        out["intervals"]["alpha"] = e.intervals
        if law == "power":
            out["parameters"].pop("floor")
    if e.teachers > 1:
        tiny = np.finfo(float).tiny
        own = {"alpha": (e.curves.alpha, float), "floor": (e.curves.floor(), float),
               "beta": (np.log(np.maximum(e.curves.amplitude(), tiny)), np.exp)}
        for name in out["parameters"]:
            value, back = own[name]
            if back is float:
                out["errors"][name] = float(value.std(ddof=1) / np.sqrt(value.size))
            if name != "alpha":
                ends = {"teacher-t": teacher_t(value[None]),
                        **bootstrap(value[None], replicates=replicates, seed=seed)}
                out["intervals"][name] = {
                    k: (float(back(lo[0])), float(back(hi[0]))) for k, (lo, hi) in ends.items()}
    if e.status != "converged":
        warnings.append(f"{STATUS[e.status]}.")
    warnings += [f"{doubt}: {rule.REMEDY[doubt]}." for doubt in e.doubts if doubt in rule.REMEDY]
    if "intervals-disagree" in e.doubts:
        (a, b), (c, d) = e.intervals["teacher-t"], e.intervals["profile"]
        warnings.append(f"groups differ in their exponents: teacher-t {a:.3g}..{b:.3g}, profile "
                        f"{c:.3g}..{d:.3g}; the first is the one to quote.")
    if request["prediction"] is not None:
        out |= dict(prediction=e.prediction, verdict=e.verdict, doubts=list(e.doubts),
                    advice=e.advice, p={name: e.tests[name] for name in
                                        ("equal", "bound", "likelihood") if name in e.tests})
    return out | {"warnings": warnings}
