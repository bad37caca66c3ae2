"""[task]: what is to be learned: a manifold, its embedding, a teacher, and the loss."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import model_validator

from lab.grids import Floats, PositiveInt, Positives, Table
from lab.kinds.kind import OneOf
from lab.kinds.manifolds import MANIFOLDS, Manifold
from lab.kinds.teachers import TEACHERS, Drawn, Network, Teacher
from lab.spec import TaskSpec


class Embedding(Table):
    """How a point of the manifold reaches the student: in `ambient` coordinates."""

    kind: Literal["identity", "features", "linear", "curved"] = "identity"
    ambient: PositiveInt | None = None

    @model_validator(mode="after")
    def _ambient(self) -> Embedding:
        if self.kind == "identity" and self.ambient is not None:
            raise ValueError("the identity embedding has no 'ambient'; leave it out")
        if self.kind != "identity" and self.ambient is None:
            raise ValueError(f"the {self.kind} embedding needs 'ambient = …' coordinates")
        return self


class Task(Table):
    """What is to be learned."""

    manifold: Annotated[Manifold, OneOf(MANIFOLDS)]
    embedding: Embedding = Embedding()
    teacher: Annotated[Teacher, OneOf(TEACHERS)] = Network()
    loss: Literal["mse", "power", "kl"] = "mse"
    power: Positives | None = None
    noise: Floats = (0.0,)

    @property
    def on_sphere(self) -> bool:
        """Whether all points that the student sees are at one distance from the origin."""
        return self.manifold.on_sphere and self.embedding.kind in ("identity", "linear")

    @property
    def linear(self) -> bool:
        """Whether the target is linear in the inputs, whose covariance is known."""
        return self.manifold.teacher is not None

    @property
    def descends(self) -> bool:
        """Whether networks can be trained on it, by points drawn without limit."""
        return self.manifold.teacher is None and self.teacher.descends

    @property
    def teacher_kind(self) -> str:
        """The kind of teacher; a manifold may bring its own."""
        return self.manifold.teacher or self.teacher.kind

    def specs(self, teachers: int) -> Iterator[TaskSpec]:
        """The resolved tasks of the grid, by as many teachers each."""
        t = self.teacher
        drawn = [Drawn()] if self.manifold.teacher else t.grid()
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
                noise, k, self.teacher_kind, one.covariance, decays,
            )  # fmt: skip

    @model_validator(mode="after")
    def _consistent(self) -> Task:
        if (self.loss == "power") != (self.power is not None):
            raise ValueError("'power' belongs to loss = \"power\", and that loss needs it")
        if self.loss == "kl" and self.teacher.outputs < 2:
            raise ValueError("loss = \"kl\" needs teacher.outputs of at least 2")
        if self.loss == "kl" and any(self.noise):
            raise ValueError("label noise is for loss = \"mse\" or \"power\", not \"kl\"")
        if self.manifold.teacher:
            if self.teacher.model_fields_set - {"count"}:
                raise ValueError(
                    "a spectral task has a linear teacher of its own; leave all but "
                    "teacher.count out"
                )
            if self.embedding.kind != "identity" or self.loss != "mse":
                raise ValueError("a spectral task takes loss = \"mse\" and no embedding")
        return self
