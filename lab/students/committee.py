"""The student `committee`: a soft committee that learns online, exactly or by SGD.

Σ_k erf(w_k·x/√2N), k ≤ `units`, on a `committee` teacher of M units, with second layers of ones and
inputs x ~ N(0, I_N); first weights N(0, `start`²), one sample a step at the rate η = `rate`, labels
with noise. Time is steps/N, up to `time`. `by`:

    ode   order parameters of N → ∞ from the overlaps of the first weights (`lab.models.Committee`)
    sgd   the weights themselves, step by step, in JAX

Teachers and seeds draw directions and first weights of their own; both kinds begin with the same.
The loss is 2ε, relative to the constant student's M/3, at the last time; what else is left of a run
is in `lab.students.units`. SGD of N inputs differs from N → ∞ by 1/N, and its own fluctuations,
of 1/√N as the first differences of its units, shorten the plateau.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field

from lab.grids import Dims, Grid, PositiveFloat, Positives
from lab.kinds.student import STUDENTS, StudentSpec, Target
from lab.spec import Group, Run
from lab.students.exact import Exact
from lab.students.solvers import Failed, Observation, Result, Solver, Tick, one_by_one
from lab.students.units import EXPECTED, UnitPath, along, told

if TYPE_CHECKING:
    from lab.kinds.student import StudyInterface

LOOKS, KEPT = 240, 10
"""Times at which overlaps are taken, and of how many of these one is kept."""
PRECISION = 1e-6
"""Relative tolerance of overlaps: of an escape time about 1e-4."""
SMALLEST = 1e-9
"""A loss below which nothing is left."""
DIVERGED = 1e3


@STUDENTS.add
class CommitteeStudent(Exact):
    """A soft committee of `units`."""

    kind: Literal["committee"] = "committee"
    units: Dims
    rate: Positives = (1.0,)
    by: Grid[Literal["ode", "sgd"]] = ("ode",)
    start: PositiveFloat = 0.5
    time: Annotated[float, Field(ge=1, le=1e5)] = 200.0

    solvers: ClassVar[Mapping[str, str]] = {"units": "lab.students.committee:PATHS"}
    random: ClassVar[bool] = True
    size_key: ClassVar[str | None] = "units"
    scanned: ClassVar[str] = "units"

    def limit_loss_is_zero(self, task: Target, *, sized: bool) -> bool:
        return True

    def mistakes(self, study: StudyInterface) -> Iterator[str]:
        yield from super().mistakes(study)
        if study.learner != "units":
            yield (
                "student.kind: committee students are read by their overlaps; take regime = "
                "\"specialisation\""
            )
        task = study.task
        if task.teacher_kind != "committee" or task.name != "gaussian":
            yield (
                "task.teacher: committee students learn committees from gaussian inputs; take "
                "teacher = { kind = \"committee\", units = 2 } and manifold = { kind = "
                "\"gaussian\", dim = 100 }"
            )

    @classmethod
    def N(cls, spec: StudentSpec, *, D_amb: int, outputs: int, D: int) -> int:
        return cls.hidden_units(spec) * D_amb

    @classmethod
    def flops(cls, spec: StudentSpec, *, D: int, D_amb: int, test: int) -> float:
        own: dict[str, Any] = dict(spec.settings)
        exact = 1e7 * float(own["time"]) * float(own["rate"])
        steps = 0.0 if own["by"] == "ode" else float(own["time"]) * D_amb
        return exact + steps * (1e5 + 60.0 * D_amb)


def first_weights(
    run: Run,
) -> tuple[Float[np.ndarray, "K N"], Float[np.ndarray, "M N"]]:
    """First weights, and the teacher's of length √N."""
    from lab.data import teachers
    from lab.data.streams import generator, stream

    task, own = run.drawn, dict(run.student.settings)
    N, M = task.D_amb, task.teacher_widths[0]
    (network,) = teachers.committee(N, M, key=stream("teacher", task, root=run.root))
    B = np.asarray(network[0][0], float) * math.sqrt(2 * N)
    rng = generator("init", task, run.seed, root=run.root)
    return float(own["start"]) * rng.standard_normal((int(own["units"]), N)), B


