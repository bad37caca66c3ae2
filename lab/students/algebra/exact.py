"""The exact students under one contract: a kind and its settings (`lab.kinds.exact`), and `learn`.

Their optimum is found by linear algebra or by search, not by descent: no under-training, no rate to
tune, float64. A study names them so; here the settings of a study meet the functions that compute,
in `kernels`, `random_features`, `linear` and `local`.

Does not sample data, evaluate losses or choose settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from jaxtyping import Float

from lab.data.covariances import covariance
from lab.grids import Setting
from lab.kinds.exact import Predictor
from lab.kinds.student import STUDENTS
from lab.students.algebra import kernels, local
from lab.students.algebra import random_features as functions

__all__ = ["Predictor", "kernel", "learn", "nearest", "random_features", "simplex"]

Points = Float[np.ndarray, "D D_amb"]
Targets = Float[np.ndarray, "D out"]


def learn(
    kind: str,
    settings: Mapping[str, Setting],
    x: Points,
    y: Targets,
    *,
    rng: np.random.Generator,
) -> Predictor:
    """Train one student.

    Args:
        kind, settings: see `lab.kinds.student.STUDENTS`; settings that are left out have their
            defaults.
        x, y: training points and targets, float64.
        rng: draws random features; the other students do not use it.

    Raises ValueError, one sentence, where a student cannot learn from these data: a kernel matrix
    above the memory limit, simplices in more than 6 coordinates.
    """
    table = STUDENTS[kind]
    return table.learn(table.resolved(settings), x, y, rng=rng)


def kernel(
    x: Points, y: Targets, *, kernel: str, ridge: float, rng: np.random.Generator, **own: Setting
) -> Predictor:
    """Kernel regression with a covariance that is named."""
    return kernels.learn(x, y, covariance=covariance(kernel, **own), ridge=ridge, rng=rng)


def random_features(
    x: Points,
    y: Targets,
    *,
    count: int,
    features: functions.Kind,
    rng: np.random.Generator,
    **own: float,
) -> Predictor:
    """Ridge regression on random features."""
    return functions.learn(x, y, features=count, kind=features, rng=rng, **own)


def nearest(x: Points, y: Targets, *, neighbours: int, rng: np.random.Generator) -> Predictor:
    """The mean of the nearest targets."""
    return local.learn(x, y, method="nearest", neighbours=neighbours)


def simplex(
    x: Points, y: Targets, *, domain: Literal["flat", "sphere"], rng: np.random.Generator
) -> Predictor:
    """Linear interpolation on cells."""
    return local.learn(x, y, method="simplex", domain=domain)
