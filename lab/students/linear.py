"""Least squares on the coordinates: the students `linear`, solved, and `linear-descent`, by steps.

f̂(x) = x β̂, with β̂ the minimiser of |y − Xβ|² + δ|β|²; at δ = 0 the one of smallest norm among
all minimisers. Its exact risk on Gaussian inputs is `lab.models.MinimumNorm`, and with a ridge or
other covariances `lab.models.eigenlearning`.

`linear-descent` is full-batch gradient descent from 0 on the same loss without ridge, known at
every step k. With a rate η_i = `rate` λ_i^−`whitening` for each coordinate, H = diag(η_i), and
M = H^½(XᵀX/D)H^½ = V diag(μ) Vᵀ,

    β̂_k = H^½ V (1 − (1 − μ)^k)/μ Vᵀ H^½ Xᵀy/D.

Its mean risk over label noise on a fixed design is `lab.models.LeastSquaresDescent`. A teacher has
one design; its seeds draw the noise anew. Equal rates learn coordinates of small variance late,
with a U of their own each; `whitening = 1` learns all at once, and leaves one U (Heckel & Yilmaz,
arXiv 2007.10099).

No intercept, no standardisation, no choice of δ from data; no momentum.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float

from lab.data.spectra import Spectrum
from lab.grids import Floats, PositiveInt, Positives, Setting
from lab.kinds.student import STUDENTS, StudentSpec, Target
from lab.spec import Group, Run
from lab.students.exact import OBSERVED, Exact, MeanRisk
from lab.students.solvers import Failed, Observation, Result, Solver, Tick, one_by_one

if TYPE_CHECKING:
    from lab.kinds.student import StudyInterface
    from lab.models import LeastSquaresDescent

WELL = 1e6
"""Condition number of the Gram matrix, the square of that of the points."""
SCATTER = 3
"""|D − p| up to which the risk of minimum-norm regression has no variance over draws."""


@STUDENTS.add
class LinearStudent(Exact):
    """Least squares on the coordinates."""

    kind: Literal["linear"] = "linear"
    ridge: Floats = (0.0,)

    solvers: ClassVar[Mapping[str, str]] = {**Exact.solvers, "descent": OBSERVED}
    risk: ClassVar[str] = "lab.students.linear:risk"
    reference: ClassVar[str] = "lab.students.exact:reference"
    unlimited: ClassVar[str] = "lab.students.linear:unlimited"

    @property
    def linear(self) -> bool:
        return True

    def limit_loss_is_zero(self, task: Target, *, sized: bool) -> bool:
        return task.linear

    def mistakes(self, study: StudyInterface) -> Iterator[str]:
        yield from super().mistakes(study)
        if study.resamples_data and not study.task.linear:
            yield from of_ridges(self.ridge)

    @classmethod
    def N(cls, spec: StudentSpec, *, D_amb: int, outputs: int, D: int) -> int:
        return D_amb * outputs

    @classmethod
    def flops(cls, spec: StudentSpec, *, D: int, D_amb: int, test: int) -> float:
        # half of the symmetric Gram matrix
        return max(D_amb, D) * min(D_amb, D) ** 2 + 2 * D_amb * test

    @classmethod
    def learn(
        cls, settings: Mapping[str, Setting], x: Any, y: Any, *, rng: Any
    ) -> LinearRegression:
        return learn(x, y, ridge=float(settings["ridge"]))


def of_ridges(ridges: tuple[float, ...]) -> Iterator[str]:
    """A ridge before draws from a population."""
    if any(ridges):
        yield (
            "student.ridge: a ridge is not divided by D, so that it is another one for the "
            "population than for D samples, and a limit over draws compares the two; take ridge = 0"
        )


@dataclass(frozen=True)
class LinearRegression:
    """A trained linear student; call it with points [m, D_amb] to get predictions [m, out].

    Attributes:
        rank: numerical rank of the inputs (with a ridge: their smaller dimension).
    """

    weights: Float[np.ndarray, "D_amb out"]
    rank: int

    def __call__(self, x: Float[np.ndarray, "m D_amb"]) -> Float[np.ndarray, "m out"]:
        return x @ self.weights


def learn(
    x: Float[np.ndarray, "D D_amb"],
    y: Float[np.ndarray, "D out"],
    *,
    ridge: float = 0.0,
) -> LinearRegression:
    """Minimise |y − xβ|² + ridge |β|².

    Args:
        x, y: training points and targets.
        ridge: δ ≥ 0, not divided by the number of points; 0 gives the minimum-norm solution.

    The smaller of XᵀX + δ and XXᵀ + δ is factorised, a tenth of the time of an orthogonal
    factorisation of X. Without a ridge that is done up to a condition number of WELL, where it
    leaves ten digits, and the pivoted orthogonal factorisation takes over beyond, which knows the
    rank. There, fewer points than coordinates are first turned into their own span, where the
    pivoting is cheap.
    """
    if not ridge >= 0:
        raise ValueError(f"a ridge is not negative, got {ridge}; set 0 for the minimum norm")
    from scipy import linalg

    n, p = x.shape
    # of (XᵀX + δ)⁻¹Xᵀy = Xᵀ(XXᵀ + δ)⁻¹y the smaller system
    gram = x.T @ x if p <= n else x @ x.T
    gram[np.diag_indices_from(gram)] += ridge
    if ridge == 0 and np.linalg.cond(gram, 2) > WELL:
        return _of_rank(x, y)
    system = linalg.cho_factor(gram, lower=True, overwrite_a=True, check_finite=False)
    solve = linalg.cho_solve
    weights = solve(system, x.T @ y) if p <= n else x.T @ solve(system, y)
    return LinearRegression(weights, min(n, p))


def _of_rank(x: np.ndarray, y: np.ndarray) -> LinearRegression:
    """The solution of smallest norm by complete orthogonal factorisation."""
    from scipy import linalg

    n, p = x.shape
    span, triangle = None, x
    if n < p:
        span, upper = linalg.qr(x.T, mode="economic", check_finite=False)
        triangle = upper.T
    rounding = max(n, p) * np.finfo(float).eps
    weights, _, rank, _ = linalg.lstsq(
        triangle, y, cond=rounding, lapack_driver="gelsy", check_finite=False
    )
    return LinearRegression(weights if span is None else span @ weights, int(rank))


def risk(run: Run) -> MeanRisk | None:
    """Mean risk of least squares on D samples of a spectral task: exact of isotropic inputs without
    ridge (`MinimumNorm`), by `eigenlearning` of others."""
    from lab.models import MinimumNorm, eigenlearning

    task, ridge = run.task, float(dict(run.student.settings)["ridge"])
    if not task.decays or not run.size:
        return None
    spectrum = Spectrum(*task.decays, modes=task.D_amb)
    if task.decays == (0, 0) and ridge == 0:
        mean = float(MinimumNorm(spectrum.modes, task.noise).risk(run.size))
        varies = not task.noise > 0 or abs(run.size - task.D_amb) > SCATTER
        return MeanRisk(mean, "exact", varies)
    theory = eigenlearning.expected_risk(
        run.size, spectrum.eigenvalues, spectrum.power, ridge=ridge, noise=task.noise
    )
    return MeanRisk(theory.mse - task.noise**2, "eigenlearning")


def unlimited(run: Run) -> float:
    """Least squares finds every weight of a linear target."""
    return 0.0


@STUDENTS.add
class LinearDescent(Exact):
    """Full-batch descent on the coordinates."""

    kind: Literal["linear-descent"] = "linear-descent"
    seeds: PositiveInt = 1
    rate: Positives = (0.5,)
    whitening: Floats = (0.0,)

    solvers: ClassVar[Mapping[str, str]] = {"": "lab.students.linear:STEPS"}
    risk_at: ClassVar[str] = "lab.students.linear:risk_at"
    random: ClassVar[bool] = True
    timed: ClassVar[bool] = True

    @property
    def linear(self) -> bool:
        return True

    def limit_loss_is_zero(self, task: Target, *, sized: bool) -> bool:
        return task.linear

    def mistakes(self, study: StudyInterface) -> Iterator[str]:
        yield from super().mistakes(study)
        if not study.task.linear or study.task.endless:
            yield (
                "task.manifold: linear-descent students know their loss on spectral tasks; take "
                "manifold = { kind = \"spectral\", a = 0, b = 0, modes = 50 }"
            )
        if None in study.sizes or study.counts[1] != "all":
            yield (
                f"student.kind: linear-descent students learn a training set step by step, and "
                f"{study.regime} does not read that; take regime = \"descent\""
            )

    @classmethod
    def N(cls, spec: StudentSpec, *, D_amb: int, outputs: int, D: int) -> int:
        return D_amb * outputs

    @classmethod
    def flops(cls, spec: StudentSpec, *, D: int, D_amb: int, test: int) -> float:
        return 2 * D * D_amb**2 + 10 * D_amb**3

    @classmethod
    def learning(
        cls, spec: StudentSpec, *, D_amb: int, outputs: int, D: int, samples: float
    ) -> float:
        return 4 * D_amb * outputs * samples * D


def steps_of(run: Run) -> np.ndarray:
    """The steps at which a run is observed: its checkpoints and the last one."""
    return np.array([*dict.fromkeys((*run.training.checkpoints, run.training.last))], float)


def _design(run: Run) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """X, the teacher's weights, the rate of every coordinate, and λ_i."""
    from lab.data import sets
    from lab.data.streams import generator

    spectrum, teacher = sets.target(run.drawn, root=run.root)
    X = spectrum.points(run.size or 0, rng=generator("pool", run.drawn, root=run.root))
    own = dict(run.student.settings)
    λ = spectrum.eigenvalues
    return X, teacher[:, 0], float(own["rate"]) * λ ** -float(own["whitening"]), λ


