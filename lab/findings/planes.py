"""The phase map of a study: its losses on the plane of its two axes, one `PlaneMap` per setting.

Only teachers whose every cell is done enter, so that all cells average the same teachers; what is
missing is a doubt. N is counted setting by setting: the same widths have other N at another d. The
map shows of every cell of N and D whether more data or more width would lower the loss, and the
loss itself; beside it stand its two limits, the loss against N at every D and against D at every N.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.execution.store import Row
from lab.findings.answer import Answer
from lab.findings.drawing import GREY, blank, decades, literal, runs, shades, styled
from lab.findings.run_lists import DIGITS, MISSING, Entry, thinned
from lab.findings.study_results import ClaimedFinding, Setting, StudyResults, lacking, varies
from lab.findings.view import (
    Answers,
    CaptionedFigure,
    Rows,
    View,
    findings_of,
    interval,
    number,
)
from lab.regimes.axes import Key
from lab.regimes.regime import Regime
from lab.scaling.judge.verdict import Doubt
from lab.scaling.laws.prediction import ENDLESS, LIMITED, Joint, Plane
from lab.spec import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class PlaneMap(ClaimedFinding):
    """The plane of one setting: plane is None while no teacher is complete; `teachers` of
    `planned` are. entries: every planned run with its row, the first coordinate as its x."""

    study: Regime
    widths: tuple[tuple[int, ...], ...]
    plane: Plane | None
    teachers: int
    planned: int
    entries: tuple[Entry, ...] = ()

    @cached_property
    def joint(self) -> tuple[Joint, ...]:
        """The joint laws that could be fitted, best ahead first."""
        return self.plane.joint() if self.plane else ()

    @property
    def dim(self) -> int | float:
        """The intrinsic dimension d."""
        return self.at.dim

    def plain(self) -> dict[str, Any]:
        """The plane cell by cell, and the joint laws."""
        plane = self.plane
        told: dict[str, Any] = {"dim": self.dim, "title": self.study.title}
        told |= {"setting": self.at.varying} if self.at.pairs else {}
        told |= {"doubts": list(self.doubts)} if self.doubts else {}
        if plane is None:
            return told | {"teachers": 0}
        return told | {
            "teachers": self.teachers,
            plane.names[0]: plane.x.tolist(), plane.names[1]: plane.y.tolist(),
            "loss": plane.mean.tolist(),
            "loss_unlimited_data": plane.mean_fresh.tolist(),
            "share_of_data": plane.share.tolist(),
            "joint": [
                {
                    "law": j.law, "status": j.fit.status, "parameters": j.fit.parameters,
                    "alpha": j.alpha, "alpha_interval": j.alpha_interval, "beta": j.beta,
                    "beta_interval": j.beta_interval, "residual": j.residual, "ahead": j.ahead,
                }
                for j in self.joint
            ],
        }  # fmt: skip


def planes(question: StudyResults) -> tuple[PlaneMap, ...]:
    """One map per setting of a study whose plan has every width on every D."""
    study = question.study
    together: dict[Key, list[tuple[Run, Row | None]]] = defaultdict(list)
    for p, row in question.store.found(p for p in study.plan if not p.check):
        together[study.setting(p.run)].append((p.run, row))
    varying = varies(together)
    return tuple(
        _map(study, Setting.of(study, some[0][0], key, varying), some)
        for key, some in together.items()
    )


def _map(study: Regime, at: Setting, some: list[tuple[Run, Row | None]]) -> PlaneMap:
    """The plane of the runs of one setting."""
    first, second = (axis.coordinate for axis in study.axes)
    size = {run.student.widths: float(run.coordinate(first) or 0) for run, _ in some}
    order = sorted(size, key=lambda widths: size[widths])
    cells: dict[tuple, list[float]] = defaultdict(list)
    states: dict[int, set[str]] = defaultdict(set)
    for run, row in some:
        k = run.task.teacher
        states[k].add(row.status if row else MISSING)
        if row and row.status == "done":
            assert row.relative is not None  # it is done
            cells[k, run.student.widths, run.coordinate(second)].append(np.log(row.relative))
    teachers = sorted(k for k, found in states.items() if found == {"done"})
    return PlaneMap(
        study, tuple(order), _plane(study, cells, order, size, teachers), len(teachers),
        len(states), at=at, doubts=lacking(row for _, row in some),
        entries=tuple(Entry(size[run.student.widths], run, row) for run, row in some),
    )  # fmt: skip


def _plane(
    study: Regime, cells: dict, order: list, size: dict, teachers: list[int]
) -> Plane | None:
    if not teachers:
        return None
    finite = sorted({y for _, _, y in cells if y is not None})
    log_loss = np.array([[[np.mean(cells[k, w, y]) for y in (*finite, None)] for w in order]
                         for k in teachers])  # fmt: skip
    loss = np.exp(log_loss)
    x, y = np.array([size[w] for w in order]), np.array(finite, float)
    one, two = study.axes
    return Plane(x, y, loss[..., :-1], loss[..., -1], (one.symbol, two.symbol))


# ---- figure --------------------------------------------------------------------------------------


MOST = 500
"""Dots of one panel; beyond, every nth is drawn."""
WIDTH, BOTH, DATA = "#fde3b8", "#f2f2f2", "#cfe3f3"
LOSS = "test loss / loss of the constant student"


def phases(found: PlaneMap) -> tuple[Figure, str]:
    """The map, L(N, D) against N for each D, and against D for each N; and the caption."""
    plane = found.plane
    with styled():
        figure = blank(15.4, 4.9)
        left, middle, right = figure.subplots(1, 3)
        if plane is None:
            left.set_title("no teacher is complete")
            return figure, "Nothing to show yet: no teacher has every cell of the plane."
        law = found.joint[0] if found.joint else None
        by_x, by_y = found.study.axes
        _draw_map(left, found, plane, law)
        left.set_title(literal(f"{found.label}: contours of the loss"))
        _dots(middle, [(e.x, e) for e in found.entries])
        _dots(right, [(float(e.run.size), e) for e in found.entries if e.run.size])
        _limit(middle, plane.x, plane.mean.T, [f"D = {D:.0f}" for D in plane.y])
        middle.plot(plane.x, plane.mean_fresh, "o-", color="black", ms=5, lw=1.6, label="D = ∞")
        middle.set(xlabel=by_x.words, ylabel=LOSS, title="towards L(N, ∞)")
        names = [f"w = {'×'.join(map(str, dict.fromkeys(w)))}" for w in found.widths]
        _limit(right, plane.y, plane.mean, names)
        right.set(xlabel=by_y.words, ylabel=LOSS, title="towards L(∞, D)")
        if law:
            N, D = (np.geomspace(v[0], v[-1], 80) for v in (plane.x, plane.y))
            endless = np.full(80, ENDLESS)
            for ax, x, y in ((middle, N, law.fit.predict(N, endless)),
                             (right, D, law.fit.predict(endless, D))):  # fmt: skip
                ax.plot(x, y, "--", color="#D55E00", lw=1.8, label=f"limit of {law.law}")
        for ax in (left, middle, right):
            decades(ax)
        for ax in (middle, right):
            ax.legend(loc="best", fontsize=8, ncols=2)
    return figure, (
        f"Geometric mean over {found.teachers} teachers of the relative test loss. Left: contours "
        "are labelled with the loss; dots are measured cells; blue: more data lower the loss and "
        "more width does not (the data limit it), orange: the reverse, grey: both, by the local "
        f"slopes s = ε_D/(ε_N + ε_D) above {LIMITED:.2f}, below {1 - LIMITED:.2f} and between. "
        "Beside: the loss along each side of the plane; a small dot is a run, of very many every "
        "so many-th."
        + (f" Red line: where the two limits of the fitted law ({law.law}) are equal. Red dashes: "
           "those limits; the law was fitted to finite D only, so that the black points test it."
           if law else "")
    )  # fmt: skip


def _draw_map(ax: Axes, found: PlaneMap, plane: Plane, law: Joint | None) -> None:
    from matplotlib.colors import ListedColormap

    by_x, by_y = found.study.axes
    ax.set(xscale="log", yscale="log", xlabel=by_x.words, ylabel=by_y.words)
    kind = np.digitize(plane.share.T, [1 - LIMITED, LIMITED])
    colours = ListedColormap([WIDTH, BOTH, DATA])
    ax.pcolormesh(
        _cell_edges(plane.x), _cell_edges(plane.y), kind, cmap=colours, vmin=0, vmax=2, zorder=0
    )
    N, D = np.meshgrid(plane.x, plane.y)
    levels = np.geomspace(plane.mean.min(), plane.mean.max(), 12)[1:-1]
    lines = ax.contour(N, D, plane.mean.T, levels=levels, colors="#444444", linewidths=1.0,
                       zorder=2)  # fmt: skip
    ax.clabel(lines, fmt=lambda v: f"{v:.2g}", fontsize=8, inline_spacing=2)
    ax.plot(N.ravel(), D.ravel(), ".", color="#888888", ms=2.5, zorder=1)
    if law:
        grid = np.meshgrid(np.geomspace(plane.x[0], plane.x[-1], 200),
                           np.geomspace(plane.y[0], plane.y[-1], 200))  # fmt: skip
        endless = np.full(grid[0].size, ENDLESS)
        gap = np.log(law.fit.predict(grid[0].ravel(), endless)
                     / law.fit.predict(endless, grid[1].ravel()))  # fmt: skip
        ax.contour(*grid, gap.reshape(grid[0].shape), levels=[0.0], colors="#D55E00",
                   linewidths=2.0, zorder=3)  # fmt: skip
    ax.grid(visible=False)


def _dots(ax: Axes, entries: Sequence[tuple[float, Entry]]) -> None:
    """Single runs with their names."""
    found = [(x, e.row) for x, e in entries if e.row and e.row.relative]
    if found:
        x, rows = zip(*thinned(found, MOST), strict=True)
        losses = [row.relative for row in rows]
        (dots,) = ax.plot(x, losses, "o", color=GREY, ms=2.4, mew=0, alpha=0.45, zorder=1)
        runs(dots, [row.fingerprint[:DIGITS] for row in rows])


def _limit(ax: Axes, x: np.ndarray, curves: np.ndarray, names: list[str]) -> None:
    for y, colour, name in zip(curves, shades(len(names)), names, strict=True):
        ax.plot(x, y, ".-", color=colour, lw=1.1, ms=5, label=name)
    ax.set(xscale="log", yscale="log")


def _cell_edges(x: np.ndarray) -> np.ndarray:
    """Edges of cells around points on a log axis; the outer ones end at their points."""
    log_x = np.log(x)
    inner = (log_x[1:] + log_x[:-1]) / 2
    return np.exp(np.concatenate([log_x[:1], inner, log_x[-1:]]))


def _cells(plane: Plane) -> Rows:
    rows = [(f"{n:.0f}", f"{d:.0f}", f"{plane.mean[i, j]:.5g}", f"{plane.share[i, j]:.3f}")
            for i, n in enumerate(plane.x) for j, d in enumerate(plane.y)]  # fmt: skip
    rows += [(f"{n:.0f}", "inf", f"{loss:.5g}", "")
             for n, loss in zip(plane.x, plane.mean_fresh, strict=True)]  # fmt: skip
    return Rows(("N", "D", "relative loss", "share of the data"), rows)


# ---- view ----------------------------------------------------------------------------------------


def sentences(_: Answer, found: PlaneMap) -> Iterator[str]:
    """Sentences: where size and data limit the loss, what is missing, how far each law holds."""
    if found.plane is None:
        yield "the map needs a teacher with every cell of the plane; go on running."
        return
    share = found.plane.share
    data, width = (share > LIMITED).sum(), (share < 1 - LIMITED).sum()
    yield (
        f"of {share.size} cells the data limit {data}, the width {width} and both "
        f"{share.size - data - width}, by the slopes of the mean of {found.teachers} of "
        f"{found.planned} teachers."
    )
    for doubt in map(Doubt.of, found.doubts):
        yield f"{doubt}: {doubt.meaning}; {doubt.remedy}."
    for j in found.joint:
        yield (
            f"{j.law}: exponent of N {number(j.alpha)} {interval(j.alpha_interval)}, of D "
            f"{number(j.beta)} {interval(j.beta_interval)}; fitted to within {j.residual:.1%}, "
            f"wrong by {j.ahead:.1%} about L(N, ∞), which it has not seen ({j.fit.status})."
        )


def figures(answers: Answers) -> list[CaptionedFigure]:
    """A map per plane; where there are several, with a number."""
    found = findings_of(answers, "plane")
    names = ["map"] if len(found) == 1 else [f"map-{i}" for i in range(1, len(found) + 1)]
    return [
        CaptionedFigure(name, "Phase map", *phases(one), f"Map of {one.label}: {measured(one)}.",
                        _cells(one.plane) if one.plane else None, lead=one.plane is not None)
        for name, one in zip(names, found, strict=True)
    ]  # fmt: skip


def measured(found: PlaneMap) -> str:
    """Sentence: where size and data limit the loss, and the law that predicts new losses best."""
    if found.plane is None:
        return ""
    share = found.plane.share
    data, width = (share > LIMITED).sum(), (share < 1 - LIMITED).sum()
    words = f"the data limit {data} of {share.size} cells, the width {width}"
    best = found.joint[0] if found.joint else None
    return words + (f"; {best.law} joins the limits, {best.ahead:.0%} wrong about unlimited data"
                    if best else "")  # fmt: skip


VIEW = View(sentences=sentences, figures=figures, key="maps", title="Phase map", measured=measured)
