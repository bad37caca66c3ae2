"""Sets of points and targets for exact students: rows in float64, and what a student risks on them.

    nested      test points and one training set whose first D rows are the set of size D
    population  M points that are the whole world: data are drawn from them, losses taken on them

A network teacher gives the points that `lab.task.data` gives networks trained in float64. A
Gaussian field is drawn jointly at the test points and the largest training set, test points first,
so that it is one function at every D. Given data are those of `lab.task.subsets`. A spectral task
needs no test set: the risk of a linear student's weights is exact.

Rows are samples here, [n, D_amb], as everywhere among exact students; networks take columns.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import jax
import numpy as np
from jaxtyping import Array, Float, Key

from lab.data import manifolds, teachers
from lab.data.covariances import covariance
from lab.data.spectra import Spectrum
from lab.data.streams import generator, stream
from lab.data.teachers import FIELD_TEST_POINTS
from lab.data.user_data import GivenSpec
from lab.spec import POPULATION, AnyTask, Run, TaskSpec
from lab.task import data
from lab.task.subsets import ordered


@runtime_checkable
class Linear(Protocol):
    """A student that multiplies the coordinates by its weights [D_amb, 1]."""

    @property
    def weights(self) -> np.ndarray: ...


@dataclass(frozen=True)
class Sets:
    """A training set and the risk on the test set or population.

    Attributes:
        x, y: training points and targets, label noise included.
        x_test, y_test: the test set, or the population again; empty for a spectral task.
        risk: mean squared error of a student, given as a function from points to predictions; of
            a spectral task, of one that is `Linear`.
        baseline: risk of the constant student; losses are reported relative to it.
        rms: root mean square of a coordinate, by which standardised inputs are divided.
    """

    x: Float[np.ndarray, "D D_amb"]
    y: Float[np.ndarray, "D out"]
    x_test: Float[np.ndarray, "m D_amb"]
    y_test: Float[np.ndarray, "m out"]
    risk: Callable[[Any], float]
    baseline: float
    rms: float


def nested(task: AnyTask, size: int, *, test: int, root: int) -> Sets:
    """The training set of `size`, and `test` test points (of a field, `FIELD_TEST_POINTS`)."""
    if isinstance(task, GivenSpec):
        found, x, y = ordered(task, root=root)
        return _sets(x[:size], y[:size], found.x_test, found.y_test, of_scale=found.x)
    if task.teacher_kind == "spectral":
        return spectral(task, size, root=root)
    keys = {n: stream(n, task, root=root) for n in ("test", "pool", "noise")}
    with jax.enable_x64(True):
        if task.teacher_kind == "field":
            z_test, x_test = _points(task, FIELD_TEST_POINTS, key=keys["test"], root=root)
            z, x = _blocks(task, size, key=keys["pool"], root=root)
            values = _field(
                task, np.concatenate([z_test, z]), rng=generator("teacher", task, root=root)
            )
            y_test, y = values[: len(z_test)], values[len(z_test) :]
            y = y + task.noise * generator("noise", task, root=root).standard_normal(y.shape)
        else:
            src = data.source(task, root=root)
            x_test, y_test = _rows(*data.clean(src, test, key=keys["test"]))
            pool = data.pool(src, (size,), key=keys["pool"], noise_key=keys["noise"])
            x, y = _rows(*pool)
    return _sets(x, y, x_test, y_test)


def population(task: TaskSpec, *, root: int) -> Sets:
    """The whole world of a task: training set and test set are its M points, noise included."""
    with jax.enable_x64(True):
        src = data.source(task, root=root)
        keys = {n: stream(n, task, root=root) for n in ("test", "noise")}
        x, y = _rows(*data.noisy(src, POPULATION, key=keys["test"], noise_key=keys["noise"]))
    return _sets(x, y, x, y)


def spectral(task: TaskSpec, size: int, *, draw: int | None = None, root: int) -> Sets:
    """A training set of a spectral task, nested, or independent of others given a `draw`."""
    spectrum, teacher = target(task, root=root)
    name, indices = ("pool", ()) if draw is None else ("draw", (size, draw))
    x = spectrum.points(size, rng=generator(name, task, *indices, root=root))
    noise = generator("noise", task, *indices, root=root)
    y = x @ teacher + task.noise * noise.standard_normal((size, 1))

    def risk(student: Linear) -> float:
        return spectrum.risk(student.weights, teacher)

    return Sets(x, y, x[:0], y[:0], risk, 1.0, 1.0)


def target(task: TaskSpec, *, root: int) -> tuple[Spectrum, Float[np.ndarray, "modes 1"]]:
    """The spectrum of a spectral task and the weights of its teacher k."""
    assert task.decays is not None  # it is a spectral task
    spectrum = Spectrum(*task.decays, modes=task.manifold[0][1])
    return spectrum, spectrum.teacher(rng=generator("teacher", task, root=root))


def drawn(run: Run, population: int) -> np.ndarray:
    """Which points of a population a run learns from: its own D draws with repetition."""
    assert run.size is not None  # fresh data are not drawn from a population
    rng = generator("draw", run.task, run.size, run.seed, root=run.root)
    return rng.integers(population, size=run.size)


def points(task: TaskSpec, n: int, *, draw: int, root: int) -> Float[np.ndarray, "n D_amb"]:
    """n points as a student would see them, independent of those of another n or draw."""
    key = stream("draw", task, n, draw, root=root)
    with jax.enable_x64(True):
        return _points(task, n, key=key, root=root)[1]


def scale(run: Run, of: Sets) -> float:
    """What the student's inputs are multiplied by."""
    return 1 / of.rms if run.student.inputs == "standardised" else 1.0


