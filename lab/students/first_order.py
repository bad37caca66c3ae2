"""First-order optimisers: Muon, Adam, AdamW and SGD, each with what it costs.

A rule here has rate 1; the rate of each step comes from the schedule (`lab.students.training`), so
that one compiled program serves every rate, schedule and budget.

Muon is momentum whose matrices are made nearly orthogonal before the step (Jordan 2024). For a
hidden weight matrix with gradient G_t, as in optax.contrib.muon:
  M_t = β M_{t−1} + (1 − β) G_t,
  X_0 = (β M_t/(1 − β^{t+1}) + (1 − β) G_t/(1 − β^t)) / ‖·‖_F,
  X_{i+1} = a X_i + (b A + c A²) X_i with A = X_i X_iᵀ, five times (Newton–Schulz),
  step = √max(1, rows/columns) X_5 + decay · W.
Five iterations bring the singular values near 1, not to it. All other parameters take Adam's step
with Nesterov's momentum, as one vector.

The numbers are optax's up to round-off; the form is for small matrices on a CPU core. Products of
small matrices are sums of outer products, which XLA fuses, where its matrix product costs a call
whatever the size. And the iterations are a loop and not unrolled: a fifth of the code to compile,
and a loop over little memory becomes one piece of machine code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from jaxtyping import Float, Int

from lab.kinds.optimisers import OPTIMISERS, STUDENTS_RATE, FirstOrder
from lab.mistakes import unknown

if TYPE_CHECKING:
    import optax
    from jaxtyping import Array

SMALL = 12
"""The smaller side up to which Muon works in outer products. They are faster than XLA's matrix
product: for two students 2.5 to 4 times at 15 × 4 and 30 × 8, twice at 8 × 8 and 11 × 11, the same
at 15 × 15."""
SMALL_RATE, SMALL_MATRIX = 5e9, 1e-6
LARGE_RATE, LARGE_MATRIX = 6e8, 5e-6
"""FLOP/s of five Newton–Schulz iterations, and the seconds of their calls; of a large matrix per
row, up to `STUDENTS_RATE`."""
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""(a, b, c) of the iteration, chosen by Jordan for the steepest slope at 0."""
ITERATIONS = 5
EPSILON = 1e-8


@OPTIMISERS.add
class Muon(FirstOrder):
    """Momentum whose matrices are made nearly orthogonal, `muon` below."""

    name: Literal["muon"] = "muon"
    title: ClassVar[str] = "Muon"
    defaults: ClassVar[Mapping[str, Any]] = {"rate": 0.01, "beta1": 0.95, "beta2": 0.999}
    hidden: ClassVar[bool] = True

    @classmethod
    def rule(cls) -> Callable[..., Any]:
        return orthogonal

    @classmethod
    def seconds(cls, matrices: Sequence[tuple[int, int]]) -> float:
        return sum(map(_orthogonalising, matrices))


def _orthogonalising(sides: tuple[int, int]) -> float:
    m, n = min(sides), max(sides)
    flops = 5 * (4 * m * m * n + 2 * m**3)
    if m <= SMALL:
        return SMALL_MATRIX + flops / SMALL_RATE
    return LARGE_MATRIX + flops / min(LARGE_RATE * m, STUDENTS_RATE)


@OPTIMISERS.add
class Adam(FirstOrder):
    """Kingma and Ba, arXiv 1412.6980."""

    name: Literal["adam"] = "adam"
    title: ClassVar[str] = "Adam"
    defaults: ClassVar[Mapping[str, Any]] = {"rate": 0.01, "beta1": 0.9, "beta2": 0.99}

    @classmethod
    def rule(cls) -> Callable[..., Any]:
        return adam


@OPTIMISERS.add
class Adamw(FirstOrder):
    """Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101)."""

    name: Literal["adamw"] = "adamw"
    title: ClassVar[str] = "AdamW"
    defaults: ClassVar[Mapping[str, Any]] = Adam.defaults

    @classmethod
    def rule(cls) -> Callable[..., Any]:
        return adamw


@OPTIMISERS.add
class Sgd(FirstOrder):
    """Gradient descent with momentum `beta1`."""

    name: Literal["sgd"] = "sgd"
    title: ClassVar[str] = "SGD"
    defaults: ClassVar[Mapping[str, Any]] = {"rate": 0.1, "beta1": 0.9, "beta2": 0.999}

    @classmethod
    def rule(cls) -> Callable[..., Any]:
        return sgd


def optimiser(
    name: str, beta1: float, beta2: float, decay: float, hidden: frozenset[str]
) -> optax.GradientTransformation:
    """The first-order rule of a student at rate 1. Raises ValueError for any other name."""
    first = {known: rule for known, rule in OPTIMISERS.items() if issubclass(rule, FirstOrder)}
    if name not in first:
        raise ValueError(unknown("first-order optimiser", name, first))
    rule: optax.GradientTransformation = first[name].rule()(beta1, beta2, decay, hidden)
    return rule


