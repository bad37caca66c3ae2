"""The store of a study: `results/<study>/lab.db`, one row per run, and the only file with paths.

SQLite in WAL mode with one writer, one transaction per group of runs: a killed process loses at
most the groups in flight. A row is keyed by the fingerprint of its run, so that a study finds what
it has in common with its earlier self, and with the other studies of the same results folder.
Rows are never changed, except that a failed run is replaced when it is tried again, and that rows
are deleted where somebody asks for it (`listing.py`). Beside the runs stands what was asked of them
and when (`registration.py`), which is only ever added to.

Reading needs no lock, and no right to write; writing takes an advisory lock on the folder, held by
the process. What is no store, or cannot be read or written, is one sentence.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.mistakes import StudyError
from lab.spec import PHYSICS_VERSION, Planned, digest

SCHEMA = """
BEGIN;
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
    details TEXT,                -- JSON {name: number}, see `Result.details`; NULL: none
    numpy TEXT
);
CREATE TABLE IF NOT EXISTS registered (
    time REAL NOT NULL,          -- seconds since 1970
    asked TEXT NOT NULL          -- JSON, see `registration.Registered`
);
COMMIT;
"""
LATER = ("details", "numpy")
"""Columns that stores of before do not have."""


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


PROVENANCE = ("device", "dtype", "jax", "lab", "git", "finished", "numpy")
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
        with closing(_reader(path / "lab.db")) as db:
            yield cls(path, db)

    @classmethod
    @contextmanager
    def write(cls, path: Path) -> Iterator[Store]:
        """The store in folder `path`, made if needed, for this process alone."""
        try:
            path.mkdir(parents=True, exist_ok=True)
            lock = open(path / ".lock", "a+")
        except OSError as error:
            raise StudyError(
                [f"{path}: cannot be written ({error.strerror}); let it be written, or choose "
                 "another folder with --results"]
            ) from None  # fmt: skip
        with lock:
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
            with closing(_writer(path / "lab.db")) as db:
                yield cls(path, db)

    def rows(self, fingerprints: Iterable[str]) -> dict[str, Row]:
        """The stored rows among these fingerprints."""
        found: dict[str, Row] = {}
        wanted = list(fingerprints)
        there = _columns(self._db)
        columns = ",".join(c if c in there else "NULL" for c in COLUMNS)
        for start in range(0, len(wanted), 500):
            some = wanted[start : start + 500]
            marks = ",".join("?" * len(some))
            query = f"SELECT {columns} FROM runs WHERE fingerprint IN ({marks})"
            for values in self._select(query, some):
                try:
                    row = _row(values)
                except (ValueError, TypeError) as error:
                    raise _no_store(self.path / "lab.db", error) from None
                found[row.fingerprint] = row
        return found

    def found(self, plan: Iterable[Planned]) -> list[tuple[Planned, Row | None]]:
        """Every planned run with its row, None where nothing is stored."""
        keyed = [(planned, planned.run.fingerprint()) for planned in plan]
        rows = self.rows(key for _, key in keyed)
        return [(planned, rows.get(key)) for planned, key in keyed]

    def states(self) -> dict[str, str]:
        """Fingerprint → status of every row, without the rest."""
        return dict(self._select("SELECT fingerprint, status FROM runs"))

    def contents(self) -> set[str]:
        """The hashes of all given data that rows were trained on."""
        query = "SELECT DISTINCT json_extract(spec, '$.task.content') FROM runs"
        return {content for (content,) in self._select(query) if content}

    def seconds(self) -> dict[str, float]:
        """Fingerprint → measured seconds of every finished row."""
        query = "SELECT fingerprint, seconds FROM runs WHERE status IN ('done', 'diverged')"
        return dict(self._select(query))

    def registered(self) -> list[tuple[float, str]]:
        """When something else was asked of the runs than before, and what: JSON, oldest first."""
        if not _columns(self._db, "registered"):  # a store from before
            return []
        return self._select("SELECT time, asked FROM registered ORDER BY rowid")

    def add(self, rows: Iterable[Row]) -> None:
        """Write rows in one transaction. Raises StudyError if the disk does not take them."""
        marks = ",".join("?" * len(COLUMNS))
        self._insert(
            f"INSERT OR REPLACE INTO runs ({','.join(COLUMNS)}) VALUES ({marks})",
            [_values(row) for row in rows],
        )

    def register(self, time: float, asked: str) -> None:
        """Keep what is asked from this time on, as JSON. Raises StudyError as `add` does."""
        self._insert("INSERT INTO registered VALUES (?, ?)", [(time, asked)])

    def _select(self, query: str, values: Iterable[Any] = ()) -> list[Any]:
        try:
            return self._db.execute(query, tuple(values)).fetchall()
        except sqlite3.DatabaseError as error:
            raise _no_store(self.path / "lab.db", error) from None

    def _insert(self, statement: str, rows: list[tuple]) -> None:
        try:
            with self._db:
                self._db.executemany(statement, rows)
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

        Returns how many. Stores of another physics version, or that cannot be read, are left, and
        so are rows whose spec does not hash to their fingerprint: they are no result of that run.
        """
        missing = set(fingerprints)
        adopted = 0
        for other in sorted(self.path.parent.glob("*/lab.db")):
            if not missing or other.parent == self.path:
                continue
            try:
                with Store.read(other.parent) as store:
                    rows = store.rows(missing).values()
            except StudyError:
                continue
            finished = [
                row
                for row in rows
                if row.status in ("done", "diverged") and digest(row.spec) == row.fingerprint
            ]
            self.add(finished)
            missing -= {row.fingerprint for row in finished}
            adopted += len(finished)
        return adopted


