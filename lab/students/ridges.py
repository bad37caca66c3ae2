"""The student `ridges`, sums of ridges on the sphere, whose population loss is exact.

    f(x) = Σ_{i≤n} a_i |u_i·x|,   x uniform on S^d ⊂ R^p, p = d + 1, |u_i| = 1

is a bias-free ReLU layer of n pairs of units, t₊ + (−t)₊ = |t|. For unit vectors u, v with ρ = u·v

    E|u·x||v·x| = k(ρ)/p,   k(ρ) = (2/π)(√(1 − ρ²) + ρ arcsin ρ),   k′(ρ) = (2/π) arcsin ρ

(the arc-cosine kernel of order 1, Cho & Saul 2009). With K = k(U Uᵀ)/p and b_i = E f*(x)|u_i·x| the
best output weights are a = K⁻¹b, and what is left,

    L(U) = E f*² − bᵀK⁻¹b,   ∂L/∂u_i = −2 a_i ∂b_i/∂u_i + 2 a_i Σ_{j≠i} a_j k′(ρ_ij) u_j/p,

is a function of directions alone; log L is minimised over them by L-BFGS in float64, from one
random start. Targets: ridges of one sign and infinitely many directions, f* = 1 on the sphere, with
b_i = E|u·x| = Γ(p/2)/(√π Γ((p+1)/2)); and Σ_j c_j |v_j·x| over M uniform directions v_j, where
b_i = Σ_j c_j k(u_i·v_j)/p and E f*² = cᵀk(V Vᵀ)c/p.

Theory: L ∝ n^−(1+3/d) of one sign (Siegel, arXiv 2307.15285), n^−(3/d) of random signs while
n ≪ M. Asymptotic from n = 6, 16, 64, 100 on at d = 1, 2, 3, 4. A start ends in a local minimum: of
one sign all are within 2 %, of random signs they scatter by a factor of up to 2, and the best of
several is an upper bound of the optimum.

No biases, no other manifold, no training set, no noise.
"""

from __future__ import annotations

import math
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field

from lab.data.task import TaskSpec
from lab.grids import Dims, PositiveInt
from lab.kinds.student import STUDENTS, Reference, StudentSpec, Target, scanned_with
from lab.spec import Group, Run
from lab.students.exact import Exact
from lab.students.solvers import Failed, Observation, Result, Solver, Tick
from lab.theory import Pieces

if TYPE_CHECKING:
    from lab.data.user_data import AnyTask
    from lab.kinds.student import StudyInterface

STEPS = 150
"""Iterations of a descent, as a rule; 10 to 1000 were seen."""
RIDGE = 60
"""Operations of one entry of the kernel of two ridges and of its slope."""
MEMORY = 30
"""Pairs that L-BFGS remembers."""
MOST_STEPS = 5_000
STATIONARY = 1e-9
"""Largest component of the gradient of log L at which a descent ends."""
ROUNDING = 1e-15
"""Share of E f*² below which a loss is rounding."""


@STUDENTS.add
class RidgesStudent(Exact):
    """A sum of `units` ridges a_i |u_i·x| on a sphere, from several random `starts`.

    A start is a run of its own; a scan reads the lowest loss of each teacher and number of units.
    Float64 on the CPU, whatever accelerator there is.
    """

    kind: Literal["ridges"] = "ridges"
    units: Dims
    seeds: PositiveInt = Field(default=4, alias="starts")

    solvers: ClassVar[Mapping[str, str]] = {"": "lab.students.ridges:SOLVER"}
    random: ClassVar[bool] = True
    best_of_seeds: ClassVar[bool] = True
    answers_unlimited: ClassVar[bool] = True
    size_key: ClassVar[str | None] = "units"
    scanned: ClassVar[str] = "units"
    reference: ClassVar[str] = "lab.students.ridges:reference"

    def limit_loss_is_zero(self, task: Target, *, sized: bool) -> bool:
        return sized

    def mistakes(self, study: StudyInterface) -> Iterator[str]:
        yield from super().mistakes(study)
        if study.task.teacher_kind != "ridges":
            yield (
                "task.teacher: students of kind ridges know the loss of sums of ridges alone; take "
                "teacher = { kind = \"ridges\" }"
            )
        if study.regime != "resolution-width":
            yield (
                f"student.kind: ridges are fitted to the whole population, and {study.regime} "
                "learns from samples; take regime = \"resolution-width\""
            )

    @classmethod
    def pieces(cls, spec: StudentSpec) -> Pieces:
        return "shallow"

    @classmethod
    def N(cls, spec: StudentSpec, *, D_amb: int, outputs: int, D: int) -> int:
        """d angles and a weight of every unit, D_amb = d + 1."""
        return cls.hidden_units(spec) * D_amb

    @classmethod
    def flops(cls, spec: StudentSpec, *, D: int, D_amb: int, test: int) -> float:
        n = cls.hidden_units(spec)
        return STEPS * (n**3 / 3 + (RIDGE + 4 * D_amb) * n * n)


