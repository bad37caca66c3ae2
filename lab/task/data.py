"""Data of a task: an unlimited stream, nested training sets, and one fixed test set.

`Source` is everything random that is drawn before a student exists: embedding, teacher, its
normalisation, and the scale of the inputs. The same source and test set serve every width, every D
and every student; training sets are nested, the first D points of one draw.

Points are columns, as in `lab.data.manifolds`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from lab.data import manifolds, teachers
from lab.data.manifolds import chart
from lab.data.streams import stream
from lab.kinds.optimisers import squared
from lab.spec import TaskSpec

MEASURED = 1 << 16
"""Points on which mean, variance and input scale are measured: σ to 0.3 %."""


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["networks", "arrays", "mu", "scale", "rms"],
    meta_fields=["manifold", "embedding", "D_amb", "activation", "loss", "power", "noise"],
)
@dataclass(frozen=True)
class Source:
    """A drawn task. Arrays first; the rest decides shapes and programs.

    y = scale · (T(z) − mu), with `scale` = gain/σ or gain; `rms` is the root mean square of an
    ambient coordinate, by which students with standardised inputs divide. Several
    teachers stack along a leading axis T.
    """

    networks: list[teachers.Layers]
    arrays: dict[str, Array]
    mu: Float[Array, "*T outputs 1"]
    scale: Float[Array, "*T outputs 1"]
    rms: Float[Array, "*T"]
    manifold: tuple[tuple[str, int], ...]
    embedding: str
    D_amb: int
    activation: str
    loss: str
    power: float
    noise: float


def source(task: TaskSpec, *, root: int) -> Source:
    """Draw the teacher and the embedding of a task and measure its normalisation."""
    drawn = Source(
        networks=teachers.draw(
            [chart(factor) for factor in task.manifold],
            task.teacher_widths,
            task.outputs,
            task.teacher_bias,
            key=stream("teacher", task, root=root),
        ),
        arrays=manifolds.embedding(
            task.embedding, task.chart, task.D_amb, key=stream("embedding", task, root=root)
        ),
        mu=jnp.zeros((task.outputs, 1)),
        scale=jnp.full((task.outputs, 1), task.teacher_gain),
        rms=jnp.ones(()),
        manifold=task.manifold,
        embedding=task.embedding,
        D_amb=task.D_amb,
        activation=task.teacher_activation,
        loss=task.loss,
        power=task.power,
        noise=task.noise,
    )
    return _measured(drawn, task.normalise, key=stream("measure", task, root=root))


@partial(jax.jit, static_argnames="normalise")
def _measured(drawn: Source, normalise: bool, *, key: Key[Array, ""]) -> Source:
    x, T = _draw(drawn, MEASURED, key=key)
    mu, scale = drawn.mu, drawn.scale
    if normalise:
        mu = jnp.mean(T, axis=1, keepdims=True)
        scale = drawn.scale / jnp.std(T, axis=1, keepdims=True)
    rms = jnp.sqrt(jnp.mean(x**2))
    return replace(drawn, mu=mu, scale=scale, rms=rms)


def _draw(src: Source, n: int, *, key: Key[Array, ""]) -> tuple[Array, Array]:
    """n points as the student sees them, and the raw teacher's outputs."""
    z, x = place(src.manifold, src.embedding, src.D_amb, src.arrays, n, key=key)
    return x, teachers.apply(src.networks, src.activation, z)


def place(
    manifold: tuple[tuple[str, int], ...],
    embedding: str,
    D_amb: int,
    arrays: dict[str, Array],
    n: int,
    *,
    key: Key[Array, ""],
) -> tuple[Float[Array, "chart n"], Float[Array, "D_amb n"]]:
    """n points in the coordinates of the manifold and as the student sees them."""
    z = manifolds.sample(manifold, n, key=jax.random.fold_in(key, 0))
    return z, manifolds.embed(embedding, D_amb, arrays, z, key=jax.random.fold_in(key, 1))


def clean(
    src: Source, n: int, *, key: Key[Array, ""]
) -> tuple[Float[Array, "D_amb n"], Float[Array, "outputs n"]]:
    """n points and their targets without label noise; softmax probabilities under kl."""
    x, T = _draw(src, n, key=key)
    y = src.scale * (T - src.mu)
    return x, jax.nn.softmax(y, axis=0) if src.loss == "kl" else y


