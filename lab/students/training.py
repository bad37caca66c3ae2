"""Training many small networks at once: one pure function of a group and its root seed.

A group is some teachers (T, equal in everything but their index) and the students that learn from
them (several shapes, S seeds each) under one recipe. The stream of labelled batches is made once
per teacher and shared by every width and seed, because at these sizes the teacher costs more than
most students. Each shape trains in one compiled program, a loop over steps of
`vmap` over teachers of `vmap` over seeds; the program depends on shapes and never on rates, so
there is one compile per shape.

Steps come in chunks of at most CHUNK, which bounds memory and gives progress. The loss on the fixed
test set is taken at log-spaced steps. With a fixed training set (D given) the result is the test
loss where a separate validation set was best (early stopping), unless the recipe stops at the last
step; with fresh data it is the last one. At its checkpoints a run leaves observations: losses on
the test, validation and training sets. They change neither the steps nor which of them is best.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Key

from lab.data import free_knots, selection, sets
from lab.data.streams import stream
from lab.kinds.optimisers import OPTIMISERS
from lab.kinds.student import STUDENTS, StudentSpec
from lab.spec import Group, Run, TrainingSpec
from lab.students import noise
from lab.students.batches import (
    CHUNK,
    Batch,
    BatchSource,
    TeacherBatches,
    baseline,
    batch_source,
    over_teachers,
)
from lab.students.dimensions import DimensionProbe
from lab.students.first_order import optimiser
from lab.students.solvers import Observation, Result
from lab.students.whole_problem import problem

BLOCK = 2_000
"""Points evaluated at once."""
REVIVED, REVIVING_POINTS = 1_000, 10_000
"""Steps from one look for dead units to the next, and points of the last batches that it is at."""
DIVERGED = 10.0
"""A relative loss above this, or one that is not finite, is a diverged run."""

Rule = tuple[str, float, float, float]
"""An optimiser at rate 1: its name, its two momenta and its decay."""


First = Sequence[Any]
"""First parameters [T, S, …] of each shape of a group, None for those of its kind."""


def train(
    group: Group,
    *,
    tick: Callable[[int], None] = lambda student_steps: None,
    first: First = (),
    watch: Callable[[Cohort, int], None] = lambda cohort, step: None,
) -> list[Result]:
    """Train every student of the group; `tick` is told of student-steps as they are done.

    first: parameters to begin with. watch: shown each cohort at step 0, at its checkpoints and at
    the last step. An exception raised by `tick` abandons the group. Results come in the order of
    `group.runs()`.
    """
    f64 = group.training.precision == "float64"
    with jax.enable_x64(True) if f64 else nullcontext():
        return _train(group, tick, first, watch)


def _train(
    group: Group, tick: Callable[[int], None], first: First, watch: Callable[[Cohort, int], None]
) -> list[Result]:
    given = batch_source(group)
    init = jnp.stack([stream("init", task, root=group.root) for task in group.teachers])
    base = np.asarray(baseline(given.loss, given.power, given.test[1]), float)
    places = DimensionProbe.of(group.measure, given, tick)
    cohorts = [
        Cohort(given, group, *shape, init, places, begin)
        for shape, begin in zip(group.shapes, first or [None] * len(group.shapes), strict=True)
    ]
    for cohort, optima in zip(cohorts, _optima(group, given), strict=True):
        cohort.refer(optima / base)
    rate = rates(group.training)
    record = _record_steps(rate.size, every_chunk=given.validation is not None)
    checkpoints = {*group.training.checkpoints, rate.size}
    reviving = range(REVIVED, int(group.training.revive * rate.size) + 1, REVIVED)
    scaled = group.measure.scales if group.measure else 0
    probe = given.large(scaled) if scaled else None
    for cohort in cohorts:
        watch(cohort, 0)
    step = 0
    for steps, batch, _ in group.training.stages:
        stop = step + steps
        while step < stop:
            n = min(CHUNK, stop - step)
            due = _due(step, step + n, record) or step + n == rate.size
            cuts = sorted({s for s in checkpoints if step < s < step + n} | {step + n})
            fresh = given.fresh(step, batch)
            for cohort in cohorts:
                x, y = fresh or given.of_set(cohort.D or 0, step, batch)
                for begin, last in zip([step, *cuts], cuts, strict=False):
                    cohort.advance(x, y, rate[step : step + n], begin - step, last - step)
                    if due and last == step + n or last in checkpoints:
                        cohort.evaluate(last, given, due and last == step + n, last in checkpoints)
                    if probe and last in checkpoints:
                        cohort.measure_noise(last, probe)
                    if last in checkpoints:
                        watch(cohort, last)
                if _due(step, step + n, reviving):
                    cohort.revive(x, y, step + n)
                tick(n * cohort.S * len(group.teachers))
            step += n
    if group.training.polish:
        x, y = given.large(group.training.polish_batch)
        for cohort in cohorts:
            cohort.polish(x, y, group.training)
            cohort.evaluate(group.training.last, given, True, True)
    for cohort in cohorts:
        if group.training.polish:
            watch(cohort, group.training.last)
        cohort.measure(places, initial=False)
        if given.candidates:
            cohort.choose(group, given.candidates)
    runs = iter(group.runs())
    return [r for cohort in cohorts for r in cohort.results(group, runs, base)]


def _optima(group: Group, given: BatchSource) -> Float[np.ndarray, "shapes T"]:
    """The smallest loss of the students of each shape before each teacher; NaN where it is not
    known."""
    pieces = [free_knots.pieces(student) for student, _, _ in group.shapes]
    found = np.full((len(pieces), len(group.teachers)), np.nan)
    few = [n for n in pieces if n is not None and n <= free_knots.MOST]
    if few and free_knots.known(group.teachers[0]) and isinstance(given, TeacherBatches):
        values = np.asarray(sets.on_interval(given.src, free_knots.POINTS), float)
        for t, of_teacher in enumerate(values):
            best = dict(zip(few, free_knots.best(of_teacher, few), strict=True))
            found[:, t] = [best.get(n or 0, np.nan) for n in pieces]
    return found


def _network(student: StudentSpec) -> Any:
    """Functions that compute a kind of student, see `lab.kinds.student.Trained`."""
    return STUDENTS[student.kind].network()


class Cohort:
    """The students of one shape in training: parameters [T, S, …], optimiser, loss curves."""

    def __init__(
        self,
        given: BatchSource,
        group: Group,
        student: StudentSpec,
        D: int | None,
        seeds: tuple[int, ...],
        key: Key[Array, " T"],
        probe: DimensionProbe,
        first: Any,
    ) -> None:
        t = group.training
        self.student, self.D, self.seeds, self.S = student, D, seeds, len(seeds)
        self.loss, self.power = given.loss, given.power
        self.rule: Rule = (t.optimiser, t.beta1, t.beta2, t.weight_decay)
        rms = given.rms
        self.scale = 1 / rms if student.inputs == "standardised" else jnp.ones_like(rms)
        of_seed = jnp.asarray(seeds)
        keys = jnp.stack([jax.vmap(partial(jax.random.fold_in, k))(of_seed) for k in key])
        if group.start:
            again = jax.vmap(jax.vmap(lambda k: jax.random.fold_in(k, group.start)))
            keys = again(keys)
        self.keys = keys
        if first is None:
            first = _network(student).init(student, given.D_amb, given.outputs, keys=keys)
        self.parameters = first
        self.state = None
        if t.stages:
            self.state = _init_state(student, self.rule, self.parameters)
        self.curve: list[tuple[int, np.ndarray, np.ndarray]] = []
        self.observed: dict[tuple[int, str], np.ndarray] = {}
        self.details = [[{**known} for _ in seeds] for known in probe.known]
        self.measure(probe, initial=True)

    def measure(self, probe: DimensionProbe, *, initial: bool) -> None:
        """Dimensions of the students' layers as they are now, into the details."""
        found = probe.of_students(self.student, self.parameters, self.scale, initial=initial)
        for (t, s), dimensions in found:
            self.details[t][s] |= dimensions

    def measure_noise(self, step: int, probe: Batch) -> None:
        """The noise scales of the gradient at a step, into the details."""
        args = (self.student, self.loss, self.power, self.parameters, self.scale)
        found = np.asarray(_noise_scales(*args, *probe), float)
        for name, values in zip(noise.NAMES, found, strict=True):
            for (t, s), value in np.ndenumerate(values):
                if np.isfinite(value):
                    self.details[t][s][noise.column(step, name)] = float(value)

    def refer(self, optima: Float[np.ndarray, " T"]) -> None:
        """Relative losses that no student of this shape can be below, into the details."""
        for known, optimum in zip(self.details, optima.tolist(), strict=True):
            for one in known if np.isfinite(optimum) else ():
                one[free_knots.DETAIL] = optimum

    def advance(self, x: Array, y: Array, rates: np.ndarray, first: int, last: int) -> None:
        """The steps from `first` up to `last` of a chunk that has these rates."""
        padded = jnp.asarray(np.pad(rates, (0, CHUNK - rates.size)), x.dtype)
        self.parameters, self.state = _advance(
            self.student, self.rule, self.loss, self.power,
            self.parameters, self.state, self.scale, x, y, padded, first, last,
        )  # fmt: skip
        # Waiting here keeps at most one chunk of each lane in memory and makes ticks truthful.
        jax.block_until_ready(self.parameters)

    def revive(self, x: Array, y: Array, step: int) -> None:
        """New weights for units that are 0 at points of these batches, [T, steps, …, batch]."""
        many = -(-REVIVING_POINTS // x.shape[-1])
        x, y = (jnp.moveaxis(v[:, :many], 1, 2).reshape(len(v), v.shape[2], -1) for v in (x, y))
        self.parameters = _revived(
            self.student, self.loss, self.power, self.parameters, self.scale, x, y, self.keys, step
        )

    def polish(self, x: Array, y: Array, training: TrainingSpec) -> None:
        self.parameters = _polish(
            self.student, self.loss, self.power, training.polish_by, training.polish,
            self.parameters, self.scale, x, y,
        )  # fmt: skip

    def evaluate(self, step: int, given: BatchSource, recorded: bool, observed: bool) -> None:
        """Losses at a step.

        recorded: as a point of the curve, which early stopping chooses among. observed: as
        observations, on the training set too.
        """
        args = (self.student, self.loss, self.power, self.parameters, self.scale)
        found = {"test": np.asarray(_evaluate(*args, *given.test), float)}
        if given.validation:
            found["validation"] = np.asarray(_evaluate(*args, *given.validation), float)
        if observed and self.D is not None and given.pool:
            found["train"] = np.asarray(_evaluate_first(*args, *given.pool, self.D), float)
        if recorded:
            self.curve.append((step, found["test"], found.get("validation", found["test"])))
        if observed or given.validation:  # early stopping may choose any step that is watched
            self.observed |= {(step, split): losses for split, losses in found.items()}

    def choose(self, group: Group, candidates: Batch) -> None:
        """The candidates of each teacher that its students want labelled next, into the details of
        all of them."""
        rule = group.teachers[0].selection
        assert rule is not None and self.D is not None  # there are candidates
        if rule.committee != self.S:
            raise ValueError(
                f"{self.S} of the {rule.committee} seeds that are asked together stand in one "
                "group; take fewer seeds, or smaller networks"
            )
        more = rule.next(group.round) - self.D
        for t, (known, *points) in enumerate(zip(self.details, *candidates, strict=True)):
            x, y = (np.asarray(part, float) for part in points)
            answers = np.concatenate(
                [self._answers(t, x[i : i + BLOCK]) for i in range(0, len(x), BLOCK)], axis=1
            )
            labelled = np.array(group.labelled[t] if group.labelled else range(self.D))
            left = np.setdiff1d(np.arange(len(x)), labelled)
            # a student that diverged has nothing to say
            score = np.nan_to_num(selection.scores(rule.rule, answers[:, left], y[left]), posinf=0)
            for i, row in enumerate(selection.spread(x, labelled, left, score, more).tolist()):
                for one in known:
                    one[f"{selection.LABEL}{self.D + i}"] = row

    def _answers(self, t: int, x: np.ndarray) -> Float[np.ndarray, "S n outputs"]:
        """Answers of the students of one teacher, under kl in probabilities."""
        own = jax.tree.map(lambda leaf: leaf[t], self.parameters)
        f = np.asarray(
            _answer(self.student, own, self.scale[t], jnp.asarray(x.T, self.scale.dtype))
        )
        return np.moveaxis(
            np.asarray(jax.nn.softmax(f, axis=1) if self.loss == "kl" else f, float), 1, 2
        )

    def results(self, group: Group, runs: Iterator[Run], base: np.ndarray) -> list[Result]:
        """The results of the next runs, teacher by teacher."""
        steps = [step for step, _, _ in self.curve]
        test = np.stack([on_test for _, on_test, _ in self.curve])
        watched = np.stack([w for _, _, w in self.curve])
        records = _record_steps(steps[-1], every_chunk=False)
        ends = zip([0, *steps], steps, strict=False)
        shown = {step for before, step in ends if _due(before, step, records)}
        checkpoints = {*group.training.checkpoints, group.training.steps, group.training.last}
        found = []
        for t in range(len(group.teachers)):
            for i in range(self.S):
                losses, relative = test[:, t, i], test[:, t, i] / base[t]
                at = len(steps) - 1
                stops = self.D is not None and group.training.stopping == "best"
                if stops and np.isfinite(watched[:, t, i]).any():
                    at = int(np.nanargmin(watched[:, t, i]))
                ok = np.isfinite(relative[at]) and relative[at] < DIVERGED
                found.append(
                    Result(
                        next(runs),
                        "done" if ok else "diverged",
                        float(losses[at]) if ok else float("nan"),
                        float(relative[at]) if ok else float("nan"),
                        steps[at],
                        tuple(
                            (n, float(v))
                            for n, v in zip(steps, relative, strict=True)
                            if n in shown or n == steps[-1]
                        ),
                        self.details[t][i],
                        tuple(
                            Observation(n, split, float(losses[t, i]))
                            for (n, split), losses in self.observed.items()
                            if n in checkpoints or n == steps[at]
                        ),
                    )
                )
        return found


def _record_steps(total: int, *, every_chunk: bool) -> frozenset[int]:
    """Steps at whose chunks' ends losses are taken: log-spaced from total/64 to total, or every
    CHUNK."""
    logs = {CHUNK * max(1, round(total * 2 ** (-k / 2) / CHUNK)) for k in range(13)}
    return frozenset(range(CHUNK, total, CHUNK) if every_chunk else logs)


def _due(before: int, step: int, records: Iterable[int]) -> bool:
    """True if `step` is the first end of a chunk at or after one of these steps: a stage that is no
    multiple of CHUNK long moves the ends of all chunks after it."""
    return any(before < record <= step for record in records)


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


# ---- compiled programs: one per shape ---------------------------------------------------------
# The leading axis of src, keys, x and y is the teacher (T); parameters have [T, S, …].


def _optimiser(student: StudentSpec, rule: Rule) -> optax.GradientTransformation:
    hidden = STUDENTS[student.kind].hidden_matrices(student)
    return optimiser(*rule, hidden)


@partial(jax.jit, static_argnums=(0, 1))
def _init_state(student: StudentSpec, rule: Rule, parameters: Any) -> Any:
    return jax.vmap(jax.vmap(_optimiser(student, rule).init))(parameters)


def _students_loss(
    student: StudentSpec, loss: str, power: float, parameters: Any, scale: Array, x: Array, y: Array
) -> Float[Array, " S"]:
    """Losses of the S students of one teacher on one batch."""
    f = jax.vmap(lambda p: _network(student).apply(student, p, scale * x))(parameters)
    return jax.vmap(lambda f: sets.losses(loss, power, f, y))(f)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _noise_scales(
    student: StudentSpec, loss: str, power: float, parameters: Any, scale: Array, x: Array, y: Array
) -> Float[Array, "2 T S"]:
    """B_simple and B_noise of every student, on these points."""

    def of_one(p: Any, x: Array, y: Array) -> Array:
        return sets.losses(loss, power, _network(student).apply(student, p, x), y)

    return noise.scales(of_one, parameters, scale[:, None, None] * x, y)


@partial(jax.jit, static_argnums=(0, 1, 2, 3), donate_argnums=(4, 5))
def _advance(
    student: StudentSpec, rule: Rule, loss: str, power: float,
    parameters: Any, state: Any, scale: Array, x: Array, y: Array, rates: Array,
    first: Array, last: Array,
) -> tuple[Any, Any]:  # fmt: skip
    """The steps from `first` up to `last` of a chunk; both are traced, so that neither a short last
    chunk nor a checkpoint compiles anything."""
    update = jax.vmap(_optimiser(student, rule).update)

    def one_teacher(parameters: Any, state: Any, scale: Array, x: Array, y: Array) -> tuple:
        def step(t: Array, carry: tuple[Any, Any]) -> tuple[Any, Any]:
            parameters, state = carry

            def total(p: Any) -> Array:
                return jnp.sum(_students_loss(student, loss, power, p, scale, x[t], y[t]))

            updates, state = update(jax.grad(total)(parameters), state, parameters)
            updates = jax.tree.map(lambda u: rates[t] * u, updates)
            return optax.apply_updates(parameters, updates), state

        return jax.lax.fori_loop(first, last, step, (parameters, state))

    return over_teachers(one_teacher)(parameters, state, scale, x, y)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _revived(
    student: StudentSpec, loss: str, power: float,
    parameters: Any, scale: Array, x: Array, y: Array, keys: Key[Array, "T S"], step: Array,
) -> Any:  # fmt: skip
    """Every student with new weights for its dead units, see `lab.students.mlp.revived`."""
    network = _network(student)

    def one_student(p: Any, key: Array, scale: Array, x: Array, y: Array) -> Any:
        f = network.apply(student, p, scale * x)
        error = jax.vmap(lambda f, y: sets.losses(loss, power, f[:, None], y[:, None]), 1)(f, y)
        return network.revived(student, p, scale * x, error, key=jax.random.fold_in(key, step))

    per_teacher = jax.vmap(one_student, (0, 0, None, None, None))
    return jax.vmap(per_teacher)(parameters, keys, scale, x, y)


@partial(jax.jit, static_argnums=(0, 1, 2, 3, 4))
def _polish(
    student: StudentSpec, loss: str, power: float, by: str, steps: int,
    parameters: Any, scale: Array, x: Array, y: Array,
) -> Any:  # fmt: skip
    """A whole-problem rule on one large batch, every student on its own."""
    rule = OPTIMISERS[by].rule()

    def one_student(parameters: Any, scale: Array, x: Array, y: Array) -> Any:
        return rule(problem(student, loss, power, scale, x, y), parameters, steps)

    per_teacher = jax.vmap(one_student, (0, None, None, None))
    return jax.vmap(per_teacher)(parameters, scale, x, y)


@partial(jax.jit, static_argnums=0)
def _answer(
    student: StudentSpec, parameters: Any, scale: Array, x: Array
) -> Float[Array, "S outputs n"]:
    """Answers of the students of one teacher."""
    return jax.vmap(lambda p: _network(student).apply(student, p, scale * x))(parameters)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _evaluate(
    student: StudentSpec, loss: str, power: float, parameters: Any, scale: Array, x: Array, y: Array
) -> Float[Array, "T S"]:
    """Losses on a fixed set, in blocks, so that memory does not grow with the set."""

    def one_teacher(parameters: Any, scale: Array, x: Array, y: Array) -> Array:
        n = x.shape[1]
        whole = n - n % BLOCK
        blocks = [jnp.moveaxis(v[:, :whole].reshape(len(v), -1, BLOCK), 1, 0) for v in (x, y)]
        mean = partial(_students_loss, student, loss, power, parameters, scale)
        if whole == n:
            return jnp.mean(jax.lax.map(lambda xy: mean(*xy), tuple(blocks)), axis=0)
        rest = (n - whole) * mean(x[:, whole:], y[:, whole:])
        if not whole:
            return rest / n
        return (BLOCK * jnp.sum(jax.lax.map(lambda xy: mean(*xy), tuple(blocks)), 0) + rest) / n

    return over_teachers(one_teacher)(parameters, scale, x, y)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _evaluate_first(
    student: StudentSpec, loss: str, power: float, parameters: Any, scale: Array,
    x: Float[Array, "T n D_amb"], y: Float[Array, "T n outputs"], D: Array,
) -> Float[Array, "T S"]:  # fmt: skip
    """Losses on the first D points of a pool, block by block; D is traced, so that training sets of
    all sizes share a program."""
    size = min(BLOCK, x.shape[1])

    def one_teacher(parameters: Any, scale: Array, x: Array, y: Array) -> Array:
        def of_points(f: Array, y: Array) -> Array:
            return jax.vmap(lambda f, y: sets.losses(loss, power, f[:, None], y[:, None]), 1)(f, y)

        def add(block: Array, total: Array) -> Array:
            start = jnp.minimum(block * size, x.shape[0] - size)  # the last block overlaps
            some = [jax.lax.dynamic_slice_in_dim(v, start, size).T for v in (x, y)]
            at = start + jnp.arange(size)
            f = jax.vmap(lambda p: _network(student).apply(student, p, scale * some[0]))(parameters)
            points = jax.vmap(lambda f: of_points(f, some[1]))(f)
            return total + jnp.sum(points, where=(at >= block * size) & (at < D), axis=1)

        zeros = jnp.zeros(jax.tree.leaves(parameters)[0].shape[0], x.dtype)
        return jax.lax.fori_loop(0, (D + size - 1) // size, add, zeros) / D

    return over_teachers(one_teacher)(parameters, scale, x, y)
