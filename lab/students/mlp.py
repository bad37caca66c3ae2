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
from lab.kinds.student import STUDENTS, Reference, StudentSpec, Target, Trained
from lab.theory import Pieces

if TYPE_CHECKING:
    from jaxtyping import Array

    from lab.data.user_data import AnyTask
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
        "units": "lab.students.units:WATCHED",
    }
    size_key: ClassVar[str | None] = "widths"
    reference: ClassVar[str] = "lab.students.mlp:reference"

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
    def revives(cls, spec: StudentSpec) -> bool:
        return power_of(spec.activation) is not None and spec.parametrisation == "standard"

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


def reference(study: StudyInterface, task: AnyTask, student: StudentSpec) -> Reference | None:
    """The optimum of one layer on an interval, else the best linear loss of as many terms; none of
    a scan over D, where a network has as many terms at every x."""
    from lab.data import free_knots

    if not study.scans_model_size:
        return None

    known = free_knots.reference(study, task, student)
    if known:
        return known
    from lab.data import linear_terms  # brings SciPy

    return linear_terms.reference(study, task, student)


@cache
def _module() -> Any:
    """The flax module, which holds the parameters, draws the first ones, and answers.

    Its fields are the student, its coordinates and outputs, and where parameters are drawn also
    `normal`, [*batch, N or more] numbers of their streams, taken in the order of the layers.
    """
    import flax.linen as nn

    class Network(nn.Module):
        spec: StudentSpec
        D_amb: int
        outputs: int
        normal: Any = None

        def setup(self) -> None:
            sizes = itertools.pairwise((self.D_amb, *self.spec.widths, self.outputs))
            layers, start = [], 0
            for layer, (m, n) in enumerate(sizes):
                sigma_w, sigma_b = scales(self.spec, layer, m)
                if self.spec.parametrisation == "ntk":
                    sigma_w = sigma_b = 1.0
                W = self.variable("params", f"W{layer}", self._drawn, start, (n, m), sigma_w)
                b = self.variable(
                    "params", f"b{layer}", self._drawn, start + n * m, (n, 1), sigma_b
                )
                layers.append((W, b))
                start += n * (m + 1)
            self.layers = layers

        def __call__(self, x: Float[Array, "D_amb n"]) -> Float[Array, "outputs n"]:
            act = activation_of(self.spec.activation)
            h = x
            for layer in range(len(self.spec.widths)):
                before = self._affine(layer, h)
                h = act(before)
                self.sow("hidden", str(layer), (before, h))  # nothing unless it is asked for
            return self._affine(len(self.spec.widths), h)

        def drawn(self) -> None:
            """Nothing but the set-up, which draws."""

        def _drawn(self, start: int, shape: tuple[int, int], sigma: float) -> Any:
            rows, columns = shape
            cut = self.normal[..., start : start + rows * columns]
            return sigma * cut.reshape(*cut.shape[:-1], rows, columns)

        def _affine(self, layer: int, h: Array) -> Array:
            W, b = (one.value for one in self.layers[layer])
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

    N = Mlp.N(spec, D_amb=D_amb, outputs=outputs, D=0)
    normal = np.asarray(_normal()(1 << (N - 1).bit_length(), keys))
    module = _module()(spec, D_amb, outputs, normal)
    return jax.tree.map(jnp.asarray, module.init({}, method="drawn")["params"])


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
    answer: Any = _network(spec, parameters).apply({"params": parameters}, x)  # no state beside it
    return answer


def hidden(
    spec: StudentSpec, parameters: Parameters, x: Float[Array, "D_amb n"]
) -> list[tuple[Float[Array, "w n"], Float[Array, "w n"]]]:
    """Every hidden layer of the student at n points, before and after its activation."""
    network = _network(spec, parameters)
    _, state = network.apply({"params": parameters}, x, mutable=["hidden"])
    return [state["hidden"][str(layer)][0] for layer in range(len(spec.widths))]


def _network(spec: StudentSpec, parameters: Parameters) -> Any:
    outputs = parameters[f"b{len(spec.widths)}"].shape[0]
    return _module()(spec, parameters["W0"].shape[1], outputs)


def revived(
    spec: StudentSpec,
    parameters: Parameters,
    x: Float[Array, "D_amb n"],
    error: Float[Array, " n"],
    *,
    key: Key[Array, ""],
) -> Parameters:
    """The parameters with new weights for every ReLU that is 0 at all of these points.

    Such a unit has no gradient, and the student is one unit smaller. It gets new incoming weights,
    a bias that puts its kink on one of the points, drawn with a probability proportional to
    `error`, the loss there, and outgoing weights 0: the answers at these points stay as they are.
    New weights between hidden layers have mean 0, for what they see is never negative: their sum
    would put most kinks outside of the data.
    """
    import jax
    import jax.numpy as jnp

    seen, found, dead_below = x, dict(parameters), jnp.zeros(len(x), bool)
    for layer, (before, after) in enumerate(hidden(spec, parameters, x)):
        W, b, following = f"W{layer}", f"b{layer}", f"W{layer + 1}"
        dead = jnp.all(before <= 0, axis=1)
        weights, places = jax.random.split(jax.random.fold_in(key, layer))
        rows, columns = parameters[W].shape
        new = scales(spec, layer, columns)[0] * jax.random.normal(weights, (rows, columns), x.dtype)
        if layer:
            # nothing is known yet of what units drawn just now answer
            new = jnp.where(dead_below, 0.0, new - jnp.mean(new, axis=1, keepdims=True))
        at = jax.random.categorical(places, jnp.log(error), shape=(rows,))
        bias = -jnp.sum(new * seen[:, at].T, axis=1, keepdims=True)
        found[W] = jnp.where(dead[:, None], new, found[W])
        found[b] = jnp.where(dead[:, None], bias, found[b])
        found[following] = jnp.where(dead, 0.0, found[following])
        seen, dead_below = after, dead
    return found
