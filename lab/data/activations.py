"""Activations of networks, teachers' and students' alike: names, smoothness, functions.

    relu tanh erf gelu identity      by name
    relu^p                           t₊^p, the power of a ReLU, 0 ≤ p ≤ 8; the step t > 0 at p = 0

A wide random network of t₊^p has a target of smoothness p + ½, see `smoothness_of`.
"""

from __future__ import annotations

import math
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
