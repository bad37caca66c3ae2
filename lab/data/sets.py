"""Points and targets of a task: an unlimited stream, nested training sets, one fixed test set.

`Source` is everything random that is drawn before a student exists: embedding, teacher, its
normalisation, and the scale of the inputs. The same source and test set serve every width, every D
and every student; training sets are nested, the first D points of one draw. Networks take points as
columns, as in `lab.data.manifolds`.

Exact students take them as rows, [n, D_amb], in float64 (`Sets`):

    nested      test points and one training set whose first D rows are the set of size D
    population  M points that are the whole world: data are drawn from them, losses taken on them

A network teacher gives the points that it gives networks trained in float64. A Gaussian field is
drawn jointly at the test points and the largest training set, test points first, so that it is one
function at every D. A spectral task needs no test set: the risk of a linear student's weights is
exact. For user data a training set is the first D of a random order of the pool
(`ordered`). The orders take the place of teachers; they share the pool, the validation set and the
test set, so that they are not independent: see `lab.findings.exponents`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from lab.data import manifolds, selection, teachers
from lab.data.covariances import Covariance
from lab.data.covariances import covariance as covariance_of
from lab.data.manifolds import chart
from lab.data.reading import Pool, divided
from lab.data.spectra import Spectrum
from lab.data.streams import generator, stream
from lab.data.task import POPULATION, TaskSpec, squared
from lab.data.teachers import FIELD_TEST_POINTS
from lab.data.user_data import AnyTask, UserDataSpec

MEASURED = 1 << 16
"""Points on which mean, variance and input scale are measured: σ to 0.3 %."""


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["networks", "arrays", "mu", "scale", "rms"],
    meta_fields=[
        "manifold",
        "shape",
        "embedding",
        "D_amb",
        "activation",
        "loss",
        "power",
        "noise",
        "ridge",
        "threshold",
    ],
)
@dataclass(frozen=True)
class Source:
    """A drawn task. Arrays first; the rest decides shapes and programs.

    y = scale · (T(z) − mu), with `scale` = gain/σ or gain; `rms` is the root mean square of an
    ambient coordinate, by which students with standardised inputs divide. Several
    teachers stack along a leading axis T. With a `ridge` s it is of |T(z)|^s, and `threshold` takes
    the sign of T(z) − mu.
    """

    networks: list[teachers.Layers]
    arrays: dict[str, Array]
    mu: Float[Array, "*T outputs 1"]
    scale: Float[Array, "*T outputs 1"]
    rms: Float[Array, "*T"]
    manifold: manifolds.Factors
    shape: manifolds.Shape
    embedding: str
    D_amb: int
    activation: str
    loss: str
    power: float
    noise: float
    ridge: float | None = None
    threshold: bool = False


def source(task: TaskSpec, *, root: int) -> Source:
    """Draw the teacher and the embedding of a task and measure its normalisation."""
    charts, key = [chart(factor) for factor in task.manifold], stream("teacher", task, root=root)
    if task.teacher_kind == "committee":
        networks = teachers.committee(task.chart, task.teacher_widths[0], key=key)
    elif task.ridge is not None:
        networks = teachers.ridge(
            charts, lambda k: manifolds.sample(task.manifold, 1, task.shape, key=k), key=key
        )
    else:
        networks = teachers.draw(
            charts, task.teacher_widths, task.outputs, task.teacher_bias, key=key
        )
    drawn = Source(
        networks=networks,
        arrays=manifolds.embedding(
            task.embedding, task.chart, task.D_amb, key=stream("embedding", task, root=root)
        ),
        mu=jnp.zeros((task.outputs, 1)),
        scale=jnp.full((task.outputs, 1), task.teacher_gain),
        rms=jnp.ones(()),
        manifold=task.manifold,
        shape=task.shape,
        embedding=task.embedding,
        D_amb=task.D_amb,
        activation=task.teacher_activation,
        loss=task.loss,
        power=task.power,
        noise=task.noise,
        ridge=task.ridge,
        threshold=task.teacher_kind == "threshold",
    )
    # a perceptron is the sign of T itself
    centred = bool(task.teacher_widths) or task.teacher_bias > 0
    normalise = centred if drawn.threshold else task.normalise
    return _measured(drawn, normalise, key=stream("measure", task, root=root))


@partial(jax.jit, static_argnames="normalise")
def _measured(drawn: Source, normalise: bool, *, key: Key[Array, ""]) -> Source:
    x, T = _draw(drawn, MEASURED, key=key)
    mu, scale = drawn.mu, drawn.scale
    if normalise:
        mu = jnp.mean(T, axis=1, keepdims=True)
        if not drawn.threshold:
            scale = drawn.scale / jnp.std(T, axis=1, keepdims=True)
    rms = jnp.sqrt(jnp.mean(x**2))
    return replace(drawn, mu=mu, scale=scale, rms=rms)


def _draw(src: Source, n: int, *, key: Key[Array, ""]) -> tuple[Array, Array]:
    """n points as the student sees them, and the raw teacher's outputs."""
    z, x = place(src, src.arrays, n, key=key)
    T = teachers.apply(src.networks, src.activation, z)
    return x, T if src.ridge is None else jnp.abs(T) ** src.ridge


