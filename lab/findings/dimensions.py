"""Dimension against exponent: is the dimension that an exponent implies the one that is measured?

A piecewise linear student of a loss |y − ŷ|^p has L ∝ N^(−2p/d): an exponent α implies the
dimension 2p/α, 4/α of squared errors and cross-entropy (Sharma & Kaplan, arXiv 2004.10802, first
figure). Beside it stands what was measured at one place (`[measure]`) at the largest x of the scan:
of every teacher the mean over its seeds, corrected for the bias of the estimator. Intervals:

    dimension   the longer of Student's t over teachers and the mean interval of the correction
    2p/α        the quoted interval of α, turned over

The line 2p/α = a + b · dimension has errors in both variables (`lab.scaling.series`); all points
enter that have both intervals, decided or not. The identity has a = 0 and b = 1.

What it does not do: judge. The exponents have their verdicts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lab.findings.exponent_result import ExponentResult
from lab.findings.study_results import Setting, SettingRuns, StudyResults
from lab.regimes.regime import Regime
from lab.scaling.scans.estimate import USABLE
from lab.scaling.scans.lines import student_quantile, teacher_t
from lab.scaling.scans.scan import Interval
from lab.scaling.series import Ratio, StraightLine, common_ratio, line_with_errors
from lab.students.dimensions import Dimension, measured

FEWEST = 3
"""Points that a line needs."""
NOT_KNOWN = (float("nan"), float("nan"))


@dataclass(frozen=True)
class AtSize:
    """The dimension of one place at one x: means over teachers of means over seeds.

    raw: as the estimator gives it. spread: Student's t over teachers of the corrected values.
    interval: the longer of that and the correction's own. doubted: share of the runs whose points
    resemble none of the correction's references.
    """

    x: float
    teachers: int
    raw: float
    corrected: float
    spread: Interval
    interval: Interval
    doubted: float


@dataclass(frozen=True)
class Pair:
    """A setting of the figure: its dimension at every x of the scan, ascending, and what its
    exponent implies."""

    setting: Setting
    sizes: tuple[AtSize, ...]
    implied: float
    implied_interval: Interval
    verdict: str | None

    @property
    def measured(self) -> AtSize:
        """The dimension at the largest x."""
        return self.sizes[-1]

    @property
    def whole(self) -> bool:
        """Whether both axes have an interval."""
        return bool(np.isfinite((*self.measured.interval, *self.implied_interval)).all())


@dataclass(frozen=True)
class AgainstExponent:
    """The settings that differ in d alone, at one place. numerator: the 2p of 2p/α; symbol: of x;
    line, ratio: None where too few points have both intervals."""

    place: str
    name: str
    numerator: float
    symbol: str
    pairs: tuple[Pair, ...]
    line: StraightLine | None
    ratio: Ratio | None
    setting: Setting | None = None
    doubts: tuple[str, ...] = ()
    verdict: str | None = None

    @property
    def label(self) -> str:
        """The place, and what varies besides d."""
        return ", ".join(filter(None, [self.place, self.name]))

    @property
    def implied(self) -> str:
        """What stands for the implied dimension: 4/α where the loss is quadratic."""
        return f"{self.numerator:g}/α"

    def plain(self) -> dict[str, Any]:
        """Every point with both intervals, and the line."""
        line, ratio = self.line, self.ratio
        values: dict[str, Any] = {
            "place": self.place,
            "numerator": self.numerator,
            "points": [_plain(pair) for pair in self.pairs],
            "line": line and {
                "slope": {"value": line.slope, "interval": line.slope_interval},
                "intercept": {"value": line.intercept, "interval": line.intercept_interval},
                "chi2": line.chi2,
            },
            "ratio": ratio and {"value": ratio.value, "interval": ratio.interval},
        }  # fmt: skip
        return values | ({"setting": self.name} if self.name else {})


def _plain(pair: Pair) -> dict[str, Any]:
    at = pair.measured
    return {
        "dim": pair.setting.dim, "x": at.x, "teachers": at.teachers, "raw": at.raw,
        "dimension": at.corrected, "interval": at.interval, "spread": at.spread,
        "doubted": at.doubted, "implied": pair.implied, "implied_interval": pair.implied_interval,
        "verdict": pair.verdict,
    }  # fmt: skip


def dimensions(question: StudyResults) -> tuple[AgainstExponent, ...]:
    """One per place and setting besides d; none where nothing was measured."""
    places = measured(run for one in question.stored for run, _ in one.done)
    if not places:
        return ()
    points = {point.setting: point for point in question.found("exponents")}
    together: dict[Setting, list[SettingRuns]] = defaultdict(list)
    for one in question.stored:
        together[replace(one.setting, dim=0)].append(one)
    return tuple(
        _against(question.study, place, besides, some, points)
        for place in places
        for besides, some in together.items()
    )


def _against(
    study: Regime,
    place: str,
    besides: Setting,
    some: Sequence[SettingRuns],
    points: Mapping[Setting, ExponentResult],
) -> AgainstExponent:
    run = some[0].cells.scan[0][0]
    numerator = 2 * run.task.power * study.order(run.task, run.student)
    found = [
        _pair(sizes, points[one.setting], numerator)
        for one in some
        if (sizes := _sizes(study, one, place))
    ]
    line, ratio = _fitted(found)
    symbol = study.axis.symbol
    return AgainstExponent(place, besides.name, numerator, symbol, tuple(found), line, ratio)


def _pair(sizes: tuple[AtSize, ...], point: ExponentResult, numerator: float) -> Pair:
    e = point.exponent
    implied, ends = float("nan"), NOT_KNOWN
    if e is not None and e.status in USABLE and e.alpha > 0:
        low, high = e.interval
        implied = numerator / e.alpha
        ends = (numerator / high, numerator / low if low > 0 else float("inf"))
    return Pair(point.setting, sizes, implied, ends, point.verdict)


def _sizes(study: Regime, one: SettingRuns, place: str) -> tuple[AtSize, ...]:
    """The dimension at every x where one was found."""
    by_x: dict[float, dict[int, list[Dimension]]] = defaultdict(lambda: defaultdict(list))
    for run, row in one.done:
        found = Dimension.of(row.details, place)
        if found is not None:
            by_x[study.x(run)][run.task.teacher].append(found)
    return tuple(_at(x, [*by_x[x].values()]) for x in sorted(by_x))


def _at(x: float, teachers: Sequence[Sequence[Dimension]]) -> AtSize:
    """The means over seeds, then over teachers."""

    def each(name: str) -> np.ndarray:
        return np.array([np.mean([getattr(d, name) for d in seeds]) for seeds in teachers])

    corrected, own = each("corrected"), (float(each("low").mean()), float(each("high").mean()))
    lower, upper = teacher_t(corrected[None])
    spread = (float(lower[0]), float(upper[0]))
    return AtSize(
        x, len(teachers), float(each("value").mean()), float(corrected.mean()), spread,
        (float(np.fmin(spread[0], own[0])), float(np.fmax(spread[1], own[1]))),
        float(each("doubted").mean()),
    )  # fmt: skip


def _fitted(found: Sequence[Pair]) -> tuple[StraightLine | None, Ratio | None]:
    """The line and the ratio through the points that have both intervals."""
    whole = [pair for pair in found if pair.whole]
    x = np.array([pair.measured.corrected for pair in whole])
    if x.size < FEWEST or np.ptp(x) == 0:
        return None, None
    y = np.array([pair.implied for pair in whole])
    normal = 2 * float(student_quantile(1e9))
    errors = [
        np.array([np.ptp(ends) for ends in some]) / normal
        for some in ([p.measured.interval for p in whole], [p.implied_interval for p in whole])
    ]
    return line_with_errors(x, y, *errors), common_ratio(x, y, *errors)
