"""[task]: what is to be learned: a manifold, its embedding, a teacher, and the loss."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from lab.data.manifolds import MANIFOLDS, Embedding, Manifold
from lab.data.teachers import TEACHERS, NetworkTeacher, ResolvedTeacher, Teacher
from lab.grids import Floats, Grid, Table, said
from lab.kinds.kind import OneOf
from lab.spec import TaskSpec

Power = Annotated[float, Field(ge=0.1, le=100)]
"""The p of a loss |y − ŷ|^p."""


class Task(Table):
    """What is to be learned."""

    manifold: Annotated[Manifold, OneOf(MANIFOLDS)]
    embedding: Embedding = Embedding()
    teacher: Annotated[Teacher, OneOf(TEACHERS)] = NetworkTeacher()
    loss: Literal["mse", "power", "kl"] = "mse"
    power: Grid[Power] | None = None
    noise: Floats = (0.0,)

    @model_validator(mode="before")
    @classmethod
    def _without_randomness(cls, values: Any) -> Any:
        """Infinitely many modes of given powers are one target."""
        manifold = values.get("manifold") if isinstance(values, dict) else None
        if not isinstance(manifold, dict) or manifold.get("kind") != "spectral":
            return values
        teacher = values.get("teacher", {})
        if manifold.get("modes") is not None or not isinstance(teacher, dict):
            return values
        return {**values, "teacher": {"count": 1, **teacher}}

    counted: ClassVar[str] = "task.teacher.count"
    """The key that says how many teachers there are."""
    everything: ClassVar[int | None] = None
    """How many samples there are; None is no end of them."""

    @property
    def count(self) -> int:
        """Teachers, the independent units of an interval."""
        return self.teacher.count

    @property
    def outputs(self) -> int:
        """Outputs of a target."""
        return self.teacher.outputs

    @property
    def noisy(self) -> bool:
        """Whether targets have a part that nobody can learn."""
        return any(self.noise)

    @property
    def name(self) -> str:
        """Where the points are from, in a word."""
        return self.manifold.kind

    @property
    def dims(self) -> tuple[int, ...]:
        """The dimensions of the grid, where they are one."""
        return getattr(self.manifold, "dim", ())

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables whose grids make its tasks."""
        return self, self.manifold, self.teacher

    def mistakes(self, sizes: Sequence[int]) -> Iterator[str]:
        """What it gets wrong together with training sets of these sizes."""
        return self.teacher.mistakes(sizes)

    @property
    def on_sphere(self) -> bool:
        """Whether all points that the student sees are at one distance from the origin."""
        return self.manifold.on_sphere and self.embedding.kind in ("identity", "linear")

    @property
    def linear(self) -> bool:
        """Whether the target is linear in the inputs, whose covariance is known."""
        return self.manifold.teacher is not None

    @property
    def endless(self) -> bool:
        """Whether it is spectral with infinitely many modes, which nobody can draw."""
        return self.linear and getattr(self.manifold, "modes", None) is None

    @property
    def descends(self) -> bool:
        """Whether networks can be trained on it, by points drawn without limit."""
        return self.manifold.teacher is None and self.teacher.descends

    @property
    def solved_by(self) -> str:
        """The one kind of student that can learn it; empty where any can."""
        return self.teacher.solved_by

    @property
    def teacher_kind(self) -> str:
        """The kind of teacher; a manifold may bring its own."""
        return self.manifold.teacher or self.teacher.kind

    def specs(self, teachers: int) -> Iterator[TaskSpec]:
        """The resolved tasks of the grid, by as many teachers each."""
        t = self.teacher
        drawn = [ResolvedTeacher()] if self.manifold.teacher else t.grid()
        grid = itertools.product(
            self.manifold.factors_of(),
            drawn,
            t.gain,
            self.power or (2.0,),
            self.noise,
            self.manifold.decays(),
            range(teachers),
        )
        for manifold, one, gain, power, noise, decays, k in grid:
            yield TaskSpec(
                manifold, self.embedding.kind, self.embedding.ambient, one.widths,
                one.activation, one.bias, gain, t.outputs, t.normalise, self.loss, power,
                noise, k, self.teacher_kind, one.covariance, decays, one.signs,
            )  # fmt: skip

    def wrong(self) -> Iterator[str]:
        for rule in (self._of_loss, self._of_spectral, self._of_ridges):
            yield from said(rule)

    def _of_loss(self) -> Iterator[str]:
        if (self.loss == "power") != (self.power is not None):
            yield "'power' belongs to loss = \"power\", and that loss needs it"
        if self.loss == "kl" and self.teacher.outputs < 2:
            yield "loss = \"kl\" needs teacher.outputs of at least 2"
        if self.loss == "kl" and any(self.noise):
            yield "label noise is for loss = \"mse\" or \"power\", not \"kl\""

    def _of_spectral(self) -> Iterator[str]:
        if not self.manifold.teacher:
            return
        if self.teacher.model_fields_set - {"count", "kind"} or self.teacher.kind != "network":
            yield (
                "a spectral task has a linear teacher of its own; leave all but teacher.count out"
            )
        if self.endless and self.teacher.count > 1:
            yield "teacher.count: infinitely many modes are one target; leave it out"
        if self.embedding.kind != "identity" or self.loss != "mse":
            yield "a spectral task takes loss = \"mse\" and no embedding"

    def _of_ridges(self) -> Iterator[str]:
        if self.teacher.kind != "ridges" or self.manifold.teacher:
            return
        if self.manifold.kind != "sphere" or self.embedding.kind != "identity":
            yield "a teacher of ridges is known on spheres: kind = \"sphere\", and no embedding"
        if self.loss != "mse" or any(self.noise):
            yield "a teacher of ridges takes loss = \"mse\" and no noise"