@dataclass(frozen=True)
class RidgeTarget:
    """A target on the sphere: Σ_j c_j |v_j·x|, or the constant 1, ridges of one sign in every
    direction.

    Attributes:
        p: coordinates, d + 1.
        directions: v_j, unit vectors; none for the constant.
        weights: c_j.
    """

    p: int
    directions: Float[np.ndarray, "M p"] | None = None
    weights: Float[np.ndarray, " M"] | None = None

    @classmethod
    def of_random_signs(cls, p: int, M: int, *, rng: np.random.Generator) -> RidgeTarget:
        """M uniform directions of weights ±1/√M; the generator is consumed."""
        directions = _unit(rng.standard_normal((M, p)))
        return cls(p, directions, rng.choice([-1.0, 1.0], size=M) / M**0.5)

    @classmethod
    def of_one_sign(cls, p: int, M: int, *, rng: np.random.Generator) -> RidgeTarget:
        """M uniform directions of weights 1/M; the generator is consumed."""
        return cls(p, _unit(rng.standard_normal((M, p))), np.full(M, 1 / M))

    @cached_property
    def power(self) -> float:
        """E f*²."""
        if self.directions is None:
            return 1.0
        return float(self.weights @ _k(self.directions @ self.directions.T) @ self.weights) / self.p

    def against(
        self, U: Float[np.ndarray, "n p"]
    ) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n p"]]:
        """b_i = E f*(x)|u_i·x| and its derivatives by u_i, the part along u_i left to the caller to
        project away."""
        if self.directions is None:
            from scipy import special

            mean = special.gamma(self.p / 2) / special.gamma((self.p + 1) / 2) / np.pi**0.5
            return np.full(len(U), mean), np.zeros_like(U)
        rho = np.clip(U @ self.directions.T, -1, 1)
        slopes = 2 / np.pi * np.arcsin(rho) * self.weights
        return _k(rho) @ self.weights / self.p, slopes @ self.directions / self.p


@dataclass(frozen=True)
class Ridges:
    """A student at the end of one descent.

    Attributes:
        directions: u_i, unit vectors.
        weights: a_i.
        loss: L/E f*².
        slope: largest component of the gradient of log L, where it ended.
        steps: iterations of L-BFGS.
    """

    directions: Float[np.ndarray, "n p"]
    weights: Float[np.ndarray, " n"]
    loss: float
    slope: float
    steps: int

    def __call__(self, x: Float[np.ndarray, "m p"]) -> Float[np.ndarray, " m"]:
        return np.abs(x @ self.directions.T) @ self.weights


def minimise(target: RidgeTarget, units: int, *, rng: np.random.Generator) -> Ridges:
    """The student of so many units from one random start; the generator is consumed."""
    from scipy import optimize

    power = target.power
    start = _unit(rng.standard_normal((units, target.p)))

    def log_loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        U, length = _of(flat, units)
        value, gradient, _ = loss(target, U)
        value = max(value, ROUNDING * power)
        return np.log(value / power), (gradient / length / value).ravel()

    found = optimize.minimize(
        log_loss, start.ravel(), jac=True, method="L-BFGS-B",
        options={"maxcor": MEMORY, "maxiter": MOST_STEPS, "maxfun": 4 * MOST_STEPS, "ftol": 1e-14,
                 "gtol": STATIONARY},
    )  # fmt: skip
    U, _ = _of(found.x, units)
    value, _, a = loss(target, U)
    return Ridges(U, a, value / power, float(np.abs(found.jac).max()), int(found.nit))


def loss(
    target: RidgeTarget, U: Float[np.ndarray, "n p"]
) -> tuple[float, Float[np.ndarray, "n p"], Float[np.ndarray, " n"]]:
    """L(U), its gradient on the sphere of each u_i, and the best output weights.

    Two directions that nearly coincide make K singular; its weights are then those of least norm.
    """
    from scipy import linalg

    rho = np.clip(U @ U.T, -1, 1)
    np.fill_diagonal(rho, 1)
    K = _k(rho) / target.p
    b, by_direction = target.against(U)
    try:
        a = linalg.cho_solve(linalg.cho_factor(K), b)
    except linalg.LinAlgError:
        a = linalg.lstsq(K, b, cond=1e-14)[0]
    slopes = 2 / np.pi * np.arcsin(rho)
    np.fill_diagonal(slopes, 0)
    gradient = 2 * a[:, None] * ((slopes * a) @ U / target.p - by_direction)
    along = np.sum(gradient * U, axis=1, keepdims=True)
    return target.power - float(b @ a), gradient - along * U, a


