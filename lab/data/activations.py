"""Activations of networks, teachers' and students' alike: names, smoothness, functions.

    relu tanh erf gelu identity      by name
    relu^p                           t₊^p, the power of a ReLU, 0 ≤ p ≤ 8; the step t > 0 at p = 0

A wide random network of t₊^p has a target of smoothness p + ½, see `smoothness_of`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator

from lab.grids import Grid
from lab.mistakes import unknown

ACTIVATIONS = ("relu", "tanh", "erf", "gelu", "identity")
HIGHEST = 8.0
"""Largest p of relu^p: values of t₊^p above are beyond single precision for wide inputs."""


def power_of(activation: str) -> float | None:
    """The p of t₊^p: 1 for relu, 1.5 for relu^1.5, 0 for a step; None for other activations."""
    if activation == "relu":
        return 1.0
    base, _, power = activation.partition("^")
    try:
        return float(power) if base == "relu" and power else None
    except ValueError:
        return None


def smoothness_of(activation: str) -> float:
    """Smoothness s of a wide random network of this activation: p + ½ of t₊^p, else ∞."""
    p = power_of(activation)
    return math.inf if p is None else p + 0.5


def activation_of(name: str) -> Callable[[Any], Any]:
    """The elementwise JAX function of this name, on arrays of any shape."""
    import jax
    import jax.numpy as jnp

    named = {
        "relu": jax.nn.relu, "tanh": jnp.tanh, "erf": jax.lax.erf, "gelu": jax.nn.gelu,
        "identity": lambda h: h,
    }  # fmt: skip
    if name in named:
        return named[name]
    p = power_of(name)
    assert p is not None  # a study names no other
    if p == 0:
        return lambda h: (h > 0).astype(h.dtype)
    if p == int(p):
        return lambda h: jax.nn.relu(h) ** int(p)
    # t₊^p has no slope at 0 where p < 1, and 0 · ∞ on its flat side
    return lambda h: jnp.where(h > 0, jnp.where(h > 0, h, 1.0) ** p, 0.0)


def _known(activation: Any) -> str:
    """An activation, relu^1 as relu. Raises ValueError, one sentence, for another name."""
    named = isinstance(activation, str)
    if named and activation in ACTIVATIONS:
        return activation
    p = power_of(activation) if named else None
    if p is None:
        raise ValueError(unknown("activation", str(activation), (*ACTIVATIONS, "relu^1.5")))
    if not 0 <= p <= HIGHEST:
        raise ValueError(f"relu^{p:g} is out of range; take a power from 0 to {HIGHEST:g}")
    return "relu" if p == 1 else f"relu^{p:g}"


Activation = Annotated[str, BeforeValidator(_known)]
Activations = Grid[Activation]
