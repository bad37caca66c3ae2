"""What would decide an undecided exponent, and its price: one line, with a command where one does.

Object: of a point that is undecided the cheapest remedy, in this order: runs that are missing;
longer training, where training is in doubt or the reading with unlimited training is the one that
differs; more teachers, where an interval crosses an edge. An error falls with the root of the
number of teachers K, so that an interval f times too wide takes f² K of them. Their price is that
of the clock (`lab.execution.clock`) for the runs of the new teachers on one core, corrected by what
the store has measured. Where none of these would do, the line says so and names what is in doubt.

What it does not do: offer another range of x, for its exponent would be another one; offer two
remedies, which may contradict each other.
"""

from __future__ import annotations

import math
import shlex

from lab.duration import duration
from lab.execution import clock, plan
from lab.findings.point import Point
from lab.findings.question import Question
from lab.regimes.regime import Regime
from lab.scaling import Exponent
from lab.scaling.judge import reading, verdict
from lab.scaling.judge.doubts import Direction, Doubt, known
from lab.scaling.scans.estimates import USABLE
from lab.tables.task import Task

NOTHING = "nothing of this design decides it"
RUNS = (Doubt.FAILED, Doubt.UNFINISHED)
TRAINING = (Doubt.UNDER_TRAINED, Doubt.BUDGET_FLATTENS)


def priced(question: Question, point: Point) -> str:
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
        return f"{NOTHING}: {doubt.meaning}; {doubt.remedy}."
    if Doubt.READINGS_DIFFER in found:
        return _agreed(question, e)
    return _narrowed(question, e)


def _removed(question: Question, forbids: list[Doubt]) -> str:
    """The first of the doubts to remove: missing runs, then training, then the design."""
    first = min(forbids, key=lambda d: 0 if d in RUNS else 1 if d in TRAINING else 2)
    ways = {**dict.fromkeys(RUNS, ""), **dict.fromkeys(TRAINING, " --until-converged")}
    how = f": {_command(question)}{ways[first]}" if first in ways else ""
    if first is Doubt.ONE_TEACHER:
        how = f": {_command(question, 4)}"
    rest = [d for d in forbids if d not in ways]
    if first not in RUNS and rest and len(forbids) > 1:
        return f"{NOTHING}: {', '.join(d.words for d in rest)}; first {first.remedy}{how}."
    return f"{first.remedy}{how}."


def _agreed(question: Question, e: Exponent) -> str:
    """Which of the readings that differ can be brought to the others."""
    trained = next((one for one in e.readings if one.name == reading.TRAINED), None)
    assert e.prediction is not None
    low, high = verdict.allowed(e.prediction, e.sense, e.tolerance)
    measured = low <= e.alpha <= high
    if trained and trained.asked and measured != (low <= trained.alpha <= high):
        return f"train longer: {_command(question)} --until-converged."
    return f"{NOTHING}: {Doubt.READINGS_DIFFER.meaning}; start the scan at larger x."


def _narrowed(question: Question, e: Exponent) -> str:
    """How many more teachers narrow the widest of the readings that are asked, and their price."""
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
        return f"{NOTHING}: {close}."
    count = max(math.ceil(K * wide**2), K + 1)
    more = f"{count - K} more teacher{'s' * (count - K > 1)}{_price(question, count)}"
    return f"{more}: {_command(question, count)} ({close})."


def _command(question: Question, count: int | None = None) -> str:
    """The command that trains what is missing, with the overrides of now; count: of teachers."""
    origin, key = question.origin, question.study.task.counted
    more = [f"{question.place}{key}={count}"] if count else []
    own = [one for one in origin.overrides if not (more and one.partition("=")[0] in more[0])]
    sets = [*own, *more]
    words = ["lab", "run", origin.file or "STUDY", *(w for one in sets for w in ("--set", one))]
    return shlex.join(words)


def _price(question: Question, count: int) -> str:
    """The time of the runs of the teachers beyond the study's own, comma first."""
    if not isinstance(question.study.task, Task):
        return ""
    (each,) = question.once(_teacher)
    more = count - question.study.task.count
    return f", {duration(max(more * each, 1.0))} on one core"


def _teacher(question: Question) -> tuple[float]:
    """Seconds of the runs of one more teacher: the clock's, times measured over modelled seconds of
    what is stored, where anything was measured."""
    study: Regime = question.study
    _, measured = question.store.spent()
    keyed = {p.run: p.run.fingerprint() for p in study.plan} if measured else {}
    spent = {run: measured[key] for run, key in keyed.items() if measured.get(key)}
    model = sum(map(clock.seconds, plan.groups(spent)))
    K = study.task.count
    runs = [run for run in study.looked(K + 1, study.level).runs() if run.task.teacher == K]
    correction = sum(spent.values()) / model if model else 1.0
    return (plan.cost(plan.groups(runs), correction=correction).seconds,)
