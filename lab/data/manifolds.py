"""Manifolds of known intrinsic dimension d: where the data lie.

Each kind says its keys, the coordinates of its chart, and how points are drawn. Points are columns,
[chart, n]; a product has the charts of its factors one after the other.

`spectral` is Gaussian in `modes` dimensions of variance i^−b, with a linear target of power i^−a in
them: the teacher belongs to it. Without `modes` there are infinitely many, for students that know
their losses without points.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from lab.grids import Dims, Floats, PositiveInt, Positives, Table, as_tuple
from lab.kinds.kind import Kinds
from lab.mistakes import unknown

MANIFOLDS = Kinds("cube")
"""Every kind of manifold by its name."""

Factors = tuple[tuple[str, int], ...]
"""Kind and dimension of each factor; one where the manifold is no product."""


class Manifold(Table):
    """Where the data lie."""

    kind: str

    teacher: ClassVar[str | None] = None
    """The kind of the teacher that the manifold brings, if it does."""

    def factors_of(self) -> Iterator[Factors]:
        """The manifolds of the grid, factor by factor."""
        raise NotImplementedError

    def decays(self) -> tuple[tuple[float, float] | None, ...]:
        """The pairs (a, b) of a spectral task; None where it is none."""
        return (None,)

    @property
    def on_sphere(self) -> bool:
        """Whether all points are at one distance from the origin."""
        return False


class Dimensional(Manifold):
    """A manifold that is known by its kind and dimension, `dim`, one number or several."""

    dim: Dims

    round: ClassVar[bool] = False
    """Whether all points are at one distance from the origin."""

    def factors_of(self) -> Iterator[Factors]:
        for d in self.dim:
            yield ((self.kind, d),)

    @property
    def on_sphere(self) -> bool:
        return self.round

    @staticmethod
    def chart(d: int) -> int:
        """Coordinates in which it is written."""
        return d

    @staticmethod
    def sample(d: int, n: int, *, key: Any) -> Any:
        """n points, uniform on it, as columns [chart, n]; the JAX key is consumed."""
        raise NotImplementedError


@MANIFOLDS.add
class Cube(Dimensional):
    """[−½, ½]^d."""

    kind: Literal["cube"] = "cube"

    @staticmethod
    def sample(d: int, n: int, *, key: Any) -> Any:
        import jax

        return jax.random.uniform(key, (d, n)) - 0.5


@MANIFOLDS.add
class Ball(Dimensional):
    """The ball of radius ½ in R^d."""

    kind: Literal["ball"] = "ball"

    @staticmethod
    def sample(d: int, n: int, *, key: Any) -> Any:
        import jax
        import jax.numpy as jnp

        direction, radius = jax.random.split(key)
        g = jax.random.normal(direction, (d, n))
        r = 0.5 * jax.random.uniform(radius, (n,)) ** (1 / d)
        return r * g / jnp.linalg.norm(g, axis=0)


@MANIFOLDS.add
class Sphere(Dimensional):
    """The unit sphere S^d ⊂ R^{d+1}."""

    kind: Literal["sphere"] = "sphere"
    round: ClassVar[bool] = True

    @staticmethod
    def chart(d: int) -> int:
        return d + 1

    @staticmethod
    def sample(d: int, n: int, *, key: Any) -> Any:
        import jax
        import jax.numpy as jnp

        g = jax.random.normal(key, (d + 1, n))
        return g / jnp.linalg.norm(g, axis=0)


@MANIFOLDS.add
class Torus(Dimensional):
    """(cos θ_1, …, cos θ_d, sin θ_1, …, sin θ_d)."""

    kind: Literal["torus"] = "torus"
    round: ClassVar[bool] = True

    @staticmethod
    def chart(d: int) -> int:
        return 2 * d

    @staticmethod
    def sample(d: int, n: int, *, key: Any) -> Any:
        import jax
        import jax.numpy as jnp

        theta = 2 * jnp.pi * jax.random.uniform(key, (d, n))
        return jnp.concatenate([jnp.cos(theta), jnp.sin(theta)])


@MANIFOLDS.add
class Gaussian(Dimensional):
    """Standard normal in R^d."""

    kind: Literal["gaussian"] = "gaussian"

    @staticmethod
    def sample(d: int, n: int, *, key: Any) -> Any:
        import jax

        return jax.random.normal(key, (d, n))


class Factor(Table):
    """One factor of a product manifold."""

    kind: str = "cube"
    dim: PositiveInt

    def wrong(self) -> Iterator[str]:
        known = [kind for kind, table in MANIFOLDS.items() if issubclass(table, Dimensional)]
        if self.kind not in known:
            yield f"kind: {unknown('kind', self.kind, known)}"


@MANIFOLDS.add
class Product(Manifold):
    """A product of manifolds."""

    kind: Literal["product"] = "product"
    factors: Annotated[tuple[Factor, ...], BeforeValidator(as_tuple), Field(min_length=1)]

    def factors_of(self) -> Iterator[Factors]:
        yield tuple((factor.kind, factor.dim) for factor in self.factors)

    @property
    def on_sphere(self) -> bool:
        return all(MANIFOLDS[factor.kind].round for factor in self.factors)


@MANIFOLDS.add
class Spectral(Manifold):
    """Gaussian in `modes` dimensions. `alpha` = α_K stands for a = b = 1 + α_K, isotropic weights;
    a = b = 0 is isotropic in the inputs too."""

    kind: Literal["spectral"] = "spectral"
    a: Floats | None = None
    b: Floats | None = None
    alpha: Positives | None = None
    modes: PositiveInt | None = None

    teacher: ClassVar[str | None] = "spectral"

    def wrong(self) -> Iterator[str]:
        given = {name for name in ("a", "b", "alpha") if getattr(self, name) is not None}
        if given not in ({"a", "b"}, {"alpha"}):
            yield (
                "a spectral task takes 'a', 'b' and 'modes', or 'alpha' and 'modes', and no 'dim'"
            )

    def factors_of(self) -> Iterator[Factors]:
        yield ((self.kind, self.modes or 0),)

    def decays(self) -> tuple[tuple[float, float] | None, ...]:
        if self.alpha:
            return tuple((1 + alpha, 1 + alpha) for alpha in self.alpha)
        return tuple(itertools.product(self.a or (), self.b or ()))

    @staticmethod
    def chart(d: int) -> int:
        """One coordinate per mode."""
        return d
