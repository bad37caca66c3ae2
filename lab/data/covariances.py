"""Covariance functions k(x, x′): radial ones, and those of infinitely wide networks.

A Gaussian field is drawn with one (`lab.data.teachers`), kernel regression learns with one
(`lab.students.kernels`), and a wide network has two of its own. A study file names them
(`COVARIANCES`) with their settings. Conventions of the networks are those of
`lab.students.descent.mlp`: input x in R^m, L = `depth` hidden layers, weights ~ N(0, σ_w²/fan_in),
biases ~ N(0, σ_b²); the output layer has no non-linearity and a σ_w of its own, 1 unless told.

NNGP, the covariance of one output at initialisation (Neal 1996; Cho & Saul 2009; Lee et al.,
arXiv 1711.00165), with u, v Gaussian of covariance K⁽ˡ⁾:

    K⁽⁰⁾ = σ_b² + σ_w² x·x′/m          K⁽ˡ⁺¹⁾ = σ_b² + σ_w² E[φ(u)φ(v)]

NTK, Σ_θ ∂f(x)/∂θ ∂f(x′)/∂θ in the ntk parametrisation, where the trained numbers are standard
normal and a weight is σ_w/√fan_in times such a number, a bias σ_b times (Jacot et al., arXiv
1806.07572):

    Θ⁽⁰⁾ = K⁽⁰⁾                         Θ⁽ˡ⁺¹⁾ = K⁽ˡ⁺¹⁾ + σ_w² Θ⁽ˡ⁾ E[φ′(u)φ′(v)]

In the standard parametrisation the NNGP is the same, and the tangent kernel grows with the width:
it is not offered. Without biases one hidden ReLU layer has no odd harmonic above the first on the
sphere: its kernel matrix may be singular and some targets are out of its reach; a bias or a second
layer mends it. No convolutions, no attention, no normalisation layers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np
from jaxtyping import Float
from pydantic import AfterValidator

from lab.data.activations import power_of
from lab.grids import (
    Names,
    Setting,
)
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

CovarianceSettings = tuple[str, tuple[tuple[str, Setting], ...]]
"""A covariance and its settings, resolved and sorted."""


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
    """True if kernel regression with this covariance comes as near as one likes to any target.

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


_ROWS = 128  # rows of k(x, x′) computed at once, so that temporaries stay small beside the result


@dataclass(frozen=True)
class RadialCovariance:
    """Matérn covariance of |x − x′|/length, with k(x, x) = 1.

    Attributes:
        nu: ½ is the Laplace covariance exp(−r), 3/2 and 5/2 have closed forms, ∞ is the Gaussian
            exp(−r²/2); any other ν > 0 costs a Bessel function per pair.
        length: the length scale, in the units of x.
    """

    nu: float = 0.5
    length: float = 1.0

    @property
    def smoothness(self) -> float:
        """θ of `lab.theory.kernel`: 2ν."""
        return smoothness("matern", nu=self.nu)

    def __call__(
        self, x: Float[np.ndarray, "n D_amb"], y: Float[np.ndarray, "m D_amb"]
    ) -> Float[np.ndarray, "n m"]:
        # scikit-learn takes a second to import, too long for verbs that only read a store
        from sklearn.gaussian_process.kernels import Matern

        return _by_rows(Matern(length_scale=self.length, nu=self.nu), x, y)

    def diagonal(self, x: Float[np.ndarray, "n D_amb"]) -> Float[np.ndarray, " n"]:
        """k(x, x) per point."""
        return np.ones(len(x))


