"""One run, resolved: everything that decides a result, as frozen values, and its fingerprint.

A study file becomes a flat list of these (`lab.config.study`); a runner trains them; the store
knows them by `Run.fingerprint()`. Symbols as everywhere: d intrinsic dimension, D samples, N
parameters.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property

from lab.canonical import Part
from lab.data.task import TaskSpec
from lab.data.user_data import AnyTask
from lab.kinds.optimisers import OPTIMISERS
from lab.kinds.student import STUDENTS, StudentSpec

PHYSICS_VERSION = 2
"""Raised when the same settings give another result: old rows then no longer count as done.

2: products run on one thread and Muon sums in another order; single steps agree to round-off, which
grows over a training."""

"""Task of a run: a teacher's targets, or a user's data."""


@dataclass(frozen=True)
class TrainingSpec(Part):
    """A resolved recipe; `stages` is (steps, batch, rate), one triple for a plain schedule.

    `pool`: labelled points that are drawn once and visited at random; 0, fresh ones in every batch.
    `checkpoints`: steps, ascending, at which losses are observed beside the last one.
    `stopping`: which step of a finite training set counts, `best`, that of the least validation
    loss, or `last`; of fresh data it is the last one. `branch_from`: the step at which this run
    leaves a constant schedule and falls linearly to rate 0; 0, it does not. `polish`: steps of the
    whole-problem rule `polish_by` after those of the stages, on one batch of `polish_batch`.
    `revive`: share of the steps in which hidden units that answer 0 everywhere are drawn anew.
    """

    optimiser: str
    beta1: float
    beta2: float
    weight_decay: float
    stages: tuple[tuple[int, int, float], ...]
    schedule: str
    warmup: float
    polish: int
    polish_batch: int
    precision: str
    pool: int = 0
    checkpoints: tuple[int, ...] = ()
    stopping: str = "best"
    branch_from: int = 0
    polish_by: str = "lbfgs"
    revive: float = 0.0

    __hash__ = Part.__hash__

    @property
    def steps(self) -> int:
        """Student steps of all stages together, without the polish."""
        return sum(s for s, _, _ in self.stages)

    @property
    def last(self) -> int:
        """The step after which nothing is learned any more, that of the polish with it."""
        return self.steps + self.polish

    def samples(self, step: float) -> int:
        """Samples on which a student has learned at a step; a step of the polish learns from its
        batch as often as its rule says."""
        seen, left = 0, int(step)
        for steps, batch, _ in self.stages:
            taken = min(steps, left)
            seen, left = seen + taken * batch, left - taken
        polished = min(left, self.polish)
        if not polished:
            return seen
        return seen + round(OPTIMISERS[self.polish_by].evaluations * polished * self.polish_batch)

    def algebra(self, step: float, *, N: int, outputs: int) -> float:
        """Operations up to a step of what a whole-problem rule does beside its evaluations."""
        polished = min(max(int(step) - self.steps, 0), self.polish)
        if not polished:
            return 0.0
        rule = OPTIMISERS[self.polish_by]
        return float(polished * rule.flops(N=N, residuals=self.polish_batch * outputs))

    def branched(self, at: int, decay: int) -> TrainingSpec:
        """The recipe that leaves this one at step `at` and falls linearly to rate 0 in `decay`
        steps. Its batches and rates before that are the same. Raises ValueError unless the schedule
        is constant, or by stages, and `at` is one of its steps."""
        if self.schedule not in STABLE or self.branch_from or not 0 < at <= self.steps or decay < 1:
            raise ValueError(
                f"a branch of {decay} steps from step {at} of a {self.schedule} schedule of "
                f"{self.steps} steps; take a constant schedule and a step within it"
            )
        left, stages = at + decay, []
        for steps, batch, rate in self.stages:
            if left > 0:
                stages.append((min(steps, left), batch, rate))
            left -= steps
        if left > 0:
            steps, batch, rate = stages[-1]
            stages[-1] = (steps + left, batch, rate)
        total = at + decay
        return replace(
            self, stages=tuple(stages), branch_from=at, warmup=self.warmup * self.steps / total,
            checkpoints=tuple(step for step in self.checkpoints if step < total),
        )  # fmt: skip

    def scaled(self, budget: float) -> TrainingSpec:
        """The same recipe with `budget` times the steps; the schedule stretches with it."""
        return self._with(budget, 1.0)

    def at_rate(self, factor: float) -> TrainingSpec:
        """The same recipe with `factor` times the rate at every step."""
        return self._with(1.0, factor)

    def slowed(self, factor: float) -> TrainingSpec:
        """The same recipe with `factor` times the steps at 1/`factor` of the rate."""
        return self._with(factor, 1 / factor)

    def _with(self, budget: float, rate: float) -> TrainingSpec:
        if (budget, rate) not in self._others:
            stages = tuple((round(s * budget), b, rate * r) for s, b, r in self.stages)
            values = {**asdict(self), "stages": stages, "polish": round(self.polish * budget)}
            if self.checkpoints or self.branch_from:
                most = sum(steps for steps, _, _ in stages)
                steps = (min(max(round(s * budget), 1), most) for s in self.checkpoints)
                values |= {
                    "checkpoints": tuple(dict.fromkeys(steps)),
                    "branch_from": round(self.branch_from * budget),
                }
            self._others[budget, rate] = TrainingSpec(**values)
        return self._others[budget, rate]

    @cached_property
    def _others(self) -> dict[tuple[float, float], TrainingSpec]:
        """By factors of steps and rate: thousands of runs share each."""
        return {}


STABLE = ("constant", "step")
"""Schedules whose rate does not know how long they last, so that a run may branch off."""
NO_TRAINING = TrainingSpec("none", 0.0, 0.0, 0.0, (), "constant", 0.0, 0, 0, "float64")
"""The recipe of exact students, and of networks in one basin: nothing to tune."""


def full_batch(steps: int, D: int) -> TrainingSpec:
    """Plain descent on all D samples, at a rate in units of the largest stable one's half."""
    stages = ((steps, D, 1.0),)
    return TrainingSpec("descent", 0.0, 0.0, 0.0, stages, "constant", 0.0, 0, 0, "float64")