def _descended(run: Run) -> Result:
    """Losses of the population and of the training set at every observed step."""
    from lab.data.streams import generator

    X, θ, rates, λ = _design(run)
    n = len(X)
    noise = generator("noise", run.drawn, run.seed, root=run.root).standard_normal(n)
    y = X @ θ + run.drawn.noise * noise
    root = np.sqrt(rates)
    scaled = X * root / np.sqrt(n)
    μ, V = np.linalg.eigh(scaled.T @ scaled)
    steps = steps_of(run)
    with np.errstate(over="ignore", invalid="ignore"):
        grown = (1 - (1 - μ) ** steps[:, None]) / np.where(μ > 0, μ, 1.0)
        grown = np.where(μ > 1e-13 * μ[-1], grown, steps[:, None])
        learned = root * ((grown * (V.T @ (root * (X.T @ y) / n))) @ V.T)
        risks = ((learned - θ) ** 2) @ λ
        left = np.mean((learned @ X.T - y) ** 2, axis=1)
    if not np.isfinite(risks).all() or risks[-1] > 1e6:
        return Result(run, "diverged", np.nan, np.nan, 0, ())
    last = run.training.last
    seen = tuple(
        Observation(k, split, loss)
        for k, test, train in zip(steps.tolist(), risks.tolist(), left.tolist(), strict=True)
        for split, loss in (("population", test), ("train", train))
    )
    loss = float(risks[-1])
    return Result(run, "done", loss, loss, last, (), observations=seen)


