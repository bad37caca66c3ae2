"""Random teacher networks: y = gain · (T(z) − μ)/σ, frozen before any student is made.

T is an MLP with W ~ N(0, 1/fan_in) and b ~ N(0, bias²); no hidden layer makes a linear teacher. On
a product manifold one network per factor sees that factor's coordinates and the outputs are summed
(Sharma & Kaplan, arXiv 2004.10802). μ and σ are measured once on a sample of the manifold, so that
outputs have mean 0 and variance 1; `normalise = false` leaves them as they are.

A teacher without biases on a centred cube is homogeneous, T(λz) = λT(z): one direction is then
easy for a ReLU student, and its effective dimension may be d − 1.
"""

from __future__ import annotations

import functools
import itertools
import operator

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from lab.data.activations import activation_of
from lab.spec import TaskSpec, chart

Layers = list[tuple[Array, Array]]
"""Weights [out, in] and biases [out, 1] of a network, first layer first."""


def draw(task: TaskSpec, *, key: Key[Array, ""]) -> list[Layers]:
    """One network per factor of the manifold; the key is consumed."""
    networks = []
    for i, factor in enumerate(task.manifold):
        sizes = (chart(factor), *task.teacher_widths, task.outputs)
        networks.append(
            [
                _layer(n_in, n_out, task.teacher_bias, key=_fold(key, i, layer))
                for layer, (n_in, n_out) in enumerate(itertools.pairwise(sizes))
            ]
        )
    return networks


def _fold(key: Key[Array, ""], *indices: int) -> Key[Array, ""]:
    for i in indices:
        key = jax.random.fold_in(key, i)
    return key


def _layer(n_in: int, n_out: int, bias: float, *, key: Key[Array, ""]) -> tuple[Array, Array]:
    W = jax.random.normal(jax.random.fold_in(key, 0), (n_out, n_in)) / n_in**0.5
    b = bias * jax.random.normal(jax.random.fold_in(key, 1), (n_out, 1))
    return W, b


def apply(
    networks: list[Layers], activation: str, z: Float[Array, "chart n"]
) -> Float[Array, "outputs n"]:
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


def hidden(
    networks: list[Layers], activation: str, z: Float[Array, "chart n"]
) -> list[tuple[Float[Array, "w n"], Float[Array, "w n"]]]:
    """Every hidden layer of T at n points, before and after its activation; those of the factors
    stand side by side."""
    act = activation_of(activation)
    found: list[list[tuple[Array, Array]]] = [[] for _ in networks[0][:-1]]
    start = 0
    for layers in networks:
        m = layers[0][0].shape[1]
        h = z[start : start + m]
        for place, (W, b) in zip(found, layers[:-1], strict=True):
            before = W @ h + b
            h = act(before)
            place.append((before, h))
        start += m
    return [
        (jnp.concatenate([b for b, _ in place]), jnp.concatenate([a for _, a in place]))
        for place in found
    ]
