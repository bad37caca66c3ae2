"""What a study leaves for people: the table, the fits and the two figures, in its results folder.

`table` is plain text for the terminal; `write` makes report.md, table.csv, fits.json and the
figures as PNG and SVG. Everything here can be made again from the store.
"""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from lab.runs.answer import Answer, Point, as_json
from lab.runs.store import Store
from lab.show import comparison
from lab.study import LIMITS

HEAD = ("d", "prediction", "α", "95 % interval", "profile", "verdict", "doubts", "teachers", "runs",
        "x", "loss ×budget", "Δα ×budget")  # fmt: skip


def head(answer: Answer) -> tuple[str, ...]:
    """The columns of the table; rivals have one where the study names any."""
    return (*HEAD, "rivals") if answer.study.prediction.rivals else HEAD


def lines(answer: Answer) -> list[tuple[str, ...]]:
    """The table of the answer as text cells, one row per point, in the columns of `head`."""
    return [_cells(answer, p) for p in answer.points]


def _cells(answer: Answer, p: Point) -> tuple[str, ...]:
    e, c = p.exponent, p.convergence
    name = ", ".join(filter(None, [str(p.dim), p.name]))
    rivals = "; ".join(f"{r.formula} = {r.value:.3g} {_FATE[r.survives]}" for r in p.rivals)
    x = sorted({row[0] for row in p.rows})
    return (
        name,
        f"{answer.study.prediction.exponent} = {p.prediction:.3g}",
        _number(e.alpha) if e else "–",
        _interval(e.interval) if e else "–",
        _interval(e.intervals["profile"]) if e and "profile" in e.intervals else "–",
        p.verdict,
        ", ".join(p.doubts) or "none",
        str(p.teachers),
        str(p.runs),
        f"{answer.x_name} {x[0]:.0f}–{x[-1]:.0f}" if x else "–",
        f"×{math.exp(float(c.change.mean())):.2f}" if c else "–",
        f"{c.alpha:+.2f} ± {2 * c.alpha_error:.2f}" if c else "–",
        *([rivals] if p.rivals else []),
    )


_LIMITS = {"kernel": "exact NTK regression", "tangent": "the linearised models"}
_FATE = {True: "survives", False: "excluded", None: "undecided"}


def sentences(answer: Answer) -> list[str]:
    """The line across d, and what would decide each undecided point."""
    found = []
    for setting, line in answer.lines:
        if line is None:
            continue
        name = next(p.name for p in answer.points if p.setting == setting)
        found.append(
            f"{name + ': ' if name else ''}α = {line.intercept:.2f} "
            f"[{line.intercept_interval[0]:.2f}, {line.intercept_interval[1]:.2f}] + "
            f"{line.slope:.2f} [{line.slope_interval[0]:.2f}, {line.slope_interval[1]:.2f}] / d  "
            f"(95 % intervals; d = {', '.join(f'{d:g}' for d in line.dims)})"
        )
    for p in answer.points:
        name = p.label
        if p.advice:
            found.append(f"{name}: {p.advice}")
        for limit, w, gap in p.gaps:
            found.append(
                f"{name}: at w = {w} the mean loss lies {gap:+.2%} above that of {_LIMITS[limit]}."
            )
        if p.conditioning:
            condition, jitter = p.conditioning
            found.append(
                f"{name}: condition number at most {condition:.1g}, "
                + (f"jitter up to {jitter:.0e} of the diagonal." if jitter else "no jitter.")
            )
    return found


