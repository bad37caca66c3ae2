"""Networks: the students that descend.

`Trained` is what the training loop asks of a kind; `Mlp` is the multilayer perceptron of
`lab.students.descent.mlp`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import Field

from lab.grids import Depth, Grid, NonNegativeFloat, PositiveFloat, Widths
from lab.kinds.kind import load
from lab.kinds.student import STUDENTS, Student, StudentSpec, Target

Activation = Literal["relu", "tanh", "erf", "gelu", "identity"]
Activations = Grid[Activation]


class Trained(Student):
    """A student that descends."""

    trained: ClassVar[bool] = True

    @classmethod
    def network(cls) -> Any:
        """What computes it: a module or object with `init(spec, D_amb, outputs, *, keys)` and
        `apply(spec, parameters, x)`, as `lab.students.descent.mlp`; with hidden layers that can be
        measured, `hidden(spec, parameters, x)` too. Imports JAX."""
        raise NotImplementedError

    @classmethod
    def layers(cls, spec: StudentSpec) -> int:
        """How many hidden layers can be measured (`[measure]`)."""
        return 0

    @classmethod
    def matrices(cls, spec: StudentSpec, *, D_amb: int, outputs: int) -> list[tuple[int, int]]:
        """(columns, rows) of every weight matrix, the output layer last: what a step costs."""
        raise NotImplementedError

    @classmethod
    def units(cls, spec: StudentSpec) -> int:
        """Hidden units: what a point takes of memory."""
        raise NotImplementedError

    @classmethod
    def learning(
        cls, spec: StudentSpec, *, D_amb: int, outputs: int, D: int, samples: float
    ) -> float:
        """6 operations per weight and sample, forward and back, and 4 in the first layer, whose
        inputs need no gradient."""
        first, *rest = (m * n for m, n in cls.matrices(spec, D_amb=D_amb, outputs=outputs))
        return (4 * first + 6 * sum(rest)) * samples


@STUDENTS.add
class Mlp(Trained):
    """A multilayer perceptron. A width stands for `depth` layers of it; a list is the layers."""

    kind: Literal["mlp"] = "mlp"
    widths: Widths
    depth: Depth | None = None
    activation: Activations = ("relu",)
    parametrisation: Literal["standard", "ntk"] = "standard"
    weight: PositiveFloat = Field(default=2.0, description="variance of a weight times its fan-in")
    bias: NonNegativeFloat = Field(
        default=0.5, description="standard deviation of a bias at the start"
    )

    sized: ClassVar[str | None] = "widths"

    def specs(self, *, inputs: str | None = None) -> Iterator[StudentSpec]:
        for activation, width in itertools.product(self.activation, self.widths):
            widths = width if isinstance(width, tuple) else (width,) * (self.depth or 2)
            yield StudentSpec(
                self.kind,
                widths,
                activation,
                self.parametrisation,
                self.weight,
                self.bias,
                inputs or self.inputs,
            )

    def vanishes(self, task: Target, *, sized: bool) -> bool:
        return True

    def mistakes(self, study: Any) -> Iterator[str]:
        if self.depth is not None and any(isinstance(w, tuple) for w in self.widths):
            yield "student.depth: widths that list their layers have their depth; leave it out"

    @classmethod
    def N(cls, spec: StudentSpec, *, D_amb: int, outputs: int, D: int) -> int:
        layers = (D_amb, *spec.widths, outputs)
        return sum((m + 1) * n for m, n in itertools.pairwise(layers))

    @classmethod
    def leading(cls, spec: StudentSpec, *, D_amb: int, outputs: int) -> tuple[int, int]:
        """The weights between hidden layers, order 2; with one hidden layer all but the output
        biases, order 1."""
        if len(spec.widths) < 2:
            return cls.N(spec, D_amb=D_amb, outputs=outputs, D=0) - outputs, 1
        return sum(m * n for m, n in itertools.pairwise(spec.widths)), 2

    @classmethod
    def same_but_size(cls, spec: StudentSpec) -> StudentSpec:
        return replace(spec, widths=())

    @classmethod
    def network(cls) -> Any:
        return load("lab.students.descent.mlp")

    @classmethod
    def matrices(cls, spec: StudentSpec, *, D_amb: int, outputs: int) -> list[tuple[int, int]]:
        return [*itertools.pairwise((D_amb, *spec.widths, outputs))]

    @classmethod
    def units(cls, spec: StudentSpec) -> int:
        return sum(spec.widths)

    @classmethod
    def layers(cls, spec: StudentSpec) -> int:
        return len(spec.widths)
