"""The exponents of a study: one `Point` per setting, from what the store has of its scan.

Object: the scan L(x, teacher) = geometric mean over seeds of the relative losses, or their excess
over a limit; its fitted exponent; the claim written beforehand; what other budgets say about
convergence; and every doubt that the runs, the design and the losses give. A scan is fitted once
(`Measured`), and judged by as many claims as the study makes about α (`judged`).

Of an x whose budget was raised (`budgets.py`) the longest training counts. Diverged and failed runs
are counted as doubts and never enter a fit.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lab.data.task import Task
from lab.data.user_data import MOST_SHARED, UserDataSpec
from lab.execution import budgets, plan
from lab.execution.budgets import CHECKS
from lab.execution.store import Row
from lab.findings.answer import Judgement
from lab.findings.expected import Done, left_to_train, references
from lab.findings.exponent_result import (
    Convergence,
    ExponentResult,
    Fitted,
    Rival,
    RunStates,
    ScanEvidence,
    convergence,
    variations,
)
from lab.findings.intervals import NOTHING
from lab.findings.premises import premises, sentences
from lab.findings.study_results import CellRuns, Setting, SettingRuns, StudyResults, pairs, scan_of
from lab.mistakes import duration
from lab.regimes.axes import Values
from lab.regimes.quantity import ALPHA
from lab.regimes.regime import Regime, saturates
from lab.scaling.judge import verdict
from lab.scaling.judge.exponent import TRAINED, Exponent, judge
from lab.scaling.judge.verdict import (
    CONTRADICTS,
    OPEN,
    UNDECIDED,
    Direction,
    Doubt,
    known,
    survives,
)
from lab.scaling.scans.estimate import USABLE, ExponentEstimate, estimate
from lab.spec import Planned, Run
from lab.tables.prediction import Claim
from lab.theory import parse

ILL_CONDITIONED = 1e13
"""Condition number beyond which the small eigenvalues of a system are rounding errors."""


SOURCES = "N"
"""The count of size of the sources of all known formulas (Sharma & Kaplan, arXiv 2004.10802)."""
Declared = tuple[float | None, str | None]


def declared(study: Regime, claim: Claim | None) -> Declared:
    """The ω and the count of size that a claim about α is judged by: those that it declares, or
    what theory knows of the regime, and the count that is scanned (None)."""
    omega = claim.omega if claim and claim.omega is not None else study.omega
    named = claim.size if claim and study.has_size_counts else None
    count = "hidden" if named == "width" else named  # which grow alike
    return (omega if study.law == "power" else None), count


@dataclass(frozen=True)
class Measured:
    """The scan of one setting with its exponent, before it is judged; estimates: by what a claim
    declares of ω and of the count of size (`declared`), none where nothing could be fitted. doubts:
    those of the runs, the design and the values."""

    setting: Setting
    run: Run
    done: list[tuple[Run, Row]]
    values: Values
    estimates: Mapping[Declared, ExponentEstimate]
    runs: RunStates
    evidence: ScanEvidence
    doubts: tuple[Doubt | str, ...]


def exponents(question: StudyResults) -> tuple[ExponentResult, ...]:
    """One point per setting, in the order of the grid, judged by the first claim about α; estimated
    alone where the study makes none."""
    claim = question.study.prediction
    return tuple(_advised(question, one, claim) for one in question.once(measured))


def _advised(question: StudyResults, one: Measured, claim: Claim | None) -> ExponentResult:
    point = judged(question.study, one, claim)
    return replace(point, advice=priced(question, point))


def claimed(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """A claim about α in every setting: the points themselves, or the same judged by it."""
    first = claim == question.study.prediction
    points = question.found("exponents") if first else [
        _advised(question, one, claim) for one in question.once(measured)
    ]  # fmt: skip
    for point in points:
        e = point.exponent
        yield Judgement(
            claim, point.setting, e.alpha if e else math.nan, e.interval if e else NOTHING,
            point.prediction, point.verdict or UNDECIDED, point.doubts, point.advice,
            more={"relation": e.relation if e else OPEN}, evidence=point, kind="exponents",
        )  # fmt: skip


def measured(question: StudyResults) -> tuple[Measured, ...]:
    """The exponents of all settings as no claim changes them: each scan is fitted once."""
    return tuple(_measured(question, one) for one in question.stored)


def _measured(question: StudyResults, one: SettingRuns) -> Measured:
    study, cells, done = question.study, one.cells, one.done
    runs, evidence = _runs(one), _evidence(study, one)
    values = question.reading(one)
    found = {}
    if values.x.size:
        change = evidence.convergence
        scan = scan_of(study, values, [run for run, _ in done])
        claims = [claim for claim in study.claims if claim.quantity == ALPHA.name]
        asked = [declared(study, claim) for claim in claims] or [declared(study, None)]
        for omega, count in dict.fromkeys(asked):
            found[omega, count] = estimate(
                scan, law=study.law, correction=change.correction if change else None,
                replicates=question.replicates, omega=omega, count=count, level=study.level,
                drawn=cells.scan[0][0].task.random,
            )  # fmt: skip
    return Measured(
        one.setting, cells.scan[0][0], done, values, found, runs, evidence,
        (*_doubts(study, one, runs, evidence.convergence), *values.doubts),
    )  # fmt: skip


def judged(study: Regime, one: Measured, claim: Claim | None) -> ExponentResult:
    """Judge an estimate by a claim: the one place where the two meet."""
    run, found = one.run, None
    known = premises(study, one.done, claim) if claim else ()
    doubts = (*one.doubts, *known)
    of = (run.task, run.student)
    prediction = study.predicted(*of, claim.formula, claim.size) if claim else math.nan
    likely = study.prediction_range(*of, claim.formula, claim.size) if claim else ()
    estimated = one.estimates.get(declared(study, claim))
    if estimated and claim:
        found = _by(claim, estimated, prediction, likely, one.evidence, doubts)
    elif estimated:
        found = judge(estimated, doubts=doubts)
    return ExponentResult(
        setting=one.setting, prediction=prediction, exponent=found, likely=likely,
        verdict=((found.verdict if found else None) or UNDECIDED) if claim else None,
        doubts=found.doubts if found else doubts or (
            (Doubt.EXCESS_UNRESOLVED if one.runs.done else Doubt.UNFINISHED,) if claim else ()
        ),
        advice=found.advice if found else _why_nothing(one.runs),
        rivals=_rivals(study, claim, run, found) if claim else (), runs=one.runs,
        fitted=_fitted(one.values, study.order(run.task, run.student)),
        evidence=one.evidence, claim=claim,
    )  # fmt: skip


def _by(
    claim: Claim, found: ExponentEstimate, prediction: float, likely: Sequence[float],
    evidence: ScanEvidence, doubts: Sequence[str],
) -> Exponent:  # fmt: skip
    """An estimate judged by a claim; doubted where another descent or other first weights change
    it, and where what is `likely` to be predicted as well would have another verdict."""
    doubts = [*doubts, *(v.doubt for v in evidence.variations
                         if v.matters(found.alpha, claim.tolerance))]  # fmt: skip

    def against(by: float, *more: Doubt) -> Exponent:
        return judge(
            found, prediction=by, sense=claim.sense, tolerance=claim.tolerance, over=claim.over,
            delta=claim.delta, both=claim.size not in (None, SOURCES), doubts=[*doubts, *more],
        )  # fmt: skip

    one = against(prediction)
    others = [against(other) for other in likely]
    if any(other.verdict != one.verdict or _side(other) != _side(one) for other in others):
        return against(prediction, Doubt.DIMENSION)
    same = all(other.relation == one.relation for other in others)
    return one if same else replace(one, relation=OPEN)


def _side(e: Exponent) -> bool | None:
    """True if an exponent that contradicts lies above the prediction; None of others."""
    assert e.prediction is not None
    return e.alpha > e.prediction if e.verdict == CONTRADICTS else None


def _evidence(study: Regime, one: SettingRuns) -> ScanEvidence:
    budgets = pairs(study, one.cells, "budget")
    varied: dict = {}
    for role in ("slower", "rate", "weights"):
        varied |= pairs(study, one.cells, role)
    return ScanEvidence(
        convergence({factor: some for (_, factor), some in budgets.items()}),
        variations(varied),
        sentences(study, one.done),
    )


def _runs(one: SettingRuns) -> RunStates:
    found = [row.status if row else "missing" for _, row in one.cells.scan]
    return RunStates(
        planned=len(found),
        **{status: found.count(status) for status in ("done", "diverged", "failed", "missing")},
        budget=one.cells.budget,
        conditioning=_conditioning([row for _, row in one.done]),
    )


def _conditioning(rows: list[Row]) -> tuple[float, float] | None:
    known = [row.details for row in rows if "condition" in row.details]
    if not known:
        return None
    return max(d["condition"] for d in known), max(d["jitter"] for d in known)


def doubts_of_runs(study: Regime, one: SettingRuns, among: Collection[Doubt]) -> tuple[Doubt, ...]:
    """Those `among` the doubts that the state of the runs and the design give a setting, whatever
    is claimed."""
    every = _doubts(study, one, _runs(one), _evidence(study, one).convergence)
    return tuple(doubt for doubt in every if doubt in among)


def _doubts(
    study: Regime, one: SettingRuns, runs: RunStates, change: Convergence | None
) -> list[Doubt]:
    """Doubts that the state of the runs and the design give, before anything is fitted."""
    cells = one.cells
    condition, jitter = runs.conditioning or (1.0, 0.0)
    holds = {
        Doubt.SATURATED: study.has_size_counts and _saturated(cells),
        Doubt.UNCHECKED: study.trained
        and (change is None or not _checked(cells))
        and not at_optimum(study, one.done),
        Doubt.POOL_LIMITED: pool_limited(cells),
        Doubt.ONE_POOL: dependent([run for run, _ in cells.scan]),
        Doubt.ILL_CONDITIONED: jitter > 0 or condition > ILL_CONDITIONED,
    }
    return [*one.lacking, *(doubt for doubt, there in holds.items() if there)]


def at_optimum(study: Regime, done: Done) -> bool:
    """True if the losses are so near to an exact optimum that no more training could change α by
    half of the tolerance: this replaces training with other budgets."""
    at = references(study, done)
    room = left_to_train(at)
    if room is None or len({study.x(run) for run, _ in done}) > len(at):
        return False
    slope = -np.polyfit(np.log([e.x for e in at]), np.log([e.value * e.ratio for e in at]), 1)[0]
    tolerance = study.prediction.tolerance if study.prediction else ALPHA.tolerance
    return bool(room <= tolerance / 2 * abs(slope))


def _saturated(cells: CellRuns) -> bool:
    """True if a student has as many parameters as its teacher."""
    return any(saturates(run.task, run.student) for run, _ in cells.scan)


UNSCORED = 0.05
"""Share of the last half of the labels that a rule had no score for, beyond which the candidates
that it prefers are used up."""


def pool_limited(cells: CellRuns) -> bool:
    """True if the candidates are too few for what selection can gain, by design or as measured."""
    chosen = [(run, row) for run, row in cells.scan if run.task.selection]
    return any(
        run.task.selection.limited(run.size or 0)
        or (row is not None and (row.details or {}).get("unscored", 0.0) > UNSCORED)
        for run, row in chosen if run.task.selection
    )  # fmt: skip


def _checked(cells: CellRuns) -> bool:
    """True if every run that other budgets and slower descents were to check is done."""
    rows = [row for (role, _), some in cells.checks.items() if role in CHECKS
            for *_, row in some]  # fmt: skip
    rows += [row for some in cells.limits.values() for _, row in some]
    return all(row is not None and row.status == "done" for row in rows)


def _fitted(values: Values, order: int) -> Fitted:
    columns = (values.x, values.value, values.teacher, values.seed)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return Fitted(tuple(rows), values.unit, order)


def _rivals(study: Regime, claim: Claim, run: Run, found: Exponent | None) -> tuple[Rival, ...]:
    rivals = []
    for formula in claim.rivals:
        value = study.predicted(run.task, run.student, formula, claim.size)
        fate = None
        if found is not None and found.status in USABLE:
            fate = survives(found.interval, value, claim.tolerance, found.doubts, claim.over)
        rivals.append(Rival(parse(formula).text, value, fate))
    return tuple(rivals)


def _why_nothing(runs: RunStates) -> str:
    """The remedy where nothing could be fitted."""
    if runs.done:
        remedy = Doubt.REFERENCE_NOT_CONVERGED.remedy
        return f"no mean excess over the limit is positive: {remedy}, or take more repetitions."
    if runs.diverged + runs.failed == runs.planned:
        worst = "diverged" if runs.diverged >= runs.failed else "failed"
        return f"all {runs.planned} runs {worst}: lower training.rate, or look at `lab status`."
    return f"no run of the scan has finished yet, {runs.missing} are left: run the study."


# ---- units out of one pool -----------------------------------------------------------------------
#
# Training sets of D points out of a pool of n share a fraction f = D/n of their points, and all are
# tested on one set. The scatter between orders is therefore less than that between pools, the more
# so the larger f. Measured with five orders and no label noise (`benchmarks/one_pool.py`, 100
# worlds, two errors .04): the quoted interval, the longest of three, holds the truth as often as
# with independent pools up to f = ½, and less often beyond. There the doubt is `one-pool`; and of
# networks of several sizes on the whole pool always.


def share_of_pool(runs: Sequence[Run]) -> float | None:
    """The share of the pool in the largest training set; None where there is no pool."""
    task = runs[0].task
    if not isinstance(task, UserDataSpec):
        return None
    return max(run.size or 0 for run in runs) / task.facts.pool


def dependent(runs: Sequence[Run]) -> bool:
    """True if the units share too much for their scatter to be the error of the exponent."""
    return (share_of_pool(runs) or 0.0) > MOST_SHARED


def pool_paragraphs(runs: Sequence[Run]) -> tuple[str, ...]:
    """Paragraphs of a report on the data, and on the units."""
    part = share_of_pool(runs)
    if part is None:
        return ()
    units = len({run.task.teacher for run in runs})
    less, than = ("less", "than") if part > MOST_SHARED else ("as", "as")
    because = "more than half" if part > MOST_SHARED else "at most half"
    return (
        " ".join(runs[0].task.notes),
        f"In the place of teachers stand {units} random orders of one pool, with one test set. The "
        f"largest training set takes {part:.0%} of the pool, {because}: simulated intervals hold "
        f"the truth {less} often {than} with "
        "independent pools.",
    )


# ---- advice and its price ------------------------------------------------------------------------
#
# The cheapest remedy of an undecided exponent, in this order: runs that are missing; longer
# training, where training is in doubt or the reading with unlimited training is the one that
# differs; more teachers, where an interval crosses an edge. An error falls with the root of the
# number of teachers K, so that an interval f times too wide takes f² K of them. Their price is that
# of the clock (`lab.execution.plan`) on one core, for the runs that the command adds, corrected by
# what the store has measured; of longer training it is that of every budget up to the last. Where
# none of these would do, the line says so and names what is in doubt. No other range of x is
# offered, for its exponent would be another one, nor two remedies, which may contradict each other.


NOT_DECIDED = "nothing of this design decides it"
RUNS = (Doubt.FAILED, Doubt.UNFINISHED)
TRAINING = (Doubt.UNDER_TRAINED, Doubt.BUDGET_FLATTENS)


def priced(question: StudyResults, point: ExponentResult) -> str:
    """The advice of a point: empty where it is decided, one line else."""
    e, claim = point.exponent, point.claim
    if point.verdict != verdict.UNDECIDED or e is None or claim is None or e.status not in USABLE:
        return point.advice
    found = known(point.doubts)
    beyond = () if claim.over == verdict.LIMIT else (Direction.BEYOND,)
    forbids = [d for d in found if d.direction not in (Direction.HELD, *beyond)]
    if forbids:
        return _removed(question, forbids)
    if Doubt.NOT_YET_ASYMPTOTIC in found:
        doubt = Doubt.NOT_YET_ASYMPTOTIC
        return f"{NOT_DECIDED}: {doubt.meaning}; {doubt.remedy}."
    if Doubt.READINGS_DIFFER in found:
        return _agreed(question, e)
    return _narrowed(question, e)


def _removed(question: StudyResults, forbids: list[Doubt]) -> str:
    """The first of the doubts to remove: missing runs, then training, then the design."""
    first = min(forbids, key=lambda d: 0 if d in RUNS else 1 if d in TRAINING else 2)
    how = ""
    if first in RUNS:
        how = f"{_most(question, _missing)}: {_command(question)}"
    elif first in TRAINING:
        how = _longer(question)
    elif first is Doubt.ONE_TEACHER:
        how = f"{_price(question, 4)}: {_command(question, 4)}"
    rest = [d for d in forbids if d not in (*RUNS, *TRAINING)]
    if first not in RUNS and rest and len(forbids) > 1:
        return f"{NOT_DECIDED}: {', '.join(d.words for d in rest)}; first {first.remedy}{how}."
    return f"{first.remedy}{how}."


def _agreed(question: StudyResults, e: Exponent) -> str:
    """Sentence about the reading that can be brought to the others, of those that differ."""
    trained = next((one for one in e.readings if one.name == TRAINED), None)
    assert e.prediction is not None
    low, high = verdict.allowed(e.prediction, e.sense, e.tolerance)
    measured = low <= e.alpha <= high
    if trained and trained.asked and measured != (low <= trained.alpha <= high):
        return f"train longer{_longer(question)}."
    return f"{NOT_DECIDED}: {Doubt.READINGS_DIFFER.meaning}; start the scan at larger x."


def _narrowed(question: StudyResults, e: Exponent) -> str:
    """The teachers that narrow the widest of the readings that are asked, and their price."""
    assert e.prediction is not None
    edges = [v for v in verdict.allowed(e.prediction, e.sense, e.tolerance) if math.isfinite(v)]
    asked = [one.asked for one in e.readings if one.asked is not None]
    room = {ends: min(abs(sum(ends) / 2 - edge) for edge in edges) for ends in asked}
    lo, hi = max(asked, key=lambda ends: (ends[1] - ends[0]) / max(room[ends], 1e-12))
    half, need = (hi - lo) / 2, room[lo, hi]
    wide = half / max(need, 1e-12)
    close = f"±{half:.2g} where ±{need:.2g} is needed"
    study, K = question.study, question.study.task.count
    random = any(task.random for task in study.tasks(1))
    if not random or K < 2 or K * wide**2 > verdict.MOST_TEACHERS:
        return f"{NOT_DECIDED}: {close}."
    count = max(math.ceil(K * wide**2), K + 1)
    more = f"{count - K} more teacher{'s' * (count - K > 1)}{_price(question, count)}"
    return f"{more}: {_command(question, count)} ({close})."


def _command(question: StudyResults, count: int | None = None) -> str:
    """The command that trains what is missing, with the overrides of now; count: of teachers."""
    origin, key = question.origin, question.study.task.counted
    more = [f"{question.place}{key}={count}"] if count else []
    own = [one for one in origin.overrides if not (more and one.partition("=")[0] in more[0])]
    return shlex.join(["lab", *replace(origin, overrides=(*own, *more)).command("run")])


def _price(question: StudyResults, count: int) -> str:
    """The time of the runs of the teachers beyond the study's own, comma first."""
    if not isinstance(question.study.task, Task):
        return ""
    (each,) = question.once(_teacher)
    more = count - question.study.task.count
    return f", {duration(max(more * each, 1.0))} on one core"


