"""Replies to `lab fit TABLE`: a law fitted to a table that a user brings, or its frontier.

The columns have the user's names; which rows are fitted says `request.py`. With a group column and
the laws power and power + floor, each group is a teacher with its own amplitude and floor and the
interval is that of a scan (`judge/exponent.py`); with other laws, or parameters that are held, one
curve is fitted to all rows and whole groups are resampled. Without one, rows that look like
checkpoints of one model get a warning (`request.py`).

The compute frontier of a table is told by every estimator of `lab.scaling.frontier` that its rows
allow; one that they do not allow says why in a sentence, and the others stand. Nothing is averaged
over estimators. Columns are named by symbols: N size, D samples, tokens or steps, L loss, and C
compute where there is a column (6 N D where not). A symbol that is not named takes the one column
of a usual name, as `params`, `tokens`, `budget`, `loss`. A group column names the curves of a
table, one size each, or its isoFLOP groups.

What it does not do: print, or exit. Every mistake is a `TableError` of one sentence.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from lab.files import to_jsonable
from lab.scaling.frontier import FRONTIER_STATUS, METHODS, FrontierError, frontier
from lab.scaling.judge import verdict as rule
from lab.scaling.judge.exponent import Exponent, exponent
from lab.scaling.laws.fit import FIT_STATUS, LAWS, LawFit, fit_law
from lab.scaling.laws.law import HeldError
from lab.scaling.laws.prediction import LEAST, law_weights, of_teachers, predictions
from lab.scaling.laws.uncertainty import outliers, uncertainty
from lab.scaling.scans.curves import STARTS
from lab.scaling.scans.estimate import LAWS as SCAN_LAWS
from lab.scaling.scans.estimate import STATUS
from lab.scaling.scans.lines import bootstrap, teacher_t
from lab.scaling.scans.scan import Interval, Scan
from lab.scaling.tables import request
from lab.scaling.tables.formats import RUN, melted, read_rows
from lab.scaling.tables.request import At, Prepared, looks_like_checkpoints, prepared
from lab.scaling.tables.rows import TableError, UserTable

FEW = 10  # groups, below which intervals by resampling them are too short
CELLS = 5_000_000  # groups times distinct x, of which some fifty arrays are held


@dataclass(frozen=True)
class FittedTable:
    """A law fitted to a table: the reply, the numbers that were fitted, and what predicts.

    fit: one curve through all rows; teachers: a curve each; neither where the fit was refused.
    """

    reply: dict[str, Any]
    data: Prepared
    fit: LawFit | None
    teachers: Exponent | None
    sharing: Sequence[str] | None
    bootstrap: Float[np.ndarray, "replicates coords"] | None

    def predict(self, at: Sequence[At]) -> list[dict[str, Any]]:
        """Prediction at other x, as plain values: x, value, mean and new (95 % intervals, of
        the mean curve and of a new run), beyond, where, others (what the other laws say that
        describe the data as well). Raises TableError."""
        x = request.inputs(at, self.data.names, self.reply["law"])
        if self.teachers is not None and self.teachers.curves is not None:
            said = of_teachers(self.teachers.curves, self.data.inputs, x)
        elif self.fit is not None and self.fit.parameters:
            said = predictions(
                self.fit, x, groups=self.sharing, bootstrap=self.bootstrap, others=self._others,
                names=request.symbols(self.reply["law"]),
            )  # fmt: skip
        else:
            raise TableError("a refused fit predicts nothing; see its status.")
        return to_jsonable([asdict(one) for one in said])

    def allocate(self, compute: Sequence[float], method: str = "parametric") -> dict[str, Any]:
        """The compute frontier of the rows, C = 6 N D, as plain values: method, xi and eta
        (N_opt ∝ C^xi, L_opt ∝ C^−eta) and at each compute the best N, D and the loss there, each
        with its value, 95 % interval and status; see `lab.scaling.frontier`. Raises TableError."""
        if len(self.data.inputs) != 2:
            raise TableError("an allocation is of N and D; fit a law of two variables.")
        N, D = self.data.inputs
        try:
            found = frontier(
                N, D, self.data.loss, run=self.data.groups, method=method,
                huber=None if self.fit is None else self.fit.problem.huber,
            )  # fmt: skip
            at = [(C, found.allocate(C)) for C in compute]
        except FrontierError as error:
            raise TableError(str(error)) from None
        said = to_jsonable(
            {
                "method": method,
                "xi": asdict(found.xi),
                "eta": asdict(found.eta),
                "allocations": [
                    {"C": C, "N": asdict(one.N), "D": asdict(one.S), "loss": asdict(one.loss)}
                    for C, one in at
                ],
                "left_out": list(found.left_out),
            }
        )
        assert isinstance(said, dict)
        return said

    @cached_property
    def _others(self) -> dict[str, LawFit]:
        """Other laws that describe the data as well, fitted alike."""
        assert self.fit is not None
        weights = self.reply.get("weights", {}).get("aicc", {})
        least = LEAST * max((w for w in weights.values() if w), default=1.0)
        problem = self.fit.problem
        found = {
            name: fit_law(
                name, self.data.inputs, self.data.loss, huber=problem.huber,
                residual=problem.residual, scale=problem.scale,
            )
            for name, weight in weights.items()
            if name != self.reply["law"] and weight and weight >= least
        }  # fmt: skip
        return {name: fit for name, fit in found.items() if fit.parameters}


def fitted_table(
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
    weights: str | None = None,
    best_of: Sequence[str] = (),
    wide: bool = False,
    checks: bool = False,
    log10: Sequence[str] = (),
    percent: Sequence[str] = (),
    unit: Mapping[str, float | int] | None = None,
    decimal: str | None = None,
    replicates: int = 2000,
    seed: int = 0,
) -> FittedTable:
    """Fit a law to a table.

    law: a name in `fit.LAWS`. x, loss: columns of a law of one variable. columns: for two
    variables, symbol → column with the symbols N, D, L. group: column of labels. huber: δ, None
    for squares. residual: `log` or `raw`. where: see `rows.py`. drop_worst: how many of the
    largest losses to leave out, after `where`. hold: parameters of the law that are not fitted,
    and their values. predict, sense ("equal" by default), tolerance (0.15): see `verdict.py`; laws
    of one variable only. weights: column of standard errors of the loss. best_of, wide, checks,
    log10, percent, unit: see `request.py`. decimal: see `formats.py`. replicates, seed: of the
    bootstrap.

    The reply is what `--json` prints: law, parameters, held (those of them that are), intervals
    (parameter → method → [lower, upper]; the main one first), quoted (parameter → the name of that
    method), errors (bootstrap standard errors), objective (sum over rows), n, left_out (rows with
    an empty cell), status and what it allows, starts {tried, reached_best, of large tables also
    rows, those that the starts saw}, weights {aicc, holdout, held_out, independent, curves},
    warnings, with groups their number, with `predict` also prediction, verdict, doubts, advice and,
    for teachers, p-values. An infinite or undefined number is None; a refused fit has no
    parameters.
    Raises TableError.
    """
    hold = dict(hold or {})
    asked = request.judged(predict, sense, tolerance)
    request.check(law, huber, residual, drop_worst, predict, hold)
    rows = read_rows(path, decimal=decimal)
    if wide:
        given = {"x": x, **(columns or {})}
        own = [c for s, c in given.items() if s != request.LOSS and c is not None and c != RUN]
        named = loss or (columns or {}).get(request.LOSS) or "loss"
        loss, columns = named, {k: c for k, c in (columns or {}).items() if k != request.LOSS}
        rows = melted(rows, own, named)
        if group is None and RUN not in columns.values():
            group = RUN
    names = request.columns(law, x, loss, columns)
    data = prepared(
        rows, law, names, group=group, where=where, drop_worst=drop_worst, weights=weights,
        best_of=best_of, checks=checks, residual=residual, log10=log10, percent=percent, unit=unit,
    )  # fmt: skip
    inputs, measured, groups = data.inputs, data.loss, data.groups
    several = groups if groups is not None and len(set(groups)) > 1 else None
    as_scan = law in SCAN_LAWS and huber is None and residual == "log" and weights is None
    teachers, sharing = (several, None) if as_scan else (None, several)
    if teachers is not None and hold:
        raise TableError(
            f"hold is for one curve; with a group column every group has a {law} of its own. Leave "
            f"one of them out" + (", or take the law power." if "floor" in hold else ".")
        )
    if teachers is not None:
        _refuse_cells(inputs[0], teachers)
    same = [name for name, other in LAWS.items() if other.variables == LAWS[law].variables]
    fit = e = theta = None
    try:
        if teachers is not None:
            out, e = _scan(law, inputs[0], measured, teachers, asked, replicates, seed)
        else:
            fit = fit_law(
                law, inputs, measured, huber=huber, residual=residual, hold=hold, scale=data.scale,
                names=request.symbols(law),
            )  # fmt: skip
            out, theta = _whole(fit, sharing, data, asked, replicates, seed)
            if groups is not None and sharing is None:
                out["warnings"].append(
                    f"{group} is {groups[0]!r} in every row: one group shows nothing of the "
                    f"scatter between groups, so rows are counted."
                )
        out["quoted"] = {name: next(iter(ends)) for name, ends in out["intervals"].items()}
        if out["parameters"]:
            found = law_weights(
                same, inputs, measured, curves=teachers, groups=sharing, huber=huber,
                residual=residual, hold={law: hold}, scale=data.scale,
            )  # fmt: skip
            out["weights"] = {
                "aicc": found.aicc,
                "holdout": found.holdout,
                "held_out": found.held,
                "independent": found.independent,
                "curves": found.curves,
            }
    except HeldError as error:
        raise TableError(str(error)) from None
    out["left_out"] = data.left_out
    out["warnings"] += [*rows.notes, *data.warnings]
    return FittedTable(to_jsonable(out), data, fit, e, sharing, theta)


def _refuse_cells(x: Float[np.ndarray, " points"], groups: Sequence[str]) -> None:
    """TableError where the table of groups by distinct x is more than memory holds."""
    several, values = len(set(groups)), np.unique(x).size
    if several * values > CELLS:
        raise TableError(
            f"{several} groups and {values} values of x make {several * values} cells; the limit "
            f"is {CELLS}. Round x to values that the groups share, leave groups out by where, or "
            "leave the group column out."
        )


def _whole(
    fit: LawFit,
    groups: Sequence[str] | None,
    data: Prepared,
    asked: dict[str, Any],
    replicates: int,
    seed: int,
) -> tuple[dict[str, Any], np.ndarray | None]:
    """One curve or surface through all rows, and θ of its bootstrap; groups: None or at least two
    of them."""
    law, rows, keep, theta = fit.problem.law, data.rows, data.keep, None
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
    if fit.parameters and fit.status != "ridge":
        sure = uncertainty(fit, groups=groups, replicates=replicates, seed=seed)
        theta = sure.theta
        out["errors"] = sure.errors
        out["intervals"] = _honest(fit, sure.intervals, warnings)
        together = None if groups else looks_like_checkpoints(rows, keep, data.names, fit.residual)
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
        for name, found in out["intervals"].items():
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
    if fit.parameters:
        _turned(fit, out, warnings)
    return out | {"warnings": warnings}, theta


def _honest(
    fit: LawFit, found: Mapping[str, Mapping[str, Interval]], warnings: list[str]
) -> dict[str, dict[str, Interval]]:
    """The intervals that say something: none of rows that lie on the law to their last digit, for
    nothing shows how far another row would lie off it, none of a parameter whose term vanished,
    and none that leaves its own value out."""
    nothing = (float("nan"), float("nan"))
    if fit.exact:
        warnings.append(
            f"the rows lie on the law but for rounding: without scatter {fit.n} rows do not say "
            "how certain a parameter is, and there are no intervals."
        )
        return {name: dict.fromkeys(by, nothing) for name, by in found.items()}
    out: dict[str, dict[str, Interval]] = {}
    vanished = fit.vanished
    for name, by in found.items():
        value = fit.parameters[name]
        if name in vanished:
            out[name] = dict.fromkeys(by, nothing)
            continue
        slack = 1e-9 * abs(value)
        holding = {
            k: (min(lo, value), max(hi, value))
            for k, (lo, hi) in by.items()
            if not (value < lo - slack or value > hi + slack)
        }
        if len(holding) < len(by):
            gone = ", ".join(k for k in by if k not in holding)
            warnings.append(f"the interval of {name} by {gone} leaves out its value: not shown.")
        if not holding:  # the hull of what there is and the value
            ends = [end for pair in by.values() for end in pair]
            holding = {"hull": (min(*ends, value), max(*ends, value))}
        out[name] = holding
    return out


def _turned(fit: LawFit, out: dict[str, Any], warnings: list[str]) -> None:
    """The exponent of what rises, and the extreme of a curve that turns within its data."""
    parameters, law = fit.parameters, fit.problem.law
    if law.name == "power" and parameters["alpha"] < 0:
        out["parameters"]["a"] = -parameters["alpha"]
        if "alpha" in out["intervals"]:
            found = out["intervals"]["alpha"]
            out["intervals"]["a"] = {k: (-hi, -lo) for k, (lo, hi) in found.items()}
        if "alpha" in out["errors"]:
            out["errors"]["a"] = out["errors"]["alpha"]
        warnings.append("the column rises: it is β x^a with a = −α.")
    if law.shape == "turns":
        log_x = fit.problem.z[0] + fit.origin[0]
        x = np.exp(np.linspace(log_x.min(), log_x.max(), 2001))
        curve = fit.predict(x)
        for words, at in (("lowest", int(curve.argmin())), ("highest", int(curve.argmax()))):
            if 0 < at < x.size - 1:
                out["extreme"] = {"x": float(x[at]), "loss": float(curve[at]), "kind": words}
                warnings.append(
                    f"the curve turns: it is {words} at x = {x[at]:.3g}, with {curve[at]:.4g}."
                )


def _apart(found: Mapping[str, tuple[float, float]]) -> bool:
    """True if the two main intervals differ by more than a factor two in length, and by more than
    the digits that are shown."""
    if not {"profile", "percentile"} <= found.keys():
        return False
    if len({f"{a:.3g}..{b:.3g}" for a, b in (found["profile"], found["percentile"])}) == 1:
        return False
    one, two = (found[k][1] - found[k][0] for k in ("profile", "percentile"))
    return bool(max(one, two) > 2 * min(one, two))


def _judged(
    out: dict[str, Any], fit: LawFit, doubts: list[str], asked: dict[str, Any]
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
) -> tuple[dict[str, Any], Exponent]:
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
    return out | {"warnings": warnings}, e


# ---- the compute frontier of a table ----

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
    """Result of one estimator."""
    try:
        found = frontier(**asked, method=method)
        at = [(C, found.allocate(C)) for C in compute]
    except FrontierError as error:
        return {"refused": f"{error}."}
    quantities = {"xi": found.xi, "data": found.steps, "eta": found.eta, "excess": found.excess}
    return {
        **{
            name: {**asdict(one), "says": FRONTIER_STATUS[one.status]}
            for name, one in quantities.items()
        },
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
