"""Named random streams: which key draws what, so that no run changes another.

One typed root key per study; every use has a name, and an index is folded in, never split off:
`teacher(root, d, k)` does not know how many teachers there are, nor which widths will learn it.

A key is two words of 32 bits, and folding in the index i is

    key ← Threefry-2×32(key; 0, i)    (Salmon et al. 2011, 20 rounds),

which is `jax.random.fold_in`. It is computed here in integers: a study of exact students has tens
of thousands of streams, each some folds deep, and a fold by JAX takes a millisecond.
"""

from __future__ import annotations

import zlib
from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

NAMES = ("teacher", "embedding", "measure", "data", "pool", "noise", "validation", "test",
         "init", "batch", "polish", "draw", "subset")  # fmt: skip

Words = tuple[int, int]
"""The data of a key."""
ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA
MASK = 0xFFFFFFFF


@runtime_checkable
class Unit(Protocol):
    """A task, by the integers that tell its random draws from those of others."""

    @property
    def teacher(self) -> int: ...
    @property
    def rng_salt(self) -> tuple[int, ...]: ...


def stream(name: str, task: Unit, *indices: int, root: int) -> Key[Array, ""]:
    """The key of stream `name` for one teacher of one dimension, with indices folded in, each below
    2³².

    The dimension and the teacher's index k are folded in and nothing else: tasks that differ in
    activation, bias, gain, embedding or noise share their draws and can be compared in pairs, and
    tasks of different d are independent. The embedding is one per d, whatever the teacher.
    """
    return jax.random.wrap_key_data(jnp.array(_words(name, task, indices, root), jnp.uint32))


def generator(name: str, task: Unit, *indices: int, root: int) -> np.random.Generator:
    """NumPy's generator of the same key."""
    return np.random.default_rng(np.array(_words(name, task, indices, root), np.uint32))


def _words(name: str, task: Unit, indices: tuple[int, ...], root: int) -> Words:
    if name not in NAMES:
        raise KeyError(f"unknown stream {name!r}; known: {', '.join(NAMES)}")
    words = fold_in((0, root), zlib.crc32(name.encode()))
    of_teacher = () if name == "embedding" else (task.teacher,)
    for index in (*task.rng_salt, *of_teacher, *indices):
        words = fold_in(words, index)
    return words


def fold_in(key: Words, index: int) -> Words:
    """Threefry-2×32 of the block (0, index) under a key."""
    k = (*key, key[0] ^ key[1] ^ PARITY)
    a, b = k[0], (index + k[1]) & MASK
    for i in range(5):
        for r in ROTATIONS[i % 2]:
            a = (a + b) & MASK
            b = (b << r | b >> 32 - r) & MASK ^ a
        a = (a + k[(i + 1) % 3]) & MASK
        b = (b + k[(i + 2) % 3] + i + 1) & MASK
    return a, b