class RunMemo:
    """Cached values of a run: a study asks all its runs several times."""

    __slots__ = ("_fingerprint", "_hash")

    _fingerprint: str
    _hash: int


@dataclass(frozen=True)
class MeasureSpec(Part):
    """Measurements beside the loss: the dimension at some places (`lab.students.dimensions`),
    on n points of the test set, by one estimator; and the noise scales of the gradient at each
    checkpoint (`lab.students.noise`), on `scales` fresh points, 0 for none."""

    dimension: tuple[str, ...]
    n: int
    method: str
    scales: int = 0

    __hash__ = Part.__hash__


@dataclass(frozen=True, slots=True)
class Run(RunMemo):
    """One student trained once: everything that decides the result, and nothing else.

    `size` is D, or None for unlimited fresh data; `root` is the seed of all randomness. `learner`
    is what is asked of the student, a key of its kind's `solvers` or "module:NAME" of a solver: ""
    where the loss itself is asked for; `data`, beside the model trained on the whole population
    (the seed is then the draw of the data); `ntk`, beside exact NTK regression (the seed is then a
    start and its mirror image); `dimension`, where nothing is learned but d of `size` points (the
    seed is their draw).

    Runs of their own are also: `start`, another random start of the same seed's student, with the
    same teacher and data; and `round`, of training sets that grow by what was learned before.
    """

    task: AnyTask
    student: StudentSpec
    training: TrainingSpec
    size: int | None
    seed: int
    root: int
    learner: str = ""
    measure: MeasureSpec | None = None
    start: int = 0
    round: int = 0

    def __hash__(self) -> int:
        try:
            return self._hash
        except AttributeError:
            own = (self.task, self.student, self.training, self.size, self.seed, self.learner,
                   self.measure, self.start, self.round)  # fmt: skip
            object.__setattr__(self, "_hash", hash(own))
            return self._hash

    @property
    def N(self) -> int:
        """Trainable parameters."""
        return self.student.parameters(self.task.D_amb, self.task.outputs, self.size)

    @property
    def coordinates(self) -> dict[str, float | None]:
        """Every coordinate of the run by its name, at its last step; see `COORDINATES`."""
        return self.coordinates_at(self.training.last)

    def coordinates_at(self, step: float) -> dict[str, float | None]:
        """The same of an observation at a step."""
        return {name: coordinate(self, step) for name, coordinate in COORDINATES.items()}

    def coordinate(self, name: str, step: float | None = None) -> float | None:
        """One coordinate, at a step or the last one."""
        return COORDINATES[name](self, self.training.last if step is None else step)

    @property
    def restart(self) -> tuple[int, ...]:
        """Numbers folded into the key of its start, after the seed."""
        return (self.start,) if self.start else ()

    @property
    def drawn(self) -> TaskSpec:
        """The task of a run whose points are drawn without limit."""
        assert isinstance(self.task, TaskSpec)  # a study refuses others there
        return self.task

    def with_recipe(self, training: TrainingSpec) -> Run:
        """The same student trained otherwise."""
        return Run(self.task, self.student, training, self.size, self.seed, self.root, self.learner,
                   self.measure, self.start, self.round)  # fmt: skip

    def canonical(self) -> str:
        """JSON with sorted keys and no spaces: equal runs give equal text, see `lab.canonical`.

        A learner, as `limit`, what is measured, the start and the round are there only where they
        are not the default.
        """
        limit = f'"limit":{json.dumps(self.learner)},' if self.learner else ""
        measure = f'"measure":{self.measure.text},' if self.measure else ""
        size = "null" if self.size is None else self.size
        round_ = f'"round":{self.round},' if self.round else ""
        start = f'"start":{self.start},' if self.start else ""
        return (
            f'{{{limit}{measure}"root":{self.root},{round_}"seed":{self.seed},"size":{size},'
            f'{start}"student":{self.student.text},"task":{self.task.text},"training":{self.training.text}}}'
        )

    def fingerprint(self) -> str:
        """sha256 of the canonical JSON and the physics version, in hex."""
        try:
            return self._fingerprint
        except AttributeError:
            object.__setattr__(self, "_fingerprint", digest(self.canonical()))
            return self._fingerprint


