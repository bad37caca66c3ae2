"""Networks in one basin: the model of the variance-limited regime of data.

The population loss of M points and the empirical loss of D draws from them are one function of the
parameters θ with other weights on the points, c_i = 1/M or (times drawn)/D:

    L(θ; c) = Σ c_i |f(x_i; θ) − y_i|²

One optimum θ* of the population is found first; every run starts from it and descends to the
nearest minimum of its own empirical loss. θ* is the best of several starts, and then of trial runs:
as long as one of them ends at a smaller population loss, the search goes on from there. A run of a
study that still improves on it shows as a negative excess.

Descent is Newton's on |H|, with damping: δ = −(|H| + λ)⁻¹ ∇L, |H| the Hessian with the absolute
values of its eigenvalues (Dauphin et al., arXiv 1406.2572), in float64. It is for small networks,
N up to a few hundred, whose loss has two derivatives: ReLU has them almost everywhere only.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Int, Key

from lab.data import sets
from lab.data.streams import generator, stream
from lab.kinds.student import StudentSpec
from lab.spec import Group, Run
from lab.students import mlp
from lab.students.solvers import Failed, Learner, Result, one_by_one
from lab.students.whole_problem import newton

STARTS = 8
SEARCH_STEPS = 2_000
"""Newton steps of the reference from a random start."""
RUN_STEPS = 200
"""Newton steps of a run from the reference."""
TRIALS = 64
"""Trial runs that the reference has to stand."""
ROUNDS = 10
"""Times that trials may improve on the reference before it is left as it is."""
SLACK = 1e-9
"""Relative fall below the reference that is rounding and no improvement."""
STILL = 1e-12
"""Relative fall of the loss in an accepted step at which a descent has arrived."""
PATIENCE = 0.1
"""Seconds of descent after which it is asked whether to go on."""

Going = Callable[[], None]
"""Callback of a descent, called now and then; an exception that it raises ends the descent."""
Problem = tuple[StudentSpec, Callable[[Array], mlp.Parameters], Array, Array]
"""A student, its parameters from one row, and the points [D_amb, M] and targets [out, M]."""
State = tuple[Array, Array, Array, Array, Array]
"""θ, its loss, damping, steps taken, and whether the descent has arrived."""


@dataclass(frozen=True)
class Basin:
    """The population optimum of one model.

    Attributes:
        theta: θ*, the parameters in one row.
        reference: L∞, the population loss there.
        rounds: how often trials improved on it; ROUNDS if they still did.
    """

    problem: Problem
    theta: Float[Array, " N"]
    reference: float
    rounds: int

    def run(self, counts: Int[np.ndarray, " M"], *, going: Going = lambda: None) -> float:
        """Population loss of the model that descended from θ* on points drawn so often."""
        with jax.enable_x64(True):
            c = jnp.asarray(counts / counts.sum())
            end = _descend(self.problem, c, self.theta, RUN_STEPS, going)
            return float(_loss(*self.problem, _uniform(self.problem), end))


def find(
    student: StudentSpec,
    x: Float[np.ndarray, "M D_amb"],
    y: Float[np.ndarray, "M out"],
    *,
    key: Key[Array, ""],
    rng: np.random.Generator,
    going: Going = lambda: None,
) -> Basin:
    """The population optimum, converged until no trial improves on it.

    Args:
        x, y: the population; x as the student sees it.
        key: of the random starts; rng: of the trials, whose sizes are M/4 and M. Consumed.
    """
    with jax.enable_x64(True):
        keys = jax.random.split(key, STARTS)
        starts = mlp.init(student, x.shape[1], y.shape[1], keys=keys)
        one = jax.tree.map(lambda leaf: leaf[0].astype(float), starts)
        _, unravel = ravel_pytree(one)
        problem: Problem = (student, unravel, jnp.asarray(x.T), jnp.asarray(y.T))
        flat = [ravel_pytree(jax.tree.map(lambda leaf, i=i: leaf[i].astype(float), starts))[0]
                for i in range(STARTS)]  # fmt: skip
        theta, value = _best(problem, flat, going)
        for rounds in range(ROUNDS + 1):
            ends = []
            for i in range(TRIALS):
                drawn = rng.integers(len(x), size=len(x) // (4 if i % 2 else 1))
                c = jnp.asarray(np.bincount(drawn, minlength=len(x)) / drawn.size)
                ends.append(_descend(problem, c, theta, RUN_STEPS, going))
            losses = [float(_loss(*problem, _uniform(problem), end)) for end in ends]
            if min(losses) >= value * (1 - SLACK) or rounds == ROUNDS:
                break
            theta, value = _best(problem, [ends[int(np.argmin(losses))]], going)
        return Basin(problem, theta, value, rounds)


def _best(problem: Problem, starts: list[Array], going: Going) -> tuple[Array, float]:
    """The lowest population optimum among those that these starts descend to."""
    c = _uniform(problem)
    ends = [_descend(problem, c, start, SEARCH_STEPS, going) for start in starts]
    losses = [float(_loss(*problem, c, end)) for end in ends]
    best = int(np.argmin(losses))
    return ends[best], losses[best]


def _uniform(problem: Problem) -> Array:
    points = problem[2].shape[1]
    return jnp.full(points, 1 / points)


@partial(jax.jit, static_argnums=(0, 1))
def _loss(
    student: StudentSpec, unravel: Callable[[Array], mlp.Parameters],
    x: Float[Array, "D_amb M"], y: Float[Array, "out M"], c: Float[Array, " M"],
    theta: Float[Array, " N"],
) -> Float[Array, ""]:  # fmt: skip
    f = mlp.apply(student, unravel(theta), x)
    return jnp.sum(c * jnp.mean((f - y) ** 2, axis=0))


def _descend(problem: Problem, c: Array, theta: Array, steps: int, going: Going) -> Array:
    """Newton steps until one that is accepted changes nothing, or damping finds none that is.

    They are taken in stretches of as many as pass in PATIENCE, which changes no number.
    """
    value = _loss(*problem, c, theta)
    state: State = theta, value, jnp.array(1e-3), jnp.array(0), jnp.array(False)
    stretch = 1
    while True:
        going()
        start, taken = time.perf_counter(), int(state[3])
        state = _stretch(*problem, c, state, min(taken + stretch, steps))
        if bool(state[4]) or int(state[3]) >= steps:
            return state[0]
        if time.perf_counter() - start < PATIENCE / 2:
            stretch *= 2


@partial(jax.jit, static_argnums=(0, 1))
def _stretch(
    student: StudentSpec, unravel: Callable[[Array], mlp.Parameters],
    x: Float[Array, "D_amb M"], y: Float[Array, "out M"], c: Float[Array, " M"],
    state: State, until: Array,
) -> State:  # fmt: skip
    """Newton steps from the last state to the next."""
    loss = partial(_loss, student, unravel, x, y, c)

    def step(state: State) -> State:
        theta, value, damping, n, _ = state
        trial = theta + newton(jax.hessian(loss)(theta), jax.grad(loss)(theta), damping)
        there = loss(trial)
        better = there < value
        arrived = jnp.where(better, value - there <= STILL * value, damping > 1e6)
        return (
            jnp.where(better, trial, theta), jnp.where(better, there, value),
            jnp.where(better, damping / 5, damping * 5), n + 1, arrived,
        )  # fmt: skip

    def going(state: State) -> Array:
        _, _, _, n, arrived = state
        return (n < until) & ~arrived

    return jax.lax.while_loop(going, step, state)


def in_one_basin(group: Group, tick: Callable[[int], None]) -> list[Result | Failed]:
    """Networks of one basin; what fails ends the group."""

    def learner(runs: list[Run]) -> Learner:
        return _in_one_basin(runs, going=lambda: tick(0))

    return one_by_one(group, learner, tick, alone=False)


def _in_one_basin(runs: list[Run], *, going: Callable[[], None]) -> Learner:
    """Population losses of networks that descend from the population optimum, beside its own."""
    task, root = runs[0].drawn, runs[0].root
    world = sets.population(task, root=root)
    basins: dict = {}

    def excess(run: Run) -> Result:
        if run.student not in basins:
            scale = world.scale(run.student.inputs)
            key = stream("init", task, *run.restart, root=root)
            trials = generator("draw", task, 0, root=root)
            basins[run.student] = find(
                run.student, scale * world.x, world.y, key=key, rng=trials, going=going
            )
        found = basins[run.student]
        assert run.size is not None  # its training sets are drawn
        rows = sets.drawn(task, run.size, len(world.x), draw=run.seed, root=root)
        counts = np.bincount(rows, minlength=len(world.x))
        details = {"limit": found.reference / world.baseline, "rounds": found.rounds}
        return Result.of_loss(run, found.run(counts, going=going), world.baseline, details)

    return excess
