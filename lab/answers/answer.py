"""The answer of a study: exponent per dimension with interval, verdict and doubts, and the line.

Object: for each setting of the grid, the scan L(x, teacher) = geometric mean over seeds of the
relative losses in the store, its fitted exponent, the prediction written beforehand, and what other
budgets say about convergence; across d, slope and intercept of α on 1/d.

A setting is everything of the grid that is neither x, teacher nor seed. Of an x whose budget was
raised (`budgets.py`) the longest training counts. Of networks in a scan over D the loss on
unlimited data, where it is stored, is what the excess is counted from. Diverged and failed runs are
counted as doubts and never enter a fit.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from lab.answers.cells import Cells, cells_of, losses, pairs, scan_of, values_of
from lab.answers.convergence import Convergence, Variation, convergence, variations
from lab.answers.expected import Expected, comparisons
from lab.answers.gaps import Gap
from lab.answers.gaps import gaps as gaps_of
from lab.answers.premises import approach, premises, sentences
from lab.execution.store import Row, Store
from lab.plain import plain
from lab.scaling import Exponent
from lab.scaling.across.line import Line, across
from lab.scaling.judge.doubts import Doubt
from lab.scaling.judge.exponent import judge
from lab.scaling.judge.verdict import UNDECIDED, survives
from lab.scaling.scans.estimate import estimate
from lab.scaling.scans.estimates import USABLE
from lab.spec import Run
from lab.study import Panels, Study
from lab.theory import parse

ILL_CONDITIONED = 1e13
"""Condition number beyond which the small eigenvalues of a system are rounding errors."""


@dataclass(frozen=True)
class Point:
    """One setting: what it is, what was measured, what it means.

    `rows` are (x, relative loss, teacher, seed) of the finished runs, for figures and export; where
    an excess over a limit is fitted, (x, mean excess, teacher, 0) where that is positive. `unit`
    says which. `budget` is the largest level that the budget of an x was raised to. `gaps` are
    those of wide networks to their limits, `premises` what is known of the premises of the
    prediction, as sentences.
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
    variations: tuple[Variation, ...]
    rows: tuple[tuple[float, float, int, int], ...]
    unit: str = "relative loss"
    budget: float = 1.0
    rivals: tuple[Rival, ...] = ()
    conditioning: tuple[float, float] | None = None
    gaps: tuple[Gap, ...] = ()
    expected: tuple[Expected, ...] = ()
    premises: tuple[str, ...] = ()
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
    found = cells_of(study, store)
    varying = _varying([*found])
    points = tuple(_point(study, key, varying, cells, replicates) for key, cells in found.items())
    lines: dict[tuple, list[Point]] = defaultdict(list)
    for point in points:
        lines[tuple(point.setting.items())].append(point)
    fitted = tuple((dict(setting), _line(some)) for setting, some in lines.items())
    return Answer(study, points, fitted)


def _varying(keys: list[tuple]) -> set[str]:
    values: dict[str, set] = defaultdict(set)
    for _, *fixed in keys:
        for name, value in fixed:
            values[name].add(value)
    return {name for name, some in values.items() if len(some) > 1}


def _point(study: Study, key: tuple, varying: set[str], cells: Cells, replicates: int) -> Point:
    found = cells.scan
    done = [(run, row) for run, row in found if row and row.status == "done"]
    count = {
        status: sum(row is not None and row.status == status for _, row in found)
        for status in ("diverged", "failed")
    }
    missing = sum(row is None for _, row in found)
    some_run = found[0][0]
    evidence = _convergence(study, cells)
    varied = _variations(study, cells)
    doubts = _of_the_runs(study, cells, count, missing)
    if study.trained and (evidence is None or not _checked(cells)):
        doubts.append(Doubt.UNCHECKED)
    conditioning = _conditioning([row for _, row in done])
    if conditioning and (conditioning[1] > 0 or conditioning[0] > ILL_CONDITIONED):
        doubts.append(Doubt.ILL_CONDITIONED)
    values = values_of(study, cells, done)
    known = premises(study, done)
    doubts += [*values.doubts, *known]
    prediction = study.predicted(some_run.task, some_run.student)
    fitted = None
    if values.x.size:
        estimated = estimate(
            scan_of(study, values, [run for run, _ in done]), law=study.law,
            correction=evidence.correction if evidence else None, replicates=replicates,
        )  # fmt: skip
        tolerance = study.prediction.tolerance
        if any(v.matters(estimated.alpha, tolerance) for v in varied):
            doubts.append(Doubt.RATE_SENSITIVE)
        fitted = judge(
            estimated, prediction=prediction, sense=study.prediction.sense, tolerance=tolerance,
            straight=_straight(study, done, known), doubts=doubts,
        )  # fmt: skip
    details = [row.details for _, row in done]
    raw = losses(study, done)
    wide = some_run.limit == "ntk" and done
    gaps = gaps_of(raw.x, raw.value, raw.teacher, details) if wide else ()
    rows = zip(values.x.tolist(), values.value.tolist(), values.teacher.tolist(),
               values.seed.tolist(), strict=True)  # fmt: skip
    return Point(
        dim=some_run.task.dim, setting=_setting(study, key, varying), prediction=prediction,
        exponent=fitted, verdict=fitted.verdict if fitted else UNDECIDED,
        doubts=fitted.doubts if fitted else tuple(doubts),
        advice=fitted.advice if fitted else _why_nothing(count, missing, len(found), len(done)),
        runs=len(done), teachers=len(set(values.teacher.tolist())), diverged=count["diverged"],
        failed=count["failed"], missing=missing, convergence=evidence, variations=varied,
        rows=tuple(rows), unit=values.unit, budget=cells.budget,
        rivals=_rivals(study, some_run, fitted), conditioning=conditioning, gaps=gaps,
        premises=sentences(study, done), spectral=some_run.task.decays is not None,
        expected=comparisons((study.x(run), run, row) for run, row in done),
    )  # fmt: skip


