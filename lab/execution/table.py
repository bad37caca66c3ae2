"""Rows of runs, and the table of a study: its stored runs as text files, which stand for the store.

A `Row` is one run as it ended, the columns of `lab.execution.store.SCHEMA` by name. Rows share
what they say alike, who made them and when; a learning curve stays text until it is read
it, because an answer about 10⁵ runs looks at a few dozen. The files:

    table.csv         one line per stored run of every role, see COLUMNS
    observations.csv  run, step, split, loss, seconds: what the runs left on their way, and their
                      learning curves
    runs.json         what runs have in common: who made them, what was registered and when; the
                      physics version, and the sha256 of both files

A number is written with all its digits, so that a store and its table give the same answer, digit
by digit. A run is known by its fingerprint; `observations.csv` names it by the first digits of
that. `loss` is what was fitted at that cell, and stands once where that is a mean over several
runs: read by its first six columns, leaving out lines without a loss, the table is the fitted scan.

These files are not trusted: they are of bounded size, nothing in them is executed, and what is no
table of the lab, or was changed since it was written, is one sentence. An older table of FIRST
alone has no runs: its fitted values are `Kept.values`.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.data.user_data import UserDataSpec
from lab.files import csv_text
from lab.mistakes import StudyError
from lab.spec import PHYSICS_VERSION, Planned
from lab.students.solvers import SPLITS, Observation

FINISHED = ("done", "diverged")
"""The states in which a run stays."""


class Curve(Sequence[tuple[int, float]]):
    """A stored learning curve, (step, relative test loss): parsed on first use."""

    __slots__ = ("_points", "_refuse", "_text")

    def __init__(self, text: str, refuse: Callable[[object], Exception]) -> None:
        self._text, self._refuse = text, refuse
        self._points: tuple[tuple[int, float], ...] = ()

    def _read(self) -> tuple[tuple[int, float], ...]:
        if self._text:
            try:
                points = json.loads(self._text)
                read = tuple((n, float("nan") if v is None else v) for n, v in points)
                if not all(isinstance(n, int) and isinstance(v, float | int) for n, v in read):
                    raise ValueError("a learning curve is of steps and losses")
            except (ValueError, TypeError, RecursionError) as error:
                raise self._refuse(error) from None
            self._points, self._text = read, ""
        return self._points

    def __len__(self) -> int:
        return max(self._text.count("[") - 1, 0) if self._text else len(self._points)

    def __getitem__(self, i: Any) -> Any:
        return self._read()[i]

    def __iter__(self) -> Iterator[tuple[int, float]]:
        return iter(self._read())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._read() == tuple(other)

    def __hash__(self) -> int:
        return hash(self._read())


@dataclass(frozen=True, slots=True)
class Row:
    """One stored run; see the columns of SCHEMA."""

    fingerprint: str
    spec: str
    status: str
    N: int
    loss: float | None
    relative: float | None
    best_step: int | None
    curve: Sequence  # of (step, loss)
    error: str | None
    seconds: float | None
    group_size: int | None
    provenance: Mapping[str, Any]
    details: Mapping[str, float] = field(default_factory=dict)
    observations: Sequence[Observation] = ()  # read where they are asked for

    @property
    def scale(self) -> float | None:
        """The loss that relative losses are in units of; None of a run without a loss."""
        return self.loss / self.relative if self.loss and self.relative else None

    def observed(self) -> tuple[Observation, ...]:
        """Observations in the order of steps, the one that counts among them: of a
        run of before observations were kept it is the only one."""
        seen = list(self.observations)
        counts = self.best_step or 0
        if self.loss is not None and not any(
            o.step == counts and o.split in EXTERNAL for o in seen
        ):
            seen.append(Observation(counts, "test", self.loss))
        return tuple(sorted(seen, key=lambda o: (o.step, SPLITS.index(o.split))))

    def evaluated(self) -> tuple[Observation, ...]:
        """Those that evaluate the student: on the test set, or where there is none exact."""
        test, exact = ([o for o in self.observed() if o.split == split] for split in EXTERNAL)
        return tuple(test or exact)


EXTERNAL = ("test", "population")
"""The splits one of which the loss of a run was taken on."""
TRAJECTORY = "trajectory"
"""The column of a row's curve; it is `curve` in a store of before observations."""
PROVENANCE = ("device", "dtype", "jax", "lab", "git", "finished", "numpy")
NO_DETAILS: Mapping[str, float] = {}
"""The details of most runs."""
STORED = ("fingerprint", "spec", "status", "N", "loss", "relative", "best_step", TRAJECTORY,
           "error", "seconds", "group_size", "details", *PROVENANCE)  # fmt: skip
