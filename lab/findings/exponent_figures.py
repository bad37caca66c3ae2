"""Figures of exponents: beside their predictions, the losses, local exponents, and training.

A panel per answer and setting besides d, one colour per d; where no question is asked of more than
one dimension, a list. A small dot of the losses is a run and carries its name; of very many every
nth is drawn. Nothing is computed here but where a mark stands.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lab import theory
from lab.findings import provenance
from lab.findings.answer import Answer
from lab.findings.drawing import (
    BAND,
    BLUE,
    GREY,
    VERDICTS,
    blank,
    by_dimension,
    decades,
    end_labels,
    grid,
    literal,
    runs,
    shades,
    styled,
    told,
)
from lab.findings.expected import TheoryComparison
from lab.findings.exponent_result import ExponentResult
from lab.findings.run_lists import most_dots, names, thinned
from lab.findings.view import (
    Answers,
    CaptionedFigure,
    Rows,
    agreeing_points,
    alpha,
    figure_parts,
    interval,
)
from lab.scaling.judge.exponent import Exponent
from lab.scaling.scans.estimate import LAWS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


MOST_PANELS = 12
"""Panels against the dimension; of more settings than that, a list."""

MEASURED = (
    " Thin lines: what the interval of a measured d makes of the prediction; a verdict holds at "
    "both ends."
)
ASIDE = 1.035
"""Times d, where the way of the local exponent is drawn."""


def exponents_figure(answers: tuple[Answer, ...]) -> tuple[Figure, str]:
    """The measured exponents beside the predicted ones, and the caption: against the dimension, or
    as a list where no question is asked of more than one dimension."""
    parts = figure_parts(answers)
    if len(parts) <= MOST_PANELS and any(len({p.dim for p in part}) > 1 for *_, part in parts):
        return _against_dimension(answers)
    return listed([(p.label, answer, p) for answer in answers for p in answer.points])


def measured(p: ExponentResult) -> str:
    """α with its interval beside what was predicted."""
    predicted = f", {p.prediction:.3g} predicted" if p.claim else ""
    if p.exponent is None or not math.isfinite(p.exponent.alpha):
        return f"nothing measured yet{predicted}"
    return f"α = {alpha(p.exponent)} {interval(p.exponent.interval)}{predicted}"


def spoken(points: Iterable[tuple[str, ExponentResult]]) -> str:
    """Named exponents in words."""
    return "; ".join(", ".join(filter(None, (f"{name}: {measured(p)}", p.verdict)))
                     for name, p in points)  # fmt: skip


def listed(rows: Sequence[tuple[str, Answer, ExponentResult]]) -> tuple[Figure, str]:
    """Named rows on one axis of α, and the caption."""
    points = [p for _, _, p in rows]
    rivals = [r.formula for p in points for r in p.rivals if r.value != p.prediction]
    markers = dict(zip(dict.fromkeys(rivals), "v^<>Dp*", strict=False))
    small = len(points) > 14
    with styled():
        figure = blank(7.6, 1.3 + (0.24 if small else 0.42) * len(points))
        ax = figure.subplots()
        for y, (_, answer, p) in enumerate(rows):
            tau = answer.prediction.tolerance
            ax.fill_betweenx([y - 0.32, y + 0.32], p.prediction * (1 - tau),
                             p.prediction * (1 + tau), color=BAND, lw=0)  # fmt: skip
            ax.plot([p.prediction] * 2, [y - 0.32, y + 0.32], "-", color="black", lw=1.6)
            if p.likely:
                ax.plot([p.likely[0], p.likely[-1]], [y - 0.2] * 2, "-", color="black", lw=0.8)
            for r in p.rivals:
                if r.value != p.prediction:
                    (mark,) = ax.plot(r.value, y, markers[r.formula], color=GREY, ms=6, zorder=3)
                    told(mark, f"{r.formula} = {r.value:.3g}")
        far = 3 * max(p.prediction for p in points)
        _measured(ax, points, [float(y) for y in range(len(points))])
        for formula, marker in markers.items():
            ax.plot([], [], marker, color=GREY, ms=6, label=formula)
        ax.set_yticks(range(len(points)), [
            literal(f"{name}   [{answer.prediction.text}]") for name, answer, p in rows
        ], fontsize=8 if small else 10)  # fmt: skip
        ax.set_ylim(len(points) - 0.4, -0.6)
        low, high = ax.get_xlim()
        ax.set_xlim(min(0.0, max(low, -far)), min(high, far))  # one wild interval hides all
        ax.set_xlabel(r"exponent $\alpha$")
        ax.grid(axis="y", visible=False)
        if ax.get_legend_handles_labels()[0]:
            ax.legend(loc="best", fontsize=9)
    written = provenance.written([answer.history for _, answer, _ in rows])
    return figure, (
        "Measured exponents α. Bars: 95 % interval over teachers. Black lines: the predictions, in "
        f"brackets behind the names{written}; grey bands: their "
        "tolerance. Of a lower bound, everything right of the band's left edge agrees. "
        "Marker: verdict."
        + (f" Small grey markers: rivals ({', '.join(markers)})." if markers else "")
        + (MEASURED if any(p.likely for p in points) else "")
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
    ax.fill_between(d, p * (1 - tau), p * (1 + tau), color=BAND, lw=0, zorder=1,
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
        value, (lo, hi) = p.exponent.alpha, p.exponent.interval
        sides = [[value - lo], [hi - value]]
        bars = sides if np.isfinite(sides).all() else None
        label = None if p.verdict in shown else p.verdict
        shown.add(p.verdict)
        x, y = (value, rows[i]) if rows else (p.dim, value)
        drawn = ax.errorbar(x, y, xerr=bars if rows else None, yerr=None if rows else bars,
                            fmt=marker, color=colour, ms=7, capsize=4, lw=1.5, mec="white",
                            mew=0.6, label=label, zorder=4)  # fmt: skip
        told(drawn.lines[0], f"{p.label}: {measured(p)}, {p.verdict}")


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
    most = most_dots(answers)
    with styled():
        figure, axes = grid(len(parts), margin=1.4, height=4.0, sharex=alike, sharey=alike)
        for ax, (answer, name, points) in zip(axes, parts, strict=True):
            theory = {found.setting: found for found in answer.found("expected")}
            named = {record.setting: names(record) for record in answer.found("records")}
            for p in points:
                _dots(ax, p, named.get(p.setting, {}), most, shade[p.dim])
                _scan(ax, p, theory.get(p.setting), shade[p.dim])
            ax.set(xscale="log", yscale="log")
            decades(ax)
            ax.tick_params(labelbottom=True)
            ax.set_title(literal(name))
            if not alike:
                ax.set_xlabel(answer.study.axis.words)
                ax.set_ylabel(answer.study.ordinate.label)
        if alike:
            figure.supxlabel(answers[0].study.axis.words, fontsize=10.5)
            figure.supylabel(answers[0].study.ordinate.label, fontsize=10.5)
        for ax, (answer, _, points) in zip(axes, parts, strict=True):
            end_labels(ax, [end for p in points if (end := _end(p, shade[p.dim]))],
                       answer.study.task.name + r", $\alpha$ [95 %]" * answer.predicts)  # fmt: skip
    laws = dict.fromkeys(LAWS[answer.study.law] for answer in answers if answer.predicts)
    ordinates = dict.fromkeys(answer.study.ordinate.label for answer in answers)
    return figure, (
        f"{'; '.join(ordinates).capitalize()} to the loss of the constant student. Large markers: "
        "geometric mean over teachers; bars: its standard error over teachers; small dots: single "
        "runs, or a part of very many."
        + (
            f" Lines: fitted {' or '.join(laws)}, geometric mean over teachers; beside them stands "
            "α over the range with its 95 % interval; a bent curve has no line, and its local "
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


def _dots(ax: Axes, p: ExponentResult, named: Mapping[tuple, str], most: int, colour: Any) -> None:
    """Single runs with their names."""
    rows = [row for row in thinned(p.fitted.rows, most) if row[1] > 0]
    if rows:
        x, loss, *_ = zip(*rows, strict=True)
        (dots,) = ax.plot(x, loss, "o", color=colour, ms=2.6, mew=0, alpha=0.4, zorder=1)
        runs(dots, [named.get((x, k, s), "") for x, _, k, s in rows])


def _means(p: ExponentResult) -> dict[float, tuple[float, float, int]]:
    """By x, the mean over teachers of the log of what is fitted (over seeds first), its standard
    error and their number."""
    cells: dict[float, dict[int, list[float]]] = {}
    for x, loss, k, _ in p.fitted.rows:
        cells.setdefault(x, {}).setdefault(k, []).append(math.log(loss))
    found = {}
    for x in sorted(cells):
        at = np.array([np.mean(logs) for logs in cells[x].values()])
        error = float(at.std(ddof=1)) / math.sqrt(at.size) if at.size > 1 else 0.0
        found[x] = (float(at.mean()), error, at.size)
    return found


def _loss_rows(answers: Answers) -> Rows:
    """The means at every x; factor: e to the standard error of the mean log."""

    def told() -> Iterator[tuple]:
        for p in (p for answer in answers for p in answer.points):
            drawn = p.exponent is not None and p.exponent.curves is not None
            for x, (mean, error, teachers) in _means(p).items():
                fit = float(p.exponent.predict([x])[0]) if drawn and p.exponent else math.nan
                yield (p.label, f"{x:g}", f"{math.exp(mean):.5g}", f"{math.exp(error):.4f}",
                       f"{fit:.5g}", teachers)  # fmt: skip

    return Rows(("setting", "x", "mean", "factor", "fit", "teachers"), [*told()])


def _scan(ax: Axes, p: ExponentResult, theory: TheoryComparison | None, colour: Any) -> None:
    if p.exponent is None:
        return
    e = p.exponent
    means = _means(p)
    log, error, _ = (np.array(v) for v in zip(*(means[x] for x in e.x.tolist()), strict=True))
    mean = np.exp(log)
    sides = [mean - mean * np.exp(-error), mean * np.exp(error) - mean]
    ax.errorbar(e.x, mean, sides, fmt="o", color=colour, ms=5, lw=1, zorder=3)
    if theory:
        expected = {v.x: v.value for v in theory.at}
        ax.plot(e.x, [expected.get(x, np.nan) for x in e.x], "--", color="black", lw=1.1, zorder=4)
    if p.claim is None:  # no law is drawn of which nothing is claimed
        return
    dense = np.geomspace(e.x[0], e.x[-1], 200)  # matplotlib leaves out what is straight
    if e.curves is not None and e.ends is None:  # no law through a curve that is bent
        ax.plot(dense, e.predict(dense), "-", color=colour, lw=1.6, zorder=2)


def _end(p: ExponentResult, colour: Any) -> tuple[float, str, Any] | None:
    """End of the losses of a setting, and the label there."""
    if p.exponent is None:
        return None
    claimed = p.claim is not None and np.isfinite(p.exponent.alpha)
    words = p.setting.dimension + (f":  {quoted(p.exponent)}" if claimed else "")
    return math.exp(_means(p)[float(p.exponent.x[-1])][0]), words, colour


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
                drawn = ax.errorbar(x, local, bars, fmt="o-", color=shade[p.dim], ms=4, lw=1,
                                    capsize=2, label=p.setting.dimension)  # fmt: skip
                told(drawn.lines[0], f"{p.label}: {measured(p)}")
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


# ---- what more training changes -----------------------------------------------------------------


def training_changes(answers: Answers) -> list[CaptionedFigure]:
    """The effect of other budgets, loss by loss; none where no scan was trained again."""
    panels: dict[str, list[tuple[Any, str, Any]]] = {}
    rows: list[tuple] = []
    said = []
    for _, name, points in figure_parts(answers):
        for p in points:
            found = p.evidence.convergence
            if found is None:
                continue
            c = found.correction
            text = f"Δα = {c.alpha:+.2f} ± {2 * c.error:.2f}"
            said.append(f"{p.label}: {text}")
            label = f"{p.setting.dimension}: {text}"
            panels.setdefault(name, []).append((p.dim, label, (p, found)))
            rows += [(p.label, f"{factor:g}", f"{x:g}", k, f"{100 * v:.4g}")
                     for factor, change in sorted(found.by_budget.items())
                     for x, k, v in zip(change.x.tolist(), change.teacher.tolist(),
                                        change.change.tolist(), strict=True)]  # fmt: skip
    if not rows:
        return []
    words = " or ".join(dict.fromkeys(answer.study.axis.words for answer in answers))
    figure = by_dimension(panels, _draw_change, height=3.4, xscale="log", xlabel=words,
                          ylabel="change of log loss per doubling, %")  # fmt: skip
    return [CaptionedFigure(
        "convergence", "What more training changes", figure,
        "Change of the log loss per doubling of the steps, means over the teachers whose scans "
        "were trained again with more steps (solid) and fewer (dotted); bars: standard errors. "
        "Students that have converged lie on zero. Δα: what unlimited training would add to α, "
        "with its 95 % error; it is in α and its interval already.",
        f"What other budgets changed. {'; '.join(said)}.",
        Rows(("setting", "budget", "x", "teacher", "change per doubling, %"), rows),
    )]  # fmt: skip


def _draw_change(ax: Axes, value: Any, colour: Any, label: str) -> None:
    p, found = value
    ax.axhline(0, color="black", lw=0.8)
    for factor, change in sorted(found.by_budget.items()):
        x, where = np.unique(change.x, return_inverse=True)
        by_x = [100 * change.change[where == i] for i in range(x.size)]
        error = [v.std(ddof=1) / math.sqrt(v.size) if v.size > 1 else 0.0 for v in by_x]
        line = ax.errorbar(x, [v.mean() for v in by_x], error, fmt="o-" if factor > 1 else "o:",
                           color=colour, ms=3.5, lw=1,
                           label=label if factor == max(found.by_budget) else None)  # fmt: skip
        told(line.lines[0], f"{p.label}: {factor:g} times the steps")


def figures(answers: Answers) -> list[CaptionedFigure]:
    """Measured beside predicted, the losses, and what stands behind them."""
    fitted = tuple(answer for answer in answers if answer.points)
    claimed = tuple(answer for answer in fitted if answer.predicts)
    if not fitted:
        return []
    every = spoken((p.label, p) for answer in fitted for p in answer.points)
    found: list[CaptionedFigure] = []
    if claimed:
        asked = spoken((p.label, p) for answer in claimed for p in answer.points)
        title = "Measured and predicted exponents"
        found.append(CaptionedFigure("exponents", title, *exponents_figure(claimed),
                                     f"{title}. {asked}.", lead=True))  # fmt: skip
    found.append(CaptionedFigure("losses", "Loss curves", *losses(fitted),
                                 f"Losses. {every}.", _loss_rows(fitted)))  # fmt: skip
    if claimed:
        found.append(
            CaptionedFigure(
                "local",
                "Local exponents",
                *local_exponents(claimed),
                f"Local exponents. {asked}.",
                _local_rows(claimed),
            )
        )
    return [*found, *training_changes(fitted)]


def _local_rows(answers: Answers) -> Rows:
    return Rows(("setting", "x", "local exponent", "lo", "hi"), [
        (p.label, *(f"{v:.5g}" for v in (at.x, at.alpha, at.lo, at.hi)))
        for answer in answers for p in answer.points if p.exponent for at in p.exponent.local
    ])  # fmt: skip
