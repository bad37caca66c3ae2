"""The exact students under one contract: a kind and its settings as plain values, and `learn`.

    kernel            regression with a covariance: kernel, ridge, and that covariance's own
    random-features   P random functions: count, features, weight, bias, length, ridge
    linear            least squares on the coordinates: ridge
    nearest           the mean of the k nearest targets: neighbours
    simplex           linear on Delaunay cells: domain

Their optimum is found by linear algebra or by search, not by descent: no under-training, no rate to
tune, float64. A study names them so; the functions behind stand in `lab.students.kernels`,
`random_features`, `linear` and `local`.

Does not sample data, evaluate losses or choose settings.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Float

from lab.students import kernels, linear, local, random_features
from lab.task.covariances import COVARIANCES, covariance

__all__ = ["DEFAULTS", "Predictor", "Setting", "learn", "parameters", "resolved"]

Setting = float | int | str
Predictor = Callable[[np.ndarray], np.ndarray]
"""A trained student: points [m, D_amb] to predictions [m, out]. Some know more of themselves."""

DEFAULTS: Mapping[str, Mapping[str, Setting]] = {
    "kernel": {"kernel": "relu-ntk", "ridge": 0.0},
    "random-features": {
        "count": 256, "features": "relu", "weight": 2.0, "bias": 0.0, "length": 1.0, "ridge": 0.0,
    },
    "linear": {"ridge": 0.0},
    "nearest": {"neighbours": 1},
    "simplex": {"domain": "flat"},
}  # fmt: skip
"""The kinds of exact students, and the settings of each. A `kernel` also takes its covariance's."""

_CHOICES = {
    "kernel": tuple(COVARIANCES),
    "features": ("relu", "fourier", "gaussian"),
    "domain": ("flat", "sphere"),
}


def resolved(kind: str, given: Mapping[str, Setting]) -> dict[str, Setting]:
    """All settings of a student, defaults filled in.

    Raises ValueError, one sentence with the remedy, for an unknown kind or setting, a value of the
    wrong type, or one out of its range.
    """
    if kind not in DEFAULTS:
        raise ValueError(_unknown("exact student", kind, DEFAULTS))
    settings = {**DEFAULTS[kind], **given}
    own = set(DEFAULTS[kind])
    if kind == "kernel" and settings["kernel"] in COVARIANCES:
        own |= set(COVARIANCES[str(settings["kernel"])])
    for name, value in settings.items():
        if name not in own:
            raise ValueError(_unknown(f"setting of {kind} students", name, own))
        if name in _CHOICES:
            if value not in _CHOICES[name]:
                raise ValueError(_unknown(name, value, _CHOICES[name]))
        elif isinstance(value, bool | str):
            raise ValueError(f"{name} of {kind} students is a number, got {value!r}")
        elif name in ("count", "neighbours", "depth"):
            if value != int(value) or value < 1:
                raise ValueError(f"{name} is a whole number of at least 1, got {value}")
            settings[name] = int(value)
        elif not (value > 0 or (value == 0 and name in ("ridge", "bias"))):
            raise ValueError(f"{name} is out of range, got {value}; give a positive number")
    return settings


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
        kind, settings: see `DEFAULTS`.
        x, y: training points and targets, float64.
        rng: draws random features; the other students do not use it.

    Raises ValueError, one sentence, where a student cannot learn from these data: a kernel matrix
    above the memory limit, simplices in more than 6 coordinates.
    """
    settings = resolved(kind, settings)
    if kind == "kernel":
        own = {name: settings[name] for name in COVARIANCES[settings["kernel"]] if name in settings}
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


def parameters(
    kind: str, settings: Mapping[str, Setting], *, D: int, D_amb: int, outputs: int
) -> int:
    """N: the numbers that training sets. A kernel or local student has one per sample."""
    per_output = {"random-features": resolved(kind, settings).get("count"), "linear": D_amb}
    return int(per_output.get(kind, D)) * outputs


def _unknown(what: str, name: object, known: Mapping | set | tuple) -> str:
    close = difflib.get_close_matches(str(name), list(known), n=1)
    guess = f"; did you mean '{close[0]}'?" if close else ";"
    return f"unknown {what} '{name}'{guess} Known: {', '.join(sorted(known))}"