OWN_VALUES = len(STORED) - len(PROVENANCE)


class RowReader:
    """Makes rows of the values of STORED. refuse: the error of values that no run leaves, as those
    of a store that was edited by hand. specs: whether rows bring the JSON of their runs."""

    def __init__(self, refuse: Callable[[object], Exception], *, specs: bool = True) -> None:
        self._refuse, self._specs = refuse, specs
        self._made: dict[tuple, Mapping[str, Any]] = {}

    def _of(self, key: object) -> Callable[[object], Exception]:
        return lambda why: self._refuse(f"run {str(key)[:12]}: {why}")

    def __call__(self, values: tuple) -> Row:
        own, made = values[:OWN_VALUES], values[OWN_VALUES:]
        key, spec, status, N, loss, relative, best, curve, error, seconds, group, details = own
        provenance = self._made.get(made)
        if provenance is None:
            provenance = self._made[made] = dict(zip(PROVENANCE, made, strict=True))
        refuse = self._of(key)
        try:
            known = json.loads(details) if details else NO_DETAILS
            if known and not all(isinstance(v, float | int) for v in known.values()):
                raise ValueError("details are numbers by name")
        except (ValueError, TypeError, AttributeError, RecursionError) as wrong:
            raise refuse(wrong) from None
        wrong_value = _wrong_value(own, provenance["finished"])
        if wrong_value or (self._specs and not spec):
            raise refuse(wrong_value or "its spec is empty")
        return Row(
            key, spec, status, N, loss, relative, best, Curve(curve, refuse), error, seconds,
            group, provenance, known,
        )  # fmt: skip


def _wrong_value(own: tuple, finished: object) -> str | None:
    """A clause about the first of a row's values that no run leaves."""
    _, spec, status, N, loss, relative, best, curve, error, seconds, group, _ = own
    if status not in STATUSES:
        return f"its status is {status!r}, and none of {', '.join(STATUSES)}"
    for name, value, kind in (("N", N, int), ("curve", curve, str), ("spec", spec, str)):
        if not isinstance(value, kind):
            return f"its {name} is {value!r}"
    if spec and not spec.startswith("{"):
        return f"its spec is {spec[:20]!r}, and no JSON of a run"
    for name, value in (("loss", loss), ("relative", relative), ("best_step", best),
                        ("seconds", seconds), ("group_size", group),
                        ("finished", finished)):  # fmt: skip
        if value is not None and not isinstance(value, float | int):
            return f"its {name} is {value!r}, and no number"
    for name, value, most in (("seconds", seconds, math.inf), ("finished", finished, LATEST)):
        if isinstance(value, float | int) and not 0 <= value < most:
            return f"its {name} is {value:g}, which no run leaves"
    of_older_table = loss is relative is finished is None  # which has fitted values alone
    if status == "done" and not of_older_table:
        for name, value in (("loss", loss), ("relative", relative)):
            if value is None or not 0 <= value < math.inf:
                told = "missing" if value is None else f"{value:g}"
                return f"it is done, and its {name} is {told}, which no run leaves"
    return None


def values_of(row: Row) -> tuple:
    """The values of COLUMNS."""
    # JSON has no NaN: a loss that is not finite is stored as null.
    curve = json.dumps([[n, v if math.isfinite(v) else None] for n, v in row.curve])
    named = {
        **row.provenance, TRAJECTORY: curve,
        "details": json.dumps(dict(row.details)) if row.details else None,
    }  # fmt: skip
    return tuple(named[c] if c in named else getattr(row, c, None) for c in STORED)