def _setting(study: Study, key: tuple, varying: set[str]) -> dict[str, Any]:
    manifold, *fixed = key
    setting = {name: value for name, value in fixed if name in varying}
    if study.title:
        setting = {"title": study.title, **setting}
    if len(manifold) > 1:
        setting = {"manifold": "×".join(f"{k} {d}" for k, d in manifold), **setting}
    return setting


def _straight(study: Study, done: list[tuple[Run, Row]], known: tuple[Doubt, ...]) -> bool:
    """Whether theory knows the losses over these x, and that they do not bend."""
    return bool(done) and Doubt.LATE not in known and approach(study, done) is not None


def _checked(cells: Cells) -> bool:
    """Whether every run that other budgets were to check is done."""
    rows = [row for (role, _), some in cells.checks.items() if role == "budget"
            for *_, row in some]  # fmt: skip
    rows += [row for some in cells.limits.values() for _, row in some]
    return all(row is not None and row.status == "done" for row in rows)


def _of_the_runs(study: Study, cells: Cells, count: dict, missing: int) -> list[Doubt]:
    """Doubts that the state of the runs and the design give, before anything is fitted."""
    found = []
    if count["diverged"]:
        found.append(Doubt.DIVERGED)
    if count["failed"]:
        found.append(Doubt.FAILED)
    if missing:
        found.append(Doubt.UNFINISHED)
    if study.regime == "resolution-width" and study.trained and _saturated(cells.scan):
        found.append(Doubt.SATURATED)
    return found


def _why_nothing(count: dict[str, int], missing: int, planned: int, done: int) -> str:
    if done:
        remedy = Doubt.REFERENCE_NOT_CONVERGED.remedy
        return f"no mean excess over the limit is positive: {remedy}, or take more repetitions."
    if count["diverged"] + count["failed"] == planned:
        worst = max(count, key=lambda status: count[status])
        return f"all {planned} runs {worst}: lower training.rate, or look at `lab status`."
    return f"no run of the scan has finished yet, {missing} are left: run the study."


def _convergence(study: Study, cells: Cells) -> Convergence | None:
    found = pairs(study, cells, "budget")
    return convergence({factor: some for (_, factor), some in found.items()})


def _variations(study: Study, cells: Cells) -> tuple[Variation, ...]:
    return variations(pairs(study, cells, "rate") | pairs(study, cells, "weights"))


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
        and all(n >= w for n, w in zip(run.student.widths, run.task.teacher_widths, strict=False))
        for run, _ in found
    )


def _line(points: list[Point]) -> Line | None:
    """The line of α on 1/d over the points that are decided."""
    decided = [p for p in points if p.exponent is not None and p.verdict != UNDECIDED]
    if len({p.dim for p in decided}) < 3:
        return None
    line = across([p.dim for p in decided], [p.exponent for p in decided])
    return line if math.isfinite(line.slope) else None


def as_json(found: tuple[Answer, ...], name: str) -> dict[str, Any]:
    """The answers as plain values: what `lab fit --json` prints. Not-a-number becomes null."""
    if len(found) == 1:
        return plain({"study": name, **_as_json(found[0])})
    panels = [{"title": one.study.title, **_as_json(one)} for one in found]
    return plain({"study": name, "panels": panels})


def _as_json(found: Answer) -> dict[str, Any]:
    line = found.line
    nothing = {"value": None, "interval": [None, None]}
    return {
        "regime": found.study.regime,
        "points": [_point_as_json(found, p) for p in found.points],
        "slope": {"value": line.slope, "interval": line.slope_interval} if line else nothing,
        "intercept": {"value": line.intercept, "interval": line.intercept_interval}
        if line else nothing,
        **({"line": {"dims": line.dims, "fits": line.fit_p, "doubts": line.doubts}}
           if line else {}),
    }  # fmt: skip


def _point_as_json(found: Answer, p: Point) -> dict[str, Any]:
    e = p.exponent
    values = {
        "dim": p.dim, "alpha": e.alpha if e else None,
        "interval": e.interval if e else (None, None), "prediction": p.prediction,
        "verdict": p.verdict, "relation": e.relation if e else "open",
        "doubts": list(p.doubts), "runs": p.runs, "teachers": p.teachers,
        "local": [
            {"x": at.x, "alpha": at.alpha, "interval": (at.lo, at.hi)}
            for at in (e.local if e else ())
        ],
        "forecast": {"error": None, "interval": (None, None)} if not (e and e.forecast) else
        {"error": e.forecast[0], "interval": e.forecast[1]},
        "convergence": {"loss": None, "alpha": None} if p.convergence is None else
        {"loss": p.convergence.correction.late, "alpha": p.convergence.correction.alpha,
         "error": p.convergence.correction.error},
    }  # fmt: skip
    if e and e.by_size:
        order = 1
        if found.study.scan.size == "width":  # told as exponents of N and of the hidden weights
            order = next(found.study.students()).leading(1, 1)[1]
        values["alpha_by_size"] = {
            name: {"value": e.by_size[s][0] / order,
                   "interval": [end / order for end in e.by_size[s][1]]}
            for name, s in (("N", 1.0), ("hidden", 0.0))
        }  # fmt: skip
    if p.setting:
        values["setting"] = p.setting
    if p.rivals:
        values["rivals"] = [
            {"exponent": r.formula, "value": r.value, "survives": r.survives} for r in p.rivals
        ]
    return values
