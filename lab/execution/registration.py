"""Registrations: what was asked of the runs of a study, and since when.

The store keeps at the first `lab run` of a study, and whenever it differs from the last time, the
question, what every scan predicts, and where the study came from: its file, the hash of its tables
and the overrides. So a report can say which prediction was written before the runs, and which
after. Stores of before have none: of them nothing is known.

A results folder is of one study, which may be edited. Another study of the same name is refused
before it trains or reports there.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from lab.execution.store import Store
from lab.mistakes import StudyError
from lab.regimes.regime import Regime
from lab.study import Study
from lab.theory import parse


@dataclass(frozen=True)
class Predicted:
    """What one scan predicts. The formulas are as they are written; tolerance is relative."""

    title: str
    regime: str
    exponent: str
    sense: str
    tolerance: float
    rivals: tuple[str, ...] = ()

    @property
    def judged(self) -> tuple[str, str, float]:
        """What decides the verdict."""
        return self.exponent, self.sense, self.tolerance


@dataclass(frozen=True)
class Registered:
    """What is asked from `time` on, in seconds since 1970. file: relative to the store's folder.
    argv: the words after `lab` of the command that trained it first."""

    time: float
    question: str
    scans: tuple[Predicted, ...]
    file: str | None = None
    tables: str | None = None
    overrides: tuple[str, ...] = ()
    argv: tuple[str, ...] = ()

    def predicted(self, title: str) -> Predicted | None:
        """What the scan of this title predicts, None if there is none."""
        return next((scan for scan in self.scans if scan.title == title), None)

    def text(self) -> str:
        """JSON of everything but the time."""
        return json.dumps({k: v for k, v in asdict(self).items() if k != "time"}, sort_keys=True)


def predicted(scan: Regime) -> Predicted:
    """What a scan predicts now."""
    asked = scan.prediction
    rivals = tuple(parse(rival).text for rival in asked.rivals)
    return Predicted(scan.title, scan.regime, asked.text, asked.sense, asked.tolerance, rivals)


def registered(store: Store) -> tuple[Registered, ...]:
    """Everything that was registered, oldest first. Raises StudyError for what is no JSON of it."""
    try:
        return tuple(_parsed(time, json.loads(text)) for time, text in store.registered())
    except (ValueError, TypeError, KeyError):
        file = store.path / "lab.db"
        raise StudyError(
            [f"{file}: what was asked of its runs cannot be read; move it away"]
        ) from None


def register(study: Study, store: Store, time: float) -> None:
    """Keep what the study asks now, if that is not what was asked last.

    Raises StudyError if the store is of another study, see `another`.
    """
    strange = another(study, store)
    if strange:
        raise StudyError([strange])
    now, kept = _asked(study, store.path, time), registered(store)
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
        "or another folder with --results"
    )


def _asked(study: Study, folder: Path, time: float) -> Registered:
    origin, file = study.origin, None
    if origin.file is not None:
        file = os.path.relpath(Path(origin.file).resolve(), folder.resolve())
    scans = tuple(predicted(scan) for scan in study.scans)
    return Registered(time, study.question, scans, file, origin.tables, origin.overrides,
                      origin.argv)  # fmt: skip


def _parsed(time: float, values: dict[str, Any]) -> Registered:
    scans = (Predicted(**{**scan, "rivals": tuple(scan["rivals"])}) for scan in values["scans"])
    words = {name: tuple(values.get(name, ())) for name in ("overrides", "argv")}
    return Registered(float(time), **{**values, "scans": tuple(scans), **words})
