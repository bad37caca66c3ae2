"""Spectra of covariances, and the best linear N-term loss of a random target that they give.

A covariance k(t) of the cosine t = x·x′ of two points of S^d, d ≥ 1, has as eigenfunctions the
spherical harmonics, for uniform points. All harmonics of degree l share an eigenvalue (Funk–Hecke)

    λ_l = ∫ k(cos θ) P_l(cos θ) sin^(d−1)θ dθ / ∫ sin^(d−1)θ dθ

with P_l the Gegenbauer polynomial of S^d, P_l(1) = 1, and there are C(l+d, d) − C(l+d−2, d) of
them. What the degrees left out add to the trace is kept as one number.

A random field f of covariance k on a compact manifold has eigenfunctions of known eigenvalues. No
N functions that are fixed before the target is drawn leave less than the eigenvalues beyond the N
largest (Kolmogorov's N-width in the mean), so that

    L(N) = Σ_{i > N} λ_i / Σ_i λ_i,   both sums without the constant, which normalising takes away,

is the expected relative loss of the best linear student of N numbers, a reference without a free
parameter. Networks choose their functions and may fall below; what trains well is near it, and the
slope over the same N is what to compare an exponent with: over a decade or two it is not the
asymptotic one.

    spheres   harmonics; within a degree L is linear in N, but only at complete degrees every basis
              agrees: between them it is interpolated in the logs
    tori      products of cosines, by the discrete Fourier transform, d ≤ 3

Targets: Gaussian fields, random networks of ReLU, t₊^p or erf units that are wide, and ridges of
random signs: a teacher of M units is such a field while N is well below its own parameters. The
constant is none of the N: targets are normalised, and none has a mean (ridges keep theirs). Beyond
the degrees where rounding hides an eigenvalue, λ_l ∝ Γ(l − s)/Γ(l + d + s) with s the smoothness,
which is exact for the singularity of |x − x′|^(2s) on the sphere. Not here: cubes, products,
teachers of tanh.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Num
from scipy.special import comb, gammaln

from lab.data.covariances import Covariance, NetworkCovariance, covariance
from lab.data.task import TaskSpec
from lab.data.user_data import AnyTask
from lab.kinds.student import Reference, StudentSpec, scanned_with

if TYPE_CHECKING:
    from lab.kinds.student import StudyInterface

COMPUTED_DEGREES = {1: 10_000, 2: 600}
COMPUTED_MANY_DIMENSIONS = 200
"""Degrees that are computed, by d: several times the degree that 2^13 samples resolve (on the
circle 2^11), and not so many that what is left out is below rounding."""
CIRCLE = 2**18
"""Points of the Fourier transform on the circle, where the recursion of P_l loses digits."""
NODES = 20
"""Nodes of a panel of the quadrature, which is as wide as five zeros of the last polynomial."""
ROUNDING = 1e-16
"""Eigenvalues below this share of the largest are rounding errors."""


@dataclass(frozen=True)
class Harmonics:
    """The spectrum, by degree.

    Attributes:
        eigenvalues: λ_l of each harmonic of degree l; 0 where rounding hides it.
        multiplicity: number of harmonics of degree l.
        rest: k(x, x) less the sum over these degrees.
    """

    eigenvalues: Float[np.ndarray, " degrees"]
    multiplicity: Float[np.ndarray, " degrees"]
    rest: float


def harmonics(covariance: Covariance, d: int, *, degrees: int | None = None) -> Harmonics:
    """The spectrum of a covariance on S^d, up to a degree. Errors are about 1e-16 of k(x, x)."""
    K = degrees or COMPUTED_DEGREES.get(d, COMPUTED_MANY_DIMENSIONS)
    found = _on_the_circle(covariance, K) if d == 1 else _on_the_sphere(covariance, d, K)
    found[found < ROUNDING * found.max()] = 0.0
    degree = np.arange(K)
    multiplicity = comb(degree + d, d) - comb(np.maximum(degree + d - 2, 0), d)
    rest = float(covariance.diagonal(np.eye(1, d + 1))[0] - found @ multiplicity)
    return Harmonics(found, multiplicity, max(rest, 0.0))


def _on_the_circle(covariance: Covariance, degrees: int) -> np.ndarray:
    theta = 2 * np.pi * np.arange(CIRCLE) / CIRCLE
    values = covariance(np.eye(1, 2), np.stack([np.cos(theta), np.sin(theta)], axis=1))[0]
    return np.fft.rfft(values).real[:degrees] / CIRCLE


def _on_the_sphere(covariance: Covariance, d: int, degrees: int) -> np.ndarray:
    theta, weight = _quadrature(degrees)
    weight = weight * np.sin(theta) ** (d - 1)
    points = np.zeros((len(theta), d + 1))
    points[:, 0], points[:, 1] = np.cos(theta), np.sin(theta)
    values = covariance(np.eye(1, d + 1), points)[0] * weight / weight.sum()
    t, half = np.cos(theta), (d - 1) / 2
    before, polynomial, eigenvalues = np.ones_like(t), t, []
    for degree in range(degrees):
        eigenvalues.append(values @ before)
        # (l + 2·half) P_{l+1} = 2 (l + half) t P_l − l P_{l−1}, with l = degree + 1
        step = degree + 1
        following = 2 * (step + half) * t * polynomial - step * before
        before, polynomial = polynomial, following / (step + 2 * half)
    return np.array(eigenvalues)


def _quadrature(degrees: int) -> tuple[np.ndarray, np.ndarray]:
    """Angles and weights of Gauss–Legendre panels on [0, π], finer at both ends, where a
    covariance of a network or of low ν is not smooth."""
    node, weight = np.polynomial.legendre.leggauss(NODES)
    edges = np.linspace(0, np.pi, max(50, degrees // 5) + 1)
    finer = edges[1] * 2.0 ** -np.arange(1, 30)
    edges = np.unique(np.concatenate([edges, finer, np.pi - finer]))
    low, width = edges[:-1, None], np.diff(edges)[:, None]
    theta = low + width * (node + 1) / 2
    return theta.ravel(), (width / 2 * weight).ravel()


DEGREES = {1: 4_000, 2: 600}
MANY_DIMENSIONS = 150
"""Degrees computed by quadrature, by d."""
LAST = 200_000
"""Degrees that are summed."""
HIDDEN = 1e-12
"""Share of the largest eigenvalue below which quadrature leaves fewer than three digits."""
GRID = {1: 2**18, 2: 2**11, 3: 2**8}
"""Points a side of the Fourier transform on tori; the eighth part of its frequencies is used."""


@dataclass(frozen=True)
class LinearTerms:
    """L(N) at the N where it is known, smallest first.

    Attributes:
        N: numbers of terms, complete degrees on spheres.
        value: relative loss left by the N largest.
        error: relative error of `value`, an upper estimate.
    """

    N: Float[np.ndarray, " n"]
    value: Float[np.ndarray, " n"]
    error: float

    def loss(self, N: Num[np.ndarray, " m"]) -> Float[np.ndarray, " m"]:
        """L at other N, interpolated in the logs; NaN outside of the range."""
        at = np.log(np.asarray(N, float))
        return np.exp(np.interp(at, np.log(self.N), np.log(self.value), np.nan, np.nan))

    def slope(self, N: Num[np.ndarray, " m"]) -> float:
        """α of the least-squares line through log L at these N."""
        return -float(np.polyfit(np.log(np.asarray(N, float)), np.log(self.loss(N)), 1)[0])


def linear_terms(task: AnyTask) -> LinearTerms | None:
    """The reference of a task; None where no spectrum is known."""
    if not isinstance(task, TaskSpec) or len(task.manifold) != 1 or task.loss != "mse":
        return None
    (kind, d), field = task.manifold[0], field_of(task)
    if field is None:
        return None
    if kind == "sphere":
        return _on_sphere(field, d, ridges=task.teacher_kind == "ridges")
    if kind == "torus" and d in GRID:
        return _on_torus(field, d)
    return None


def field_of(task: TaskSpec) -> Covariance | None:
    """The covariance that a target has as a field over the chart: its own, or that of a network as
    wide as one likes with its weights W ~ N(0, 1/fan_in) and its biases."""
    if task.covariance:
        kind, settings = task.covariance
        return covariance(kind, **dict(settings))
    if task.teacher_kind == "ridges" and task.teacher_widths and not task.one_sign:
        return NetworkCovariance("relu", weight=1.0)
    spread = task.teacher_kind == "network" and len(task.teacher_widths) > 0
    if not spread or not task.teacher_activation.startswith(("relu", "erf")):
        return None
    return NetworkCovariance(
        task.teacher_activation, depth=len(task.teacher_widths), weight=1.0, bias=task.teacher_bias
    )


def reference(study: StudyInterface, task: AnyTask, student: StudentSpec) -> Reference | None:
    """The reference at the N of the students that a study scans beside this one, or at the D of
    students that have a number per sample; None where no spectrum is known."""
    found = linear_terms(task)
    if found is None or study.learner or study.resamples_data:
        return None
    at = [float(D) for D in study.sizes if D]
    if study.scans_model_size:
        at = [float(s.parameters(task.D_amb, task.outputs)) for s in scanned_with(study, student)]
    at = sorted({*at})
    value = tuple(found.loss(np.array(at)).tolist())
    return Reference(tuple(at), value, found.error, "linear terms")


@lru_cache(maxsize=64)
def _on_sphere(field: Covariance, d: int, ridges: bool = False) -> LinearTerms:
    """ridges: whether the target is a sum of |u·x|, of which t₊ is one half and t/2 the other: it
    has no odd degree, and its mean stays."""
    s = field.smoothness / 2
    known = harmonics(field, d, degrees=DEGREES.get(d, MANY_DIMENSIONS)).eigenvalues
    # even and odd degrees have singularities of their own, at θ = 0 and at both ends
    lam = np.zeros(LAST if np.isfinite(s) else len(known))
    lam[: len(known)] = known
    if np.isfinite(s):
        for parity in (0, 1):
            clear = np.flatnonzero(known[parity::2] > HIDDEN * known.max())
            if len(clear) < 3:  # this parity is not in the target, but for its lowest degrees
                lam[parity::2][clear[-1] + 1 if len(clear) else 0 :] = 0
                continue
            last = parity + 2 * int(clear[-1])
            beyond = np.arange(last, LAST, 2)
            decay = gammaln(beyond - s) - gammaln(beyond + d + s)
            lam[beyond] = lam[last] * np.exp(decay - decay[0])
    degree = np.arange(len(lam), dtype=float)
    multiplicity = comb(degree + d, d) - comb(np.maximum(degree + d - 2, 0), d)
    lam[1 if ridges else 0] = 0.0  # the mean is taken away
    order = np.argsort(-lam, kind="stable")
    order = order[lam[order] > 0]
    power = (lam * multiplicity)[order]
    tail = power[::-1].cumsum()[::-1]
    # what lies beyond the last degree falls as l^−(2s+1)
    rest = power[-1] * len(lam) / (4 * s) if np.isfinite(s) else 0.0
    N = multiplicity[order].cumsum()[:-1]
    return LinearTerms(N, (tail[1:] + rest) / (tail[0] + rest), 2e-3)


@lru_cache(maxsize=16)
def _on_torus(field: Covariance, d: int) -> LinearTerms:
    n = GRID[d]
    angles = np.meshgrid(*[2 * np.pi * np.arange(n) / n] * d, indexing="ij", sparse=False)
    flat = np.stack([a.ravel() for a in angles])
    points = np.concatenate([np.cos(flat), np.sin(flat)]).T
    origin = np.concatenate([np.ones((1, d)), np.zeros((1, d))], axis=1)
    values = field(origin, points)[0].reshape((n,) * d)
    lam = np.fft.fftn(values).real / n**d
    lam.flat[0] = 0.0
    lam = np.sort(np.maximum(lam, 0.0).ravel())[::-1]
    tail = lam[::-1].cumsum()[::-1]
    N = np.unique(np.geomspace(1, n**d / 8**d, 400).astype(int)) if d > 1 else np.arange(1, n // 8)
    return LinearTerms(N.astype(float), tail[N] / tail[0], 1e-2)
