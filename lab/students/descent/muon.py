"""Muon: momentum whose matrices are made nearly orthogonal before the step (Jordan 2024).

For a hidden weight matrix with gradient G_t, as in optax.contrib.muon:
  M_t = β M_{t−1} + (1 − β) G_t,
  X_0 = (β M_t/(1 − β^{t+1}) + (1 − β) G_t/(1 − β^t)) / ‖·‖_F,
  X_{i+1} = a X_i + (b A + c A²) X_i with A = X_i X_iᵀ, five times (Newton–Schulz),
  step = √max(1, rows/columns) X_5 + decay · W.
Five iterations bring the singular values near 1, not to it. All other parameters take Adam's step
with Nesterov's momentum, as one vector. The rate is 1: `optimisers.rates` has the others.

The numbers are optax's up to round-off; the form is for small matrices on a CPU core. Products of
small matrices are sums of outer products, which XLA fuses, where its matrix product costs a call
whatever the size. And the iterations are a loop and not unrolled: a fifth of the code to compile,
and a loop over little memory becomes one piece of machine code.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from lab.kinds.optimisers import SMALL

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""(a, b, c) of the iteration, chosen by Jordan for the steepest slope at 0."""
ITERATIONS = 5
EPSILON = 1e-8


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
    adam = optax.flatten(optax.nadam(1.0, b1=0.9, b2=adam_beta2, eps=EPSILON))

    def init(parameters: dict[str, Array]) -> State:
        ours, others = _split(parameters, hidden)
        return State(
            jnp.zeros((), jnp.int32), jax.tree.map(jnp.zeros_like, ours), adam.init(others)
        )

    def update(gradients: dict, state: State, parameters: dict) -> tuple[dict, State]:
        ours, others = _split(gradients, hidden)
        taken = state.taken + 1
        now, ahead = 1 - beta**taken, 1 - beta ** (taken + 1)
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
    total = p[:, 0, None] * q[0]
    for k in range(1, p.shape[1]):
        total = total + p[:, k, None] * q[k]
    return total
