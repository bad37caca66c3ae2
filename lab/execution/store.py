"""The store of a study: `results/<study>/lab.db`, one row per run, and the only file with paths.

SQLite in WAL mode with one writer, one transaction per group of runs: a killed process loses at
most the groups in flight. A row is keyed by the fingerprint of its run, so that a study finds what
it has in common with its earlier self, and with the other studies of the same results folder.
Rows are never changed, except that a failed run is replaced when it is tried again, and that rows
are deleted where somebody asks for it (`listing.py`).

Reading needs no lock; writing takes an advisory lock on the folder, held by the process.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.mistakes import StudyError
from lab.spec import PHYSICS_VERSION, Planned

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS runs (
    fingerprint TEXT PRIMARY KEY,
    spec TEXT NOT NULL,          -- canonical JSON of the run
    status TEXT NOT NULL,        -- done | diverged | failed
    N INTEGER NOT NULL,          -- trainable parameters
    loss REAL,                   -- as the task defines it; NULL unless done
    relative REAL,               -- loss / loss of the constant student
    best_step INTEGER,
    curve TEXT NOT NULL,         -- JSON [[step, relative test loss], …]
    error TEXT,                  -- traceback of a failed run
    seconds REAL,                -- of its group, shared equally
    group_size INTEGER,
    device TEXT, dtype TEXT, jax TEXT, lab TEXT, git TEXT, finished REAL,
    details TEXT                 -- JSON {name: number}, see `Result.details`; NULL: none
);
"""


@dataclass(frozen=True)
class Row:
    """One stored run; see the columns of SCHEMA."""

    fingerprint: str
    spec: str
    status: str
    N: int
    loss: float | None
    relative: float | None
    best_step: int | None
    curve: tuple[tuple[int, float], ...]
    error: str | None
    seconds: float | None
    group_size: int | None
    provenance: Mapping[str, Any]
    details: Mapping[str, float] = field(default_factory=dict)


PROVENANCE = ("device", "dtype", "jax", "lab", "git", "finished")
COLUMNS = ("fingerprint", "spec", "status", "N", "loss", "relative", "best_step", "curve", "error",
           "seconds", "group_size", "details", *PROVENANCE)  # fmt: skip


def folder(study_path: str | Path, results: str | Path = "results") -> Path:
    """`results/<name of the study file>`; a name that would leave the folder is refused."""
    name = Path(study_path).stem
    if not re.fullmatch(r"[A-Za-z0-9][\w.\-]*", name):
        raise StudyError(
            [f"{study_path}: the file's name names its results; use letters, digits, '-' and '_'"]
        )
    return Path(results) / name


