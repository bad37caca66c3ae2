"""Run lists: the runs of one setting as they are stored, for those who look at single runs.

Object: every planned run of the scan with its row, None where nothing is stored, and of the checks
and limits how many are done. Nothing is fitted or judged here, and a list holds nothing of its own:
it points at the `CellRuns` of its setting. The page has them alone: what there is and what is
missing, learning curves, and what a click tells of a run. The names of runs are the first digits of
their fingerprints.
"""

from __future__ import annotations

import math
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from lab.execution.store import Row
from lab.files import to_jsonable
from lab.findings.answer import Answer
from lab.findings.drawing import by_dimension, runs
from lab.findings.study_results import CellRuns, Finding, Setting, StudyResults, value_text
from lab.findings.view import Answers, Block, CaptionedFigure, Rows, TextTable, View, findings_of
from lab.regimes.regime import Origin, Regime
from lab.spec import Run

MISSING = "missing"
"""The state of a run of which nothing is stored."""


@dataclass(frozen=True)
class Entry:
    """One run of the scan at its x, and its row."""

    x: float
    run: Run
    row: Row | None

    @property
    def status(self) -> str:
        """done, diverged, failed or missing."""
        return self.row.status if self.row else MISSING


@dataclass(frozen=True)
class SettingRunList(Finding):
    """The runs of one setting. They have no doubts and no verdict."""

    study: Regime
    setting: Setting = field(kw_only=True)
    cells: CellRuns

    @cached_property
    def entries(self) -> list[Entry]:
        """The runs of the scan in the order of the plan."""
        return [Entry(float(self.study.x(run)), run, row) for run, row in self.cells.scan]

    @cached_property
    def others(self) -> list[Row | None]:
        """The rows of its checks and limits."""
        checks = [row for some in self.cells.checks.values() for *_, row in some]
        return checks + [row for some in self.cells.limits.values() for _, row in some]

    def plain(self) -> dict[str, Any]:
        """Numbers of runs of the scan by state."""
        return dict(Counter(entry.status for entry in self.entries))


def run_lists(question: StudyResults) -> tuple[SettingRunList, ...]:
    """One per setting, in the order of the grid."""
    return tuple(SettingRunList(question.study, one.cells, setting=one.setting)
                 for one in question.stored)  # fmt: skip


# ---- what is there, and learning curves ----------------------------------------------------------


DIGITS = 10
"""Digits: enough to tell 10⁴ runs apart, with a chance of 10⁻⁴ that two are alike."""
POINTS = 12
"""Points of a learning curve that a small drawing can show."""
MOST, FEWEST = 500, 16
"""Runs of all settings that are drawn, and told of; of more every nth, and at least so many
of each setting."""
STATES = ("done", "diverged", "failed", "missing")


