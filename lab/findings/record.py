"""The record of a study: how the runs that it tells of came about, and these runs at their places.

Object: what was asked when (`lab.execution.registration`), and of the stored rows their number by
status, their times, machines and versions. Of each claim its `History`: whether it was written
before the runs. Everything is from the store, so that a report made twice is the same.

The runs stand at their places as the table of the study has them (`lab.execution.table`): every
run of the plan, scan by scan, and every run of a raised budget. A fitted value stands at the run
that it is fitted of; a mean over repetitions at the first of them that is done.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from lab.config.study import Study
from lab.execution import budgets
from lab.execution.registration import Predicted, Registered, predicted, registered
from lab.execution.store import FINISHED, Row, Store
from lab.execution.table import Tabled, texts
from lab.findings.study_results import Setting, SettingRuns, StudyResults
from lab.regimes.axes import Key
from lab.regimes.regime import COUNTED, Origin, Regime
from lab.spec import Planned, Run
from lab.students.solvers import Observation


def setting_json(setting: Setting) -> str:
    """What varies besides d, as JSON; empty where nothing does."""
    return json.dumps(setting.varying, ensure_ascii=False) if setting.pairs else ""


def tabled(study: Study, store: Store, questions: Iterable[StudyResults]) -> tuple[Tabled, ...]:
    """The stored runs in the order of the plan. questions: the scans that were asked."""
    asked = {id(question.study): question for question in questions}
    states = store.states()
    return tuple(
        entry
        for panel in study.panels
        for entry in _panel(panel, store, asked, many=len(states) > len(study.plan))
    )


def _panel(
    panel: Regime, store: Store, asked: dict[int, StudyResults], *, many: bool
) -> Iterator[Tabled]:
    """many: whether the store has runs that the plan has not, such as those of raised budgets."""
    seen: set[str] = set()
    for scan in panel.scans:
        question = asked.get(id(scan)) or StudyResults(scan, store, {})
        places = {cell.planned: (cell.setting, cell.x) for cell in scan.all_cells}
        if many:
            for planned in budgets.every(scan):
                places.setdefault(planned, (scan.setting(planned.run), scan.x(planned.run)))
        for entry in _scan(question, places):
            seen.add(entry.row.fingerprint)
            yield entry
    for planned, row in store.found(panel.plan):  # what no scan of it has
        if row and row.fingerprint not in seen:
            setting = Setting.of(panel, planned.run, panel.setting(planned.run), ())
            yield Tabled(setting.dim, setting_json(setting), panel.x(planned.run), planned, row)


def _scan(question: StudyResults, places: dict[Planned, tuple[Key, int]]) -> Iterator[Tabled]:
    settings = dict(zip(question.cells, (one.setting for one in question.stored), strict=True))
    fitted = dict(_fitted(question))
    found = question.store.found(places)
    for planned, row in found:
        if row is None:
            continue
        key, x = places[planned]
        setting = settings[key]
        value = fitted.pop((setting, planned.run), None)  # it stands once
        yield Tabled(setting.dim, setting_json(setting), x, planned, row, value)


def _fitted(question: StudyResults) -> Iterator[tuple[tuple[Setting, Run], float]]:
    """Values that were fitted, by setting and the run that each stands at; none of a regime that
    fits nothing, and where a value is an observation at a checkpoint: it stands with those."""
    if "exponents" not in question.study.findings or question.study.counts != COUNTED:
        return
    of = {point.setting: point.fitted for point in question.found("exponents")}
    for one in question.stored:
        at = _places(question.study, one)
        for x, value, teacher, seed in of[one.setting].rows:
            yield (one.setting, at[x, teacher, seed]), value


def _places(study: Regime, one: SettingRuns) -> dict[tuple[float, int, int], Run]:
    """The finished runs by x, teacher and seed; by seed 0 the first of each x and teacher, where no
    run has it."""
    at: dict[tuple[float, int, int], Run] = {}
    for run, _ in one.done:
        at[float(study.x(run)), run.task.teacher, run.seed] = run
    for run, _ in one.done:
        at.setdefault((float(study.x(run)), run.task.teacher, 0), run)
    return at


@dataclass(frozen=True)
class History:
    """What is known of when one claim of one scan was written.

    now: what is reported. unregistered: whether other claims were registered and not this one.
    first: what was registered before the first run, `time`; None if nothing
    was. earlier: rows that had finished before that. since: the time from which on what is reported
    now was registered; None if it never was.
    """

    now: Predicted
    first: Predicted | None = None
    time: float = 0.0
    earlier: int = 0
    since: float | None = None
    unregistered: bool = False

    @property
    def changed(self) -> bool:
        """Whether another formula, sense, tolerance or place was claimed before the first run."""
        return self.first is not None and self.first.judged != self.now.judged

    @property
    def before(self) -> bool:
        """Whether what is reported was written before every one of the runs."""
        return self.first is not None and not self.changed and not self.earlier


@dataclass(frozen=True)
class Provenance:
    """How runs came about.

    planned, missing: runs of the plan, and those of them that have no row. raised: rows of budgets
    beyond the plan. counts: rows by status. finished: when the newest one ended, in seconds since
    1970. seconds: the time of all, summed. devices, versions: every one of the rows, as text;
    versions by name. entries: the stored runs at their places. asked: what `registered` was read
    from. observations: of these runs, by fingerprint. lacking: sentences on what the older table
    lacks that stands for a store; nothing else is known then but how many values it has, `planned`.
    """

    origin: Origin = Origin()
    question: str = ""
    registered: tuple[Registered, ...] = ()
    planned: int = 0
    missing: int = 0
    raised: int = 0
    counts: tuple[tuple[str, int], ...] = ()
    finished: float | None = None
    seconds: float = 0.0
    devices: tuple[str, ...] = ()
    versions: tuple[tuple[str, tuple[str, ...]], ...] = ()
    entries: tuple[Tabled, ...] = field(default=(), repr=False, compare=False)
    asked: tuple[tuple[float, str], ...] = field(default=(), repr=False)
    observations: Mapping[str, tuple[Observation, ...]] = field(
        default_factory=dict, repr=False, compare=False
    )
    lacking: str = ""

    def count(self, status: str) -> int:
        """Rows of one status."""
        return dict(self.counts).get(status, 0)

    @property
    def argv(self) -> tuple[str, ...]:
        """The words after `lab` of the command that trained the study with these overrides."""
        same = [one.argv for one in self.registered if one.overrides == self.origin.overrides]
        return same[-1] if same else ()

    @cached_property
    def table(self) -> dict[str, str]:
        """The text of the files that stand for the store where none is, by name."""
        return texts(self.entries, self.asked, self.observations)


def provenance(study: Study, store: Store, scans: Sequence[StudyResults]) -> Provenance:
    """The record of all planned runs, and of the raised budgets that its scans have."""
    plan = {planned.run.fingerprint() for planned in study.plan}
    rows = store.rows(plan) | {row.fingerprint: row for scan in scans for row in _rows(scan)}
    some, entries = [rows[key] for key in sorted(rows)], tabled(study, store, scans)
    times = [row.provenance["finished"] for row in some if row.provenance["finished"] is not None]
    names = ("lab", "git", "jax", "numpy")
    return Provenance(
        origin=study.origin, question=study.question, registered=registered(store),
        planned=len(plan), missing=len(plan - rows.keys()), raised=len(rows.keys() - plan),
        counts=tuple(sorted(Counter(row.status for row in some).items())),
        finished=max(times, default=None), seconds=sum(row.seconds or 0.0 for row in some),
        devices=_distinct(some, "device"),
        versions=tuple((name, _distinct(some, name)) for name in names),
        entries=entries, asked=tuple(store.registered()),
        observations=store.observations(entry.row.fingerprint for entry in entries),
    )  # fmt: skip


def histories(scan: StudyResults, kept: Collection[Registered]) -> tuple[History, ...]:
    """When each claim of a scan was written, in their order."""
    ends = [row.provenance["finished"] for row in _rows(scan) if row.status in FINISHED]
    seen: Counter[str] = Counter()
    found = []
    for now in predicted(scan.study):
        found.append(_history(now, seen[now.quantity], kept, ends))
        seen[now.quantity] += 1
    return tuple(found)


def _history(
    now: Predicted, place: int, kept: Collection[Registered], ends: Collection[float | None]
) -> History:
    """When one claim was written. place: of it among those of the scan about the same quantity;
    ends: when the rows of the scan were finished."""
    of = [(one.time, found[place]) for one in kept
          if len(found := one.claimed(now.title, now.quantity)) > place]  # fmt: skip
    if not of:
        return History(now, unregistered=bool(kept))
    time, first = of[0]
    earlier = sum(end is None or end < time for end in ends)
    since = None
    for when, then in reversed(of):
        if then.judged != now.judged:
            break
        since = when
    return History(now, first, time, earlier, since)


def _rows(question: StudyResults) -> list[Row]:
    """The rows of all settings, each once."""
    return list(
        {row.fingerprint: row for one in question.stored for row in one.cells.rows}.values()
    )


def _distinct(rows: Iterable[Row], name: str) -> tuple[str, ...]:
    values: set[Any] = {row.provenance.get(name) for row in rows}
    return tuple(sorted(str(value) for value in values if value))
