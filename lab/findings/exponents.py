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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lab.execution.budgets import CHECKS
from lab.execution.store import Row
from lab.findings.cells import Cells, pairs, scan_of
from lab.findings.claims import NOTHING, Judgement
from lab.findings.convergence import Convergence, convergence, variations
from lab.findings.point import Evidence, Fitted, Point, Rival, Runs
from lab.findings.pools import dependent
from lab.findings.premises import premises, sentences
from lab.findings.price import priced
from lab.findings.question import Question, Stored
from lab.findings.setting import Setting
from lab.regimes.cell import Values
from lab.regimes.foresight import saturates
from lab.regimes.quantity import ALPHA
from lab.regimes.regime import Regime
from lab.scaling import Exponent
from lab.scaling.judge.doubts import Doubt
from lab.scaling.judge.exponent import judge
from lab.scaling.judge.verdict import CONTRADICTS, OPEN, UNDECIDED, survives
from lab.scaling.scans.estimate import Estimate, estimate
from lab.scaling.scans.estimates import USABLE
from lab.spec import Run
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
    named = claim.size if claim and study.counted else None
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
    estimates: Mapping[Declared, Estimate]
    runs: Runs
    evidence: Evidence
    doubts: tuple[Doubt | str, ...]


def exponents(question: Question) -> tuple[Point, ...]:
    """One point per setting, in the order of the grid, judged by the first claim about α; estimated
    alone where the study makes none."""
    claim = question.study.prediction
    return tuple(_advised(question, one, claim) for one in question.once(measured))


def _advised(question: Question, one: Measured, claim: Claim | None) -> Point:
    point = judged(question.study, one, claim)
    return replace(point, advice=priced(question, point))


def claimed(question: Question, claim: Claim) -> Iterator[Judgement]:
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


def measured(question: Question) -> tuple[Measured, ...]:
    """The exponents of all settings as no claim changes them: each scan is fitted once."""
    return tuple(_measured(question, one) for one in question.stored)


def _measured(question: Question, one: Stored) -> Measured:
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
        (*_doubts(study, cells, runs, evidence.convergence), *values.doubts),
    )  # fmt: skip


def judged(study: Regime, one: Measured, claim: Claim | None) -> Point:
    """What an estimate says of a claim: the one place where the two meet."""
    run, found = one.run, None
    known = premises(study, one.done, claim) if claim else ()
    doubts = (*one.doubts, *known)
    of = (run.task, run.student)
    prediction = study.predicted(*of, claim.formula, claim.size) if claim else math.nan
    likely = study.likely(*of, claim.formula, claim.size) if claim else ()
    estimated = one.estimates.get(declared(study, claim))
    if estimated and claim:
        found = _by(claim, estimated, prediction, likely, one.evidence, doubts)
    elif estimated:
        found = judge(estimated, doubts=doubts)
    return Point(
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
    claim: Claim, found: Estimate, prediction: float, likely: Sequence[float],
    evidence: Evidence, doubts: Sequence[str],
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
    """Of an exponent that contradicts, whether it lies above what was predicted."""
    assert e.prediction is not None
    return e.alpha > e.prediction if e.verdict == CONTRADICTS else None


def _evidence(study: Regime, one: Stored) -> Evidence:
    budgets = pairs(study, one.cells, "budget")
    varied: dict = {}
    for role in ("slower", "rate", "weights"):
        varied |= pairs(study, one.cells, role)
    return Evidence(
        convergence({factor: some for (_, factor), some in budgets.items()}),
        variations(varied),
        sentences(study, one.done),
    )


def _runs(one: Stored) -> Runs:
    found = [row.status if row else "missing" for _, row in one.cells.scan]
    return Runs(
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


def doubts_of_runs(study: Regime, one: Stored) -> list[Doubt]:
    """Doubts that the state of the runs and the design give a setting, whatever is claimed."""
    return _doubts(study, one.cells, _runs(one), _evidence(study, one).convergence)


def _doubts(study: Regime, cells: Cells, runs: Runs, change: Convergence | None) -> list[Doubt]:
    """Doubts that the state of the runs and the design give, before anything is fitted."""
    condition, jitter = runs.conditioning or (1.0, 0.0)
    holds = {
        Doubt.DIVERGED: runs.diverged > 0,
        Doubt.FAILED: runs.failed > 0,
        Doubt.UNFINISHED: runs.missing > 0,
        Doubt.SATURATED: study.counted and _saturated(cells),
        Doubt.UNCHECKED: study.trained and (change is None or not _checked(cells)),
        Doubt.ONE_POOL: dependent([run for run, _ in cells.scan]),
        Doubt.ILL_CONDITIONED: jitter > 0 or condition > ILL_CONDITIONED,
    }
    return [doubt for doubt, there in holds.items() if there]


def _saturated(cells: Cells) -> bool:
    """Whether a student has as many parameters as its teacher."""
    return any(saturates(run.task, run.student) for run, _ in cells.scan)


def _checked(cells: Cells) -> bool:
    """Whether every run that other budgets and slower descents were to check is done."""
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
            own = [doubt for doubt in found.doubts if doubt is not Doubt.ROUGH_TARGET]
            fate = survives(found.interval, value, claim.tolerance, own, claim.over)
        rivals.append(Rival(parse(formula).text, value, fate))
    return tuple(rivals)


def _why_nothing(runs: Runs) -> str:
    """What to do where nothing could be fitted."""
    if runs.done:
        remedy = Doubt.REFERENCE_NOT_CONVERGED.remedy
        return f"no mean excess over the limit is positive: {remedy}, or take more repetitions."
    if runs.diverged + runs.failed == runs.planned:
        worst = "diverged" if runs.diverged >= runs.failed else "failed"
        return f"all {runs.planned} runs {worst}: lower training.rate, or look at `lab status`."
    return f"no run of the scan has finished yet, {runs.missing} are left: run the study."
