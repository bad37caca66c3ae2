"""Noise scales of the gradient of a network, measured at a step of its training.

With per-sample gradients g_i of the loss on n points, G their mean and Σ their covariance, and H
the Hessian of the loss on the same points (McCandlish, Kaplan, Amodei et al., arXiv 1812.06162):

    B_simple = tr Σ/|G|²        B_noise = tr(HΣ)/GᵀHG

|G|² and GᵀHG of a sample mean are too large by tr Σ/n and tr(HΣ)/n, which are taken off. B_noise is
the batch at which one step of plain gradient descent gains half of what it gains at most, whatever
the optimiser of the run does; B_simple is it where H is a multiple of the identity. Where the
curvature along the gradient is not positive, B_noise is no number.

What it does not do: networks of more than MOST parameters, whose Hessian has no room.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jax import Array
    from jaxtyping import Float

MOST = 2_000
"""Parameters of a network whose Hessian is formed."""
NAMES = ("simple", "noise")


def column(step: int, name: str) -> str:
    """The name of B_simple or B_noise at a step among the details of a result."""
    return f"gradient.{step}.{name}"


def measured(details: Mapping[str, float]) -> dict[int, tuple[float, float]]:
    """Both by step, where both were measured."""
    steps = {int(name.split(".")[1]) for name in details if name.startswith("gradient.")}
    at = {step: tuple(details.get(column(step, name)) for name in NAMES) for step in sorted(steps)}
    return {step: both for step, both in at.items() if None not in both}  # type: ignore[misc]


def scales(
    loss: Callable[[Any, Array, Array], Array],
    parameters: Any,
    x: Float[Array, "T D_amb n"],
    y: Float[Array, "T outputs n"],
) -> Float[Array, "2 T S"]:
    """B_simple and B_noise of the S networks of each of T teachers; NaN where there is none.

    loss: mean loss of one network, by its parameters, on points and targets in columns.
    """
    import jax
    import jax.numpy as jnp

    def one_teacher(given: tuple[Any, Array, Array]) -> Array:
        some, x, y = given
        return jax.lax.map(lambda parameters: _both(loss, parameters, x, y), some)

    # one after the other: batches of small matrix products are slow on a CPU
    return jnp.moveaxis(jax.lax.map(one_teacher, (parameters, x, y)), -1, 0)


def _both(loss: Any, parameters: Any, x: Array, y: Array) -> Array:
    import jax
    import jax.numpy as jnp
    from jax.flatten_util import ravel_pytree

    flat, back = ravel_pytree(parameters)
    n = x.shape[1]

    def of(flat: Array, x: Array, y: Array) -> Array:
        return loss(back(flat), x, y)

    g = jax.vmap(lambda x, y: jax.grad(of)(flat, x[:, None], y[:, None]), in_axes=(1, 1))(x, y)
    slope = jax.grad(of)
    H = jax.lax.map(
        lambda v: jax.jvp(lambda flat: slope(flat, x, y), (flat,), (v,))[1], jnp.eye(flat.size)
    )
    G = g.mean(0)
    around = g - G[None]
    spread = jnp.sum(around**2) / (n - 1)
    bent = jnp.sum((around @ H) * around) / (n - 1)
    size, along = G @ G - spread / n, G @ H @ G - bent / n
    simple = jnp.where(size > 0, spread / size, jnp.nan)
    return jnp.stack([simple, jnp.where((along > 0) & (bent > 0), bent / along, jnp.nan)])
