"""Measured exponents beside predicted ones: against the dimension, or as a list.

Answers in, a matplotlib `Figure` and its caption out, which says what bars and bands are. Nothing
is computed here.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lab import theory
from lab.findings import provenance_text
from lab.findings.answer import Answer
from lab.findings.exponent_result import ExponentResult
from lab.findings.style import BLUE, GREY, VERDICTS, blank, grid, literal, styled
from lab.findings.view import agreeing_points, figure_parts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MEASURED = (
    " Thin lines: what the interval of a measured d makes of the prediction; a verdict holds at "
    "both ends."
)
ASIDE = 1.035
"""Times d, where the way of the local exponent is drawn."""


def exponents(answers: tuple[Answer, ...]) -> tuple[Figure, str]:
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
    return figure, (
        "Measured exponents α. Bars: 95 % interval over teachers. Black lines: the predictions, in "
        f"brackets behind the names{provenance_text.written(answers)}; grey bands: their "
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
    return figure, (
        "Measured exponent α against intrinsic dimension d. Bars: 95 % interval over teachers. "
        f"Black line: the prediction {predicted}{provenance_text.written(answers)}; "
        f"grey band: its tolerance; {agreeing_points(answers)} agree. "
        "Marker: verdict. Grey arrows: the local exponent from the smallest to the largest x."
        + " Dashes: α in N and in hidden weights, not corrected for the budget."
        * any(_counted(p) for p in every)
        + " Above: the dimension measured at the largest x, mean over teachers, corrected."
        * any(answer.found("dimensions") for answer in answers)
        + " Grey dots: the fitted line α = a + b/d."
        * any(found.line for answer in answers for found in answer.found("lines"))
        + " Blue: rival exponents." * any(a.prediction.rivals for a in answers)
    )


def _counted(p: ExponentResult) -> tuple[float, ...]:
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
        counted = _counted(p)
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
