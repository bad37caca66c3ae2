"""Registrations: what was asked of the runs of a study, and since when.

The store keeps at the first `lab run` of a study, and whenever it differs from the last time, the
question, what every scan claims, and where the study came from: its file, the hash of its tables
and the overrides. So a report can say which prediction was written before the runs, and which
after. Stores of before have none: of them nothing is known.

A results folder is of one study, which may be edited. Another study of the same name is refused
before it trains or reports there.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from lab.execution.store import Store
from lab.mistakes import StudyError
from lab.regimes.regime import Regime
from lab.study import Study

BEFORE = {"dimension": {"quantity": "dimension", "sense": "covers", "over": "range"}}
"""What a registration that names no quantity says of regimes that claim no exponent."""


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
        """What decides the verdict; of what is declared of the curve, all that is."""
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
    """What is asked from `time` on, in seconds since 1970. scans: the claims of all scans. file:
    relative to the store's folder. argv: the words after `lab` of the command that trained it
    first. looks: the numbers of teachers at which it may be decided, where it is run until it is;
    they stay, whatever is asked later."""

    time: float
    question: str
    scans: tuple[Predicted, ...]
    file: str | None = None
    tables: str | None = None
    overrides: tuple[str, ...] = ()
    argv: tuple[str, ...] = ()
    looks: tuple[int, ...] = ()

    def claimed(self, title: str, quantity: str) -> list[Predicted]:
        """What the scan of this title claims about a quantity."""
        return [one for one in self.scans if (one.title, one.quantity) == (title, quantity)]

    def text(self) -> str:
        """JSON of everything but the time."""
        values = {k: v for k, v in asdict(self).items() if k != "time" and (k, v) != ("looks", ())}
        values["scans"] = [one.plain() for one in self.scans]
        return json.dumps(values, sort_keys=True)


def predicted(scan: Regime) -> tuple[Predicted, ...]:
    """What a scan claims now."""
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
    looks = next((one.looks for one in kept if one.looks), looks)
    now = replace(_asked(study, store.path, time), looks=looks)
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
