"""Wide networks and their tangents: the variance-limited regime of width.

A network in the ntk parametrisation learns D points by full-batch descent on ½ mean r², with
r = f(θ) − f(θ₀) − y: its function at the start is taken off, so that nothing of it is left at any
width. T steps of rate η turn y into predictions. As w grows the tangent kernel Θ_w of the start
stays what it was, and the same T steps have a closed form,

    f(x) = Θ(x, X) Θ⁻¹ (1 − (1 − ηΘ/D)^T) y,

with Θ = Θ_w for the linearised model of the same start, and Θ = Θ_∞, the exact NTK, for the limit.
T need not be large: network and limits have learned for the same time. The excess over the first
tells of features that move; over the second there is the scatter of Θ_w besides, which changes a
single loss by 1/√w and the mean by 1/w. What it changes to first order,

    d/dε L(Θ_∞ + ε(Θ_w − Θ_∞))  at ε = 0,

has mean zero over starts for one hidden layer, where E Θ_w = Θ_∞: it is subtracted from every
start, so that fewer of them resolve the mean (a control variate). Features move f by terms of
order 1/w as well, and those of odd order in the output weights have mean zero: a start is trained
together with its mirror image, whose output weights have the other sign. Both are starts of the
same law with one kernel, and the mean of their losses is free of those terms (antithetic pairs).

What is left falls as c₁/w + c₂/w² for smooth activations; c₂/c₁ was −2 to −13 and larger for more
points and steps. ReLU is not smooth: the excess over its tangents was
measured to fall like 1/√w and to be half of the excess at w = 2048. An argument, not tested: 1/√w
of the units cross their kink, and of those near it only the ones pushed by their own residual.
Source: Bahri et al., arXiv 2102.06701; Jacot et al. 2018; Lee et al., arXiv 1902.06720.

One output, equal widths, squared error. η is 1/λ of the largest eigenvalue λ of Θ_∞/D.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from lab.data import sets
from lab.data.activations import activation_of
from lab.data.covariances import covariance
from lab.data.streams import stream
from lab.data.task import WIDE_TEST_POINTS
from lab.kinds.student import StudentSpec
from lab.spec import Group, Run
from lab.students import mlp
from lab.students.solvers import Failed, Learner, Result, one_by_one


@dataclass(frozen=True)
class Predictions:
    """At the test points: of the network and its mirror image, of the tangent that they share, of
    the exact NTK, and to first order the change of the last with the kernel of this start."""

    network: Float[np.ndarray, "m 2"]
    tangent: Float[np.ndarray, "m 1"]
    kernel: Float[np.ndarray, "m 1"]
    change: Float[np.ndarray, "m 1"]


def predictions(
    student: StudentSpec,
    x: Float[np.ndarray, "D D_amb"],
    y: Float[np.ndarray, "D 1"],
    x_test: Float[np.ndarray, "m D_amb"],
    *,
    steps: int,
    key: Key[Array, ""],
) -> Predictions:
    """Train a network from the start that `key` draws, and its image, and evaluate both limits.

    Args:
        x, y, x_test: points as the student sees them, float64.
        steps: T.
    """
    k = covariance(
        f"{student.activation}-ntk", depth=len(student.widths), weight=student.weight,
        bias=student.bias,
    )  # fmt: skip
    exact, across = k(x, x), k(x_test, x)
    rate = len(x) / np.linalg.eigvalsh(exact)[-1]
    with jax.enable_x64(True):
        drawn = mlp.init(student, x.shape[1], 1, keys=key)
        start = jax.tree.map(lambda leaf: leaf.astype(float), drawn)
        pair, columns = (start, _mirrored(student, start)), (jnp.asarray(x.T), jnp.asarray(y.T))
        ends = [_descend(student, one, *columns, rate, steps) for one in pair]
        own = np.asarray(tangent_kernel(student, start, columns[0], columns[0]))
        network, own_across = np.empty((len(x_test), 2)), np.empty(across.shape)
        for i in range(0, len(x_test), BLOCK):
            some, at = slice(i, i + BLOCK), jnp.asarray(x_test[i : i + BLOCK].T)
            for j in range(2):
                network[some, j] = _moved(student, pair[j], ends[j], at)[0]
            own_across[some] = tangent_kernel(student, start, at, columns[0])

    def after(share: float) -> np.ndarray:
        """After T steps with the kernel Θ_∞ + share · (Θ_w − Θ_∞)."""
        mixed, mixed_across = (a + share * (b - a) for a, b in ((exact, own), (across, own_across)))
        return _after(mixed, mixed_across, y, rate, steps)

    change = (after(SHARE) - after(-SHARE)) / (2 * SHARE)
    return Predictions(network, after(1.0), after(0.0), change)


SHARE = 1e-3
"""ε of the central difference."""
BLOCK = 250
"""Test points evaluated at once: the activations of 8192 units at more fill no cache."""


def _mirrored(student: StudentSpec, start: mlp.Parameters) -> mlp.Parameters:
    """The start with the other sign of its output weights."""
    last = f"W{len(student.widths)}"
    return {**start, last: -start[last]}


def _after(
    kernel: np.ndarray, across: np.ndarray, y: np.ndarray, rate: float, steps: int
) -> np.ndarray:
    """Prediction after T steps with this kernel; modes without an eigenvalue stay unlearned."""
    values, modes = np.linalg.eigh(kernel)
    with np.errstate(divide="ignore", invalid="ignore"):
        learned = -np.expm1(steps * np.log1p(-np.minimum(rate * values / len(y), 1.0))) / values
    learned = np.where(values > 1e-14 * values[-1], learned, rate * steps / len(y))
    return across @ (modes @ (learned[:, None] * (modes.T @ y)))


@partial(jax.jit, static_argnums=0)
def _moved(
    student: StudentSpec, start: mlp.Parameters, end: mlp.Parameters, x: Float[Array, "D_amb n"]
) -> Float[Array, "1 n"]:
    """Learned function at the points x: the network's less that of its start."""
    return mlp.apply(student, end, x) - mlp.apply(student, start, x)


