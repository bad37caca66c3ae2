"""A study: a question, its grid and its prediction, as validated, frozen values.

`Study.plan` is the flat list of everything that has to be trained: the product of the grid, as
`Run` values that hold nothing but plain resolved settings. The fingerprint of a `Run` is its
identity in the store. `read(path)` gives the study of a TOML file, or raises `StudyError` with
every mistake of the file at once, each a sentence with its line.

A file may ask its question of several panels, `[[panel]]` tables with a regime each: `Panels`.

Knows nothing of JAX, of paths or of what a run costs: see `lab.execution`.
"""

from __future__ import annotations

import copy
import itertools
import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from lab import axes, catalogue, consistency, planned, theory
from lab.axes import Axis, Ordinate
from lab.mistakes import StudyError, sentences
from lab.recipe import Table, Training, Whole
from lab.spec import (
    LIMITS,
    NO_TRAINING,
    Planned,
    Run,
    StudentSpec,
    TaskSpec,
    TrainingSpec,
    full_batch,
)
from lab.tables import Data, Evidence, Prediction, Size, Student, Task

Regime = Literal[
    "resolution-width", "resolution-data", "variance-width", "variance-data", "phase-map"
]
LIMIT_WORDS = {
    "variance-data": "the same model on the whole population of data",
    "variance-width": "exact NTK regression (after as many steps)",
}


