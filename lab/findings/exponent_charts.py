"""Exponents on the page: beside their predictions, a card per setting, and confidence curves.

A dot of a card is a run and carries its name; of very many every so many-th is drawn. Nothing is
computed here but where a mark stands.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from lab import theory
from lab.findings.answer import Answer
from lab.findings.drawing import Frame, Scale, apart, drawing, marker, stroke, text
from lab.findings.exponent_result import ExponentResult
from lab.findings.run_lists import names, thinned
from lab.findings.view import (
    Answers,
    Chart,
    Charts,
    Rows,
    Section,
    agreeing_points,
    alpha,
    figure_parts,
    interval,
)
from lab.scaling.scans.estimate import confidence
from lab.scaling.scans.scan import Scan

MOST_NAMED = 14
"""Rows of a list that are drawn with their names; beyond, they are drawn densely and sorted."""

MOST_PANELS = 12
"""Charts against the dimension; of more settings than that, a list."""

Asked = tuple[Answer, ExponentResult]


def overview(answers: Answers) -> Charts:
    """The figure of the exponents, with the numbers that it draws."""
    asked = [(answer, point) for answer in answers for point in answer.points]
    parts = figure_parts(answers)
    if len(parts) <= MOST_PANELS and any(len({p.dim for p in part}) > 1 for *_, part in parts):
        charts, caption = _against_dimension(answers, parts)
    elif len(asked) <= MOST_NAMED:
        charts, caption = [_list(asked)], LIST + strokes(point for _, point in asked)
    else:
        charts, caption = [_dense(asked)], DENSE
    caption += MARKERS + (MEASURED if any(point.likely for _, point in asked) else "")
    return Charts("exponents", "Measured and predicted exponents", charts, caption, _rows(asked),
                  lead=True)  # fmt: skip


MARKERS = " Disc: agrees; square: undecided; cross: contradicts."
LIST = (
    "Measured exponents α with their 95 % intervals over teachers. Black strokes: the predictions, "
    "in brackets; bands: their tolerance. Of a lower bound, everything "
    "right of the band's left edge agrees."
)
MEASURED = (
    " Lines along: what the interval of a measured d makes of the prediction; a verdict holds at "
    "both ends."
)
DENSE = (
    "Measured exponents in units of the predicted ones, in the order of their size, with their "
    "95 % intervals over teachers; the table below names them. Black stroke: the prediction; "
    "band: its tolerance."
)


def strokes(points: Iterable[ExponentResult]) -> str:
    """The meaning of the blue strokes of a list; empty without any."""
    names = dict.fromkeys(r.formula for p in points for r in p.rivals if r.value != p.prediction)
    return f" Blue strokes: rivals ({', '.join(names)})." if names else ""


def measured(p: ExponentResult) -> str:
    """α with its interval beside what was predicted."""
    predicted = f", {p.prediction:.3g} predicted" if p.claim else ""
    if p.exponent is None or not math.isfinite(p.exponent.alpha):
        return f"nothing measured yet{predicted}"
    return f"α = {alpha(p.exponent)} {interval(p.exponent.interval)}{predicted}"


def _rows(asked: Sequence[Asked]) -> Rows:
    columns = ("d", "setting", "prediction", "alpha", "lo", "hi", "verdict", "runs", "planned")
    rows = []
    for _, p in asked:
        e = p.exponent
        values = (e.alpha, *e.interval) if e else (math.nan,) * 3
        rows.append((p.dim, p.setting.name, f"{p.prediction:.4g}", *(f"{v:.4g}" for v in values),
                     p.verdict, p.runs.done, p.runs.planned))  # fmt: skip
    return Rows(columns, rows)


def _against_dimension(
    answers: Answers, parts: Sequence[tuple[Answer, str, list[ExponentResult]]]
) -> tuple[list[Chart], str]:
    """A chart for each panel and setting, all on the same axes."""
    points = [p for answer in answers for p in answer.points]
    found = [p.exponent for p in points if p.exponent]
    values = [v for e in found for v in (e.alpha, *e.interval)]
    values += [r.value for p in points for r in p.rivals]
    predictions = [p.prediction for p in points]
    values += predictions
    low, high = min(predictions) / 4, max(predictions) * 4  # one wild interval hides all
    size = (480.0, 330.0) if len(parts) == 1 else (340.0, 260.0)
    y = Scale.over([v for v in values if low < v < high], size[1] - 40, 20, log=True)
    dims = sorted({p.dim for p in points})
    x = Scale.over(dims, 48, size[0] - 62, log=True, pad=0.06)
    charts = [
        Chart(_dimension(answer, some, Frame(x, y), dims, size), name, _spoken(name, some))
        for answer, name, some in parts
    ]
    asked = [answer.prediction for answer in answers]
    texts = " or ".join(dict.fromkeys(one.text for one in asked))
    fitted = any(one.line for answer in answers for one in answer.found("lines"))
    return charts, (
        f"Measured exponent α against intrinsic dimension d, both logarithmic. Bars: 95 % interval "
        f"over teachers. Black line: the prediction {texts}; band: its tolerance; "
        f"{agreeing_points(answers)} agree."
        + " Dotted: the fitted line α = a + b/d." * fitted
        + " Dashed: rival exponents." * any(one.rivals for one in asked)
    )  # fmt: skip


def _spoken(name: str, points: Sequence[ExponentResult]) -> str:
    """Alt text of the chart."""
    said = "; ".join(f"d = {p.dim}: {measured(p)}, {p.verdict}" for p in points)
    return f"{name + ': ' if name else ''}exponent against dimension. {said}."


def _dimension(
    answer: Answer, points: Sequence[ExponentResult], frame: Frame, dims: Sequence[int | float],
    size: tuple[float, float],
) -> str:  # fmt: skip
    order = sorted(points, key=lambda p: p.dim)
    asked = answer.prediction
    d, p = _stretched(*_curve(asked.text, order))
    tau, right = asked.tolerance, frame.x.end + 4
    name = asked.text if len(asked.text) < 9 else "predicted"
    parts = [
        frame.band(d, [v * (1 - tau) for v in p], [v * (1 + tau) for v in p]),
        frame.axes("intrinsic dimension d", "exponent α", x_ticks=dims),
        frame.line(d, p, "line ink"),
    ]
    labels = [(p[-1], name, "label strong")]
    names = dict.fromkeys(r.formula for q in order for r in q.rivals)
    for formula in (name for name in names if name != asked.text):
        at = [(q.dim, r.value) for q in order for r in q.rivals if r.formula == formula]
        ds, values = _stretched(*map(list, zip(*at, strict=True)))
        parts.append(frame.line(ds, values, "line rival"))
        labels.append((values[-1], formula, "label rival"))
    heights = apart([frame.y(_within(frame.y, value)) for value, *_ in labels])
    parts += [text(right, height + 4, words, css)
              for height, (_, words, css) in zip(heights, labels, strict=True)]  # fmt: skip
    for found in answer.found("lines"):
        if found.line is not None and found.pairs == order[0].setting.pairs:
            parts.append(frame.line(d, np.ravel(found.line.predict(d)).tolist(), "line dotted"))
    for q in order:
        e = q.exponent
        if e and math.isfinite(e.alpha):
            parts.append(frame.bars([(q.dim, *e.interval)], f"bar {q.verdict}"))
            parts.append(frame.mark(q.dim, e.alpha, q.verdict or "", f"{q.label}: {measured(q)}"))
    return drawing(*size, _spoken(order[0].setting.name, order), *parts)


def _within(scale: Scale, value: float) -> float:
    return min(max(value, scale.low), scale.high)


def _curve(formula: str, order: Sequence[ExponentResult]) -> tuple[list[float], list[float]]:
    """The predicted exponents: a smooth curve where the formula has d alone, else by point."""
    parsed = theory.parse(formula)
    mixed = any("manifold" in p.setting.varying for p in order)
    if set(parsed.symbols) <= {"d"} and not mixed and len(order) > 1:
        d = np.geomspace(order[0].dim, order[-1].dim, 40).tolist()
        return d, [float(parsed.value({"d": v})) for v in d]
    return [float(p.dim) for p in order], [p.prediction for p in order]


def _stretched(d: list[float], values: list[float]) -> tuple[list[float], list[float]]:
    """A stroke where there is one point."""
    return ([d[0] / 1.04, d[0] * 1.04], values * 2) if len(d) == 1 else (d, values)


def side_by_side(asked: Sequence[tuple[str, Answer, ExponentResult]]) -> list[Chart]:
    """Exponents of several studies, named by study, setting by setting, on the same axis."""
    order = {p.label: i for i, (_, _, p) in reversed([*enumerate(asked)])}
    together = sorted(asked, key=lambda one: order[one[2].label])
    return [_list([(answer, p) for _, answer, p in together], [name for name, *_ in together])]


def _list(asked: Sequence[Asked], studies: Sequence[str] = ()) -> Chart:
    """Named rows, each name above its interval, so that it can be read on a narrow screen."""
    step, width = 34.0, 480.0
    height = 20 + step * len(asked) + 40
    ends = [v for _, p in asked if p.exponent for v in (p.exponent.alpha, *p.exponent.interval)]
    far = 3 * max(p.prediction for _, p in asked)
    values = [0.0, *(p.prediction for _, p in asked), *(v for v in ends if abs(v) < far)]
    values += [r.value for _, p in asked for r in p.rivals if r.value < far]
    x = Scale.over(values, 14, width - 14)
    parts = [_upright(Frame(x, Scale(0, 1, height - 40, 8)), "exponent α")]
    names = [f"{p.label}  [{answer.prediction.text}]" for answer, p in asked]
    if studies:
        names = [f"{name}, {study}" for name, study in zip(names, studies, strict=True)]
    for i, (answer, p) in enumerate(asked):
        y = 8 + step * (i + 0.72)
        parts.append(_row(x, y, 8.0, p, answer.prediction.tolerance, 1.0))
        parts += [stroke(x(r.value), y, "rivalmark", f"{r.formula} = {r.value:.3g}")
                  for r in p.rivals if x.holds(r.value) and r.value != p.prediction]  # fmt: skip
        parts.append(text(16, y - 12, names[i], "label"))
    said = zip(names, (p for _, p in asked), strict=True)
    spoken = "; ".join(f"{name}: {measured(p)}, {p.verdict}" for name, p in said)
    alt = f"Exponents beside predictions. {spoken}."
    return Chart(drawing(width, height, alt, *parts), "", alt)


def _dense(asked: Sequence[Asked]) -> Chart:
    """Rows without names, sorted by what was measured in units of what was predicted."""
    known = [(a, p, p.exponent.alpha / p.prediction) for a, p in asked
             if p.exponent and math.isfinite(p.exponent.alpha)]  # fmt: skip
    known.sort(key=lambda row: row[2])
    step = max(5.0, min(12.0, 420 / max(len(known), 1)))
    width, height = 480.0, 20 + step * len(known) + 40
    ends = [end / p.prediction for _, p, _ in known if p.exponent for end in p.exponent.interval]
    x = Scale.over([0.9, 1.1, *(r for *_, r in known), *(v for v in ends if -0.5 < v < 3)],
                   14, width - 14)  # fmt: skip
    frame = Frame(x, Scale(0, 1, height - 40, 8))
    parts = [_upright(frame, "α measured / α predicted")]
    for i, (answer, p, _) in enumerate(known):
        tolerance = answer.prediction.tolerance
        parts.append(_row(x, 14 + step * (i + 0.5), step / 2, p, tolerance, p.prediction))
    ratios = f" from {known[0][2]:.2f} to {known[-1][2]:.2f}" if known else ""
    alt = f"{len(known)} measured exponents in units of the predicted ones,{ratios}."
    return Chart(drawing(width, height, alt, *parts), "", alt)


def _upright(frame: Frame, label: str) -> str:
    """An axis of x with its grid, and none of y."""
    x, bottom, top = frame.x, frame.y.start, frame.y.end
    ticks = x.ticks()
    lines = "".join(f"M{x(v):.1f} {bottom:.1f}V{top:.1f}" for v in ticks)
    numbers = "".join(text(x(v), bottom + 14, f"{v:g}", "tick mid") for v in ticks)
    return (
        f'<path class="grid" d="{lines}"/><path class="axis" d="M{x.start:.1f} {bottom:.1f}'
        f'H{x.end:.1f}"/>{numbers}'
        + text((x.start + x.end) / 2, bottom + 31, label, "label mid")
    )  # fmt: skip


def _row(x: Scale, y: float, half: float, p: ExponentResult, tolerance: float, unit: float) -> str:
    """One interval with its marker, over the band of its prediction; all in units of `unit`."""
    low, high = (_within(x, p.prediction * (1 + s * tolerance) / unit) for s in (-1, 1))
    at = x(_within(x, p.prediction / unit))
    parts = [
        f'<rect class="band" x="{x(low):.1f}" y="{y - half:.1f}" '
        f'width="{x(high) - x(low):.1f}" height="{2 * half:.1f}"/>',
        f'<path class="line ink" d="M{at:.1f} {y - half:.1f}v{2 * half:.1f}"/>',
    ]
    if p.likely:
        ends = [x(_within(x, end / unit)) for end in (p.likely[0], p.likely[-1])]
        above = y - half / 2
        parts.append(f'<path class="line ink" d="M{ends[0]:.1f} {above:.1f}H{ends[1]:.1f}"/>')
    e = p.exponent
    if e and math.isfinite(e.alpha):
        if np.isfinite(e.interval).all():
            ends = [x(_within(x, end / unit)) for end in e.interval]
            line = f"M{ends[0]:.1f} {y:.1f}H{ends[1]:.1f}"
            parts.append(f'<path class="bar {p.verdict}" d="{line}"/>')
        at = x(_within(x, e.alpha / unit))
        parts.append(marker(at, y, p.verdict or "", f"{p.label}: {measured(p)}"))
    return "".join(parts)


# ---- confidence curves ---------------------------------------------------------------------------


POINTS = 61
LEVEL = 0.05
"""p at which 95 % intervals end."""
METHODS = ("teacher-t", "common", "profile")
"""The intervals of sampling."""
P_CAPTION = (
    "p of every α, by the scatter between teachers (solid), with the noise that they have in "
    "common (dotted), and by the profile of a law with a floor (dashed): 1 at the estimate; the "
    "95 % interval of each ends where it crosses the thin line at .05. Band: the interval that is "
    "quoted. Black stroke: the prediction."
)


def confidence_sections(answers: Answers) -> list[Section]:
    """The curves of all settings that have an interval."""
    charts, rows = [], []
    for answer in answers:
        for p in answer.points:
            alphas = _alphas(p)
            curves = (
                confidence(p.exponent, _scan_of(p), alphas) if p.exponent and alphas.size else {}
            )
            if curves:
                charts.append(_card(answer, p, alphas, curves))
                rows += _p_rows(p, alphas, curves)
    if not charts:
        return []
    columns = ("setting", "alpha", *METHODS)
    drawn = Charts("confidence", "Confidence curves", charts, P_CAPTION, Rows(columns, rows))
    return [Section("Confidence curves", [drawn])]


def _scan_of(p: ExponentResult) -> Scan:
    x, loss, teacher, seed = map(np.array, zip(*p.fitted.rows, strict=True))
    return Scan.of(x, loss, teacher, seed)


def _alphas(p: ExponentResult) -> np.ndarray:
    """The α of the curves: twice the longest interval, the quoted one and the prediction,
    if that is no farther than that again."""
    e = p.exponent
    if e is None or e.arrays is None or not np.isfinite(e.interval).all():
        return np.array([])
    centre = float(e.arrays.alpha[0])
    halves = [float(h[0]) for h in e.arrays.halves.values() if np.isfinite(h[0])]
    reach = max([1.4 * max(halves, default=0.0), *(abs(end - centre) for end in e.interval)])
    ends = [centre - reach, centre + reach]
    if abs(p.prediction - centre) < 2 * reach:
        ends.append(p.prediction)
    even = np.linspace(min(ends), max(ends), POINTS)
    return np.union1d(even, [centre]) if reach > 0 else np.array([])


def _card(
    answer: Answer, p: ExponentResult, alphas: np.ndarray, curves: Mapping[str, np.ndarray]
) -> Chart:
    e = p.exponent
    assert e
    frame = Frame(Scale.over(alphas.tolist(), 50, 340, pad=0.02), Scale(0.0, 1.04, 168, 16))
    low, high = e.interval
    parts = [
        frame.band((low, high), (0.0, 0.0), (1.04, 1.04)),
        frame.axes("exponent α", "p", y_most=4),
        frame.line((frame.x.low, frame.x.high), (LEVEL, LEVEL), "line ink thin"),
        *(frame.line(alphas.tolist(), curve.tolist(), f"line {name}")
          for name, curve in curves.items()),
        frame.line((p.prediction, p.prediction), (0.0, 1.04), "line ink"),
    ]  # fmt: skip
    if frame.x.holds(p.prediction):
        right = frame.x(p.prediction) < 280
        at = frame.x(p.prediction) + (4 if right else -4)
        parts.append(text(at, 12, answer.prediction.text, "label" if right else "label end"))
    alt = (f"Confidence curves of {p.label}: α = {alpha(e)}, quoted {interval(e.interval)}, "
           f"{p.prediction:.3g} predicted.")  # fmt: skip
    title = f"{p.label} — {interval(e.interval)}"
    return Chart(drawing(350, 204, alt, *parts), title, alt)


def _p_rows(p: ExponentResult, alphas: np.ndarray, curves: Mapping[str, np.ndarray]) -> list[tuple]:
    def told(name: str, i: int) -> str:
        value = float(curves[name][i]) if name in curves else math.nan
        return f"{value:.4f}" if math.isfinite(value) else ""

    return [(p.label, f"{a:.5g}", *(told(name, i) for name in METHODS))
            for i, a in enumerate(alphas.tolist())]  # fmt: skip


# ---- scan by scan --------------------------------------------------------------------------------


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
    found += confidence_sections(claimed)
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
    """The remedy of an undecided exponent."""
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
    rows = [row for answer in answers for p in answer.points for row in _scan_rows(answer, p)]
    columns = ("setting", "x", "mean", "factor", "fit", "residual", "teachers")
    return Charts("scans", "Losses, residuals and local exponents", charts, SCAN_CAPTION,
                  Rows(columns, rows))  # fmt: skip


SCAN_CAPTION = (
    "Top: small dots are single runs, discs their geometric mean over teachers with its standard "
    "error, the line is the fit; hollow discs were left out of it, and ×n at the upper "
    "edge counts runs that failed, diverged or are missing. Middle: log of each teacher's mean "
    "over its own fit. Bottom: local exponents, slopes between neighbouring x, with their 95 % "
    "intervals, beside the fitted α (line) with its interval (band) and the prediction (dashed). A "
    "power law is a level row."
)


def _scan_rows(answer: Answer, p: ExponentResult) -> Iterator[tuple]:
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
    """Mark at the upper edge the number of runs without a loss, by x."""
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
    """Draw the effect of other budgets, loss by loss, where scans were trained again."""
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
