"""The store as a study sees it, setting by setting, and the contract of what is found in it.

    Setting        d and what varies besides: what all runs of one scan share
    CellRuns       the runs of one setting with their rows: the scan, its checks, its limits
    StudyResults   a study beside its store; each kind of finding is found once, however many ask
    Finding        what every finding is, whatever its kind

Of an x whose budget was raised (`lab.execution.budgets`) the longest training counts. What is
fitted of the rows is the regime's `reading`. Nothing is fitted or judged here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from lab.execution import budgets
from lab.execution.store import Row, Store
from lab.regimes.axes import Key, Values
from lab.regimes.regime import COUNTED, Origin, Regime
from lab.scaling.judge.verdict import Doubt
from lab.scaling.scans.scan import Scan
from lab.spec import Run
from lab.tables.prediction import Claim


@dataclass(frozen=True)
class Setting:
    """d and the (name, value) pairs of what varies; two of one study are never equal.

    spectral: whether d counts the modes of a spectral task.
    """

    dim: int | float
    pairs: tuple[tuple[str, Any], ...] = ()
    spectral: bool = False

    @classmethod
    def of(cls, study: Regime, run: Run, key: Key, varying: Collection[str]) -> Setting:
        """The setting of a run. key: its manifold and (name, value) pairs, see
        `lab.regimes.axes.Key`; varying: the names that have more than one value in the study."""
        manifold, *fixed = key
        pairs = [(name, value) for name, value in fixed if name in varying]
        if study.title:
            pairs.insert(0, ("title", study.title))
        if len(manifold) > 1:
            pairs.insert(0, ("manifold", "×".join(f"{kind} {d}" for kind, d in manifold)))
        return cls(run.task.dim, tuple(pairs), run.task.decays is not None)

    @property
    def varying(self) -> dict[str, Any]:
        """The settings that vary, by name."""
        return dict(self.pairs)

    def but(self, changes: Mapping[str, Any]) -> Setting:
        """The setting that has these other values, of names that vary, and all else in common."""
        return replace(self, pairs=tuple((k, changes.get(k, v)) for k, v in self.pairs))

    @property
    def dimension(self) -> str:
        """d as text, or how many modes a spectral task has."""
        return f"{self.dim or '∞'} modes" if self.spectral else f"d = {self.dim}"

    @property
    def name(self) -> str:
        """The settings that vary, as text."""
        return named(self.varying)

    @property
    def label(self) -> str:
        """The dimension and what varies, as text."""
        return ", ".join(filter(None, [self.dimension, self.name]))


def varies(keys: Iterable[Key]) -> frozenset[str]:
    """The names that have more than one value in these settings of one study."""
    values: dict[str, set[Any]] = defaultdict(set)
    for _, *fixed in keys:
        for name, value in fixed:
            values[name].add(value)
    return frozenset(name for name, some in values.items() if len(some) > 1)


def named(varying: Mapping[str, Any]) -> str:
    """Settings as text; a word that two of its names end in is told apart by the first."""
    last = [name.split(".")[-1] for name in varying]
    return ", ".join(
        value_text(v) if name == "title" else
        f"{name.replace('.', ' ') if last.count(word) > 1 else word} {value_text(v)}"
        for word, (name, v) in zip(last, varying.items(), strict=True)
    )  # fmt: skip


def value_text(value: Any) -> str:
    """The value of a setting: widths as 8×8."""
    return "×".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


@dataclass(frozen=True)
class CellRuns:
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


STATES = {"diverged": Doubt.DIVERGED, "failed": Doubt.FAILED, "missing": Doubt.UNFINISHED}
"""The doubt of runs by their state."""


def lacking(rows: Iterable[Row | None]) -> tuple[Doubt, ...]:
    """Doubts that runs give which are not done; None: of a run that is missing."""
    there = {row.status if row else "missing" for row in rows}
    return tuple(doubt for state, doubt in STATES.items() if state in there)


def cells_of(study: Regime, store: Store) -> dict[Key, CellRuns]:
    """Every setting with its runs, each x at the level of its budget.

    A check is kept with the run of the scan that it repeats.
    """
    levels = budgets.levels(study, store.states())
    asked = []
    for cell in study.all_cells:
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
    found: dict[Key, CellRuns] = {}
    for cell, run, against in asked:
        cells = found.get(cell.setting)
        if cells is None:
            cells = found[cell.setting] = CellRuns([], {}, {}, largest[cell.setting])
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
    if not study.has_size_counts:
        return scan
    sizes = {
        float(study.x(run)): (*run.student.leading(run.task.D_amb, run.task.outputs), run.N)
        for run in runs
    }
    lead, _, N = zip(*(sizes[x] for x in scan.x.tolist()), strict=True)
    order = study.order(runs[0].task, runs[0].student)
    return scan.counted(np.array(lead, float), np.array(N, float), order=order)


def pairs(study: Regime, cells: CellRuns, role: str) -> dict:
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


@dataclass(frozen=True)
class SettingRuns:
    """The runs of one setting with their rows."""

    setting: Setting
    cells: CellRuns

    @cached_property
    def done(self) -> list[tuple[Run, Row]]:
        """The finished runs of the scan."""
        return [(run, row) for run, row in self.cells.scan if row and row.status == "done"]

    @property
    def lacking(self) -> tuple[Doubt, ...]:
        """Doubts that runs of the scan give which are not done."""
        return lacking(row for _, row in self.cells.scan)

    @cached_property
    def _by_seed(self) -> bool:
        return len({run.task.teacher for run, _ in self.cells.scan}) == 1

    def unit(self, run: Run) -> int:
        """The independent unit of a run: its teacher, or its seed where there is one teacher."""
        return int(run.seed if self._by_seed else run.task.teacher)

    def units(self, *statuses: str) -> tuple[set[int], int]:
        """Units of which every run has one of these statuses, and how many units are planned."""
        planned = {self.unit(run) for run, _ in self.cells.scan}
        lacking = {self.unit(run) for run, row in self.cells.scan
                   if row is None or row.status not in statuses}  # fmt: skip
        return planned - lacking, len(planned)


@dataclass(frozen=True)
class StudyResults:
    """A study, its store, and how each kind of finding is found.

    replicates: of the bootstrap of exponents. fitted: instead of the regime's reading, where an
    older table is read, see `lab.findings.older`. origin, place: the file that it was read from,
    and what goes before the keys of an override of this panel, as in "panel.2.".
    """

    study: Regime
    store: Store
    finders: Mapping[str, Callable[[StudyResults], tuple]]
    replicates: int = 2000
    fitted: Callable[[Regime, SettingRuns], Values] | None = None
    origin: Origin = Origin()
    place: str = ""
    _found: dict[Any, tuple] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def cells(self) -> dict[Key, CellRuns]:
        """The cells of every setting, in the order of the grid."""
        return cells_of(self.study, self.store)

    @cached_property
    def stored(self) -> tuple[SettingRuns, ...]:
        """Every setting in the order of the grid, stored or not."""
        found = self.cells
        varying = varies(found)
        return tuple(
            SettingRuns(Setting.of(self.study, cells.scan[0][0], key, varying), cells)
            for key, cells in found.items()
        )

    def reading(self, one: SettingRuns) -> Values:
        """The values that are fitted in a setting."""
        if self.fitted is not None:
            return self.fitted(self.study, one)
        return self.study.reading(one.done, one.cells.limit())

    def predicted(self, claim: Claim) -> Iterator[tuple[SettingRuns, float]]:
        """Every setting, and the value of a claim's formula there."""
        quantity = self.study.quantity(claim)
        formula = quantity.default if claim.formula is None else claim.formula
        for one in self.stored:
            run = one.cells.scan[0][0]
            yield one, quantity.value(self.study, run.task, run.student, formula or 0)

    def beside(self, claim: Claim, kind: str) -> Iterator[tuple[Any, Setting, float]]:
        """The finding of each setting, of a kind that has one for each, the setting, and the value
        of a claim's formula there."""
        for (one, value), found in zip(self.predicted(claim), self.found(kind), strict=True):
            yield found, one.setting, value

    def found(self, kind: str) -> tuple:
        """The findings of a kind, found when first asked for.

        Raises LookupError for an unknown kind.
        """
        if kind not in self.finders:
            known = ", ".join(self.finders)
            raise LookupError(
                f"'{kind}' is no kind of finding; those known are {known}. "
                "Register it in lab.findings.kinds.KINDS."
            )
        return self.once(self.finders[kind])

    def once(self, find: Callable[[StudyResults], tuple]) -> tuple:
        """The results of a function of this question, worked out when first asked for."""
        if find not in self._found:
            self._found[find] = tuple(find(self))
        return self._found[find]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One finding.

    setting: the setting that it is about; None where it spans several of them.
    doubts: what may be wrong with it, slugs of `lab.scaling.judge.verdict.Doubt` or sentences of
        its own.
    verdict: agrees, contradicts or undecided; None where nothing was predicted.
    """

    setting: Setting | None = None
    doubts: tuple[str, ...] = ()
    verdict: str | None = None

    @property
    def label(self) -> str:
        """The setting in words, to begin a sentence with; empty where nothing is told apart."""
        return self.setting.label if self.setting else ""

    def plain(self) -> Any:
        """Its values under the names that JSON has them by; numbers may still be NumPy's."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class ClaimedFinding(Finding):
    """A finding `at` one setting which the claims of the study judge: it has no verdict of its own,
    and stands beside the points and in none of them, which is why its `setting` is None."""

    at: Setting

    @property
    def label(self) -> str:
        """The setting as text."""
        return self.at.label
