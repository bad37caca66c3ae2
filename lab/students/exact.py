"""Exact students: solved by linear algebra or by search, not by descent, in float64.

A kind is a subclass of `Exact`: its keys, its N and cost, and `learn`, which finds the optimum of
the squared error. Nothing is under-trained and no rate is tuned.

    kernel            regression with a covariance                        (`kernels.py`)
    random-features   P random functions                                  (`random_features.py`)
    linear            least squares on the coordinates                    (`linear.py`)
    nearest, simplex  the nearest targets, Delaunay cells                 (`local.py`)
    ridges            shallow networks by their population loss           (`ridges.py`)
    truncation, kernel-flow, plrf, plrf-equivalent, gaussian-sgd
                      models whose learning curves are known              (`curves.py`)

Students of a group learn one after the other, each from the training sets of `lab.data.sets`. Where
training sets are drawn anew a model stays fixed: features are drawn once per teacher, the seed
counts the draws, and what the same model leaves after learning from the whole population goes into
the details as `limit`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from jaxtyping import Float

from lab.data import selection
from lab.data.covariances import covariance
from lab.data.task import TEST_POINTS
from lab.data.user_data import AnyTask
from lab.grids import PositiveInt, Setting, product
from lab.grids import one_by_one as each_alone
from lab.kinds import load
from lab.kinds.student import STUDENTS, Reference, Student, StudentSpec, lacking, scanned_with
from lab.spec import Group, Run
from lab.students.solvers import Failed, Learner, Observation, Result, one_by_one

if TYPE_CHECKING:
    from lab.data.sets import Sets
    from lab.kinds.student import StudyInterface

Predictor = Callable[[Any], Any]
"""A trained student: points [m, D_amb] to predictions [m, out], both NumPy float64. Some know more
of themselves."""

OBSERVED = "lab.students.solvers:ALGEBRA_OBSERVED"
"""Solver of a kind whose training error is asked for as well."""
TOGETHER = 2_000
"""Test points that a student answers at once."""


class Exact(Student):
    """A student that is solved.

    `unlimited` names the function of a run that knows its loss on unlimited data; most kinds have
    none.
    """

    seeds: PositiveInt = 1

    solvers: ClassVar[Mapping[str, str]] = {
        "": "lab.students.solvers:ALGEBRA",
        "data": "lab.students.solvers:ALGEBRA_EXCESS",
    }
    unlimited: ClassVar[str] = ""
    random: ClassVar[bool] = False

    def wrong(self) -> Iterator[str]:
        if self.seeds > 1 and not self.random:
            yield f"seeds: nothing is random about {self.kind} students; leave it out"
        for values in each_alone(self, self._given()):
            try:
                self.resolved(values)
            except ValueError as error:
                yield str(error)

    def settings(self) -> Iterator[dict[str, Setting]]:
        """The settings of the grid, resolved."""
        for values in product(self, self._given()):
            yield self.resolved(values)

    def _given(self) -> list[str]:
        own = type(self).model_fields.keys() - Student.model_fields.keys()
        return sorted(own & self.model_fields_set)

    @classmethod
    def resolved(cls, given: Mapping[str, Setting]) -> dict[str, Setting]:
        """All settings, defaults filled in; what is None by default has none."""
        defaults = {
            name: field.default[0] if isinstance(field.default, tuple) else field.default
            for name, field in cls.model_fields.items()
            if name not in Student.model_fields and field.default is not None
        }
        return {**defaults, **given}

    def specs(self, *, inputs: str | None = None) -> Iterator[StudentSpec]:
        for settings in self.settings():
            yield StudentSpec.of(self.kind, settings, inputs=inputs or self.inputs)

    def mistakes(self, study: StudyInterface) -> Iterator[str]:
        if study.task.loss != "mse":
            yield f"task.loss: {self.kind} students minimise the squared error; take loss = \"mse\""
        if study.task.linear and study.task.endless and not self.timed:
            yield (
                f"task.manifold.modes: is missing, and {self.kind} students see every mode as a "
                "coordinate; give their number"
            )
        if study.task.linear and not self.linear:
            yield (
                "student.kind: a spectral task has linear students: kind = \"linear\", or "
                "\"random-features\" with features = \"gaussian\""
            )

    @property
    def linear(self) -> bool:
        """True if its prediction is linear in the coordinates."""
        return False

    @classmethod
    def same_but_size(cls, spec: StudentSpec) -> StudentSpec:
        settings = {name: value for name, value in spec.settings if name != cls.size_key}
        return StudentSpec.of(spec.kind, settings, inputs=spec.inputs)

    @classmethod
    def N(cls, spec: StudentSpec, *, D_amb: int, outputs: int, D: int) -> int:
        return D * outputs

    @classmethod
    def hidden_units(cls, spec: StudentSpec) -> int:
        key = cls.size_key
        return int(dict(spec.settings)[key]) if key in ("units", "count") else 0

    @classmethod
    def settings_of(cls, run: Run) -> Mapping[str, Setting]:
        """Its settings in one run: those that depend on the run's data are worked out."""
        return dict(run.student.settings)

    @classmethod
    def learn(cls, settings: Mapping[str, Setting], x: Any, y: Any, *, rng: Any) -> Predictor:
        """The student trained on points x [D, D_amb] and targets y [D, out], NumPy float64; `rng`
        draws what is random about it. Raises ValueError, one sentence, where it cannot learn from
        these data."""
        raise lacking(cls, "learn", "solution")

    @classmethod
    def flops(cls, spec: StudentSpec, *, D: int, D_amb: int, test: int) -> float:
        """Operations of learning from D points and answering `test` of them, to leading order."""
        raise lacking(cls, "flops", "costs")

    @classmethod
    def learning(
        cls, spec: StudentSpec, *, D_amb: int, outputs: int, D: int, samples: float
    ) -> float:
        return cls.flops(spec, D=D, D_amb=D_amb, test=0)

    @classmethod
    def numbers(cls, spec: StudentSpec, *, D: int) -> float:
        """Float64 numbers that it holds besides its points."""
        return 0.0


