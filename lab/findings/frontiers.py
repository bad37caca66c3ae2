"""The compute frontier of every setting of a study, by every estimator, and the claims about it.

**Units** are the teachers, or the seeds where there is one teacher. The estimate is that of the
geometric mean of their curves, so that no unit has to have a frontier of its own; its interval is
Student's of the jackknife, at most GROUPS groups of units left out in turn, and of one unit that of
the estimator's lines. Which sizes lie on a hull is no smooth function of the curves, for which
leaving out single units is too long and groups are not (Shao & Wu 1989). Only units with every size
enter.

**Verdicts.** A claim about ξ or η agrees if the intervals of both the envelope and the isoFLOP
minima lie inside of the tolerance, and is contradicted if both lie outside: two readings of the
same curves. The excess is read from the envelope alone, for that of isoFLOP minima is up to .15 of
itself high where sizes are a factor 2 apart. The additive law is told and has no say: it is a
`misfit` on exact models.

Known bias: the jackknife has none of the bias that all units share, such as that of finite sizes;
see `lab.scaling.frontier` and the models.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.findings.answer import NOTHING, Judgement, inside
from lab.findings.drawing import BLUE, GREY, ORANGE, VERMILLION, blank, literal, shades, styled
from lab.findings.study_results import ClaimedFinding, Setting, SettingRuns, StudyResults
from lab.findings.view import Answers, CaptionedFigure, Rows, TextTable, View, findings_of
from lab.regimes.regime import Regime
from lab.scaling.frontier import (
    FRONTIER_STATUS,
    METHODS,
    Frontier,
    FrontierError,
    FrontierValue,
    frontier,
)
from lab.scaling.judge.verdict import UNDECIDED, Doubt
from lab.scaling.scans.lines import student_quantile
from lab.scaling.scans.scan import Interval
from lab.tables.prediction import Claim

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lab.findings.answer import Answer


QUANTITIES = ("xi", "eta", "excess")
DECIDING = {"xi": ("envelope", "isoflop"), "eta": ("envelope", "isoflop"), "excess": ("envelope",)}
"""The estimators whose intervals a claim is judged by."""
GROUPS = 12
"""Groups of a jackknife."""
Columns = Mapping[str, np.ndarray]
"""N, S, loss and C, one entry an observation, and the unit that it is of."""


@dataclass(frozen=True)
class Estimated:
    """Result of one estimator: its frontier with the intervals over units, or why it refuses."""

    frontier: Frontier | None
    refused: str = ""

    def plain(self) -> dict[str, Any]:
        """Its numbers under their names."""
        if self.frontier is None:
            return {"refused": self.refused}
        f = self.frontier
        return {
            **{name: asdict(getattr(f, name)) for name in (*QUANTITIES, "steps")},
            "points": [asdict(point) for point in f.points], "left_out": list(f.left_out),
        }  # fmt: skip


@dataclass(frozen=True)
class FrontierFound(ClaimedFinding):
    """The frontier of one setting. columns: its curves; units of `planned` units have every size;
    methods: by name."""

    study: Regime
    columns: Columns = field(repr=False)
    units: int
    planned: int
    methods: Mapping[str, Estimated]

    def plain(self) -> dict[str, Any]:
        """Every estimator's numbers."""
        return {
            "label": self.label, "title": self.study.title, "units": self.units,
            "doubts": list(self.doubts),
            "methods": {name: one.plain() for name, one in self.methods.items()},
        }  # fmt: skip


def frontiers(question: StudyResults) -> tuple[FrontierFound, ...]:
    """One per setting, in the order of the grid."""
    return tuple(_found(question.study, one) for one in question.stored)


def _found(study: Regime, one: SettingRuns) -> FrontierFound:
    columns, units, planned, doubts = observed(one)
    methods = {name: estimated(columns, name) for name in METHODS}
    return FrontierFound(study, columns, units, planned, methods, at=one.setting, doubts=doubts)


def _lacking(one: SettingRuns) -> tuple[Doubt, ...]:
    """Why units lack sizes."""
    states = {row.status if row else "" for _, row in one.cells.scan}
    names = {"diverged": Doubt.DIVERGED, "failed": Doubt.FAILED, "": Doubt.UNFINISHED}
    return tuple(doubt for state, doubt in names.items() if state in states)


