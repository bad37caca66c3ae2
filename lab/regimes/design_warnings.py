"""Doubts and power of a design, known before anything is trained.

    few-sizes, few-decades    of the x of its scans
    one-teacher               of its teachers
    saturated                 students of as many parameters as their teacher
    unchecked                 no repetition of a scan with another budget
    coarse                    local students with few points per dimension
    rough-target              a prediction about smoother targets
    one-pool                  training sets that take more than half of a pool of given data

The power is P(agrees) were the prediction true: with K teachers, σ² the variance of one
teacher's slope (`scatter`), z normal and s² of χ²_{K−1}/(K−1),

    P(|z| σ/√K + t_{K−1} s σ/√K ≤ τ),

the bound's one edge alone. It knows neither doubts nor bends; `lab calibrate` simulates both.

What losses show is doubted later, by `lab.scaling.judge`; what runs show, by `lab.findings`. No
JAX: `lab check` tells these.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lab.data.user_data import MOST_SHARED, AnyTask, UserDataSpec
from lab.kinds.student import STUDENTS
from lab.regimes.quantity import ALPHA
from lab.regimes.regime import Regime, saturates
from lab.scaling.judge.verdict import Doubt
from lab.spec import Run
from lab.theory import REFERENCE, RESOLUTION, rough

FEWEST = 5
"""Sizes that can show a bend."""
DECADE = 10.0 * (1 - 1e-9)
"""Ratio of the largest x to the smallest."""
PER_DIMENSION = 8
"""Points per dimension below which a local student is coarse; see `lab.findings.premises`."""


DRAWS = 4000


class AssumedScatter(NamedTuple):
    """Assumed standard deviations: of log loss between seeds, of α, relative, between teachers."""

    noise: float
    spread: float


def scatter(study: Regime) -> AssumedScatter:
    """Assumed scatter where nothing was measured: exact students scatter less than networks."""
    return AssumedScatter(0.15, 0.1) if study.trained else AssumedScatter(0.03, 0.02)


def power(study: Regime) -> tuple[float, float] | None:
    """The least and the largest P(agrees) over the settings were the prediction true; None where no
    exponent is claimed, a floor is fitted, or teachers are fewer than two."""
    claim = study.prediction
    if claim is None or study.law != "power" or study.task.count < 2:
        return None
    scans = {tuple(scan): None for scan in _scans(study, [*study.tasks(1)]) if len(scan) > 2}
    predicted = {
        study.predicted(task, one, size=claim.size)
        for task in study.tasks(1)
        for one in study.students()
    }
    if not scans or min(predicted) <= 0:
        return None
    K, (noise, spread) = study.task.count, scatter(study)
    seeds = 1 if study.averages_repeats else study.repetitions
    rng = np.random.default_rng(0)
    z = rng.standard_normal(DRAWS)
    s = np.sqrt(rng.chisquare(K - 1, DRAWS) / (K - 1))
    found = []
    for x, alpha in itertools.product(scans, {min(predicted), max(predicted)}):
        u = np.log(np.array(x, float))
        own = noise / alpha / math.sqrt(seeds * ((u - u.mean()) ** 2).sum())
        error = math.hypot(spread, own) / math.sqrt(K)
        half = _quantile(K - 1) * s * error
        low = z * error - half >= -claim.tolerance
        high = z * error + half <= claim.tolerance
        found.append(float(np.mean(low if claim.sense == "bound" else low & high)))
    return min(found), max(found)


def _quantile(dof: int) -> float:
    """Student's t at .975 by bisection of its distribution, a finite series in θ = atan(t/√ν)
    (Abramowitz and Stegun 26.7.3, 26.7.4)."""
    low, high = 0.0, 13.0
    for _ in range(60):
        t = (low + high) / 2
        low, high = (t, high) if _within(t, dof) < 0.95 else (low, t)
    return (low + high) / 2


def _within(t: float, dof: int) -> float:
    """P(|T| ≤ t)."""
    theta = math.atan(t / math.sqrt(dof))
    term = math.cos(theta) if dof % 2 else 1.0
    total = term if dof > 1 else 0.0
    for i in range(3 if dof % 2 else 2, dof - 1, 2):
        term *= math.cos(theta) ** 2 * (i - 1) / i
        total += term
    if dof % 2:
        return 2 / math.pi * (theta + math.sin(theta) * total)
    return math.sin(theta) * total


@dataclass(frozen=True)
class DesignWarning:
    """A doubt that the runs cannot remove, and where it comes from, with numbers."""

    doubt: Doubt
    because: str

    def __str__(self) -> str:
        return f"{self.doubt}: {self.because}; {self.doubt.remedy}."


def warnings_of(study: Regime) -> tuple[DesignWarning, ...]:
    """The doubts of one scan, each once, with the setting where it is worst; none of a regime that
    asks for no exponent."""
    return tuple(_warnings(study))


def _warnings(study: Regime) -> Iterator[DesignWarning]:
    if "exponents" not in study.findings:
        return
    x, tasks = study.axis.symbol, [*study.tasks(1)]
    scans = _scans(study, tasks)
    shortest = min(scans, key=lambda scan: scan[-1] / scan[0])
    fewest = min(map(len, scans))
    if fewest < FEWEST:
        yield DesignWarning(Doubt.FEW_SIZES, f"{fewest} {x} are scanned")
    if shortest[-1] < DECADE * shortest[0]:
        decades = math.log10(shortest[-1] / shortest[0])
        yield DesignWarning(
            Doubt.FEW_DECADES,
            f"{x} goes from {shortest[0]} to {shortest[-1]}, {decades:.2f} of a decade",
        )
    if study.task.count == 1 and any(task.random for task in tasks):
        yield DesignWarning(Doubt.ONE_TEACHER, f"{study.task.counted} is 1")
    if study.trained and not (study.checked and study.budgets) and not _optima(study, tasks):
        yield DesignWarning(
            Doubt.UNCHECKED, "evidence.share is 0, no run is repeated with more steps"
        )
    yield from _one_pool(study, tasks)
    if study.has_size_counts:
        yield from _saturated(study, tasks)
    if study.student.local:
        yield from _coarse(study, tasks)
    yield from _rough(study, tasks)


def worked_out(study: Regime) -> Iterator[str]:
    """Sentences on the predictions that a study works out for itself: their values, and what these
    rest on."""
    texts = {claim.text for claim in study.claims if claim.quantity == ALPHA.name}
    students = {STUDENTS[s.kind].same_but_size(s): s for s in study.students()}
    values: dict[str, list[str]] = defaultdict(list)
    for task, student in itertools.product(study.tasks(1), students.values()):
        at = " at " + ", ".join([f"d = {task.dim}", *_varied(study, task)])
        if RESOLUTION in texts:
            found = study.resolved(task, student)
            values[f"the resolution exponent is {found.formula}, {found.rests}"].append(
                f"{found.value:.3g}{at}"
            )
        known = study.reference(task, student) if REFERENCE in texts else None
        if known and known.slope:
            what = f"the slope of the reference ({known.source}, to {known.error:.0e}) over these "
            values[what + study.axis.symbol].append(f"{known.slope:.3g}{at}")
    yield from (f"{what}: {'; '.join(each)}." for what, each in values.items())


def _varied(study: Regime, task: AnyTask) -> Iterator[str]:
    """Properties of the target that the grid varies, beside its dimension."""
    every = [other.settings() for other in study.tasks(1)]
    for name, value in task.settings().items():
        if len({str(one.get(name)) for one in every}) > 1:
            yield f"{name.removeprefix('teacher.')} {value}"


def _optima(study: Regime, tasks: list[AnyTask]) -> bool:
    """True if an exact optimum is known of every scan, so that the gap to it may replace training
    with other budgets."""
    student = next(iter(study.students()))
    found = [study.reference(task, student) for task in tasks]
    return all(one is not None and one.optimum for one in found)


def _scans(study: Regime, tasks: list[AnyTask]) -> list[list[int]]:
    """The x of every scan of the grid, in ascending order."""
    found: dict[object, set[int]] = {}
    unlike = {(task.manifold, task.D_amb, task.outputs): task for task in tasks}
    for task in unlike.values():
        for student in study.students():
            for D in study.sizes:
                run = Run(task, student, study.recipe, D, 0, study.seed, study.learner)
                found.setdefault(study.setting(run), set()).add(study.x(run))
    return [sorted(some) for some in found.values()]


def _one_pool(study: Regime, tasks: list[AnyTask]) -> Iterator[DesignWarning]:
    """Training sets whose random orders share most of their points."""
    task = tasks[0]
    if not isinstance(task, UserDataSpec):
        return
    pool = task.facts.pool
    largest = max(D or pool for D in study.sizes)
    if largest > MOST_SHARED * pool:
        yield DesignWarning(
            Doubt.ONE_POOL,
            f"the largest training set takes {largest} of the {pool} points of the pool",
        )


def _saturated(study: Regime, tasks: list[AnyTask]) -> Iterator[DesignWarning]:
    for task in tasks:
        large = next((s for s in study.students() if saturates(task, s)), None)
        if large:
            N = large.parameters(task.D_amb, task.outputs)
            yield DesignWarning(
                Doubt.SATURATED,
                f"a student of {list(large.widths)} has {N} parameters at d = {task.dim}, its "
                f"teacher of {list(task.teacher_widths)} has {task.teacher_parameters}",
            )
            return


def _rough(study: Regime, tasks: list[AnyTask]) -> Iterator[DesignWarning]:
    """The first claim whose formula is about smoother targets than the study has."""
    for claim in study.claims:
        if claim.quantity != ALPHA.name:
            continue
        task = next((t for t in tasks if rough(claim.text, t.smoothness)), None)
        if task:
            yield DesignWarning(
                Doubt.ROUGH_TARGET,
                f"{claim.text} is about targets of smoothness 2 and more, and that of these is "
                f"{task.smoothness:g}",
            )
            return


def _coarse(study: Regime, tasks: list[AnyTask]) -> Iterator[DesignWarning]:
    largest, d = max(D or 0 for D in study.sizes), max(task.input_dim for task in tasks)
    points = largest ** (1 / d)
    if largest < PER_DIMENSION**d:
        yield DesignWarning(
            Doubt.COARSE, f"D = {largest} is {points:.1f} points per dimension at d = {d}"
        )
