"""Named random streams: which key draws what, so that no run changes another.

One typed root key per study; every use has a name, and an index is folded in, never split off:
`teacher(root, d, k)` does not know how many teachers there are, nor which widths will learn it.
"""

from __future__ import annotations

import zlib

import jax
from jaxtyping import Array, Key

from lab.spec import AnyTask

NAMES = ("teacher", "embedding", "measure", "data", "pool", "noise", "validation", "test",
         "init", "batch", "polish", "draw", "subset")  # fmt: skip


def stream(name: str, task: AnyTask, *, root: int) -> Key[Array, ""]:
    """The key of stream `name` for one teacher of one dimension.

    The dimension and the teacher's index k are folded in and nothing else: tasks that differ in
    activation, bias, gain, embedding or noise share their draws and can be compared in pairs, and
    tasks of different d are independent. The embedding is one per d, whatever the teacher.
    """
    if name not in NAMES:
        raise KeyError(f"unknown stream {name!r}; known: {', '.join(NAMES)}")
    key = jax.random.fold_in(jax.random.key(root), zlib.crc32(name.encode()))
    for index in task.world:
        key = jax.random.fold_in(key, index)
    return key if name == "embedding" else jax.random.fold_in(key, task.teacher)
