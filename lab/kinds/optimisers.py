"""Optimisers: rules that move the parameters of a student, each one entry by its name.

    first-order     gets the gradient of each batch and gives a step of rate 1; the rate of every
                    step comes from the schedule
    whole-problem   gets the loss of one student on one fixed batch, as a function of its
                    parameters, its residuals where the loss is a mean of squares, and takes so many
                    steps; it finds their lengths itself

An entry says what the plan and the clock need to know of a step, and what the rule asks of the
student and of the loss. The lab's own are in `lab.students.first_order` and `whole_problem`. One
from outside is one class under `@OPTIMISERS.add`; workers import it. What computes the steps is
imported in `rule`, for this file knows no JAX.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from lab.grids import Table
from lab.kinds import Kinds

OPTIMISERS = Kinds("muon", key="name")
"""Every optimiser by its name."""

STUDENTS_RATE = 6e10
"""FLOP/s of students' matrix products."""


class Optimiser(Table):
    """A rule that moves a student's parameters: `name` is what a study file calls it.

    Attributes:
        title: what sentences call it.
        defaults: keys of [training] that it takes unless the file or its preset says otherwise.
    """

    name: str
    title: ClassVar[str]
    defaults: ClassVar[Mapping[str, Any]] = {}

    @classmethod
    def rule(cls) -> Callable[..., Any]:
        """The function that computes it; imports JAX."""
        raise NotImplementedError(f"{cls.__name__} computes no step; give it the method `rule`")


class FirstOrder(Optimiser):
    """A rule for gradients. `rule()(beta1, beta2, decay, hidden)` is an optax transformation at
    rate 1 for the parameters of one student, of which `hidden` names weight matrices [out, in].

    Attributes:
        hidden: whether it needs them (`lab.kinds.student.Trained.hidden_matrices`).
    """

    hidden: ClassVar[bool] = False

    @classmethod
    def seconds(cls, matrices: Sequence[tuple[int, int]]) -> float:
        """Seconds of a step beside its gradient, for hidden matrices of (columns, rows)."""
        return 0.0


class WholeProblem(Optimiser):
    """A rule for a fixed batch. `rule()(problem, parameters, steps)` is the parameters after so
    many steps of one student (`lab.students.whole_problem.Problem`); it runs under `vmap`.

    Attributes:
        evaluations: points at which a step learns from the whole batch, as a gradient does.
        squares: whether it needs residuals, so that the loss has to be a mean of squares.
    """

    evaluations: ClassVar[float] = 2.0
    squares: ClassVar[bool] = False

    @classmethod
    def flops(cls, *, N: int, residuals: int) -> float:
        """Operations of a step beside its evaluations, for N parameters and so many residuals."""
        return 0.0

    @classmethod
    def seconds(cls, *, N: int, residuals: int) -> float:
        """Seconds of the same on the reference core (`lab.execution.plan`)."""
        return cls.flops(N=N, residuals=residuals) / STUDENTS_RATE

    @classmethod
    def numbers(cls, *, N: int, residuals: int) -> float:
        """Numbers that it keeps for one student beside parameters and activations."""
        return 0.0


def whole(name: str) -> bool:
    """True if this is the name of a whole-problem rule."""
    return name in OPTIMISERS and issubclass(OPTIMISERS[name], WholeProblem)
