"""The catalogue: kinds of exact students and of covariances, their settings, and their limits.

    kernel            regression with a covariance: kernel, ridge, and that covariance's own
    random-features   P random functions: count, features, weight, bias, length, ridge
    linear            least squares on the coordinates: ridge
    nearest           the mean of the k nearest targets: neighbours
    simplex           linear on Delaunay cells: domain

Plain names and numbers, so that a study file is checked without any of the code that computes; the
students themselves stand in `lab.students`, the covariances in `lab.task.covariances`.
"""

from __future__ import annotations

from collections.abc import Mapping

from lab.mistakes import unknown

Setting = float | int | str

_NETWORK = {"depth": 1, "weight": 2.0, "bias": 0.0, "readout": 1.0}

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

STUDENTS: Mapping[str, Mapping[str, Setting]] = {
    "kernel": {"kernel": "relu-ntk", "ridge": 0.0},
    "random-features": {
        "count": 256, "features": "relu", "weight": 2.0, "bias": 0.0, "length": 1.0, "ridge": 0.0,
    },
    "linear": {"ridge": 0.0},
    "nearest": {"neighbours": 1},
    "simplex": {"domain": "flat"},
}  # fmt: skip
"""The kinds of exact students, and the settings of each. A `kernel` also takes its covariance's."""

RANDOM = ("random-features",)
"""The exact students that draw something of their own: seeds tell their draws apart."""

_CHOICES = {
    "kernel": tuple(COVARIANCES),
    "features": ("relu", "fourier", "gaussian"),
    "domain": ("flat", "sphere"),
}

MEMORY = 2 * 2**30
"""Bytes that the matrices of one kernel regression may take unless told: D ≤ 11 585."""
FIELD_POINTS = 16_384
"""The largest number of points that one Gaussian field is drawn at: 2 GiB for the factor."""
FIELD_TEST_POINTS = 4_096
"""Of these, the test points: a field is drawn at test and training points together."""
SIMPLEX_COORDINATES = 6
SIMPLEX_CELLS = 4_000_000
_CELLS_PER_POINT = (1.0, 2.0, 6.77, 31.8, 187.0, 1297.0)
"""Mean number of Delaunay cells per point of a uniform set, by dimension (Miles 1970)."""


def resolved(kind: str, given: Mapping[str, Setting]) -> dict[str, Setting]:
    """All settings of a student, defaults filled in.

    Raises ValueError, one sentence with the remedy, for an unknown kind or setting, a value of the
    wrong type, or one out of its range.
    """
    if kind not in STUDENTS:
        raise ValueError(unknown("exact student", kind, STUDENTS))
    defaults = STUDENTS[kind]
    if kind == "kernel":
        defaults = {**defaults, **COVARIANCES.get(given.get("kernel", defaults["kernel"]), {})}
    settings = {**defaults, **given}
    for name, value in settings.items():
        if name not in defaults:
            raise ValueError(unknown(f"setting of {kind} students", name, defaults))
        if name in _CHOICES:
            if value not in _CHOICES[name]:
                raise ValueError(unknown(name, value, _CHOICES[name]))
        elif isinstance(value, bool | str):
            raise ValueError(f"{name} of {kind} students is a number, got {value!r}")
        elif name in ("count", "neighbours", "depth"):
            if value != int(value) or value < 1:
                raise ValueError(f"{name} is a whole number of at least 1, got {value}")
            settings[name] = int(value)
        elif not (value > 0 or (value == 0 and name in ("ridge", "bias"))):
            raise ValueError(f"{name} is out of range, got {value}; give a positive number")
    return settings


def resolved_covariance(kind: str, given: Mapping[str, Setting]) -> dict[str, Setting]:
    """All settings of a covariance, defaults filled in. Raises ValueError as `resolved` does."""
    if kind not in COVARIANCES:
        raise ValueError(unknown("covariance", kind, COVARIANCES))
    for name, value in given.items():
        if name not in COVARIANCES[kind]:
            raise ValueError(unknown(f"setting of {kind} covariances", name, COVARIANCES[kind]))
        if not (value > 0 or (name == "bias" and value == 0)):
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
    if kind not in COVARIANCES or "depth" not in COVARIANCES[kind] or settings["bias"] > 0:
        return kind in COVARIANCES
    return kind.startswith("relu") and sphere and settings["depth"] > 1


def parameters(
    kind: str, settings: Mapping[str, Setting], *, D: int, D_amb: int, outputs: int
) -> int:
    """N: the numbers that training sets. A kernel or local student has one per sample."""
    per_output = {"random-features": resolved(kind, settings).get("count"), "linear": D_amb}
    return int(per_output.get(kind, D)) * outputs


def refusal(kind: str, settings: Mapping[str, Setting], *, D: int, D_amb: int) -> str | None:
    """Why a student cannot learn from D points in D_amb coordinates, one sentence, or None."""
    if kind == "kernel":
        return kernel_refusal(D)
    if kind == "simplex":
        return simplex_refusal(D, D_amb, sphere=settings["domain"] == "sphere")
    if kind == "nearest" and settings["neighbours"] > D:
        return (
            f"{settings['neighbours']} neighbours cannot be taken among {D} points; choose 1 to {D}"
        )
    return None


def kernel_refusal(points: int, *, memory: float = MEMORY) -> str | None:
    """Why a kernel regression does not fit into `memory` bytes: it holds two D × D matrices."""
    needed = 2 * 8 * points**2
    if needed <= memory:
        return None
    return (
        f"kernel regression on {points} points needs {needed / 2**30:.1f} GiB, the limit is "
        f"{memory / 2**30:.1f} GiB; train on {int((memory / 16) ** 0.5)} points or fewer"
    )


def simplex_refusal(points: int, coordinates: int, *, sphere: bool) -> str | None:
    """Why these points are too few, too many, or of too many coordinates for a triangulation."""
    if coordinates > SIMPLEX_COORDINATES or (sphere and coordinates < 2):
        return (
            f"simplex interpolation takes {1 + sphere} to {SIMPLEX_COORDINATES} coordinates, got "
            f"{coordinates}; use nearest neighbours, or a manifold without distractors"
        )
    per_point = _CELLS_PER_POINT[coordinates - 1 - sphere]
    if points < coordinates + 2 or points * per_point > SIMPLEX_CELLS:
        return (
            f"simplex interpolation in {coordinates} coordinates takes {coordinates + 2} to "
            f"{int(SIMPLEX_CELLS / per_point)} points, got {points}"
        )
    return None
