"""Registrations: what was asked of the runs of a study and when, and which look they have reached.

The store keeps at the first `lab run` of a study, and whenever it differs from the last time, the
question, what every scan claims, and where the study came from: its file, the hash of its tables
and the overrides. So a report can say which prediction was written before the runs, and which
after. Stores of before have none: of them nothing is known.

A results folder is of one study, which may be edited. Another study of the same name, or the same
study with other data, is refused before it trains or reports there.

`lab run --until-decided` registers its looks before the first run, numbers of teachers and after
them a size between every two, and trains look after look: each is the plan of the same study with
more teachers or sizes, which changes no other run. Each panel is at the largest look whose scans
are all stored, so that a run that was killed goes on with the same look; everything that answers
reads the study `reached`. Judging a look, and saying which panel needs another, is
`lab.findings.answering.following`'s.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from lab.config.study import Panels, Study
from lab.data.user_data import UserDataSpec
from lab.execution.store import FINISHED, Store
from lab.mistakes import StudyError
from lab.regimes.regime import Regime

BEFORE = {"dimension": {"quantity": "dimension", "sense": "covers", "over": "range"}}
"""Meaning of a registration without a quantity, for regimes that claim no exponent."""


@dataclass(frozen=True)
class Predicted:
    """One claim of one scan. The formulas are as they are written, whatever they are of; tolerance
    is relative. Fields at their defaults are not written: files of before have no more."""

    title: str
    regime: str
    exponent: str
    sense: str
    tolerance: float
    rivals: tuple[str, ...] = ()
    quantity: str = "alpha"
    over: str = "limit"
    where: str = ""
    omega: float | None = None
    delta: float | None = None
    size: str | None = None

    @property
    def judged(self) -> tuple[Any, ...]:
        """Fields that decide the verdict; of those declared of the curve, all that are set."""
        own = {"omega": self.omega, "delta": self.delta, "size": self.size}
        return (self.exponent, self.sense, self.tolerance, self.over, self.where,
                *((name, value) for name, value in own.items() if value is not None))  # fmt: skip

    def plain(self) -> dict[str, Any]:
        """As it is written."""
        late = {"quantity", "over", "where", "omega", "delta", "size"}
        return {f.name: value for f in fields(self)
                if (value := getattr(self, f.name)) != f.default or f.name not in late}  # fmt: skip


@dataclass(frozen=True)
class Registered:
    """The question from `time` on, in seconds since 1970. scans: the claims of all scans. file:
    relative to the store's folder. argv: the words after `lab` of the command that trained it
    first. looks: the numbers of teachers at which it may be decided, where it is run until it is;
    they stay, whatever is asked later. between: whether a look with a size between every two
    follows them; sequences of before have none."""

    time: float
    question: str
    scans: tuple[Predicted, ...]
    file: str | None = None
    tables: str | None = None
    overrides: tuple[str, ...] = ()
    argv: tuple[str, ...] = ()
    looks: tuple[int, ...] = ()
    between: bool = False

    def claimed(self, title: str, quantity: str) -> list[Predicted]:
        """Claims of the scan of this title about a quantity."""
        return [one for one in self.scans if (one.title, one.quantity) == (title, quantity)]

    def text(self) -> str:
        """JSON of everything but the time."""
        late = {"looks": (), "between": False}
        values = {k: v for k, v in asdict(self).items() if k != "time" and v != late.get(k, ...)}
        values["scans"] = [one.plain() for one in self.scans]
        return json.dumps(values, sort_keys=True)


def predicted(scan: Regime) -> tuple[Predicted, ...]:
    """Present claims of a scan."""
    return tuple(
        Predicted(scan.title, scan.regime, one.text, one.sense, one.tolerance, one.rival_texts,
                  one.quantity, one.over, ", ".join(f"{name} {v}" for name, v in one.where),
                  one.omega, one.delta, one.size)
        for one in scan.claims
    )  # fmt: skip


def registered(store: Store) -> tuple[Registered, ...]:
    """Everything that was registered, oldest first. Raises StudyError for what is no JSON of it."""
    try:
        return tuple(_parsed(time, json.loads(text)) for time, text in store.registered())
    except (ValueError, TypeError, KeyError):
        file = store.path / "lab.db"
        raise StudyError(
            [f"{file}: what was asked of its runs cannot be read; move it away"]
        ) from None


def register(study: Study, store: Store, time: float, looks: tuple[int, ...] = ()) -> None:
    """Keep what the study asks now, if that is not what was asked last; looks: of a sequence.

    Raises StudyError if the store is of another study, see `another`.
    """
    strange = another(study, store)
    if strange:
        raise StudyError([strange])
    kept = registered(store)
    first = next((one for one in kept if one.looks), None)
    looks, between = (first.looks, first.between) if first else (looks, bool(looks))
    now = replace(_asked(study, store.path, time), looks=looks, between=between)
    if not kept or replace(kept[-1], argv=()).text() != replace(now, argv=()).text():
        store.register(time, now.text())


def another(study: Study, store: Store) -> str | None:
    """A sentence if the store is of another study, None if it is of this one or of none.

    Another one is that of another file that still exists, with other tables; or one that asks
    another question and of which nothing is stored. An edited file is the same study.
    """
    kept = registered(store)
    if not kept:
        return None
    now, last = _asked(study, store.path, 0.0), kept[-1]
    if now.tables is not None and now.tables in {one.tables for one in kept}:
        return None
    there = Path(os.path.normpath(store.path.resolve() / last.file)) if last.file else None
    elsewhere = now.file is not None and there is not None and now.file != last.file
    if not (elsewhere and there and there.exists()):
        if now.question in {one.question for one in kept}:
            return None
        states = store.states()
        if any(planned.run.fingerprint() in states for planned in study.plan):
            return None
    whose = f"the study of {os.path.relpath(there)}" if there else "another study"
    return (
        f"{store.path}: holds {whose}, which asks '{last.question}'; give this one another name, "
        "or another folder with `results`"
    )


def _asked(study: Study, folder: Path, time: float) -> Registered:
    origin, file = study.origin, None
    if origin.file is not None:
        file = os.path.relpath(Path(origin.file).resolve(), folder.resolve())
    scans = tuple(one for scan in study.scans for one in predicted(scan))
    return Registered(time, study.question, scans, file, origin.tables, origin.overrides,
                      origin.argv)  # fmt: skip


def _parsed(time: float, values: dict[str, Any]) -> Registered:
    scans = (_claim(scan) for scan in values["scans"])
    words = {name: tuple(values.get(name, ())) for name in ("overrides", "argv", "looks")}
    return Registered(float(time), **{**values, "scans": tuple(scans), **words})


def _claim(values: dict[str, Any]) -> Predicted:
    meant = {} if "quantity" in values else BEFORE.get(values["regime"], {})
    return Predicted(**{**values, **meant, "rivals": tuple(values["rivals"])})


def check_data_unchanged(study: Study, store: Store) -> None:
    """Raises StudyError where runs of other data are stored, and none of these.

    Data have changed then since the runs: the path is no part of a run, its content is.
    """
    tasks = [
        task for scan in study.scans for task in scan.tasks(1) if isinstance(task, UserDataSpec)
    ]
    if not tasks:
        return
    stored = store.contents()
    for task in tasks:
        if stored and task.content not in stored:
            raise StudyError(
                [
                    f"{task.asked.path}: has changed since the runs in {store.path} (sha256 "
                    f"{task.content[:12]}, and then {', '.join(sorted(c[:12] for c in stored))}); "
                    "bring the data of then back, or run the study again"
                ]
            )


def sequence(store: Store) -> Registered | None:
    """The registration that has the looks, None where the study is not run as a sequence."""
    return next((one for one in registered(store) if one.looks), None)


def refuse_sequence(study: Study) -> None:
    """Raise StudyError for a study that has no sequence of teachers."""
    for panel in study.panels:
        whose = f"{panel.title}: " if panel.title else ""
        if panel.scans != (panel,):
            raise StudyError([f"{whose}a phase map has no looks; run its scans as studies of "
                              "their own, or without until_decided"])  # fmt: skip
        if not hasattr(panel.task, "teacher"):
            raise StudyError([f"{whose}until_decided adds teachers, and data that a user "
                              "brings have none; give more data, and run it without"])  # fmt: skip


def looks_of(panel: Regime, asked: Registered) -> tuple[Regime, ...]:
    """A panel at each of its looks in their order, with the level of its intervals: with ever more
    teachers, where its targets are drawn, and then with more sizes, where some lie between."""
    from lab.scaling.judge.calibration import SIZES, level, level_between, looks

    every = looks(panel.task.count, asked.looks)
    kept = SIZES if asked.between else 0.0
    drawn = any(task.random for task in panel.tasks(1))
    found = tuple(panel.looked(teachers, level(teachers, every, kept=kept))
                  for teachers in (every if drawn else every[:1]))  # fmt: skip
    more = found[-1].denser(level_between()) if asked.between else None
    return (*found, more) if more else found


def next_look(panel: Regime, now: Regime, asked: Registered) -> Regime | None:
    """The panel at the look after this one; None after the last."""
    every = looks_of(panel, asked)
    place = [(one.task.count, one.level) for one in every].index((now.task.count, now.level))
    return every[place + 1] if place + 1 < len(every) else None


def _reached(panel: Regime, states: Mapping[str, str], asked: Registered) -> Regime:
    """The panel at the largest look that is stored as a whole, at the first where none is."""
    now, *later = looks_of(panel, asked)
    for after in later:
        scan = (planned.run for planned in after.plan if planned.role == "scan")
        if not all(states.get(run.fingerprint()) in FINISHED for run in scan):
            break
        now = after
    return now


def reached(study: Study, store: Store) -> Study:
    """The study as far as its sequence has come; itself where it is none."""
    asked = sequence(store)
    if not asked or any(panel.scans != (panel,) for panel in study.panels):
        return study
    states = store.states()
    panels = tuple(_reached(panel, states, asked) for panel in study.panels)
    return replace(study, panels=panels) if isinstance(study, Panels) else panels[0]


def whole(study: Study, store: Store) -> Study:
    """The study with the teachers and sizes of its last look; itself where it is no sequence."""
    asked = sequence(store)
    if not asked:
        return study
    panels = tuple(looks_of(panel, asked)[-1] for panel in study.panels)
    return replace(study, panels=panels) if isinstance(study, Panels) else panels[0]
