"""The expected risk of a run, where a formula knows the whole loss, and the measurement beside it.

    linear students, isotropic inputs   `linear.expected_risk`, exact (a = b = 0, no ridge)
    linear students, any spectrum       `eigenlearning`, in D
    gaussian random features            `eigenlearning`, in P, on unlimited data
    kernels on fields of the sphere     `eigenlearning` with the spectra of `harmonics`

Only the first is exact. Eigenlearning takes modes for independent Gaussians, which spectral tasks
have; harmonics of random points of a sphere are neither. Its exponents hold there, its amplitudes
are low, the more so the smaller d and the smoother the kernel: on the circle, where the gaps
between D points are exponential, a Laplace kernel on its own field leaves 4π/(3D) exactly (bridges
over the gaps) where eigenlearning says π/D.

A formula gives the mean over draws. What is compared is therefore the arithmetic mean of
loss / expected over repetitions, with its standard error over teachers, or over all draws where
these are independent. Nothing is known of other runs: they have no expectation and no line.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from lab.answers.question import Question
from lab.answers.setting import Setting
from lab.execution.store import Row
from lab.spec import Run
from lab.students.algebra import eigenlearning, linear
from lab.task.covariances import covariance
from lab.task.harmonics import Harmonics, harmonics
from lab.task.spectra import Spectrum

__all__ = ["Comparison", "Expected", "expected", "expected_risk"]

SCATTER = 3
"""|D − p| up to which the risk of minimum-norm regression has no variance over draws."""


@dataclass(frozen=True)
class Expected:
    """Theory and measurement at one x.

    Attributes:
        x: N, w or D.
        value: expected loss, relative to the constant student (geometric mean over teachers).
        ratio: mean measured loss / expected loss.
        error: its standard error, NaN for one repetition.
        z: (ratio − 1)/error; None where the loss has no variance, so that no error can be believed.
        source: whose formula it is, a key of SOURCES.
    """

    x: float
    value: float
    ratio: float
    error: float
    z: float | None
    source: str


@dataclass(frozen=True)
class Comparison:
    """Theory beside measurement at every x of one setting. z is no verdict: theory is a mean."""

    setting: Setting
    at: tuple[Expected, ...]
    doubts: tuple[str, ...] = ()
    verdict: str | None = None

    @property
    def label(self) -> str:
        """The setting as text."""
        return self.setting.label

    def plain(self) -> list[dict[str, Any]]:
        """Theory, measured / theory and its error, by x."""
        return [
            {"x": e.x, "theory": e.value, "ratio": e.ratio,
             "standard_error": e.error, "z": e.z,
             "source": e.source}
            for e in self.at
        ]  # fmt: skip


SOURCES = {
    "exact": "The formula is exact.",
    "eigenlearning": "Eigenlearning is asymptotic in the number of samples or features.",
    "harmonics": "Eigenlearning takes the harmonics of random points for independent Gaussians: "
                 "its exponents hold, its amplitude is too low in low dimensions.",
}  # fmt: skip
"""How far a formula can be trusted."""


def expected_risk(run: Run) -> tuple[float, str] | None:
    """The mean of the run's loss over draws and the source, None where no formula knows it.

    The mean is ∞ where it does not exist.
    """
    task, student = run.task, run.student
    settings = dict(student.settings)
    if task.decays and student.kind == "linear" and run.size:
        spectrum, ridge = Spectrum(*task.decays, modes=task.D_amb), settings["ridge"]
        if task.decays == (0, 0) and ridge == 0:
            return linear.expected_risk(run.size, spectrum.modes, noise=task.noise), "exact"
        return _spectral(spectrum, run.size, ridge=ridge, noise=task.noise), "eigenlearning"
    if task.decays and student.kind == "random-features" and run.size is None:
        spectrum = Spectrum(*task.decays, modes=task.D_amb)
        return _spectral(spectrum, settings["count"]), "eigenlearning"
    sphere = len(task.manifold) == 1 and task.manifold[0][0] == "sphere"
    plain = student.inputs == "raw" and task.embedding == "identity"
    if task.covariance and student.kind == "kernel" and sphere and plain and run.size:
        return _on_the_sphere(run), "harmonics"
    return None


def expected(question: Question) -> tuple[Comparison, ...]:
    """Theory beside measurement, of every setting whose losses a formula knows."""
    study = question.study
    found = []
    for one in question.stored:
        done = ((study.x(run), run, row) for run, row in one.done)
        at = comparisons(done, redrawn=study.redrawn)
        found += [Comparison(one.setting, at)] if at else []
    return tuple(found)


def comparisons(done: Iterable[tuple[float, Run, Row]], *, redrawn: bool) -> tuple[Expected, ...]:
    """Theory and measurement by x, of finished runs that share all but x, teacher and seed.

    redrawn: whether every seed has training sets of its own. Those of one teacher are nested
    otherwise, and share their points.
    """
    at: dict[float, list[tuple[Run, Row]]] = defaultdict(list)
    for x, run, row in done:
        at[x].append((run, row))
    found = ((x, expected_risk(at[x][0][0]), at[x]) for x in sorted(at))
    return tuple(
        _expected(x, *known, rows, redrawn)
        for x, known, rows in found
        if known and 0 < known[0] < math.inf
    )


def _expected(
    x: float, risk: float, source: str, rows: list[tuple[Run, Row]], redrawn: bool
) -> Expected:
    cells: dict[tuple, list[float]] = defaultdict(list)
    for run, row in rows:
        cells[run.task.teacher, run.seed if redrawn else 0].append(row.loss / risk)
    ratios = np.array([np.mean(cell) for cell in cells.values()])
    value = math.exp(np.mean([math.log(risk * row.relative / row.loss) for _, row in rows]))
    error = float(ratios.std(ddof=1) / math.sqrt(ratios.size)) if ratios.size > 1 else math.nan
    ratio = float(ratios.mean())
    known = error > 0 and not _without_variance(rows[0][0])
    return Expected(x, value, ratio, error, (ratio - 1) / error if known else None, source)


def _without_variance(run: Run) -> bool:
    task, settings = run.task, dict(run.student.settings)
    isotropic = task.decays == (0, 0) and run.student.kind == "linear" and not settings["ridge"]
    return isotropic and task.noise > 0 and abs(run.size - task.D_amb) <= SCATTER


def _spectral(spectrum: Spectrum, n: int, *, ridge: float = 0.0, noise: float = 0.0) -> float:
    found = eigenlearning.expected_risk(
        n, spectrum.eigenvalues, spectrum.power, ridge=ridge, noise=noise
    )
    return found.mse - noise**2


def _on_the_sphere(run: Run) -> float:
    """Degrees that are left out are as good as unlearned: the student's are a ridge to the others,
    and the teacher's are noise to them."""
    task, settings = run.task, dict(run.student.settings)
    teacher = _harmonics(*task.covariance, task.dim)
    student = _harmonics(
        settings["kernel"],
        tuple((k, v) for k, v in run.student.settings if k not in ("kernel", "ridge")),
        task.dim,
    )
    # a degree that the student does not resolve is left to the teacher's rest
    known = student.eigenvalues > 0
    power = (teacher.multiplicity * teacher.eigenvalues)[known]
    total = teacher.multiplicity @ teacher.eigenvalues + teacher.rest
    found = eigenlearning.expected_risk(
        run.size, student.eigenvalues[known], power,
        ridge=settings["ridge"] + student.rest,
        noise=math.sqrt(max(total - power.sum(), 0.0) + task.noise**2),
        multiplicity=student.multiplicity[known],
    )  # fmt: skip
    scale = task.teacher_gain**2 / (total if task.normalise else 1.0)
    return scale * (found.mse - task.noise**2)


@lru_cache(maxsize=64)
def _harmonics(kind: str, settings: tuple, d: int) -> Harmonics:
    return harmonics(covariance(kind, **dict(settings)), d)
