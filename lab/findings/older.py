"""Older tables: what was fitted, without the runs that it was fitted of.

Tables of before have six columns, dim, setting, x, loss, teacher and seed, with seven digits. Their
values are judged again as far as they carry: a run of the plan that has a value there is one that
is done, and nothing else is known of it. What an older table lacks is told (`lacking`), and not
assumed: without repeated budgets nothing shows that students were trained long enough, and doubts
that runs gave (TAKEN) are those of the report beside the table. Without that nothing is decided.

What it does not do: stand for a store elsewhere. The report beside such a table knew more, and is
not written again from it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lab.execution.store import Store
from lab.execution.table import PROVENANCE, Row, Value
from lab.findings import provenance
from lab.findings.study_results import SettingRuns, StudyResults
from lab.kinds.student import STUDENTS
from lab.mistakes import StudyError
from lab.regimes import axes
from lab.regimes.axes import Values
from lab.regimes.regime import Regime
from lab.scaling.judge.verdict import Doubt
from lab.spec import Run

FITTED_KINDS = ("exponents", "calibrated", "lines", "contrasts")
"""Kinds of finding that need nothing but what was fitted."""
TAKEN = (
    Doubt.DIVERGED, Doubt.FAILED, Doubt.ILL_CONDITIONED, Doubt.EXTRAPOLATED, Doubt.FLOOR,
    Doubt.EXCESS_UNRESOLVED, Doubt.REFERENCE_NOT_CONVERGED, Doubt.LIMIT_UNMEASURED,
)  # fmt: skip
"""Doubts that runs tell of, and fitted values do not."""
REPORT = "fits.json"
LARGEST = 2**26
"""Bytes of a report that is looked at."""
SOLVED = {"kernel": "condition numbers", "simplex": "shares of test points outside all cells"}
"""Details that runs of a kind of student leave."""
OTHERS = {
    "gaps": "losses of the limits of infinite width",
    "plane": "losses on the plane of N and D",
    "coverage": "estimates of the dimension",
}
"""Needs of the other kinds that an older table lacks."""

Place = tuple[str, str, str, int, int]


@dataclass(frozen=True)
class Older:
    """The values of an older table by dim, setting, x, teacher and seed. file: its path. doubts: of
    the report beside it, by dim and setting; None where there is none."""

    file: str
    values: Mapping[Place, float]
    doubts: Mapping[tuple[str, str], Collection[str]] | None = None

    @classmethod
    def of(cls, store: Store) -> Older | None:
        """The older table that is read in place of a store; None where there is none."""
        kept = next((one for one in store.tables if one.values), None)
        if kept is None:
            return None
        values = {_place(value): value.loss for value in kept.values}
        return cls(str(kept.file), values, _doubts(kept.file.with_name(REPORT)))

    def fill(self, store: Store, scans: Collection[StudyResults]) -> int:
        """Take the runs that have a value into the store in memory, all repetitions of a mean, with
        what is known of them; returns how many values are of no run of these scans.

        Raises StudyError where no value is of any.
        """
        at = {
            (run, self._at(question.study, one, run))
            for question in scans for one in question.stored for run, _ in one.cells.scan
        }  # fmt: skip
        left = len(self.values.keys() - {place for _, place in at})
        if left == len(self.values):
            raise StudyError(
                [f"{self.file}: none of its {left} values is of a run that the study plans; the "
                 "table is of another study, or this one was edited since: run it"]
            )  # fmt: skip
        unknown = dict.fromkeys(PROVENANCE)
        store.add(
            Row(run.fingerprint(), "{}", "done", run.N, None, None, None, (), None, None, None,
                unknown)
            for run, place in at if place in self.values
        )  # fmt: skip
        return left

    def reading(self, scan: Regime, one: SettingRuns) -> Values:
        """The fitted values of the setting: one value per run, or per mean over repetitions."""
        found = {}
        for run, _ in one.done:
            place = self._at(scan, one, run)
            if place in self.values:  # a run that panels share may have its value in another
                found[place] = (float(scan.x(run)), self.values[place], *place[-2:])
        columns = zip(*found.values(), strict=True) if found else ((), (), (), ())
        x, value, teacher, seed = (np.array(column) for column in columns)
        return Values(x, value, teacher, seed, scan.ordinate.unit, tuple(self._doubted(one)))

    def _doubted(self, one: SettingRuns) -> Iterator[Doubt]:
        """Details of the runs when the report was written."""
        if self.doubts is None:
            yield Doubt.UNCHECKED
            return
        then = self.doubts.get((str(one.setting.dim), provenance.setting_json(one.setting)), ())
        yield from (doubt for doubt in TAKEN if doubt in then)

    def _at(self, scan: Regime, one: SettingRuns, run: Run) -> Place:
        setting = one.setting
        seed = run.seed if _plain(scan) else 0
        x = f"{float(scan.x(run)):.10g}"
        return str(setting.dim), provenance.setting_json(setting), x, run.task.teacher, seed


def lacking(older: Older, asked: Collection[tuple[Regime, Collection[str]]], left: int) -> str:
    """Sentences: what the table has no answer for, of the scans and kinds that were asked."""
    without = []
    if any(scan.trained for scan, _ in asked):
        without.append("repeated budgets, so that nothing shows that the students were trained "
                       "long enough")  # fmt: skip
    if any(not _plain(scan) for scan, kinds in asked if "exponents" in kinds):
        without.append("losses beside their limits, only means of what lies between")
    without += {SOLVED[scan.student.kind]: 0 for scan, _ in asked if scan.student.kind in SOLVED}
    if any(STUDENTS[scan.student.kind].risk for scan, _ in asked):
        without.append("losses to compare with those of theory")
    if any(scan.measured for scan, _ in asked):
        without.append("measured dimensions")
    without += [words for kind, words in OTHERS.items() if any(kind in kinds for _, kinds in asked)]
    without.append("record of when its runs were made, and by what")
    if older.doubts is None:
        without.append(f"report {REPORT} beside it with the doubts of then")
    taken = (
        ""
        if older.doubts is None
        else (f" Doubts that only runs tell of are those of {REPORT} beside it.")
    )
    strange = f" {left} of its values are of no run that the study plans." if left else ""
    return (
        f"{older.file} is an older table: it has what was fitted, and no runs. Not judged again: "
        f"the table has no {'; no '.join(without)}.{taken}{strange}"
    )


def _doubts(file: Path) -> dict[tuple[str, str], Collection[str]] | None:
    """The doubts of every point of a report, None where none can be read."""
    try:
        if file.stat().st_size > LARGEST:
            return None
        there = json.loads(file.read_bytes())
        parts = there.get("panels", [there])
        return {
            (str(point["dim"]), _text(point.get("setting"))): frozenset(point["doubts"])
            for part in parts for point in part["points"]
        }  # fmt: skip
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _text(setting: Mapping[str, Any] | None) -> str:
    return json.dumps(setting, ensure_ascii=False) if setting else ""


def _place(value: Value) -> Place:
    return value.dim, value.setting, value.x, value.teacher, value.seed


def _plain(scan: Regime) -> bool:
    """True if losses themselves are fitted, run by run."""
    return scan.ordinate == axes.LOSS