@partial(jax.jit, static_argnums=0)
def _descend(
    student: StudentSpec,
    start: mlp.Parameters,
    x: Float[Array, "D_amb D"],
    y: Float[Array, "1 D"],
    rate: Array,
    steps: Array,
) -> mlp.Parameters:
    target = y + mlp.apply(student, start, x)

    def loss(p: mlp.Parameters) -> Array:
        return 0.5 * jnp.mean((mlp.apply(student, p, x) - target) ** 2)

    def step(_: Array, p: mlp.Parameters) -> mlp.Parameters:
        return jax.tree.map(lambda a, g: a - rate * g, p, jax.grad(loss)(p))

    return jax.lax.fori_loop(0, steps, step, start)


@partial(jax.jit, static_argnums=0)
def tangent_kernel(
    student: StudentSpec,
    parameters: mlp.Parameters,
    x: Float[Array, "D_amb n"],
    z: Float[Array, "D_amb m"],
) -> Float[Array, "n m"]:
    """Σ_θ ∂f(x)/∂θ ∂f(z)/∂θ, layer by layer and without any Jacobian.

    A layer adds (δ·δ′)(σ_w² h·h′ + σ_b²), with h its inputs and δ the slopes of f in its outputs.
    """
    act = activation_of(student.activation)
    layers = len(student.widths) + 1

    def outputs(shifts: list, h: Array) -> tuple[Array, list]:
        inputs = []
        for layer in range(layers):
            sigma_w, sigma_b = mlp.scales(student, layer, h.shape[0])
            inputs.append(sigma_w * h)
            W, b = parameters[f"W{layer}"], parameters[f"b{layer}"]
            u = sigma_w * (W @ h) + sigma_b * b + shifts[layer]
            h = act(u) if layer < layers - 1 else u
        return jnp.sum(h), inputs

    def parts(x: Array) -> tuple[list, list]:
        none = [jnp.zeros((n, x.shape[1]), x.dtype) for n in (*student.widths, 1)]
        return jax.grad(outputs, has_aux=True)(none, x)

    (delta_x, h_x), (delta_z, h_z) = parts(x), parts(z)
    return sum(
        (dx.T @ dz) * (hx.T @ hz + student.bias**2)
        for dx, dz, hx, hz in zip(delta_x, delta_z, h_x, h_z, strict=True)
    )


def over_tangents(group: Group, tick: Callable[[int], None]) -> list[Result | Failed]:
    """Wide networks over their limit; what fails ends the group."""
    return one_by_one(group, _over_tangents, tick, alone=False)


def _over_tangents(runs: list[Run]) -> Learner:
    """Losses of wide networks, beside those of their tangents and of the exact NTK.

    The loss is the mean over a start and its mirror image. `limit` is the exact NTK's with the
    change by this start's kernel, which has mean zero.
    """
    task, root = runs[0].task, runs[0].root
    largest = max(run.size or 0 for run in runs)
    nested = sets.nested(task, largest, test=WIDE_TEST_POINTS, root=root)

    def gap(run: Run) -> Result:
        scale = nested.scale(run.student.inputs)
        key = stream("init", task, run.seed, *run.restart, root=root)
        found = predictions(
            run.student, scale * nested.x[: run.size], nested.y[: run.size], scale * nested.x_test,
            steps=run.training.steps, key=key,
        )  # fmt: skip
        network, own, kernel = (
            float(np.mean((f - nested.y_test) ** 2))
            for f in (found.network, found.tangent, found.kernel)
        )
        change = 2 * float(np.mean((found.kernel - nested.y_test) * found.change))
        limits = {"limit": kernel + change, "kernel": kernel, "tangent": own}
        details = {name: value / nested.baseline for name, value in limits.items()}
        return Result.of_loss(run, network, nested.baseline, details)

    return gap