def observed(one: SettingRuns) -> tuple[Columns, int, int, tuple[Doubt, ...]]:
    """The curves of a setting, how many units are complete, how many are planned, and why others
    lack sizes. A branch has annealed at its last step alone."""
    whole, planned = one.units("done")
    rows: dict[str, list[float]] = defaultdict(list)
    for run, row in one.done:
        if one.unit(run) not in whole or not row.scale:
            continue
        some = row.evaluated()
        if run.training.branch_from:
            some = tuple(o for o in some if o.step == run.training.last)
        for o in some:
            C = run.coordinate("C", o.step)
            if o.step > 0 and C and 0 < o.loss < math.inf:
                for name, value in (("unit", one.unit(run)), ("N", run.N), ("S", o.step), ("C", C),
                                    ("loss", o.loss / row.scale)):  # fmt: skip
                    rows[name].append(value)
    names = ("unit", "N", "S", "C", "loss")
    columns = {name: np.array(rows[name], float) for name in names}
    return columns, len(whole), planned, _lacking(one) if len(whole) < planned else ()


def estimated(columns: Columns, method: str) -> Estimated:
    """One estimator on the mean curves of all units, with its intervals over units."""
    units = np.unique(columns["unit"])
    try:
        whole = _one(columns, method)
        if units.size < 2 or method == "parametric":
            return Estimated(whole)
        group = np.searchsorted(units, columns["unit"]) % min(units.size, GROUPS)
        without = [_one({k: v[group != g] for k, v in columns.items()}, method)
                   for g in np.unique(group)]  # fmt: skip
    except FrontierError as error:
        return Estimated(None, f"{error}.")
    over: dict[str, Any] = {
        name: _jackknife(getattr(whole, name), [getattr(one, name).value for one in without])
        for name in (*QUANTITIES, "steps")
    }
    return Estimated(replace(whole, **over))


def _one(columns: Columns, method: str) -> Frontier:
    """Curves by size; the additive law resamples sizes where there is one unit, else units."""
    several = np.unique(columns["unit"]).size > 1
    run = columns["unit"] if several and method == "parametric" else columns["N"]
    return frontier(
        columns["N"], columns["S"], columns["loss"], columns["C"], run=run, method=method
    )


def _jackknife(whole: FrontierValue, without: list[float]) -> FrontierValue:
    n, some = len(without), np.array(without)
    half = float(student_quantile(n - 1)) * np.sqrt((n - 1) * np.mean((some - some.mean()) ** 2))
    ends = (whole.value - half, whole.value + half)
    return replace(whole, interval=(float(ends[0]), float(ends[1])))


# ---- claims -------------------------------------------------------------------------------------