def descend(group: Group, *, tick: Tick) -> list[Result | Failed]:
    """The curves of the runs of a group."""
    return one_by_one(group, lambda _: _descended, tick)


def exact_descent(run: Run) -> LeastSquaresDescent:
    """The truth object of a run's design."""
    from lab.models import LeastSquaresDescent

    X, θ, rates, λ = _design(run)
    return LeastSquaresDescent(X, θ, run.drawn.noise, rates, np.diag(λ))


def risk_at(run: Run, steps: np.ndarray) -> np.ndarray:
    """Mean risk over the label noise at every step, exact."""
    return np.asarray(exact_descent(run).risk(steps))


def _steps_flops(group: Group) -> float:
    D_amb, many = group.teachers[0].D_amb, len(group.training.checkpoints) + 1
    each = (
        len(seeds) * (LinearDescent.flops(s, D=D or 0, D_amb=D_amb, test=0)
                      + 4 * many * D_amb * (D_amb + (D or 0)))
        for s, D, seeds in group.shapes
    )  # fmt: skip
    return len(group.teachers) * sum(each)


def _steps_memory(group: Group) -> float:
    D_amb, most = group.teachers[0].D_amb, max(D or 0 for _, D, _ in group.shapes)
    return 8 * (3 * D_amb**2 + (D_amb + len(group.training.checkpoints)) * (most + D_amb))


STEPS = Solver("lab.students.linear:descend", _steps_flops, _steps_memory)
"""Full-batch descent, exact at every step."""
