"""One card per setting: losses with the fit, what it leaves, local exponents; and convergence.

Cards of one answer share their axes, so that they can be compared at a glance. Each dot is a run
and carries its name; where a setting has very many, every so many-th is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from lab.findings.answer import Answer
from lab.findings.drawing import Frame, Scale, drawing, text
from lab.findings.exponent_result import ExponentResult
from lab.findings.overview import alpha, measured, overview
from lab.findings.run_lists import names, thinned
from lab.findings.view import Answers, Chart, Charts, Rows, Section, interval
from lab.report.page import confidence

WIDTH = 350.0
LEFT, RIGHT = 50.0, WIDTH - 10

Cells = Mapping[tuple[float, int], float]
"""Mean log of what is fitted, over seeds, by x and teacher."""


def sections(answers: Answers) -> list[Section]:
    """The exponents, then the scans behind them, then what more training would change."""
    fitted = tuple(answer for answer in answers if answer.points)
    if not fitted:
        return []
    claimed = tuple(answer for answer in fitted if answer.predicts)
    found = [Section("Exponents", [overview(claimed)])] if claimed else []
    cards = _scans(fitted)
    if cards.charts:
        found.append(Section("Scan by scan", [WORDS, cards]))
    found += confidence.sections(claimed)
    changes = _changes(fitted)
    if changes.charts:
        found.append(Section("Convergence", [changes]))
    return found


WORDS = (
    "Each card is one setting; all cards of a question share their axes. A dot is a run: point at "
    "it for its name, choose it for its settings, its learning curve and the command that makes it "
    "again."
)


def advice(p: ExponentResult) -> str:
    """What would decide the point."""
    return p.advice


def cells(p: ExponentResult) -> Cells:
    """Mean log value by x and teacher."""
    found: dict[tuple[float, int], list[float]] = {}
    for x, value, teacher, _ in p.fitted.rows:
        found.setdefault((x, teacher), []).append(math.log(value))
    return {key: sum(values) / len(values) for key, values in found.items()}


def residuals(p: ExponentResult) -> dict[tuple[float, int], float]:
    """Log of every cell over its teacher's own fit; empty where nothing was fitted."""
    e = p.exponent
    if e is None or e.curves is None:
        return {}
    logs = cells(p)
    xs = sorted({x for x, _ in logs})
    curves = dict(zip(e.groups, np.log(e.teacher_curves(xs)).tolist(), strict=True))
    place = {x: i for i, x in enumerate(xs)}
    return {(x, k): value - curves[str(k)][place[x]]
            for (x, k), value in logs.items() if str(k) in curves}  # fmt: skip


def _scans(answers: Answers) -> Charts:
    charts = [chart for answer in answers for chart in _cards(answer)]
    rows = [row for answer in answers for p in answer.points for row in _rows(answer, p)]
    columns = ("setting", "x", "mean", "factor", "fit", "residual", "teachers")
    return Charts("scans", "Losses, residuals and local exponents", charts, CAPTION,
                  Rows(columns, rows))  # fmt: skip


CAPTION = (
    "Top: small dots are single runs, discs their geometric mean over teachers with its standard "
    "error, the line is the fit; hollow discs were left out of it, and ×n at the upper "
    "edge counts runs that failed, diverged or are missing. Middle: log of each teacher's mean "
    "over its own fit. Bottom: local exponents, slopes between neighbouring x, with their 95 % "
    "intervals, beside the fitted α (line) with its interval (band) and the prediction (dashed). A "
    "power law is a level row."
)


def _rows(answer: Answer, p: ExponentResult) -> Iterator[tuple]:
    """The means over teachers at every x; factor: e to the standard error of the mean log."""
    logs, left = cells(p), residuals(p)
    for x in sorted({x for x, _ in logs}):
        at = np.array([v for (xx, _), v in logs.items() if xx == x])
        error = at.std(ddof=1) / math.sqrt(at.size) if at.size > 1 else math.nan
        rest = [v for (xx, _), v in left.items() if xx == x]
        fit = float(p.exponent.predict([x])[0]) if p.exponent and left else math.nan
        yield (p.label, f"{x:g}", f"{math.exp(at.mean()):.5g}", f"{math.exp(error):.4f}",
               f"{fit:.5g}", f"{np.mean(rest):+.4f}" if rest else "", at.size)  # fmt: skip


