"""Harmonics: the spectrum of a covariance on the sphere, whose eigenfunctions are known.

A covariance k(t) of the cosine t = x·x′ of two points of S^d, d ≥ 1, has as eigenfunctions the
spherical harmonics, for uniform points. All harmonics of degree l share an eigenvalue (Funk–Hecke)

    λ_l = ∫ k(cos θ) P_l(cos θ) sin^(d−1)θ dθ / ∫ sin^(d−1)θ dθ

with P_l the Gegenbauer polynomial of S^d, P_l(1) = 1, and there are C(l+d, d) − C(l+d−2, d) of
them. What the degrees left out add to the trace is kept as one number.

Any covariance of `lab.task.covariances` is such a function on the sphere. No other manifold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import comb

from lab.task.covariances import Covariance

__all__ = ["Harmonics", "harmonics"]

DEGREES = {1: 10_000, 2: 600}
MANY_DIMENSIONS = 200
"""Degrees that are computed, by d: several times the degree that 2^13 samples resolve (on the
circle 2^11), and not so many that what is left out is below rounding."""
CIRCLE = 2**18
"""Points of the Fourier transform on the circle, where the recursion of P_l loses digits."""
NODES = 20
"""Nodes of a panel of the quadrature, which is as wide as five zeros of the last polynomial."""
ROUNDING = 1e-16
"""Eigenvalues below this share of the largest are rounding errors."""


@dataclass(frozen=True)
class Harmonics:
    """The spectrum, by degree.

    Attributes:
        eigenvalues: λ_l of each harmonic of degree l; 0 where rounding hides it.
        multiplicity: number of harmonics of degree l.
        rest: k(x, x) less the sum over these degrees.
    """

    eigenvalues: Float[np.ndarray, " degrees"]
    multiplicity: Float[np.ndarray, " degrees"]
    rest: float


def harmonics(covariance: Covariance, d: int, *, degrees: int | None = None) -> Harmonics:
    """The spectrum of a covariance on S^d, up to a degree. Errors are about 1e-16 of k(x, x)."""
    K = degrees or DEGREES.get(d, MANY_DIMENSIONS)
    found = _on_the_circle(covariance, K) if d == 1 else _on_the_sphere(covariance, d, K)
    found[found < ROUNDING * found.max()] = 0.0
    degree = np.arange(K)
    multiplicity = comb(degree + d, d) - comb(np.maximum(degree + d - 2, 0), d)
    rest = float(covariance.diagonal(np.eye(1, d + 1))[0] - found @ multiplicity)
    return Harmonics(found, multiplicity, max(rest, 0.0))


def _on_the_circle(covariance: Covariance, degrees: int) -> np.ndarray:
    theta = 2 * np.pi * np.arange(CIRCLE) / CIRCLE
    values = covariance(np.eye(1, 2), np.stack([np.cos(theta), np.sin(theta)], axis=1))[0]
    return np.fft.rfft(values).real[:degrees] / CIRCLE


def _on_the_sphere(covariance: Covariance, d: int, degrees: int) -> np.ndarray:
    theta, weight = _quadrature(degrees)
    weight = weight * np.sin(theta) ** (d - 1)
    points = np.zeros((len(theta), d + 1))
    points[:, 0], points[:, 1] = np.cos(theta), np.sin(theta)
    values = covariance(np.eye(1, d + 1), points)[0] * weight / weight.sum()
    t, half = np.cos(theta), (d - 1) / 2
    before, polynomial, eigenvalues = np.ones_like(t), t, []
    for degree in range(degrees):
        eigenvalues.append(values @ before)
        # (l + 2·half) P_{l+1} = 2 (l + half) t P_l − l P_{l−1}, with l = degree + 1
        step = degree + 1
        following = 2 * (step + half) * t * polynomial - step * before
        before, polynomial = polynomial, following / (step + 2 * half)
    return np.array(eigenvalues)


def _quadrature(degrees: int) -> tuple[np.ndarray, np.ndarray]:
    """Angles and weights of Gauss–Legendre panels on [0, π], finer at both ends, where a
    covariance of a network or of low ν is not smooth."""
    node, weight = np.polynomial.legendre.leggauss(NODES)
    edges = np.linspace(0, np.pi, max(50, degrees // 5) + 1)
    finer = edges[1] * 2.0 ** -np.arange(1, 30)
    edges = np.unique(np.concatenate([edges, finer, np.pi - finer]))
    low, width = edges[:-1, None], np.diff(edges)[:, None]
    theta = low + width * (node + 1) / 2
    return theta.ravel(), (width / 2 * weight).ravel()
