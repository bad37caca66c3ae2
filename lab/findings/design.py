"""The design of a study as calibration sees it: what is scanned, by how many teachers and seeds.

One `Design` per point of the study, in the order of `Answer.points`, from the plan alone: nothing
is trained. Beside it the truth that simulated scans come from: the study's own fit where the store
has a usable one, else a number given or the prediction, with scatter as in `assumed`.

What it does not do: simulate or judge; see `lab.scaling.judge.calibration`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from lab.findings.exponent_result import ExponentResult
from lab.findings.exponents import declared
from lab.findings.study_results import scan_of
from lab.mistakes import StudyError
from lab.plain import plain
from lab.regimes.axes import Values
from lab.regimes.regime import Regime
from lab.scaling.judge.calibration import Calibration, Design, Truth, calibrate, misspecified
from lab.scaling.judge.verdict import BENT
from lab.scaling.scans.estimate import USABLE
from lab.scaling.scans.scan import COUNTS, Scan
from lab.spec import Run
from lab.theory import NoValue, PredictionError

SPREAD = 0.1
"""Assumed standard deviation of α between teachers, relative to α."""


@dataclass(frozen=True)
class Case:
    """A design and a truth to simulate it from. source: `fit`, `prediction` or `given`."""

    point: ExponentResult
    design: Design
    truth: Truth
    source: str


@dataclass(frozen=True)
class Simulation:
    """Simulated scans of every case of a study's design.

    calibrated: each case under its truth. misspecified: the same cases under truths that the
    estimator does not assume, by name.
    """

    study: str
    scans: int
    seed: int
    calibrated: tuple[tuple[Case, Calibration], ...]
    misspecified: tuple[tuple[Case, Mapping[str, Calibration]], ...]

    def plain(self) -> dict[str, Any]:
        """Plain values, as `lab calibrate --json` prints them."""
        points = [
            as_json(case, shown) | {"misspecified": wrong_at_the_edge(case, wrong)}
            for (case, shown), (_, wrong) in zip(self.calibrated, self.misspecified, strict=True)
        ]
        return {"study": self.study, "scans": self.scans, "seed": self.seed, "points": points}


def simulate(
    scans_of: Iterable[tuple[Regime, Sequence[ExponentResult]]],
    study: str,
    *,
    alphas: Sequence[str],
    changes: Mapping[str, float],
    alternatives: Sequence[str],
    otherwise: Sequence[str],
    scans: int,
    seed: int,
    watched: Callable[[Sequence[Case], str], Iterable[Case]],
) -> Simulation:
    """Simulate every case of a study of this name; arguments as in `lab.calibrate`.

    scans_of: each scan of the study, as a regime, with the points of its answer. otherwise:
    alternatives where none are named. watched: the cases one by one, while somebody is told how
    many are done.
    """
    for name, value in changes.items():
        if not (math.isfinite(value) and value >= 0):
            raise StudyError([f"{name} is {value}; it must be 0 or a positive number"])
    found = [
        case for regime, points in scans_of
        for case in cases(regime, points, alphas=alphas, changes=changes,
                          alternatives=alternatives or otherwise)
    ]  # fmt: skip
    for text in alternatives:
        if not any(text in case.design.alternatives for case in found):
            raise StudyError([f"alternatives: {text} has no value at any point; leave it out"])
    calibrated = tuple(
        (case, calibrate(case.design, case.truth, scans=scans, seed=seed))
        for case in watched(found, "calibrating")
    )
    others = tuple(
        (case, {name: calibrate(case.design, truth, scans=max(scans // 5, 20), seed=seed)
                for name, truth in misspecified(case.truth).items()})
        for case in watched(found, "calibrating against other truths")
    )  # fmt: skip
    return Simulation(study, scans, seed, calibrated, others)


def cases(
    study: Regime,
    points: Sequence[ExponentResult],
    *,
    alphas: Sequence[str] = (),
    alternatives: Sequence[str] = (),
    changes: Mapping[str, float] | None = None,
) -> list[Case]:
    """What to calibrate, point by point.

    points: of the study's answer. alphas: formulas of true exponents, each a case of its own;
    without any, the truth is the point's own fit, or the prediction. changes: fields of every
    `Truth` to replace, such as floor.
    Raises StudyError for a formula without a positive value, or an alternative without any.
    """
    given = [_positive(study, text) for text in alphas]
    changed: dict[str, Any] = {**(changes or {})}
    found = []
    for i, (point, design) in enumerate(zip(points, designs(study, alternatives), strict=True)):
        own = None if given else fitted(point, design)
        truths = [("given", assumed(alpha[i])) for alpha in given] or [
            ("fit", own) if own else ("prediction", assumed(design.prediction))
        ]
        found += [
            Case(point, design, replace(truth, **changed), source) for source, truth in truths
        ]
    return found


def designs(study: Regime, alternatives: Sequence[str] = ()) -> tuple[Design, ...]:
    """One design per point; alternatives without a value at a point are left out there.

    alternatives: formulas as in a prediction, such as "3/(d-1)"; each gets its text as its name.
    The prediction itself is always among them.
    Raises StudyError for an alternative that does not parse, or needs what the study lacks.
    """
    claim = study.prediction
    if claim is None:
        raise StudyError(
            ["prediction: no exponent is claimed, and a design is calibrated by the verdicts on "
             "one; add a claim with quantity = \"alpha\""]
        )  # fmt: skip
    texts = dict.fromkeys([claim.text, *alternatives])
    values = {text: exponents(study, text) for text in texts}
    found = []
    for i, runs in enumerate(_points(study)):
        scan, (omega, count) = shape(study, runs), declared(study, claim)
        own = COUNTS.index(count) if count and scan.counts is not None else scan.declared
        found.append(Design(
            x=scan.x if scan.counts is None else scan.counts[own], counts=scan.counts, declared=own,
            teachers=len({run.task.teacher for run in runs}),
            # a mean excess over repetitions is one value with one error
            seeds=1 if study.means else len({run.seed for run in runs}),
            prediction=study.predicted(runs[0].task, runs[0].student, size=claim.size),
            sense=claim.sense,
            tolerance=claim.tolerance, over=claim.over,
            law=study.law, omega=omega, delta=claim.delta,
            alternatives={t: v for t, some in values.items() if (v := some[i]) is not None},
        ))  # fmt: skip
    return tuple(found)


def shape(study: Regime, runs: Sequence[Run]) -> Scan:
    """The scan of these planned runs, with every count of its sizes, and no losses."""
    x = np.array([study.x(run) for run in runs], float)
    ones = np.ones(x.size)
    return scan_of(study, Values(x, ones, ones.astype(int), np.arange(x.size)), list(runs))


def exponents(study: Regime, text: str) -> tuple[float | None, ...]:
    """The value of a formula at each point of the study, None where it has none (3/(d-1) at 1).

    Raises StudyError if it does not parse, or needs what the study lacks everywhere.
    """
    values: list[float | None] = []
    mistakes: list[str] = []
    for runs in _points(study):
        try:
            values.append(study.predicted(runs[0].task, runs[0].student, text))
        except PredictionError as error:
            values.append(None)
            mistakes += [] if isinstance(error, NoValue) else [str(error)]
    if len(mistakes) == len(values):
        raise StudyError(mistakes[:1])
    return tuple(values)


def _positive(study: Regime, text: str) -> list[float]:
    values = exponents(study, text)
    for runs, value in zip(_points(study), values, strict=True):
        if value is None or value <= 0:
            what = "no value" if value is None else f"the value {value:g}"
            raise StudyError(
                [f"alphas: {text} has {what} at d = {runs[0].task.dim}; give an exponent that is "
                 "positive at every point"]
            )  # fmt: skip
    return [value for value in values if value is not None]


def _points(study: Regime) -> list[list[Run]]:
    """The planned runs of each point: alike in all but x, teacher and seed."""
    together: dict[tuple, list[Run]] = defaultdict(list)
    for cell in study.laid_out:
        if cell.role == "scan":
            together[cell.setting].append(cell.run)
    return list(together.values())


def assumed(alpha: float) -> Truth:
    """A truth for an exponent of which nothing else is known: no floor, 0.15 of scatter in log loss
    between seeds, 0.3 between teachers, and SPREAD of α between teachers."""
    return Truth(alpha, spread=SPREAD * alpha)


def fitted(point: ExponentResult, design: Design) -> Truth | None:
    """The truth that the study's own fit of a point suggests, None without a usable one."""
    found = point.exponent
    if found is None or found.status not in USABLE:
        return None
    truth = Truth.of(found, Scan.of(*map(np.array, zip(*point.fitted.rows, strict=True))))
    back = (design.x[0] / found.x[0]) ** -truth.alpha  # to the smallest x of the design
    return replace(truth, first=float(truth.first * back))