class Store:
    """The rows of one study. `read` opens what is there; `write` makes it and holds the lock."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._db = connection

    @classmethod
    @contextmanager
    def read(cls, path: Path) -> Iterator[Store]:
        """The store in folder `path`, empty if there is none. Makes nothing."""
        file = path / "lab.db"
        target = f"{file.resolve().as_uri()}?mode=ro" if file.exists() else "file::memory:"
        db = sqlite3.connect(target, uri=True, timeout=30)
        try:
            if not file.exists():
                db.executescript(SCHEMA)
            _check_version(db, file)
            yield cls(path, db)
        finally:
            db.close()

    @classmethod
    @contextmanager
    def write(cls, path: Path) -> Iterator[Store]:
        """The store in folder `path`, made if needed, for this process alone."""
        path.mkdir(parents=True, exist_ok=True)
        with open(path / ".lock", "a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.seek(0)
                raise StudyError(
                    [
                        f"{path}: in use by another process ({lock.read().strip() or 'unknown'}); "
                        "wait for it or stop it"
                    ]
                ) from None
            lock.truncate(0)
            lock.write(f"pid {os.getpid()}")
            lock.flush()
            db = sqlite3.connect(path / "lab.db", timeout=30)
            try:
                db.execute("PRAGMA journal_mode=WAL")
                db.execute("PRAGMA synchronous=NORMAL")
                db.executescript(SCHEMA)
                _check_version(db, path / "lab.db")
                if not _has_details(db):  # a store from before exact students
                    db.execute("ALTER TABLE runs ADD COLUMN details TEXT")
                with db:
                    db.execute(
                        "INSERT OR IGNORE INTO meta VALUES ('physics_version', ?)",
                        (str(PHYSICS_VERSION),),
                    )
                yield cls(path, db)
            finally:
                db.close()

    def rows(self, fingerprints: Iterable[str]) -> dict[str, Row]:
        """The stored rows among these fingerprints."""
        found: dict[str, Row] = {}
        wanted = list(fingerprints)
        columns = ",".join(COLUMNS)
        if not _has_details(self._db):
            columns = columns.replace("details", "NULL")
        for start in range(0, len(wanted), 500):
            some = wanted[start : start + 500]
            marks = ",".join("?" * len(some))
            query = f"SELECT {columns} FROM runs WHERE fingerprint IN ({marks})"
            for values in self._db.execute(query, some):
                row = _row(values)
                found[row.fingerprint] = row
        return found

    def found(self, plan: Iterable[Planned]) -> list[tuple[Planned, Row | None]]:
        """Every planned run with its row, None where nothing is stored."""
        keyed = [(planned, planned.run.fingerprint()) for planned in plan]
        rows = self.rows(key for _, key in keyed)
        return [(planned, rows.get(key)) for planned, key in keyed]

    def states(self) -> dict[str, str]:
        """Fingerprint → status of every row, without the rest."""
        return dict(self._db.execute("SELECT fingerprint, status FROM runs"))

    def seconds(self) -> dict[str, float]:
        """Fingerprint → measured seconds of every finished row."""
        query = "SELECT fingerprint, seconds FROM runs WHERE status IN ('done', 'diverged')"
        return dict(self._db.execute(query))

    def add(self, rows: Iterable[Row]) -> None:
        """Write rows in one transaction. Raises StudyError if the disk does not take them."""
        marks = ",".join("?" * len(COLUMNS))
        try:
            with self._db:
                self._db.executemany(
                    f"INSERT OR REPLACE INTO runs ({','.join(COLUMNS)}) VALUES ({marks})",
                    [_values(row) for row in rows],
                )
        except sqlite3.OperationalError as error:
            raise StudyError(
                [
                    f"{self.path / 'lab.db'}: cannot be written ({error}); make room or let it be "
                    "written, and the next `lab run` goes on from what is stored"
                ]
            ) from None

    def delete(self, fingerprints: Iterable[str]) -> int:
        """Delete rows in one transaction; returns how many there were."""
        try:
            with self._db:
                return sum(
                    self._db.execute("DELETE FROM runs WHERE fingerprint = ?", (key,)).rowcount
                    for key in fingerprints
                )
        except sqlite3.OperationalError as error:
            raise StudyError(
                [f"{self.path / 'lab.db'}: cannot be written ({error}); nothing was deleted"]
            ) from None

    def adopt(self, fingerprints: Iterable[str]) -> int:
        """Copy finished runs among these from the other studies of the results folder.

        Returns how many. Stores of another physics version, or that cannot be read, are left.
        """
        missing = set(fingerprints)
        adopted = 0
        for other in sorted(self.path.parent.glob("*/lab.db")):
            if not missing or other.parent == self.path:
                continue
            try:
                with Store.read(other.parent) as store:
                    rows = store.rows(missing).values()
            except (StudyError, sqlite3.DatabaseError):
                continue
            finished = [row for row in rows if row.status != "failed"]
            self.add(finished)
            missing -= {row.fingerprint for row in finished}
            adopted += len(finished)
        return adopted


def _check_version(db: sqlite3.Connection, file: Path) -> None:
    try:
        found = db.execute("SELECT value FROM meta WHERE key = 'physics_version'").fetchone()
    except sqlite3.DatabaseError as error:
        raise StudyError([f"{file}: not a store of this lab ({error}); move it away"]) from None
    if found and int(found[0]) != PHYSICS_VERSION:
        raise StudyError(
            [
                f"{file}: made by physics version {found[0]}, this lab has {PHYSICS_VERSION} and "
                "would give other numbers; move the folder away to run the study anew"
            ]
        )


def _has_details(db: sqlite3.Connection) -> bool:
    return any(name == "details" for _, name, *_ in db.execute("PRAGMA table_info(runs)"))


def _row(values: tuple) -> Row:
    named = dict(zip(COLUMNS, values, strict=True))
    provenance = {k: named.pop(k) for k in PROVENANCE}
    curve = json.loads(named["curve"])
    named["curve"] = tuple((n, float("nan") if v is None else v) for n, v in curve)
    named["details"] = json.loads(named["details"] or "{}")
    return Row(**named, provenance=provenance)


def _values(row: Row) -> tuple:
    # JSON has no NaN: a loss that is not finite is stored as null.
    curve = json.dumps([[n, v if math.isfinite(v) else None] for n, v in row.curve])
    details = json.dumps(dict(row.details)) if row.details else None
    named = {**vars(row), **row.provenance, "curve": curve, "details": details}
    return tuple(named.get(c) for c in COLUMNS)
