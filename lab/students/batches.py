"""Batches that a group of networks learns from and is tested on, in compiled programs.

    TeacherBatches   of a teacher: labelled points without end, or a pool of them that is visited
                     again, or nested training sets, a validation set and a test set
    UserDataBatches  of user data: nested training sets of their pool, and their
                     own sets

`batch_source` picks by the type of the task. The leading axis of everything is the teacher (T).

What it does not do: train (`training.py`), or know where points come from (`lab.data.sets`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from lab.data import sets as data
from lab.data.selection import SelectionSpec, farthest
from lab.data.sets import ordered
from lab.data.streams import stream
from lab.data.task import TEST_POINTS, TaskSpec
from lab.data.user_data import UserDataSpec
from lab.spec import Group

CHUNK = 200
"""Steps in one call of a program."""
VALIDATION_POINTS = 4_000

Batch = tuple[Array, Array]
"""Points and targets, the teachers in front."""
Layers = Sequence[tuple[Array, Array]]
"""Hidden layers before and after their activation, points in columns."""


@runtime_checkable
class BatchSource(Protocol):
    """Everything that networks see of the tasks of a group.

    Attributes:
        D_amb, outputs: coordinates of a point and of a target.
        loss, power: see `lab.data.sets.losses`.
        rms: root mean square of a coordinate, [T].
        test, validation: fixed sets; there is no validation set beside fresh data.
        pool: in rows, the points of which a training set of D is the first D, if there are any.
        candidates: in rows, those that students choose from, if they are asked.
    """

    D_amb: int
    outputs: int
    loss: str
    power: float
    rms: Array
    test: Batch
    validation: Batch | None
    pool: Batch | None
    candidates: Batch | None

    def fresh(self, start: int, batch: int) -> Batch | None:
        """A chunk of unseen batches, for all students; None where sets are nested."""

    def of_set(self, D: int, start: int, batch: int) -> Batch:
        """A chunk of batches from the training set of D."""

    def large(self, points: int) -> Batch:
        """One large batch of fresh data."""

    def teacher(self, index: int) -> Layers:
        """The hidden layers of one teacher at the test points."""


def batch_source(group: Group) -> BatchSource:
    """Inputs and targets of the networks of this group."""
    return (
        UserDataBatches(group)
        if isinstance(group.teachers[0], UserDataSpec)
        else TeacherBatches(group)
    )


class TeacherBatches:
    """A teacher's points: a stream of batches, or the first of them again and again, or training
    sets that are the first D of one pool.

    The stream is made once per teacher and shared by every width and seed, because at these sizes
    the teacher costs more than most students.
    """

    def __init__(self, group: Group) -> None:
        self.keys = {
            name: jnp.stack([stream(name, task, root=group.root) for task in group.teachers])
            for name in ("data", "pool", "noise", "validation", "test", "batch", "polish")
        }
        tasks = [task for task in group.teachers if isinstance(task, TaskSpec)]
        sources = [data.source(task, root=group.root) for task in tasks]
        self.sources = sources
        self.src = src = jax.tree.map(lambda *leaves: jnp.stack(leaves), *sources)
        self.D_amb, self.outputs, self.rms = src.D_amb, src.mu.shape[-2], src.rms
        self.loss, self.power = src.loss, src.power
        self.test: Batch = _clean(src, TEST_POINTS, self.keys["test"])
        sizes = tuple(D for _, D, _ in group.shapes if D is not None)
        self.nested, self.size = bool(sizes), group.training.pool
        self.pool: Batch | None = None
        self.candidates: Batch | None = None
        self.validation: Batch | None = None
        if self.size:
            self.pool = _first(src, self.size, self.keys["data"], self.keys["noise"])
        if self.nested:
            most = _looked_at(group)
            self.pool = _pool(src, (*sizes, most), self.keys["pool"], self.keys["noise"])
            self.pool, self.candidates = _selected(self.pool, tasks[0].selection, group)
            self.validation = _clean(src, VALIDATION_POINTS, self.keys["validation"])

    def fresh(self, start: int, batch: int) -> Batch | None:
        if self.nested:
            return None
        if self.pool:
            return self.of_set(self.size, start, batch)
        return _fresh(self.src, start, batch, self.keys["data"], self.keys["noise"])

    def of_set(self, D: int, start: int, batch: int) -> Batch:
        assert self.pool  # it was drawn, for there are sizes
        return batches(*self.pool, D, start, batch, self.keys["batch"])

    def large(self, points: int) -> Batch:
        return _noisy(self.src, points, self.keys["polish"], self.keys["noise"])

    def teacher(self, index: int) -> Layers:
        return _hidden(self.sources[index], TEST_POINTS, self.keys["test"][index])


class UserDataBatches:
    """User data, in the order of each unit."""

    def __init__(self, group: Group) -> None:
        tasks = [task for task in group.teachers if isinstance(task, UserDataSpec)]
        self.D_amb, self.outputs = tasks[0].D_amb, tasks[0].outputs
        self.loss, self.power = tasks[0].loss, tasks[0].power
        self.key = jnp.stack([stream("batch", task, root=group.root) for task in tasks])
        found = [ordered(task, root=group.root) for task in tasks]
        sets = [one for one, _, _ in found]
        chosen = tasks[0].selection
        most = _looked_at(group) if chosen else len(found[0][1])
        whole = _rows([x[:most] for _, x, _ in found]), _rows([y[:most] for _, _, y in found])
        self.pool: Batch | None
        self.pool, self.candidates = _selected(whole, chosen, group)
        self.test = _columns([one.x_test for one in sets]), _columns([one.y_test for one in sets])
        self.validation: Batch | None = (
            _columns([one.x_validation for one in sets]),
            _columns([one.y_validation for one in sets]),
        )
        # of columns, for the order of a sum is in the last digits of what is stored
        self.rms = jnp.sqrt(jnp.mean(_columns([x for _, x, _ in found]) ** 2, axis=(1, 2)))

    def fresh(self, start: int, batch: int) -> Batch | None:
        return None

    def of_set(self, D: int, start: int, batch: int) -> Batch:
        assert self.pool
        return batches(*self.pool, D, start, batch, self.key)

    def large(self, points: int) -> Batch:
        raise NotImplementedError("a study refuses L-BFGS on a training set")

    def teacher(self, index: int) -> Layers:
        raise NotImplementedError("a study refuses places that its teachers do not have")


def _rows(rows: list[np.ndarray]) -> Float[Array, "T n coordinates"]:
    return jnp.stack([jnp.asarray(one) for one in rows])


def _looked_at(group: Group) -> int:
    """Candidates of a group: for its largest training set, or the next one that students choose."""
    size = max(D or 0 for _, D, _ in group.shapes)
    chosen = group.teachers[0].selection
    if chosen and chosen.between_runs:
        size = chosen.next(group.round)
    return data.candidates(group.teachers[0], size)


def _selected(
    pool: Batch, chosen: SelectionSpec | None, group: Group
) -> tuple[Batch, Batch | None]:
    """The labelled points of every teacher's candidates, in their order, and the candidates where
    students are asked."""
    if chosen is None:
        return pool, None
    size = max(D or 0 for _, D, _ in group.shapes)
    of = [np.asarray(x, float) for x in pool[0]]
    rows = np.array(
        group.labelled
        or [np.arange(size) if chosen.between_runs else farthest(x, size) for x in of]
    )[:, :, None]
    x, y = (jnp.take_along_axis(part, rows, axis=1) for part in pool)
    return (x, y), pool if chosen.between_runs else None


def _columns(rows: list[np.ndarray]) -> Float[Array, "T coordinates n"]:
    return jnp.stack([jnp.asarray(one.T) for one in rows])


def over_teachers(f: Callable) -> Callable:
    """`vmap` over the leading axis; without it for one teacher, whose matrix products it would
    turn into batches of one that XLA's CPU backend runs 20 % slower."""

    def mapped(*args: Any) -> Any:
        if jax.tree.leaves(args)[0].shape[0] != 1:
            return jax.vmap(f)(*args)
        one = f(*jax.tree.map(lambda a: a[0], args))
        return jax.tree.map(lambda a: a[None], one)

    return mapped