def _sets(
    x: np.ndarray,
    y: np.ndarray,
    x_test: np.ndarray,
    y_test: np.ndarray,
    *,
    of_scale: np.ndarray | None = None,
) -> Sets:
    """of_scale: the points whose coordinates are the measure of the inputs, the test set's unless
    given."""
    of_scale = x_test if of_scale is None else of_scale

    def risk(predict: Callable[[np.ndarray], np.ndarray]) -> float:
        blocks = range(0, len(x_test), BLOCK)
        squares = [np.sum((predict(x_test[i : i + BLOCK]) - y_test[i : i + BLOCK]) ** 2)
                   for i in blocks]  # fmt: skip
        return float(sum(squares) / y_test.size)

    baseline = float(np.mean((y_test - y_test.mean(axis=0)) ** 2))
    return Sets(x, y, x_test, y_test, risk, baseline, math.sqrt(np.mean(of_scale**2)))


BLOCK = 2_000
"""Test points that a student answers at once."""


def _points(
    task: TaskSpec, n: int, *, key: Key[Array, ""], root: int
) -> tuple[np.ndarray, np.ndarray]:
    frame = stream("embedding", task, root=root)
    arrays = manifolds.embedding(task.embedding, task.chart, task.D_amb, key=frame)
    return _rows(*data.place(task.manifold, task.embedding, task.D_amb, arrays, n, key=key))


def _blocks(
    task: TaskSpec, n: int, *, key: Key[Array, ""], root: int
) -> tuple[np.ndarray, np.ndarray]:
    """n points drawn in blocks, so that a larger n adds points and changes none."""
    parts = [
        _points(task, data.BLOCK, key=jax.random.fold_in(key, i), root=root)
        for i in range(-(-n // data.BLOCK))
    ]
    z, x = (np.concatenate(p)[:n] for p in zip(*parts, strict=True))
    return z, x


def _rows(*columns: Float[Array, "_ n"]) -> tuple[np.ndarray, np.ndarray]:
    first, second = (np.ascontiguousarray(np.asarray(c, float).T) for c in columns)
    return first, second


def _field(task: TaskSpec, z: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
    """Values of the teacher; normalised by its own variance k(z, z), not by the sample's."""
    assert task.covariance is not None  # the teacher is a field
    kind, settings = task.covariance
    k = covariance(kind, **dict(settings))
    scale = task.teacher_gain
    if task.normalise:
        scale /= math.sqrt(np.mean(k.diagonal(z[:FIELD_TEST_POINTS])))
    return scale * teachers.draw_field(z, covariance=k, outputs=task.outputs, rng=rng)
