"""The compute frontier of every setting of a study, by every estimator, and the claims about it.

**Units** are the teachers, or the seeds where there is one teacher. The estimate is that of the
geometric mean of their curves, so that no unit has to have a frontier of its own; its interval is
Student's of the jackknife, at most GROUPS groups of units left out in turn, and of one unit that of
the estimator's lines. Which sizes lie on a hull is no smooth function of the curves, for which
leaving out single units is too long and groups are not (Shao & Wu 1989). Only units with every size
enter.

**Verdicts.** A claim about ξ or η agrees if the intervals of both the envelope and the isoFLOP
minima lie inside of the tolerance, and is contradicted if both lie outside: two readings of the
same curves. The excess is read from the envelope alone, for that of isoFLOP minima is up to .15 of
itself high where sizes are a factor 2 apart. The additive law is told and has no say: it is a
`misfit` on exact models.

Known bias: the jackknife has none of the bias that all units share, such as that of finite sizes;
see `lab.scaling.frontier` and the models.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.findings.answer import Judgement
from lab.findings.intervals import NOTHING, inside, jackknife
from lab.findings.study_results import ClaimedFinding, Setting, SettingRuns, StudyResults
from lab.regimes.regime import Regime
from lab.scaling.frontier import (
    FRONTIER_STATUS,
    METHODS,
    Frontier,
    FrontierError,
    frontier,
)
from lab.scaling.judge.verdict import UNDECIDED, Doubt
from lab.spec import Run
from lab.students.solvers import Observation
from lab.tables.prediction import Claim

if TYPE_CHECKING:
    from lab.execution.store import Row


QUANTITIES = ("xi", "eta", "excess")
DECIDING = {"xi": ("envelope", "isoflop"), "eta": ("envelope", "isoflop"), "excess": ("envelope",)}
"""The estimators whose intervals a claim is judged by."""
GROUPS = 12
"""Groups of a jackknife."""
RANDOM_FEATURES = ("plrf", "plrf-equivalent")
"""Kinds of student whose phases lie in the plane of α and β."""
Columns = Mapping[str, np.ndarray]
"""COLUMNS, one entry an observation: C in FLOPs, `samples` seen, `seconds` of the run, measured as
a whole and shared out by C, D (∞: unlimited), the relative loss, and the unit that it is of."""
COLUMNS = ("unit", "N", "D", "S", "samples", "C", "seconds", "loss")


@dataclass(frozen=True)
class Estimated:
    """Result of one estimator: its frontier with the intervals over units, or why it refuses."""

    frontier: Frontier | None
    refused: str = ""

    def plain(self) -> dict[str, Any]:
        """Its numbers under their names."""
        if self.frontier is None:
            return {"refused": self.refused}
        f = self.frontier
        return {
            **{name: asdict(getattr(f, name)) for name in (*QUANTITIES, "steps")},
            "points": [asdict(point) for point in f.points], "left_out": list(f.left_out),
        }  # fmt: skip


@dataclass(frozen=True)
class FrontierFound(ClaimedFinding):
    """The frontier of one setting. columns: its curves; units of `planned` units have every size;
    methods: by name; place: α and β of random features of power-law spectra."""

    study: Regime
    columns: Columns = field(repr=False)
    units: int
    planned: int
    methods: Mapping[str, Estimated]
    place: tuple[float, float] | None = None

    def plain(self) -> dict[str, Any]:
        """Every estimator's numbers."""
        return {
            "label": self.label, "title": self.study.title, "units": self.units,
            "doubts": list(self.doubts),
            "methods": {name: one.plain() for name, one in self.methods.items()},
        }  # fmt: skip


def frontiers(question: StudyResults) -> tuple[FrontierFound, ...]:
    """One per setting, in the order of the grid."""
    return tuple(_found(question.study, one) for one in question.stored)


def _found(study: Regime, one: SettingRuns) -> FrontierFound:
    columns, units, planned, doubts = observed(one)
    columns = early_stopped(columns)
    methods = {name: estimated(columns, name) for name in METHODS}
    run = one.cells.scan[0][0]
    decays = run.task.decays if run.student.kind in RANDOM_FEATURES else None
    place = (decays[1] / 2, (decays[0] - decays[1]) / 2) if decays else None
    return FrontierFound(study, columns, units, planned, methods, place, at=one.setting,
                         doubts=doubts)  # fmt: skip


