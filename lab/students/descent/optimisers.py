"""First-order rules of a recipe (`lab.kinds.optimisers`) and its learning-rate schedule.

A rule here has rate 1; the rate of each step comes from `rates`, so that one compiled program
serves every rate, schedule and budget. Rules that find the lengths of their steps themselves are in
`problem.py`.
"""

from __future__ import annotations

import numpy as np
import optax
from jaxtyping import Float

from lab.kinds.optimisers import OPTIMISERS, FirstOrder
from lab.mistakes import unknown
from lab.spec import TrainingSpec
from lab.students.descent.muon import muon


def optimiser(
    name: str, beta1: float, beta2: float, decay: float, hidden: frozenset[str]
) -> optax.GradientTransformation:
    """The first-order rule of a student at rate 1. Raises ValueError for any other name."""
    first = {known: rule for known, rule in OPTIMISERS.items() if issubclass(rule, FirstOrder)}
    if name not in first:
        raise ValueError(unknown("first-order optimiser", name, first))
    rule: optax.GradientTransformation = first[name].rule()(beta1, beta2, decay, hidden)
    return rule


# Adam, AdamW and SGD work on all parameters as one vector (elementwise rules: the same numbers, one
# fused loop).


def adam(
    beta1: float, beta2: float, decay: float, hidden: frozenset[str]
) -> optax.GradientTransformation:
    """Adam, without decay."""
    return optax.flatten(optax.adam(1.0, b1=beta1, b2=beta2))


def adamw(
    beta1: float, beta2: float, decay: float, hidden: frozenset[str]
) -> optax.GradientTransformation:
    """Adam with decoupled decay of all parameters."""
    return optax.flatten(optax.adamw(1.0, b1=beta1, b2=beta2, weight_decay=decay))


def sgd(
    beta1: float, beta2: float, decay: float, hidden: frozenset[str]
) -> optax.GradientTransformation:
    """Gradient descent with momentum `beta1`."""
    return optax.flatten(optax.sgd(1.0, momentum=beta1))


def orthogonal(
    beta1: float, beta2: float, decay: float, hidden: frozenset[str]
) -> optax.GradientTransformation:
    """Muon for the `hidden` weight matrices, Adam for the output layer and biases."""
    return muon(beta1, adam_beta2=beta2, decay=decay, hidden=hidden)


def rates(training: TrainingSpec) -> Float[np.ndarray, " steps"]:
    """The learning rate of every step: the stages one after the other under one schedule.

    `constant`, `linear` (to 0) and `cosine` (to 0) act on the whole length; `step` is each stage's
    own rate. Warm-up rises linearly over its fraction of the steps. From a branch on the rate falls
    linearly to 0.
    """
    rate = np.concatenate([np.full(s, r) for s, _, r in training.stages] or [np.zeros(0)])
    t = (np.arange(rate.size) + 0.5) / max(rate.size, 1)
    shape = {
        "constant": np.ones_like(t),
        "step": np.ones_like(t),
        "linear": 1 - t,
        "cosine": 0.5 * (1 + np.cos(np.pi * t)),
    }[training.schedule]
    if training.warmup > 0:
        shape = shape * np.minimum(1.0, t / training.warmup)
    if at := training.branch_from:
        left = (rate.size - np.arange(at, rate.size) - 0.5) / (rate.size - at)
        shape[at:] *= left
    return rate * shape
