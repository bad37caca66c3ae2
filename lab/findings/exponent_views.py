"""Exponents in reports: the table, claims, evidence, files, and the figures of matplotlib.

One row of the table per setting. The figures are the measured exponents beside the predicted ones,
against the dimension or as a list; the losses; and the local exponents. Nothing is computed here.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lab import theory
from lab.findings import exponent_charts, exponents, provenance
from lab.findings.answer import Answer
from lab.findings.drawing import BLUE, GREY, VERDICTS, blank, decades, grid, literal, shades, styled
from lab.findings.expected import TheoryComparison, gap_at_ends
from lab.findings.exponent_result import ExponentResult
from lab.findings.view import (
    Answers,
    Block,
    CaptionedFigure,
    Rows,
    TextTable,
    View,
    agreeing_points,
    alpha,
    figure_parts,
    interval,
    number,
    told_by_panel,
)
from lab.scaling import Exponent
from lab.scaling.judge.verdict import briefly
from lab.scaling.scans.estimate import LAWS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


MEASURED = (
    " Thin lines: what the interval of a measured d makes of the prediction; a verdict holds at "
    "both ends."
)
ASIDE = 1.035
"""Times d, where the way of the local exponent is drawn."""


def exponents_figure(answers: tuple[Answer, ...]) -> tuple[Figure, str]:
    """The measured exponents beside the predicted ones, and the caption: against the dimension, or
    as a list where no question is asked of more than one dimension."""
    if all(len({p.dim for p in answer.points}) < 2 for answer in answers):
        return _list_of_exponents(answers)
    return _against_dimension(answers)


def _list_of_exponents(answers: tuple[Answer, ...]) -> tuple[Figure, str]:
    points = [(answer, p) for answer in answers for p in answer.points]
    rivals = [r.formula for _, p in points for r in p.rivals]
    markers = dict(zip(dict.fromkeys(rivals), "v^<>Dp*", strict=False))
    with styled():
        figure = blank(7.6, 1.5 + 0.42 * len(points))
        ax = figure.subplots()
        for y, (answer, p) in enumerate(points):
            tau = answer.prediction.tolerance
            ax.fill_betweenx([y - 0.32, y + 0.32], p.prediction * (1 - tau),
                             p.prediction * (1 + tau), color="#d9d9d9", lw=0)  # fmt: skip
            ax.plot([p.prediction] * 2, [y - 0.32, y + 0.32], "-", color="black", lw=1.6)
            if p.likely:
                ax.plot([p.likely[0], p.likely[-1]], [y - 0.2] * 2, "-", color="black", lw=0.8)
            for r in p.rivals:
                ax.plot(r.value, y, markers.get(r.formula, "x"), color=GREY, ms=6, zorder=3)
        _measured(ax, [p for _, p in points], [float(y) for y in range(len(points))])
        for formula, marker in markers.items():
            ax.plot([], [], marker, color=GREY, ms=6, label=formula)
        ax.set_yticks(range(len(points)), [
            literal(f"{p.label}   [{answer.prediction.text}]") for answer, p in points
        ])  # fmt: skip
        ax.set_ylim(len(points) - 0.4, -0.6)
        ax.set_xlim(left=0)
        ax.set_xlabel(r"exponent $\alpha$")
        ax.grid(axis="y", visible=False)
        if ax.get_legend_handles_labels()[0]:
            ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=9)
    written = provenance.written([answer.history for answer in answers])
    return figure, (
        "Measured exponents α. Bars: 95 % interval over teachers. Black lines: the predictions, in "
        f"brackets behind the names{written}; grey bands: their "
        "tolerance. Of a lower bound, everything right of the band's left edge agrees. "
        "Marker: verdict."
        + (" Small grey markers: rival exponents." if markers else "")
        + (MEASURED if any(p.likely for _, p in points) else "")
    )


def _against_dimension(answers: tuple[Answer, ...]) -> tuple[Figure, str]:
    parts = figure_parts(answers)
    every = [p for answer in answers for p in answer.points]
    dims = np.array(sorted({p.dim for p in every}), float)
    formulas = dict.fromkeys(r.formula for p in every for r in p.rivals)
    dashes = dict(zip(formulas, itertools.cycle(("--", "-.", ":")), strict=False))
    with styled():
        figure, axes = grid(len(parts), margin=1.2, height=3.9, sharex=True, sharey=True)
        told: set[str] = set()
        for ax, (answer, name, points) in zip(axes, parts, strict=True):
            _prediction(ax, answer, points, dashes)
            _drift(ax, points)
            _measured(ax, points)
            _axis(ax, dims, every)  # the panels share their axes
            _learned(ax, answer, points)
            ax.set_title(literal(name))
            ax.tick_params(labelbottom=True)
            handles, labels = ax.get_legend_handles_labels()
            new = {t: h for t, h in zip(labels, handles, strict=True) if t not in told}
            told |= {*new}
            if new:
                ax.legend(new.values(), new.keys(), loc="best", fontsize=9)
        figure.supxlabel("intrinsic dimension d", fontsize=10.5)
        symbols = dict.fromkeys(answer.study.axis.symbol for answer in answers)
        laws = " or ".join(rf"$L \propto {symbol}^{{-\alpha}}$" for symbol in symbols)
        figure.supylabel(rf"exponent $\alpha$ in {laws}", fontsize=10.5)
    predicted = " or ".join(dict.fromkeys(answer.prediction.text for answer in answers))
    written = provenance.written([answer.history for answer in answers])
    return figure, (
        "Measured exponent α against intrinsic dimension d. Bars: 95 % interval over teachers. "
        f"Black line: the prediction {predicted}{written}; "
        f"grey band: its tolerance; {agreeing_points(answers)} agree. "
        "Marker: verdict. Grey arrows: the local exponent from the smallest to the largest x."
        + " Dashes: α in N and in hidden weights, not corrected for the budget."
        * any(_exponents_by_size(p) for p in every)
        + " Above: the dimension measured at the largest x, mean over teachers, corrected."
        * any(answer.found("dimensions") for answer in answers)
        + " Grey dots: the fitted line α = a + b/d."
        * any(found.line for answer in answers for found in answer.found("lines"))
        + " Blue: rival exponents." * any(a.prediction.rivals for a in answers)
    )


def _exponents_by_size(p: ExponentResult) -> tuple[float, ...]:
    """α in all parameters and in the hidden weights alone."""
    found = p.exponent.by_size if p.exponent else {}
    return tuple(found[share][0] for share in ("N", "hidden") if share in found)


def _drift(ax: Axes, points: list[ExponentResult]) -> None:
    """Beside each marker the way of the local exponent, and α by both counts of size."""
    for p in points:
        if p.exponent is None or len(p.exponent.local) < 2:
            continue
        first, last = p.exponent.local[0].alpha, p.exponent.local[-1].alpha
        aside = p.dim * ASIDE
        ax.plot([aside] * 2, [first, last], "-", color=GREY, lw=0.9, zorder=3)
        ax.plot(aside, last, "v" if last < first else "^", color=GREY, ms=4, zorder=3)
        counted = _exponents_by_size(p)
        ax.plot([p.dim] * len(counted), counted, "_", color="black", ms=9, mew=1, zorder=5)


def _learned(ax: Axes, answer: Answer, points: list[ExponentResult]) -> None:
    """A second axis above: the dimension measured at each d, in the last place after training."""
    settings = {p.setting for p in points}
    found = [one for one in answer.found("dimensions")
             if settings & {pair.setting for pair in one.pairs}
             and not one.place.endswith(".initialisation")]  # fmt: skip
    for one in found[-1:]:
        above = ax.secondary_xaxis("top")
        at = {pair.setting.dim: f"{pair.measured.corrected:.1f}" for pair in one.pairs}
        above.set_xticks([*at], [*at.values()], fontsize=8.5)
        above.set_xlabel(f"dimension of {one.place}", fontsize=8.5)
        above.minorticks_off()


def _prediction(
    ax: Axes, answer: Answer, points: list[ExponentResult], dashes: dict[str, str]
) -> None:
    dims = np.unique([float(p.dim) for p in points])
    claim, text = answer.prediction, answer.prediction.text
    curve = theory.parse(text)
    smooth = set(curve.symbols) <= {"d"} and not any(
        "manifold" in p.setting.varying for p in points
    )
    if smooth and dims.size > 1:
        d = np.geomspace(dims[0], dims[-1], 50)  # an SVG pays for every one
        p = np.array([curve.value({"d": v}) for v in d])
    else:
        order = sorted(points, key=lambda q: q.dim)
        d = np.array([q.dim for q in order], float)
        p = np.array([q.prediction for q in order])
    tau = claim.tolerance
    bound = claim.sense == "bound"
    label = f"{text} (lower bound)" if bound else f"{text}"
    ax.fill_between(d, p * (1 - tau), p * (1 + tau), color="#d9d9d9", lw=0, zorder=1,
                    label=f"tolerance ±{tau:.0%}")  # fmt: skip
    ax.plot(d, p, "_" if dims.size == 1 else "-", color="black", ms=16, mew=1.6, lw=1.6,
            label=label, zorder=2)  # fmt: skip
    _rivals(ax, sorted(points, key=lambda q: q.dim), dashes, but=text)
    pairs = points[0].setting.pairs
    line = next((found.line for found in answer.found("lines") if found.pairs == pairs), None)
    if line is not None:
        ax.plot(d, line.predict(d), ":", color=GREY, lw=1.4, zorder=2,
                label=f"fit: {line.intercept:.2f} + {line.slope:.2f}/d")  # fmt: skip


def _rivals(ax: Axes, points: list[ExponentResult], dashes: dict[str, str], *, but: str) -> None:
    curves: dict[str, list[tuple[float, float]]] = {}
    for p in points:
        for r in p.rivals:
            curves.setdefault(r.formula, []).append((p.dim, r.value))
    for formula, curve in curves.items():
        if formula != but:
            alone = len(curve) == 1
            ax.plot(*zip(*curve, strict=True), color=BLUE, lw=1.2, ls=dashes[formula], zorder=2,
                    marker="_" if alone else None, ms=12, label=f"rival {formula}")  # fmt: skip


def _measured(ax: Axes, points: list[ExponentResult], rows: list[float] | None = None) -> None:
    """Markers with intervals: α upwards over d, or to the right in the given rows."""
    shown = set()
    for i, p in enumerate(points):
        if p.exponent is None or not np.isfinite(p.exponent.alpha):
            continue
        assert p.verdict  # something is claimed
        colour, marker = VERDICTS[p.verdict]
        alpha, (lo, hi) = p.exponent.alpha, p.exponent.interval
        sides = [[alpha - lo], [hi - alpha]]
        bars = sides if np.isfinite(sides).all() else None
        label = None if p.verdict in shown else p.verdict
        shown.add(p.verdict)
        x, y = (alpha, rows[i]) if rows else (p.dim, alpha)
        ax.errorbar(x, y, xerr=bars if rows else None, yerr=None if rows else bars, fmt=marker,
                    color=colour, ms=7, capsize=4, lw=1.5, mec="white", mew=0.6, label=label,
                    zorder=4)  # fmt: skip


def _axis(ax: Axes, dims: np.ndarray, points: Sequence[ExponentResult]) -> None:
    """Logarithmic axes, on which every exponent ∝ 1/d is a straight line."""
    from matplotlib.ticker import FixedLocator, MaxNLocator, NullFormatter, ScalarFormatter

    ax.set(xscale="log", yscale="log")
    ax.xaxis.set_major_locator(FixedLocator(dims.tolist()))
    values = [v for p in points if p.exponent for v in p.exponent.interval]
    values += [p.prediction for p in points]
    values = [v for v in values if np.isfinite(v) and v > 0]
    if values:
        low, high = 0.85 * min(values), 1.25 * max(values)
        round_ones = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 4, 6, 8, 12)
        ticks: Sequence[float] = [t for t in round_ones if low <= t <= high]
        if len(ticks) < 3:
            ticks = MaxNLocator(4).tick_values(low, high)
        ax.set_ylim(low, high)
        ax.yaxis.set_major_locator(FixedLocator(ticks))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(ScalarFormatter())
        axis.set_minor_formatter(NullFormatter())
    ax.minorticks_off()


# ---- losses, and local exponents: one panel per answer and setting besides d ---------------------


def losses(answers: tuple[Answer, ...]) -> tuple[Figure, str]:
    """Loss against x, one colour per d, one panel per answer and setting; and its caption."""
    parts = figure_parts(answers)
    dims = sorted({p.dim for answer in answers for p in answer.points})
    shade = dict(zip(dims, shades(len(dims)), strict=True))
    alike = len(answers) == 1
    with styled():
        figure, axes = grid(len(parts), margin=1.9, height=4.0, sharex=alike, sharey=alike)
        for ax, (answer, name, points) in zip(axes, parts, strict=True):
            theory = {found.setting: found for found in answer.found("expected")}
            for p in points:
                _scan(ax, p, theory.get(p.setting), shade[p.dim])
            ax.set(xscale="log", yscale="log")
            decades(ax)
            ax.tick_params(labelbottom=True)
            ax.set_title(literal(name))
            handles, labels = ax.get_legend_handles_labels()
            ax.legend(handles, labels, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=9,
                      title=answer.study.task.name + r", $\alpha$ [95 %]" * answer.predicts,
                      title_fontsize=9)  # fmt: skip
            if not alike:
                ax.set_xlabel(answer.study.axis.words)
                ax.set_ylabel(answer.study.ordinate.label)
        if alike:
            figure.supxlabel(answers[0].study.axis.words, fontsize=10.5)
            figure.supylabel(answers[0].study.ordinate.label, fontsize=10.5)
    laws = dict.fromkeys(LAWS[answer.study.law] for answer in answers if answer.predicts)
    ordinates = dict.fromkeys(answer.study.ordinate.label for answer in answers)
    return figure, (
        f"{'; '.join(ordinates).capitalize()} to the loss of the constant student. Large markers: "
        "geometric mean over teachers; bars: its standard error over teachers; small dots: single "
        "teachers."
        + (
            f" Lines: fitted {' or '.join(laws)}, geometric mean over teachers; the legend gives α "
            "over the range with its 95 % interval; a bent curve has no line, and its local "
            "exponents at both ends."
            if laws
            else ""
        )
        + (
            " Dashed: the expected loss, from theory, a mean: above the geometric mean where "
            "losses scatter; of networks and ridges a reference."
            if any(answer.found("expected") for answer in answers)
            else ""
        )
    )


def _scan(ax: Axes, p: ExponentResult, theory: TheoryComparison | None, colour: Any) -> None:
    if p.exponent is None:
        return
    rows = np.array(p.fitted.rows)
    e = p.exponent
    ax.plot(rows[:, 0], rows[:, 1], ".", color=colour, ms=3, alpha=0.35, zorder=1,
            rasterized=True)  # an SVG of thousands of dots is a burden  # fmt: skip
    cells: dict[tuple[float, float], list[float]] = {}
    for x, loss, k, _ in p.fitted.rows:
        cells.setdefault((x, k), []).append(np.log(loss))
    logs = [np.array([np.mean(v) for (xx, _), v in cells.items() if xx == x]) for x in e.x]
    error = np.array([v.std(ddof=1) / np.sqrt(v.size) if v.size > 1 else 0.0 for v in logs])
    mean = np.exp([v.mean() for v in logs])
    sides = [mean - mean * np.exp(-error), mean * np.exp(error) - mean]
    named = p.setting.dimension if p.claim is None else None
    ax.errorbar(e.x, mean, sides, fmt="o", color=colour, ms=5.5, lw=1, zorder=3, label=named)
    if theory:
        expected = {v.x: v.value for v in theory.at}
        ax.plot(e.x, [expected.get(x, np.nan) for x in e.x], "--", color="black", lw=1.1, zorder=4)
    if p.claim is None:  # no law is drawn of which nothing is claimed
        return
    label = p.setting.dimension + (f":  {quoted(e)}" if np.isfinite(e.alpha) else "")
    dense = np.geomspace(e.x[0], e.x[-1], 200)  # matplotlib leaves out what is straight
    drawn = e.curves is not None and e.ends is None  # no law through a curve that is bent
    y = e.predict(dense) if drawn else np.full(dense.size, np.nan)
    ax.plot(dense, y, "-", color=colour, lw=1.6, zorder=2, label=label)


def quoted(e: Exponent) -> str:
    """α with its interval, and of a bent curve its local exponents at both ends."""
    number, _, ends = alpha(e).partition(",")
    return f"{number} {interval(e.interval)}" + (f",{ends}" if ends else "")


def local_exponents(answers: tuple[Answer, ...]) -> tuple[Figure, str]:
    """Local exponents against x, one colour per d, one panel per answer and setting."""
    parts = figure_parts(answers)
    dims = sorted({p.dim for answer in answers for p in answer.points})
    shade = dict(zip(dims, shades(len(dims)), strict=True))
    with styled():
        figure, axes = grid(len(parts), margin=1.2, height=3.6)
        for ax, (answer, name, points) in zip(axes, parts, strict=True):
            for i, p in enumerate(points):
                if p.exponent is None or not p.exponent.local:
                    continue
                x, local, lo, hi = np.array(p.exponent.local).T
                x = x * 1.03 ** (i - len(points) / 2)  # side by side
                bars = np.nan_to_num([local - lo, hi - local])
                ax.errorbar(x, local, bars, fmt="o-", color=shade[p.dim], ms=4, lw=1, capsize=2,
                            label=p.setting.dimension)  # fmt: skip
                ax.axhline(p.prediction, color=shade[p.dim], lw=1, ls=":")
            ax.set(xscale="log", xlabel=answer.study.axis.words, ylabel="local exponent")
            tops = [at.alpha for p in points if p.exponent for at in p.exponent.local]
            if tops:
                low, high = min(0.0, *tops), max(tops)
                ax.set_ylim(1.1 * low, 1.4 * high)
            decades(ax)
            ax.set_title(literal(name))
            if ax.get_legend_handles_labels()[0]:
                ax.legend(fontsize=9, ncols=2)
    return figure, (
        "Local exponents: slopes between neighbouring x, means over teachers; bars: 95 % intervals "
        "(points of one d are shifted a little to the side). Dotted: the predictions. A power law "
        "is a level row."
    )


# ---- table and words -----------------------------------------------------------------------------


HEAD = ("d", "prediction", "α", "95 % interval", "verdict", "relation", "doubts", "teachers",
        "runs", "x", "α in N", "α in hidden", "forecast", "Δα training")  # fmt: skip
BRIEF = 7
"""Columns that a terminal shows, and the rivals; the report has the others."""
MOST = 5
"""Columns that a narrow terminal shows."""
LEGEND = (
    "α: exponent over the measured range, mean over teachers; of a curve that is bent also its "
    "local exponents from the smallest to the largest x. Interval: 95 %, Student's t over teachers "
    "with the noise that they have in common. α in N, α in hidden: by all parameters, and by the "
    "weights between hidden layers. "
    "Forecast: error in log loss of the law of the smaller x about the two largest, ± 95 %. "
    "x: smallest and largest of the scan; gap: measured loss / reference at both. table.csv has "
    "every run and what was fitted of it."
)
SLOWER = "slower"
VARIED = {
    "rate": "the rate",
    "weights": "the variance of the first weights",
    SLOWER: "the steps at 1/{:g} of the rate",
}
"""The settings that checks of a scan multiply by a factor."""
FATE = {True: "survives", False: "excluded", None: "undecided"}


def above(answers: Answers) -> list[Block]:
    """The question, the data, the table with its legend, and the runs that were repeated."""
    fitted = [answer for answer in answers if answer.points]
    claimed = tuple(answer for answer in fitted if answer.predicts)
    shown: list[Block] = [table(claimed), LEGEND] if claimed or not fitted else []
    data = dict.fromkeys(paragraph for answer in fitted for paragraph in _data(answer))
    return [
        *told_by_panel((answer, _asked(answer)) for answer in fitted), *data, *shown,
        *told_by_panel((answer, _evidence(answer)) for answer in fitted), *_varied(fitted),
    ]  # fmt: skip


def table(answers: Answers) -> TextTable:
    """One row per point; gaps to a reference and rivals have a column where the study has any."""
    points = [(answer, p) for answer in answers for p in answer.points]
    more = {"gap": [gap_at_ends(answer, p.setting) for answer, p in points],
            "rivals": [_survivors(p) for _, p in points]}  # fmt: skip
    more = {name: cells for name, cells in more.items() if any(cells)}
    rows = [(*_cells(*point), *row) for point, *row in zip(points, *more.values(), strict=True)]
    shown = (*range(BRIEF), *range(len(HEAD), len(HEAD) + len(more)))
    return TextTable((*HEAD, *more), rows, shown=shown, most=MOST)


def _cells(answer: Answer, p: ExponentResult) -> tuple[str, ...]:
    e, c = p.exponent, p.evidence.convergence
    name = ", ".join(filter(None, [str(p.dim), p.setting.name]))
    x = sorted({row[0] for row in p.fitted.rows})
    by_size = e.by_size if e else {}
    return (
        name,
        _predicted(answer, p),
        alpha(e) if e else "–",
        interval(e.interval) if e else "–",
        p.verdict or "–",
        (e.relation if e else None) or "–",
        briefly(p.doubts),
        str(p.fitted.teachers),
        str(p.runs.done),
        f"{answer.study.axis.symbol} {x[0]:.0f}–{x[-1]:.0f}" if x else "–",
        *(_counted(by_size[s]) if s in by_size else "–" for s in ("N", "hidden")),
        _forecast(e) if e and e.forecast else "–",
        f"{c.correction.alpha:+.2f} ± {2 * c.correction.error:.2f}" if c else "–",
    )


def _survivors(p: ExponentResult) -> str:
    return "; ".join(f"{r.formula} = {r.value:.3g} {FATE[r.survives]}" for r in p.rivals)


def _predicted(answer: Answer, p: ExponentResult) -> str:
    """The prediction, with its interval where d is measured."""
    ends = f" {interval((p.likely[0], p.likely[-1]))}" if p.likely else ""
    return f"{answer.prediction.text} = {p.prediction:.3g}{ends}"


def _counted(value: tuple[float, tuple[float, float]]) -> str:
    alpha, (lo, hi) = value
    return f"{number(alpha)} ± {number((hi - lo) / 2)}"


def _forecast(e: Exponent) -> str:
    assert e.forecast
    error, (_, hi) = e.forecast
    return f"{error:+.2f} ± {number(hi - error)}"


def _asked(answer: Answer) -> str:
    """The claims, and the law that is fitted."""
    study = answer.study
    claims = [
        f"{provenance.claim_text(history.now)}{provenance.written([history])}"
        for history in answer.histories
    ]
    text = (
        f"Regime {study.regime}; prediction{'s' * (len(claims) > 1)} {'; '.join(claims)}."
        + f" Fitted: a {LAWS[study.law]} to {study.ordinate.words}." * answer.predicts
    )
    if answer.predicts and answer.prediction.rivals:
        within = f"{answer.prediction.tolerance:.0%}"
        text += (
            f" A rival survives if the interval meets it within {within}; it "
            "is undecided if a doubt could explain that it does not."
        )
    return " ".join(filter(None, [text, provenance.changes(answer.histories)]))


def _data(answer: Answer) -> tuple[str, ...]:
    """The source of data that somebody brought, and the units that stand for teachers."""
    return exponents.pool_paragraphs([p.run for p in answer.study.plan if p.role == "scan"])


def _evidence(answer: Answer) -> str:
    """The runs that were repeated with other budgets, and the meaning of their columns."""
    study = answer.study
    if not study.trained or answer.record.lacking:
        return ""
    if not study.checked:
        return "No scan was trained again with another budget: nothing shows that the students " \
               "have converged."  # fmt: skip
    budgets = " and ".join(f"{b:g}" for b in study.budgets)
    kinds = {v.kind for p in answer.points for v in p.evidence.variations}
    return (
        f"Δα training: what unlimited training would add to α, with its 95 % error, from the scans "
        f"of {len(study.checked)} of {study.task.count} teachers at {budgets} times the "
        "steps; a reading of its own, which a verdict asks beside α as trained."
        + " More steps at a lower rate were not tried here." * (SLOWER not in kinds)
        + " Rate and first weights were not varied here." * (kinds <= {SLOWER})
    )


def _varied(answers: Sequence[Answer]) -> Iterator[str]:
    """Other repetitions, and the change of α by each, point by point."""
    found: dict[str, list[str]] = {}
    for p in (p for answer in answers for p in answer.points):
        for v in p.evidence.variations:
            what = f"{v.factor:g} times {VARIED[v.kind].format(v.factor)}"
            change = f"{v.alpha:+.2f} ± {2 * v.error:.2f} at {p.label}"
            found.setdefault(what, []).append(change)
    for what, changes in sorted(found.items()):
        yield f"{what} changes α of one teacher by {'; '.join(changes)}."


def sentences(_: Answer, p: ExponentResult) -> Iterator[str]:
    """Premises, budgets that were raised, what would decide the point, and its arithmetic."""
    yield from p.evidence.premises if p.claim else ()
    if p.runs.budget > 1:
        yield (f"the budget was raised up to {p.runs.budget:g} times the steps, at "
               f"1/{p.runs.budget:g} of the rate.")  # fmt: skip
    if p.exponent and p.exponent.ends:
        yield _bent(p.exponent)
    if p.exponent and p.exponent.limit:
        yield (f"α in the limit, given ω = {p.exponent.limit.omega:g}: {p.exponent.limit}, "
               f"{interval(p.exponent.limit.interval)}.")  # fmt: skip
    if p.advice:
        yield p.advice
    if p.runs.conditioning:
        condition, jitter = p.runs.conditioning
        rest = f"jitter up to {jitter:.0e} of the diagonal." if jitter else "no jitter."
        yield f"condition number at most {condition:.1g}, {rest}"


def _bent(e: Exponent) -> str:
    assert e.ends
    first, last = e.ends
    return (f"over this range α is {number(e.alpha)} {interval(e.interval)}; the local exponent "
            f"{e.shape.direction} from {number(first.alpha)} {interval((first.lo, first.hi))} to "
            f"{number(last.alpha)} {interval((last.lo, last.hi))}: no one power law.")  # fmt: skip


def figures(answers: Answers) -> list[CaptionedFigure]:
    """Measured beside predicted, the losses, and the local exponents."""

    fitted = tuple(answer for answer in answers if answer.points)
    claimed = tuple(answer for answer in fitted if answer.predicts)
    drawn = (
        ("exponents", "Measured and predicted exponents", exponents_figure, claimed),
        ("losses", "Loss curves", losses, fitted),
        ("local", "Local exponents", local_exponents, claimed),
    )
    return [CaptionedFigure(name, title, *draw(some)) for name, title, draw, some in drawn if some]


def files(answers: Answers) -> dict[str, Rows]:
    """The exponents; every value that was fitted is in the table of runs."""
    points = [p for answer in answers for p in answer.points]
    return {
        "exponents.csv": Rows(
            ("dim", "setting", "prediction", "alpha", "lo", "hi", "verdict", "relation", "doubts",
             "teachers", "runs", "diverged", "failed"),
            [_row(p) for p in points],
        ),
    }  # fmt: skip


def _row(p: ExponentResult) -> tuple[object, ...]:
    e = p.exponent
    numbers = (e.alpha, *e.interval) if e else (math.nan,) * 3
    asked = p.prediction if p.claim else ""
    return (p.dim, provenance.setting_json(p.setting), asked, *(f"{v:.6g}" for v in numbers),
            p.verdict or "", (e.relation or "") if e else "", " ".join(p.doubts),
            p.fitted.teachers, p.runs.done,
            p.runs.diverged, p.runs.failed)  # fmt: skip


VIEW = View(
    above=above,
    sentences=sentences,
    figures=figures,
    files=files,
    details=ExponentResult.details,
    page=exponent_charts.sections,
    measured=exponent_charts.measured,
    advice=exponent_charts.advice,
)
