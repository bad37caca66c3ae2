"""The provenance of a study: how the runs that it tells of came about, in numbers and in words.

Object: what was asked when (`lab.execution.registration`), and of the stored rows their number by
status, their times, machines and versions. Of each claim its `History`: whether it was written
before the runs. Everything is from the store, nothing from now, so that a report made twice is the
same. Of stores that registered nothing nothing is said.

The runs stand at their places as the table of the study has them (`lab.execution.table`): every
run of the plan, scan by scan, and every run of a raised budget. A fitted value stands at the run
that it is fitted of; a mean over repetitions at the first of them that is done.
"""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from lab.config.study import Study
from lab.execution import budgets
from lab.execution.registration import Predicted, Registered, predicted, registered
from lab.execution.store import FINISHED, Row, Store
from lab.execution.table import Tabled, texts
from lab.findings.study_results import Setting, SettingRuns, StudyResults
from lab.mistakes import duration
from lab.regimes.axes import Key
from lab.regimes.regime import COUNTED, Origin, Regime
from lab.spec import Planned, Run
from lab.students.solvers import Observation
from lab.tables.prediction import COUNTED as BY_SIZE
from lab.tables.prediction import WHERE, declared


def setting_json(setting: Setting) -> str:
    """The settings that vary besides d, as JSON; empty where nothing does."""
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
    """The time at which one claim of one scan was written.

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
        """True if another formula, sense, tolerance or place was claimed before the first run."""
        return self.first is not None and self.first.judged != self.now.judged

    @property
    def before(self) -> bool:
        """True if what is reported was written before every one of the runs."""
        return self.first is not None and not self.changed and not self.earlier


@dataclass(frozen=True)
class Provenance:
    """The origin of the runs.

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


def provenance_of(study: Study, store: Store, scans: Sequence[StudyResults]) -> Provenance:
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
        observations=_told(study, entries, store),
    )  # fmt: skip


def _told(
    study: Study, entries: Sequence[Tabled], store: Store
) -> Mapping[str, tuple[Observation, ...]]:
    """The observations that the table keeps, by fingerprint."""
    keys = [entry.row.fingerprint for entry in entries]
    found = {key: tuple(seen) for key, seen in store.observations(keys).items()}
    rows = {entry.row.fingerprint: entry.row for entry in entries}
    for panel in study.panels:
        for planned in panel.plan:
            key = planned.run.fingerprint()
            if key in found:
                found[key] = tuple(panel.kept(planned.run, rows[key].scale, found[key]))
    return found