def as_json(case: Case, found: Calibration) -> dict[str, Any]:
    """One calibrated case as plain values; what is not a number becomes None.

    The power against an alternative that is the truth itself is None.
    """
    design, setting = case.design, case.point.setting
    alternatives = {
        name: {"exponent": value, "power": None if same(value, case.truth) else found.power[name]}
        for name, value in design.alternatives.items()
    }
    return plain({
        "dim": case.point.dim, **({"setting": setting.varying} if setting.pairs else {}),
        "x": design.x.tolist(), "teachers": design.teachers, "seeds": design.seeds,
        "prediction": design.prediction, "sense": design.sense, "tolerance": design.tolerance,
        "source": case.source, "truth": asdict(found.truth), "coverage": found.coverage,
        "width": found.width, "bias": found.bias, "error": found.error,
        "verdicts": found.verdicts, "wrong": found.wrong, "shapes": found.shapes,
        "usable": found.usable, "found_doubts": found.doubts, "alternatives": alternatives,
        "by_ratio": {
            f"{ratio:g}": {"agrees": agrees, "contradicts": contradicts}
            for ratio, (agrees, contradicts) in found.by_ratio.items()
        },
    })  # fmt: skip


def wrong_at_the_edge(case: Case, found: Mapping[str, Calibration]) -> dict[str, Any]:
    """P(agrees) and P(contradicts) at the edge of the region, and the share of scans found bent, by
    the name of the truth, as plain values."""
    values = {}
    for name, shown in found.items():
        agrees, contradicts = shown.at_the_edge(case.design)
        values[name] = {"agrees": agrees, "contradicts": contradicts, "bent": shown.shapes[BENT]}
    return values


def same(alternative: float, truth: Truth) -> bool:
    """Whether an alternative is the true exponent: then there is nothing to tell apart."""
    return math.isclose(alternative, truth.alpha, rel_tol=1e-9)
