"""The exact students under one contract: a kind and its settings of `lab.catalogue`, and `learn`.

Their optimum is found by linear algebra or by search, not by descent: no under-training, no rate to
tune, float64. A study names them so; the functions behind stand in `lab.students.algebra.kernels`,
`random_features`, `linear` and `local`.

Does not sample data, evaluate losses or choose settings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Float

from lab.catalogue import COVARIANCES, Setting, resolved
from lab.students.algebra import kernels, linear, local, random_features
from lab.task.covariances import covariance

__all__ = ["Predictor", "learn"]

Predictor = Callable[[np.ndarray], np.ndarray]
"""A trained student: points [m, D_amb] to predictions [m, out]. Some know more of themselves."""


def learn(
    kind: str,
    settings: Mapping[str, Setting],
    x: Float[np.ndarray, "D D_amb"],
    y: Float[np.ndarray, "D out"],
    *,
    rng: np.random.Generator,
) -> Predictor:
    """Train one student.

    Args:
        kind, settings: see `lab.catalogue.STUDENTS`.
        x, y: training points and targets, float64.
        rng: draws random features; the other students do not use it.

    Raises ValueError, one sentence, where a student cannot learn from these data: a kernel matrix
    above the memory limit, simplices in more than 6 coordinates.
    """
    settings = resolved(kind, settings)
    if kind == "kernel":
        own = {name: settings[name] for name in COVARIANCES[settings["kernel"]]}
        k = covariance(settings["kernel"], **own)
        return kernels.learn(x, y, covariance=k, ridge=settings["ridge"], rng=rng)
    if kind == "random-features":
        return random_features.learn(
            x, y, features=settings["count"], kind=settings["features"],
            weight=settings["weight"], bias=settings["bias"], length=settings["length"],
            ridge=settings["ridge"], rng=rng,
        )  # fmt: skip
    if kind == "linear":
        return linear.learn(x, y, rng=rng, **settings)
    return local.learn(x, y, method=kind, rng=rng, **settings)
