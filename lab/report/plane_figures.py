"""The figure of a phase map: the plane with its contours, and its two limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lab.findings.planes import PlaneMap
from lab.findings.style import blank, literal, shades, styled
from lab.scaling.laws.plane import ENDLESS, LIMITED, Joint, Plane

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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
        _map(left, found, plane, law)
        left.set_title(literal(f"{found.label}: contours of the loss"))
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
        for ax in (middle, right):
            ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8.5)
    return figure, (
        f"Geometric mean over {found.teachers} teachers of the relative test loss. Left: contours "
        "are labelled with the loss; dots are measured cells; blue: more data lower the loss and "
        "more width does not (the data limit it), orange: the reverse, grey: both, by the local "
        f"slopes s = ε_D/(ε_N + ε_D) above {LIMITED:.2f}, below {1 - LIMITED:.2f} and between."
        + (f" Red line: where the two limits of the fitted law ({law.law}) are equal. Red dashes: "
           "those limits; the law was fitted to finite D only, so that the black points test it."
           if law else "")
    )  # fmt: skip


def _map(ax: Axes, found: PlaneMap, plane: Plane, law: Joint | None) -> None:
    from matplotlib.colors import ListedColormap

    by_x, by_y = found.study.axes
    ax.set(xscale="log", yscale="log", xlabel=by_x.words, ylabel=by_y.words)
    kind = np.digitize(plane.share.T, [1 - LIMITED, LIMITED])
    colours = ListedColormap([WIDTH, BOTH, DATA])
    ax.pcolormesh(_edges(plane.x), _edges(plane.y), kind, cmap=colours, vmin=0, vmax=2, zorder=0)
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


def _limit(ax: Axes, x: np.ndarray, curves: np.ndarray, names: list[str]) -> None:
    for y, colour, name in zip(curves, shades(len(names)), names, strict=True):
        ax.plot(x, y, ".-", color=colour, lw=1.1, ms=5, label=name)
    ax.set(xscale="log", yscale="log")


def _edges(x: np.ndarray) -> np.ndarray:
    """Edges of cells around points on a log axis; the outer ones end at their points."""
    log_x = np.log(x)
    inner = (log_x[1:] + log_x[:-1]) / 2
    return np.exp(np.concatenate([log_x[:1], inner, log_x[-1:]]))
