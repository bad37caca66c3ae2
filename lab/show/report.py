"""What a study leaves for people: the table, the fits and the figures, in its results folder.

`lines` is plain text for the terminal; `write` makes report.md, table.csv, fits.json and the
figures as PNG and SVG. Everything here can be made again from the store.
"""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

from lab.answers.answer import Answer, Point, as_json, named, value_text
from lab.answers.contrasts import Contrast, contrasts
from lab.answers.contrasts import as_json as contrast_as_json
from lab.answers.gaps import Gap
from lab.answers.phases import PhaseMap
from lab.answers.phases import as_json as map_as_json
from lab.execution.store import Store
from lab.plain import plain
from lab.scaling import Exponent
from lab.scaling.judge.verdict import explain
from lab.scaling.laws.plane import LIMITED
from lab.scaling.scans.estimates import LAWS
from lab.show import comparison
from lab.show.markdown import escape, table

HEAD = ("d", "prediction", "α", "95 % interval", "verdict", "relation", "doubts", "teachers",
        "runs", "x", "α in N", "α in hidden", "forecast", "Δα training")  # fmt: skip


BRIEF = 7
"""Columns that a terminal shows, and the rivals; the report has the others."""


def brief(cells: tuple[str, ...]) -> tuple[str, ...]:
    """What a terminal shows of a row of the table or of its head."""
    return (*cells[:BRIEF], *cells[len(HEAD) :])


def head(answers: tuple[Answer, ...]) -> tuple[str, ...]:
    """The columns of the table; rivals have one where the study names any."""
    rivals = any(answer.study.prediction.rivals for answer in answers)
    return (*HEAD, "rivals") if rivals else HEAD


def lines(answers: tuple[Answer, ...]) -> list[tuple[str, ...]]:
    """The table of the answers as text cells, one row per point, in the columns of `head`."""
    columns = len(head(answers))
    cells = [_cells(answer, p) for answer in answers for p in answer.points]
    return [(*row, *[""] * (columns - len(row))) for row in cells]


def _cells(answer: Answer, p: Point) -> tuple[str, ...]:
    e, c = p.exponent, p.convergence
    name = ", ".join(filter(None, [str(p.dim), p.name]))
    rivals = "; ".join(f"{r.formula} = {r.value:.3g} {_FATE[r.survives]}" for r in p.rivals)
    x = sorted({row[0] for row in p.rows})
    by_size = e.by_size if e else {}
    return (
        name,
        f"{answer.study.prediction.text} = {p.prediction:.3g}",
        _alpha(e) if e else "–",
        _interval(e.interval) if e else "–",
        p.verdict,
        (e.relation if e else None) or "–",
        ", ".join(p.doubts) or "none",
        str(p.teachers),
        str(p.runs),
        f"{answer.study.axis.symbol} {x[0]:.0f}–{x[-1]:.0f}" if x else "–",
        *(_counted(by_size[s]) if s in by_size else "–" for s in (1.0, 0.0)),
        _forecast(e) if e and e.forecast else "–",
        f"{c.correction.alpha:+.2f} ± {2 * c.correction.error:.2f}" if c else "–",
        *([rivals] if p.rivals else []),
    )


def _alpha(e: Exponent) -> str:
    """α, or where the curve is no power law, its local exponents at both ends."""
    return " → ".join(_number(end.alpha) for end in e.ends or (e,))


def _counted(value: tuple[float, tuple[float, float]]) -> str:
    alpha, (lo, hi) = value
    return f"{_number(alpha)} ± {_number((hi - lo) / 2)}"


def _forecast(e: Exponent) -> str:
    assert e.forecast
    error, (_, hi) = e.forecast
    return f"{error:+.2f} ± {_number(hi - error)}"


_LIMITS = {"kernel": "exact NTK regression", "tangent": "the linearised models"}
_FATE = {True: "survives", False: "excluded", None: "undecided"}


def sentences(answers: tuple[Answer, ...], maps: tuple[PhaseMap, ...] = ()) -> list[str]:
    """The lines across d, what would decide each undecided point, and what the maps say."""
    said = [sentence for answer in answers for sentence in _sentences(answer)] + doubts(answers)
    return said + [sentence for found in maps for sentence in _of_map(found)]


