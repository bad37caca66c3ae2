"""Networks: the students that descend.

`Trained` is what the training loop asks of a kind; `Mlp` is the multilayer perceptron of
`lab.students.descent.mlp`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import Field

from lab.data.activations import Activations, power_of
from lab.grids import Depth, NonNegativeFloat, PositiveFloat, Widths
from lab.kinds.kind import load
from lab.kinds.student import STUDENTS, Student, StudentSpec, Target, lacking
from lab.theory import Pieces


class Trained(Student):
    """A student that descends."""

    trained: ClassVar[bool] = True
    solvers: ClassVar[Mapping[str, str]] = {"": "lab.students.solvers:DESCENT"}

    @classmethod
    def network(cls) -> Any:
        """The module or object that computes it: `init(spec, D_amb, outputs, *, keys)` gives arrays
        by name, and `apply(spec, parameters, x)` answers, as in `lab.students.descent.mlp`; with
        hidden layers that can be measured, `hidden(spec, parameters, x)` too. Imports JAX."""
        raise lacking(cls, "network", "network")

    @classmethod
    def layers(cls, spec: StudentSpec) -> int:
        """How many hidden layers can be measured (`[measure]`)."""
        return 0

    @classmethod
    def hidden_matrices(cls, spec: StudentSpec) -> frozenset[str]:
        """Names of the parameters that are weight matrices [out, in] before the output layer, which
        Muon makes orthogonal; of a kind that names none Muon is refused."""
        return frozenset()

    @classmethod
    def rescaled(cls, spec: StudentSpec, factor: float) -> StudentSpec | None:
        """The student whose first weights have `factor` times the variance; None where the kind
        cannot, and no check may vary them then."""
        return None

    @classmethod
    def matrices(cls, spec: StudentSpec, *, D_amb: int, outputs: int) -> list[tuple[int, int]]:
        """(columns, rows) of every weight matrix, the output layer last: what a step costs."""
        raise lacking(cls, "matrices", "costs")

    @classmethod
    def hidden_units(cls, spec: StudentSpec) -> int:
        """Hidden units: what a point takes of memory."""
        raise lacking(cls, "units", "memory")

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

    solvers: ClassVar[Mapping[str, str]] = {
        **Trained.solvers,
        "data": "lab.students.solvers:BASIN",
        "ntk": "lab.students.solvers:TANGENTS",
    }
    sized: ClassVar[str | None] = "widths"
    reference: ClassVar[str] = "lab.task.linear_terms:slope"

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
        if any(power_of(activation) == 0 for activation in self.activation):
            yield "student.activation: a step has no slope to descend; take relu^p with p > 0"

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
    def pieces(cls, spec: StudentSpec) -> Pieces | None:
        if spec.activation != "relu":
            return None
        return "shallow" if len(spec.widths) == 1 else "deep"

    @classmethod
    def network(cls) -> Any:
        return load("lab.students.descent.mlp")

    @classmethod
    def hidden_matrices(cls, spec: StudentSpec) -> frozenset[str]:
        return frozenset(f"W{layer}" for layer in range(len(spec.widths)))

    @classmethod
    def rescaled(cls, spec: StudentSpec, factor: float) -> StudentSpec | None:
        return replace(spec, weight=factor * spec.weight)

    @classmethod
    def matrices(cls, spec: StudentSpec, *, D_amb: int, outputs: int) -> list[tuple[int, int]]:
        return [*itertools.pairwise((D_amb, *spec.widths, outputs))]

    @classmethod
    def hidden_units(cls, spec: StudentSpec) -> int:
        return sum(spec.widths)

    @classmethod
    def layers(cls, spec: StudentSpec) -> int:
        return len(spec.widths)