TABLE, OBSERVATIONS, SHARED = "table.csv", "observations.csv", "runs.json"
FIRST = ("dim", "setting", "x", "loss", "teacher", "seed")
"""Columns of the fitted values: all that older tables have."""
COLUMNS = (
    *FIRST, "role", "budget_factor", "rate_factor", "weights_factor", "N", "hidden", "D", "width",
    "status", "relative_loss", "task_loss", "best_step", "seconds", "group_size", "finished",
    "made", "details", "error", "fingerprint",
)  # fmt: skip
OBSERVED = ("run", "step", "split", "loss", "seconds")
CURVE = "relative test"
"""Stands for a split in the points of a learning curve, which are relative to the constant student.
"""
DIGITS = 16
"""Digits of a fingerprint in `observations.csv`."""
MOST = {TABLE: 2**28, OBSERVATIONS: 2**29, SHARED: 2**24}
"""Bytes of a file that is read."""
STATUSES = (*FINISHED, "failed")
LATEST = 253402300800.0
"""The end of the year 9999 in seconds since 1970."""
NUMBER = re.compile(r"-?(\d{1,20}(\.\d{0,40})?|\.\d{1,40})(e[+-]?\d{1,3})?", re.I | re.A)


@dataclass(frozen=True)
class Tabled:
    """A stored run at its place in a study. dim, setting: as people are told them, x: of its scan.
    fitted: the value that is fitted there, None where this run has none of its own."""

    dim: int | float
    setting: str
    x: int
    planned: Planned
    row: Row
    fitted: float | None = None


@dataclass(frozen=True)
class Value:
    """A fitted value of an older table: dim, setting and x as they are written there."""

    dim: str
    setting: str
    x: str
    teacher: int
    seed: int
    loss: float


@dataclass(frozen=True)
class Kept:
    """Contents of a folder's files: rows, and (time, JSON) of registrations. values: of an
    older table, which has no rows."""

    file: Path
    rows: tuple[Row, ...] = ()
    registered: tuple[tuple[float, str], ...] = ()
    values: tuple[Value, ...] = ()


# ---- writing ------------------------------------------------------------------------------------


def texts(
    entries: Sequence[Tabled],
    registered: Iterable[tuple[float, str]],
    observations: Mapping[str, Sequence[Observation]],
) -> dict[str, str]:
    """The text of every file, by name. observations: by fingerprint."""
    makers: dict[str, int] = {}
    lines = [_line(entry, makers) for entry in entries]
    rows = {entry.row.fingerprint: entry.row for entry in entries}
    found = {TABLE: csv_text(COLUMNS, lines)}
    if observed := [*_observed(rows.values(), observations)]:
        found[OBSERVATIONS] = csv_text(OBSERVED, observed)
    shared = {
        "physics_version": PHYSICS_VERSION,
        "sha256": {name: _digest(text.encode()) for name, text in found.items()},
        "made": [json.loads(maker) for maker in makers],
        "registered": [{"time": time, "asked": json.loads(asked)} for time, asked in registered],
    }
    text = json.dumps(shared, indent=1, ensure_ascii=False, sort_keys=True)
    return found | {SHARED: f"{text}\n"}


def _line(entry: Tabled, makers: dict[str, int]) -> list[Any]:
    run, row, planned = entry.planned.run, entry.row, entry.planned
    trained = run.student.trained
    hidden = run.student.leading(run.task.D_amb, run.task.outputs)[0] if trained else ""
    maker = {name: row.provenance.get(name) for name in PROVENANCE if name != "finished"}
    maker |= {"content": run.task.content} if isinstance(run.task, UserDataSpec) else {}
    made = makers.setdefault(json.dumps(maker), len(makers))
    error = (row.error or "").strip().split("\n")[-1]
    return [
        entry.dim, entry.setting, entry.x, _digits(entry.fitted), run.task.teacher, run.seed,
        planned.role, *(f"{factor:g}" for factor in planned.factors), row.N, hidden,
        "" if run.size is None else run.size, max(run.student.widths, default=""), row.status,
        _digits(row.relative), _digits(row.loss), "" if row.best_step is None else row.best_step,
        _digits(row.seconds), "" if row.group_size is None else row.group_size,
        _digits(row.provenance.get("finished")), made,
        json.dumps(dict(row.details)) if row.details else "", error, row.fingerprint,
    ]  # fmt: skip


def _observed(
    rows: Iterable[Row], observations: Mapping[str, Sequence[Observation]]
) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        key = row.fingerprint[:DIGITS]
        for o in observations.get(row.fingerprint, ()):
            yield key, f"{o.step!r}", o.split, _finite(o.loss), _digits(o.seconds)
        yield from ((key, n, CURVE, _finite(v), "") for n, v in row.curve)