def most_dots(answers: Answers) -> int:
    """The dots that each setting of these answers may have in a drawing."""
    return max(FEWEST, MOST // max(1, sum(len(answer.points) for answer in answers)))


def thinned(some: Sequence[Any], most: int) -> Sequence[Any]:
    """Every nth, no more than this."""
    return some[:: max(1, -(-len(some) // most))]


def names(record: SettingRunList) -> dict[tuple[float, int, int], str]:
    """The name of every stored run of a setting, by x, teacher and seed."""
    return {(e.x, e.run.task.teacher, e.run.seed): e.row.fingerprint[:DIGITS]
            for e in record.entries if e.row}  # fmt: skip


def below(answers: Answers) -> list[Block]:
    """The state of the runs in a sentence, and by setting."""
    records = findings_of(answers, "records")
    if not records:
        return []
    rows = [
        (
            r.label,
            str(len({e.x for e in r.entries})),
            str(len(r.entries)),
            *(str(r.plain().get(state, 0)) for state in STATES),
            _short_of(r),
        )
        for r in records
    ]
    columns = ("setting", "x", "planned", *STATES, "x that lack runs")
    return [_state(records), TextTable(columns, rows, shown=())]


def _short_of(record: SettingRunList) -> str:
    lacking = Counter(e.x for e in record.entries if e.status != "done")
    return ", ".join(f"{x:g} ({n})" for x, n in sorted(lacking.items())) or "–"


def _state(records: Sequence[SettingRunList]) -> str:
    count = Counter(entry.status for record in records for entry in record.entries)
    others = [row for record in records for row in record.others]
    done = sum(row is not None and row.status == "done" for row in others)
    total = sum(count.values())
    states = ", ".join(f"{count[state]} {state}" for state in STATES if count[state])
    rest = f" Of {len(others)} checks and limits {done} are done." if others else ""
    return f"{total} runs of scans: {states}.{rest}"


def figures(answers: Answers) -> list[CaptionedFigure]:
    """The worst and a typical run of every setting whose students descended."""
    panels: dict[str, list[tuple[Any, str, Any]]] = {}
    rows = []
    for answer in answers:
        for record in answer.found("records"):
            both = _worst_and_typical(record)
            if both is None:
                continue
            at = record.setting
            panels.setdefault(at.name, []).append((at.dim, at.dimension, both))
            rows += [(record.label, name, f"{e.x:g}", e.run.task.teacher, e.run.seed, n, f"{v:.5g}")
                     for name, e in zip(("worst", "typical"), both, strict=True)
                     for n, v in _curve(e)]  # fmt: skip
    if not rows:
        return []
    figure = by_dimension(panels, _draw_curves, share=True, xscale="log", yscale="log",
                          xlabel="steps", ylabel="test loss, relative")  # fmt: skip
    columns = ("setting", "run", "x", "teacher", "seed", "step", "relative loss")
    return [CaptionedFigure(
        "curves", "Learning curves", figure,
        "Dashed, the worst: the run whose loss lies farthest above the median of its x. Solid, a "
        "typical one: the run nearest to that median. A curve that still falls at its end was "
        "trained too little.",
        "Learning curves of the worst and of a typical run of every setting.", Rows(columns, rows),
    )]  # fmt: skip


def _draw_curves(ax: Any, both: tuple[Entry, Entry], colour: Any, label: str) -> None:
    for entry, style, name in zip(both, (".--", ".-"), (None, label), strict=True):
        curve = [(n, v) for n, v in _curve(entry) if n > 0 and v > 0]
        if entry.row and curve:
            x, losses = zip(*curve, strict=True)
            (line,) = ax.plot(x, losses, style, color=colour, lw=1.2, ms=4, label=name)
            runs(line, [entry.row.fingerprint[:DIGITS]] * len(curve))


def _curve(entry: Entry) -> list[tuple[int, float]]:
    """Step and loss, thinned to what a drawing shows; the last point always stays."""
    curve = [(n, v) for n, v in (entry.row.curve if entry.row else ()) if math.isfinite(v)]
    return curve[:: -max(1, -(-len(curve) // POINTS))][::-1]


def _worst_and_typical(record: SettingRunList) -> tuple[Entry, Entry] | None:
    """The run farthest above the median of its x, and the one of that x nearest to it."""
    there = [e for e in record.entries if e.row and e.row.relative and len(e.row.curve) > 1]
    if not there:
        return None
    at: dict[float, list[float]] = {}
    for e in there:
        at.setdefault(e.x, []).append(_log(e))
    median = {x: float(np.median(logs)) for x, logs in at.items()}
    worst = max(there, key=lambda e: _log(e) - median[e.x])
    same = [e for e in there if e.x == worst.x]
    return worst, min(same, key=lambda e: abs(_log(e) - median[e.x]))


def _log(entry: Entry) -> float:
    assert entry.row and entry.row.relative
    return math.log(entry.row.relative)


def told(answers: Answers) -> list[dict[str, Any]]:
    """Data that a click needs, by setting, as plain values: its name and settings, the command
    that trains it again and what else that trains, the steps of its curves, and its runs (some of
    very many), each as (name, x, teacher, seed, status, relative loss, seconds, curve)."""
    found = [
        _told(answer, r.label, _stored(answer, r, most_dots(answers)), answer.study.axis.symbol)
        for answer in answers for r in answer.found("records")
    ]  # fmt: skip
    known = {run[0] for one in found for run in one["runs"]}
    for answer in answers:
        for plane in answer.found("plane"):
            for size, entries in by_data(plane.entries).items():
                new = [e for e in entries if e.row and e.row.fingerprint[:DIGITS] not in known]
                label = f"{plane.label}, D = {size or '∞'}"
                found.append(_told(answer, label, new, "N"))
    return [one for one in found if one["runs"]]


def by_data(entries: Iterable[Entry]) -> dict[int | None, list[Entry]]:
    """The runs of a plane by their D, ascending, None, unlimited data, last."""
    found: dict[int | None, list[Entry]] = {}
    for e in sorted(entries, key=lambda e: (e.run.size is None, e.run.size or 0)):
        found.setdefault(e.run.size, []).append(e)
    return found


def _told(answer: Answer, label: str, entries: list[Entry], axis: str) -> dict[str, Any]:
    study, origin = answer.study, answer.record.origin
    steps = dict.fromkeys(tuple(n for n, _ in _curve(e)) for e in entries)
    place = {some: i for i, some in enumerate(steps)}
    run = entries[0].run if entries else None
    return to_jsonable({
        "label": ", ".join(filter(None, [study.title, label])),
        "axis": axis,
        "settings": _settings(study, run) if run else {},
        **(dict(zip(("command", "trains"), command(study, origin, run.task.dim), strict=True))
           if run else {}),
        "steps": [*steps],
        "runs": [_run(e, place) for e in entries],
    })  # fmt: skip


def _stored(answer: Answer, record: SettingRunList, most: int) -> list[Entry]:
    """The runs of a setting that are stored; of very many those that have a dot in a drawing."""
    stored = [e for e in record.entries if e.row]
    if len(stored) <= most:
        return stored
    kept = {id(e) for e in _worst_and_typical(record) or thinned(stored, most)}
    dots = {(x, k, s) for p in answer.points if p.setting == record.setting
            for x, _, k, s in thinned(p.fitted.rows, most)}  # fmt: skip
    return [e for e in stored
            if id(e) in kept or (e.x, e.run.task.teacher, e.run.seed) in dots]  # fmt: skip


def _run(e: Entry, place: dict[tuple[int, ...], int]) -> list[Any]:
    assert e.row
    curve = _curve(e)
    return [
        e.row.fingerprint[:DIGITS], e.x, e.run.task.teacher, e.run.seed, e.row.status,
        _short(e.row.relative), _short(e.row.seconds),
        *([place[tuple(n for n, _ in curve)], [_short(v) for _, v in curve]] if curve else []),
    ]  # fmt: skip


def _short(value: float | None) -> float | None:
    """Three digits, which a drawing needs and a reader reads."""
    return None if value is None else float(f"{value:.3g}")


def _settings(study: Regime, run: Run) -> dict[str, str]:
    """Settings that all runs share, by the names of the study file."""
    manifold, *fixed = study.setting(run)
    shown = {"regime": study.regime, "task.manifold": "×".join(f"{k} {d}" for k, d in manifold)}
    shown |= {key: value_text(v) for key, v in fixed if v not in (None, "", ())}
    if run.training.steps:
        stages = ", ".join(f"{n} steps of {b} at {r:g}" for n, b, r in run.training.stages)
        shown |= {"training": f"{run.training.optimiser}: {stages}"}
    return shown


def command(study: Regime, origin: Origin, dim: int | float) -> tuple[str, str]:
    """The command that trains a setting again, beside what is stored, and what it trains: all of
    this d, or the whole study, of which no single panel can be run. Empty of a study without a
    file."""
    if origin.file is None:
        return "", ""
    alone = len(study.task.dims) > 1 and not study.title
    only = [f"task.manifold.dim={dim}"] if alone else []
    words = replace(origin, overrides=(*origin.overrides, *only)).command("run")
    command = shlex.join(["lab", *words, "--results", "again"])
    return command, f"d = {dim}" if alone else "the whole study"


VIEW = View(below=below, figures=figures, json="nowhere", title="What is there and what is missing")