def place(
    of: Source | TaskSpec, arrays: dict[str, Array], n: int, *, key: Key[Array, ""]
) -> tuple[Float[Array, "chart n"], Float[Array, "D_amb n"]]:
    """n points in the coordinates of the manifold and as the student sees them."""
    z = manifolds.sample(of.manifold, n, of.shape, key=jax.random.fold_in(key, 0))
    return z, manifolds.embed(of.embedding, of.D_amb, arrays, z, key=jax.random.fold_in(key, 1))


def clean(
    src: Source, n: int, *, key: Key[Array, ""]
) -> tuple[Float[Array, "D_amb n"], Float[Array, "outputs n"]]:
    """n points and their targets without label noise; softmax probabilities under kl."""
    x, T = _draw(src, n, key=key)
    y = src.scale * (T - src.mu)
    if src.threshold:
        return x, jnp.where(y < 0, -1.0, 1.0)
    return x, jax.nn.softmax(y, axis=0) if src.loss == "kl" else y


@partial(jax.jit, static_argnames="n")
def on_interval(src: Source, n: int) -> Float[Array, "*T n"]:
    """Targets without noise at the midpoints of n equal cells of [−½, ½], d = 1."""

    def one(src: Source) -> Float[Array, " n"]:
        z = jnp.arange(0.5, n)[None] / n - 0.5
        T = teachers.apply(src.networks, src.activation, z)
        return (src.scale * (T - src.mu))[0]

    return jax.vmap(one)(src)


def hidden(
    src: Source, n: int, *, key: Key[Array, ""]
) -> list[tuple[Float[Array, "w n"], Float[Array, "w n"]]]:
    """The teacher's hidden layers at the points of `clean` with this n and key, before and after
    their activation."""
    z, _ = place(src, src.arrays, n, key=key)
    return teachers.hidden(src.networks, src.activation, z)


def noisy(
    src: Source, n: int, *, key: Key[Array, ""], noise_key: Key[Array, ""]
) -> tuple[Float[Array, "D_amb n"], Float[Array, "outputs n"]]:
    """As `clean`, with label noise of standard deviation `noise`."""
    x, y = clean(src, n, key=key)
    return x, y + src.noise * jax.random.normal(noise_key, y.shape) if src.noise else y


def fresh(
    src: Source,
    start: Array,
    steps: int,
    batch: int,
    *,
    key: Key[Array, ""],
    noise_key: Key[Array, ""],
) -> tuple[Float[Array, "steps D_amb batch"], Float[Array, "steps outputs batch"]]:
    """Batches number start … start + steps − 1 of the unlimited stream.

    Batch t depends on t alone: neither on how the stream is cut nor on how long it is.
    """

    def one(t: Array) -> tuple[Array, Array]:
        return noisy(
            src, batch, key=jax.random.fold_in(key, t), noise_key=jax.random.fold_in(noise_key, t)
        )

    return jax.lax.map(one, start + jnp.arange(steps))