@dataclass(frozen=True)
class NetworkCovariance:
    """NNGP, or with `tangent` NTK, of a fully connected network of infinite width.

    Attributes:
        activation: `relu`, `erf`, or `relu^p` for t₊^p, of which the tangent kernel is not offered.
        depth: L, the number of hidden layers, at least 1.
        weight: σ_w² of the hidden layers, the variance of a weight times its fan-in.
        bias: σ_b, the standard deviation of a bias, in every layer.
        readout: σ_w² of the output layer.
        tangent: the NTK instead of the NNGP.
    """

    activation: str = "relu"
    depth: int = 1
    weight: float = 2.0
    bias: float = 0.0
    readout: float = 1.0
    tangent: bool = False

    @property
    def smoothness(self) -> float:
        """θ of `lab.theory.kernel`, with the angle between inputs as the distance."""
        p = power_of(self.activation)
        if p is not None and self.activation != "relu":
            return 2 * p + 1
        return smoothness(f"{self.activation}-{'ntk' if self.tangent else 'nngp'}")

    def __call__(
        self, x: Float[np.ndarray, "n D_amb"], y: Float[np.ndarray, "m D_amb"]
    ) -> Float[np.ndarray, "n m"]:
        return _by_rows(self._block, x, y)

    def diagonal(self, x: Float[np.ndarray, "n D_amb"]) -> Float[np.ndarray, " n"]:
        """k(x, x) per point."""
        q = self._input_variance(x)
        return self._recursion(q, q, np.zeros_like(q))

    def _block(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        from scipy.spatial.distance import cdist  # SciPy stays out of verbs that train nothing

        s = self.weight / x.shape[1] * cdist(x, y, "sqeuclidean")
        return self._recursion(self._input_variance(x)[:, None], self._input_variance(y), s)

    def _input_variance(self, x: np.ndarray) -> np.ndarray:
        return self.bias**2 + self.weight / x.shape[1] * np.sum(x**2, axis=1)

    def _recursion(self, q: np.ndarray, r: np.ndarray, s: np.ndarray) -> np.ndarray:
        # q = E[u²], r = E[v²], and s = E(u − v)² in place of E[uv] = (q + r − s)/2: the angle
        # between near points keeps its digits this way, which the NTK's |θ| term needs.
        layer = _LAYERS.get(self.activation)
        if layer is None:
            p = power_of(self.activation)
            assert p is not None  # a study names no other
            layer = partial(_power, p)
        tangent = (q + r - s) / 2
        for weight in (*[self.weight] * (self.depth - 1), self.readout):
            q, r, s, slope = layer(q, r, s)
            q, r = self.bias**2 + weight * q, self.bias**2 + weight * r
            s = weight * s
            tangent = (q + r - s) / 2 + weight * tangent * slope
        return tangent if self.tangent else (q + r - s) / 2


Covariance = RadialCovariance | NetworkCovariance


def covariance(kind: str, **settings: Setting) -> Covariance:
    """The covariance of this name, for example `covariance("matern", nu=1.5)`.

    Raises ValueError if the name or a setting is unknown, or a value is out of its range.
    """
    own: dict[str, Any] = {**resolved_covariance(kind, settings)}
    if kind in ("laplace", "gaussian"):
        return RadialCovariance(nu=0.5 if kind == "laplace" else math.inf, **own)
    if kind == "matern":
        return RadialCovariance(**own)
    activation = "relu" if kind.startswith("relu") else "erf"
    return NetworkCovariance(activation, tangent=kind.endswith("ntk"), **own)


def _relu(q: Any, r: Any, s: Any) -> tuple[Any, Any, Any, Any]:
    """E[φ(u)²], E[φ(v)²], E(φ(u) − φ(v))², E[φ′(u)φ′(v)] of φ = max(0, ·): Cho & Saul 2009."""
    g = np.sqrt(q * r)
    gap = (np.sqrt(q) - np.sqrt(r)) ** 2
    versine = _versine(g, gap, s)
    theta = 2 * np.arctan2(np.sqrt(versine), np.sqrt(2 - versine))  # accurate at 0 and at π
    sine = np.sqrt(versine * (2 - versine))
    s_phi = gap / 2 + g * (versine + (theta * (1 - versine) - sine) / np.pi)
    return q / 2, r / 2, s_phi, (np.pi - theta) / (2 * np.pi)


def _versine(g: Any, gap: Any, s: Any) -> Any:
    """1 − cos θ of u and v, with g = √(qr) and gap = (√q − √r)²; 0 where one of them is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(g > 0, np.clip((s - gap) / (2 * g), 0, 2), 0)


def _erf(q: Any, r: Any, s: Any) -> tuple[Any, Any, Any, Any]:
    """The same of φ = erf: Williams 1997."""
    k = (q + r - s) / 2
    norm = (1 + 2 * q) * (1 + 2 * r)
    product = 2 / np.pi * np.arcsin(2 * k / np.sqrt(norm))
    q_phi = 2 / np.pi * np.arcsin(2 * q / (1 + 2 * q))
    r_phi = 2 / np.pi * np.arcsin(2 * r / (1 + 2 * r))
    return q_phi, r_phi, q_phi + r_phi - 2 * product, 4 / np.pi / np.sqrt(norm - 4 * k**2)


def _power(p: float, q: Any, r: Any, s: Any) -> tuple[Any, Any, Any, Any]:
    """The same of φ(t) = t₊^p, but the slopes: the arc-cosine kernel of order p (Cho & Saul 2009).

    With θ the angle of u and v and a = (π − θ)/2,

        E[φ(u)φ(v)] = (qr)^(p/2) 2^p Γ(p+1)/(2π) ∫_{−a}^{a} (sin(a − ψ) sin(a + ψ))^p dψ

    by Gauss–Jacobi quadrature in ψ/a, whose weight has the integrand's ends.
    """
    from scipy import special

    g = np.sqrt(q * r)
    versine = _versine(g, (np.sqrt(q) - np.sqrt(r)) ** 2, s)
    a = np.pi / 2 - np.arctan2(np.sqrt(versine), np.sqrt(2 - versine))
    node, weight = special.roots_jacobi(_NODES, p, p)
    total: Any = 0.0
    for t, w in zip(node, weight, strict=True):
        total = total + w * (np.sin(a * (1 - t)) * np.sin(a * (1 + t)) / (1 - t * t)) ** p
    factor = 2**p * special.gamma(p + 1) / (2 * np.pi)
    product = g**p * factor * a * total
    half = 2**p * special.gamma(p + 0.5) / (2 * np.pi**0.5)  # E φ(u)² at q = 1
    return half * q**p, half * r**p, half * (q**p + r**p) - 2 * product, np.nan


_NODES = 24
_LAYERS: dict[str, Callable] = {"relu": _relu, "erf": _erf}


def _by_rows(block: Callable, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    result = np.empty((len(x), len(y)))
    for start in range(0, len(x), _ROWS):
        rows = slice(start, start + _ROWS)
        result[rows] = block(x[rows], y)
    return result
