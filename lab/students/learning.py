"""Learning, whatever the student: networks by descent, exact students by their own algebra.

One entry for the runner. Networks go to `lab.students.descent.training`; exact students learn here,
one after the other, each from the training sets of `lab.task.sets`, and leave the same `Result`.

In the variance-limited regime of data a model stays fixed and its training sets are drawn anew:
features, or the start of a network, are drawn once per teacher, the seed counts the draws, and what
the same model leaves after learning from the whole population goes into the details as `limit`.
"""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jax
import numpy as np

from lab.spec import TEST_POINTS, WIDE_TEST_POINTS, Group, Run
from lab.students.algebra import exact, random_features
from lab.students.descent import training
from lab.students.descent.training import Result
from lab.students.limits import basin, tangent
from lab.task import sets
from lab.task.sets import Sets
from lab.task.streams import stream


@dataclass(frozen=True)
class Failed:
    """A run of which no result came; `error` is the traceback of what went wrong."""

    run: Run
    error: str
    status: str = "failed"


Learner = Callable[[Run], Result]
"""Trains one of the runs that it was made for."""


def learn(group: Group, *, tick: Callable[[int], None]) -> list[Result | Failed]:
    """Train every student of the group; results in the order of `group.runs()`.

    An exact student that fails does so alone; of networks, which train together, all do.

    tick: told of student-steps as they are done; an exact student is one step, and 0 are told of
    where a single step takes long. An exception that it raises abandons the group.
    """
    if not group.exact and not group.limit:
        return training.train(group, tick=tick)
    found: dict[Run, Result | Failed] = {}
    for task in group.teachers:
        runs = [run for run in group.runs() if run.task == task]
        if group.exact:
            learner = _excesses(runs) if group.limit else _losses(runs)
            learner = _one_by_one(learner)
        elif group.limit == "data":
            learner = _in_one_basin(runs, going=lambda: tick(0))
        else:
            learner = _over_tangents(runs)
        for run in runs:
            found[run] = learner(run)
            tick(1)
    return [found[run] for run in group.runs()]


def _one_by_one(learner: Learner) -> Callable[[Run], Result | Failed]:
    def learned(run: Run) -> Result | Failed:
        try:
            return learner(run)
        except Exception:  # a failed run is a result; the others go on
            return Failed(run, traceback.format_exc())

    return learned


def _losses(runs: list[Run]) -> Learner:
    """The losses of runs that share a task, on nested training sets or unlimited data."""
    task, root = runs[0].task, runs[0].root
    largest = max(run.size or 0 for run in runs)
    nested = sets.nested(task, largest, test=TEST_POINTS, root=root) if largest else None

    def loss(run: Run) -> Result:
        if nested is None:
            return _result(run, _on_unlimited_data(run), 1.0, {})
        student = _student(run, nested, nested.x[: run.size], nested.y[: run.size], seed=run.seed)
        details = {**_conditioning(student), **_outside(student, nested.x_test)}
        return _result(run, nested.risk(student), nested.baseline, details)

    return loss


def _excesses(runs: list[Run]) -> Learner:
    """Losses of a fixed model on independent training sets, beside that of all data.

    A network teacher has a population of points: training sets are drawn from it with repetition,
    and the loss on all of it is the population loss, exactly. A spectral task has formulas.
    """
    task, root = runs[0].task, runs[0].root
    limits: dict = {}
    world = None if task.decays else sets.population(task, root=root)

    def excess(run: Run) -> Result:
        drawn = world or sets.spectral(task, run.size, draw=run.seed, root=root)
        x, y = drawn.x, drawn.y
        if world:
            rows = _drawn(run, len(world.x))
            x, y = world.x[rows], world.y[rows]
        if run.student not in limits:
            limits[run.student] = (
                world.risk(_student(run, world, world.x, world.y, seed=0))
                if world
                else _on_unlimited_data(run)
            ) / drawn.baseline
        student = _student(run, drawn, x, y, seed=0)
        details = {"limit": limits[run.student], **_conditioning(student)}
        return _result(run, drawn.risk(student), drawn.baseline, details)

    return excess


