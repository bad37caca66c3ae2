"""Nested training sets of given data: the first D of a random order of the pool, one per unit.

The orders take the place of teachers. They share the pool, the validation set and the test set, so
that they are not independent: see `lab.findings.exponents`.

Rows are samples, in float64, as in `lab.task.sets`.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from lab.data.reading import Pool, pool
from lab.data.streams import generator
from lab.data.user_data import GivenSpec


def ordered(
    task: GivenSpec, *, root: int
) -> tuple[Pool, Float[np.ndarray, "pool D_amb"], Float[np.ndarray, "pool out"]]:
    """The data of a task, and points and targets of its pool in the order of this unit."""
    found = pool(task)
    order = generator("subset", task, root=root).permutation(len(found.x))
    return found, found.x[order], found.y[order]