def _labels(run: Run, step: float) -> int:
    """Distinct labelled points that a student has learned on, or may have."""
    t, polished = run.training, run.training.polish and step > run.training.steps
    fresh = t.samples(min(step, t.steps))
    return (run.size or t.pool or fresh) + (t.polish_batch if polished else 0)


def _candidates(run: Run, step: float) -> int | None:
    """Points that were looked at to choose the training set."""
    return run.task.selection.candidates(run.size) if run.task.selection and run.size else None


def _flops(run: Run, step: float) -> float | None:
    """Operations of learning, by the formula of its kind; None where no formula is known."""
    if run.student.trained and run.learner == "data":  # a descent into a basin ends where it ends
        return None
    learned: float = STUDENTS[run.student.kind].learning(
        run.student, D_amb=run.task.D_amb, outputs=run.task.outputs, D=run.size or 0,
        samples=run.training.samples(step),
    )  # fmt: skip
    if not run.training.polish:
        return learned
    return learned + run.training.algebra(step, N=run.N, outputs=run.task.outputs)


COORDINATES: Mapping[str, Callable[[Run, float], float | None]] = {
    "d": lambda run, step: run.task.dim,
    "N": lambda run, step: run.N,
    "hidden": lambda run, step: (
        run.student.leading(run.task.D_amb, run.task.outputs)[0] if run.student.trained else None
    ),
    "width": lambda run, step: max(run.student.widths, default=None),
    "units": lambda run, step: STUDENTS[run.student.kind].hidden_units(run.student) or None,
    "D": lambda run, step: run.size,
    "S": lambda run, step: step,
    "samples": lambda run, step: run.training.samples(step),
    "labels": _labels,
    "candidates": _candidates,
    "C": _flops,
    "batch": lambda run, step: run.training.stages[0][1] if run.training.stages else None,
}
"""Coordinates of an observation, known without training: by name, of a run and a step.

    d        intrinsic dimension               S        steps
    N        trainable parameters              samples  samples seen, each time it is seen
    hidden   weights between hidden layers     labels   distinct labelled points
    width    of the largest hidden layer       C        operations (FLOPs) of learning
    units    hidden units, or features         batch    samples of a step of the first stage
    D        samples of the training set       candidates  points looked at to choose these

None stands for one that a run does not have: D of unlimited data, widths of an exact student."""


