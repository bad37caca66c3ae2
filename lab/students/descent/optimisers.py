"""The optimisers of a recipe and its learning-rate schedule.

An optimiser here has rate 1; the rate of each step comes from `rates`, so that one compiled program
serves every rate, schedule and budget. L-BFGS, which searches its own step, is in `training.py`.
"""

from __future__ import annotations

import numpy as np
import optax
from jaxtyping import Float

from lab.spec import TrainingSpec
from lab.students.descent.muon import muon


def optimiser(
    name: str, beta1: float, beta2: float, decay: float, hidden: frozenset[str]
) -> optax.GradientTransformation:
    """The update rule of a student at rate 1.

    Adam, AdamW and SGD work on all parameters as one vector (elementwise rules: the same numbers,
    one fused loop). Muon orthogonalises the momentum of the `hidden` weight matrices
    (`lab.kinds.networks.Trained.hidden_matrices`); the output layer and biases get Adam.
    """
    if name == "adam":
        return optax.flatten(optax.adam(1.0, b1=beta1, b2=beta2))
    if name == "adamw":
        return optax.flatten(optax.adamw(1.0, b1=beta1, b2=beta2, weight_decay=decay))
    if name == "sgd":
        return optax.flatten(optax.sgd(1.0, momentum=beta1))
    if name == "muon":
        return muon(beta1, adam_beta2=beta2, decay=decay, hidden=hidden)
    raise ValueError(f"unknown optimiser {name!r}; known: adam, adamw, sgd, muon")


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