def _k(rho: np.ndarray) -> np.ndarray:
    rho = np.clip(rho, -1, 1)
    return 2 / np.pi * (np.sqrt(1 - rho**2) + rho * np.arcsin(rho))


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def _of(flat: np.ndarray, units: int) -> tuple[np.ndarray, np.ndarray]:
    """Directions and lengths of the vectors that L-BFGS moves."""
    W = flat.reshape(units, -1)
    length = np.linalg.norm(W, axis=1, keepdims=True)
    return W / length, length


def equispaced(n: int) -> float:
    """L/E f*² of n equispaced directions on the circle before the target 1, the least of n.

    With y = π/n it is 1 − 2 sin²(y/2)/((y/2)²(1 + sin y/y)), here by the series of its numerator:
    π⁴/(720 n⁴) for large n, which is the law of free knots for f″ + f = 1.
    """
    y = math.pi / n
    above = sum((-1) ** k * (1 - k / 2) * y ** (2 * k) / math.factorial(2 * k)
                for k in range(3, 20))  # fmt: skip
    return above / (y * y / 4 + y * math.sin(y) / 4)


def reference(study: StudyInterface, task: AnyTask, student: StudentSpec) -> Reference | None:
    """Ridges of one sign on the circle: the optimum, equispaced directions. Of random signs: the
    best linear loss of as many terms as a student has numbers. None of other targets."""
    if isinstance(task, TaskSpec) and task.one_sign and task.dim == 1 and not task.random:
        at = {RidgesStudent.N(s, D_amb=2, outputs=1, D=0): RidgesStudent.hidden_units(s)
              for s in scanned_with(study, student)}  # fmt: skip
        value = tuple(equispaced(n) for n in at.values())
        return Reference(tuple(map(float, at)), value, 1e-12, "equispaced", optimum=True)
    from lab.data import linear_terms

    return linear_terms.reference(study, task, student)


def target_of(task: TaskSpec, *, root: int) -> RidgeTarget:
    """The target of a task whose teacher is a sum of ridges, drawn from the teacher's stream."""
    if not task.teacher_widths:
        return RidgeTarget(task.chart)
    from lab.data.streams import generator

    rng = generator("teacher", task, root=root)
    make = RidgeTarget.of_one_sign if task.one_sign else RidgeTarget.of_random_signs
    return make(task.chart, task.teacher_widths[0], rng=rng)


def solve(group: Group, tick: Tick) -> list[Result | Failed]:
    """Every run of a group, one after the other. `details` keep the slope of log L at the end."""
    targets: dict[TaskSpec, RidgeTarget] = {}
    found: list[Result | Failed] = []
    for run in group.runs():
        task = run.drawn
        if task not in targets:
            targets[task] = target_of(task, root=run.root)
        found.append(_solved(run, targets[task]))
        tick(1)
    return found


def _solved(run: Run, target: RidgeTarget) -> Result | Failed:
    from lab.data.streams import generator

    rng = generator("init", run.task, run.seed, root=run.root)
    try:
        found = minimise(target, RidgesStudent.hidden_units(run.student), rng=rng)
    except Exception:  # a failed run is a result; the others go on
        return Failed(run, traceback.format_exc())
    loss, details = found.loss * target.power, {"slope": found.slope}
    seen = (Observation(found.steps, "population", loss),)
    return Result(run, "done", loss, found.loss, found.steps, (), details, seen)


def _flops(group: Group) -> float:
    """Operations of the kind, and a kernel of every student's units with the target's each step."""
    task = group.teachers[0]
    M = sum(task.teacher_widths)
    each = [
        len(seeds)
        * (RidgesStudent.flops(student, D=0, D_amb=task.D_amb, test=0)
           + STEPS * RIDGE * RidgesStudent.hidden_units(student) * M)
        for student, _, seeds in group.shapes
    ]  # fmt: skip
    return len(group.teachers) * (sum(each) + RIDGE * M**2)


def _memory(group: Group) -> float:
    M = sum(group.teachers[0].teacher_widths)
    n = max(RidgesStudent.hidden_units(student) for student, _, _ in group.shapes)
    return 8 * 4.0 * (n * n + n * M + M * M)


SOLVER = Solver("lab.students.ridges:solve", _flops, _memory)