def learn(
    kind: str,
    settings: Mapping[str, Setting],
    x: Float[np.ndarray, "D D_amb"],
    y: Float[np.ndarray, "D out"],
    *,
    rng: np.random.Generator,
) -> Predictor:
    """Train one student.

    Args:
        kind, settings: see `lab.kinds.student.STUDENTS`; settings that are left out have their
            defaults.
        x, y: training points and targets, float64.
        rng: draws random features; the other students do not use it.

    Raises ValueError, one sentence, where a student cannot learn from these data: a kernel matrix
    above the memory limit, simplices in more than 6 coordinates.
    """
    table = STUDENTS[kind]
    return table.learn(table.resolved(settings), x, y, rng=rng)


def losses(group: Group, tick: Callable[[int], None]) -> list[Result | Failed]:
    """The losses of exact students, on nested training sets or unlimited data."""
    return one_by_one(group, _losses, tick)


def observed(group: Group, tick: Callable[[int], None]) -> list[Result | Failed]:
    """Losses of exact students on nested training sets, and what they leave of these."""
    return one_by_one(group, partial(_losses, training=True), tick)


def excesses(group: Group, tick: Callable[[int], None]) -> list[Result | Failed]:
    """Losses of fixed models on independent training sets, beside those of all data."""
    return one_by_one(group, _excesses, tick)


