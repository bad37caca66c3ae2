"""The record of a study: how the runs that it tells of came about, as its store knows it.

Object: what was asked when (`lab.execution.registration`), and of the stored rows their number by
status, their times, machines and versions. Of each claim its `History`: whether it was written
before the runs. Everything is from the store, so that a report made twice is the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from lab.execution.registration import Predicted, Registered, predicted, registered
from lab.execution.store import FINISHED, Row, Store
from lab.execution.table import Tabled, texts
from lab.findings.question import Question
from lab.findings.tabled import tabled
from lab.regimes.origin import Origin
from lab.students.result import Observation
from lab.study import Study


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
class Record:
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


def record(study: Study, store: Store, scans: Sequence[Question]) -> Record:
    """The record of all planned runs, and of the raised budgets that its scans have."""
    plan = {planned.run.fingerprint() for planned in study.plan}
    rows = store.rows(plan) | {row.fingerprint: row for scan in scans for row in _rows(scan)}
    some, entries = [rows[key] for key in sorted(rows)], tabled(study, store, scans)
    times = [row.provenance["finished"] for row in some if row.provenance["finished"] is not None]
    names = ("lab", "git", "jax", "numpy")
    return Record(
        origin=study.origin, question=study.question, registered=registered(store),
        planned=len(plan), missing=len(plan - rows.keys()), raised=len(rows.keys() - plan),
        counts=tuple(sorted(Counter(row.status for row in some).items())),
        finished=max(times, default=None), seconds=sum(row.seconds or 0.0 for row in some),
        devices=_distinct(some, "device"),
        versions=tuple((name, _distinct(some, name)) for name in names),
        entries=entries, asked=tuple(store.registered()),
        observations=store.observations(entry.row.fingerprint for entry in entries),
    )  # fmt: skip


def histories(scan: Question, kept: Collection[Registered]) -> tuple[History, ...]:
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


def _rows(question: Question) -> list[Row]:
    """The rows of all settings, each once."""
    return list(
        {row.fingerprint: row for one in question.stored for row in one.cells.rows}.values()
    )


def _distinct(rows: Iterable[Row], name: str) -> tuple[str, ...]:
    values: set[Any] = {row.provenance.get(name) for row in rows}
    return tuple(sorted(str(value) for value in values if value))