def histories(scan: StudyResults, kept: Collection[Registered]) -> tuple[History, ...]:
    """History of each claim of a scan, in their order."""
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
    """History of one claim. place: of it among those of the scan about the same quantity;
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


# ---- in words ------------------------------------------------------------------------------------


SENSES = {"bound": "a lower bound", "equal": "an equality", "covers": "a least share"}
NAMES = {"lab": "lab", "git": "commit", "jax": "JAX", "numpy": "NumPy"}


def written(histories: Sequence[History | None]) -> str:
    """Clause with the time at which claims were written, comma first; empty if that is unknown."""
    some = "some of them " * (len(histories) > 1)
    known = [history for history in histories if history and history.first]
    if any(history.changed for history in known):
        return f", {some}changed after the first run"
    if any(history.earlier for history in known):
        return f", {some}registered after some of the runs"
    if any(history and history.unregistered for history in histories):
        return f", {some}written after the runs"
    return ", written before the run" if known and len(known) == len(histories) else ""


def changes(histories: Sequence[History]) -> str:
    """The claims before the run and when they changed, in sentences; empty if none did or nothing
    is known."""
    return " ".join(text for history in histories for text in _changes(history))


def _changes(history: History) -> Iterator[str]:
    if history.first is None:
        return
    if history.earlier:
        bear, were = ("bears", "it was") if history.earlier == 1 else ("bear", "they were")
        yield (
            f"A prediction was first registered on {date(history.time)}, and {history.earlier} of "
            f"these runs {bear} an earlier time: {were} there already, or a clock was set back; "
            "either way nothing shows that the prediction came first."
        )
    if history.changed:
        since = (
            f"what is reported now was registered on {date(history.since)}"
            if history.since is not None
            else "nothing was run since what is reported now was written"
        )
        yield f"Registered first, on {date(history.time)}: {claim_text(history.first)}; {since}."
    if history.first.rivals != history.now.rivals:
        then = ", ".join(history.first.rivals) or "none"
        yield f"The rivals that were registered first: {then}."


def claim_text(asked: Predicted) -> str:
    """A claim with its sense and tolerance."""
    name = "α" if asked.quantity == "alpha" else asked.quantity
    at = f" at {asked.where}" if asked.where else ""
    where = f" {WHERE[asked.over]}" if name == "α" and asked.over == "range" else ""
    within = f", tolerance {asked.tolerance:.0%}" if asked.tolerance else ""
    return (f"{name}{BY_SIZE[asked.size]} = {asked.exponent} as {SENSES[asked.sense]}{at}{where}"
            f"{within}{declared(asked.omega, asked.delta)}")  # fmt: skip


def date(seconds: float) -> str:
    """The time since 1970 as a date, in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def options(overrides: Sequence[str]) -> str:
    """Overrides as they are typed."""
    return " ".join(f"--set {shlex.quote(override)}" for override in overrides)


def paragraph(record: Provenance) -> str:
    """The paragraph on machines, versions, times and overrides of the runs."""
    if record.lacking:
        return record.lacking
    return " ".join(["Provenance:", *_made(record), *_asked(record)])


def _made(record: Provenance) -> Iterator[str]:
    states = [f"{record.count(status)} {status}" for status in ("done", "diverged", "failed")]
    left = f", {record.missing} of them not run yet" if record.missing else ""
    more = f", and {record.raised} of raised budgets" if record.raised else ""
    yield f"{record.planned} runs planned{left}{more}: {', '.join(states)}."
    if record.finished is None:
        return
    yield f"The newest run ended on {date(record.finished)}."
    yield f"All took {duration(record.seconds)}, summed over lanes,"
    yield f"on {' and '.join(record.devices) or 'an unknown device'}."
    versions = [f"{NAMES[name]} {' and '.join(some)}" for name, some in record.versions if some]
    if versions:
        yield f"Versions: {', '.join(versions)}."


def _asked(record: Provenance) -> Iterator[str]:
    now = record.origin.overrides
    if now:
        yield f"This is read with {options(now)}."
    kept = record.registered
    told = dict.fromkeys(one.overrides for one in kept)
    if any(told):
        since = {one.overrides: date(one.time) for one in reversed(kept)}
        each = [f"{options(some) or 'no overrides'} (from {since[some]} on)" for some in told]
        yield f"`lab run` was given {', '.join(each)}."
    first = next((one for one in kept if one.looks), None)
    if first:
        then = ", and then with a size between every two" if first.between else ""
        yield (f"It is run until it is decided, and was registered to be looked at with "
               f"{', '.join(map(str, first.looks))} teachers, from its own number on{then}: its "
               "intervals hold at all looks together.")  # fmt: skip
    if record.argv:
        yield f"Trained by `{shlex.join(['lab', *record.argv])}`."
    if kept and kept[0].question != record.question:
        yield f"When the study was first run, on {date(kept[0].time)}, it asked: {kept[0].question}"


def plain(record: Provenance) -> dict[str, Any]:
    """The same for fits.json: what was asked, as far as it is known."""
    registered = [
        {"time": date(one.time), "question": one.question, "overrides": one.overrides,
         "scans": [scan.plain() for scan in one.scans]}
        for one in record.registered
    ]  # fmt: skip
    found = {"overrides": record.origin.overrides, "registered": registered}
    return {name: value for name, value in found.items() if value}
