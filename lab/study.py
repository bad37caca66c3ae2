"""A study: one TOML file that asks a question, as validated, frozen values.

`read(path)` gives a `Study` or raises `StudyError` with every mistake of the file at once, each a
sentence with its line. `Study.runs()` is the flat list of everything that has to be trained: the
product of the grid, as `Run` values that hold nothing but plain resolved settings. The fingerprint
of a `Run` is its identity in the store.

Knows nothing of JAX, of paths or of what a run costs: see `lab.runs`.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from lab import catalogue, theory
from lab.mistakes import StudyError, sentences
from lab.recipe import Table, Training
from lab.spec import NO_TRAINING, Planned, Run, StudentSpec, TaskSpec, TrainingSpec, full_batch
from lab.tables import Data, Evidence, Prediction, Student, Task

Regime = Literal["resolution-width", "resolution-data", "variance-width", "variance-data"]
LIMITS: Mapping[str, str] = {"variance-width": "width", "variance-data": "data"}
"""What the loss is an excess over, by regime: `Run.limit`."""


class Study(Table):
    """A validated study file. The same class is the Python API: `Study(**tables)`."""

    schema_: Literal[1] = Field(1, alias="schema")
    question: Annotated[str, Field(min_length=1)]
    regime: Regime
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    task: Task
    student: Student
    data: Data | None = None
    training: Training = Training()
    prediction: Prediction = Prediction()
    evidence: Evidence = Evidence()

    @model_validator(mode="after")
    def _consistent(self) -> Study:
        wrong = list(self._mistakes())
        if wrong:
            raise ValueError("\n".join(wrong))
        return self

    def _mistakes(self) -> Iterator[str]:
        s = self.student
        yield from self._mistakes_of_the_scan()
        if s.exact:
            yield from self._mistakes_of_exact()
        elif s.depth is not None and any(isinstance(w, tuple) for w in s.widths or ()):
            yield "student.depth: widths that list their layers have their depth; leave it out"
        kind = "spectral" if self.task.manifold.kind == "spectral" else self.task.teacher.kind
        if kind != "network" and not s.exact:
            yield f"task.teacher: {kind} targets are for exact students, not networks"
        for task in self._tasks(teachers=1):
            if task.D_amb < task.chart:
                yield (
                    f"task.embedding.ambient: {task.D_amb} coordinates cannot hold a manifold of "
                    f"d = {task.dim} that needs {task.chart}; take ambient ≥ {task.chart}"
                )
        for field, formula in (("exponent", self.prediction.exponent),
                               *(("rivals", r) for r in self.prediction.rivals)):  # fmt: skip
            try:
                for task, student in itertools.product(self._tasks(teachers=1), self._students()):
                    self.predicted(task, student, formula)
            except theory.PredictionError as error:
                yield f"prediction.{field}: {error}"

    def _mistakes_of_the_scan(self) -> Iterator[str]:
        sizes = self.data.sizes if self.data else ()
        if self.regime == "resolution-width":
            if self.data is not None:
                yield "[data]: resolution-width draws fresh data without limit; leave [data] out"
            name = "count" if self.student.kind == "random-features" else "widths"
            scanned = {*map(str, getattr(self.student, name) or ())}
            if len(scanned) < 3:
                yield _too_few(f"student.{name}", len(scanned))
            return
        if self.regime == "variance-data":
            if self.data is None or self.data.draws is None:
                yield "[data]: variance-data averages over draws of the data: give 'draws = 64'"
            random = not self.student.exact or self.student.kind in catalogue.RANDOM
            if random and "seeds" in self.student.model_fields_set:
                yield "student.seeds: variance-data repeats draws of the data; give data.draws"
        elif self.data is not None and self.data.draws is not None:
            yield "data.draws: only variance-data draws training sets anew; leave it out"
        if self.regime in LIMITS and "prediction" not in self.model_fields_set:
            yield (
                f"[prediction]: {self.regime} predicts another number than the resolution-limited "
                "regimes; give exponent = 1 and sense = \"equal\""
            )
        if self.regime == "variance-width":
            yield from self._mistakes_of_wide(sizes)
            return
        if not sizes:
            yield f"[data]: {self.regime} learns from training sets: give 'sizes = [256, …]'"
        elif len(set(sizes)) < 3:
            yield _too_few("data.sizes", len(set(sizes)))
        if self.student.exact:
            return
        if self.regime == "variance-data":
            for table in sorted({"training", "evidence"} & self.model_fields_set):
                yield (
                    f"[{table}]: networks of variance-data descend from the population optimum by "
                    "Newton's method until they arrive; leave it out"
                )
            if len(self.student.widths or ()) > 1 or self.task.loss != "mse":
                yield "student.widths: variance-data takes one fixed network, and loss = \"mse\""
            return
        if self.training.optimiser == "lbfgs" or self.training.polish:
            yield (
                "training.optimiser: L-BFGS needs fresh data (resolution-width), where it "
                "cannot fit the training set by heart"
            )
        for D in sizes:
            if self._stages_batch() > D:
                yield (
                    f"training.batch: {self._stages_batch()} is more than the training set "
                    f"of data.sizes = {D}; take a batch of at most {D}"
                )

    def _mistakes_of_wide(self, sizes: tuple[int, ...]) -> Iterator[str]:
        s = self.student
        if len(set(sizes)) != 1:
            yield "[data]: variance-width learns one fixed training set: give 'sizes = 64'"
        if s.exact or s.parametrisation != "ntk" or set(s.activation) - {"relu", "erf"}:
            yield (
                "student.parametrisation: variance-width takes networks with a limit: kind = "
                "\"mlp\", parametrisation = \"ntk\", activation = \"relu\" or \"erf\""
            )
        if len({*map(str, s.widths or ())}) < 3:
            yield _too_few("student.widths", len({*map(str, s.widths or ())}))
        if any(isinstance(w, tuple) for w in s.widths or ()):
            yield "student.widths: variance-width scans layers of equal width; give numbers"
        plain = self.training == Training(steps=self.training.steps)
        if not plain or "evidence" in self.model_fields_set:
            yield (
                "[training]: variance-width takes full-batch descent at a rate of its own, and "
                "limits after as many steps; give 'steps' alone, and no [evidence]"
            )
        if self.task.loss != "mse" or self.task.teacher.outputs > 1:
            yield "task.loss: variance-width takes loss = \"mse\" and one output"

    def _mistakes_of_exact(self) -> Iterator[str]:
        s, spectral = self.student, self.task.manifold.kind == "spectral"
        for table in sorted({"training", "evidence"} & self.model_fields_set):
            yield f"[{table}]: {s.kind} students are exact, no descent trains them; leave it out"
        if self.task.loss != "mse":
            yield f"task.loss: {s.kind} students minimise the squared error; take loss = \"mse\""
        linear = s.kind == "linear" or (s.features == ("gaussian",) and s.kind != "kernel")
        if spectral and not linear:
            yield (
                "student.kind: a spectral task has linear students: kind = \"linear\", or "
                "\"random-features\" with features = \"gaussian\""
            )
        if self.regime == "resolution-width" and not (spectral and s.kind == "random-features"):
            yield (
                f"student.kind: {s.kind} students have no answer on unlimited data; scan "
                "data.sizes with regime = \"resolution-data\""
            )
        if self.regime == "variance-data" and s.kind not in ("random-features", "linear"):
            yield (
                f"student.kind: a {s.kind} student grows with its data, and variance-data wants a "
                "fixed model; take random-features, linear or mlp"
            )
        if s.domain == ("sphere",) and s.inputs != "raw":
            yield "student.inputs: simplices on the unit sphere take inputs = \"raw\""
        largest = max(self.data.sizes) if self.data else 0
        room = catalogue.FIELD_POINTS - catalogue.FIELD_TEST_POINTS
        if self.task.teacher.kind == "field" and largest > room:
            yield (
                f"data.sizes: a Gaussian field is drawn at D and {catalogue.FIELD_TEST_POINTS} "
                f"test points together, at most {catalogue.FIELD_POINTS}; take D ≤ {room}"
            )
        for task, settings in itertools.product(self._tasks(teachers=1), s.settings()):
            for D in self.data.sizes if self.data else ():
                refused = catalogue.refusal(s.kind, settings, D=D, D_amb=task.D_amb)
                if refused:
                    yield f"data.sizes: {refused}"

    def _stages_batch(self) -> int:
        return max((b for _, b, _ in self.training.resolved().stages), default=0)

    def _tasks(self, teachers: int) -> Iterator[TaskSpec]:
        m, t = self.task.manifold, self.task.teacher
        manifolds: list = [((m.kind, d),) for d in m.dim or ()]
        decays: list = [None]
        networks = itertools.product(t.widths, t.activation, t.bias, (None,))
        if m.kind == "product":
            manifolds = [tuple((f.kind, f.dim) for f in m.factors or ())]
        if m.kind == "spectral":
            manifolds = [((m.kind, m.modes),)]
            decays = list(m.decays())
        kind = "spectral" if m.kind == "spectral" else t.kind
        if kind != "network":
            fields = t.covariances() if kind == "field" else (None,)
            networks = itertools.product(((),), ("",), (0.0,), fields)
        loss_power = {"mse": 2.0, "kl": 2.0}.get(self.task.loss, self.task.power)
        grid = itertools.product(
            manifolds, networks, t.gain, self.task.noise, decays, range(teachers)
        )
        for manifold, (widths, activation, bias, covariance), gain, noise, decay, k in grid:
            yield TaskSpec(
                manifold, self.task.embedding.kind, self.task.embedding.ambient, widths,
                activation, bias, gain, t.outputs, t.normalise, self.task.loss, loss_power,
                noise, k, kind, covariance, decay,
            )  # fmt: skip

    def _students(self) -> Iterator[StudentSpec]:
        s = self.student
        if s.exact:
            inputs = "raw" if self.task.manifold.kind == "spectral" else s.inputs
            for settings in s.settings():
                yield StudentSpec.exact(s.kind, settings, inputs=inputs)
            return
        for activation, width in itertools.product(s.activation, s.widths or ()):
            widths = width if isinstance(width, tuple) else (width,) * (s.depth or 2)
            yield StudentSpec(
                s.kind, widths, activation, s.parametrisation, s.weight, s.bias, s.inputs
            )

    def predicted(
        self,
        task: TaskSpec,
        student: StudentSpec | None = None,
        formula: str | float | None = None,
    ) -> float:
        """The predicted exponent for one task and student, or the value of another formula."""
        dims = tuple(d for _, d in task.manifold)
        symbols: dict[str, Any] = {"d": dims if len(dims) > 1 else dims[0], "p": task.power}
        if task.decays:
            a, b = task.decays
            symbols = {"p": task.power, "a": a, "b": b} | ({"alpha": b - 1} if a == b else {})
        if task.covariance:
            kind, settings = task.covariance
            symbols["teacher"] = theory.smoothness(kind, nu=dict(settings).get("nu"))
        if student and student.kind == "kernel":
            settings = dict(student.settings)
            symbols["student"] = theory.smoothness(settings["kernel"], nu=settings.get("nu"))
        return theory.parse(self.prediction.exponent if formula is None else formula).value(symbols)

    @property
    def recipe(self) -> TrainingSpec:
        """How every student of the study learns."""
        by_algebra = self.student.exact or self.regime == "variance-data"
        if self.regime == "variance-width" and self.data:
            return full_batch(self.training.steps, self.data.sizes[0])
        return NO_TRAINING if by_algebra else self.training.resolved()

    @cached_property
    def plan(self) -> tuple[Planned, ...]:
        """Every run of the study, and after them the checks with the larger budget.

        The checks repeat whole scans, so that they tell the change in α as well as in loss: a
        `share` of the teachers, at least one, drawn by hash of the study's seed, so that a longer
        grid never changes which were drawn before. All seeds of a teacher come along: the checks
        then train in the programs that are compiled already.
        """
        recipe, limit = self.recipe, LIMITS.get(self.regime, "")
        sizes = self.data.sizes if self.data else (None,)
        seeds = self.student.seeds
        if self.regime == "variance-data" and self.data:
            seeds = self.data.draws or 1
        runs, checks = [], []
        for task in self._tasks(self.task.teacher.count):
            for student, D, s in itertools.product(
                self._students(), sizes, range(seeds)
            ):
                run = Run(task, student, recipe, D, s, self.seed, limit)
                runs.append(Planned(run, check=False))
                if task.teacher in self.checked:
                    doubled = replace(run, training=recipe.scaled(self.evidence.budget))
                    checks.append(Planned(doubled, check=True))
        return (*runs, *checks)

    @cached_property
    def checked(self) -> frozenset[int]:
        """Indices k of the teachers whose scans are repeated with the larger budget."""
        if self.evidence.share == 0 or self.student.exact or self.regime in LIMITS:
            return frozenset()

        def draw(k: int) -> str:
            return hashlib.sha256(f"{self.seed}:{k}".encode()).hexdigest()

        ordered = sorted(range(self.task.teacher.count), key=draw)
        return frozenset(ordered[: max(1, math.floor(self.evidence.share * len(ordered) + 0.5))])

    @property
    def wide(self) -> bool:
        """Whether the scan is over the size of the student, not of the training set."""
        return self.regime.endswith("width")

    @property
    def no_floor(self) -> bool:
        """Whether L∞ is known to be 0, so that a power law needs no floor.

        So it is of excesses over a limit, and of noise-free targets for students that interpolate
        them and grow with the data; in a spectral task for D samples or P features, of which as
        many as there are modes leave nothing.
        """
        growing = self.student.kind in ("kernel", "nearest", "simplex") or (
            self.task.manifold.kind == "spectral" and (self.wide or self.student.kind == "linear")
        )
        return self.regime in LIMITS or (
            growing and not any(self.task.noise) and not any(self.student.ridge or ())
        )

    @property
    def x_name(self) -> str:
        """What `x` is called."""
        return "w" if self.regime == "variance-width" else "N" if self.wide else "D"

    def point(self, run: Run) -> tuple[TaskSpec, StudentSpec, int | None]:
        """What the runs of one scan share: all but x, teacher and seed."""
        student, size = run.student, run.size
        if self.wide:
            settings = tuple((k, v) for k, v in student.settings if k != "count")
            student = replace(student, widths=(), settings=settings)
        else:
            size = None
        return replace(run.task, teacher=0), student, size

    def x(self, run: Run) -> int:
        """The quantity that the study scans: N, the width w (variance-width), or D."""
        if self.regime == "variance-width":
            return run.student.widths[0]
        return run.N if self.wide else int(run.size or 0)


def _too_few(field: str, n: int) -> str:
    return (
        f"{field}: {n} value{'s' if n != 1 else ''} cannot carry an exponent; "
        "give at least three different ones, better six"
    )


# ---- reading -----------------------------------------------------------------------------------


def read(path: str | Path, overrides: tuple[str, ...] = ()) -> Study:
    """The study in a TOML file, with overrides such as `training.steps=2000` applied.

    Raises StudyError with all mistakes of the file, one sentence each.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        remedy = f"`lab init {path}` writes a study to start from"
        raise StudyError([f"{path}: no such file; {remedy}"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError([f"{path}: cannot be read as text ({error})"]) from None
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StudyError([f"{path}: not TOML: {error}"]) from None
    for override in overrides:
        _apply(tables, override)
    return validate(tables, text=text, name=str(path))


def validate(tables: Mapping[str, Any], *, text: str = "", name: str = "study") -> Study:
    """A study from parsed tables; `text` gives the line numbers of the mistakes."""
    try:
        return Study.model_validate(tables)
    except ValidationError as error:
        raise StudyError(sentences(error, Study, text=text, name=name)) from None


def _apply(tables: dict[str, Any], override: str) -> None:
    key, sign, value = override.partition("=")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"] if sign else None
    except tomllib.TOMLDecodeError:
        parsed = None
    if parsed is None:
        raise StudyError(
            [f"--set {override}: expected key=value with a TOML value, as in training.steps=2000"]
        )
    *parents, last = key.strip().split(".")
    for parent in parents:
        tables = tables.setdefault(parent, {})
        if not isinstance(tables, dict):
            raise StudyError([f"--set {override}: '{parent}' is a value, not a table"])
    tables[last] = parsed