def _cards(answer: Answer) -> Iterator[Chart]:
    points = [p for p in answer.points if p.fitted.rows]
    if not points:
        return
    values = [v for p in points for _, v, _, _ in p.fitted.rows]
    x = Scale.over([v for p in points for v, *_ in p.fitted.rows], LEFT, RIGHT, log=True)
    loss = Scale.over(values, 190, 16, log=True, pad=0.04)
    rest = [abs(v) for p in points for v in residuals(p).values() if math.isfinite(v)]
    most = max(float(np.quantile(rest, 0.995)) if rest else 0.0, 0.02) * 1.1
    slopes = [at.alpha for p in points if p.exponent for at in p.exponent.local]
    predicted = [p.prediction for p in points if p.claim]
    slopes += predicted
    slopes += [end for p in points if p.exponent for end in p.exponent.interval]
    slopes = [v for v in slopes if abs(v) < 4 * max(predicted, default=math.inf)]
    local = Scale.over(slopes, 364, 290, pad=0.15)
    named = {record.setting: names(record) for record in answer.found("records")}
    for p in points:
        frames = Frame(x, loss), Frame(x, Scale(-most, most, 268, 212)), Frame(x, local)
        alt = f"Losses of {p.label}: {', '.join(filter(None, (measured(p), p.verdict)))}."
        parts = (_losses(p, answer, frames[0], named.get(p.setting, {})),
                 _residuals(p, frames[1]), _local(p, answer, frames[2]))  # fmt: skip
        yield Chart(
            drawing(WIDTH, 400, alt, *parts), " — ".join(filter(None, [p.label, _title(p)])), alt
        )


def _title(p: ExponentResult) -> str:
    e = p.exponent
    if p.claim is None:
        return ""
    if e is None or not math.isfinite(e.alpha):
        return p.verdict or "nothing measured yet"
    measured = f"α = {alpha(e)} {interval(e.interval)}"
    return ", ".join(filter(None, (measured, p.verdict)))


def _losses(p: ExponentResult, answer: Answer, frame: Frame, named: Mapping[tuple, str]) -> str:
    rows = thinned(p.fitted.rows)
    parts = [
        frame.axes("", answer.study.ordinate.label, numbers=False),
        frame.dots([(x, v) for x, v, *_ in rows], "run", 2.2,
                   [named.get((x, k, s), "") for x, _, k, s in rows]),
    ]  # fmt: skip
    e = p.exponent
    if p.claim and e is not None and e.curves is not None:
        dense = np.geomspace(e.x[0], e.x[-1], 40)
        parts.append(frame.line(dense.tolist(), e.predict(dense).tolist(), "line fit"))
        floor = e.parameters.get("floor", 0.0)
        if floor > 0:
            parts.append(frame.line((frame.x.low, frame.x.high), (floor, floor), "line dotted"))
    logs = cells(p)
    used = set() if e is None else {float(v) for v in e.x}
    for x in sorted({x for x, _ in logs}):
        at = np.array([v for (xx, _), v in logs.items() if xx == x])
        mean = float(at.mean())
        error = float(at.std(ddof=1)) / math.sqrt(at.size) if at.size > 1 else 0.0
        parts.append(frame.bars([(x, math.exp(mean - error), math.exp(mean + error))], "bar ink"))
        css = "mean" if x in used else "mean hollow"
        parts.append(frame.dots([(x, math.exp(mean))], css, 3.6))
    parts.append(_not_there(p, answer, frame))
    return "".join(parts)


def _not_there(p: ExponentResult, answer: Answer, frame: Frame) -> str:
    """How many runs have no loss, by x, at the upper edge."""
    count: dict[float, int] = {}
    for record in answer.found("records"):
        if record.setting == p.setting:
            for entry in record.entries:
                if entry.status != "done":
                    count[entry.x] = count.get(entry.x, 0) + 1
    return "".join(
        text(frame.x(x), frame.y.end - 1, f"×{n}", "tick mid warn")
        for x, n in count.items() if frame.x.holds(x)
    )  # fmt: skip


