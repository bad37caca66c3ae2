"""The student `random-features`: a linear student on P random functions, and its risks.

    relu       φ_j(x) = max(0, w_j·x + c_j)/√P       w ~ N(0, σ_w²/m), c ~ N(0, σ_b²), x in R^m
    fourier    φ_j(x) = √(2/P) cos(w_j·x + c_j)      w ~ N(0, 1/length²), c ~ U[0, 2π)
    gaussian   φ_j(x) = w_j·x/√P                     w ~ N(0, 1)
    subset     φ_j(x) = x_{i_j}/√P                   P different coordinates, at random

φ(x)·φ(x′) tends to E[φφ] of one ReLU layer, to the Gaussian covariance, and to x·x′ as P grows
(Rahimi & Recht 2007; Cho & Saul 2009). Only the linear weights are trained: convex, so every loss
has an exact optimum.

With `gaussian` features of a spectral task (`lab.data.spectra`) the risk is known exactly. Trained
on unlimited data, P features 𝒫 leave, in units of the target's variance and for isotropic weights,

    L(P) = Tr[C − C𝒫ᵀ(𝒫C𝒫ᵀ)⁻¹𝒫C] / Tr C,

and all S features trained on D samples X = GC^½ leave the same function of G: L(D) and L(P) are
one law (duality; Bahri et al., arXiv 2102.06701, without its factor ½).

On D samples the mean risk of a `subset` of isotropic coordinates is that of `WeakFeatures` (Belkin,
Hsu & Xu, arXiv 1903.07571), what is not seen being noise, and that of `gaussian` features is, for
many samples and features, `RandomFeaturesRidge` (Simon et al., arXiv 2311.14646). Both have a peak
at P = D, which `penalty = "optimal"` removes, the ridge of the least mean risk at each P and D.

No training of the features, no orthogonal or quasi-random draws.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float

from lab.data.spectra import Spectrum
from lab.grids import Dims, Floats, Grid, PositiveFloat, PositiveInt, Positives, Setting
from lab.kinds.student import STUDENTS, StudentSpec, Target
from lab.spec import Run
from lab.students import linear
from lab.students.exact import OBSERVED, TOGETHER, Exact, MeanRisk

if TYPE_CHECKING:
    from lab.kinds.student import StudyInterface

Kind = Literal["relu", "fourier", "gaussian", "subset"]
LINEAR = {"gaussian", "subset"}
"""Features that are linear in x."""
PEAK = 0.15
"""|D − P|/D up to which `RandomFeaturesRidge` without ridge is no mean to compare with."""


@STUDENTS.add
class RandomFeatures(Exact):
    """Ridge regression on P = `count` random functions of the inputs."""

    kind: Literal["random-features"] = "random-features"
    seeds: PositiveInt = 2
    count: Dims = (256,)
    features: Grid[Kind] = ("relu",)
    weight: PositiveFloat = 2.0
    bias: Floats = (0.0,)
    length: Positives = (1.0,)
    ridge: Floats = (0.0,)
    penalty: Literal["optimal"] | None = None

    solvers: ClassVar[Mapping[str, str]] = {**Exact.solvers, "descent": OBSERVED}
    risk: ClassVar[str] = "lab.students.random_features:risk"
    reference: ClassVar[str] = "lab.students.exact:reference"
    unlimited: ClassVar[str] = "lab.students.random_features:unlimited"
    random: ClassVar[bool] = True
    fixed_metric: ClassVar[bool] = True
    size_key: ClassVar[str | None] = "count"

    @property
    def linear(self) -> bool:
        return set(self.features) <= LINEAR

    def limit_loss_is_zero(self, task: Target, *, sized: bool) -> bool:
        return task.linear and sized

    def wrong(self) -> Iterator[str]:
        yield from super().wrong()
        if self.penalty and any(self.ridge):
            yield "ridge: penalty = \"optimal\" chooses it; leave one of the two out"

    def mistakes(self, study: StudyInterface) -> Iterator[str]:
        yield from super().mistakes(study)
        for task in study.tasks(1) if "subset" in self.features else ():
            if max(self.count) > task.D_amb:
                yield (
                    f"student.count: {max(self.count)} of {task.D_amb} coordinates; take at most "
                    f"{task.D_amb}, or other features"
                )
        if self.penalty and (
            not study.task.linear or None in study.sizes or study.resamples_data
            or ("subset" in self.features and any(map(any, study.task.manifold.decays())))
        ):  # fmt: skip
            yield (
                "student.penalty: the best ridge is known of training sets of a spectral task, for "
                "a subset one of a = b = 0; give ridge = 0.1, or another number"
            )
        if study.resamples_data and not study.task.linear:
            yield from linear.of_ridges(self.ridge)

    @classmethod
    def N(cls, spec: StudentSpec, *, D_amb: int, outputs: int, D: int) -> int:
        return int(dict(spec.settings)["count"]) * outputs

    @classmethod
    def flops(cls, spec: StudentSpec, *, D: int, D_amb: int, test: int) -> float:
        P = int(dict(spec.settings)["count"])
        rows = D or D_amb  # on unlimited data, what P features of D_amb coordinates express
        return 2 * D_amb * P * (D + test) + 4 * max(rows, P) * min(rows, P) ** 2

    @classmethod
    def numbers(cls, spec: StudentSpec, *, D: int) -> float:
        P = int(dict(spec.settings)["count"])
        return P * (max(D, TOGETHER) + P)

    @classmethod
    def settings_of(cls, run: Run) -> Mapping[str, Setting]:
        own = dict(run.student.settings)
        if "penalty" in own:
            assert run.size is not None  # it is refused without training sets
            a, b = run.drawn.decays or (0.0, 0.0)
            P, modes = int(own["count"]), run.task.D_amb
            own["ridge"] = best_ridge(
                str(own["features"]), P, run.size, a, b, modes, run.drawn.noise
            )
        return own

    @classmethod
    def learn(
        cls, settings: Mapping[str, Setting], x: Any, y: Any, *, rng: Any
    ) -> FeatureRegression:
        own: dict[str, Any] = {**settings}
        own.pop("penalty", None)  # the ridge is the best one already
        return learn(x, y, features=own.pop("count"), kind=own.pop("features"), rng=rng, **own)


@dataclass(frozen=True)
class Features:
    """P random functions; call them with points [n, D_amb] to get features [n, P]."""

    kind: Kind
    w: Float[np.ndarray, "D_amb P"]
    c: Float[np.ndarray, " P"]

    def __call__(self, x: Float[np.ndarray, "n D_amb"]) -> Float[np.ndarray, "n P"]:
        h = x @ self.w + self.c
        if self.kind == "relu":
            np.maximum(h, 0, out=h)
        elif self.kind == "fourier":
            np.cos(h, out=h)
        h *= math.sqrt((2 if self.kind == "fourier" else 1) / len(self.c))
        return h


@dataclass(frozen=True)
class FeatureRegression:
    """A trained student; call it with points [m, D_amb] to get predictions [m, out]."""

    features: Features
    readout: linear.LinearRegression

    def __call__(self, x: Float[np.ndarray, "m D_amb"]) -> Float[np.ndarray, "m out"]:
        return self.readout(self.features(x))

    @property
    def weights(self) -> Float[np.ndarray, "D_amb out"]:
        """Weights of x itself, for features that are linear."""
        return _linear(self.features).w @ self.readout.weights / math.sqrt(len(self.features.c))


def draw(
    dimension: int,
    count: int,
    *,
    kind: Kind = "relu",
    weight: float = 2.0,
    bias: float = 0.0,
    length: float = 1.0,
    rng: np.random.Generator,
) -> Features:
    """Draw `count` features of inputs in R^dimension.

    Args:
        kind: see above.
        weight, bias: σ_w² and σ_b of `relu`.
        length: length scale of `fourier`, in the units of x.
        rng: consumed; more features from the same state begin with the same ones.
    """
    if count < 1:
        raise ValueError(f"random features need a count of at least 1, got {count}")
    directions, offsets = rng.spawn(2)
    w = directions.standard_normal((count, dimension)).T
    if kind == "relu":
        c = bias * offsets.standard_normal(count)
        return Features(kind, math.sqrt(weight / dimension) * w, c)
    if kind == "fourier":
        return Features(kind, w / length, offsets.uniform(0, 2 * np.pi, count))
    if kind == "gaussian":
        return Features(kind, w, np.zeros(count))
    if kind == "subset":
        if count > dimension:
            raise ValueError(f"{count} of {dimension} coordinates; take at most {dimension}")
        chosen = np.eye(dimension)[:, offsets.permutation(dimension)[:count]]
        return Features(kind, chosen, np.zeros(count))
    raise ValueError(f"unknown features '{kind}'; choose relu, fourier, gaussian or subset")


def learn(
    x: Float[np.ndarray, "D D_amb"],
    y: Float[np.ndarray, "D out"],
    *,
    features: int,
    kind: Kind = "relu",
    weight: float = 2.0,
    bias: float = 0.0,
    length: float = 1.0,
    ridge: float = 0.0,
    rng: np.random.Generator,
) -> FeatureRegression:
    """Draw `features` random features and fit the targets on them.

    Args:
        x, y: training points and targets.
        features: P, the number of trained parameters per output.
        kind, weight, bias, length: see `draw`.
        ridge: δ ≥ 0 of `lab.students.linear`; 0 takes the minimum-norm solution.
        rng: draws the features.
    """
    drawn = draw(x.shape[1], features, kind=kind, weight=weight, bias=bias, length=length, rng=rng)
    return FeatureRegression(drawn, linear.learn(drawn(x), y, ridge=ridge))


def infinite_data_risk(
    features: Features,
    eigenvalues: Float[np.ndarray, " D_amb"],
    weights: Float[np.ndarray, "D_amb 1"],
) -> float:
    """Exact risk L(∞) of `gaussian` features on unlimited data, for one target wᵀx.

    Args:
        features: linear ones; also, with w = Gᵀ, the D samples X = GC^½ of the dual.
        eigenvalues: λ_i of the inputs, C = diag λ.
        weights: w of the target.
    """
    basis = _expressed(features, eigenvalues)
    target = np.sqrt(eigenvalues) * weights[:, 0]
    return float(np.sum((target - basis @ (basis.T @ target)) ** 2))


def mean_infinite_data_risk(
    features: Features,
    eigenvalues: Float[np.ndarray, " D_amb"],
    power: Float[np.ndarray, " D_amb"],
) -> float:
    """The mean of `infinite_data_risk` over random signs of the target's weights.

    Args:
        power: v_i² of the target. λ_i/Σλ gives L(P) of the formula above: the mean over signs is
            then that over all directions of isotropic weights.
    """
    return float(power @ (1 - np.sum(_expressed(features, eigenvalues) ** 2, axis=1)))


def _expressed(features: Features, eigenvalues: np.ndarray) -> np.ndarray:
    """Orthonormal basis of C^½𝒫ᵀ: the whitened targets that the features express exactly."""
    return np.linalg.qr(np.sqrt(eigenvalues)[:, None] * _linear(features).w)[0]


def _linear(features: Features) -> Features:
    if features.kind not in LINEAR:
        raise ValueError(f"the risk of '{features.kind}' features is not known; use 'gaussian'")
    return features


def expected_risk(
    infinite_data: float, *, features: int, samples: int, noise: float = 0.0
) -> float:
    """Exact risk L(D) of P Gaussian features at D > P + 1 samples: L(∞) + excess.

    What P Gaussian features of Gaussian inputs cannot express is Gaussian and independent of them,
    hence label noise of variance L(∞) + σ²:

        L(D) = L(∞) + (L(∞) + σ²) P/(D − P − 1),

    variance-limited, 1/D at D ≫ P. Without the σ² of noisy test labels; ∞ for D ≤ P + 1.

    Args:
        infinite_data: L(∞), from `infinite_data_risk` for these features.
        features, samples: P and D.
        noise: σ.
    """
    from lab.models import MinimumNorm

    if samples <= features + 1:
        return math.inf
    spread = math.sqrt(infinite_data + noise**2)
    return infinite_data + float(MinimumNorm(features, spread, 0.0).risk(samples))


def risk(run: Run) -> MeanRisk | None:
    """Mean risk of P linear features of a spectral task: exact for a subset of isotropic
    coordinates without ridge (`WeakFeatures`), asymptotic else; without the noise of test labels.
    """
    from lab.models import RandomFeaturesRidge, WeakFeatures, eigenlearning

    task, own = run.task, RandomFeatures.settings_of(run)
    if not task.decays or not {own["features"]} <= LINEAR:
        return None
    spectrum = Spectrum(*task.decays, modes=task.D_amb)
    P, ridge = int(own["count"]), float(own["ridge"])
    if own["features"] == "subset":
        if any(task.decays) or run.size is None:
            return None
        apart = abs(run.size - P) > linear.SCATTER
        if ridge == 0:
            model = WeakFeatures(task.D_amb, run.size, task.noise)
            return MeanRisk(float(model.risk(P)), "exact", apart)
        seen = P / task.D_amb
        amplified = math.sqrt(1 - seen + task.noise**2)
        theory = eigenlearning.expected_risk(
            run.size, np.full(P, 1 / P), np.full(P, 1 / task.D_amb), ridge=ridge, noise=amplified
        )
        return MeanRisk(theory.mse - task.noise**2, "eigenlearning")
    known = RandomFeaturesRidge(spectrum.eigenvalues, np.sqrt(spectrum.power), task.noise)
    if run.size is None:
        return MeanRisk(float(known.risk(np.inf, P)) - task.noise**2, "eigenlearning")
    mean = float(known.risk(run.size, P, ridge)) - task.noise**2
    return MeanRisk(mean, "eigenlearning", ridge > 0 or abs(run.size - P) >= PEAK * run.size)


@lru_cache(maxsize=4096)
def best_ridge(
    features: str, P: int, D: int, a: float, b: float, modes: int, noise: float
) -> float:
    """The ridge of the least mean risk of P linear features on D samples of a spectral task.

    Of a subset of isotropic coordinates it is the Bayes estimate's, what is not seen being noise:
    (1 − P/modes + σ²) modes/P for features of variance 1/P, whatever D.
    """
    from lab.models import RandomFeaturesRidge

    if features == "subset":
        return (1 - P / modes + noise**2) * modes / P
    spectrum = Spectrum(a, b, modes=modes)
    known = RandomFeaturesRidge(spectrum.eigenvalues, np.sqrt(spectrum.power), noise)
    return known.optimal_ridge(D, P)


def unlimited(run: Run) -> float:
    """Part of a spectral task that P gaussian features cannot express."""
    from lab.data import sets
    from lab.data.streams import generator

    spectrum, teacher = sets.target(run.drawn, root=run.root)
    seed = 0 if run.learner else run.seed
    rng = generator("init", run.task, seed, *run.restart, root=run.root)
    count = int(dict(run.student.settings)["count"])
    kind: Any = dict(run.student.settings)["features"]
    drawn = draw(spectrum.modes, count, kind=kind, rng=rng)
    return infinite_data_risk(drawn, spectrum.eigenvalues, teacher)