def _of_optax(rule: optax.GradientTransformation) -> optax.GradientTransformation:
    """A rule of optax on all parameters as one vector: elementwise rules give the same numbers in
    one fused loop. optax raises floats to whole counts of steps, so that its own promotion of types
    holds inside, where the lab's programs ask for explicit casts."""
    import jax
    import optax

    flat = optax.flatten(rule)

    def update(gradients: Any, state: Any, parameters: Any = None) -> tuple[Any, Any]:
        with jax.numpy_dtype_promotion("standard"):
            return flat.update(gradients, state, parameters)

    return optax.GradientTransformation(flat.init, update)


def adam(
    beta1: float, beta2: float, decay: float, hidden: frozenset[str]
) -> optax.GradientTransformation:
    """Adam, without decay."""
    import optax

    return _of_optax(optax.adam(1.0, b1=beta1, b2=beta2))


def adamw(
    beta1: float, beta2: float, decay: float, hidden: frozenset[str]
) -> optax.GradientTransformation:
    """Adam with decoupled decay of all parameters."""
    import optax

    return _of_optax(optax.adamw(1.0, b1=beta1, b2=beta2, weight_decay=decay))


def sgd(
    beta1: float, beta2: float, decay: float, hidden: frozenset[str]
) -> optax.GradientTransformation:
    """Gradient descent with momentum `beta1`."""
    import optax

    return _of_optax(optax.sgd(1.0, momentum=beta1))


def orthogonal(
    beta1: float, beta2: float, decay: float, hidden: frozenset[str]
) -> optax.GradientTransformation:
    """Muon for the `hidden` weight matrices, Adam for the output layer and biases."""
    return muon(beta1, adam_beta2=beta2, decay=decay, hidden=hidden)


class State(NamedTuple):
    """Steps taken, momentum of the hidden matrices, and Adam's state of the other parameters."""

    taken: Int[Array, ""]
    momentum: dict[str, Float[Array, "m n"]]
    others: optax.OptState


def muon(
    beta: float, *, adam_beta2: float, decay: float, hidden: frozenset[str]
) -> optax.GradientTransformation:
    """The update rule of one student at rate 1; `hidden` names the matrices that are
    orthogonalised, and only these decay."""
    import jax
    import jax.numpy as jnp
    import optax

    adam = _of_optax(optax.nadam(1.0, b1=0.9, b2=adam_beta2, eps=EPSILON))

    def init(parameters: dict[str, Array]) -> State:
        ours, others = _split(parameters, hidden)
        return State(
            jnp.zeros((), jnp.int32), jax.tree.map(jnp.zeros_like, ours), adam.init(others)
        )

    def update(gradients: dict, state: State, parameters: dict) -> tuple[dict, State]:
        ours, others = _split(gradients, hidden)
        taken = state.taken + 1
        steps_taken = taken.astype(jax.tree.leaves(gradients)[0].dtype)
        now, ahead = 1 - beta**steps_taken, 1 - beta ** (steps_taken + 1)
        momentum = {k: beta * state.momentum[k] + (1 - beta) * g for k, g in ours.items()}
        steps = {
            k: -_step(beta * momentum[k] / ahead + (1 - beta) * g / now) - decay * parameters[k]
            for k, g in ours.items()
        }
        rest, state_of_others = adam.update(others, state.others)
        return {**steps, **rest}, State(taken, momentum, state_of_others)

    return optax.GradientTransformation(init, update)


def _split(tree: dict, hidden: frozenset[str]) -> tuple[dict, dict]:
    return (
        {k: v for k, v in tree.items() if k in hidden},
        {k: v for k, v in tree.items() if k not in hidden},
    )


def _step(m: Float[Array, "m n"]) -> Float[Array, "m n"]:
    """The orthogonalised matrix at the length that moves outputs alike at every width."""
    rows, columns = m.shape
    return max(1.0, rows / columns) ** 0.5 * orthogonalise(m)


def orthogonalise(m: Float[Array, "m n"]) -> Float[Array, "m n"]:
    """U f(S) Vᵀ for the matrix U S Vᵀ, f the quintic of the iteration applied five times."""
    import jax
    import jax.numpy as jnp

    tall = m.shape[0] > m.shape[1]
    x = m.T if tall else m  # A is then the smaller Gram matrix
    x = x / (jnp.sqrt(jnp.sum(x * x)) + EPSILON)
    product = _outer if x.shape[0] <= SMALL else jnp.matmul
    a, b, c = COEFFICIENTS

    def iterate(_: Int[Array, ""] | int, x: Array) -> Array:
        gram = product(x, x.T)
        return a * x + product(b * gram + c * product(gram, gram), x)

    x = jax.lax.fori_loop(0, ITERATIONS, iterate, x)
    return x.T if tall else x


def _outer(p: Float[Array, "m k"], q: Float[Array, "k n"]) -> Float[Array, "m n"]:
    """p @ q as a sum of outer products, in the order of k."""
    total = p[:, :1] * q[:1]
    for k in range(1, p.shape[1]):
        total = total + p[:, k : k + 1] * q[k : k + 1]
    return total