def _residuals(p: ExponentResult, frame: Frame) -> str:
    left = residuals(p)
    xs = sorted({x for x, _ in left})
    means = [float(np.mean([v for (xx, _), v in left.items() if xx == x])) for x in xs]
    return "".join([
        frame.axes("", "log loss / fit", numbers=False, y_most=3),
        frame.line((frame.x.low, frame.x.high), (0.0, 0.0), "line ink thin"),
        frame.dots([(x, v) for (x, _), v in left.items()], "teacher", 1.6),
        frame.line(xs, means, "line fit"),
    ])  # fmt: skip


def _local(p: ExponentResult, answer: Answer, frame: Frame) -> str:
    e = p.exponent
    ends = (frame.x.low, frame.x.high)
    parts = []
    if e is not None and np.isfinite(e.interval).all():
        low, high = e.interval
        parts.append(frame.band(ends, [low] * 2, [high] * 2))
        parts.append(frame.line(ends, [float(e.alpha)] * 2, "line fit"))
    parts.append(frame.axes(answer.study.axis.words, "local exponent", y_most=4))
    parts.append(frame.line(ends, [p.prediction] * 2, "line dashed"))
    local = e.local if e else ()
    parts.append(frame.bars([(at.x, at.lo, at.hi) for at in local], "bar ink"))
    parts.append(frame.dots([(at.x, at.alpha) for at in local], "mean", 3))
    return "".join(parts)


def _changes(answers: Answers) -> Charts:
    """What other budgets changed, loss by loss, where scans were trained again."""
    charts, rows = [], []
    for answer in answers:
        checked = [(p, p.evidence.convergence) for p in answer.points if p.evidence.convergence]
        every = [100 * v for _, c in checked for change in c.by_budget.values()
                 for v in change.change.tolist()]  # fmt: skip
        xs = [x for _, c in checked for change in c.by_budget.values() for x in change.x.tolist()]
        for p, found in checked:
            y = Scale.over([0.0, *every], 190, 16)
            frame = Frame(Scale.over(xs, LEFT, RIGHT, log=True), y)
            zero = frame.line((frame.x.low, frame.x.high), (0.0, 0.0), "line ink thin")
            words = answer.study.axis.words
            parts = [frame.axes(words, "change of log loss per doubling, %"), zero]
            for i, (factor, change) in enumerate(sorted(found.by_budget.items())):
                at = [*zip(change.x.tolist(), (100 * change.change).tolist(), strict=True)]
                parts.append(frame.dots(at, f"budget b{i % 3}", 2.6))
                means = [(x, float(np.mean([v for xx, v in at if xx == x])))
                         for x in sorted({x for x, _ in at})]  # fmt: skip
                parts.append(frame.joined(means, f"line b{i % 3}"))
                key = f"{'○●◆'[i % 3]} {factor:g} ×"
                parts.append(text(RIGHT - 48 * i, 8, key, f"label end b{i % 3}"))
                rows += [(p.label, f"{factor:g}", f"{x:g}", k, f"{v:.4g}") for (x, v), k
                         in zip(at, change.teacher.tolist(), strict=True)]  # fmt: skip
            c = found.correction
            title = f"{p.label} — Δα = {c.alpha:+.2f} ± {2 * c.error:.2f}"
            alt = f"What other budgets changed at {p.label}: α moves by {c.alpha:+.2f} ± " \
                  f"{2 * c.error:.2f}."  # fmt: skip
            charts.append(Chart(drawing(WIDTH, 236, alt, *parts), title, alt))
    caption = (
        "Change of the log loss per doubling of the steps, run by run, of the scans that were "
        "trained again with so many times the steps. Students that have converged lie on zero. "
        "Δα: what unlimited training would add to α, with its 95 % error; it is in α and its "
        "interval already."
    )
    columns = ("setting", "budget", "x", "teacher", "change per doubling, %")
    return Charts("convergence", "What more training changes", charts, caption, Rows(columns, rows))
