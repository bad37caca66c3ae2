"""Random features: a linear student on P random functions of the input, and its exact risks.

    relu       φ_j(x) = max(0, w_j·x + c_j)/√P       w ~ N(0, σ_w²/m), c ~ N(0, σ_b²), x in R^m
    fourier    φ_j(x) = √(2/P) cos(w_j·x + c_j)      w ~ N(0, 1/length²), c ~ U[0, 2π)
    gaussian   φ_j(x) = w_j·x/√P                     w ~ N(0, 1)

φ(x)·φ(x′) tends to E[φφ] of one ReLU layer, to the Gaussian covariance, and to x·x′ as P grows
(Rahimi & Recht 2007; Cho & Saul 2009). Only the linear weights are trained: convex, so every loss
has an exact optimum.

With `gaussian` features of a spectral task (`lab.data.spectra`) the risk is known exactly. Trained
on unlimited data, P features 𝒫 leave, in units of the target's variance and for isotropic weights,

    L(P) = Tr[C − C𝒫ᵀ(𝒫C𝒫ᵀ)⁻¹𝒫C] / Tr C,

and all S features trained on D samples X = GC^½ leave the same function of G: L(D) and L(P) are
one law (duality; Bahri et al., arXiv 2102.06701, without its factor ½).

No training of the features, no orthogonal or quasi-random draws.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from lab.models import MinimumNorm
from lab.students.algebra import linear

__all__ = [
    "Features",
    "RandomFeatures",
    "draw",
    "expected_risk",
    "infinite_data_risk",
    "learn",
    "mean_infinite_data_risk",
]

Kind = Literal["relu", "fourier", "gaussian"]


@dataclass(frozen=True)
class Features:
    """P random functions; call them with points [n, D_amb] to get features [n, P]."""

    kind: Kind
    w: Float[np.ndarray, "D_amb P"]
    c: Float[np.ndarray, " P"]

    def __call__(self, x: Float[np.ndarray, "n D_amb"]) -> Float[np.ndarray, "n P"]:
        h = x @ self.w + self.c
        if self.kind == "relu":
            np.maximum(h, 0, out=h)
        elif self.kind == "fourier":
            np.cos(h, out=h)
        h *= math.sqrt((2 if self.kind == "fourier" else 1) / len(self.c))
        return h


@dataclass(frozen=True)
class RandomFeatures:
    """A trained student; call it with points [m, D_amb] to get predictions [m, out]."""

    features: Features
    readout: linear.LinearRegression

    def __call__(self, x: Float[np.ndarray, "m D_amb"]) -> Float[np.ndarray, "m out"]:
        return self.readout(self.features(x))

    @property
    def weights(self) -> Float[np.ndarray, "D_amb out"]:
        """Of `gaussian` features, which are linear: the weights of x itself."""
        return _linear(self.features).w @ self.readout.weights / math.sqrt(len(self.features.c))


def draw(
    dimension: int,
    count: int,
    *,
    kind: Kind = "relu",
    weight: float = 2.0,
    bias: float = 0.0,
    length: float = 1.0,
    rng: np.random.Generator,
) -> Features:
    """Draw `count` features of inputs in R^dimension.

    Args:
        kind: see above.
        weight, bias: σ_w² and σ_b of `relu`.
        length: length scale of `fourier`, in the units of x.
        rng: consumed; more features from the same state begin with the same ones.
    """
    if count < 1:
        raise ValueError(f"random features need a count of at least 1, got {count}")
    directions, offsets = rng.spawn(2)
    w = directions.standard_normal((count, dimension)).T
    if kind == "relu":
        c = bias * offsets.standard_normal(count)
        return Features(kind, math.sqrt(weight / dimension) * w, c)
    if kind == "fourier":
        return Features(kind, w / length, offsets.uniform(0, 2 * np.pi, count))
    if kind == "gaussian":
        return Features(kind, w, np.zeros(count))
    raise ValueError(f"unknown features '{kind}'; choose relu, fourier or gaussian")


def learn(
    x: Float[np.ndarray, "D D_amb"],
    y: Float[np.ndarray, "D out"],
    *,
    features: int,
    kind: Kind = "relu",
    weight: float = 2.0,
    bias: float = 0.0,
    length: float = 1.0,
    ridge: float = 0.0,
    rng: np.random.Generator,
) -> RandomFeatures:
    """Draw `features` random features and fit the targets on them.

    Args:
        x, y: training points and targets.
        features: P, the number of trained parameters per output.
        kind, weight, bias, length: see `draw`.
        ridge: δ ≥ 0 of `lab.students.algebra.linear`; 0 takes the minimum-norm solution.
        rng: draws the features.
    """
    drawn = draw(x.shape[1], features, kind=kind, weight=weight, bias=bias, length=length, rng=rng)
    return RandomFeatures(drawn, linear.learn(drawn(x), y, ridge=ridge))


def infinite_data_risk(
    features: Features,
    eigenvalues: Float[np.ndarray, " D_amb"],
    weights: Float[np.ndarray, "D_amb 1"],
) -> float:
    """Exact risk L(∞) of `gaussian` features on unlimited data, for one target wᵀx.

    Args:
        features: of kind `gaussian`; also, with w = Gᵀ, the D samples X = GC^½ of the dual.
        eigenvalues: λ_i of the inputs, C = diag λ.
        weights: w of the target.
    """
    basis = _expressed(features, eigenvalues)
    target = np.sqrt(eigenvalues) * weights[:, 0]
    return float(np.sum((target - basis @ (basis.T @ target)) ** 2))


def mean_infinite_data_risk(
    features: Features,
    eigenvalues: Float[np.ndarray, " D_amb"],
    power: Float[np.ndarray, " D_amb"],
) -> float:
    """The mean of `infinite_data_risk` over random signs of the target's weights.

    Args:
        power: v_i² of the target. λ_i/Σλ gives L(P) of the formula above: the mean over signs is
            then that over all directions of isotropic weights.
    """
    return float(power @ (1 - np.sum(_expressed(features, eigenvalues) ** 2, axis=1)))


def _expressed(features: Features, eigenvalues: np.ndarray) -> np.ndarray:
    """Orthonormal basis of C^½𝒫ᵀ: the whitened targets that the features express exactly."""
    return np.linalg.qr(np.sqrt(eigenvalues)[:, None] * _linear(features).w)[0]


def _linear(features: Features) -> Features:
    if features.kind != "gaussian":
        raise ValueError(f"the risk of '{features.kind}' features is not known; use 'gaussian'")
    return features


def expected_risk(
    infinite_data: float, *, features: int, samples: int, noise: float = 0.0
) -> float:
    """Exact risk L(D) of P Gaussian features at D > P + 1 samples: L(∞) + excess.

    What P Gaussian features of Gaussian inputs cannot express is Gaussian and independent of them,
    hence label noise of variance L(∞) + σ²:

        L(D) = L(∞) + (L(∞) + σ²) P/(D − P − 1),

    variance-limited, 1/D at D ≫ P. Without the σ² of noisy test labels; ∞ for D ≤ P + 1.

    Args:
        infinite_data: L(∞), from `infinite_data_risk` for these features.
        features, samples: P and D.
        noise: σ.
    """
    if samples <= features + 1:
        return math.inf
    spread = math.sqrt(infinite_data + noise**2)
    return infinite_data + float(MinimumNorm(features, spread, 0.0).risk(samples))
