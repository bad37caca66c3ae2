"""Solvers: who trains or solves a group of students, what that costs, and the results it leaves.

    DESCENT     what the kind says of a student, the algebra of a whole-problem rule, and 2
                operations per weight for the teacher's labels; what first-order rules do with
                gradients is left out, as usual
    ALGEBRA     what the kind of student says, and drawing a Gaussian field
    BASIN       Hessians of one network on the whole population
    TANGENTS    a network and its mirror image: descent, both functions, the tangent kernel
    ESTIMATING  one search of neighbours for all estimators

A kind of student names its solvers as text ("module:NAME", `lab.kinds.student.Student.solvers`),
and so may a regime (`Run.learner`): one from outside needs no entry in any list, and a worker that
knows the kind knows its solver and the costs. Costs are orders of magnitude with the leading
constants; the store's measured seconds correct them. No JAX here: who solves is text too, imported
when a group is solved.
"""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from lab.data.task import POPULATION, TEST_POINTS, WIDE_TEST_POINTS, TaskSpec
from lab.kinds import load
from lab.kinds.optimisers import OPTIMISERS
from lab.kinds.student import STUDENTS, StudentSpec
from lab.mistakes import StudyError
from lab.spec import Group, Run

SPLITS = ("test", "validation", "train", "population")
"""The sets of points that a loss is taken on."""


class Observation(NamedTuple):
    """A loss that a run left, as the task defines it: at a step, or an exact time, on one of
    SPLITS; seconds are measured from the start of the run, where they are."""

    step: float
    split: str
    loss: float
    seconds: float | None = None


@dataclass(frozen=True)
class Result:
    """Outcome of one run: `loss` as defined by the task, `relative` to the constant student.

    `curve` is (step, relative test loss) at log-spaced steps, `best_step` where `loss` was taken.
    `status` is "done" or "diverged"; a diverged run keeps its curve and has loss nan. `details`
    are further numbers by name: `limit`, the relative loss that an excess is counted from;
    `condition` and `jitter` of the system that an exact student solved. `observations` are the
    losses at the checkpoints of the recipe and at `best_step`, in the order of steps.
    """

    run: Run
    status: str
    loss: float
    relative: float
    best_step: int
    curve: tuple[tuple[int, float], ...]
    details: Mapping[str, float] = field(default_factory=dict)
    observations: tuple[Observation, ...] = ()

    @classmethod
    def of_loss(
        cls, run: Run, loss: float, baseline: float, details: Mapping[str, float]
    ) -> Result:
        """The result of a run that has no steps: its one observation is that of the population
        where the loss is known exactly or the population is a set of points."""
        ok = math.isfinite(loss)
        exact = run.learner == "data" or isinstance(run.task, TaskSpec) and run.task.decays
        seen = (Observation(0, "population" if exact else "test", loss),)
        return cls(run, "done" if ok else "diverged", loss, loss / baseline, 0, (), details, seen)


@dataclass(frozen=True)
class Failed:
    """A run of which no result came; `error` is the traceback of what went wrong."""

    run: Run
    error: str
    status: str = "failed"


Tick = Callable[[int], None]
"""Progress callback: student-steps that are done; an exact student is one step, and 0 stands for
a part of a step that takes long. An exception that it raises abandons the group."""

CHUNK_STEPS = 200
EVALUATED = 2_000
TEST_NUMBERS = 24_000
NEWTON_STEPS = 10
"""Steps of a network from the population optimum to that of its data."""
WIDE_BLOCK = 250
"""Test points of a wide network evaluated at once, `lab.students.tangent.BLOCK`."""
DIMENSION = 2_000
"""Operations that take as long as a pair of points of which the dimension is measured (0.5 s of
5000 points)."""
ACTIVATION = 1_400
"""Operations that take as long as erf of one float64 in and out of memory (measured: 14 ns)."""


Learner = Callable[[Run], Result]
"""Trains one of the runs that it was made for."""


@dataclass(frozen=True)
class Solver:
    """One way to train or solve the students of a group.

    Attributes:
        solve: "module:function" of (group, tick) that gives the results in the order of
            `group.runs()`. A failing exact student does not stop the others;
            networks train together, and fail together.
        flops: operations of a group.
        memory: bytes of a group at its peak.
        compiled: whether a program is compiled for each shape; students that learn one after the
            other have none, and stay together.
    """

    solve: str
    flops: Callable[[Group], float]
    memory: Callable[[Group], float]
    compiled: bool = False


