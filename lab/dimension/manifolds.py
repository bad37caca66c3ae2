"""Points on manifolds of known dimension d: what the correction was measured on.

The manifolds and the curved embedding are those of `lab.task.manifolds`, written for NumPy with one
row per point, and for any d: cube [−½, ½]^d, ball of radius ½, unit sphere S^d, torus (cos θ_i,
sin θ_i), standard normal `gaussian`; `curved` is the cube under z ↦ [z; ½ sin(Ωz + φ)] with as many
waves as coordinates, Ω of standard deviation 2.

Distances know nothing of a linear isometry, so the ambient dimension enters through noise alone.

What it does not do: draw the tasks of a study.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

Points = Float[np.ndarray, "n ambient"]


def cube(d: int, n: int, rng: np.random.Generator) -> Points:
    """Uniform on [−½, ½]^d."""
    return rng.random((n, d)) - 0.5


def gaussian(d: int, n: int, rng: np.random.Generator) -> Points:
    """Standard normal in R^d."""
    return rng.standard_normal((n, d))


def sphere(d: int, n: int, rng: np.random.Generator) -> Points:
    """Uniform on S^d in R^{d+1}."""
    x = rng.standard_normal((n, d + 1))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def ball(d: int, n: int, rng: np.random.Generator) -> Points:
    """Uniform in the ball of radius ½ in R^d."""
    x = rng.standard_normal((n, d))
    return 0.5 * rng.random((n, 1)) ** (1 / d) * x / np.linalg.norm(x, axis=1, keepdims=True)


def torus(d: int, n: int, rng: np.random.Generator) -> Points:
    """Uniform on the product of d unit circles in R^{2d}."""
    angle = 2 * np.pi * rng.random((n, d))
    return np.concatenate([np.cos(angle), np.sin(angle)], axis=1)


def curved(d: int, n: int, rng: np.random.Generator) -> Points:
    """The cube, bent into R^{2d} by d sines."""
    z = cube(d, n, rng)
    waves = z @ (2 * rng.standard_normal((d, d))) + 2 * np.pi * rng.random(d)
    return np.concatenate([z, 0.5 * np.sin(waves)], axis=1)


MANIFOLDS: dict[str, Callable[[int, int, np.random.Generator], Points]] = {
    "cube": cube, "ball": ball, "sphere": sphere, "gaussian": gaussian, "torus": torus,
    "curved": curved,
}  # fmt: skip
