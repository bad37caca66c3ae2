"""Manifolds of known intrinsic dimension d, where the data lie, and embeddings into R^D_amb.

Each kind says its keys, the coordinates of its chart, and how points are drawn. Points are columns:
an array of m coordinates and n points has shape [m, n], the layout in which many small networks
train fastest. A product has the charts of its factors one after the other.

Embeddings keep d: identity; `linear`, a random isometry; `curved`, z ↦ Q[z; ½ sin(Ωz + φ)] with Q
orthogonal, injective with a Jacobian of full rank because z itself is among the coordinates;
`features` (Sharma & Kaplan, arXiv 2004.10802) appends coordinates uniform on [−½, ½] that never
reach the teacher: there the teacher's dimension is d, the data's is D_amb.

JAX is imported where points are drawn, so that a study is checked without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from jaxtyping import Float, Key
from pydantic import BeforeValidator, Field

from lab.grids import Dims, PositiveInt, Setting, Table, as_tuple, product
from lab.kinds import Kinds
from lab.mistakes import unknown

MANIFOLDS = Kinds("cube")
"""Every kind of manifold by its name."""

Factors = tuple[tuple[str, int], ...]
"""Kind and dimension of each factor; one where the manifold is no product."""
Shape = tuple[tuple[str, Setting], ...]
"""Parameters of a manifold beside its dimension, by name and sorted; empty where it has none."""


class Manifold(Table):
    """Manifold of the data."""

    kind: str

    teacher: ClassVar[str | None] = None
    """The kind of the teacher that the manifold brings, if it does."""

    def factors_of(self) -> Iterator[Factors]:
        """The manifolds of the grid, factor by factor."""
        raise NotImplementedError

    def shapes(self) -> Iterator[Shape]:
        """The values of its other parameters in the grid."""
        yield ()

    def decays(self) -> tuple[tuple[float, float] | None, ...]:
        """The pairs (a, b) of a spectral task; None where it is none."""
        return (None,)

    @property
    def on_sphere(self) -> bool:
        """True if all points are at one distance from the origin."""
        return False


class Dimensional(Manifold):
    """A manifold that is known by its kind and dimension, `dim`, one number or several.

    Other keys of a kind are its parameters, grids as everywhere: `sample` takes each by its name.
    """

    dim: Dims

    round: ClassVar[bool] = False
    """True if all points are at one distance from the origin."""

    def factors_of(self) -> Iterator[Factors]:
        for d in self.dim:
            yield ((self.kind, d),)

    def shapes(self) -> Iterator[Shape]:
        own = [name for name in type(self).model_fields if name not in ("kind", "dim")]
        for values in product(self, own):
            yield tuple(sorted(values.items()))

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
        r = 0.5 * jax.random.uniform(radius, (1, n)) ** (1 / d)
        return r * g / jnp.linalg.norm(g, axis=0, keepdims=True)


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
        return g / jnp.linalg.norm(g, axis=0, keepdims=True)


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
        plain = set(Dimensional.model_fields)  # a factor has no parameters of its own
        known = [kind for kind, table in MANIFOLDS.items() if set(table.model_fields) == plain]
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


def chart(factor: tuple[str, int]) -> int:
    """Coordinates in which a factor of a manifold, its kind and dimension, is written."""
    kind, d = factor
    return MANIFOLDS[kind].chart(d)


class Embedding(Table):
    """Embedding of the manifold in the student's `ambient` coordinates."""

    kind: Literal["identity", "features", "linear", "curved"] = "identity"
    ambient: PositiveInt | None = None

    def wrong(self) -> Iterator[str]:
        if self.kind == "identity" and self.ambient is not None:
            yield "the identity embedding has no 'ambient'; leave it out"
        if self.kind != "identity" and self.ambient is None:
            yield f"the {self.kind} embedding needs 'ambient = …' coordinates"


CURVATURE = 0.5
"""Amplitude of the sines of the curved embedding."""


def sample(
    manifold: Factors, n: int, shape: Shape = (), *, key: Key[Any, ""]
) -> Float[Any, "chart n"]:
    """n points, uniform on the manifold (standard normal for `gaussian`), in chart coordinates.

    The key is consumed: one key per factor is folded from it.
    """
    import jax
    import jax.numpy as jnp

    parts = [
        MANIFOLDS[kind].sample(d, n, key=jax.random.fold_in(key, i), **dict(shape))
        for i, (kind, d) in enumerate(manifold)
    ]
    return jnp.concatenate(parts) if len(parts) > 1 else parts[0]


def embedding(kind: str, m: int, D_amb: int, *, key: Key[Any, ""]) -> dict[str, Any]:
    """The random arrays of an embedding of m coordinates in D_amb: empty for `identity` and
    `features`."""
    import jax
    import jax.numpy as jnp

    if kind == "linear":
        return {"Q": _isometry(D_amb, m, key=key)}
    if kind == "curved":
        frame, frequency, phase = jax.random.split(key, 3)
        return {
            "Q": _isometry(D_amb, D_amb, key=frame),
            "Omega": 2 * jax.random.normal(frequency, (D_amb - m, m)),
            "phi": 2 * jnp.pi * jax.random.uniform(phase, (D_amb - m, 1)),
        }
    return {}


def embed(
    kind: str,
    D_amb: int,
    arrays: dict[str, Any],
    z: Float[Any, "chart n"],
    *,
    key: Key[Any, ""],
) -> Float[Any, "D_amb n"]:
    """Inputs of the student at chart coordinates z. Only `features` uses the key."""
    import jax
    import jax.numpy as jnp

    if kind == "features":
        distractors = jax.random.uniform(key, (D_amb - z.shape[0], z.shape[1])) - 0.5
        return jnp.concatenate([z, distractors])
    if kind == "linear":
        return arrays["Q"] @ z
    if kind == "curved":
        waves = CURVATURE * jnp.sin(arrays["Omega"] @ z + arrays["phi"])
        return arrays["Q"] @ jnp.concatenate([z, waves])
    return z


def _isometry(rows: int, columns: int, *, key: Key[Any, ""]) -> Float[Any, "rows columns"]:
    """Columns orthonormal, uniform over all such matrices (QR with the signs of R fixed)."""
    import jax
    import jax.numpy as jnp

    q, r = jnp.linalg.qr(jax.random.normal(key, (rows, columns)))
    return q * jnp.sign(jnp.diag(r))[None]