def _finite(value: float) -> str:
    """As `_digits`; empty for what is no finite loss."""
    return _digits(value if math.isfinite(value) else None)


def _digits(value: float | None) -> str:
    """A number with all its digits; empty for none."""
    return "" if value is None else repr(float(value))


def _digest(content: bytes) -> str:
    """sha256 of a text, whatever ends its lines."""
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()


# ---- reading ------------------------------------------------------------------------------------


def read(folder: Path) -> Kept | None:
    """Read the files of a folder, None where there is no table. Raises StudyError, a sentence,
    for what is none of the lab's, is of another physics version, or was changed by hand."""
    file = folder / TABLE
    if not file.is_file():
        return None
    content = _content(file)
    head, lines = _lines(file, content)
    if head == FIRST:
        return Kept(file, values=tuple(_value(file, i, line) for i, line in lines))
    if head != COLUMNS:
        raise _wrong(file, 1, "its columns are not those of a table of the lab")
    shared = _shared(folder / SHARED)
    contents = {TABLE: content}
    if OBSERVATIONS in shared["sha256"]:
        contents[OBSERVATIONS] = _content(folder / OBSERVATIONS)
    for name, text in contents.items():
        if shared["sha256"].get(name) != _digest(text):
            raise _changed(folder / name)
    seen = _seen(folder / OBSERVATIONS, contents.get(OBSERVATIONS))
    rows: dict[str, Row] = {}
    told: dict[str, list[str]] = {}
    for number, line in lines:
        cells = dict(zip(COLUMNS, line, strict=True))
        row = _row(file, number, cells, shared["made"], seen)
        own = line[COLUMNS.index("N") :]
        if told.setdefault(row.fingerprint, own) != own:
            raise _wrong(file, number, "the run stands above with other values")
        rows[row.fingerprint] = row
    kept = tuple((one["time"], json.dumps(one["asked"], sort_keys=True))
                 for one in shared["registered"])  # fmt: skip
    return Kept(file, tuple(rows.values()), kept)


def _content(file: Path) -> bytes:
    """The bytes of a file that is not too large."""
    try:
        size = file.stat().st_size
        if size > MOST[file.name]:
            raise StudyError(
                [f"{file}: has {size} bytes, and at most {MOST[file.name]} are read; run the study "
                 "for a store of its own"]
            )  # fmt: skip
        return file.read_bytes()
    except OSError as error:
        raise StudyError(
            [f"{file}: cannot be read ({error.strerror}); bring it back, or run the study again"]
        ) from None


def _lines(file: Path, content: bytes) -> tuple[tuple[str, ...], Iterator[tuple[int, list[str]]]]:
    """The columns of a CSV file, and its lines with their numbers, each as long as the head."""
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8"), newline=""), strict=True)
        head = tuple(next(reader, ()))
    except (UnicodeDecodeError, csv.Error) as error:
        raise _wrong(file, 1, str(error)) from None

    def lines() -> Iterator[tuple[int, list[str]]]:
        try:
            for line in reader:
                if len(line) != len(head):
                    raise _wrong(file, reader.line_num, f"{len(line)} cells under {len(head)}")
                yield reader.line_num, line
        except csv.Error as error:
            raise _wrong(file, reader.line_num, str(error)) from None

    return head, lines()


def _shared(file: Path) -> dict[str, Any]:
    """Read what runs have in common, from `runs.json`."""
    content = _content(file)
    try:
        shared = json.loads(content)
        version, made, asked = (shared[key] for key in ("physics_version", "made", "registered"))
        whole = isinstance(shared["sha256"], dict) and all(isinstance(one, dict) for one in made)
        whole &= all(
            isinstance(one["time"], float | int) and isinstance(one["asked"], dict) for one in asked
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        whole, version = False, PHYSICS_VERSION
    if version != PHYSICS_VERSION:
        raise StudyError(
            [f"{file}: made by physics version {version}, this lab has {PHYSICS_VERSION} and would "
             "give other numbers; run the study anew"]
        )  # fmt: skip
    if not whole:
        raise _changed(file)
    return shared


def _changed(file: Path) -> StudyError:
    return StudyError(
        [f"{file}: is not as the lab has written it; bring it back as it was, or run the study "
         "again"]
    )  # fmt: skip


@dataclass
class _Seen:
    """Learning curve and observations of one run."""

    curve: list[tuple[int, float]] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)


