"""What the store has of each scan of a study: runs and rows by their part, and the values to fit.

Of an x whose budget was raised (`lab.execution.budgets`) the longest training counts. What is
fitted of the rows is the regime's `reading`. Nothing is fitted or judged here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from lab.execution import budgets
from lab.execution.store import Row, Store
from lab.regimes.cell import Key, Values
from lab.regimes.regime import COUNTED, Regime
from lab.scaling import Scan
from lab.scaling.judge.doubts import Doubt
from lab.spec import Run


@dataclass(frozen=True)
class Cells:
    """The runs of one setting with their rows, None where nothing is stored: of the scan, of each
    check of it by (role, factor), the run of the scan that it repeats with its row and the check's;
    and of the students on unlimited data by budget. `budget` is the largest level of an x."""

    scan: list[tuple[Run, Row | None]]
    checks: dict[tuple[str, float], list[tuple[Run, Row | None, Row | None]]]
    limits: dict[float, list[tuple[Run, Row | None]]]
    budget: float = 1.0

    @property
    def rows(self) -> list[Row]:
        """Every row of the setting; one may stand in several places."""
        limits = [row for some in self.limits.values() for _, row in some]
        checks = [row for some in self.checks.values() for _, *both in some for row in both]
        scan = [row for _, row in self.scan]
        return [row for row in (*scan, *limits, *checks) if row is not None]

    def limit(self, budget: float = 1.0) -> list[tuple[Run, Row]]:
        """The finished runs on unlimited data with this budget."""
        return finished(self.limits.get(budget, ()))


def finished(found: Iterable[tuple[Run, Row | None]]) -> list[tuple[Run, Row]]:
    """The runs that are done."""
    return [(run, row) for run, row in found if row and row.status == "done"]


def cells_of(study: Regime, store: Store) -> dict[Key, Cells]:
    """Every setting with its runs, each x at the level of its budget.

    A check is kept with the run of the scan that it repeats.
    """
    levels = budgets.levels(study, store.states())
    asked = []
    for cell in study.laid_out:
        run = against = cell.run
        if cell.role in ("scan", *budgets.CHECKS):
            now = levels[cell.setting, cell.x]
            against, run = budgets.at(study, cell.base, now), budgets.of(study, cell, now)
        elif cell.role != "limit":  # one of the rate was trained as planned, whatever the level
            against = cell.base
        asked.append((cell, run, against))
    keys = [run.fingerprint() for _, *both in asked for run in both]
    rows = store.rows(keys)
    if study.counts != COUNTED:
        seen = store.observations(keys)
        rows = {key: replace(row, observations=seen.get(key, ())) for key, row in rows.items()}
    largest: dict[Key, float] = {}
    for (setting, _), now in levels.items():
        largest[setting] = max(now, largest.get(setting, now))
    found: dict[Key, Cells] = {}
    for cell, run, against in asked:
        cells = found.get(cell.setting)
        if cells is None:
            cells = found[cell.setting] = Cells([], {}, {}, largest[cell.setting])
        row = rows.get(run.fingerprint())
        if cell.role == "scan":
            cells.scan.append((run, row))
        elif cell.role == "limit":
            cells.limits.setdefault(cell.factor, []).append((run, row))
        else:
            some = cells.checks.setdefault((cell.role, cell.factor), [])
            some.append((against, rows.get(against.fingerprint()), row))
    return found


def scan_of(study: Regime, values: Values, runs: list[Run]) -> Scan:
    """The scan of these values, with every count of the sizes of the runs they come from."""
    scan = Scan.of(values.x, values.value, values.teacher, values.seed)
    if not study.counted:
        return scan
    sizes = {
        float(study.x(run)): (*run.student.leading(run.task.D_amb, run.task.outputs), run.N)
        for run in runs
    }
    lead, _, N = zip(*(sizes[x] for x in scan.x.tolist()), strict=True)
    order = study.order(runs[0].task, runs[0].student)
    return scan.counted(np.array(lead, float), np.array(N, float), order=order)


def pairs(study: Regime, cells: Cells, role: str) -> dict:
    """(x, teacher, value, value otherwise) of the checks of one role, by (role, factor).

    Values are what is fitted, each at its own budget. Checks by rate or first weights have no limit
    of their own: of them the losses are compared.
    """
    found = {}
    for key, some in cells.checks.items():
        both = [
            (run, scan, check)
            for run, scan, check in some
            if scan and check and scan.status == check.status == "done"
        ]
        if key[0] != role or not both:
            continue
        scans = [(run, scan) for run, scan, _ in both]
        checks = [(run, check) for run, _, check in both]
        if role == "budget":
            one = study.reading(scans, cells.limit())
            other = study.reading(checks, cells.limit(key[1]))
        else:
            one, other = study.losses(scans), study.losses(checks)
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