def _losses(runs: list[Run], *, training: bool = False) -> Learner:
    """The losses of runs that share a task, on nested training sets or unlimited data; training: on
    the training set as well."""
    from lab.data import sets

    task, root = runs[0].task, runs[0].root
    largest = max(run.size or 0 for run in runs)
    drawn: dict[Any, sets.Sets] = {}
    orders: dict[Any, tuple[np.ndarray, np.ndarray]] = {}
    margins: list[np.ndarray] = []

    def loss(run: Run) -> Result:
        if not largest:
            return Result.of_loss(run, _on_unlimited_data(run), 1.0, {})
        assert run.size is not None  # its training set has a size
        own = run.student if task.selection and task.selection.rule == "p-greedy" else None
        if own not in drawn:
            k = covariance_of(run) if own else None
            drawn[own] = sets.nested(task, largest, test=TEST_POINTS, root=root, covariance=k)
        nested, scores = drawn[own], {}
        rows = np.arange(len(nested.x))
        if task.selection and task.selection.asks:
            who = run.student, run.seed, run.restart
            if who not in orders:
                orders[who] = selected(run, nested, largest)
            rows, unsure = orders[who]
            scores = {"unscored": float(np.mean(unsure[run.size // 2 : run.size]))}
        elif task.selection and task.selection.by == "teacher":
            if not margins:
                many = task.selection.candidates(largest)
                margins.append(sets.margins(run.drawn, many, root=root))
            margin = margins[0][: task.selection.candidates(run.size)]
            rows = selection.pruned(margin, run.size, which=task.selection.rule)
        rows = selection.subset(rows, run.size)
        x, y = nested.x[rows], nested.y[rows]
        student = _student(run, nested, x, y, seed=run.seed)
        details = {**_conditioning(student), **_outside(student, nested.x_test), **scores}
        found = Result.of_loss(run, nested.risk(student), nested.baseline, details)
        if not training:
            return found
        left = Observation(0, "train", float(np.mean((student(x) - y) ** 2)))
        return replace(found, observations=(*found.observations, left))

    return loss


COMMITTEE = 4
"""Students that each miss one fourth of the labels: their disagreement is what is uncertain."""


def selected(run: Run, of: Sets, size: int) -> tuple[selection.Order, np.ndarray]:
    """The order in which a run's student chooses from the candidates, and which of these had no
    score: where no student is unsure."""
    chosen = run.task.selection
    assert chosen is not None and chosen.asks
    none: set[int] = set()

    def student(rows: np.ndarray) -> _Scaled:
        return _student(run, of, of.x[rows], of.y[rows], seed=run.seed)

    def ask(labelled: np.ndarray, left: np.ndarray) -> np.ndarray:
        x = of.x[left]
        if chosen.rule == "uncertain":
            whole = student(labelled)
            margin = getattr(whole.learned, "margin", None)
            if margin is not None:
                score = 1 / (margin(whole.scale * x) + 1e-12)
            else:
                parts = [np.delete(labelled, np.s_[i::COMMITTEE]) for i in range(COMMITTEE)]
                answers = np.array([_answered(student(part), x) for part in parts])
                score = selection.scores(chosen.rule, answers, of.y[left])
        else:
            answers = _answered(student(labelled), x)[None]
            score = selection.scores(chosen.rule, answers, of.y[left])
        none.update(left[score <= 0].tolist())
        none.difference_update(left[score > 0].tolist())
        return np.asarray(score, float)

    order, round_ = selection.grown(of.x, chosen, size, ask)
    unscored = np.array([row in none for row in order.tolist()]) & (round_ > 0)
    return order, unscored


def _answered(student: _Scaled, x: np.ndarray) -> np.ndarray:
    """Predictions in blocks, for candidates are many."""
    blocks = range(0, len(x), TOGETHER)
    return np.concatenate([student(x[i : i + TOGETHER]) for i in blocks])


def covariance_of(run: Run) -> Any:
    """The covariance of a kernel student, in the coordinates of the task up to a factor."""
    own: dict[str, Any] = {k: v for k, v in run.student.settings if k != "ridge"}
    return covariance(own.pop("kernel"), **own)


def _excesses(runs: list[Run]) -> Learner:
    """Losses of a fixed model on independent training sets, beside that of all data.

    A network teacher has a population of points: training sets are drawn from it with repetition,
    and the loss on all of it is the population loss, exactly. A spectral task has formulas.
    """
    from lab.data import sets

    task, root = runs[0].drawn, runs[0].root
    limits: dict = {}
    world = None if task.decays else sets.population(task, root=root)

    def excess(run: Run) -> Result:
        assert run.size is not None  # its training sets are drawn
        drawn = world or sets.spectral(task, run.size, draw=run.seed, root=root)
        x, y = drawn.x, drawn.y
        if world:
            rows = sets.drawn(task, run.size, len(world.x), draw=run.seed, root=root)
            x, y = world.x[rows], world.y[rows]
        if run.student not in limits:
            limits[run.student] = (
                world.risk(_student(run, world, world.x, world.y, seed=0))
                if world
                else _on_unlimited_data(run)
            ) / drawn.baseline
        student = _student(run, drawn, x, y, seed=0)
        details = {"limit": limits[run.student], **_conditioning(student)}
        return Result.of_loss(run, drawn.risk(student), drawn.baseline, details)

    return excess


def _student(run: Run, of: Sets, x: np.ndarray, y: np.ndarray, *, seed: int) -> _Scaled:
    """The trained student as a function of points in the coordinates of the task."""
    from lab.data.streams import generator

    scale = of.scale(run.student.inputs)
    rng = generator("init", run.task, seed, *run.restart, root=run.root)
    scaled = x if scale == 1 else scale * x  # 10⁷ coordinates are not copied for nothing
    settings = STUDENTS[run.student.kind].settings_of(run)
    learned = learn(run.student.kind, settings, scaled, y, rng=rng)
    return _Scaled(learned, scale)


class _Scaled:
    """A student behind the division of its inputs; what `learned` knows besides depends on its
    kind."""

    def __init__(self, learned: Any, scale: float) -> None:
        self.learned, self.scale = learned, scale

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.learned(self.scale * x)

    @property
    def weights(self) -> np.ndarray:
        """Factors of the coordinates of a linear student."""
        return self.scale * self.learned.weights


def _on_unlimited_data(run: Run) -> float:
    """Exact population risk in the limit of infinite data, where its kind knows it."""
    return load(STUDENTS[run.student.kind].unlimited)(run)


def _conditioning(student: _Scaled) -> dict[str, float]:
    """Condition number and jitter of the system that was solved, where a student knows them."""
    learned = student.learned
    return {n: float(getattr(learned, n)) for n in ("condition", "jitter") if hasattr(learned, n)}


def _outside(student: _Scaled, x_test: np.ndarray) -> dict[str, float]:
    """Share of the test points that no simplex answers, but the fit at the boundary."""
    covers = getattr(student.learned, "covers", None)
    return {"outside": 1 - float(np.mean(covers(student.scale * x_test)))} if covers else {}


@dataclass(frozen=True)
class MeanRisk:
    """The mean of a loss over draws, ∞ where it does not exist; whose formula it is; and whether
    the loss has a variance over draws."""

    mean: float
    source: str
    varies: bool = True


def reference(study: StudyInterface, task: AnyTask, student: StudentSpec) -> Reference | None:
    """The mean risk at the x that a study scans with this student, or the best linear loss of as
    many terms; None where neither is known at three x or more, or there is a floor."""
    if study.law != "power":
        return None
    kind = STUDENTS[student.kind]
    at, sources = {}, []
    for other in scanned_with(study, student) if study.scans_model_size else [student]:
        for D in study.sizes:
            run = Run(task, other, study.recipe, D, 0, study.seed, study.learner)
            risk = load(kind.risk)(run) if kind.risk else None
            if risk and 0 < risk.mean < math.inf:
                at[float(study.x(run))] = risk.mean
                sources.append(risk.source)
    if len(at) >= 3:
        return Reference(tuple(at), tuple(at.values()), ROUNDING, sources[0])
    terms = None if kind.parametric else load("lab.data.linear_terms:reference")
    return terms(study, task, student) if terms else None


ROUNDING = 1e-6
"""Relative error of a mean risk, whose equations are solved to rounding."""
