"""The store of a study: `results/<study>/lab.db`, one row per run, and the only file with paths.

SQLite in WAL mode with one writer, one transaction per group of runs: a killed process loses at
most the groups in flight. A row is keyed by the fingerprint of its run, so that a study finds what
it has in common with its earlier self, and with the other studies of the same results folder. The
losses that a run left at its steps, its observations, are a second table: they are written,
replaced and deleted with the row of the run in one transaction, and read only of runs that ended.
Rows are never changed, except that a failed run is replaced when it is tried again, and that rows
are deleted only on request (`lab clean`, `listing.py`). Beside the runs stands the
registration, the questions with their times (`registration.py`), which is only ever added to.

Reading needs no lock, and no right to write; where there is no store, it reads the table of the
report instead (`table.py`). Writing takes an advisory lock on the folder, held by the process, and
starts a store of its own, whatever the table has. What is no store, or cannot be read or written,
is one sentence. Other processes see from the lock and the rows who writes (`driver`); one on
another machine, which shares the folder, is not seen.
"""

from __future__ import annotations

import fcntl
import hashlib
import math
import os
import re
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from lab.execution import table
from lab.execution.table import FINISHED, STORED, TRAJECTORY, Row, RowReader, values_of
from lab.mistakes import StudyError
from lab.spec import PHYSICS_VERSION, Planned, digest
from lab.students.solvers import SPLITS, Observation

