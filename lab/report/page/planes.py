"""Phase planes on the page: the map of what limits the loss, and its two limits, run by run.

The map says of every cell of N and D whether more data or more width would lower the loss, and the
loss itself. Beside it the loss against N at every D and against D at every N; a dot is a run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from lab.findings.drawing import Frame, Scale, apart, drawing, text
from lab.findings.planes import PlaneMap
from lab.findings.run_charts import DIGITS
from lab.findings.run_lists import Entry
from lab.findings.view import Answers, Chart, Charts, Rows, Section
from lab.scaling.laws.plane import ENDLESS, LIMITED, Joint, Plane

MOST = 600
"""Dots of one chart; beyond, every so many-th is drawn."""
MAP_WORDS = (
    "What limits the loss at N parameters and D samples: the data (D in the cell), the width (N), "
    f"or both (no letter), by the local slopes s = ε_D/(ε_N + ε_D) above {LIMITED:.2f}, below "
    f"{1 - LIMITED:.2f} and between. Numbers: geometric mean over teachers of the relative test "
    "loss."
)
LIMIT_WORDS = (
    "The loss along each side of the plane. A dot is a run, a line the geometric mean over "
    "teachers; black: unlimited data."
)


def sections(answers: Answers) -> list[Section]:
    """A section per plane."""
    found = [plane for answer in answers for plane in answer.found("plane")]
    return [_section(one, "" if len(found) == 1 else f"-{i}") for i, one in enumerate(found, 1)]


def _section(found: PlaneMap, number: str) -> Section:
    plane = found.plane
    if plane is None:
        return Section("Phase map", ["No teacher has every cell of the plane yet."])
    law = found.joint[0] if found.joint else None
    words = MAP_WORDS
    if law:
        words += f" Line: where the two limits of the fitted law ({law.law}) are equal."
    cells = Charts(f"map{number}", "Which of the two limits the loss",
                   [_map(found, plane, law)], words, _cells(plane), lead=True)  # fmt: skip
    done = sum(e.status == "done" for e in found.entries)
    words = f"{done} of {len(found.entries)} runs of the plane are done. {LIMIT_WORDS}"
    if law:
        words += (f" Dashed: the limits of {law.law}, which was fitted to finite D only, so that "
                  "the black line tests it.")  # fmt: skip
    sides = Charts(f"plane{number}", "Towards the two limits",
                   [_along_n(found, plane, law), _along_d(found, plane, law)], words,
                   _runs(found.entries))  # fmt: skip
    return Section(f"Phase map{f', {found.label}' if number else ''}", [cells, sides])


def _kind(share: float) -> str:
    return "D" if share > LIMITED else "N" if share < 1 - LIMITED else ""


def _map(found: PlaneMap, plane: Plane, law: Joint | None) -> Chart:
    N, D = _edges(plane.x), _edges(plane.y)
    x, y = Scale(N[0], N[-1], 56, 470, log=True), Scale(D[0], D[-1], 300, 20, log=True)
    frame = Frame(x, y)
    parts = [frame.axes(*(axis.words for axis in found.study.axes))]
    for i, n in enumerate(plane.x):
        for j in range(plane.y.size):
            left, right, low, high = x(N[i]), x(N[i + 1]), y(D[j]), y(D[j + 1])
            kind = _kind(plane.share[i, j])
            parts.append(f'<rect class="limit{kind}" x="{left:.1f}" y="{high:.1f}" '
                         f'width="{right - left:.1f}" height="{low - high:.1f}"/>')  # fmt: skip
            middle, value = (low + high) / 2, f"{plane.mean[i, j]:.2g}".lstrip("0")
            parts.append(text(x(n), middle + 1, value, "cellvalue mid"))
            parts.append(text(x(n), middle + 12, kind, "cellvalue mid"))
    parts += [frame.joined(_equal(law, frame), "line worst")] if law else []
    count = [sum(_kind(s) == kind for s in plane.share.ravel()) for kind in ("D", "N", "")]
    alt = (f"Map of {found.label}: of {plane.share.size} cells the data limit {count[0]}, the "
           f"width {count[1]} and both {count[2]}.")  # fmt: skip
    return Chart(drawing(480, 336, alt, *parts), found.label, alt)


def _edges(values: np.ndarray) -> list[float]:
    """Edges of cells around points on a log axis, half a cell beyond the outer ones."""
    logs = np.log(values)
    inner = (logs[1:] + logs[:-1]) / 2
    ends = (1.5 * logs[:1] - 0.5 * logs[1:2], 1.5 * logs[-1:] - 0.5 * logs[-2:-1])
    return np.exp(np.concatenate([ends[0], inner, ends[1]])).tolist()


def _equal(law: Joint, frame: Frame) -> list[tuple[float, float]]:
    """Where the limits of a law are equal: D by N."""
    N, D = (np.geomspace(s.low, s.high, 120) for s in (frame.x, frame.y))
    endless = np.full(120, ENDLESS)
    width, data = np.log(law.fit.predict(N, endless)), np.log(law.fit.predict(endless, D))
    order = np.argsort(data)
    at = np.interp(width, data[order], np.log(D)[order], left=np.nan, right=np.nan)
    return [(n, math.exp(d)) for n, d in zip(N.tolist(), at.tolist(), strict=True)
            if math.isfinite(d)]  # fmt: skip


def _along_n(found: PlaneMap, plane: Plane, law: Joint | None) -> Chart:
    lines = [(f"D = {D:.0f}", plane.mean[:, j]) for j, D in enumerate(plane.y)]
    lines.append(("D = ∞", plane.mean_fresh))
    limit = law.fit.predict if law else None
    dense = np.geomspace(plane.x[0], plane.x[-1], 40)
    ahead = limit(dense, np.full(40, ENDLESS)) if limit else np.array([])
    dots = [(e.x, e) for e in found.entries]
    return _side(found, found.study.axes[0].words, plane.x, lines, dots, (dense, ahead))


def _along_d(found: PlaneMap, plane: Plane, law: Joint | None) -> Chart:
    names = ["×".join(map(str, dict.fromkeys(widths))) for widths in found.widths]
    lines = [(f"w = {name}", plane.mean[i]) for i, name in enumerate(names)]
    dense = np.geomspace(plane.y[0], plane.y[-1], 40)
    ahead = law.fit.predict(np.full(40, ENDLESS), dense) if law else np.array([])
    dots = [(float(e.run.size), e) for e in found.entries if e.run.size]
    return _side(found, found.study.axes[1].words, plane.y, lines, dots, (dense, ahead))


def _side(
    found: PlaneMap, words: str, xs: np.ndarray, lines: Sequence[tuple[str, np.ndarray]],
    dots: Sequence[tuple[float, Entry]], limit: tuple[np.ndarray, np.ndarray],
) -> Chart:  # fmt: skip
    there = [(x, e) for x, e in dots if e.row and e.row.relative]
    values = [float(e.row.relative) for _, e in there if e.row and e.row.relative]
    frame = Frame(Scale.over(xs.tolist(), 50, 282, log=True), Scale.over(values, 270, 16, log=True))
    shown = there[:: max(1, -(-len(there) // MOST))]
    points = [(x, float(e.row.relative or 0.0)) for x, e in shown if e.row]
    named = [e.row.fingerprint[:DIGITS] for _, e in shown if e.row]
    parts = [frame.axes(words, "test loss, relative"), frame.dots(points, "run", 1.8, named)]
    ends = apart([frame.y(float(y[-1])) for _, y in lines])
    for i, ((name, y), end) in enumerate(zip(lines, ends, strict=True)):
        endless = name.endswith("∞")
        css = "line ink" if endless else "line fit"
        strength = 0.35 + 0.65 * i / max(len(lines) - 1, 1)
        drawn = frame.line(xs.tolist(), y.tolist(), css)
        parts.append(f'<g opacity="{strength:.2f}">{drawn}</g>')
        parts.append(text(286, end + 4, name, "label strong" if endless else "label"))
    parts.append(frame.line(limit[0].tolist(), limit[1].tolist(), "line worst"))
    alt = f"Losses of {found.label} against {words}, a line each: {', '.join(n for n, _ in lines)}."
    return Chart(drawing(350, 306, alt, *parts), f"Loss against {words}", alt)


def _cells(plane: Plane) -> Rows:
    rows = [(f"{n:.0f}", f"{d:.0f}", f"{plane.mean[i, j]:.5g}", f"{plane.share[i, j]:.3f}")
            for i, n in enumerate(plane.x) for j, d in enumerate(plane.y)]  # fmt: skip
    rows += [(f"{n:.0f}", "inf", f"{loss:.5g}", "")
             for n, loss in zip(plane.x, plane.mean_fresh, strict=True)]  # fmt: skip
    return Rows(("N", "D", "relative loss", "share of the data"), rows)


def _runs(entries: Sequence[Entry]) -> Rows:
    def told() -> Iterator[tuple]:
        for e in entries:
            loss = e.row.relative if e.row else None
            yield (f"{e.x:.0f}", e.run.size or "inf", e.run.task.teacher, e.run.seed, e.status,
                   "" if loss is None else f"{loss:.5g}")  # fmt: skip

    return Rows(("N", "D", "teacher", "seed", "status", "relative loss"), [*told()])
