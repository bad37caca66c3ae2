"""The student network: an MLP on columns, f(x) = W_L σ(… σ(W_1 x + b_1) …) + b_L.

Points are columns, so that the first layer of S students that see the same batch is one matrix
product of [S·w, D_amb] with [D_amb, batch], and every elementwise pass runs along the batch.

Parametrisations, with C = `weight` and s = `bias`:
  standard  W ~ N(0, C/fan_in), b ~ N(0, s²);
  ntk       W = √(C/fan_in) ω and b = s β with ω, β ~ N(0, 1) trained (Jacot et al. 2018).
The output layer has C = 1 in both. The only file that knows flax.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from lab.kinds.student import StudentSpec
from lab.task.teachers import activation_of

Parameters = dict[str, Any]


class _Mlp(nn.Module):
    spec: StudentSpec
    outputs: int

    @nn.compact
    def __call__(self, x: Float[Array, "D_amb n"]) -> Float[Array, "outputs n"]:
        act = activation_of(self.spec.activation)
        h = x
        for layer, width in enumerate(self.spec.widths):
            before = self._affine(layer, h, width)
            h = act(before)
            self.sow("hidden", str(layer), (before, h))  # nothing unless it is asked for
        return self._affine(len(self.spec.widths), h, self.outputs)

    def _affine(self, layer: int, h: Array, width: int) -> Array:
        zeros = nn.initializers.zeros  # `init` below draws: this only declares names and shapes
        W = self.param(f"W{layer}", zeros, (width, h.shape[0]))
        b = self.param(f"b{layer}", zeros, (width, 1))
        if self.spec.parametrisation == "ntk":
            sigma_w, sigma_b = scales(self.spec, layer, h.shape[0])
            return sigma_w * (W @ h) + sigma_b * b
        return W @ h + b


def init(spec: StudentSpec, D_amb: int, outputs: int, *, keys: Key[Array, "*batch"]) -> Parameters:
    """Parameters of one student per key, with the keys' shape in front; the keys are consumed.

    All numbers of a student come from one draw of its key, cut up in the order of the layers: six
    draws of six shapes would take longer to compile than the training step.
    """
    module = _Mlp(spec, outputs)
    shapes = jax.eval_shape(module.init, keys.ravel()[0], jnp.zeros((D_amb, 1)))["params"]
    N = sum(leaf.size for leaf in jax.tree.leaves(shapes))
    normal = np.asarray(_normal(1 << (N - 1).bit_length(), keys))
    parameters, start = {}, 0
    for layer in range(len(spec.widths) + 1):
        W, b = shapes[f"W{layer}"], shapes[f"b{layer}"]
        sigma_w, sigma_b = scales(spec, layer, W.shape[1])
        if spec.parametrisation == "ntk":
            sigma_w = sigma_b = 1.0
        for name, leaf, sigma in ((f"W{layer}", W, sigma_w), (f"b{layer}", b, sigma_b)):
            draw = normal[..., start : start + leaf.size].reshape(*keys.shape, *leaf.shape)
            parameters[name] = jnp.asarray(sigma * draw)
            start += leaf.size
    return parameters


@partial(jax.jit, static_argnums=0)
def _normal(n: int, keys: Key[Array, "*batch"]) -> Float[Array, "*batch n"]:
    flat = jax.vmap(lambda key: jax.random.normal(key, (n,)))(keys.ravel())
    return flat.reshape(*keys.shape, n)


def scales(spec: StudentSpec, layer: int, fan_in: int) -> tuple[float, float]:
    """Standard deviations of weights and biases of a layer as the network sees them."""
    C = spec.weight if layer < len(spec.widths) else 1.0
    return (C / fan_in) ** 0.5, spec.bias


def apply(
    spec: StudentSpec, parameters: Parameters, x: Float[Array, "D_amb n"]
) -> Float[Array, "outputs n"]:
    """The student's answer at n points (logits under kl)."""
    outputs = parameters[f"b{len(spec.widths)}"].shape[0]
    answer: Any = _Mlp(spec, outputs).apply({"params": parameters}, x)  # no state beside it
    return answer


def hidden(
    spec: StudentSpec, parameters: Parameters, x: Float[Array, "D_amb n"]
) -> list[tuple[Float[Array, "w n"], Float[Array, "w n"]]]:
    """Every hidden layer of the student at n points, before and after its activation."""
    outputs = parameters[f"b{len(spec.widths)}"].shape[0]
    network = _Mlp(spec, outputs)
    _, found = network.apply({"params": parameters}, x, mutable=["hidden"])
    return [found["hidden"][str(layer)][0] for layer in range(len(spec.widths))]


def count(parameters: Parameters) -> int:
    """N, the trainable numbers of one student."""
    return sum(p.size for p in jax.tree.leaves(parameters))
