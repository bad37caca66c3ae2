"""The mean risk of an exact student's run over draws, where a formula knows it.

    linear students, isotropic inputs   `MinimumNorm`, exact (a = b = 0, no ridge)
    linear students, any spectrum       `eigenlearning`, in D
    gaussian random features            `RandomFeaturesRidge`, in P, on unlimited data
    kernels on fields of the sphere     `eigenlearning` with the spectra of `harmonics`

Only the first is exact. Eigenlearning takes modes for independent Gaussians, which spectral tasks
have; harmonics of random points of a sphere are neither. Its exponents hold there, its amplitudes
are low, the more so the smaller d and the smoother the kernel: on the circle, where the gaps
between D points are exponential, a Laplace kernel on its own field leaves 4π/(3D) exactly (bridges
over the gaps) where eigenlearning says π/D.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from lab.data.covariances import covariance
from lab.data.spectra import Spectrum
from lab.kinds.kind import load
from lab.kinds.student import STUDENTS, StudentSpec
from lab.models import MinimumNorm, RandomFeaturesRidge, eigenlearning
from lab.spec import AnyTask, Run
from lab.task.linear_terms import Harmonics, harmonics

SCATTER = 3
"""|D − p| up to which the risk of minimum-norm regression has no variance over draws."""


@dataclass(frozen=True)
class Risk:
    """The mean of a loss over draws, ∞ where it does not exist; whose formula it is; and whether
    the loss has a variance over draws."""

    mean: float
    source: str
    varies: bool = True


def linear(run: Run) -> Risk | None:
    """Of least squares on D samples of a spectral task."""
    task, ridge = run.task, float(dict(run.student.settings)["ridge"])
    if not task.decays or not run.size:
        return None
    spectrum = Spectrum(*task.decays, modes=task.D_amb)
    if task.decays == (0, 0) and ridge == 0:
        mean = float(MinimumNorm(spectrum.modes, task.noise).risk(run.size))
        varies = not task.noise > 0 or abs(run.size - task.D_amb) > SCATTER
        return Risk(mean, "exact", varies)
    return Risk(_spectral(spectrum, run.size, ridge=ridge, noise=task.noise), "eigenlearning")


def random_features(run: Run) -> Risk | None:
    """Of P gaussian features of a spectral task, on unlimited data."""
    task = run.task
    if not task.decays or run.size is not None:
        return None
    spectrum = Spectrum(*task.decays, modes=task.D_amb)
    features = float(dict(run.student.settings)["count"])
    theory = RandomFeaturesRidge(spectrum.eigenvalues, np.sqrt(spectrum.power), 0.0)
    return Risk(float(theory.risk(np.inf, features)), "eigenlearning")


def kernel(run: Run) -> Risk | None:
    """Of kernel regression on a field over the unit sphere."""
    task = run.task
    sphere = len(task.manifold) == 1 and task.manifold[0][0] == "sphere"
    plain = run.student.inputs == "raw" and task.embedding == "identity"
    if task.covariance and sphere and plain and run.size:
        teacher = _harmonics(*task.covariance, task.dim)
        return Risk(_on_the_sphere(run, run.size, teacher), "harmonics")
    return None


def slope(study: Any, task: AnyTask, student: StudentSpec) -> float | None:
    """α of the mean risk over the x that a study scans with this student; None where nobody knows
    the risk at three x or more, or it has a floor."""
    if study.law != "power":
        return None
    kind = STUDENTS[student.kind]
    same, at = kind.same_but_size(student), {}
    for other in study.students():
        for D in study.sizes:
            if other == student or (study.of_size and kind.same_but_size(other) == same):
                run = Run(task, other, study.recipe, D, 0, study.seed, study.learner)
                risk = load(kind.risk)(run)
                if risk and 0 < risk.mean < math.inf:
                    at[study.x(run)] = risk.mean
    if len(at) < 3:
        return None
    return -float(np.polyfit(np.log(list(at)), np.log(list(at.values())), 1)[0])


def _spectral(spectrum: Spectrum, n: int, *, ridge: float = 0.0, noise: float = 0.0) -> float:
    found = eigenlearning.expected_risk(
        n, spectrum.eigenvalues, spectrum.power, ridge=ridge, noise=noise
    )
    return found.mse - noise**2


def _on_the_sphere(run: Run, D: int, teacher: Harmonics) -> float:
    """Degrees that are left out are as good as unlearned: the student's are a ridge to the others,
    and the teacher's are noise to them."""
    task, settings = run.drawn, dict(run.student.settings)
    student = _harmonics(
        str(settings["kernel"]),
        tuple((k, v) for k, v in run.student.settings if k not in ("kernel", "ridge")),
        task.dim,
    )
    # a degree that the student does not resolve is left to the teacher's rest
    known = student.eigenvalues > 0
    power = (teacher.multiplicity * teacher.eigenvalues)[known]
    total = teacher.multiplicity @ teacher.eigenvalues + teacher.rest
    found = eigenlearning.expected_risk(
        D, student.eigenvalues[known], power,
        ridge=float(settings["ridge"]) + student.rest,
        noise=math.sqrt(max(total - power.sum(), 0.0) + task.noise**2),
        multiplicity=student.multiplicity[known],
    )  # fmt: skip
    scale = task.teacher_gain**2 / (total if task.normalise else 1.0)
    return scale * (found.mse - task.noise**2)


@lru_cache(maxsize=64)
def _harmonics(kind: str, settings: tuple, d: int) -> Harmonics:
    return harmonics(covariance(kind, **dict(settings)), d)