def _reader(file: Path) -> sqlite3.Connection:
    """A connection that only reads; to an empty store where there is none, or nothing in it."""
    try:
        there, log = file.exists(), file.with_name(file.name + "-wal")
        if there and not file.is_file():
            raise _no_store(file, "it is not a file")
        if there:
            # SQLite reads a write-ahead log through a file beside it, which it must be able to
            # make; without a log, in a folder where nobody writes, there is nothing to share.
            still = not (log.exists() and log.stat().st_size) and not os.access(
                file.parent, os.W_OK
            )
            target = f"{file.resolve().as_uri()}?mode=ro{'&immutable=1' if still else ''}"
            db = sqlite3.connect(target, uri=True, timeout=30)
            if _checked(db, file):
                return db
            db.close()
    except (OSError, sqlite3.OperationalError) as error:
        raise StudyError(
            [
                f"{file}: cannot be read ({error}); let it be read, and where a stopped run left "
                f"{file.name}-wal let its folder be written, or copy the folder"
            ]
        ) from None
    db = sqlite3.connect(":memory:")
    db.executescript(SCHEMA)
    return db


def _writer(file: Path) -> sqlite3.Connection:
    """A connection that writes, to a store that has all tables and columns."""
    if file.exists() and not file.is_file():
        raise _no_store(file, "it is not a file")
    try:
        db = sqlite3.connect(file, timeout=30)
        _checked(db, file)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        db.executescript(SCHEMA)
        for name in set(LATER) - _columns(db):
            db.execute(f"ALTER TABLE runs ADD COLUMN {name} TEXT")
        with db:
            db.execute(
                "INSERT OR IGNORE INTO meta VALUES ('physics_version', ?)", (str(PHYSICS_VERSION),)
            )
    except sqlite3.OperationalError as error:
        raise StudyError(
            [f"{file}: cannot be written ({error}); make room or let it be written"]
        ) from None
    return db


def _checked(db: sqlite3.Connection, file: Path) -> bool:
    """Whether there is anything in the file. Raises StudyError if that is no store of this lab."""
    try:
        if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            return False
        found = db.execute("SELECT value FROM meta WHERE key = 'physics_version'").fetchone()
        lacks = sorted({*COLUMNS} - {*LATER} - _columns(db))
        version = int(found[0]) if found else PHYSICS_VERSION
    except (sqlite3.DatabaseError, ValueError) as error:
        db.close()
        if isinstance(error, sqlite3.OperationalError) and "no such" not in str(error):
            raise
        raise _no_store(file, error) from None
    if lacks or version != PHYSICS_VERSION:
        db.close()
    if lacks:
        raise _no_store(file, f"its runs have no {', '.join(lacks)}")
    if version != PHYSICS_VERSION:
        raise StudyError(
            [
                f"{file}: made by physics version {version}, this lab has {PHYSICS_VERSION} and "
                "would give other numbers; move the folder away to run the study anew"
            ]
        )
    return True


def _no_store(file: Path, why: object) -> StudyError:
    return StudyError([f"{file}: not a store of this lab ({why}); move it away"])


def _columns(db: sqlite3.Connection, table: str = "runs") -> set[str]:
    return {name for _, name, *_ in db.execute(f"PRAGMA table_info({table})")}


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