def _longer(question: StudyResults) -> str:
    """The command that trains longer, after its price at most: every budget of every x."""
    return f"{_most(question, _budgets)}: {_command(question)} --until-converged"


def _most(question: StudyResults, seconds: Callable[[StudyResults], tuple[float]]) -> str:
    (most,) = question.once(seconds)
    return f", at most {duration(max(most, 1.0))} on one core" if most else ""


def _missing(question: StudyResults) -> tuple[float]:
    """Seconds of the planned runs that are not stored."""
    return _seconds(question, question.study.plan)


def _budgets(question: StudyResults) -> tuple[float]:
    """Seconds of the runs at raised budgets that are not stored."""
    return _seconds(question, budgets.every(question.study))


def _seconds(question: StudyResults, planned: Iterable[Planned]) -> tuple[float]:
    states, measured = question.store.spent()
    rest = plan.left(planned, states).missing
    pace = plan.measured_pace(question.study.plan, measured) or 1.0
    return (plan.cost(plan.groups(rest), correction=pace).seconds,)


def _teacher(question: StudyResults) -> tuple[float]:
    """Seconds of the runs of one more teacher: the clock's, times measured over modelled seconds of
    what is stored, where anything was measured."""
    study: Regime = question.study
    pace = plan.measured_pace(study.plan, question.store.spent()[1]) or 1.0
    K = study.task.count
    runs = [run for run in study.looked(K + 1, study.level).runs() if run.task.teacher == K]
    return (plan.cost(plan.groups(runs), correction=pace).seconds,)
