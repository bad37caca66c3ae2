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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.findings.answer import Answer
from lab.findings.drawing import GREY, VERDICTS, grid, literal, shades
from lab.findings.exponent_result import ExponentResult
from lab.findings.study_results import Finding, Setting, SettingRuns, StudyResults
from lab.findings.view import (
    Answers,
    TextTable,
    View,
    figure_of,
    file_of,
    findings_of,
    interval,
    joined,
)
from lab.regimes.regime import Regime
from lab.scaling.scans.estimate import USABLE
from lab.scaling.scans.lines import student_quantile, teacher_t
from lab.scaling.scans.scan import Interval
from lab.scaling.series import Ratio, StraightLine, common_ratio, line_with_errors
from lab.students.dimensions import Dimension, measured

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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
        """True if both axes have an interval."""
        return bool(np.isfinite((*self.measured.interval, *self.implied_interval)).all())


@dataclass(frozen=True)
class AgainstExponent(Finding):
    """The settings that differ in d alone, at one place. numerator: the 2p of 2p/α; symbol: of x;
    line, ratio: None where too few points have both intervals."""

    place: str
    name: str
    numerator: float
    symbol: str
    pairs: tuple[Pair, ...]
    line: StraightLine | None
    ratio: Ratio | None

    @property
    def label(self) -> str:
        """The place, and what varies besides d."""
        return ", ".join(filter(None, [self.place, self.name]))

    @property
    def implied(self) -> str:
        """The formula of the implied dimension: 4/α where the loss is quadratic."""
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


# ---- figures -------------------------------------------------------------------------------------


LONGEST = 1.8
"""Reach of an axis beyond the largest value; longer bars leave it."""


def _against_exponent(found: list[AgainstExponent]) -> tuple[Figure, str]:
    figure, axes = grid(len(found), margin=1.0, height=4.2)
    for ax, one in zip(axes, found, strict=True):
        _points(ax, one)
        ax.set(title=literal(one.label), xlabel="measured dimension",
               ylabel=f"dimension implied, {one.implied}")  # fmt: skip
        ax.legend(loc="upper left", fontsize=8.5)
    return figure, (
        f"{found[0].implied} against the measured dimension, d beside each point. Vertical bars: "
        "the quoted 95 % interval of the exponent, turned over; horizontal bars: the longer of "
        "the 95 % interval over teachers and that of the correction. Measured at the largest x, "
        "means over teachers, corrected for the estimator's bias; hollow grey: uncorrected. "
        "Black: identity; dotted: the line through errors in both variables, all points. "
        "Marker: verdict on the exponent."
    )


def _points(ax: Axes, one: AgainstExponent) -> None:
    shown: set[str | None] = set()
    for pair in one.pairs:
        at, y = pair.measured, pair.implied
        if not np.isfinite(y):
            continue
        colour, marker = VERDICTS.get(pair.verdict or "", (GREY, "o"))
        ax.plot(at.raw, y, "o", mfc="none", mec=GREY, ms=4.5, zorder=3)
        ax.errorbar(
            at.corrected, y, xerr=_bars(at.corrected, at.interval),
            yerr=_bars(y, pair.implied_interval), fmt=marker, color=colour, ms=7, capsize=3, lw=1.3,
            mec="white", mew=0.6, zorder=4, label=None if pair.verdict in shown else pair.verdict,
        )  # fmt: skip
        ax.annotate(str(pair.setting.dim), (at.corrected, y), xytext=(6, 5),
                    textcoords="offset points", fontsize=9)  # fmt: skip
        shown.add(pair.verdict)
    whole = [pair for pair in one.pairs if pair.whole]
    ends = [end for p in whole for end in (*p.measured.interval, *p.implied_interval)]
    centres = [value for p in whole for value in (p.measured.corrected, p.implied)]
    high = min(1.1 * max(ends), LONGEST * max(centres)) if whole else 1.0
    span = np.array([0.0, high])
    ax.plot(span, span, "-", color="black", lw=1.3, zorder=2, label="identity")
    if one.line is not None:
        fit = one.line.intercept + one.line.slope * span
        ax.plot(span, fit, ":", color=GREY, lw=1.6, zorder=2,
                label=f"{one.line.intercept:.2f} + {one.line.slope:.2f} × dimension")  # fmt: skip
    ax.set(xlim=(0, high), ylim=(0, high))


def _bars(value: float, ends: tuple[float, float]) -> list[list[float]] | None:
    sides = [[value - ends[0]], [ends[1] - value]]
    return sides if np.isfinite(sides).all() else None