def early_stopped(c: Columns) -> Columns:
    """The same curves, on training sets with the lowest loss so far in place of each."""
    loss = c["loss"].copy()
    limited = np.isfinite(c["D"])
    names = np.stack([c[name] for name in ("unit", "N", "D")], axis=1)
    for name in np.unique(names[limited], axis=0):
        rows = np.flatnonzero((names == name).all(1))
        rows = rows[np.argsort(c["S"][rows])]
        loss[rows] = np.minimum.accumulate(loss[rows])
    return {**c, "loss": loss}


def observed(one: SettingRuns) -> tuple[Columns, int, int, tuple[Doubt, ...]]:
    """The curves of a setting, how many units are complete, how many are planned, and why others
    lack sizes. A branch has annealed at its last step alone."""
    whole, planned = one.units("done")
    seen: list[tuple[int, Run, Row, Sequence[Observation]]] = []
    for run, row in one.done:
        if one.unit(run) in whole and row.scale:
            some = row.evaluated()
            if run.training.branch_from:
                some = tuple(o for o in some if o.step == run.training.last)
            seen.append((one.unit(run), run, row, some))
    return columns_of(seen), len(whole), planned, one.lacking if len(whole) < planned else ()


def columns_of(seen: Iterable[tuple[int, Run, Row, Sequence[Observation]]]) -> Columns:
    """Observations of runs, each with its unit, as columns."""
    rows: list[tuple[float, ...]] = []
    for unit, run, row, some in seen:
        whole = run.coordinate("C")
        for o in some:
            C = run.coordinate("C", o.step)
            if o.step > 0 and C and whole and row.scale and 0 < o.loss < math.inf:
                samples = run.coordinate("samples", o.step) or o.step
                seconds = (row.seconds or math.nan) * C / whole
                rows.append((unit, run.N, run.size or math.inf, o.step, samples, C, seconds,
                             o.loss / row.scale))  # fmt: skip
    table = np.array(rows, float).reshape(-1, len(COLUMNS))
    return dict(zip(COLUMNS, table.T, strict=True))


def where(columns: Columns, rows: np.ndarray) -> Columns:
    """Some of the rows."""
    return {name: values[rows] for name, values in columns.items()}