def hidden(
    src: Source, n: int, *, key: Key[Array, ""]
) -> list[tuple[Float[Array, "w n"], Float[Array, "w n"]]]:
    """The teacher's hidden layers at the points of `clean` with this n and key, before and after
    their activation."""
    z, _ = place(src.manifold, src.embedding, src.D_amb, src.arrays, n, key=key)
    return teachers.hidden(src.networks, src.activation, z)


def noisy(
    src: Source, n: int, *, key: Key[Array, ""], noise_key: Key[Array, ""]
) -> tuple[Float[Array, "D_amb n"], Float[Array, "outputs n"]]:
    """As `clean`, with label noise of standard deviation `noise`."""
    x, y = clean(src, n, key=key)
    return x, y + src.noise * jax.random.normal(noise_key, y.shape) if src.noise else y


def fresh(
    src: Source,
    start: Array,
    steps: int,
    batch: int,
    *,
    key: Key[Array, ""],
    noise_key: Key[Array, ""],
) -> tuple[Float[Array, "steps D_amb batch"], Float[Array, "steps outputs batch"]]:
    """Batches number start … start + steps − 1 of the unlimited stream.

    Batch t depends on t alone: neither on how the stream is cut nor on how long it is.
    """

    def one(t: Array) -> tuple[Array, Array]:
        return noisy(
            src, batch, key=jax.random.fold_in(key, t), noise_key=jax.random.fold_in(noise_key, t)
        )

    return jax.lax.map(one, start + jnp.arange(steps))


def pool(
    src: Source, sizes: tuple[int, ...], *, key: Key[Array, ""], noise_key: Key[Array, ""]
) -> tuple[Float[Array, "D_amb D"], Float[Array, "outputs D"]]:
    """The largest training set; those of smaller D are its first columns.

    Drawn in blocks of `BLOCK`, each from its own key, so that a larger D adds points and changes
    none.
    """
    blocks = range(-(-max(sizes) // BLOCK))
    parts = [
        noisy(
            src, BLOCK, key=jax.random.fold_in(key, i), noise_key=jax.random.fold_in(noise_key, i)
        )
        for i in blocks
    ]
    x, y = (jnp.concatenate(p, axis=1)[:, : max(sizes)] for p in zip(*parts, strict=True))
    return x, y


BLOCK = 1024
"""Points drawn from one key of a nested training set."""


def from_pool(
    x: Float[Array, "D D_amb"],
    y: Float[Array, "D outputs"],
    size: Array,
    start: Array,
    steps: int,
    batch: int,
    *,
    key: Key[Array, ""],
) -> tuple[Float[Array, "steps D_amb batch"], Float[Array, "steps outputs batch"]]:
    """Batches drawn with replacement from the first `size` points; batch t depends on t alone.

    The pool has its points in rows: one of millions is then a few lines of cache, not D_amb.
    """

    def one(t: Array) -> tuple[Array, Array]:
        u = jax.random.uniform(jax.random.fold_in(key, t), (batch,))
        i = jnp.minimum((u * size).astype(jnp.int32), size - 1)
        return x[i].T, y[i].T

    return jax.lax.map(one, start + jnp.arange(steps))


def losses(
    loss: str, power: float, f: Float[Array, "outputs n"], y: Float[Array, "outputs n"]
) -> Float[Array, ""]:
    """The population loss estimated on n points: mse, mean |y − f|^p, or KL(y ‖ softmax f), which
    for a class c, y = e_c, is the cross-entropy −log softmax(f)_c."""
    if loss == "kl":
        return jnp.mean(
            jnp.sum(jax.scipy.special.xlogy(y, y) - y * jax.nn.log_softmax(f, axis=0), axis=0)
        )
    if squared(loss, power):
        return jnp.mean((f - y) ** 2)
    return jnp.mean(jnp.abs(f - y) ** power)


def baseline(loss: str, power: float, y: Float[Array, "outputs n"]) -> Float[Array, ""]:
    """Loss of the student that always answers the mean: the target's variance under mse.

    Losses are reported relative to it. Under kl the constant is the mean distribution.
    """
    mean = jnp.mean(y, axis=1, keepdims=True)
    constant = jnp.log(mean) if loss == "kl" else mean
    return losses(loss, power, jnp.broadcast_to(constant, y.shape), y)
