"""What the store has of each scan of a study: runs and rows by their part, and the values to fit.

A setting is everything of the grid that is neither x, teacher nor seed. Of an x whose budget was
raised (`budgets.py`) the longest training counts. Of networks in a scan over D the loss on
unlimited data is what the excess is counted from. Nothing is fitted or judged here.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lab import planned
from lab.answers.excess import excess
from lab.execution import budgets
from lab.execution.store import Row, Store
from lab.scaling import Scan
from lab.scaling.judge.doubts import Doubt
from lab.spec import Planned, Run
from lab.study import Study

LIMIT_SHARE = 0.5
"""Share of the loss at the largest D beyond which L∞ makes up most of it."""


@dataclass(frozen=True)
class Cells:
    """The runs of one setting with their rows, None where nothing is stored: of the scan, of each
    check of it by (role, factor), the run of the scan that it repeats with its row and the check's;
    and of the students on unlimited data by budget. `budget` is the largest level of an x."""

    scan: list[tuple[Run, Row | None]]
    checks: dict[tuple[str, float], list[tuple[Run, Row | None, Row | None]]]
    limits: dict[float, list[tuple[Run, Row | None]]]
    budget: float = 1.0


def cells_of(study: Study, store: Store) -> dict[tuple, Cells]:
    """Every setting with its runs, each x at the level of its budget.

    A check is kept with the run of the scan that it repeats.
    """
    states = store.states()
    levels = {
        cell: budgets.level(study, runs, states) for cell, runs in budgets.cells(study).items()
    }

    def leveled(run: Run, factor: float = 1.0) -> Run:
        return budgets.at(study, run, factor * levels[(*study.point(run), study.x(run))])

    asked = []
    for p in study.plan:
        base = planned.base(study, p)
        run = against = p.run
        if p.role in ("scan", "budget"):
            run, against = leveled(base, p.factor), leveled(base)
        elif p.role != "limit":  # one of the rate was trained as planned, whatever the level
            against = base
        asked.append((p, base, run, against))
    wanted = list(dict.fromkeys(run for *_, run, against in asked for run in (run, against)))
    rows = dict(zip(wanted, (row for _, row in store.found(map(Planned, wanted))), strict=True))
    found: dict[tuple, Cells] = {}
    for p, base, run, against in asked:
        key = setting_key(study, base)
        if key not in found:
            found[key] = Cells([], defaultdict(list), defaultdict(list))
        cells = found[key]
        if p.role == "scan":
            cells.scan.append((run, rows[run]))
        elif p.role == "limit":
            cells.limits[p.factor].append((run, rows[run]))
        else:
            cells.checks[p.role, p.factor].append((against, rows[against], rows[run]))
    raised = defaultdict(lambda: 1.0)
    for (task, student, size, _), now in levels.items():
        raised[task, student, size] = max(raised[task, student, size], now)
    return {
        key: Cells(c.scan, dict(c.checks), dict(c.limits), raised[study.point(c.scan[0][0])])
        for key, c in found.items()
    }


def setting_key(study: Study, run: Run) -> tuple:
    """Everything that stays fixed in a scan, as (name, value) pairs; the manifold first."""
    task, student, size = study.point(run)
    fixed: dict[str, Any] = {"p": task.power, "teacher.gain": task.teacher_gain,
                             "noise": task.noise}  # fmt: skip
    if task.decays:
        fixed |= {"a": task.decays[0], "b": task.decays[1]}
    elif task.covariance:
        kind, settings = task.covariance
        fixed |= {"teacher.covariance": kind, **{f"teacher.{k}": v for k, v in settings}}
    else:
        fixed |= {"teacher.widths": task.teacher_widths, "teacher.bias": task.teacher_bias,
                  "teacher.activation": task.teacher_activation}  # fmt: skip
    fixed |= {"student.widths": student.widths, "student.activation": student.activation}
    fixed |= {f"student.{k}": v for k, v in student.settings} | {"data.size": size}
    return (task.manifold, *fixed.items())


@dataclass(frozen=True)
class Values:
    """What is fitted: x, value, teacher and seed of every entry, what the value is, and doubts."""

    x: np.ndarray
    value: np.ndarray
    teacher: np.ndarray
    seed: np.ndarray
    unit: str = "relative loss"
    doubts: tuple[Doubt, ...] = ()


def losses(study: Study, done: list[tuple[Run, Row]]) -> Values:
    """The relative losses of finished runs, run by run."""
    return Values(
        np.array([study.x(run) for run, _ in done], float),
        np.array([row.relative for _, row in done], float),
        np.array([run.task.teacher for run, _ in done], int),
        np.array([run.seed for run, _ in done], int),
    )


def values_of(study: Study, cells: Cells, done: list[tuple[Run, Row]]) -> Values:
    """The losses, or their excess over the limit that the regime or the runs know."""
    raw = losses(study, done)
    if not done:
        return raw
    limit_kind = done[0][0].limit
    if limit_kind:
        limit = np.array([row.details["limit"] for _, row in done], float)
        over = excess(raw.x, raw.value, limit, raw.teacher, smallest=limit_kind == "data")
        keep = over.positive
        return Values(over.x[keep], over.mean[keep], over.teacher[keep],
                      np.zeros(int(keep.sum()), int), "mean excess", over.doubts)  # fmt: skip
    if study.measures_limit:
        return _over_the_limit(cells, raw)
    return raw


def _over_the_limit(cells: Cells, raw: Values, budget: float = 1.0) -> Values:
    """Excess over each teacher's loss on unlimited data, cell by cell (geometric means over seeds),
    both trained with `budget` times the steps.

    An L∞ that makes up most of the loss at the largest D is the doubt `floor`: its own error is
    then that of the excess.
    """
    known: dict[int, list[float]] = defaultdict(list)
    for run, row in cells.limits.get(budget, ()):
        if row and row.status == "done":
            known[run.task.teacher].append(math.log(row.relative))
    if not set(raw.teacher.tolist()) <= set(known):
        return replace(raw, doubts=(Doubt.LIMIT_UNMEASURED,))
    at = sorted(set(zip(raw.teacher.tolist(), raw.x.tolist(), strict=True)))
    teacher, x = (np.array(v) for v in zip(*at, strict=True))
    loss = np.array([np.log(raw.value[(raw.teacher == k) & (raw.x == D)]).mean() for k, D in at])
    loss, limit = np.exp(loss), np.exp([np.mean(known[k]) for k in teacher.tolist()])
    keep = loss > limit
    doubts = () if keep.all() else (Doubt.EXCESS_UNRESOLVED,)
    if np.median((limit / loss)[x == x.max()]) > LIMIT_SHARE:
        doubts = (*doubts, Doubt.FLOOR)
    return Values(x[keep], (loss - limit)[keep], teacher[keep], np.zeros(int(keep.sum()), int),
                  "excess over unlimited data", doubts)  # fmt: skip


def scan_of(study: Study, values: Values, runs: list[Run]) -> Scan:
    """The scan of these values, with every count of the sizes of the runs they come from."""
    scan = Scan.of(values.x, values.value, values.teacher, values.seed)
    if not study.counted:
        return scan
    sizes = {
        float(study.x(run)): (*run.student.leading(run.task.D_amb, run.task.outputs), run.N)
        for run in runs
    }
    lead, order, N = zip(*(sizes[x] for x in scan.x.tolist()), strict=True)
    power = order[0] if study.scan.size == "width" else 1
    return scan.counted(np.array(lead, float), np.array(N, float), order=power)


def pairs(study: Study, cells: Cells, role: str) -> dict:
    """(x, teacher, value, value otherwise) of the checks of one role, by (role, factor).

    Values are losses, run by run. Where a limit is known at either budget they are what is fitted,
    the excess over it, cell by cell; a limit was not trained at other rates.
    """
    found = {}
    for key, some in cells.checks.items():
        both = [
            (base, scan, check)
            for base, scan, check in some
            if scan and check and scan.status == check.status == "done"
        ]
        if key[0] != role or not both:
            continue
        one, other = (losses(study, [(entry[0], entry[i]) for entry in both]) for i in (1, 2))
        if study.measures_limit and role == "budget":
            one, other = _over_the_limit(cells, one), _over_the_limit(cells, other, key[1])
            if Doubt.LIMIT_UNMEASURED in (*one.doubts, *other.doubts):
                continue
        values = _by_cell(other)
        matched = [
            (x, k, value, values[x, k, s])
            for (x, k, s), value in _by_cell(one).items()
            if (x, k, s) in values
        ]
        if matched:
            found[key] = matched
    return found


def _by_cell(values: Values) -> dict[tuple[float, int, int], float]:
    """The value of every (x, teacher, seed), as plain numbers."""
    cells = zip(values.x.tolist(), values.teacher.tolist(), values.seed.tolist(), strict=True)
    return dict(zip(cells, values.value.tolist(), strict=True))