@partial(jax.jit, static_argnums=1)
def _clean(src: data.Source, n: int, keys: Key[Array, " T"]) -> Batch:
    return jax.vmap(lambda s, k: data.clean(s, n, key=k))(src, keys)


@partial(jax.jit, static_argnums=1)
def _noisy(src: data.Source, n: int, keys: Key[Array, " T"], noise_keys: Key[Array, " T"]) -> Batch:
    def one(s: data.Source, k: Array, noise: Array) -> tuple[Array, Array]:
        return data.noisy(s, n, key=k, noise_key=noise)

    return over_teachers(one)(src, keys, noise_keys)


@partial(jax.jit, static_argnums=1)
def _hidden(src: data.Source, n: int, key: Key[Array, ""]) -> Layers:
    return data.hidden(src, n, key=key)


@partial(jax.jit, static_argnums=(0, 1))
def baseline(loss: str, power: float, y: Array) -> Float[Array, " T"]:
    return jax.vmap(partial(data.baseline, loss, power))(y)


@partial(jax.jit, static_argnums=2)
def _fresh(
    src: data.Source, start: Array, batch: int, keys: Key[Array, " T"], noise_keys: Key[Array, " T"]
) -> Batch:
    def one(s: data.Source, k: Array, noise: Array) -> tuple[Array, Array]:
        return data.fresh(s, start, CHUNK, batch, key=k, noise_key=noise)

    return over_teachers(one)(src, keys, noise_keys)


@partial(jax.jit, static_argnums=1)
def _pool(
    src: data.Source, sizes: tuple[int, ...], keys: Key[Array, " T"], noise_keys: Key[Array, " T"]
) -> Batch:
    def one(s: data.Source, k: Array, noise: Array) -> tuple[Array, Array]:
        x, y = data.pool(s, sizes, key=k, noise_key=noise)
        return x.T, y.T

    return over_teachers(one)(src, keys, noise_keys)


@partial(jax.jit, static_argnums=1)
def _first(src: data.Source, n: int, keys: Key[Array, " T"], noise_keys: Key[Array, " T"]) -> Batch:
    """The first n points of the unlimited stream in batches of `data.BLOCK`, in rows."""

    def one(s: data.Source, k: Array, noise: Array) -> tuple[Array, Array]:
        blocks = -(-n // data.BLOCK)
        zero = jnp.asarray(0)
        batches = data.fresh(s, zero, blocks, data.BLOCK, key=k, noise_key=noise)
        x, y = (b.swapaxes(1, 2).reshape(-1, b.shape[1])[:n] for b in batches)
        return x, y

    return over_teachers(one)(src, keys, noise_keys)


@partial(jax.jit, static_argnums=4)
def batches(
    x: Array, y: Array, size: Array, start: Array, batch: int, keys: Key[Array, " T"]
) -> Batch:
    draw = partial(data.from_pool, size=size, start=start, steps=CHUNK, batch=batch)
    return jax.vmap(lambda x, y, k: draw(x, y, key=k))(x, y, keys)