def _sentences(answer: Answer) -> list[str]:
    found = []
    for setting, line in answer.lines:
        if line is None:
            continue
        name = next(p.name for p in answer.points if p.setting == setting)
        found.append(
            f"{name + ': ' if name else ''}α = {line.intercept:.2f} "
            f"{_interval(line.intercept_interval)} + {line.slope:.2f} "
            f"{_interval(line.slope_interval)} / d  "
            f"(95 % intervals; decided points only: d = {', '.join(f'{d:g}' for d in line.dims)}"
            + (f"; p of a line {line.fit_p:.2g}" if math.isfinite(line.fit_p) else "")
            + (f"; doubts: {', '.join(line.doubts)}" if line.doubts else "") + ")"
        )  # fmt: skip
    for p in answer.points:
        name = p.label
        found += [f"{name}: {text}" for text in p.premises]
        if p.budget > 1:
            found.append(f"{name}: the budget was raised up to {p.budget:g} times the steps.")
        if p.advice:
            found.append(f"{name}: {p.advice}")
        found += [f"{name}: {text}" for g in p.gaps for text in _of_gap(g)]
        if p.conditioning:
            condition, jitter = p.conditioning
            found.append(
                f"{name}: condition number at most {condition:.1g}, "
                + (f"jitter up to {jitter:.0e} of the diagonal." if jitter else "no jitter.")
            )
    return found


def doubts(answers: tuple[Answer, ...]) -> list[str]:
    """Each doubt once, with the points that have it: what it means, which way, what removes it."""
    at: dict[str, list[str]] = {}
    for p in (p for answer in answers for p in answer.points):
        for doubt in p.doubts:
            at.setdefault(doubt, []).append(p.label)
    return [f"{text} ({'; '.join(where)})"
            for (_, where), text in zip(at.items(), explain([*at]), strict=True)]  # fmt: skip


def _of_gap(g: Gap) -> list[str]:
    """What a gap is at both ends, and how that to the tangents falls, whose law nobody judges."""
    ends = " and ".join(f"{_gap(g, i)} at w = {g.w[i]:.0f}" for i in (0, -1))
    found = [f"the mean loss lies {ends} above that of {_LIMITS[g.limit]} (± standard error)."]
    if g.limit == "tangent":
        e = g.exponent
        found.append(
            f"the excess over {_LIMITS[g.limit]} is negative in {g.negative} of {g.cells} cells of "
            f"teacher and width; its absolute value has α = {_number(e.alpha)} "
            f"{_interval(e.interval)}."
        )
    return found


def _of_map(found: PhaseMap) -> list[str]:
    """Which limits where, and how far each joint law can be trusted."""
    if found.plane is None:
        return [f"{found.label}: the map needs a teacher with every cell of the plane; go on "
                "running."]  # fmt: skip
    share = found.plane.share
    data, width = (share > LIMITED).sum(), (share < 1 - LIMITED).sum()
    said = [
        f"of {share.size} cells the data limit {data}, the width {width} and both "
        f"{share.size - data - width}, by the slopes of the mean of {found.teachers} of "
        f"{found.planned} teachers."
    ]
    said += [
        f"{j.law}: exponent of N {_number(j.alpha)} {_interval(j.alpha_interval)}, of D "
        f"{_number(j.beta)} {_interval(j.beta_interval)}; fitted to within {j.residual:.1%}, wrong "
        f"by {j.ahead:.1%} about L(N, ∞), which it has not seen ({j.fit.status})."
        for j in found.joint
    ]
    return [f"{found.label}: {sentence}" for sentence in said]


def _gap(g: Gap, i: int) -> str:
    return f"{100 * g.relative[i]:+.2g} % ± {100 * g.error[i]:.1g} %"


def _gap_table(p: Point) -> str:
    """Width against the gap to each limit, as Markdown."""
    columns = (f"{p.label}: w", *(f"above {_LIMITS[g.limit]}" for g in p.gaps))
    rows = [(f"{w:.0f}", *(_gap(g, i) for g in p.gaps)) for i, w in enumerate(p.gaps[0].w)]
    return table(columns, rows)


