"""Teachers: what gives the targets. A random network, a Gaussian field, or a sum of ridges.

Network: y = gain · (T(z) − μ)/σ, frozen before any student is made. T is an MLP with
W ~ N(0, 1/fan_in) and b ~ N(0, bias²); no hidden layer makes a linear teacher. On a product
manifold one network per factor sees that factor's coordinates and the outputs are summed (Sharma &
Kaplan, arXiv 2004.10802). μ and σ are measured once on a sample of the manifold, so that outputs
have mean 0 and variance 1; `normalise = false` leaves them as they are. A teacher without biases on
a centred cube is homogeneous, T(λz) = λT(z): one direction is then easy for a ReLU student, and its
effective dimension may be d − 1.

Field: f ~ GP(0, k) is known only at the points where it was drawn, so the test points and the
largest training set are drawn together, f(X) = L z with L Lᵀ = k(X, X) and z standard normal. L is
triangular: f at the first points depends on those points alone. With the test points first and
nested training sets after them, a larger training set therefore changes no value drawn before, and
every draw of one generator is the same teacher. With k = Matérn-ν the field has ν derivatives in
the mean square; with k = ReLU-NNGP it is the limit of a wide random ReLU network. No fresh data
without end: a field has no formula.

Ridges are drawn where they are learned, in `lab.students.ridges`.

A committee of few units, and two targets that are rough in one place only, where points that are
chosen may help:

    singular    y = gain · (|u·z − c|^s − μ)/σ, u uniform on the sphere and c = u·z₀/2 of a point z₀
                of the manifold, so that the ridge crosses it
    committee   y = Σ_m erf(B_m·z/√2), B_m orthogonal and of length 1 (Saad & Solla 1995)
    threshold   y = sign(T(z) − m), m the mean of T unless it is linear without bias: two classes
                whose boundary is as smooth as the network; a linear T is a perceptron
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float, Key
from pydantic import Field, model_validator

from lab.data.activations import Activations, activation_of
from lab.data.covariances import (
    SETTINGS,
    Covariance,
    Covariances,
    CovarianceSettings,
    resolved_covariance,
)
from lab.grids import (
    Depth,
    Dims,
    Floats,
    Grid,
    PositiveFloat,
    PositiveInt,
    Positives,
    Shapes,
    Table,
    Whole,
    one_by_one,
    product,
)
from lab.kinds import Kinds

TEACHERS = Kinds("network")
"""Every kind of teacher by its name."""

FIELD_POINTS = 16_384
"""The largest number of points that one Gaussian field is drawn at: 2 GiB for the factor."""
FIELD_TEST_POINTS = 4_096
"""Number of these that are test points: a field is drawn at test and training points together."""


@dataclass(frozen=True)
class ResolvedTeacher:
    """A resolved teacher without its index; what belongs to another kind is empty or None."""

    widths: tuple[int, ...] = ()
    activation: str = ""
    bias: float = 0.0
    covariance: CovarianceSettings | None = None
    signs: str = ""
    ridge: float | None = None


class Teacher(Table):
    """Source of the targets; `count` teachers are drawn per dimension, with `outputs` each."""

    kind: str
    gain: Positives = (1.0,)
    outputs: PositiveInt = 1
    count: PositiveInt = 5
    normalise: bool = True

    descends: ClassVar[bool] = True
    """True if networks can be trained on its targets, drawn without limit."""
    solved_by: ClassVar[str] = ""
    """The one kind of student that can learn its targets; empty where any can."""

    def grid(self) -> Iterator[ResolvedTeacher]:
        """The resolved teachers of the grid."""
        raise NotImplementedError

    def mistakes(self, sizes: Sequence[int]) -> Iterator[str]:
        """Mistakes of the teacher together with training sets of these sizes."""
        return iter(())


@TEACHERS.add
class NetworkTeacher(Teacher):
    """A random network."""

    kind: Literal["network"] = "network"
    widths: Shapes = ((96, 96),)
    activation: Activations = ("relu",)
    bias: Floats = (0.0,)

    def grid(self) -> Iterator[ResolvedTeacher]:
        for settings in itertools.product(self.widths, self.activation, self.bias):
            yield ResolvedTeacher(*settings)


@TEACHERS.add
class FieldTeacher(Teacher):
    """A Gaussian field of a `covariance` and its settings, at as many points as memory holds."""

    kind: Literal["field"] = "field"
    covariance: Covariances
    nu: Positives | None = None
    length: Positives | None = None
    depth: Depth | None = None
    weight: PositiveFloat | None = None
    bias: Floats | None = None
    readout: PositiveFloat | None = None

    descends: ClassVar[bool] = False

    def wrong(self) -> Iterator[str]:
        for kind in self.covariance:
            for values in one_by_one(self, self._given()):
                try:
                    resolved_covariance(kind, values)
                except ValueError as error:
                    yield str(error)

    def _given(self) -> list[str]:
        return [name for name in SETTINGS if name in self.model_fields_set]

    def grid(self) -> Iterator[ResolvedTeacher]:
        for kind in self.covariance:
            for values in product(self, self._given()):
                settings = resolved_covariance(kind, values)
                yield ResolvedTeacher(covariance=(kind, tuple(sorted(settings.items()))))

    def mistakes(self, sizes: Sequence[int]) -> Iterator[str]:
        room = FIELD_POINTS - FIELD_TEST_POINTS
        if max(sizes, default=0) > room:
            yield (
                f"data.sizes: a Gaussian field is drawn at D and {FIELD_TEST_POINTS} "
                f"test points together, at most {FIELD_POINTS}; take D ≤ {room}"
            )


@TEACHERS.add
class RidgesTeacher(Teacher):
    """Ridges Σ_j c_j |v_j·x| on a sphere, of uniform directions and of weights 1/M with one sign or
    ±1/√M with random signs; units = 0 is the limit of infinitely many of one sign, f = 1."""

    kind: Literal["ridges"] = "ridges"
    signs: Grid[Literal["one", "random"]] = ("one",)
    units: Grid[Whole] = (0,)

    descends: ClassVar[bool] = False
    solved_by: ClassVar[str] = "ridges"

    @model_validator(mode="before")
    @classmethod
    def _without_randomness(cls, values: Any) -> Any:
        """Infinitely many ridges of one sign are one target."""
        if isinstance(values, dict) and values.get("units", 0) in (0, [0]):
            return {"count": 1, **values}
        return values

    def wrong(self) -> Iterator[str]:
        if 0 in self.units and "random" in self.signs:
            yield "units: ridges of random signs need a number of them, such as units = 4096"
        if self.units == (0,) and self.count > 1:
            yield "count: infinitely many ridges of one sign are one target; leave it out"
        if self.gain != (1.0,) or self.outputs > 1 or not self.normalise:
            yield "gain, outputs and normalise: ridges have none of these; leave them out"

    def grid(self) -> Iterator[ResolvedTeacher]:
        for signs, units in itertools.product(self.signs, self.units):
            yield ResolvedTeacher(widths=(units,) if units else (), signs=signs)


@TEACHERS.add
class SingularTeacher(Teacher):
    """One ridge |u·z − c|^s, singular on a hyperplane and smooth elsewhere."""

    kind: Literal["singular"] = "singular"
    power: Grid[Annotated[float, Field(gt=0, lt=4)]]

    def wrong(self) -> Iterator[str]:
        if 2.0 in self.power:
            yield "power: |t|^2 is smooth everywhere; take another s, as power = 0.6"
        if self.outputs > 1:
            yield "outputs: one ridge is one output; leave it out"

    def grid(self) -> Iterator[ResolvedTeacher]:
        for s in self.power:
            yield ResolvedTeacher(activation="identity", ridge=s)


@TEACHERS.add
class ThresholdTeacher(Teacher):
    """Two classes −1 and 1, by the sign of a random network."""

    kind: Literal["threshold"] = "threshold"
    widths: Shapes = ((96, 96),)
    activation: Activations = ("tanh",)
    bias: Floats = (0.5,)

    def wrong(self) -> Iterator[str]:
        if self.gain != (1.0,) or not self.normalise:
            yield "gain and normalise: classes are −1 and 1; leave them out"

    def grid(self) -> Iterator[ResolvedTeacher]:
        for settings in itertools.product(self.widths, self.activation, self.bias):
            yield ResolvedTeacher(*settings)


@TEACHERS.add
class CommitteeTeacher(Teacher):
    """A soft committee of `units` orthogonal directions, each with weight 1."""

    kind: Literal["committee"] = "committee"
    units: Dims = (2,)
    normalise: bool = False

    def wrong(self) -> Iterator[str]:
        if self.gain != (1.0,) or self.outputs > 1 or self.normalise:
            yield "gain, outputs and normalise: a committee has weights of 1; leave them out"

    def grid(self) -> Iterator[ResolvedTeacher]:
        for units in self.units:
            yield ResolvedTeacher(widths=(units,), activation="erf")


_NUGGETS = (0.0, 1e-15, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10)


def draw_field(
    x: Float[np.ndarray, "points D_amb"],
    *,
    covariance: Covariance,
    outputs: int = 1,
    rng: np.random.Generator,
) -> Float[np.ndarray, "points outputs"]:
    """Values at `x` of independent fields, one per output, each of variance k(x, x).

    Args:
        x: test points first, then training points; see above.
        covariance: k, for example `covariance("matern", nu=1.5)`.
        outputs: number of fields.
        rng: consumed; the same state gives the same teacher at any number of points.

    A smooth covariance (ν ≥ 5/2 at thousands of points, Gaussian) can be factored only with a
    nugget, at most 1e-10 of the variance: the field then carries noise of that size, and its values
    are nested only up to that noise. Raises ValueError if that is not enough, or if there are more
    than `FIELD_POINTS` points.
    """
    if len(x) > FIELD_POINTS:
        raise ValueError(
            f"a Gaussian field at {len(x)} points needs a factor of {8e-9 * len(x) ** 2:.1f} GB; "
            f"draw it at {FIELD_POINTS} points or fewer, or use a wide network as the teacher"
        )
    from scipy.linalg import cholesky

    # one column per output, each from its own stream, so that outputs too are nested
    z = np.stack([stream.standard_normal(len(x)) for stream in rng.spawn(outputs)], axis=1)
    scale = covariance.diagonal(x[:1])[0]
    for nugget in _NUGGETS:
        gram = covariance(x, x)
        gram[np.diag_indices_from(gram)] += nugget * scale
        try:
            factor = cholesky(gram, lower=True, overwrite_a=True, check_finite=False)
        except np.linalg.LinAlgError:
            continue
        return factor @ z
    raise ValueError(
        f"no Gaussian field at {len(x)} points: its covariance is not positive definite even with "
        f"a nugget of {_NUGGETS[-1]:g}; choose a rougher covariance or fewer points"
    )


Layers = list[tuple[Any, Any]]
"""Weights [out, in] and biases [out, 1] of a network, first layer first."""


def draw(
    charts: Sequence[int],
    widths: Sequence[int],
    outputs: int,
    bias: float = 0.0,
    *,
    key: Key[Any, ""],
) -> list[Layers]:
    """One network for each factor of the manifold, of so many coordinates; the key is consumed."""
    return [
        [
            _layer(n_in, n_out, bias, key=_fold(key, i, layer))
            for layer, (n_in, n_out) in enumerate(itertools.pairwise((chart, *widths, outputs)))
        ]
        for i, chart in enumerate(charts)
    ]


def _fold(key: Key[Any, ""], *indices: int) -> Key[Any, ""]:
    import jax

    for i in indices:
        key = jax.random.fold_in(key, i)
    return key


def _layer(n_in: int, n_out: int, bias: float, *, key: Key[Any, ""]) -> tuple[Any, Any]:
    import jax

    W = jax.random.normal(jax.random.fold_in(key, 0), (n_out, n_in)) / n_in**0.5
    b = bias * jax.random.normal(jax.random.fold_in(key, 1), (n_out, 1))
    return W, b


def apply(
    networks: list[Layers], activation: str, z: Float[Any, "chart n"]
) -> Float[Any, "outputs n"]:
    """T(z), the sum over the factors, before normalisation."""
    act = activation_of(activation)
    parts, start = [], 0
    for layers in networks:
        m = layers[0][0].shape[1]
        h = z[start : start + m]
        for W, b in layers[:-1]:
            h = act(W @ h + b)
        W, b = layers[-1]
        parts.append(W @ h + b)
        start += m
    return functools.reduce(operator.add, parts)


def committee(chart: int, units: int, *, key: Key[Any, ""]) -> list[Layers]:
    """Σ erf(B_m·z/√2) as a network: orthogonal rows of length 1/√2, and weights 1."""
    import jax
    import jax.numpy as jnp

    B = jnp.linalg.qr(jax.random.normal(key, (chart, units)))[0].T
    zeros = jnp.zeros((units, 1)), jnp.zeros((1, 1))
    return [[(B / 2**0.5, zeros[0]), (jnp.ones((1, units)), zeros[1])]]


def ridge(
    charts: Sequence[int], points: Callable[[Any], Any], *, key: Key[Any, ""]
) -> list[Layers]:
    """u·z − c as linear networks, one per factor. points: one point [chart, 1] of the manifold, of
    a key."""
    import jax
    import jax.numpy as jnp

    u = jax.random.normal(_fold(key, 0), (1, sum(charts)))
    u = u / jnp.sqrt(jnp.sum(u**2))
    c = u @ points(_fold(key, 1)) / 2
    starts = np.cumsum([0, *charts])
    return [
        [(u[:, a:b], -c if a == 0 else jnp.zeros_like(c))] for a, b in itertools.pairwise(starts)
    ]


def hidden(
    networks: list[Layers], activation: str, z: Float[Any, "chart n"]
) -> list[tuple[Float[Any, "w n"], Float[Any, "w n"]]]:
    """Every hidden layer of T at n points, before and after its activation; those of the factors
    stand side by side."""
    act = activation_of(activation)
    found: list[list[tuple[Any, Any]]] = [[] for _ in networks[0][:-1]]
    start = 0
    for layers in networks:
        m = layers[0][0].shape[1]
        h = z[start : start + m]
        for place, (W, b) in zip(found, layers[:-1], strict=True):
            before = W @ h + b
            h = act(before)
            place.append((before, h))
        start += m
    import jax.numpy as jnp

    return [
        (jnp.concatenate([b for b, _ in place]), jnp.concatenate([a for _, a in place]))
        for place in found
    ]
