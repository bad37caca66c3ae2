"""The student `mlp`, a multilayer perceptron on columns: f(x) = W_L σ(… σ(W_1 x + b_1) …) + b_L.

Points are columns, so that the first layer of S students that see the same batch is one matrix
product of [S·w, D_amb] with [D_amb, batch], and every elementwise pass runs along the batch.

Parametrisations, with C = `weight` and s = `bias`:
  standard  W ~ N(0, C/fan_in), b ~ N(0, s²);
  ntk       W = √(C/fan_in) ω and b = s β with ω, β ~ N(0, 1) trained (Jacot et al. 2018).
The output layer has C = 1 in both. The only file that knows flax. It trains nothing: the loop is
`lab.students.training`, for every kind that is a `Trained`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from jaxtyping import Float, Key
from pydantic import Field

from lab.data.activations import Activations, activation_of, power_of
from lab.grids import Depth, NonNegativeFloat, PositiveFloat, Widths
from lab.kinds import load
from lab.kinds.student import STUDENTS, StudentSpec, Target, Trained
from lab.theory import Pieces

if TYPE_CHECKING:
    from jaxtyping import Array

    from lab.kinds.student import StudyInterface

Parameters = dict[str, Any]
"""W0, b0, W1, … of one student, or of many with their axes in front."""


@STUDENTS.add
class Mlp(Trained):
    """A multilayer perceptron. A width stands for `depth` layers of it; a list is the layers."""

    kind: Literal["mlp"] = "mlp"
    widths: Widths
    depth: Depth | None = None
    activation: Activations = ("relu",)
    parametrisation: Literal["standard", "ntk"] = "standard"
    weight: PositiveFloat = Field(default=2.0, description="variance of a weight times its fan-in")
    bias: NonNegativeFloat = Field(
        default=0.5, description="standard deviation of a bias at the start"
    )

    solvers: ClassVar[Mapping[str, str]] = {
        **Trained.solvers,
        "data": "lab.students.solvers:BASIN",
        "ntk": "lab.students.solvers:TANGENTS",
    }
    size_key: ClassVar[str | None] = "widths"
    reference: ClassVar[str] = "lab.data.linear_terms:slope"

    def specs(self, *, inputs: str | None = None) -> Iterator[StudentSpec]:
        for activation, width in itertools.product(self.activation, self.widths):
            widths = width if isinstance(width, tuple) else (width,) * (self.depth or 2)
            yield StudentSpec(
                self.kind,
                widths,
                activation,
                self.parametrisation,
                self.weight,
                self.bias,
                inputs or self.inputs,
            )

    def limit_loss_is_zero(self, task: Target, *, sized: bool) -> bool:
        return True

    def mistakes(self, study: StudyInterface) -> Iterator[str]:
        if self.depth is not None and any(isinstance(w, tuple) for w in self.widths):
            yield "student.depth: widths that list their layers have their depth; leave it out"
        if any(power_of(activation) == 0 for activation in self.activation):
            yield "student.activation: a step has no slope to descend; take relu^p with p > 0"

    @classmethod
    def N(cls, spec: StudentSpec, *, D_amb: int, outputs: int, D: int) -> int:
        layers = (D_amb, *spec.widths, outputs)
        return sum((m + 1) * n for m, n in itertools.pairwise(layers))

    @classmethod
    def leading(cls, spec: StudentSpec, *, D_amb: int, outputs: int) -> tuple[int, int]:
        """The weights between hidden layers, order 2; with one hidden layer all but the output
        biases, order 1."""
        if len(spec.widths) < 2:
            return cls.N(spec, D_amb=D_amb, outputs=outputs, D=0) - outputs, 1
        return sum(m * n for m, n in itertools.pairwise(spec.widths)), 2

    @classmethod
    def same_but_size(cls, spec: StudentSpec) -> StudentSpec:
        return replace(spec, widths=())

    @classmethod
    def pieces(cls, spec: StudentSpec) -> Pieces | None:
        if spec.activation != "relu":
            return None
        return "shallow" if len(spec.widths) == 1 else "deep"

    @classmethod
    def network(cls) -> Any:
        return load("lab.students.mlp")

    @classmethod
    def hidden_matrices(cls, spec: StudentSpec) -> frozenset[str]:
        return frozenset(f"W{layer}" for layer in range(len(spec.widths)))

    @classmethod
    def rescaled(cls, spec: StudentSpec, factor: float) -> StudentSpec | None:
        return replace(spec, weight=factor * spec.weight)

    @classmethod
    def matrices(cls, spec: StudentSpec, *, D_amb: int, outputs: int) -> list[tuple[int, int]]:
        return [*itertools.pairwise((D_amb, *spec.widths, outputs))]

    @classmethod
    def hidden_units(cls, spec: StudentSpec) -> int:
        return sum(spec.widths)

    @classmethod
    def layers(cls, spec: StudentSpec) -> int:
        return len(spec.widths)


@cache
def _module() -> Any:
    """The flax module of (spec, outputs); it sows its layers as `hidden`."""
    import flax.linen as nn

    class Network(nn.Module):
        spec: StudentSpec
        outputs: int

        @nn.compact
        def __call__(self, x: Float[Array, "D_amb n"]) -> Float[Array, "outputs n"]:
            act = activation_of(self.spec.activation)
            h = x
            for layer, width in enumerate(self.spec.widths):
                before = self._affine(layer, h, width)
                h = act(before)
                self.sow("hidden", str(layer), (before, h))  # nothing unless it is asked for
            return self._affine(len(self.spec.widths), h, self.outputs)

        def _affine(self, layer: int, h: Array, width: int) -> Array:
            zeros = nn.initializers.zeros  # `init` below draws: this only declares names and shapes
            W = self.param(f"W{layer}", zeros, (width, h.shape[0]))
            b = self.param(f"b{layer}", zeros, (width, 1))
            if self.spec.parametrisation == "ntk":
                sigma_w, sigma_b = scales(self.spec, layer, h.shape[0])
                return sigma_w * (W @ h) + sigma_b * b
            return W @ h + b

    return Network


def init(spec: StudentSpec, D_amb: int, outputs: int, *, keys: Key[Array, "*batch"]) -> Parameters:
    """Parameters of one student per key, with the keys' shape in front; the keys are consumed.

    All numbers of a student come from one draw of its key, cut up in the order of the layers: six
    draws of six shapes would take longer to compile than the training step.
    """
    import jax
    import jax.numpy as jnp
    import numpy as np

    module = _module()(spec, outputs)
    shapes = jax.eval_shape(module.init, keys.ravel()[0], jnp.zeros((D_amb, 1)))["params"]
    N = sum(leaf.size for leaf in jax.tree.leaves(shapes))
    normal = np.asarray(_normal()(1 << (N - 1).bit_length(), keys))
    parameters, start = {}, 0
    for layer in range(len(spec.widths) + 1):
        W, b = shapes[f"W{layer}"], shapes[f"b{layer}"]
        sigma_w, sigma_b = scales(spec, layer, W.shape[1])
        if spec.parametrisation == "ntk":
            sigma_w = sigma_b = 1.0
        for name, leaf, sigma in ((f"W{layer}", W, sigma_w), (f"b{layer}", b, sigma_b)):
            draw = normal[..., start : start + leaf.size].reshape(*keys.shape, *leaf.shape)
            parameters[name] = jnp.asarray(sigma * draw)
            start += leaf.size
    return parameters


@cache
def _normal() -> Callable[..., Any]:
    """The compiled draw of n normal numbers per key, [..., n]."""
    import jax

    @partial(jax.jit, static_argnums=0)
    def normal(n: int, keys: Any) -> Any:
        flat = jax.vmap(lambda key: jax.random.normal(key, (n,)))(keys.ravel())
        return flat.reshape(*keys.shape, n)

    return normal


def scales(spec: StudentSpec, layer: int, fan_in: int) -> tuple[float, float]:
    """Standard deviations of weights and biases of a layer as the network sees them."""
    C = spec.weight if layer < len(spec.widths) else 1.0
    return (C / fan_in) ** 0.5, spec.bias


def apply(
    spec: StudentSpec, parameters: Parameters, x: Float[Array, "D_amb n"]
) -> Float[Array, "outputs n"]:
    """The student's answer at n points (logits under kl)."""
    outputs = parameters[f"b{len(spec.widths)}"].shape[0]
    answer: Any = _module()(spec, outputs).apply({"params": parameters}, x)  # no state beside it
    return answer


def hidden(
    spec: StudentSpec, parameters: Parameters, x: Float[Array, "D_amb n"]
) -> list[tuple[Float[Array, "w n"], Float[Array, "w n"]]]:
    """Every hidden layer of the student at n points, before and after its activation."""
    outputs = parameters[f"b{len(spec.widths)}"].shape[0]
    network = _module()(spec, outputs)
    _, found = network.apply({"params": parameters}, x, mutable=["hidden"])
    return [found["hidden"][str(layer)][0] for layer in range(len(spec.widths))]
