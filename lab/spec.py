"""One run, resolved: everything that decides a result, as frozen values, and its fingerprint.

A study file becomes a flat list of these (`lab.study`); a runner trains them; the store knows them
by `Run.fingerprint()`. Symbols as everywhere: d intrinsic dimension, D samples, N parameters.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import asdict, dataclass

PHYSICS_VERSION = 1
"""Raised when the same settings give another result: old rows then no longer count as done."""


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """A resolved task: every field one value. `teacher` is the index k."""

    manifold: tuple[tuple[str, int], ...]
    embedding: str
    ambient: int | None
    teacher_widths: tuple[int, ...]
    teacher_activation: str
    teacher_bias: float
    teacher_gain: float
    outputs: int
    normalise: bool
    loss: str
    power: float
    noise: float
    teacher: int

    @property
    def dim(self) -> int:
        """Intrinsic dimension d, the sum over the factors."""
        return sum(d for _, d in self.manifold)

    @property
    def chart(self) -> int:
        """Coordinates in which the manifold itself is written: d, d + 1 (sphere), 2d (torus)."""
        extra = {"sphere": lambda d: d + 1, "torus": lambda d: 2 * d}
        return sum(extra.get(kind, lambda d: d)(d) for kind, d in self.manifold)

    @property
    def D_amb(self) -> int:
        """Coordinates that the student sees."""
        return self.ambient or self.chart


@dataclass(frozen=True, slots=True)
class StudentSpec:
    """A resolved student, without its seed."""

    kind: str
    widths: tuple[int, ...]
    activation: str
    parametrisation: str
    weight: float
    bias: float
    inputs: str

    def parameters(self, D_amb: int, outputs: int) -> int:
        """N: every trainable number, biases included."""
        layers = (D_amb, *self.widths, outputs)
        return sum((m + 1) * n for m, n in itertools.pairwise(layers))


@dataclass(frozen=True, slots=True)
class TrainingSpec:
    """A resolved recipe; `stages` is (steps, batch, rate), one triple for a plain schedule."""

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

    @property
    def steps(self) -> int:
        """Student steps of all stages together, without the polish."""
        return sum(s for s, _, _ in self.stages)

    def scaled(self, budget: float) -> TrainingSpec:
        """The same recipe with `budget` times the steps; the schedule stretches with it."""
        stages = tuple((round(s * budget), b, r) for s, b, r in self.stages)
        values = {**asdict(self), "stages": stages, "polish": round(self.polish * budget)}
        return TrainingSpec(**values)


@dataclass(frozen=True, slots=True)
class Run:
    """One student trained once: everything that decides the result, and nothing else.

    `size` is D, or None for unlimited fresh data; `root` is the seed of all randomness.
    """

    task: TaskSpec
    student: StudentSpec
    training: TrainingSpec
    size: int | None
    seed: int
    root: int

    @property
    def N(self) -> int:
        """Trainable parameters."""
        return self.student.parameters(self.task.D_amb, self.task.outputs)

    def canonical(self) -> str:
        """JSON with sorted keys and no spaces: equal runs give equal text."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), allow_nan=False)

    def fingerprint(self) -> str:
        """sha256 of the canonical JSON and the physics version, in hex."""
        text = f"{PHYSICS_VERSION}:{self.canonical()}"
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Planned:
    """A run and its place in the study: `check` marks the runs with the doubled budget."""

    run: Run
    check: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Runs that train together. `teachers` differ in their index only.

    `shapes` is (student, D or None, seeds) per program; all take the same recipe.
    """

    teachers: tuple[TaskSpec, ...]
    shapes: tuple[tuple[StudentSpec, int | None, tuple[int, ...]], ...]
    training: TrainingSpec
    root: int

    def runs(self) -> list[Run]:
        """The runs in the order of `train`'s results: shape, teacher, seed."""
        return [
            Run(task, student, self.training, D, s, self.root)
            for student, D, seeds in self.shapes
            for task in self.teachers
            for s in seeds
        ]

    @property
    def student_steps(self) -> int:
        """Student-steps of the whole group, the unit of its progress."""
        return self.training.steps * len(self.teachers) * sum(len(s) for _, _, s in self.shapes)