def _by_size(found: list[AgainstExponent]) -> tuple[Figure, str]:
    dims = sorted({pair.setting.dim for one in found for pair in one.pairs})
    colours = dict(zip(dims, shades(len(dims)), strict=True))
    figure, axes = grid(len(found), margin=1.0, height=3.9)
    for ax, one in zip(axes, found, strict=True):
        for pair in one.pairs:
            x = [at.x for at in pair.sizes]
            d, colour = pair.setting.dim, colours[pair.setting.dim]
            ends = np.array([at.interval for at in pair.sizes]).T
            ax.fill_between(x, *ends, color=colour, alpha=0.15, lw=0)
            ax.plot(x, [at.corrected for at in pair.sizes], ".-", color=colour, label=f"d = {d}")
            ax.axhline(d, color=colour, lw=0.7, ls="--")
        ax.set(title=literal(one.label), xlabel=one.symbol, xscale="log",
               ylabel="measured dimension")  # fmt: skip
    axes[-1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8.5)
    return figure, (
        "Measured dimension, corrected, against what is scanned; means over teachers, bands: the "
        "longer of the 95 % interval over teachers and that of the correction. Dashed: d of the "
        "task."
    )


# ---- view ----------------------------------------------------------------------------------------


COLUMNS = ("where", "d", "at", "raw", "dimension", "95 % interval", "implied", "95 % interval",
           "exponent is")  # fmt: skip
BRIEF = (0, 1, 4, 5, 6, 7, 8)


def above(answers: Answers) -> list[TextTable]:
    """One row per place and setting."""
    found = findings_of(answers, "dimensions")
    words = (
        "Dimension measured at the largest x (mean over teachers, corrected) beside the one that "
        "the exponent implies, {}:"
    )
    rows = [_cells(f, pair) for f in found for pair in f.pairs]
    return [TextTable(COLUMNS, rows, words.format(found[0].implied), BRIEF)] if found else []


def _cells(found: AgainstExponent, pair: Pair) -> tuple[str, ...]:
    at = pair.measured
    return (
        found.label, str(pair.setting.dim), f"{found.symbol} = {at.x:g}", f"{at.raw:.2f}",
        f"{at.corrected:.2f}" + (" ?" if at.doubted > 0.5 else ""), interval(at.interval),
        f"{pair.implied:.2f}" if np.isfinite(pair.implied) else "–",
        interval(pair.implied_interval), pair.verdict or "–",
    )  # fmt: skip


def sentences(_: Answer, found: AgainstExponent) -> Iterator[str]:
    """The line and the ratio with their intervals, and where the correction is doubted."""
    line, ratio, what = found.line, found.ratio, found.implied
    if line is None or ratio is None:
        yield f"too few settings have both a dimension and {what} with intervals; no line."
    else:
        yield (
            f"{what} = {line.intercept:.2f} {interval(line.intercept_interval)} + "
            f"{line.slope:.2f} {interval(line.slope_interval)} × dimension, "
            f"and {ratio.value:.2f} {interval(ratio.interval)} times the dimension on the whole "
            "(95 % intervals, errors of both; all points, decided or not)."
        )
    doubted = [str(pair.setting.dim) for pair in found.pairs if pair.measured.doubted > 0.5]
    if doubted:
        yield (
            f"at d = {', '.join(doubted)} most layers resemble none of the manifolds that the "
            "correction was measured on; there read the raw estimate too."
        )


def _rows(f: AgainstExponent) -> Iterator[tuple]:
    """Every setting and x: the dimension; what the exponent implies stands beside it."""
    for pair in f.pairs:
        for at in pair.sizes:
            yield (f.place, f.name, pair.setting.dim, at.x, at.teachers, at.raw, at.corrected,
                   *at.interval, *at.spread, at.doubted, pair.implied, *pair.implied_interval,
                   pair.verdict or "")  # fmt: skip


VIEW = View(
    above=above,
    sentences=sentences,
    figures=joined(
        figure_of("dimensions", "Dimension against exponent", _against_exponent,
                  of=lambda found: found.pairs),
        figure_of("dimensions", "Measured dimension against size", _by_size,
                  name="dimensions-by-size", of=lambda found: found.pairs),
    ),
    files=file_of("dimensions", ("place", "setting", "d", "x", "teachers", "raw", "dimension",
                                 "low", "high", "teachers_low", "teachers_high", "doubted",
                                 "implied", "implied_low", "implied_high", "verdict"), _rows,
                  form=""),
    key="dimensions",
)  # fmt: skip
