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
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from lab.findings.answer import NOTHING, Judgement, inside
from lab.findings.study_results import Setting, SettingRuns, StudyResults
from lab.regimes.regime import Regime
from lab.scaling.frontier import METHODS, STATUS, Frontier, FrontierError, Quantity, frontier
from lab.scaling.judge.verdict import UNDECIDED, Doubt
from lab.scaling.scans.lines import student_quantile
from lab.scaling.scans.scan import Interval
from lab.tables.prediction import Claim

QUANTITIES = ("xi", "eta", "excess")
DECIDING = {"xi": ("envelope", "isoflop"), "eta": ("envelope", "isoflop"), "excess": ("envelope",)}
"""The estimators whose intervals a claim is judged by."""
GROUPS = 12
"""Groups of a jackknife."""
Columns = Mapping[str, np.ndarray]
"""N, S, loss and C, one entry an observation, and the unit that it is of."""


@dataclass(frozen=True)
class Estimated:
    """What one estimator says: its frontier with the intervals over units, or why it refuses."""

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
class FrontierFound:
    """The frontier of one setting. columns: its curves; units of `planned` units have every size;
    methods: by name."""

    study: Regime
    at: Setting
    columns: Columns = field(repr=False)
    units: int
    planned: int
    methods: Mapping[str, Estimated]
    setting: Setting | None = None
    doubts: tuple[str, ...] = ()
    verdict: str | None = None

    @property
    def label(self) -> str:
        """The setting as text."""
        return self.at.label

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
    columns, units, planned = observed(one)
    doubts = lacking(one) if units < planned else ()
    methods = {name: estimated(columns, name) for name in METHODS}
    return FrontierFound(study, one.setting, columns, units, planned, methods, doubts=doubts)


def lacking(one: SettingRuns) -> tuple[Doubt, ...]:
    """Why units lack sizes."""
    states = {row.status if row else "" for _, row in one.cells.scan}
    names = {"diverged": Doubt.DIVERGED, "failed": Doubt.FAILED, "": Doubt.UNFINISHED}
    return tuple(doubt for state, doubt in names.items() if state in states)


def observed(one: SettingRuns) -> tuple[Columns, int, int]:
    """The curves of a setting, how many units are complete, and how many are planned. A branch has
    annealed at its last step alone."""
    by_seed = len({run.task.teacher for run, _ in one.cells.scan}) == 1

    def unit(run: Any) -> int:
        return int(run.seed if by_seed else run.task.teacher)

    planned = {unit(run) for run, _ in one.cells.scan}
    without = {unit(run) for run, row in one.cells.scan if not row or row.status != "done"}
    rows: dict[str, list[float]] = defaultdict(list)
    for run, row in one.done:
        if unit(run) in without or not row.scale:
            continue
        some = row.observed()
        split = "test" if any(o.split == "test" for o in some) else "population"
        if run.training.branch_from:
            some = tuple(o for o in some if o.step == run.training.last)
        for o in some:
            C = run.coordinate("C", o.step)
            if o.split == split and o.step > 0 and C and 0 < o.loss < math.inf:
                for name, value in (("unit", unit(run)), ("N", run.N), ("S", o.step), ("C", C),
                                    ("loss", o.loss / row.scale)):  # fmt: skip
                    rows[name].append(value)
    names = ("unit", "N", "S", "C", "loss")
    columns = {name: np.array(rows[name], float) for name in names}
    return columns, len(planned - without), len(planned)


def estimated(columns: Columns, method: str) -> Estimated:
    """One estimator on the mean curves of all units, with its intervals over units."""
    units = np.unique(columns["unit"])
    try:
        whole = _one(columns, method)
        if units.size < 2 or method == "parametric":
            return Estimated(whole)
        group = np.searchsorted(units, columns["unit"]) % min(units.size, GROUPS)
        without = [_one({k: v[group != g] for k, v in columns.items()}, method)
                   for g in np.unique(group)]  # fmt: skip
    except FrontierError as error:
        return Estimated(None, f"{error}.")
    over: dict[str, Any] = {
        name: _jackknife(getattr(whole, name), [getattr(one, name).value for one in without])
        for name in (*QUANTITIES, "steps")
    }
    return Estimated(replace(whole, **over))


def _one(columns: Columns, method: str) -> Frontier:
    """Curves by size; the additive law resamples sizes where there is one unit, else units."""
    several = np.unique(columns["unit"]).size > 1
    run = columns["unit"] if several and method == "parametric" else columns["N"]
    return frontier(
        columns["N"], columns["S"], columns["loss"], columns["C"], run=run, method=method
    )


def _jackknife(whole: Quantity, without: list[float]) -> Quantity:
    n, some = len(without), np.array(without)
    half = float(student_quantile(n - 1)) * np.sqrt((n - 1) * np.mean((some - some.mean()) ** 2))
    ends = (whole.value - half, whole.value + half)
    return replace(whole, interval=(float(ends[0]), float(ends[1])))


# ---- claims -------------------------------------------------------------------------------------


def claimed(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """What came of a claim about ξ, η or the excess, setting by setting."""
    study = question.study
    for one, found in zip(question.stored, question.found("frontier"), strict=True):
        run = one.cells.scan[0][0]
        quantity = study.quantity(claim)
        formula = quantity.default if claim.formula is None else claim.formula
        value = quantity.value(study, run.task, run.student, formula or 0)
        yield _judged(found, claim, one.setting, value)


def _judged(found: FrontierFound, claim: Claim, at: Setting, prediction: float) -> Judgement:
    readings = {name: found.methods[name] for name in DECIDING[claim.quantity]}
    refused = [f"{name}: {one.refused}" for name, one in readings.items() if not one.frontier]
    if refused:
        why = refused[0] if found.units else "nothing is complete yet: go on running."
        return Judgement(
            claim, at, math.nan, NOTHING, prediction, UNDECIDED, found.doubts, why
        )  # fmt: skip
    told = {name: getattr(one.frontier, claim.quantity) for name, one in readings.items()}
    first = told["envelope"]
    doubts = found.doubts
    if first.status in ("unfinished", "no-curves"):
        doubts = (*doubts, f"{first.status}: {STATUS[first.status]}")
    allowed = (prediction * (1 - claim.tolerance), prediction * (1 + claim.tolerance))
    verdicts = {inside(q.interval, allowed) for q in told.values()}
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
        claim, at, first.value, _finite(first.interval), prediction, verdict, doubts, advice,
        words=words,
        more={"readings": {name: asdict(q) for name, q in told.items()}},
    )  # fmt: skip


def _finite(interval: Interval) -> Interval:
    return interval if all(map(math.isfinite, interval)) else NOTHING
