"""Optimisers: rules that move the parameters of a student, each one entry by its name.

    first-order     gets the gradient of each batch and gives a step of rate 1; the rate of every
                    step comes from the schedule
    whole-problem   gets the loss of one student on one fixed batch, as a function of its
                    parameters, its residuals where the loss is a mean of squares, and takes so many
                    steps; it finds their lengths itself

An entry says what the plan and the clock need to know of a step, and what the rule asks of the
student and of the loss. One from outside is one class under `@OPTIMISERS.add`; workers import it.
Who computes the steps is text or imported in `rule`, for this file knows no JAX.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal

from lab.grids import Table
from lab.kinds.kind import Kinds, load

OPTIMISERS = Kinds("muon", key="name")
"""Every optimiser by its name."""

STUDENTS_RATE = 6e10
"""FLOP/s of students' matrix products."""
SMALL = 12
"""The smaller side up to which Muon works in outer products. They are faster than XLA's matrix
product: for two students 2.5 to 4 times at 15 × 4 and 30 × 8, twice at 8 × 8 and 11 × 11, the same
at 15 × 15."""
SMALL_RATE, SMALL_MATRIX = 5e9, 1e-6
LARGE_RATE, LARGE_MATRIX = 6e8, 5e-6
"""FLOP/s of five Newton–Schulz iterations, and the seconds of their calls; of a large matrix per
row, up to `STUDENTS_RATE`."""
EIGH = 9
"""Operations of all eigenvectors of a symmetric matrix, by N³ (Golub and Van Loan, §8.3)."""
DOUBLE_RATE = 3e10
"""FLOP/s of JᵀJ and of its eigenvectors in double precision."""
ENTRY = 1.2e-8
"""Seconds of one entry of J (measured at 4096 points and N = 51, 151)."""
MEMORY = 20
"""Vectors of N numbers that L-BFGS keeps: ten steps and the changes of the gradient in them."""


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
    many steps of one student (`lab.students.descent.problem.Problem`); it runs under `vmap`.

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


def squared(loss: str, power: float) -> bool:
    """Whether a loss, as `lab.task.data.losses` names it, is a mean of squares."""
    return loss == "mse" or (loss == "power" and power == 2)


def whole(name: str) -> bool:
    """Whether this is the name of a whole-problem rule."""
    return name in OPTIMISERS and issubclass(OPTIMISERS[name], WholeProblem)


@OPTIMISERS.add
class Muon(FirstOrder):
    """Momentum whose matrices are made nearly orthogonal, `lab.students.descent.muon`."""

    name: Literal["muon"] = "muon"
    title: ClassVar[str] = "Muon"
    defaults: ClassVar[Mapping[str, Any]] = {"rate": 0.01, "beta1": 0.95, "beta2": 0.999}
    hidden: ClassVar[bool] = True

    @classmethod
    def rule(cls) -> Callable[..., Any]:
        return load("lab.students.descent.optimisers:orthogonal")

    @classmethod
    def seconds(cls, matrices: Sequence[tuple[int, int]]) -> float:
        return sum(map(_orthogonalising, matrices))


def _orthogonalising(sides: tuple[int, int]) -> float:
    m, n = min(sides), max(sides)
    flops = 5 * (4 * m * m * n + 2 * m**3)
    if m <= SMALL:
        return SMALL_MATRIX + flops / SMALL_RATE
    return LARGE_MATRIX + flops / min(LARGE_RATE * m, STUDENTS_RATE)


@OPTIMISERS.add
class Adam(FirstOrder):
    """Kingma and Ba, arXiv 1412.6980."""

    name: Literal["adam"] = "adam"
    title: ClassVar[str] = "Adam"
    defaults: ClassVar[Mapping[str, Any]] = {"rate": 0.01, "beta1": 0.9, "beta2": 0.99}

    @classmethod
    def rule(cls) -> Callable[..., Any]:
        return load("lab.students.descent.optimisers:adam")


@OPTIMISERS.add
class Adamw(FirstOrder):
    """Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101)."""

    name: Literal["adamw"] = "adamw"
    title: ClassVar[str] = "AdamW"
    defaults: ClassVar[Mapping[str, Any]] = Adam.defaults

    @classmethod
    def rule(cls) -> Callable[..., Any]:
        return load("lab.students.descent.optimisers:adamw")


@OPTIMISERS.add
class Sgd(FirstOrder):
    """Gradient descent with momentum `beta1`."""

    name: Literal["sgd"] = "sgd"
    title: ClassVar[str] = "SGD"
    defaults: ClassVar[Mapping[str, Any]] = {"rate": 0.1, "beta1": 0.9, "beta2": 0.999}

    @classmethod
    def rule(cls) -> Callable[..., Any]:
        return load("lab.students.descent.optimisers:sgd")


@OPTIMISERS.add
class Lbfgs(WholeProblem):
    """L-BFGS with a zoom line search, which looks at about two points."""

    name: Literal["lbfgs"] = "lbfgs"
    title: ClassVar[str] = "L-BFGS"
    defaults: ClassVar[Mapping[str, Any]] = {"rate": 1.0, "beta1": 0.9, "beta2": 0.999}

    @classmethod
    def rule(cls) -> Callable[..., Any]:
        return load("lab.students.descent.problem:lbfgs")

    @classmethod
    def numbers(cls, *, N: int, residuals: int) -> float:
        return MEMORY * N


@OPTIMISERS.add
class GaussNewton(WholeProblem):
    """Gauss–Newton with the damping of Levenberg and Marquardt, for N up to a few hundred.

    A step evaluates the Jacobian at one point and the loss at another. Its products of JᵀJ square
    the condition of J: single precision ends some orders of magnitude higher than double, which is
    its default.
    """

    name: Literal["gauss-newton"] = "gauss-newton"
    title: ClassVar[str] = "Gauss–Newton"
    defaults: ClassVar[Mapping[str, Any]] = {
        **Lbfgs.defaults, "precision": "float64", "steps": 100, "batch": 4096
    }  # fmt: skip
    squares: ClassVar[bool] = True

    @classmethod
    def rule(cls) -> Callable[..., Any]:
        return load("lab.students.descent.problem:gauss_newton")

    @classmethod
    def flops(cls, *, N: int, residuals: int) -> float:
        return 2 * residuals * N**2 + EIGH * N**3

    @classmethod
    def seconds(cls, *, N: int, residuals: int) -> float:
        return cls.flops(N=N, residuals=residuals) / DOUBLE_RATE + ENTRY * residuals * N

    @classmethod
    def numbers(cls, *, N: int, residuals: int) -> float:
        """J by layers and in one piece; JᵀJ, its eigenvectors, and their work space."""
        return 2 * residuals * N + 4 * N**2