def write(
    answers: tuple[Answer, ...], maps: tuple[PhaseMap, ...], store: Store, name: str
) -> list[Path]:
    """Write the report of a study into the store's folder; returns the files."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from lab.show import figures, phases

    path = store.path
    path.mkdir(parents=True, exist_ok=True)
    captions: list[tuple[str, str, str]] = []
    drawn = [
        ("exponents", "Measured and predicted exponents", figures.exponents(answers)),
        ("losses", "Loss curves", figures.losses(answers)),
        ("local", "Local exponents", figures.local_exponents(answers)),
    ]
    for number, found in enumerate(maps, start=1):
        name_of_map = "map" if len(maps) == 1 else f"map-{number}"
        drawn.insert(number - 1, (name_of_map, "Phase map", phases.phases(found)))
    for file, title, (figure, caption) in drawn:
        FigureCanvasAgg(figure)
        with matplotlib.rc_context(figures.STYLE):  # its hash salt makes the SVG reproducible
            figure.savefig(path / f"{file}.png")
            figure.savefig(path / f"{file}.svg", metadata={"Date": None})
        captions.append((file, title, caption))
    (path / "fits.json").write_text(json.dumps(_fits(answers, maps, name), indent=1) + "\n")
    _exponents_csv(answers, path / "exponents.csv")
    _runs_csv(answers, path / "table.csv")
    (path / "report.md").write_text(_markdown(answers, maps, name, captions), encoding="utf-8")
    files = ["report.md", "exponents.csv", "table.csv", "fits.json"]
    return [path / f for f in (*files, *(f"{c[0]}.png" for c in captions))]


def _markdown(
    answers: tuple[Answer, ...],
    maps: tuple[PhaseMap, ...],
    name: str,
    captions: list[tuple[str, str, str]],
) -> str:
    parts = [
        f"# {name}",
        escape(answers[0].study.question),
        *(escape(_asked(answer)) for answer in answers),
        table(head(answers), lines(answers)),
        "α: mean over teachers of the exponent of the fitted law, or, where the curve is no power "
        "law, its local exponents from the smallest to the largest x. Interval: 95 %, the "
        "longest of Student's t over teachers, scatter of cells and scatter of the mean curve, "
        "over all counts of size, as trained and with what more training would add. α in N, α in "
        "hidden: by all parameters, and by the weights between hidden layers. "
        "Forecast: error in log loss of the law of the smaller x about the two largest, ± 95 %. "
        "x: smallest and largest of the scan. table.csv has every value that was fitted.",
        *dict.fromkeys(filter(None, map(_evidence, answers))),
        _differences([c for answer in answers for c in contrasts(answer)]),
        "\n".join(f"- {escape(s)}" for s in sentences(answers, maps)),
        *(_gap_table(p) for answer in answers for p in answer.points if p.gaps),
        *map(comparison.markdown, answers),
    ]
    for file, title, caption in captions:
        parts.append(f"![{title}]({file}.png)\n\n*{escape(caption)}*")
    return "\n\n".join(p for p in parts if p) + "\n"


def _differences(found: list[Contrast]) -> str:
    if not found:
        return ""
    rows = []
    for c in found:
        change = f"{c.name.split('.')[-1]} {value_text(c.before)} → {value_text(c.after)}"
        both = named(c.fixed) or "–"
        rows.append((str(c.dim), change, both, f"{c.change:+.2f}", _interval(c.interval)))
    columns = ("d", "from → to", "both", "Δα", "95 % interval")
    return (
        "Differences between settings, teacher by teacher (Student's t over "
        f"{found[0].teachers} differences):\n\n" + table(columns, rows)
    )


def _asked(answer: Answer) -> str:
    """What was predicted, and what is fitted to what."""
    study = answer.study
    law = LAWS[study.law]
    text = (
        f"{study.title + ': r' if study.title else 'R'}egime {study.regime}; prediction "
        f"α = {study.prediction.text} as "
        f"{'a lower bound' if study.prediction.sense == 'bound' else 'an equality'}, tolerance "
        f"{study.prediction.tolerance:.0%}, written before the run. Fitted: a {law} to "
    )
    text += f"{study.ordinate.words}."
    if study.prediction.rivals:
        within = f"{study.prediction.tolerance:.0%}"
        text += (
            f" A rival survives if the interval meets it within {within}; it "
            "is undecided if a doubt could explain that it does not."
        )
    return text


def _evidence(answer: Answer) -> str:
    """What was trained again, and what the columns say of it."""
    study = answer.study
    if not study.trained:
        return ""
    if not study.checked:
        return "No scan was trained again with another budget: nothing shows that the students " \
               "have converged."  # fmt: skip
    budgets = " and ".join(f"{b:g}" for b in study.evidence.budgets)
    varied = [v for p in answer.points for v in p.variations]
    text = (
        f"Δα training: what unlimited training would add to α, with its 95 % error, from the scans "
        f"of {len(study.checked)} of {study.task.teacher.count} teachers at {budgets} times the "
        "steps; it is in α and in its interval already."
    )
    for p in answer.points:
        for v in p.variations:
            what = "the rate" if v.kind == "rate" else "the variance of the first weights"
            text += (f" At {p.label}, teacher {v.teacher}, {v.factor:g} times {what} changes α by "
                     f"{v.alpha:+.2f} ± {2 * v.error:.2f}.")  # fmt: skip
    return text + ("" if varied else " Rate and first weights were not varied here.")


def _fits(answers: tuple[Answer, ...], maps: tuple[PhaseMap, ...], name: str) -> dict[str, Any]:
    pairs = [contrast_as_json(c) for answer in answers for c in contrasts(answer)]
    found = as_json(answers, name)
    found |= {"contrasts": pairs} if pairs else {}
    found |= {"maps": [*map(map_as_json, maps)]} if maps else {}
    entries = [entry for part in found.get("panels", [found]) for entry in part["points"]]
    points = [p for answer in answers for p in answer.points]
    for entry, p in zip(entries, points, strict=True):
        e = p.exponent
        if p.expected:
            entry["expected"] = comparison.values(p)
        if e is None:
            continue
        entry["fit"] = {
            "law": e.law, "status": e.status, "parameters": e.parameters,
            "intervals": e.intervals,
            "x": e.x.tolist(), "cells": e.n, "teacher_alpha": e.teacher_alpha.tolist(),
            "head": e.head, "beyond": e.beyond, "tests": e.tests, "advice": e.advice,
            "alpha_by_share": {f"{s:g}": {"value": a, "interval": ends}
                               for s, (a, ends) in e.by_size.items()},
        }  # fmt: skip
        if p.convergence:
            entry["convergence"]["by_budget"] = {
                f"{factor:g}": {"x": c.x.tolist(), "teacher": c.teacher.tolist(),
                                "log_change_per_doubling": c.change.tolist()}
                for factor, c in p.convergence.by_budget.items()
            }  # fmt: skip
        if p.variations:
            entry["variations"] = [vars(v) for v in p.variations]
    return plain(found)


def _exponents_csv(answers: tuple[Answer, ...], path: Path) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["dim", "setting", "prediction", "alpha", "lo", "hi", "verdict", "relation",
                         "doubts", "teachers", "runs", "diverged", "failed"])  # fmt: skip
        for p in (p for answer in answers for p in answer.points):
            e = p.exponent
            numbers = (e.alpha, *e.interval) if e else (math.nan,) * 3
            writer.writerow([p.dim, _setting(p), p.prediction, *(f"{v:.6g}" for v in numbers),
                             p.verdict, e.relation if e else "", " ".join(p.doubts), p.teachers,
                             p.runs, p.diverged, p.failed])  # fmt: skip


def _runs_csv(answers: tuple[Answer, ...], path: Path) -> None:
    """One row per value that was fitted: anybody can fit it again."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["dim", "setting", "x", "loss", "teacher", "seed"])
        for p in (p for answer in answers for p in answer.points):
            for x, loss, teacher, seed in p.rows:
                writer.writerow([p.dim, _setting(p), f"{x:.10g}", f"{loss:.7g}", teacher, seed])


def _setting(p: Point) -> str:
    return json.dumps(p.setting, ensure_ascii=False) if p.setting else ""


def _interval(ends: tuple[float, float]) -> str:
    return f"[{_number(ends[0])}, {_number(ends[1])}]"


def _number(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "–"