def pool(
    src: Source, sizes: tuple[int, ...], *, key: Key[Array, ""], noise_key: Key[Array, ""]
) -> tuple[Float[Array, "D_amb D"], Float[Array, "outputs D"]]:
    """The largest training set; those of smaller D are its first columns.

    Drawn in blocks of `BLOCK`, each from its own key, so that a larger D adds points and changes
    none.
    """
    blocks = range(-(-max(sizes) // BLOCK))
    parts = [
        noisy(
            src, BLOCK, key=jax.random.fold_in(key, i), noise_key=jax.random.fold_in(noise_key, i)
        )
        for i in blocks
    ]
    x, y = (jnp.concatenate(p, axis=1)[:, : max(sizes)] for p in zip(*parts, strict=True))
    return x, y


BLOCK = 1024
"""Points drawn from one key of a nested training set."""


def from_pool(
    x: Float[Array, "D D_amb"],
    y: Float[Array, "D outputs"],
    size: Array,
    start: Array,
    steps: int,
    batch: int,
    *,
    key: Key[Array, ""],
) -> tuple[Float[Array, "steps D_amb batch"], Float[Array, "steps outputs batch"]]:
    """Batches drawn with replacement from the first `size` points; batch t depends on t alone.

    The pool has its points in rows: one of millions is then a few lines of cache, not D_amb.
    """

    def one(t: Array) -> tuple[Array, Array]:
        u = jax.random.uniform(jax.random.fold_in(key, t), (batch,))
        i = jnp.minimum((u * size).astype(jnp.int32), size - 1)
        return x[i].T, y[i].T

    return jax.lax.map(one, start + jnp.arange(steps))


def losses(
    loss: str, power: float, f: Float[Array, "outputs n"], y: Float[Array, "outputs n"]
) -> Float[Array, ""]:
    """The population loss estimated on n points: mse, mean |y − f|^p, or KL(y ‖ softmax f), which
    for a class c, y = e_c, is the cross-entropy −log softmax(f)_c."""
    if loss == "kl":
        return jnp.mean(
            jnp.sum(jax.scipy.special.xlogy(y, y) - y * jax.nn.log_softmax(f, axis=0), axis=0)
        )
    if squared(loss, power):
        return jnp.mean((f - y) ** 2)
    return jnp.mean(jnp.abs(f - y) ** power)


def baseline(loss: str, power: float, y: Float[Array, "outputs n"]) -> Float[Array, ""]:
    """Loss of the student that always answers the mean: the target's variance under mse.

    Losses are reported relative to it. Under kl the constant is the mean distribution.
    """
    mean = jnp.mean(y, axis=1, keepdims=True)
    constant = jnp.log(mean) if loss == "kl" else mean
    return losses(loss, power, jnp.broadcast_to(constant, y.shape), y)


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

    def scale(self, inputs: str) -> float:
        """The factor of a student's inputs, which are `standardised` or raw."""
        return 1 / self.rms if inputs == "standardised" else 1.0


def nested(
    task: AnyTask, size: int, *, test: int, root: int, covariance: Covariance | None = None
) -> Sets:
    """The training set of `size`, and `test` test points (of a field, `FIELD_TEST_POINTS`).

    Where points are selected by an order of the candidates alone, they stand in that order
    (`p-greedy` is that of a `covariance`); where students or the teacher are asked, all candidates
    for `size` labels stand there as they were drawn.
    """
    if isinstance(task, UserDataSpec):
        found, x, y = ordered(task, root=root)
        rows = _chosen(task, x, size, covariance)
        return _sets(x[rows], y[rows], found.x_test, found.y_test, of_scale=found.x)
    if task.teacher_kind == "spectral":
        return spectral(task, size, root=root)
    keys = {n: stream(n, task, root=root) for n in ("test", "pool", "noise")}
    with jax.enable_x64(True):
        if task.teacher_kind == "field":
            z_test, x_test = _points(task, FIELD_TEST_POINTS, key=keys["test"], root=root)
            z, x = _blocks(task, candidates(task, size), key=keys["pool"], root=root)
            rows = _chosen(task, x, size, covariance)
            z, x = z[rows], x[rows]
            values = _field(
                task, np.concatenate([z_test, z]), rng=generator("teacher", task, root=root)
            )
            y_test, y = values[: len(z_test)], values[len(z_test) :]
            y = y + task.noise * generator("noise", task, root=root).standard_normal(y.shape)
        else:
            src = source(task, root=root)
            x_test, y_test = _rows(*clean(src, test, key=keys["test"]))
            many = (candidates(task, size),)
            x, y = _rows(*pool(src, many, key=keys["pool"], noise_key=keys["noise"]))
            rows = _chosen(task, x, size, covariance)
            x, y = x[rows], y[rows]
    return _sets(x, y, x_test, y_test)


def candidates(task: AnyTask, size: int) -> int:
    """Points that are looked at for a training set of `size`."""
    return task.selection.candidates(size) if task.selection else size


def _chosen(
    task: AnyTask, x: np.ndarray, size: int, covariance: Covariance | None
) -> selection.Order:
    """Rows of the candidates x that `nested` returns, in their order."""
    chosen = task.selection
    if chosen is None:
        return selection.subset(np.arange(len(x)), size)
    x = x[: chosen.candidates(size)]
    if chosen.rule == "farthest":
        return selection.farthest(x, size)
    if chosen.rule == "p-greedy":
        assert covariance is not None  # a study refuses students that have none
        return selection.p_greedy(x, size, covariance, covariance.diagonal(x))
    return np.arange(len(x))


def margins(task: TaskSpec, n: int, *, root: int) -> Float[np.ndarray, " n"]:
    """|T(x) − m| of the first n candidates of a thresholded teacher, largest of the outputs."""
    with jax.enable_x64(True):
        src = replace(source(task, root=root), threshold=False, noise=0.0)
        key = stream("pool", task, root=root)
        _, T = pool(src, (n,), key=key, noise_key=key)
    return np.abs(np.asarray(T)).max(axis=0)


def population(task: TaskSpec, *, root: int) -> Sets:
    """The whole world of a task: training set and test set are its M points, noise included."""
    with jax.enable_x64(True):
        src = source(task, root=root)
        keys = {n: stream(n, task, root=root) for n in ("test", "noise")}
        x, y = _rows(*noisy(src, POPULATION, key=keys["test"], noise_key=keys["noise"]))
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


def drawn(
    task: TaskSpec, size: int, population: int, *, draw: int, root: int
) -> Int[np.ndarray, " size"]:
    """Rows of a population that a run learns from: `size` draws of its own, with repetition."""
    return generator("draw", task, size, draw, root=root).integers(population, size=size)


def points(task: TaskSpec, n: int, *, draw: int, root: int) -> Float[np.ndarray, "n D_amb"]:
    """n points as a student would see them, independent of those of another n or draw."""
    key = stream("draw", task, n, draw, root=root)
    with jax.enable_x64(True):
        return _points(task, n, key=key, root=root)[1]


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
        blocks = range(0, len(x_test), RISK_BLOCK)
        squares = [np.sum((predict(x_test[i : i + RISK_BLOCK]) - y_test[i : i + RISK_BLOCK]) ** 2)
                   for i in blocks]  # fmt: skip
        return float(sum(squares) / y_test.size)

    baseline = float(np.mean((y_test - y_test.mean(axis=0)) ** 2))
    return Sets(x, y, x_test, y_test, risk, baseline, math.sqrt(np.mean(of_scale**2)))


RISK_BLOCK = 2_000
"""Test points that a student answers at once."""


def _points(
    task: TaskSpec, n: int, *, key: Key[Array, ""], root: int
) -> tuple[np.ndarray, np.ndarray]:
    frame = stream("embedding", task, root=root)
    arrays = manifolds.embedding(task.embedding, task.chart, task.D_amb, key=frame)
    return _rows(*place(task, arrays, n, key=key))


def _blocks(
    task: TaskSpec, n: int, *, key: Key[Array, ""], root: int
) -> tuple[np.ndarray, np.ndarray]:
    """n points drawn in blocks, so that a larger n adds points and changes none."""
    parts = [
        _points(task, BLOCK, key=jax.random.fold_in(key, i), root=root)
        for i in range(-(-n // BLOCK))
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
    k = covariance_of(kind, **dict(settings))
    scale = task.teacher_gain
    if task.normalise:
        scale /= math.sqrt(np.mean(k.diagonal(z[:FIELD_TEST_POINTS])))
    return scale * teachers.draw_field(z, covariance=k, outputs=task.outputs, rng=rng)


def ordered(
    task: UserDataSpec, *, root: int
) -> tuple[Pool, Float[np.ndarray, "pool D_amb"], Float[np.ndarray, "pool out"]]:
    """The data of a task, and points and targets of its pool in the order of this unit."""
    found = divided(task)
    order = generator("subset", task, root=root).permutation(len(found.x))
    return found, found.x[order], found.y[order]
