"""Online SGD of soft committees, in JAX: the weights themselves, one sample a step.

    w_k ← w_k + (η/√N) g′(λ_k) (y − Σ g(λ_j)) x,   λ_k = w_k·x/√N,   g(z) = erf(z/√2)

with y = Σ g(B_m·x/√N) + σ ξ. What it does not do: overlaps, or N → ∞ (`lab.students.committee`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key


def weights(
    w: Float[np.ndarray, "K N"], B: Float[np.ndarray, "M N"], *,
    rate: float, noise: float, looks: int, steps: int, key: Key[Array, ""],
) -> Iterator[Float[np.ndarray, "K N"]]:  # fmt: skip
    """Weights after every `steps` steps, `looks` times; the key is consumed."""
    now: Any = w
    for look in range(looks):
        now = _walked(now, B, rate, noise, jax.random.fold_in(key, look), steps=steps)
        yield np.asarray(now, float)


@partial(jax.jit, static_argnames="steps")
def _walked(w: Any, B: Any, rate: Any, noise: Any, key: Any, *, steps: int) -> Any:
    N = w.shape[1]
    root = math.sqrt(N)
    xs = jax.random.normal(jax.random.fold_in(key, 0), (steps, N))
    labels = jax.lax.erf(xs @ B.T / root / math.sqrt(2)).sum(1)
    labels = labels + noise * jax.random.normal(jax.random.fold_in(key, 1), (steps,))

    def step(w: Any, sample: Any) -> tuple[Any, None]:
        x, y = sample
        λ = w @ x / root
        slope = math.sqrt(2 / math.pi) * jnp.exp(-(λ**2) / 2)
        wrong = y - jax.lax.erf(λ / math.sqrt(2)).sum()
        return w + rate / root * jnp.outer(slope * wrong, x), None

    return jax.lax.scan(step, w, (xs, labels))[0]