def claimed(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """Judge a claim about ξ, η or the excess, setting by setting."""
    found = question.found("frontier")
    for (one, prediction), curves in zip(question.predicted(claim), found, strict=True):
        yield _judged(curves, claim, one.setting, prediction)


def _judged(found: FrontierFound, claim: Claim, at: Setting, prediction: float) -> Judgement:
    readings = {name: found.methods[name] for name in DECIDING[claim.quantity]}
    refused = [f"{name}: {one.refused}" for name, one in readings.items() if not one.frontier]
    if refused:
        why = refused[0] if found.units else "nothing is complete yet: go on running."
        return Judgement.unmeasured(claim, at, prediction, found.doubts, why)
    told = {name: getattr(one.frontier, claim.quantity) for name, one in readings.items()}
    first = told["envelope"]
    doubts = found.doubts
    if first.status in ("unfinished", "no-curves"):
        doubts = (*doubts, f"{first.status}: {FRONTIER_STATUS[first.status]}")
    allowed = (prediction * (1 - claim.tolerance), prediction * (1 + claim.tolerance))
    verdicts = {inside(q.interval, allowed) for q in told.values()}
    verdict = verdicts.pop() if len(verdicts) == 1 and not doubts else UNDECIDED
    words = tuple(
        f"{claim.symbol} by {name} is {q.value:.4g} [{q.interval[0]:.4g}, {q.interval[1]:.4g}]."
        for name, q in told.items() if name != "envelope"
    )  # fmt: skip
    advice = ""
    if verdict == UNDECIDED and not doubts:
        wide = max(told.values(), key=lambda q: q.interval[1] - q.interval[0])
        advice = (
            f"± {(wide.interval[1] - wide.interval[0]) / 2:.3g} where "
            f"± {claim.tolerance * prediction:.3g} is allowed: more teachers or seeds, or sizes "
            "closer together."
        )
    return Judgement(
        claim, at, first.value, _finite(first.interval), prediction, verdict, doubts, advice,
        words=words,
        more={"readings": {name: asdict(q) for name, q in told.items()}},
    )  # fmt: skip


def _finite(interval: Interval) -> Interval:
    return interval if all(map(math.isfinite, interval)) else NOTHING


# ---- figure --------------------------------------------------------------------------------------


COLOURS = {"envelope": VERMILLION, "isoflop": BLUE, "parametric": ORANGE}


def frontier_figure(found: Sequence[FrontierFound]) -> tuple[Figure, str]:
    """Two panels per setting: loss, and best size, against compute."""
    with styled():
        figure = blank(11.0, 0.5 + 3.9 * len(found))
        axes = figure.subplots(len(found), 2, squeeze=False)
        for (left, right), one in zip(axes, found, strict=True):
            _curves(left, one)
            _sizes(right, one)
            left.minorticks_off()
            right.minorticks_off()
            left.set_title(literal(one.label))
    return figure, (
        "Left: relative loss against compute C, geometric means over teachers, a line for each "
        "of at most seven sizes N (dark: small); red: optima of the envelope, at most 24 of them, "
        "and their line. Right: the best size N against C, by the envelope of curves (red), "
        "isoFLOP minima (blue) and the additive law (orange), with the 95 % bands of their lines; "
        "ξ is the slope, with its 95 % interval."
    )


def geometric_mean(x: np.ndarray, loss: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x, ascending, and the geometric mean of the losses there."""
    at, where = np.unique(x, return_inverse=True)
    return at, np.exp(np.bincount(where, np.log(loss)) / np.bincount(where))


def curves_by_size(ax: Axes, c: Columns, name: str, words: str) -> None:
    sizes = _some(np.unique(c["N"]), 7)
    for N, colour in zip(sizes, shades(sizes.size), strict=True):
        rows = c["N"] == N
        curve = np.stack(geometric_mean(c[name][rows].round(9), c["loss"][rows]), axis=1)
        ax.plot(*_some(curve, 16).T, "-", color=colour, lw=1.0)
    ax.set(xscale="log", yscale="log", xlabel=words, ylabel="test loss, relative")


def _some(values: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the values, evenly spaced in their order, with both ends."""
    if len(values) <= most:
        return values
    return values[np.linspace(0, len(values) - 1, most).round().astype(int)]


def _curves(ax: Axes, one: FrontierFound) -> None:
    curves_by_size(ax, one.columns, "C", "compute C")
    envelope = one.methods["envelope"].frontier
    if envelope is None or not envelope.points:
        return
    C, loss = np.array([(p.C, p.loss) for p in envelope.points]).T
    ax.plot(_some(C, 24), _some(loss, 24), "o", color=VERMILLION, ms=4)
    ends = np.array([C.min() / 2, C.max() * 2])
    label = f"η = {envelope.eta.value:.3g}"
    line = [envelope.allocate(float(v)).loss.value for v in ends]
    ax.plot(ends, line, "--", color=VERMILLION, lw=1.4, label=label)
    ax.legend(loc="lower left")


def _sizes(ax: Axes, one: FrontierFound) -> None:
    ax.set(xscale="log", yscale="log", xlabel="compute C", ylabel="best size N")
    known = [e.frontier for e in one.methods.values() if e.frontier and e.frontier.points]
    if not known:
        ax.text(0.5, 0.5, "no frontier", transform=ax.transAxes, ha="center", color=GREY)
        return
    every = [p.C for f in known for p in f.points]
    C = np.geomspace(min(every), max(every), 12)
    for name, estimate in one.methods.items():
        f = estimate.frontier
        if f is None:
            continue
        xi = f.xi
        label = f"{name}: ξ = {xi.value:.3g} [{xi.interval[0]:.3g}, {xi.interval[1]:.3g}]"
        band = [f.allocate(float(v)).N for v in C]
        ax.plot(C, [b.value for b in band], "-", color=COLOURS[name], lw=1.2, label=label)
        low, high = zip(*(b.interval for b in band), strict=True)
        ax.fill_between(C, low, high, color=COLOURS[name], alpha=0.18, lw=0)
        best = np.array([(p.C, p.N) for p in f.points])
        ax.plot(*_some(best, 24).T, ".", color=COLOURS[name], ms=4)
    ax.legend(loc="upper left", fontsize=8.5)


# ---- view, of a table that somebody fits too -----------------------------------------------------


HEAD = ("method", "ξ of N ∝ C^ξ", "D ∝ C^", "η of L ∝ C^−η", "excess")
ALLOCATION_HEAD = ("C", "method", "N", "D", "loss")
SETTING_HEAD = ("setting", *HEAD[:2], "S ∝ C^", *HEAD[3:])
NAMES = {"xi": "ξ", "data": "the exponent of D", "eta": "η", "excess": "the excess"}


def frontier_lines(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """One line per method that answers, in the columns of HEAD, of what `fit_frontier` returns."""
    return [
        (method, *(_quantity(said[name]) for name in NAMES))
        for method, said in found["methods"].items() if "refused" not in said
    ]  # fmt: skip


def allocation_lines(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """One line per compute and method, in the columns of ALLOCATION_HEAD."""
    return [
        (f"{at['C']:.4g}", method, *(_quantity(at[name]) for name in ("N", "D", "loss")))
        for method, said in found["methods"].items() for at in said.get("allocations", ())
    ]  # fmt: skip


def frontier_sentences(found: Mapping[str, Any]) -> Iterator[str]:
    """Sentences on the unusual: words of status that are no power law, rows left out, refusals."""
    columns = ", ".join(f"{symbol} = {name}" for symbol, name in found["columns"].items())
    compute = "" if "C" in found["columns"] else "; C = 6 N D"
    yield f"rows       {found['n']} ({columns}{compute})"
    for method, said in found["methods"].items():
        if "refused" in said:
            yield f"refused    {method}: {said['refused']}"
            continue
        odd: dict[str, list[str]] = {}
        for name, words in NAMES.items():
            if said[name]["status"] != "power-law":
                odd.setdefault(f"{said[name]['status']}, {said[name]['says']}", []).append(words)
        for says, which in odd.items():
            yield f"status     {method}, {', '.join(which)}: {says}"
        for sentence in said["left_out"]:
            yield f"left out   {method}: {sentence}"
    for sentence in found["warnings"]:
        yield f"warning    {sentence}"


def _quantity(one: Mapping[str, Any]) -> str:
    value = one["value"]
    if value is None or value != value:
        return "–"
    low, high = ("−∞" if v is None else f"{v:.4g}" for v in one["interval"])
    return f"{value:.4g} [{low}, {'∞' if high == '−∞' else high}]"


# ---- of a study ---------------------------------------------------------------------------------


def above(answers: Answers) -> list[TextTable]:
    """A line for each setting and estimator."""
    lines = [
        (found.label, method, *(_quantity(said[name]) for name in ("xi", "steps", "eta", "excess")))
        for found in findings_of(answers, "frontier")
        for method, said in found.plain()["methods"].items()
        if "refused" not in said
    ]  # fmt: skip
    words = "The compute frontier, by three estimators, with 95 % intervals:"
    return [TextTable(SETTING_HEAD, lines, words, most=4)] if lines else []


def sentences(_: Answer, found: FrontierFound) -> Iterator[str]:
    """Refusals, what is no power law, and what was left out."""
    if not found.units:
        yield "a frontier needs a teacher with every size; go on running."
        return
    many = "teacher or seed" if found.planned == 1 else "teachers or seeds"
    sizes = len(set(found.columns["N"].tolist()))
    yield f"curves of {sizes} sizes, means over {found.units} of {found.planned} {many}."
    for name, one in found.methods.items():
        if one.frontier is None:
            yield f"{name} is refused: {one.refused}"
            continue
        odd = {q.status for q in (one.frontier.xi, one.frontier.eta, one.frontier.excess)}
        for status in sorted(odd - {"power-law"}):
            yield f"{name}, {status}: {FRONTIER_STATUS[status]}."
        if one.frontier.left_out:
            more = len(one.frontier.left_out) - 1
            rest = f", and {more} more" if more else ""
            yield f"{name} leaves out: {one.frontier.left_out[0]}{rest}."


def figures(answers: Answers) -> list[CaptionedFigure]:
    """One figure of all settings that have curves."""

    found = [one for one in findings_of(answers, "frontier") if one.units]
    return (
        [CaptionedFigure("frontier", "Compute frontier", *frontier_figure(found))] if found else []
    )


def files(answers: Answers) -> dict[str, Rows]:
    """The optima of every estimator."""
    columns = ("label", "method", "C", "N", "S", "loss", "excess")
    rows = [
        (found.label, name, *(f"{v:.6g}" for v in (p.C, p.N, p.S, p.loss, p.excess)))
        for found in findings_of(answers, "frontier")
        for name, one in found.methods.items() if one.frontier
        for p in one.frontier.points
    ]  # fmt: skip
    return {"frontier.csv": Rows(columns, rows)} if rows else {}


def measured(found: FrontierFound) -> str:
    """ξ by the first estimator that answers."""
    for name, one in found.methods.items():
        if one.frontier:
            xi, eta = one.frontier.xi.value, one.frontier.eta.value
            return f"N_opt ∝ C^{xi:.3g}, L ∝ C^−{eta:.3g} by {name}"
    return ""


VIEW = View(above=above, sentences=sentences, figures=figures, files=files, key="frontiers",
            measured=measured)  # fmt: skip
