"""The answer of a study: exponent per dimension with interval, verdict and doubts, and the line.

Object: for each setting of the grid, the scan L(x, teacher) = geometric mean over seeds of the
relative losses in the store, its fitted exponent, the prediction written beforehand, and what the
runs with the larger budget say about convergence; across d, slope and intercept of α on 1/d.

A setting is everything of the grid that is neither x, teacher nor seed. Diverged and failed runs
are counted as doubts and never enter a fit.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from lab.runs.excess import excess
from lab.runs.expected import Expected, comparisons
from lab.runs.gaps import Gap
from lab.runs.gaps import gaps as gaps_of
from lab.runs.store import Row, Store
from lab.scaling import Exponent, Line, Scan, across, exponent
from lab.scaling.exponent import USABLE
from lab.scaling.plain import plain
from lab.scaling.verdict import survives
from lab.spec import Run
from lab.study import Panels, Study
from lab.theory import parse

FALLING = 0.10
"""Fall of the loss under the larger budget, at the largest third of x, that is under-training."""
ILL_CONDITIONED = 1e13
"""Condition number beyond which the small eigenvalues of a system are rounding errors."""
SHIFT = 0.05
"""Relative rise of α under the larger budget, beyond twice its error, that is under-training."""


@dataclass(frozen=True)
class Convergence:
    """What more training changed: arrays over the repeated pairs of runs.

    `change` is log(loss at the larger budget / loss at the planned one); `alpha` the change of
    the exponent that a line through them implies and `alpha_error` its standard error; `late` the
    mean change at the largest third of x.
    """

    budget: float
    x: Float[np.ndarray, " pairs"]
    change: Float[np.ndarray, " pairs"]
    alpha: float
    alpha_error: float
    late: float

    def under_trained(self, alpha: float) -> bool:
        """Whether the planned budget was too small for this exponent, by the rule above."""
        steeper = self.alpha > max(SHIFT * abs(alpha), 2 * self.alpha_error)
        return steeper or self.late < math.log(1 - FALLING)


@dataclass(frozen=True)
class Point:
    """One setting: what it is, what was measured, what it means.

    `rows` are (x, relative loss, teacher) of the finished runs, for figures and export; in the
    variance-limited regimes (x, mean excess over the limit, teacher) where that is positive.
    `gaps` are those of wide networks to their limits.
    `conditioning` is the largest condition number and jitter of the systems that exact students
    solved. `expected` is theory beside the measurement, by x, where a formula knows the loss.
    """

    dim: int
    setting: dict[str, Any]
    prediction: float
    exponent: Exponent | None
    verdict: str
    doubts: tuple[str, ...]
    advice: str
    runs: int
    teachers: int
    diverged: int
    failed: int
    missing: int
    convergence: Convergence | None
    rows: tuple[tuple[float, float, int], ...]
    rivals: tuple[Rival, ...] = ()
    conditioning: tuple[float, float] | None = None
    gaps: tuple[Gap, ...] = ()
    expected: tuple[Expected, ...] = ()
    spectral: bool = False

    @property
    def label(self) -> str:
        """The dimension and the setting as text."""
        return ", ".join(filter(None, [self.dimension, self.name]))

    @property
    def dimension(self) -> str:
        """d as text, or how many modes a spectral task has."""
        return f"{self.dim} modes" if self.spectral else f"d = {self.dim}"

    @property
    def name(self) -> str:
        """The setting as text."""
        return named(self.setting)


def named(setting: dict[str, Any]) -> str:
    """A setting as text; a word that two of its names end in is told apart by the first."""
    last = [name.split(".")[-1] for name in setting]
    return ", ".join(
        value_text(v) if name == "title" else
        f"{name.replace('.', ' ') if last.count(word) > 1 else word} {value_text(v)}"
        for word, (name, v) in zip(last, setting.items(), strict=True)
    )  # fmt: skip


def value_text(value: Any) -> str:
    """The value of a setting: widths as 8×8."""
    return "×".join(map(str, value)) if isinstance(value, tuple) else str(value)


@dataclass(frozen=True)
class Rival:
    """Another exponent written beforehand, taken as an equality. survives: None if undecidable."""

    formula: str
    value: float
    survives: bool | None


@dataclass(frozen=True)
class Answer:
    """All points of a study in the order of the grid, and one line of α on 1/d per setting."""

    study: Study
    x_name: str
    points: tuple[Point, ...]
    lines: tuple[tuple[dict[str, Any], Line | None], ...]

    @property
    def line(self) -> Line | None:
        """The line of α on 1/d, where the study has just one setting besides d."""
        return self.lines[0][1] if len(self.lines) == 1 else None


def answers(study: Study | Panels, store: Store, *, replicates: int = 2000) -> tuple[Answer, ...]:
    """One answer per scan of the study."""
    return tuple(answer(scan, store, replicates=replicates) for scan in study.scans)


def answer(study: Study, store: Store, *, replicates: int = 2000) -> Answer:
    """Fit everything that the store has of the study."""
    planned: dict[tuple, list[tuple[Run, Row | None]]] = defaultdict(list)
    larger: dict[tuple, list[tuple[Run, Row | None]]] = defaultdict(list)
    for p, row in store.found(study.plan):
        (larger if p.check else planned)[_setting_key(study, p.run)].append((p.run, row))
    varying = _varying([key for key in planned])
    points = tuple(
        _point(study, key, varying, found, larger[key], replicates)
        for key, found in planned.items()
    )
    lines: dict[tuple, list[Point]] = defaultdict(list)
    for point in points:
        lines[tuple(point.setting.items())].append(point)
    fitted = tuple((dict(setting), _line(some)) for setting, some in lines.items())
    return Answer(study, study.x_name, points, fitted)


def _setting_key(study: Study, run: Run) -> tuple:
    """Everything that stays fixed in a scan, as (name, value) pairs; the manifold first."""
    task, student, size = study.point(run)
    fixed: dict[str, Any] = {"p": task.power, "teacher.gain": task.teacher_gain,
                             "noise": task.noise}  # fmt: skip
    if task.decays:
        fixed |= {"a": task.decays[0], "b": task.decays[1]}
    elif task.covariance:
        kind, settings = task.covariance
        fixed |= {"teacher.covariance": kind, **{f"teacher.{k}": v for k, v in settings}}
    else:
        fixed |= {"teacher.widths": task.teacher_widths, "teacher.bias": task.teacher_bias,
                  "teacher.activation": task.teacher_activation}  # fmt: skip
    fixed |= {"student.widths": student.widths, "student.activation": student.activation}
    fixed |= {f"student.{k}": v for k, v in student.settings} | {"data.size": size}
    return (task.manifold, *fixed.items())


def _varying(keys: list[tuple]) -> set[str]:
    values: dict[str, set] = defaultdict(set)
    for _, *fixed in keys:
        for name, value in fixed:
            values[name].add(value)
    return {name for name, some in values.items() if len(some) > 1}


def _point(study, key, varying, found, larger, replicates) -> Point:
    manifold, *fixed = key
    setting = {name: value for name, value in fixed if name in varying}
    if study.title:
        setting = {"title": study.title, **setting}
    if len(manifold) > 1:
        setting = {"manifold": "×".join(f"{k} {d}" for k, d in manifold), **setting}
    done = [(run, row) for run, row in found if row and row.status == "done"]
    count = {s: sum(r is not None and r.status == s for _, r in found)
             for s in ("diverged", "failed")}  # fmt: skip
    missing = sum(row is None for _, row in found)
    some_run = found[0][0]
    prediction = study.predicted(some_run.task, some_run.student)
    x = np.array([study.x(run) for run, _ in done], float)
    loss = np.array([row.relative for _, row in done], float)
    teacher = np.array([run.task.teacher for run, _ in done], int)
    doubts = []
    if count["diverged"]:
        doubts.append("diverged")
    if count["failed"]:
        doubts.append("failed")
    if missing:
        doubts.append("unfinished")
    if study.regime == "resolution-width" and not study.student.exact and _saturated(found):
        doubts.append("saturated")
    ask = dict(prediction=prediction, sense=study.prediction.sense,
               tolerance=study.prediction.tolerance, replicates=replicates)  # fmt: skip
    conditioning = _conditioning([row for _, row in done])
    if conditioning and (conditioning[1] > 0 or conditioning[0] > ILL_CONDITIONED):
        doubts.append("ill-conditioned")
    seeds = np.array([run.seed for run, _ in done], int)
    details = [row.details for _, row in done]
    gaps = gaps_of(x, loss, teacher, details) if some_run.limit == "ntk" and done else ()
    ask["law"] = "power" if study.no_floor else "power+floor"
    if some_run.limit and x.size:
        limit = np.array([d["limit"] for d in details], float)
        cells = excess(x, loss, limit, teacher, smallest=some_run.limit == "data")
        doubts += cells.doubts
        x, loss, teacher = (v[cells.positive] for v in (cells.x, cells.mean, cells.teacher))
        seeds = np.zeros(x.size, int)
    fitted = None
    convergence = _convergence(study, done, larger)
    if x.size:
        scan = Scan.of(x, loss, teacher, seeds)
        fitted = exponent(scan, doubts=doubts, **ask)
        if convergence and convergence.under_trained(fitted.alpha):
            fitted = exponent(scan, doubts=(*doubts, "under-trained"), **ask)
    return Point(
        dim=some_run.task.dim, setting=setting, prediction=prediction, exponent=fitted,
        verdict=fitted.verdict if fitted else "undecided",
        doubts=fitted.doubts if fitted else tuple(doubts),
        advice=fitted.advice if fitted else "no run has finished yet: run the study.",
        runs=len(done), teachers=len(set(teacher.tolist())), diverged=count["diverged"],
        failed=count["failed"], missing=missing, convergence=convergence,
        rows=tuple(zip(x.tolist(), loss.tolist(), teacher.tolist(), strict=True)),
        rivals=_rivals(study, some_run, fitted), conditioning=conditioning, gaps=gaps,
        spectral=some_run.task.decays is not None,
        expected=comparisons((study.x(run), run, row) for run, row in done),
    )  # fmt: skip


def _rivals(study: Study, run: Run, fitted: Exponent | None) -> tuple[Rival, ...]:
    found = []
    for formula in study.prediction.rivals:
        value = study.predicted(run.task, run.student, formula)
        fate = None
        if fitted is not None and fitted.status in USABLE:
            fate = survives(fitted.interval, value, study.prediction.tolerance, fitted.doubts)
        found.append(Rival(parse(formula).text, value, fate))
    return tuple(found)


def _conditioning(rows: list[Row]) -> tuple[float, float] | None:
    known = [row.details for row in rows if "condition" in row.details]
    if not known:
        return None
    return max(d["condition"] for d in known), max(d["jitter"] for d in known)


def _saturated(found: list[tuple[Run, Row | None]]) -> bool:
    """Whether a student is as wide as its teacher in every layer and can represent it exactly."""
    return any(
        len(run.student.widths) >= len(run.task.teacher_widths)
        and all(
            n >= w for n, w in zip(run.student.widths, run.task.teacher_widths, strict=False)
        )
        for run, _ in found
    )


def _convergence(study, done, larger) -> Convergence | None:
    """Pairs of the same run at the planned and at the larger budget."""

    def but_the_budget(run: Run) -> tuple:
        return run.task, run.student, run.size, run.seed

    planned = {but_the_budget(run): row for run, row in done}
    x, change = [], []
    for run, row in larger:
        base = planned.get(but_the_budget(run))
        if row and row.status == "done" and base is not None:
            x.append(study.x(run))
            change.append(math.log(row.relative / base.relative))
    if len(set(x)) < 3:
        return None
    log_x, shift = np.log(np.array(x, float)), np.array(change)
    centred = log_x - log_x.mean()
    slope = centred @ shift / (centred @ centred)
    residual = shift - shift.mean() - slope * centred
    error = math.sqrt(residual @ residual / (shift.size - 2) / (centred @ centred))
    late = shift[log_x >= np.quantile(log_x, 2 / 3)]
    return Convergence(
        study.evidence.budget, np.array(x, float), shift, float(-slope), error, float(late.mean())
    )


def _line(points: list[Point]) -> Line | None:
    fitted = [p for p in points if p.exponent is not None]
    if len({p.dim for p in fitted}) < 3:
        return None
    line = across([p.dim for p in fitted], [p.exponent for p in fitted])
    return line if math.isfinite(line.slope) else None


def as_json(found: tuple[Answer, ...], name: str) -> dict[str, Any]:
    """The answers as plain values: what `lab fit --json` prints. Not-a-number becomes null."""
    if len(found) == 1:
        return plain({"study": name, **_as_json(found[0])})
    panels = [{"title": one.study.title, **_as_json(one)} for one in found]
    return plain({"study": name, "panels": panels})


def _as_json(found: Answer) -> dict[str, Any]:
    line = found.line
    points = []
    for p in found.points:
        points.append(
            {
                "dim": p.dim,
                "alpha": p.exponent.alpha if p.exponent else None,
                "interval": p.exponent.interval if p.exponent else (None, None),
                "prediction": p.prediction,
                "verdict": p.verdict,
                "doubts": list(p.doubts),
                "runs": p.runs,
                "teachers": p.teachers,
            }
            | ({"setting": p.setting} if p.setting else {})
            | ({"rivals": [{"exponent": r.formula, "value": r.value, "survives": r.survives}
                           for r in p.rivals]} if p.rivals else {})
        )
    nothing = {"value": None, "interval": [None, None]}
    return {
        "regime": found.study.regime,
        "points": points,
        "slope": {"value": line.slope, "interval": line.slope_interval} if line else nothing,
        "intercept": {"value": line.intercept, "interval": line.intercept_interval}
        if line else nothing,
    }