class Study(Table):
    """One regime of a study file. The same class is the Python API: `Study(**tables)`.

    A phase map trains every width on every D, and on unlimited data; what it says of exponents it
    says as two studies of one scan each, its `scans`.
    """

    schema_: Annotated[int, Field(ge=1, le=1)] = Field(1, alias="schema")
    question: Annotated[str, Field(min_length=1)]
    regime: Regime
    title: Annotated[str, Field(description="what tells panels of one file apart")] = ""
    seed: Annotated[Whole, Field(ge=0, lt=2**31)] = 0
    task: Task
    student: Student
    data: Data | None = None
    scan: Size = Size()
    training: Training = Training()
    prediction: Prediction = Prediction()
    evidence: Evidence = Evidence()

    @model_validator(mode="after")
    def _consistent(self) -> Study:
        wrong = list(consistency.mistakes(self))
        if wrong:
            raise ValueError("\n".join(wrong))
        return self

    def tasks(self, teachers: int) -> Iterator[TaskSpec]:
        m, t = self.task.manifold, self.task.teacher
        manifolds: list = [((m.kind, d),) for d in m.dim or ()]
        decays: list = [None]
        networks = itertools.product(t.widths, t.activation, t.bias, (None,))
        if m.kind == "product":
            manifolds = [tuple((f.kind, f.dim) for f in m.factors or ())]
        if m.kind == "spectral":
            manifolds = [((m.kind, m.modes),)]
            decays = list(m.decays())
        kind = self.task.teacher_kind
        if kind != "network":
            fields = t.covariances() if kind == "field" else (None,)
            networks = itertools.product(((),), ("",), (0.0,), fields)
        powers = self.task.power or (2.0,)
        grid = itertools.product(
            manifolds, networks, t.gain, powers, self.task.noise, decays, range(teachers)
        )
        for manifold, (widths, activation, bias, covariance), gain, power, noise, decay, k in grid:
            yield TaskSpec(
                manifold, self.task.embedding.kind, self.task.embedding.ambient, widths,
                activation, bias, gain, t.outputs, t.normalise, self.task.loss, power,
                noise, k, kind, covariance, decay,
            )  # fmt: skip

    def students(self) -> Iterator[StudentSpec]:
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
        """The predicted exponent for one task and student, or the value of another formula: of N,
        and as many times larger of the width as N has powers of it."""
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
        order = 1
        if student and self.scan.size == "width":
            order = student.leading(task.D_amb, task.outputs)[1]
        text = self.prediction.exponent if formula is None else formula
        return order * theory.parse(text).value(symbols)

    @property
    def recipe(self) -> TrainingSpec:
        """How every student of the study learns."""
        by_algebra = self.student.exact or self.regime == "variance-data"
        if self.regime == "variance-width" and self.data:
            return full_batch(self.training.steps, self.data.sizes[0])
        return NO_TRAINING if by_algebra else self.training.resolved()

    @cached_property
    def plan(self) -> tuple[Planned, ...]:
        """Every run of the study, and after them what shows whether it can be believed."""
        return planned.plan(self)

    @property
    def panels(self) -> tuple[Study, ...]:
        """Itself: a study is a file of one panel, see `Panels`."""
        return (self,)

    @property
    def scans(self) -> tuple[Study, ...]:
        """The studies that scan one quantity each: itself, or the two limits of a phase map, all
        widths on unlimited data and the largest width on every D."""
        if self.regime != "phase-map":
            return (self,)
        tables = self.model_dump(by_alias=True, exclude_unset=True)
        widest = max(self.students(), key=lambda s: s.parameters(1, 1)).widths
        fresh = {k: v for k, v in tables.items() if k != "data"}
        student = {k: v for k, v in tables["student"].items() if k != "depth"}
        own = f"{self.title}, " if self.title else ""
        parts = (
            {**fresh, "regime": "resolution-width", "title": f"{own}D = ∞"},
            {**tables, "regime": "resolution-data", "student": {**student, "widths": [widest]},
             "title": f"{own}width {'×'.join(map(str, widest))}"},
        )  # fmt: skip
        return tuple(Study.model_validate(part) for part in parts)

    @property
    def trained(self) -> bool:
        """Whether students descend, so that it can be too little."""
        return not self.student.exact and self.regime not in LIMITS

    @cached_property
    def checked(self) -> frozenset[int]:
        """Indices k of the teachers whose scans are repeated with other budgets."""
        if self.evidence.share == 0 or not self.trained:
            return frozenset()
        teachers = planned.drawn(self)
        return frozenset(teachers[: max(2, math.floor(self.evidence.share * len(teachers) + 0.5))])

    @property
    def wide(self) -> bool:
        """Whether the scan is over the size of the student, not of the training set."""
        return self.regime.endswith("width")

    @property
    def measures_limit(self) -> bool:
        """Whether L∞ of a scan over D is the loss of the same networks on unlimited data."""
        return self.regime == "resolution-data" and self.trained and not any(self.task.noise)

    @property
    def law(self) -> str:
        """The law that the theory allows: with a floor where one exists, and none where L∞ is 0
        or measured.

        L∞ is 0 of excesses over a limit; of noise-free targets for networks on unlimited data, and
        for students that interpolate and grow with the data, kernels if they are universal; in a
        spectral task for D samples or P features, of which as many as there are modes leave
        nothing. Noise, ridges and fixed models have a floor.
        """
        if self.regime in LIMITS:
            return "power"
        if any(self.task.noise) or any(self.student.ridge or ()):
            return "power+floor"
        s = self.student
        grows = s.kind in ("mlp", "nearest", "simplex") or (
            self.task.manifold.kind == "spectral" and (self.wide or s.kind == "linear")
        )
        if s.kind == "kernel":
            grows = all(
                catalogue.universal(str(settings["kernel"]), settings, sphere=self.task.on_sphere)
                for settings in s.settings()
            )
        return "power" if grows else "power+floor"

    @property
    def axis(self) -> Axis:
        """What is scanned."""
        if not self.wide:
            return axes.DATA
        if self.regime == "variance-width":
            return axes.WIDTH
        return {"N": axes.N, "hidden": axes.HIDDEN, "width": axes.WIDTH}[self.scan.size]

    @property
    def ordinate(self) -> Ordinate:
        """What is fitted."""
        if self.regime in LIMITS:
            return axes.excess_over(LIMIT_WORDS[self.regime])
        return axes.OVER_UNLIMITED_DATA if self.measures_limit else axes.LOSS

    @property
    def findings(self) -> tuple[str, ...]:
        """The kinds of finding that the study is asked for, see `lab.answers.finders`."""
        own = {"phase-map": ("plane",), "variance-width": ("gaps",)}.get(self.regime, ())
        return (*own, "exponents", "lines", "contrasts", "expected")

    @property
    def redrawn(self) -> bool:
        """Whether every seed has training sets of its own, instead of nested ones per teacher."""
        return self.regime == "variance-data"

    @property
    def order(self) -> int:
        """Of what power of x the parameters N are: 2 of the width of two layers and more."""
        return next(self.students()).leading(1, 1)[1] if self.scan.size == "width" else 1

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
        """The quantity that the study scans: a size of the student, or D."""
        if not self.wide:
            return int(run.size or 0)
        if self.regime == "variance-width" or self.scan.size == "width":
            return run.student.widths[0]
        if self.scan.size == "hidden":
            return run.student.leading(run.task.D_amb, run.task.outputs)[0]
        return run.N

    @property
    def counted(self) -> bool:
        """Whether x is a size of networks, which can be counted in several ways."""
        return self.regime == "resolution-width" and not self.student.exact


