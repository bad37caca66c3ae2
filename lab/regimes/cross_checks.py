"""Checks of the tables of any study against each other: each mistake a sentence with its remedy.

What one table can get wrong alone is refused where it is defined, in `lab.tables` and `lab.kinds`;
what only one regime can get wrong, there.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from lab import theory
from lab.grids import combinations, said
from lab.kinds.student import STUDENTS
from lab.mistakes import unknown
from lab.regimes import axes
from lab.regimes.quantity import ALPHA, Quantity
from lab.spec import NO_TRAINING, Run
from lab.tables.prediction import ClaimTable

if TYPE_CHECKING:
    from lab.regimes.quantity import ClaimingStudy

MOST_RUNS = 10_000_000
"""Runs of a scan: a store of as many rows has some 20 GB."""
MOST_SETTINGS = 100_000
"""Points of a grid besides teachers and seeds: each is trained and told for itself."""


def too_large(study: ClaimingStudy) -> Iterator[str]:
    """Reject a grid that is too large to enumerate, from the product of its lengths."""
    settings, teachers = _settings(study), study.task.count
    if runs(study) > MOST_RUNS:
        yield (
            f"[task]: {many(runs(study))} runs are planned ({many(settings)} settings × "
            f"{many(teachers)} teachers × {many(study.repetitions)} repetitions); the "
            f"limit is {many(MOST_RUNS)}, take a smaller grid, fewer teachers or seeds"
        )
    elif settings > MOST_SETTINGS:
        yield (
            f"[task]: the grid has {many(settings)} settings; the limit is "
            f"{many(MOST_SETTINGS)}, ask fewer questions at once"
        )


def runs(study: ClaimingStudy) -> int:
    """Number of runs in the scan of a regime, its checks and limits aside."""
    return _settings(study) * study.task.count * study.repetitions


def _settings(study: ClaimingStudy) -> int:
    tables = (*study.task.tables, study.student)
    return math.prod(map(combinations, tables)) * len(study.sizes)


def many(number: int) -> str:
    """A number as it may stand in a sentence, its digits in threes."""
    return f"{number:,}".replace(",", " ") if number < 10**15 else f"{number:.3g}"


def mistakes(study: ClaimingStudy) -> Iterator[str]:
    """Every mistake of a regime (`lab.regimes.regime.Regime`), as `table.key: sentence`."""
    rules = (
        _of_data, _of_student, _of_embedding, _of_sizes, _of_equal_x, _of_claims, _of_formulas
    )  # fmt: skip
    for rule in rules:
        yield from said(functools.partial(rule, study))


def _of_data(study: ClaimingStudy) -> Iterator[str]:
    """A limited number of data where there is no end to them."""
    if study.task.n_available is not None and not study.accepts_finite_data:
        yield (
            f"task.data: {study.regime} draws points without limit, and data have a number; take "
            "regime = \"resolution-data\" or \"resolution-width\""
        )


def _of_student(study: ClaimingStudy) -> Iterator[str]:
    """Mistakes of the student together with other tables."""
    yield from study.student.mistakes(study)
    only = study.task.solved_by
    if only and study.student.kind != only:
        yield (
            f"task.teacher: {study.task.teacher_kind} targets are for students of kind {only}; "
            f"take student.kind = \"{only}\", or a teacher of another kind"
        )
    elif study.student.trained and not study.task.descends:
        kind = study.task.teacher_kind
        yield f"task.teacher: {kind} targets are for exact students, not networks"


def _of_embedding(study: ClaimingStudy) -> Iterator[str]:
    """Too few coordinates for the manifold."""
    for task in study.tasks(teachers=1):
        if task.D_amb < task.chart:
            yield (
                f"task.embedding.ambient: {task.D_amb} coordinates cannot hold a manifold of "
                f"d = {task.dim} that needs {task.chart}; take ambient ≥ {task.chart}"
            )


def _of_sizes(study: ClaimingStudy) -> Iterator[str]:
    """Training sets that the teacher does not give, or the student does not take."""
    sizes = [D for D in study.sizes if D]
    yield from study.task.mistakes(sizes)
    students = [*study.students()]
    refusals = (
        study.student.refusals(student, D=D, D_amb=D_amb)
        for D_amb in dict.fromkeys(task.D_amb for task in study.tasks(teachers=1))
        for student in students
        for D in sizes
    )
    yield from (f"data.sizes: {refusal}" for refusal in dict.fromkeys(refusals) if refusal)


def too_few(field: str, scanned: Collection[Any] | None) -> Iterator[str]:
    """Fewer than three values of what is scanned."""
    n = len(set(scanned or ()))
    if n < 3:
        yield (
            f"{field}: {n} value{'s' if n != 1 else ''} cannot carry an exponent; "
            "give at least three different ones, better six"
        )


def _of_claims(study: ClaimingStudy) -> Iterator[str]:
    """Claims about what the regime cannot answer, and what their quantity does not take."""
    for place, asked, quantity in _claimed(study):
        if quantity is None:
            known = [one.name for one in study.quantities]
            yield (
                f"{place}.quantity: {study.regime} studies do not answer it: "
                f"{unknown('quantity', asked.quantity, known)}"
            )
        else:
            yield from (f"{place}.{mistake}" for mistake in quantity.mistakes(asked))
            yield from (f"{place}.quantity: {why}" for why in quantity.takes(study))
            if asked.omega is not None and quantity is ALPHA and study.law != "power":
                yield f"{place}.omega: corrects a power law, and here it has a floor; leave it out"
            if asked.size is not None and quantity is ALPHA and not study.has_size_counts:
                yield f"{place}.size: only scans over the size of networks count it; leave it out"
            if asked.where and not any(map(quantity.claim(asked).about, _of_settings(study))):
                told = ", ".join(f"{name} = {value}" for name, value in asked.where.items())
                yield f"{place}.where: no setting of the grid has {told}; name one that varies"


def _of_settings(study: ClaimingStudy) -> Iterator[dict[str, Any]]:
    """The values of every setting, by name."""
    for task, student, D in itertools.product(study.tasks(1), study.students(), study.sizes):
        run = Run(task, student, NO_TRAINING, D, 0, 0)
        yield {"d": task.dim, **dict(study.setting(run)[1:])}


def _claimed(study: ClaimingStudy) -> Iterator[tuple[str, ClaimTable, Quantity | None]]:
    """Every claim with its place in the file and its quantity, None if the regime has none."""
    several = len(study.predictions) > 1
    for i, asked in enumerate(study.predictions):
        place = f"prediction.{i}" if several else "prediction"
        try:
            yield place, asked, study.quantity(asked)
        except LookupError:
            yield place, asked, None


def _of_formulas(study: ClaimingStudy) -> Iterator[str]:
    """Formulas without a value; each for itself, as one may be wrong and the next one right."""
    for place, asked, quantity in _claimed(study):
        if quantity is None or not quantity.key:
            continue
        formula = getattr(asked, quantity.key)
        formula = quantity.default if formula is None else formula
        if formula is not None:
            yield from _of_formula(study, f"{place}.{quantity.key}", quantity, formula)
        for rival in asked.rivals if quantity.rivals else ():
            yield from _of_formula(study, f"{place}.rivals", quantity, rival)


def _of_formula(
    study: ClaimingStudy, place: str, quantity: Quantity, formula: str | float
) -> Iterator[str]:
    """First point of the study where a formula has no positive value."""
    for task, student in itertools.product(study.tasks(teachers=1), study.students()):
        try:
            value = quantity.value(study, task, student, formula)
        except theory.PredictionError as error:
            yield f"{place}: {error}"
            return
        if value <= 0 and not quantity.signed:
            why = "losses that fall have exponents above 0"
            why = why if quantity is ALPHA else f"a claim about {quantity.name} needs it above 0"
            yield (
                f"{place}: '{theory.parse(formula).text}' is {value:.6g} at "
                f"d = {task.dim}, and {why}; predict another formula or leave this point out"
            )
            return


def _of_equal_x(study: ClaimingStudy) -> Iterator[str]:
    """Students that one scan cannot tell apart: of one size where it scans one, else one shape."""
    name = study.axis.symbol if study.axis == axes.HIDDEN else "N"
    told = set()
    for task in {task.D_amb: task for task in study.tasks(teachers=1)}.values():
        seen: dict = {}
        for student in study.students():
            size, bare = None, student
            if study.scans_model_size:
                bare = STUDENTS[student.kind].same_but_size(student)
                size = student.parameters(task.D_amb, task.outputs)
                if study.axis == axes.HIDDEN:
                    size = student.leading(task.D_amb, task.outputs)[0]
            other = seen.setdefault((bare, size), student)
            pair = other.widths, student.widths
            if other is student or pair in told:
                continue
            told.add(pair)
            if other == student:
                yield f"student.widths: {list(pair[0])} is given twice; leave one out"
            else:
                yield (
                    f"student.widths: {list(pair[0])} and {list(pair[1])} both have "
                    f"{name} = {size} at d = {task.dim}, and a scan takes every {name} once; leave "
                    "one out"
                )