def write(answer: Answer, store: Store, name: str) -> list[Path]:
    """Write the report of an answer into the store's folder; returns the files."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from lab.show import figures

    path = store.path
    path.mkdir(parents=True, exist_ok=True)
    captions: list[tuple[str, str, str]] = []
    for file, title, draw in (
        ("exponents", "Exponent against dimension", figures.exponents),
        ("losses", f"Loss against {answer.x_name}", figures.losses),
    ):
        figure, caption = draw(answer)
        FigureCanvasAgg(figure)
        figure.savefig(path / f"{file}.png")
        figure.savefig(path / f"{file}.svg", metadata={"Date": None})
        captions.append((file, title, caption))
    (path / "fits.json").write_text(json.dumps(_fits(answer, name), indent=1) + "\n")
    _csv(answer, path / "table.csv")
    (path / "report.md").write_text(_markdown(answer, name, captions), encoding="utf-8")
    files = ["report.md", "table.csv", "fits.json"]
    return [path / f for f in (*files, *(f"{c[0]}.png" for c in captions))]


def _markdown(answer: Answer, name: str, captions: list[tuple[str, str, str]]) -> str:
    study = answer.study
    columns = head(answer)
    rows = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    rows += ["| " + " | ".join(_escape(c) for c in cells) + " |" for cells in lines(answer)]
    parts = [
        f"# {name}",
        _escape(study.question),
        f"Regime {study.regime}; prediction α = {study.prediction.exponent} as "
        f"{'a lower bound' if study.prediction.sense == 'bound' else 'an equality'}, tolerance "
        f"{study.prediction.tolerance:.0%}, written before the run.",
        "\n".join(rows),
        _method(answer),
        "\n".join(f"- {_escape(s)}" for s in sentences(answer)),
        comparison.markdown(answer),
    ]
    for file, title, caption in captions:
        parts.append(f"![{title}]({file}.png)\n\n*{_escape(caption)}*")
    return "\n\n".join(p for p in parts if p) + "\n"


def _method(answer: Answer) -> str:
    study = answer.study
    law = "a power law" if study.no_floor else "a power law plus floor"
    text = (f"α: mean over teachers of the exponent of {law}; interval: 95 %, Student's t over "
            "teachers; profile: 95 % profile likelihood of one exponent for all teachers. x: "
            "smallest and largest of the scan.")  # fmt: skip
    if study.regime in LIMITS:
        text += (" Fitted is the mean excess of the relative loss over its limit, "
                 f"{LIMIT_WORDS[study.regime]}.")  # fmt: skip
    if study.checked:
        text += (
            " Columns ×budget: change of the loss (geometric mean), and of "
            f"α with its 95 % error, when the scans of {len(study.checked)} of "
            f"{study.task.teacher.count} teachers were trained again with "
            f"{study.evidence.budget:g} times the steps."
        )
    if study.prediction.rivals:
        within = f"{study.prediction.tolerance:.0%}"
        text += f" A rival survives if the interval meets it within {within}."
    return text


LIMIT_WORDS = {
    "variance-data": "the same model on the whole population of data",
    "variance-width": "exact NTK regression (after as many steps)",
}


def _fits(answer: Answer, name: str) -> dict[str, Any]:
    found = as_json(answer, name)
    for entry, p in zip(found["points"], answer.points, strict=True):
        e = p.exponent
        if p.expected:
            entry["expected"] = comparison.values(p)
        if e is None:
            continue
        entry["fit"] = {
            "law": e.law, "status": e.status, "parameters": _plain_numbers(e.parameters),
            "intervals": {k: [_null(v) for v in pair] for k, pair in e.intervals.items()},
            "x": e.x.tolist(), "used": e.used.tolist(), "stretch": list(e.stretch), "cells": e.n,
            "teacher_alpha": [_null(v) for v in e.teacher_alpha.tolist()],
            "tests": _plain_numbers(e.tests), "starts": e.starts, "advice": e.advice,
        }  # fmt: skip
        if p.convergence:
            c = p.convergence
            entry["convergence"] = {
                "budget": c.budget, "x": c.x.tolist(), "log_change": c.change.tolist(),
                "alpha_change": c.alpha, "alpha_change_error": c.alpha_error,
            }  # fmt: skip
    return found


def _csv(answer: Answer, path: Path) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["dim", "setting", "prediction", "alpha", "lo", "hi", "verdict", "doubts",
                         "teachers", "runs", "diverged", "failed"])  # fmt: skip
        for p in answer.points:
            e = p.exponent
            numbers = (e.alpha, *e.interval) if e else (math.nan,) * 3
            setting = json.dumps(p.setting, ensure_ascii=False) if p.setting else ""
            writer.writerow([p.dim, setting, p.prediction, *(f"{v:.6g}" for v in numbers),
                             p.verdict, " ".join(p.doubts), p.teachers, p.runs, p.diverged,
                             p.failed])  # fmt: skip


def _plain_numbers(values: dict[str, float]) -> dict[str, float | None]:
    return {k: _null(v) for k, v in values.items()}


def _null(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _interval(ends: tuple[float, float]) -> str:
    return f"[{_number(ends[0])}, {_number(ends[1])}]"


def _number(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "–"


def _escape(text: str) -> str:
    """Markdown that renders as text, HTML included."""
    for a, b in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "\\|")):
        text = text.replace(a, b)
    return text
