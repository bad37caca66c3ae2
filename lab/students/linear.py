"""The student `linear`: least squares on the coordinates, minimum-norm or with ridge.

f̂(x) = x β̂, with β̂ the minimiser of |y − Xβ|² + δ|β|²; at δ = 0 the one of smallest norm among
all minimisers. Its exact risk on Gaussian inputs is `lab.models.MinimumNorm`, and with a ridge or
other covariances `lab.models.eigenlearning`.

No intercept, no standardisation, no choice of δ from data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float

from lab.data.spectra import Spectrum
from lab.grids import Floats, Setting
from lab.kinds.student import STUDENTS, StudentSpec, Target
from lab.spec import Run
from lab.students.exact import Exact, MeanRisk

if TYPE_CHECKING:
    from lab.kinds.student import StudyInterface

WELL = 1e6
"""Condition number of the Gram matrix, the square of that of the points."""
SCATTER = 3
"""|D − p| up to which the risk of minimum-norm regression has no variance over draws."""


@STUDENTS.add
class LinearStudent(Exact):
    """Least squares on the coordinates."""

    kind: Literal["linear"] = "linear"
    ridge: Floats = (0.0,)

    risk: ClassVar[str] = "lab.students.linear:risk"
    reference: ClassVar[str] = "lab.students.exact:slope"
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