__all__ = ["FINISHED", "Row", "Store", "driver", "folder", "reports"]

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
    trajectory TEXT NOT NULL,    -- JSON [[step, relative test loss], …], for a figure
    error TEXT,                  -- traceback of a failed run
    seconds REAL,                -- of its group, shared equally
    group_size INTEGER,
    device TEXT, dtype TEXT, jax TEXT, lab TEXT, git TEXT, finished REAL,
    details TEXT,                -- JSON {name: number}, see `Result.details`; NULL: none
    numpy TEXT
);
CREATE TABLE IF NOT EXISTS observations (
    run TEXT NOT NULL,           -- fingerprint
    step REAL NOT NULL,          -- or an exact time
    split TEXT NOT NULL,         -- test | validation | train | population
    loss REAL,                   -- as the task defines it; NULL: not finite
    seconds REAL,                -- measured since the run began, where they are
    PRIMARY KEY (run, step, split)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS registered (
    time REAL NOT NULL,          -- seconds since 1970
    asked TEXT NOT NULL          -- JSON, see `registration.Registered`
);
COMMIT;
"""
STORE_VERSION = 2
"""Raised when an older lab would misread a store. 2: runs leave observations, and the column that a
lab of before requires, `curve`, is called `trajectory`, so that it refuses the store."""
BEFORE = "curve"
"""Name of the trajectory in stores of version 1."""
LOCK = ".lock"
"""The file in the folder that its writer holds; says who that is."""
PATIENCE = 30.0
"""Seconds to wait for another program that writes."""
VARIANTS = "variants"
"""The folder of the reports that were made with overrides."""
LONGEST = 80
"""Letters of the name of a variant."""
TIMED = "typeof(finished) IN ('real', 'integer')"
"""Rows with a valid time, of a store that may have been edited; reading the others tells it."""
LATER = ("details", "numpy")
"""Columns that stores of before do not have."""
ABSENT = {"spec": "''", TRAJECTORY: BEFORE}
"""Stand-ins for columns that are not read or not there; for all others it is null."""
MANY = 3_000
"""Rows from which on the whole table is read, whichever of them are wanted."""


def folder(study_path: str | Path, results: str | Path = "results") -> Path:
    """`results/<name of the study file>`; a name that would leave the folder is refused."""
    name = Path(study_path).stem
    if not re.fullmatch(r"[A-Za-z0-9][\w.\-]*", name):
        raise StudyError(
            [f"{study_path}: the file's name names its results; use letters, digits, '-' and '_'"]
        )
    return Path(results) / name


def reports(folder: Path, overrides: Sequence[str] = ()) -> Path:
    """Folder of the report of a study with these overrides: its results folder, or one of the
    variant there, named by the overrides, so that no variant takes the place of another."""
    if not overrides:
        return folder
    keys = [override.partition("=")[0].strip() for override in overrides]
    alone = len(set(keys)) == len(keys)  # of one key twice the last one holds
    text = " ".join(sorted(overrides) if alone else overrides)
    name = re.sub(r"[^\w.=+-]+|\.{2,}", "_", text, flags=re.ASCII).strip("_.")
    if name != text or len(name) > LONGEST:
        name = f"{name[:LONGEST]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    return folder / VARIANTS / name


class Store:
    """The rows of one study. `read` opens what is there; `write` makes it and holds the lock."""

    def __init__(
        self, path: Path, connection: sqlite3.Connection, kept: dict[str, Row] | None = None,
        *, specs: bool = True,
    ) -> None:  # fmt: skip
        self.path, self._db, self._specs = path, connection, specs
        self._kept = kept  # what was read before, of a store that is only read
        self.tables: tuple[table.Kept, ...] = ()  # what was read where there is no store
        self._last = 0.0

    @classmethod
    @contextmanager
    def read(
        cls, path: Path, *, specs: bool = True, tables: bool = True, overrides: Sequence[str] = ()
    ) -> Iterator[Store]:
        """The store in folder `path`; without one, what its table has, and that of its variant by
        these overrides. Makes nothing; reads no row twice.

        specs: whether rows bring the JSON of their runs, half of the store; `spec` is else empty.
        tables: whether a table may stand for the store.
        """
        with closing(_reader(path / "lab.db")) as db:
            store = cls(path, db, {}, specs=specs)
            if tables and not (path / "lab.db").exists():
                store._take(dict.fromkeys((reports(path, overrides), path)))
            yield store

    def _take(self, folders: Iterable[Path]) -> None:
        """Take the rows of tables into a store in memory, each run from the first that has it."""
        self.tables = tuple(kept for one in folders if (kept := table.read(one)))
        for kept in reversed(self.tables):
            self.add(kept.rows)
        for at, asked in sorted({one for kept in self.tables for one in kept.registered}):
            self.register(at, asked)

    @property
    def source(self) -> str:
        """A sentence where no store is read but tables; empty for a store."""
        files = [str(kept.file) for kept in self.tables if not kept.values]
        fitted = [str(kept.file) for kept in self.tables if kept.values]
        if files:
            return f"There is no store: this is read from {' and '.join(files)}."
        if fitted:
            return (
                f"There is no store, and {fitted[0]} is an older table: it has no runs, only what "
                "was fitted, which `lab fit` and `lab figures` read."
            )
        return ""

    @classmethod
    @contextmanager
    def write(cls, path: Path) -> Iterator[Store]:
        """The store in folder `path`, made if needed, for this process alone."""
        try:
            path.mkdir(parents=True, exist_ok=True)
            lock = open(path / LOCK, "a+")
        except OSError as error:
            raise StudyError(
                [f"{path}: cannot be written ({error.strerror}); let it be written, or choose "
                 "another folder with `results`"]
            ) from None  # fmt: skip
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise StudyError(
                    [
                        f"{path}: in use by another process ({lock.read().strip() or 'unknown'}); "
                        "wait for it or stop it"
                    ]
                ) from None
            except OSError as error:
                raise StudyError(
                    [f"{path}: cannot be locked ({error.strerror}); put results on a file system "
                     "that has locks, with `results`"]
                ) from None  # fmt: skip
            with suppress(OSError):  # on a full disk the name cannot be written; the lock holds
                os.ftruncate(lock.fileno(), 0)
                os.write(lock.fileno(), f"pid {os.getpid()}".encode())
            with closing(_writer(path / "lab.db")) as db:
                yield cls(path, db)

    def rows(self, fingerprints: Iterable[str]) -> dict[str, Row]:
        """The stored rows among these fingerprints."""
        wanted = list(dict.fromkeys(fingerprints))
        kept = {} if self._kept is None else self._kept
        kept |= {row.fingerprint: row for row in self._rows([k for k in wanted if k not in kept])}
        return {key: row for key in wanted if (row := kept.get(key))}

    def _rows(self, wanted: Sequence[str]) -> Iterator[Row]:
        there = _columns(self._db) - (set() if self._specs else {"spec"})
        columns = ",".join(c if c in there else ABSENT.get(c, "NULL") for c in STORED)
        read = RowReader(partial(_no_store, self.path / "lab.db"), specs="spec" in there)
        if len(wanted) > MANY:  # each in its place takes longer than all in a row
            these = frozenset(wanted)
            found = self._each(f"SELECT {columns} FROM runs")
            yield from (read(values) for values in found if values[0] in these)
            return
        for start in range(0, len(wanted), 500):
            query = f"SELECT {columns} FROM runs WHERE fingerprint IN"
            yield from map(read, self._of_some(query, wanted[start : start + 500]))

    def observations(self, fingerprints: Iterable[str]) -> dict[str, tuple[Observation, ...]]:
        """The observations of every run among these that has ended, in the order of steps.

        The one that counts, the loss of the row at its best step, is always among them.
        """
        rows = self.rows(fingerprints)
        seen: dict[str, list[Observation]] = {key: [] for key in rows}
        keys = [*rows]
        if _columns(self._db, "observations"):  # not a store from before
            query = "SELECT run, step, split, loss, seconds FROM observations"
            parts = [keys[start : start + 500] for start in range(0, len(keys), 500)]
            found = (
                self._each(query) if len(keys) > MANY else
                (one for some in parts for one in self._of_some(f"{query} WHERE run IN", some))
            )  # fmt: skip
            wrong = None
            for run, step, split, loss, seconds in found:
                if run in seen:
                    if not _observed(step, split, loss, seconds):
                        wrong = wrong or (run, (step, split, loss, seconds))
                        continue
                    step = int(step) if step.is_integer() else step
                    loss = math.nan if loss is None else loss
                    seen[run].append(Observation(step, split, loss, seconds))
            if wrong:
                said = f"run {wrong[0][:12]}: it has the observation {wrong[1]!r}"
                raise _no_store(self.path / "lab.db", said)
        return {key: replace(row, observations=seen[key]).observed() for key, row in rows.items()
                if row.status in FINISHED}  # fmt: skip

    def _of_some(self, query: str, keys: Sequence[str]) -> Iterator[Any]:
        yield from self._each(f"{query} ({','.join('?' * len(keys))})", keys)

    def found(self, plan: Iterable[Planned]) -> list[tuple[Planned, Row | None]]:
        """Every planned run with its row, None where nothing is stored."""
        keyed = [(planned, planned.run.fingerprint()) for planned in plan]
        rows = self.rows(key for _, key in keyed)
        return [(planned, rows.get(key)) for planned, key in keyed]

    def states(self) -> dict[str, str]:
        """Fingerprint → status of every row, without the rest."""
        return dict(self._select("SELECT fingerprint, status FROM runs"))

    def spent(self) -> tuple[dict[str, str], dict[str, float]]:
        """In one reading: `states`, and fingerprint → measured seconds of every finished row;
        those of an older table were not measured."""
        rows = self._select("SELECT fingerprint, status, seconds FROM runs")
        for key, _, took in rows:
            if isinstance(took, str | bytes):
                raise _no_store(self.path / "lab.db", f"run {key[:12]}: its seconds are {took!r}")
        states = {key: status for key, status, _ in rows}
        known = (row for row in rows if row[1] in FINISHED and row[2] is not None)
        return states, {key: time for key, _, time in known}

    def now(self) -> float:
        """Seconds since 1970, later than all that is stored and than at the last call.

        So what was registered before a run never looks as if it came after because a user set
        the clock back; and of two groups each has a time of its own.
        """
        if not self._last:
            ((newest,),) = self._select(f"SELECT max(finished) FROM runs WHERE {TIMED}")
            self._last = max([newest or 0.0, *(at for at, _ in self.registered())])
        self._last = max(time.time(), math.nextafter(self._last, math.inf))
        return self._last

    def since(self, begun: float) -> tuple[float, int, float]:
        """The time now or of the newest row, and of the rows stored since `begun` their number and
        their lane-seconds."""
        query = f"SELECT max(finished), count(*), total(seconds) FROM runs WHERE {TIMED}"
        query += " AND finished >= ?"
        ((newest, runs, seconds),) = self._select(query, [begun])
        return max(time.time(), newest or 0.0), runs, seconds

    def contents(self) -> set[str]:
        """The hashes of all given data that rows were trained on."""
        query = "SELECT DISTINCT json_extract(spec, '$.task.content') FROM runs"
        return {content for (content,) in self._select(query) if content}

    def registered(self) -> list[tuple[float, str]]:
        """Registered questions as (time, JSON), oldest first; one whenever the question changed."""
        if not _columns(self._db, "registered"):  # a store from before
            return []
        found = self._select("SELECT time, asked FROM registered ORDER BY rowid")
        for at, asked in found:
            if not (isinstance(at, float | int) and isinstance(asked, str)):
                raise _no_store(self.path / "lab.db", f"it was asked {asked!r} at {at!r}")
        return found

    def add(self, rows: Iterable[Row]) -> None:
        """Write rows with their observations, in place of all that their runs left before, in one
        transaction. Raises StudyError if the disk does not take them."""
        rows = [*rows]
        marks = ",".join("?" * len(STORED))
        self._write(
            ("DELETE FROM observations WHERE run = ?", [(row.fingerprint,) for row in rows]),
            (f"INSERT OR REPLACE INTO runs ({','.join(STORED)}) VALUES ({marks})",
             map(values_of, rows)),
            ("INSERT INTO observations VALUES (?, ?, ?, ?, ?)",
             ((row.fingerprint, o.step, o.split, o.loss if math.isfinite(o.loss) else None,
               o.seconds) for row in rows for o in row.observations)),
        )  # fmt: skip

    def register(self, time: float, asked: str) -> None:
        """Keep what is asked from this time on, as JSON. Raises StudyError as `add` does."""
        self._write(("INSERT INTO registered VALUES (?, ?)", [(time, asked)]))

    def _select(self, query: str, values: Iterable[Any] = ()) -> list[Any]:
        return [*self._each(query, values)]

    def _each(self, query: str, values: Iterable[Any] = ()) -> Iterator[Any]:
        try:
            yield from self._db.execute(query, tuple(values))
        except sqlite3.DatabaseError as error:
            raise _no_store(self.path / "lab.db", error) from None

    def _write(self, *statements: tuple[str, Iterable[tuple]]) -> None:
        """Every statement for each of its tuples, all in one transaction."""
        try:
            with self._db:
                for statement, values in statements:
                    self._db.executemany(statement, values)
        except sqlite3.IntegrityError:
            raise
        except sqlite3.DatabaseError as error:
            raise StudyError(
                [
                    f"{_unwritten(self.path / 'lab.db', error)}, and the next `lab.run` goes on "
                    "from what is stored"
                ]
            ) from None

    def delete(self, fingerprints: Iterable[str]) -> int:
        """Delete rows with their observations in one transaction; returns how many rows there
        were."""
        fingerprints = [*fingerprints]
        try:
            with self._db:
                gone = [(key,) for key in fingerprints]
                self._db.executemany("DELETE FROM observations WHERE run = ?", gone)
                return sum(
                    self._db.execute("DELETE FROM runs WHERE fingerprint = ?", (key,)).rowcount
                    for key in fingerprints
                )
        except sqlite3.OperationalError as error:
            raise StudyError(
                [f"{_unwritten(self.path / 'lab.db', error)}; nothing was deleted"]
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
                    seen = store.observations(missing)
            except StudyError:
                continue
            finished = [
                replace(row, observations=seen[row.fingerprint])
                for row in rows
                if row.status in FINISHED and digest(row.spec) == row.fingerprint
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
            # make; without a log, in a folder without a writer, there is nothing to share.
            still = not (log.exists() and log.stat().st_size) and not os.access(
                file.parent, os.W_OK
            )
            target = f"{file.resolve().as_uri()}?mode=ro{'&immutable=1' if still else ''}"
            db = sqlite3.connect(target, uri=True, timeout=PATIENCE)
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
        db = sqlite3.connect(file, timeout=PATIENCE)
        _checked(db, file)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        db.executescript(SCHEMA)
        with db:
            for name in {*LATER} - _columns(db):
                db.execute(f"ALTER TABLE runs ADD COLUMN {name} TEXT")
            if BEFORE in _columns(db):
                db.execute(f"ALTER TABLE runs RENAME COLUMN {BEFORE} TO {TRAJECTORY}")
            db.execute(
                "INSERT OR IGNORE INTO meta VALUES ('physics_version', ?)", (str(PHYSICS_VERSION),)
            )
            db.execute(
                "INSERT OR REPLACE INTO meta VALUES ('store_version', ?)", (str(STORE_VERSION),)
            )
    except sqlite3.OperationalError as error:
        raise StudyError([_unwritten(file, error)]) from None
    return db


def _checked(db: sqlite3.Connection, file: Path) -> bool:
    """True if the file holds anything. Raises StudyError if that is no store of this lab."""
    try:
        if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            return False
        meta = dict(db.execute("SELECT key, value FROM meta"))
        version = int(meta.get("physics_version", PHYSICS_VERSION))
        layout = int(meta.get("store_version", 1))
        there = _columns(db)
        there |= {TRAJECTORY} if BEFORE in there else set()
        lacks = sorted({*STORED} - {*LATER} - there)
    except (sqlite3.DatabaseError, ValueError) as error:
        db.close()
        if isinstance(error, sqlite3.OperationalError) and "no such" not in str(error):
            raise
        raise _no_store(file, error) from None
    if lacks or version != PHYSICS_VERSION or layout > STORE_VERSION:
        db.close()
    if layout > STORE_VERSION:
        raise StudyError(
            [
                f"{file}: a store of version {layout}, made by a newer lab; this one reads up to "
                f"version {STORE_VERSION}, so update the lab"
            ]
        )
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


def _unwritten(file: Path, error: sqlite3.Error) -> str:
    """Sentence about a file that SQLite refused to write, with a remedy."""
    held = "locked" in str(error)
    remedy = "end the program that writes to it" if held else "make room or let it be written"
    return f"{file}: cannot be written ({error}); {remedy}"


def _observed(step: Any, split: Any, loss: Any, seconds: Any) -> bool:
    """True if a run may leave such an observation."""
    numbers = (value for value in (loss, seconds) if value is not None)
    known = split in SPLITS and all(isinstance(value, float | int) for value in numbers)
    return known and isinstance(step, float) and 0 <= step < math.inf


def _no_store(file: Path, why: object) -> StudyError:
    return StudyError([f"{file}: not a store of this lab ({why}); move it away"])


def _columns(db: sqlite3.Connection, table: str = "runs") -> set[str]:
    return {name for _, name, *_ in db.execute(f"PRAGMA table_info({table})")}


@dataclass(frozen=True)
class Driver:
    """A living driver: `age` in seconds; the runs that it has stored so far, and the lane-seconds
    that these took."""

    pid: int
    age: float
    runs: int
    lane_seconds: float

    @property
    def rate(self) -> float:
        """Runs stored per second."""
        return self.runs / self.age

    @property
    def lanes(self) -> float | None:
        """Lane-seconds of training per second, compilation aside; None before the first row."""
        return self.lane_seconds / self.age if self.runs else None


def driver(path: Path) -> Driver | None:
    """The driver that trains the study of this folder on this machine now, if there is one."""
    lock = path / LOCK
    try:
        found = re.fullmatch(r"pid (\d+)", lock.read_text().strip())
        since = lock.stat().st_mtime
    except (OSError, ValueError):
        return None
    if found is None or not _holds(int(found[1]), lock):
        return None
    with Store.read(path, tables=False) as store:
        now, runs, seconds = store.since(since)
    return Driver(int(found[1]), max(now - since, 1.0), runs, seconds)


def _holds(pid: int, lock: Path) -> bool:
    """True if a process has this file open; where that is not to be seen, if it lives."""
    try:
        files = list(Path(f"/proc/{pid}/fd").iterdir())
    except PermissionError:
        return True  # another user's process
    except OSError:
        return not Path("/proc/self").exists() and _lives(pid)
    return str(lock.resolve()) in map(_target, files)


def _target(link: Path) -> str:
    """Target of a link; "" if it is gone meanwhile."""
    try:
        return os.readlink(link)
    except OSError:
        return ""


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True