def geometric_mean(x: np.ndarray, loss: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x, ascending, and the geometric mean of the losses there."""
    at, where = np.unique(x, return_inverse=True)
    return at, np.exp(np.bincount(where, np.log(loss)) / np.bincount(where))


def groups(columns: Columns) -> Iterator[Columns]:
    """The columns without each of at most GROUPS groups of units in turn; none of one unit."""
    units = np.unique(columns["unit"])
    if units.size > 1:
        group = np.searchsorted(units, columns["unit"]) % min(units.size, GROUPS)
        yield from (where(columns, group != g) for g in np.unique(group))


def estimated(columns: Columns, method: str) -> Estimated:
    """One estimator on the mean curves of all units, with its intervals over units."""
    try:
        whole = one_frontier(columns, method)
        if method == "parametric":
            return Estimated(whole)
        without = [one_frontier(some, method) for some in groups(columns)]
    except FrontierError as error:
        return Estimated(None, f"{error}.")
    over: dict[str, Any] = {}
    for name in (*QUANTITIES, "steps") if without else ():
        own = getattr(whole, name)
        ends = jackknife(own.value, [getattr(one, name).value for one in without])
        over[name] = replace(own, interval=ends)
    return Estimated(replace(whole, **over))


def one_frontier(columns: Columns, method: str) -> Frontier:
    """Curves by size; the additive law resamples sizes where there is one unit, else units."""
    several = np.unique(columns["unit"]).size > 1
    run = columns["unit"] if several and method == "parametric" else columns["N"]
    return frontier(
        columns["N"], columns["S"], columns["loss"], columns["C"], run=run, method=method
    )


# ---- claims -------------------------------------------------------------------------------------


def claimed(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """Judge a claim about ξ, η or the excess, setting by setting."""
    for found, at, prediction in question.beside(claim, "frontier"):
        yield _judged(found, claim, at, prediction)


def _judged(found: FrontierFound, claim: Claim, at: Setting, prediction: float) -> Judgement:
    readings = {name: found.methods[name] for name in DECIDING[claim.quantity]}
    refused = [f"{name}: {one.refused}" for name, one in readings.items() if not one.frontier]
    if refused:
        why = refused[0] if found.units else "nothing is complete yet: go on running."
        return Judgement.unmeasured(claim, at, prediction, found.doubts, why)
    told = {name: getattr(one.frontier, claim.quantity) for name, one in readings.items()}
    first = told["envelope"]
    doubts = found.doubts
    if first.status in ("unfinished", "no-curves"):
        doubts = (*doubts, f"{first.status}: {FRONTIER_STATUS[first.status]}")
    verdicts = {inside(q.interval, claim.band(prediction)) for q in told.values()}
    verdict = verdicts.pop() if len(verdicts) == 1 and not doubts else UNDECIDED
    words = tuple(
        f"{claim.symbol} by {name} is {q.value:.4g} [{q.interval[0]:.4g}, {q.interval[1]:.4g}]."
        for name, q in told.items() if name != "envelope"
    )  # fmt: skip
    advice = ""
    if verdict == UNDECIDED and not doubts:
        wide = max(told.values(), key=lambda q: q.interval[1] - q.interval[0])
        advice = (
            f"± {(wide.interval[1] - wide.interval[0]) / 2:.3g} where "
            f"± {claim.tolerance * prediction:.3g} is allowed: more teachers or seeds, or sizes "
            "closer together."
        )
    return Judgement(
        claim, at, first.value, first.interval if all(map(math.isfinite, first.interval)) else
        NOTHING, prediction, verdict, doubts, advice,
        words=words,
        more={"readings": {name: asdict(q) for name, q in told.items()}},
    )  # fmt: skip


# ---- lines of a table, used by `lab fit` too -----------------------------------------------------


HEAD = ("method", "ξ of N ∝ C^ξ", "D ∝ C^", "η of L ∝ C^−η", "excess")
ALLOCATION_HEAD = ("C", "method", "N", "D", "loss")
NAMES = {"xi": "ξ", "data": "the exponent of D", "eta": "η", "excess": "the excess"}


def frontier_lines(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """One line per method that answers, in the columns of HEAD, of what `fit_frontier` returns."""
    return [
        (method, *(quantity_text(said[name]) for name in NAMES))
        for method, said in found["methods"].items() if "refused" not in said
    ]  # fmt: skip


def allocation_lines(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """One line per compute and method, in the columns of ALLOCATION_HEAD."""
    return [
        (f"{at['C']:.4g}", method, *(quantity_text(at[name]) for name in ("N", "D", "loss")))
        for method, said in found["methods"].items() for at in said.get("allocations", ())
    ]  # fmt: skip


def frontier_sentences(found: Mapping[str, Any]) -> Iterator[str]:
    """Sentences on the unusual: words of status that are no power law, rows left out, refusals."""
    columns = ", ".join(f"{symbol} = {name}" for symbol, name in found["columns"].items())
    compute = "" if "C" in found["columns"] else "; C = 6 N D"
    yield f"rows       {found['n']} ({columns}{compute})"
    for method, said in found["methods"].items():
        if "refused" in said:
            yield f"refused    {method}: {said['refused']}"
            continue
        odd: dict[str, list[str]] = {}
        for name, words in NAMES.items():
            if said[name]["status"] != "power-law":
                odd.setdefault(f"{said[name]['status']}, {said[name]['says']}", []).append(words)
        for says, which in odd.items():
            yield f"status     {method}, {', '.join(which)}: {says}"
        for sentence in said["left_out"]:
            yield f"left out   {method}: {sentence}"
    for sentence in found["warnings"]:
        yield f"warning    {sentence}"


def quantity_text(one: Mapping[str, Any]) -> str:
    """A value with its interval."""
    value = one["value"]
    if value is None or value != value:
        return "–"
    low, high = ("−∞" if v is None else f"{v:.4g}" for v in one["interval"])
    return f"{value:.4g} [{low}, {'∞' if high == '−∞' else high}]"