def _in_one_basin(runs: list[Run], *, going: Callable[[], None]) -> Learner:
    """Population losses of networks that descend from the population optimum, beside its own."""
    task, root = runs[0].task, runs[0].root
    world = sets.population(task, root=root)
    basins: dict = {}

    def excess(run: Run) -> Result:
        if run.student not in basins:
            scale = _scale(run, world)
            key = stream("init", task, root=root)
            trials = sets.generator(stream("draw", task, root=root), 0)
            basins[run.student] = basin.find(
                run.student, scale * world.x, world.y, key=key, rng=trials, going=going
            )
        found = basins[run.student]
        counts = np.bincount(_drawn(run, len(world.x)), minlength=len(world.x))
        details = {"limit": found.reference / world.baseline, "rounds": found.rounds}
        return _result(run, found.run(counts, going=going), world.baseline, details)

    return excess


def _over_tangents(runs: list[Run]) -> Learner:
    """Losses of wide networks, beside those of their tangents and of the exact NTK.

    The loss is the mean over a start and its mirror image. `limit` is the exact NTK's with the
    change by this start's kernel, which has mean zero.
    """
    task, root = runs[0].task, runs[0].root
    largest = max(run.size for run in runs)
    nested = sets.nested(task, largest, test=WIDE_TEST_POINTS, root=root)

    def gap(run: Run) -> Result:
        scale = _scale(run, nested)
        key = jax.random.fold_in(stream("init", task, root=root), run.seed)
        found = tangent.predictions(
            run.student, scale * nested.x[: run.size], nested.y[: run.size], scale * nested.x_test,
            steps=run.training.steps, key=key,
        )  # fmt: skip
        network, own, kernel = (
            float(np.mean((f - nested.y_test) ** 2))
            for f in (found.network, found.tangent, found.kernel)
        )
        change = 2 * float(np.mean((found.kernel - nested.y_test) * found.change))
        limits = {"limit": kernel + change, "kernel": kernel, "tangent": own}
        details = {name: value / nested.baseline for name, value in limits.items()}
        return _result(run, network, nested.baseline, details)

    return gap


def _drawn(run: Run, population: int) -> np.ndarray:
    """Which points of a population a run learns from: its own D draws with repetition."""
    rng = sets.generator(stream("draw", run.task, root=run.root), run.size, run.seed)
    return rng.integers(population, size=run.size)


def _scale(run: Run, of: Sets) -> float:
    """What the student's inputs are multiplied by."""
    return 1 / of.rms if run.student.inputs == "standardised" else 1.0


def _student(run: Run, of: Sets, x: np.ndarray, y: np.ndarray, *, seed: int) -> exact.Predictor:
    """The trained student as a function of points in the coordinates of the task."""
    scale = _scale(run, of)
    rng = sets.generator(stream("init", run.task, root=run.root), seed)
    learned = exact.learn(run.student.kind, dict(run.student.settings), scale * x, y, rng=rng)
    return _Scaled(learned, scale)


class _Scaled:
    """A student behind the division of its inputs."""

    def __init__(self, learned: exact.Predictor, scale: float) -> None:
        self.learned, self.scale = learned, scale

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.learned(self.scale * x)

    @property
    def weights(self) -> np.ndarray:
        """Of a linear student: what its coordinates are multiplied by."""
        return self.scale * self.learned.weights


def _on_unlimited_data(run: Run) -> float:
    """Exact risk of a student of a spectral task that has seen everything."""
    if run.student.kind == "linear":
        return 0.0
    spectrum, teacher = sets.target(run.task, root=run.root)
    seed = 0 if run.limit else run.seed
    rng = sets.generator(stream("init", run.task, root=run.root), seed)
    settings = dict(run.student.settings)
    drawn = random_features.draw(spectrum.modes, settings["count"], kind="gaussian", rng=rng)
    return random_features.infinite_data_risk(drawn, spectrum.eigenvalues, teacher)


def _conditioning(student: _Scaled) -> dict[str, float]:
    """Condition number and jitter of the system that was solved, where a student knows them."""
    learned = student.learned
    return {n: float(getattr(learned, n)) for n in ("condition", "jitter") if hasattr(learned, n)}


def _outside(student: _Scaled, x_test: np.ndarray) -> dict[str, float]:
    """Of simplices: share of the test points that no cell answers, but the fit at the boundary."""
    covers = getattr(student.learned, "covers", None)
    return {"outside": 1 - float(np.mean(covers(student.scale * x_test)))} if covers else {}


def _result(run: Run, loss: float, baseline: float, details: Mapping[str, float]) -> Result:
    ok = math.isfinite(loss)
    return Result(run, "done" if ok else "diverged", loss, loss / baseline, 0, (), details)