def named(kind: str, learner: str) -> str:
    """The text that names the solver of a kind of student under a `Run.learner`.

    Raises StudyError where the kind has none.
    """
    known = STUDENTS[kind].solvers
    if learner not in known and ":" not in learner:
        others = ", ".join(map(repr, known)) or "nothing"
        raise StudyError(
            [f"student.kind: a {kind} student has no solver for {learner!r}, only for {others}; "
             "take another regime, or name one in the `solvers` of the kind"]
        )  # fmt: skip
    return str(known.get(learner, learner))


def of(group: Group) -> Solver:
    """The solver of a group. Raises StudyError where there is none of that name."""
    kind = group.shapes[0][0].kind
    name = named(kind, group.learner)
    try:
        solver = load(name)
    except (ImportError, AttributeError) as error:
        raise StudyError([f"student.kind: the solver {name} of {kind} students cannot be imported "
                          f"({error}); name it as module:NAME"]) from None  # fmt: skip
    if not isinstance(solver, Solver):
        raise StudyError([f"student.kind: {name}, the solver of {kind} students, has no costs; "
                          "make it a lab.students.solvers.Solver"])  # fmt: skip
    return solver


def solve(group: Group, *, tick: Tick) -> list[Result | Failed]:
    """Train or solve every student of the group; results in the order of `group.runs()`."""
    return [*load(of(group).solve)(group, tick=tick)]


def one_by_one(
    group: Group,
    learner: Callable[[list[Run]], Learner],
    tick: Tick,
    *,
    alone: bool = True,
) -> list[Result | Failed]:
    """The results of `learner`, made anew for the runs of each task.

    alone: a run that fails is a result, and the others go on; else it ends the group.
    """
    results: dict[Run, Result | Failed] = {}
    for task in group.teachers:
        runs = [run for run in group.runs() if run.task == task]
        learn = learner(runs)
        for run in runs:
            try:
                results[run] = learn(run)
            except (Exception, SystemExit):
                if not alone:
                    raise
                results[run] = Failed(run, traceback.format_exc())
            tick(1)
    return [results[run] for run in group.runs()]


def matrices(group: Group, student: StudentSpec) -> list[tuple[int, int]]:
    """(columns, rows) of every weight matrix of a trained student of the group."""
    task = group.teachers[0]
    kind = STUDENTS[student.kind]
    return kind.matrices(student, D_amb=task.D_amb, outputs=task.outputs)


def student_bytes(group: Group, student: StudentSpec) -> float:
    """Parameters with gradient and moments, and activations with their gradients."""
    training, task = group.training, group.teachers[0]
    size = 8 if training.precision == "float64" else 4
    batch = max([EVALUATED, training.polish and training.polish_batch]
                + [b for _, b, _ in training.stages])  # fmt: skip
    N = student.parameters(task.D_amb, task.outputs)
    kept = 0.0
    if training.polish:
        residuals = training.polish_batch * task.outputs
        kept = OPTIMISERS[training.polish_by].numbers(N=N, residuals=residuals)
    return size * (
        kept + 5 * N + 3 * batch * (STUDENTS[student.kind].hidden_units(student) + task.outputs)
    )


def _descent_memory(group: Group) -> float:
    """Students, chunks of data, and a pool, of which there are two while its points are laid in
    rows."""
    task, training = group.teachers[0], group.training
    size = 8 if training.precision == "float64" else 4
    students = sum(len(seeds) * student_bytes(group, student) for student, _, seeds in group.shapes)
    batch = max([b for _, b, _ in training.stages] or [training.polish_batch])
    pool = _largest(group) or training.pool
    numbers = (task.D_amb + task.outputs) * (2 * CHUNK_STEPS * batch + TEST_NUMBERS + 2 * pool)
    return len(group.teachers) * (students + size * numbers)


def student_flops(group: Group, student: StudentSpec) -> float:
    """Operations of forward and backward pass of one student on one sample."""
    task = group.teachers[0]
    kind = STUDENTS[student.kind]
    return kind.learning(student, D_amb=task.D_amb, outputs=task.outputs, D=0, samples=1)


def algebra_flops(group: Group, student: StudentSpec) -> float:
    """Operations of a whole-problem rule in the training of one student, beside evaluations."""
    task, training = group.teachers[0], group.training
    N = student.parameters(task.D_amb, task.outputs)
    return training.algebra(training.last, N=N, outputs=task.outputs)


def algebra_seconds(group: Group, student: StudentSpec) -> float:
    """The same in seconds, as the rule says them."""
    task, training = group.teachers[0], group.training
    if not training.polish:
        return 0.0
    N = student.parameters(task.D_amb, task.outputs)
    rule = OPTIMISERS[training.polish_by]
    residuals = training.polish_batch * task.outputs
    return float(training.polish * rule.seconds(N=N, residuals=residuals))