@dataclass(frozen=True)
class Panels:
    """Studies of one file, asked one question: `[[panel]]` tables.

    A table at the top of the file holds for every panel that does not bring its own.
    """

    question: str
    panels: tuple[Study, ...]

    @cached_property
    def plan(self) -> tuple[Planned, ...]:
        """Every run of every panel; what two panels have in common stands once."""
        return tuple(dict.fromkeys(p for study in self.panels for p in study.plan))

    @property
    def scans(self) -> tuple[Study, ...]:
        """The studies that scan one quantity each."""
        return tuple(scan for study in self.panels for scan in study.scans)


def read(path: str | Path, overrides: tuple[str, ...] = ()) -> Study | Panels:
    """The study in a TOML file, with overrides such as `training.steps=2000` applied.

    An override of a panel, `panel.1.training.steps=2000`, leaves the other keys of the table that
    the panel has, be it its own or the one at the top of the file.

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
    for override in sorted(overrides, key=lambda text: text.strip().startswith("panel.")):
        _apply(tables, override)
    return validate(tables, text=text, name=str(path))


def validate(tables: Mapping[str, Any], *, text: str = "", name: str = "study") -> Study | Panels:
    """A study from parsed tables; `text` gives the line numbers of the mistakes."""
    if "panel" not in tables:
        return _validated(tables, text=text, name=name, panel=0)
    shared = {key: value for key, value in tables.items() if key != "panel"}
    panels = tables["panel"]
    if not isinstance(panels, list) or not panels or not all(isinstance(p, dict) for p in panels):
        raise StudyError([f"{name}: panel: expected tables; begin each with a line [[panel]]"])
    found, mistakes = [], []
    for number, own in enumerate(panels, start=1):
        common = sorted({"schema", "question", "seed"} & own.keys())
        mistakes += [f"{name}: panel {number}: {key}: is the same in all panels; give it once, at "
                     "the top" for key in common]  # fmt: skip
        title = own.get("title", own.get("regime", ""))
        if title in [study.title for study in found]:
            mistakes.append(f"{name}: panel {number}: title: '{title}' is another panel's too; "
                            "give each its own")  # fmt: skip
        both = {**shared, **own, "title": title}
        try:
            found.append(_validated(both, text=text, name=name, panel=number))
        except StudyError as error:
            mistakes += error.mistakes
    if mistakes:
        raise StudyError(mistakes)
    return Panels(found[0].question, tuple(found))


def _validated(tables: Mapping[str, Any], *, text: str, name: str, panel: int) -> Study:
    try:
        return Study.model_validate(tables)
    except ValidationError as error:
        raise StudyError(sentences(error, Study, text=text, name=name, panel=panel)) from None


def _apply(tables: Any, override: str) -> None:
    key, sign, value = override.partition("=")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"] if sign else None
    except tomllib.TOMLDecodeError:
        parsed = None
    if parsed is None:
        raise StudyError(
            [f"--set {override}: expected key=value with a TOML value, as in training.steps=2000"]
        )
    *parents, last = names = key.strip().split(".")
    shared, panels = tables, tables.get("panel")
    own = [n for n, panel in enumerate(panels if isinstance(panels, list) else (), start=1)
           if isinstance(panel, dict) and names[0] in panel]  # fmt: skip
    if own:
        bring = "panel {} brings its" if len(own) == 1 else "panels {} bring their"
        raise StudyError(
            [f"--set {override}: {bring.format(', '.join(map(str, own)))} own '{names[0]}', which "
             "hides this one; set it panel by panel, as in "
             f"--set panel.{own[0]}.{override.strip()}"]
        )  # fmt: skip
    for depth, parent in enumerate(parents):
        if isinstance(tables, list):
            if not (parent.isdecimal() and 1 <= int(parent) <= len(tables)):
                raise StudyError(
                    [f"--set {override}: the panels are 1 to {len(tables)}, as in "
                     "panel.1.training.steps=2000"]
                )  # fmt: skip
            tables = tables[int(parent) - 1]
        else:
            common = shared.get(parent, {}) if names[0] == "panel" and depth == 2 else {}
            tables = tables.setdefault(parent, copy.deepcopy(common))
        if not isinstance(tables, dict | list):
            raise StudyError([f"--set {override}: '{parent}' is a value, not a table"])
    if isinstance(tables, list):
        raise StudyError([f"--set {override}: say which panel, as in panel.1.title='first'"])
    tables[last] = parsed
