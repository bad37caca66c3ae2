"""Manifolds of known intrinsic dimension d, and their embeddings into R^D_amb.

Points are columns: an array of m coordinates and n points has shape [m, n], the layout in which
many small networks train fastest. A manifold is written in its chart (`lab.data.manifolds` has the
manifolds themselves). A product has the charts of its factors one after the other.

Embeddings keep d: identity; `linear`, a random isometry; `curved`, z ↦ Q[z; ½ sin(Ωz + φ)] with Q
orthogonal, injective with a Jacobian of full rank because z itself is among the coordinates;
`features` (Sharma & Kaplan, arXiv 2004.10802) appends coordinates uniform on [−½, ½] that never
reach the teacher: there the teacher's dimension is d, the data's is D_amb.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from lab.data.manifolds import MANIFOLDS
from lab.spec import TaskSpec

CURVATURE = 0.5
"""Amplitude of the sines of the curved embedding."""


def sample(
    manifold: tuple[tuple[str, int], ...], n: int, *, key: Key[Array, ""]
) -> Float[Array, "chart n"]:
    """n points, uniform on the manifold (standard normal for `gaussian`), in chart coordinates.

    The key is consumed: one key per factor is folded from it.
    """
    parts = [
        MANIFOLDS[kind].sample(d, n, key=jax.random.fold_in(key, i))
        for i, (kind, d) in enumerate(manifold)
    ]
    return jnp.concatenate(parts) if len(parts) > 1 else parts[0]


def embedding(task: TaskSpec, *, key: Key[Array, ""]) -> dict[str, Array]:
    """The random arrays of an embedding: empty for `identity` and `features`."""
    m, D_amb = task.chart, task.D_amb
    if task.embedding == "linear":
        return {"Q": _isometry(D_amb, m, key=key)}
    if task.embedding == "curved":
        frame, frequency, phase = jax.random.split(key, 3)
        return {
            "Q": _isometry(D_amb, D_amb, key=frame),
            "Omega": 2 * jax.random.normal(frequency, (D_amb - m, m)),
            "phi": 2 * jnp.pi * jax.random.uniform(phase, (D_amb - m, 1)),
        }
    return {}


def embed(
    kind: str,
    D_amb: int,
    arrays: dict[str, Array],
    z: Float[Array, "chart n"],
    *,
    key: Key[Array, ""],
) -> Float[Array, "D_amb n"]:
    """What the student sees of chart coordinates z. Only `features` uses the key."""
    if kind == "features":
        distractors = jax.random.uniform(key, (D_amb - z.shape[0], z.shape[1])) - 0.5
        return jnp.concatenate([z, distractors])
    if kind == "linear":
        return arrays["Q"] @ z
    if kind == "curved":
        waves = CURVATURE * jnp.sin(arrays["Omega"] @ z + arrays["phi"])
        return arrays["Q"] @ jnp.concatenate([z, waves])
    return z


def _isometry(rows: int, columns: int, *, key: Key[Array, ""]) -> Float[Array, "rows columns"]:
    """Columns orthonormal, uniform over all such matrices (QR with the signs of R fixed)."""
    q, r = jnp.linalg.qr(jax.random.normal(key, (rows, columns)))
    return q * jnp.sign(jnp.diag(r))