def samples(group: Group) -> float:
    """Samples on which each student of the group learns."""
    return group.training.samples(group.training.last)


def label_flops(group: Group) -> float:
    """Operations of one teacher of the group on all points that it labels."""
    task, training = group.teachers[0], group.training
    points = _largest(group) or training.pool or sum(s * b for s, b, _ in training.stages)
    return task.labelling * points


def _descent_flops(group: Group) -> float:
    seen = samples(group)
    students = sum(
        len(seeds) * (seen * student_flops(group, student) + algebra_flops(group, student))
        for student, _, seeds in group.shapes
    )
    learned = label_flops(group) + students
    return len(group.teachers) * (learned + measured_flops(group))


def measured_flops(group: Group) -> float:
    """Measured dimensions: of each student's layers, and once of all others."""
    if group.measure is None:
        return 0.0
    own = sum(place.startswith("student.") for place in group.measure.dimension)
    times = len(group.measure.dimension) - own + own * sum(len(s) for _, _, s in group.shapes)
    return DIMENSION * group.measure.n**2 * times


def _exact_flops(group: Group) -> float:
    task = group.teachers[0]
    test = task.test_points
    one = sum(
        len(seeds) * STUDENTS[student.kind].flops(student, D=D or 0, D_amb=task.D_amb, test=test)
        for student, D, seeds in group.shapes
    )
    if task.covariance:
        one += (test + _largest(group)) ** 3 / 3
    return len(group.teachers) * one


def _exact_memory(group: Group) -> float:
    """One student at a time, and the field's factor."""
    task = group.teachers[0]
    D, test = _largest(group), task.test_points
    numbers = task.D_amb * (D + test) + max(
        STUDENTS[student.kind].numbers(student, D=D) for student, _, _ in group.shapes
    )
    if task.covariance:
        numbers = max(numbers, 2 * (D + test) ** 2)
    return 8 * numbers


def _basin_flops(group: Group) -> float:
    task = group.teachers[0]
    one = sum(
        len(seeds) * student.parameters(task.D_amb, task.outputs) ** 2
        for student, _, seeds in group.shapes
    )
    return len(group.teachers) * NEWTON_STEPS * 10 * POPULATION * one


def _points_memory(group: Group) -> float:
    """The points alone."""
    return 8 * group.teachers[0].D_amb * (_largest(group) + TEST_POINTS)


def _estimated_flops(group: Group) -> float:
    """All estimators share one search of each set of points."""
    sets = {(D, s) for _, D, seeds in group.shapes for s in seeds}
    return len(group.teachers) * DIMENSION * sum((D or 0) ** 2 for D, _ in sets)


def _wide_flops(group: Group) -> float:
    one = sum(
        len(seeds) * _units(student) * (6 * WIDE_TEST_POINTS + 4 * group.training.steps * (D or 0))
        for student, D, seeds in group.shapes
    )
    return len(group.teachers) * ACTIVATION * one


def _wide_memory(group: Group) -> float:
    units = max(_units(student) for student, _, _ in group.shapes)
    return _points_memory(group) + 8 * 8 * WIDE_BLOCK * units


def _units(student: StudentSpec) -> int:
    return STUDENTS[student.kind].hidden_units(student)


def _largest(group: Group) -> int:
    return max(D or 0 for _, D, _ in group.shapes)


DESCENT = Solver("lab.students.training:train", _descent_flops, _descent_memory, compiled=True)
"""Networks that minimise the loss itself, all of a group together."""
ALGEBRA = Solver("lab.students.exact:losses", _exact_flops, _exact_memory)
"""Exact students on nested training sets."""
ALGEBRA_OBSERVED = Solver("lab.students.exact:observed", _exact_flops, _exact_memory)
"""The same, and what they leave of their training sets."""
ALGEBRA_EXCESS = Solver("lab.students.exact:excesses", _exact_flops, _exact_memory)
"""Exact students on training sets drawn anew, beside the same model on all data."""
BASIN = Solver("lab.students.basin:in_one_basin", _basin_flops, _points_memory)
"""Networks beside the one trained on the whole population."""
TANGENTS = Solver("lab.students.tangent:over_tangents", _wide_flops, _wide_memory, compiled=True)
"""Wide networks beside exact NTK regression."""
ESTIMATING = Solver("lab.students.dimensions:dimensions", _estimated_flops, _points_memory)
"""Estimators of the dimension of points."""