Path = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Times [looks], R [looks, K, M], lengths of units over √N [looks, K] and errors [looks]."""


def exact_path(run: Run, w: Float[np.ndarray, "K N"], B: Float[np.ndarray, "M N"]) -> Path:
    """The path of N → ∞ from these weights."""
    from lab.models import Committee

    own = dict(run.student.settings)
    N = w.shape[1]
    times = np.linspace(0, float(own["time"]), LOOKS + 1)
    path = Committee(len(w), len(B)).trajectory(
        w @ w.T / N, w @ B.T / N, float(own["rate"]), run.drawn.noise, times, precision=PRECISION
    )
    return times, path.R, _lengths(path.Q), np.asarray(path.error)


def _lengths(Q: Float[np.ndarray, "looks K K"]) -> Float[np.ndarray, "looks K"]:
    return np.sqrt(np.maximum(np.diagonal(Q, axis1=1, axis2=2), 0))


def simulated_path(run: Run, w: Float[np.ndarray, "K N"], B: Float[np.ndarray, "M N"]) -> Path:
    """The same of SGD, one sample a step."""
    from lab.data.streams import stream
    from lab.models import Committee
    from lab.students import online  # brings JAX

    own, model = dict(run.student.settings), Committee(len(w), len(B))
    N = w.shape[1]
    steps = max(1, round(float(own["time"]) * N / LOOKS))
    key = stream("data", run.drawn, run.seed, root=run.root)
    walked = online.weights(
        w, B, rate=float(own["rate"]), noise=run.drawn.noise, looks=LOOKS, steps=steps, key=key
    )
    Q, R = [w @ w.T / N], [w @ B.T / N]
    for now in walked:
        Q.append(now @ now.T / N)
        R.append(now @ B.T / N)
    times, T, lengths = np.arange(LOOKS + 1) * steps / N, B @ B.T / N, _lengths(np.stack(Q))
    errors = np.full(1, np.nan)
    if np.isfinite(Q[-1]).all() and np.max(Q[-1]) < DIVERGED:
        errors = np.array([model.error(q, r, T) for q, r in zip(Q, R, strict=True)])
    return times, np.stack(R), lengths, errors


def _learned(run: Run) -> Result:
    w, B = first_weights(run)
    simulated = dict(run.student.settings)["by"] == "sgd"
    times, R, lengths, errors = (simulated_path if simulated else exact_path)(run, w, B)
    if not np.isfinite(errors).all():
        return Result(run, "diverged", math.nan, math.nan, 0, ())
    details = told(*along(times, R, lengths), every=KEPT)
    if simulated:
        exact, _ = along(*exact_path(run, w, B)[:3])
        details |= _expected(exact)
    losses = np.maximum(2 * errors, SMALLEST)
    kept = [*range(KEPT, times.size - 1, KEPT), times.size - 1]
    seen = tuple(Observation(float(times[i]), "population", float(losses[i])) for i in kept)
    loss, last = float(losses[-1]), len(B) / 3
    return Result(run, "done", loss, loss / last, 0, (), details, seen)


def _expected(path: UnitPath) -> dict[str, float]:
    return {} if path.escape is None else {EXPECTED: path.escape}


def learn(group: Group, *, tick: Tick) -> list[Result | Failed]:
    """The paths of the runs of a group."""
    return one_by_one(group, lambda _: _learned, tick)


def _flops(group: Group) -> float:
    D_amb = group.teachers[0].D_amb
    each = (
        len(seeds) * CommitteeStudent.flops(s, D=0, D_amb=D_amb, test=0)
        for s, _, seeds in group.shapes
    )
    return len(group.teachers) * sum(each)


def _memory(group: Group) -> float:
    """Weights, and of SGD samples between two looks."""
    D_amb = group.teachers[0].D_amb
    own = [dict(student.settings) for student, _, _ in group.shapes]
    times = [float(one["time"]) if one["by"] == "sgd" else 0.0 for one in own]
    units = max(float(one["units"]) for one in own)
    return 8 * D_amb * (4 * units + max(times) * D_amb / LOOKS)


PATHS = Solver("lab.students.committee:learn", _flops, _memory)
"""Soft committees, run by run."""