def _seen(file: Path, content: bytes | None) -> dict[str, _Seen]:
    """Curves and observations by the first digits of fingerprints; none without a file."""
    if content is None:
        return {}
    head, lines = _lines(file, content)
    if head != OBSERVED:
        raise _wrong(file, 1, f"its columns are not {', '.join(OBSERVED)}")
    seen: dict[str, _Seen] = defaultdict(_Seen)
    for number, (run, step, split, loss, seconds) in lines:
        value, at = _number(file, number, "loss", loss), _number(file, number, "step", step)
        value = math.nan if value is None else value
        if split == CURVE:
            seen[run].curve.append((_whole(file, number, "step", step) or 0, value))
            continue
        if split not in SPLITS or at is None:
            raise _wrong(file, number, f"an observation has a step, and one of {', '.join(SPLITS)}")
        took = _number(file, number, "seconds", seconds)
        seen[run].observations.append(Observation(at, split, value, took))
    return seen


def _value(file: Path, number: int, line: Sequence[str]) -> Value:
    dim, setting, x, loss, teacher, seed = line
    value = _number(file, number, "loss", loss)
    k, s = (_whole(file, number, name, text) for name, text in (("teacher", teacher),
                                                               ("seed", seed)))  # fmt: skip
    if value is None or value <= 0 or k is None or s is None:
        raise _wrong(file, number, "a fitted loss is a positive number, with its teacher and seed")
    return Value(dim, setting, x, k, s, value)


def _row(
    file: Path, number: int, cells: Mapping[str, str], made: Sequence[Mapping[str, Any]],
    seen: Mapping[str, _Seen],
) -> Row:  # fmt: skip
    def some(name: str) -> float | None:
        return _number(file, number, name, cells[name])

    def whole(name: str) -> int | None:
        return _whole(file, number, name, cells[name])

    key, status, N, maker = cells["fingerprint"], cells["status"], whole("N"), whole("made")
    relative, loss = some("relative_loss"), some("task_loss")
    if not re.fullmatch("[0-9a-f]{64}", key) or N is None or status not in STATUSES:
        raise _wrong(file, number, "a run has a fingerprint, its N, and a status")
    if status == "done" and not (relative is not None and relative >= 0 and loss is not None):
        raise _wrong(file, number, "a run that is done has a relative loss and a loss")
    if maker is None or maker >= len(made):
        raise _wrong(file, number, f"'made' is none of the {len(made)} of {SHARED}")
    try:
        details = json.loads(cells["details"]) if cells["details"] else {}
        if not all(isinstance(value, float | int) for value in details.values()):
            raise ValueError(details)
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise _wrong(file, number, "its details are no JSON of numbers by name") from None
    provenance = {name: made[maker].get(name) for name in PROVENANCE} | {
        "finished": some("finished")
    }
    content, own = made[maker].get("content"), seen.get(key[:DIGITS], _Seen())
    spec = json.dumps({"task": {"content": str(content)}} if content else {})
    return Row(
        key, spec, status, N, loss, relative, whole("best_step"), own.curve,
        cells["error"] or None, some("seconds"), whole("group_size"), provenance, details,
        own.observations,
    )  # fmt: skip


def _number(file: Path, number: int, name: str, text: str) -> float | None:
    """A finite number, None for an empty cell."""
    if not text:
        return None
    value = float(text) if NUMBER.fullmatch(text) else math.inf
    if not math.isfinite(value):
        raise _wrong(file, number, f"{name} is no number")
    return value


def _whole(file: Path, number: int, name: str, text: str) -> int | None:
    """A whole number from 0, None for an empty cell."""
    if text and not re.fullmatch(r"\d{1,18}", text, re.ASCII):
        raise _wrong(file, number, f"{name} is no whole number")
    return int(text) if text else None


def _wrong(file: Path, number: int, why: str) -> StudyError:
    return StudyError(
        [f"{file}: line {number}: {why}; bring the file back as it was, or run the study again"]
    )