def digest(canonical: str) -> str:
    """The fingerprint of the run that has this canonical JSON."""
    return hashlib.sha256(f"{PHYSICS_VERSION}:{canonical}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Planned:
    """A run and its role in the study: `scan`; `budget`, `rate` or `weights`, a check of the scan
    by another budget, rate or scale of the first weights, `factor` times the scan's; `slower`, by
    `factor` times the steps at 1/`factor` of the rate; `constant`, the run at a constant rate that
    branches leave; or `limit`, a student of a scan over D on unlimited data."""

    run: Run
    role: str = "scan"
    factor: float = 1.0

    @property
    def check(self) -> bool:
        """True if this is no run of the scan itself."""
        return self.role != "scan"

    @property
    def factors(self) -> tuple[float, float, float]:
        """Budget, rate and variance of the first weights, in units of the scan's."""
        budget = self.factor if self.role in ("budget", "slower", "limit") else 1.0
        rate = {"rate": self.factor, "slower": 1 / self.factor}.get(self.role, 1.0)
        return budget, rate, self.factor if self.role == "weights" else 1.0


@dataclass(frozen=True, slots=True)
class Group:
    """Runs that train together. `teachers` differ in their index only.

    `shapes` is (student, D or None, seeds) per program; all take the same recipe, learner and
    solver, and have the same measured, start and round. `labelled`: of each teacher the candidates
    that earlier rounds chose, in their order (`lab.execution.runner`); empty where there are none.
    """

    teachers: tuple[AnyTask, ...]
    shapes: tuple[tuple[StudentSpec, int | None, tuple[int, ...]], ...]
    training: TrainingSpec
    root: int
    learner: str = ""
    measure: MeasureSpec | None = None
    start: int = 0
    round: int = 0
    labelled: tuple[tuple[int, ...], ...] = ()

    @property
    def representative(self) -> Group:
        """The same group of the teachers of index 0: it computes as much."""
        teachers = tuple(task.representative for task in self.teachers)
        return Group(teachers, self.shapes, self.training, self.root, self.learner, self.measure,
                     self.start, self.round)  # fmt: skip

    @property
    def trained(self) -> bool:
        """True if descent trains these students."""
        return self.shapes[0][0].trained

    @property
    def students(self) -> int:
        """Number of runs."""
        return len(self.teachers) * sum(len(seeds) for _, _, seeds in self.shapes)

    def runs(self) -> list[Run]:
        """The runs in the order of `train`'s results: shape, teacher, seed."""
        return [
            Run(task, student, self.training, D, s, self.root, self.learner, self.measure,
                self.start, self.round)
            for student, D, seeds in self.shapes
            for task in self.teachers
            for s in seeds
        ]  # fmt: skip

    @property
    def student_steps(self) -> int:
        """Student-steps of the whole group, the unit of its progress; an exact student is one."""
        return (max(self.training.steps, 1) if self.trained else 1) * self.students
