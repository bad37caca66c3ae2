"""The names of covariances, their settings, and which of them reach every target.

Plain names and numbers; the functions stand in `lab.task.covariances`. A Gaussian field is drawn
with one, kernel regression learns with one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator

from lab.grids import Names, Setting
from lab.mistakes import unknown
from lab.theory import smoothness

_NETWORK: Mapping[str, Setting] = {"depth": 1, "weight": 2.0, "bias": 0.0, "readout": 1.0}

COVARIANCES: Mapping[str, Mapping[str, Setting]] = {
    "laplace": {"length": 1.0},
    "matern": {"nu": 0.5, "length": 1.0},
    "gaussian": {"length": 1.0},
    "relu-nngp": _NETWORK,
    "relu-ntk": _NETWORK,
    "erf-nngp": _NETWORK,
    "erf-ntk": _NETWORK,
}
"""The names of covariances and their settings; `lab.theory.smoothness` knows the names too."""

SETTINGS = tuple(dict.fromkeys(name for some in COVARIANCES.values() for name in some))
"""Every setting that some covariance has."""


def _known(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in COVARIANCES:
            raise ValueError(unknown("covariance", name, COVARIANCES))
    return names


Covariances = Annotated[Names, AfterValidator(_known)]
"""A grid of names of covariances."""


def resolved_covariance(kind: str, given: Mapping[str, Setting]) -> dict[str, Setting]:
    """All settings of a covariance, defaults filled in.

    Raises ValueError, one sentence with the remedy, for an unknown kind or setting, or a value out
    of its range.
    """
    if kind not in COVARIANCES:
        raise ValueError(unknown("covariance", kind, COVARIANCES))
    for name, value in given.items():
        if name not in COVARIANCES[kind]:
            raise ValueError(unknown(f"setting of {kind} covariances", name, COVARIANCES[kind]))
        low = 0.0 if name == "bias" else math.nextafter(0.0, 1.0)
        if isinstance(value, str) or not value >= low:
            raise ValueError(f"a {kind} covariance needs {name} > 0, got {value}")
    return {**COVARIANCES[kind], **given}


def universal(kind: str, settings: Mapping[str, Setting], *, sphere: bool) -> bool:
    """Whether kernel regression with this covariance comes as near as one likes to any target.

    Args:
        kind, settings: a covariance and its settings, resolved.
        sphere: whether all points are at one distance from the origin.

    The radial covariances do (Micchelli, Xu & Zhang, JMLR 2006), and those of networks with
    biases, whose units span all continuous functions (Leshno et al. 1993). Without biases a ReLU
    network is homogeneous, f(cx) = c f(x) for c > 0, at any depth: off the sphere other targets
    are out of reach. On it one hidden layer has no odd harmonic above the first, in the NNGP
    (Bach, arXiv 1412.8690) as in the NTK (Basri et al., arXiv 1906.00425; Bietti & Mairal, arXiv
    1905.12173), and deeper ones have all (Bietti & Bach, arXiv 2009.14397). An erf network without
    biases is odd, f(−x) = −f(x), at any depth: it has no even harmonic.
    """
    if "depth" not in COVARIANCES[kind] or settings["bias"] != 0:
        return True
    return kind.startswith("relu") and sphere and settings["depth"] != 1


def of_covariance(kind: str, settings: Mapping[str, Setting]) -> float:
    """Its smoothness θ, see `lab.theory.smoothness`."""
    nu = settings.get("nu")
    return smoothness(kind, nu=None if nu is None else float(nu))
