"""Files that hold a table, as people and programs write them, read by pandas.

The ending says which kind: .csv, .tsv, .tab, .txt, .dat; .json, .jsonl, .ndjson; .parquet, .pq.
Text may be compressed by gzip, as in .csv.gz. A folder, or a pattern such as runs/*.csv, is one
table of all its files, with a column `file`.

    text    the separator (comma, semicolon, tab, bar, white space) is the one by which all lines
            have as many fields, most of them numbers; lines that begin with # are comments
    JSON    an object of columns, a list of records (nested ones get dotted names), a list of
            lists, pandas' `split` and `columns` layouts, or one record a line
    names   are the first line, unless that line is like those below it; then columns are
            numbered from 0. A nameless first column is an index and is left out.

The path is opened in `files.py`; pandas gets text that has been checked line by line, never a path,
an address or an archive. What was decided
becomes a note of the rows. Lines are counted as an editor counts them, rows of JSON and Parquet
from 1.

What it does not do: say what a cell means (`rows.py`).
"""

import csv
import glob
import io
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lab.scaling.tables.files import ending, parquet_of, several, text_of
from lab.scaling.tables.rows import (
    DECIMALS,
    LONGEST,
    NUMBER,
    PERCENT,
    POWER,
    SCALED,
    TableError,
    UserTable,
    empty,
)

DELIMITED = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".txt": " ", ".dat": " "}
LINES = (".jsonl", ".ndjson")
PARQUET = (".parquet", ".pq")
ENDINGS = (*DELIMITED, ".json", *LINES, *PARQUET)
FILES = 5000
"""Files of one table."""
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "white space"}
SAMPLE = 200
"""Lines that the separator is found on."""
FILE = "file"
"""The column that tells the files of one table apart."""
RUN = "run"
"""The column that tells the runs of a table apart that has a column a run."""
SPREADS = ("__MIN", "__MAX")
"""Ends of names under which trackers export the spread of a curve beside it."""


class Places(Sequence):
    """Names of the places of rows: a word and a number each."""

    def __init__(self, word: str, numbers: np.ndarray) -> None:
        self.word, self.numbers = word, numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, i: Any) -> Any:
        if isinstance(i, slice):
            return [f"{self.word} {n}" for n in self.numbers[i].tolist()]
        return f"{self.word} {self.numbers[i]}"


def read_rows(path: str | Path, *, decimal: str | None = None) -> UserTable:
    """The rows of a file by its ending, a file of another ending as CSV; of a folder or a pattern,
    those of all its files.

    decimal: what separates decimals, "," or "."; by default what the cells say.
    Raises TableError where a file is missing, empty, too large, not what its ending says, has
    duplicate headers, or a row of another length than the header.
    """
    if decimal is not None and decimal not in DECIMALS:
        raise TableError(f"decimal is {decimal!r}; it must be ',' or '.'.")
    if several(path):
        return _together(path, decimal)
    path = Path(path)
    try:
        there = path.is_file()
    except (OSError, ValueError):  # no name of a file at all
        there = False
    if not there:
        raise TableError(
            f"{path} is not a file; give the path of a CSV, TSV, JSON or Parquet table."
        )
    kind = ending(path)
    try:
        if kind in PARQUET:
            return _parquet(path, decimal)
        if kind == ".json" or kind in LINES:
            return _json(path, decimal, lines=kind in LINES)
        return _delimited(path, DELIMITED.get(kind, ","), decimal)
    except MemoryError:
        raise TableError(f"{path} does not fit into memory; leave rows out.") from None


# ---- text with separators -----------------------------------------------------------------------


def _delimited(path: Path, usual: str, decimal: str | None) -> UserTable:
    text = text_of(path)
    if "\0" in text:
        at = text[: text.index("\0")].count("\n") + 1
        raise TableError(f"{path}, line {at}: it holds a NUL, which is no text; save it again.")
    lines = text.split("\n")
    comments = [i for i, line in enumerate(lines) if line.lstrip().startswith("#")]
    heading = _heading(lines, comments, usual)
    for i in comments:
        lines[i] = lines[i].lstrip()[1:] if i == heading else ""
    notes = []
    gone = len(comments) - (heading is not None)
    if gone:
        many = "1 comment line was" if gone == 1 else f"{gone} comment lines were"
        notes.append(f"{many} left out.")
    sign = _separator(lines, usual)
    if sign != usual:
        notes.append(f"The columns are separated by {SEPARATORS[sign]}.")
    if sign == " ":
        lines = [re.sub(r"[ \t]+", " ", line.strip(" \t")) for line in lines]
    records = _records(path, lines, sign)
    if not records:
        raise TableError(f"{path} is empty; its first line must name the columns.")
    cells = _parsed(path, lines, sign, records)
    return _named(path, cells, np.array([at for at, _ in records]), notes, decimal, sign)


def _heading(lines: list[str], comments: list[int], usual: str) -> int | None:
    """The comment that names the columns: the last before the first row, if it has as many fields
    and the row is numbers."""
    first = next(
        (i for i, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")),
        None,
    )
    before = [i for i in comments if first is not None and i < first]
    if first is None or not before:
        return None
    sign = _separator([line for i, line in enumerate(lines) if i not in set(comments)], usual)
    row, names = _split(lines[first], sign), _split(lines[before[-1]].lstrip()[1:], sign)
    numbers = all(_number_like(cell) for cell in row)
    return before[-1] if numbers and len(names) == len(row) > 1 else None


def _split(line: str, sign: str) -> list[str]:
    if sign == " ":
        line = re.sub(r"[ \t]+", " ", line.strip(" \t"))
    try:
        return next(csv.reader([line], delimiter=sign, skipinitialspace=True), [])
    except csv.Error:
        return []


def _separator(lines: list[str], usual: str) -> str:
    """The separator by which most lines have as many fields, of which most are numbers."""
    some = [line for line in lines[: 50 * SAMPLE] if line.strip()][:SAMPLE]
    best, found = (0.0, 0.0), usual
    for sign in dict.fromkeys((usual, *SEPARATORS)):
        rows = [_split(line, sign) for line in some]
        width = Counter(len(row) for row in rows[1:] or rows).most_common(1)
        if not width or width[0][0] < 2 or len(rows[0]) not in (width[0][0], width[0][0] - 1):
            continue
        even = width[0][1] / max(len(rows) - 1, 1)
        if even < 0.5:
            continue
        cells = [cell for row in rows[1:] if len(row) == width[0][0] for cell in row]
        numbers = sum(_number_like(cell) or empty(cell) for cell in cells) / max(len(cells), 1)
        score = (round(numbers, 6), even)
        if score > best and (sign == usual or numbers > best[0] or found == usual == " "):
            best, found = score, sign
    return found


def _number_like(cell: str) -> bool:
    text = cell.strip()
    if len(text) > LONGEST:
        return bool(NUMBER.fullmatch(text))
    return bool(
        NUMBER.fullmatch(text)
        or SCALED.fullmatch(text)
        or PERCENT.fullmatch(text)
        or POWER.fullmatch(text)
        or re.fullmatch(r"[+-]?[0-9]+([.,'\u00a0 ][0-9]+)*", text)
    )


def _records(path: Path, lines: list[str], sign: str) -> list[tuple[int, int]]:
    """Line (of the end) and number of fields of every record that is not blank."""
    if not any('"' in line for line in lines):
        return [
            (at, line.count(sign) + 1)
            for at, line in enumerate(lines, 1)
            if line.strip(" \t" + sign)
        ]
    reader = csv.reader(
        (line + "\n" for line in lines), delimiter=sign, strict=True, skipinitialspace=True
    )
    try:
        return [(reader.line_num, len(row)) for row in reader if any(map(str.strip, row))]
    except csv.Error as error:
        raise TableError(f"{path}, line {reader.line_num}: {error}; check its quotes.") from None


def _parsed(
    path: Path, lines: list[str], sign: str, records: list[tuple[int, int]]
) -> list[np.ndarray]:
    """All cells by column, those of the first record too; records of another length than most are
    refused, but for a first one that lacks the name of the index."""
    import pandas

    width = records[0][1]
    others = {fields for _, fields in records[1:]}
    if len(records) > 2 and others == {width + 1}:
        width += 1
    for at, fields in records[1:]:
        if fields != width:
            raise TableError(
                f"line {at}: {fields} fields where the header has {records[0][1]}; check its "
                f"delimiters."
            )
    handle = io.StringIO("\n".join(lines))
    try:
        frame = pandas.read_csv(
            handle, sep=sign, header=None, names=range(width), dtype=object, na_filter=False,
            skipinitialspace=True, engine="c", index_col=False, quotechar='"',
            skip_blank_lines=True, on_bad_lines="error",
        )  # fmt: skip
    except (ValueError, OverflowError) as error:  # ParserError among them
        said = str(error).partition("\n")[0]
        raise TableError(f"{path} cannot be read: {said}; check its quotes.") from None
    columns = [frame[j].to_numpy(object, copy=True) for j in range(width)]
    if len(frame) != len(records):
        full = np.zeros(len(frame), bool)
        for column in columns:
            full |= np.array([isinstance(cell, str) and bool(cell.strip()) for cell in column])
        columns = [column[full] for column in columns]
    if len(columns[0]) != len(records):
        raise TableError(f"{path} cannot be read: its lines are not what they seem; check quotes.")
    if records[0][1] < width and all(map(empty, columns[-1][1:].tolist())):
        return columns[:-1]  # every line ends with a separator
    if records[0][1] < width:  # the index has no name
        first = [cells[0] for cells in columns[:-1]]
        for cells, name in zip(columns, ["", *first], strict=True):
            cells[0] = name
    return columns


def _named(
    path: Path,
    cells: list[np.ndarray],
    lines: np.ndarray,
    notes: list[str],
    decimal: str | None,
    sign: str,
) -> UserTable:
    """The rows with the names of their columns, which are the first line or numbers."""
    header = [str(column[0]).strip() for column in cells]
    below = [column[1:] for column in cells]
    if _headless(header, below):
        notes.append(
            f"The first line has no names, so that columns are named 0 … {len(cells) - 1}."
        )
        header, below = [str(j) for j in range(len(cells))], cells
    else:
        lines = lines[1:]
    kept = list(range(len(header)))
    if len(header) > 1 and len(lines) and _nameless(header[0]):
        kept = kept[1:]
        notes.append("A first column without a name is an index and was left out.")
    hollow = [j for j in kept[1:] if not header[j] and all(map(empty, below[j].tolist()))]
    if hollow and len(lines):
        kept = [j for j in kept if j not in hollow]
        notes.append("Columns without a name and without a value were left out.")
    _check_header(path, [header[j] for j in kept])
    columns = {header[j]: below[j].tolist() for j in kept}
    return UserTable(str(path), columns, Places("line", lines), notes, decimal, sign)


def _nameless(name: str) -> bool:
    return not name or bool(re.fullmatch(r"Unnamed: \d+(_level_\d+)?", name))


def _headless(header: list[str], below: list[np.ndarray]) -> bool:
    """True if the first line is a row: of the same kinds as those below it, and with a number."""
    counted = [name for name in header if not _nameless(name)]
    for first in (0, 1) if len(counted) > 2 else (0,):
        if counted == [str(j) for j in range(first, first + len(counted))]:
            return False
    if not len(below[0]):
        return all(_number_like(name) for name in header)
    kinds = []
    for name, column in zip(header, below, strict=True):
        cells = [cell for cell in column[:SAMPLE].tolist() if not empty(cell)]
        if not cells:
            continue
        number = sum(_number_like(cell) for cell in cells) > len(cells) / 2
        if not number and len(set(cells)) == len(cells) and len(cells) > 2:
            return False  # names of rows tell nothing of the first line
        if _number_like(name) != number and not empty(name):
            return False
        kinds.append(number)
    return any(kinds)


# ---- JSON ---------------------------------------------------------------------------------------


def _json(path: Path, decimal: str | None, *, lines: bool) -> UserTable:
    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        _check_header(path, [name for name, _ in pairs])
        return dict(pairs)

    text = text_of(path)
    try:
        found = None if lines else json.loads(text, object_pairs_hook=once)
    except TableError:
        raise
    except (ValueError, RecursionError) as error:  # JSONDecodeError; a number of 5000 digits
        if "Extra data" not in str(error):
            raise TableError(f"{path} is not JSON: {error}.") from None
        lines = True
    notes: list[str] = []
    places: Sequence[str] | None = None
    if lines:
        found, at = [], []
        for number, line in enumerate(text.split("\n"), 1):
            if not line.strip():
                continue
            try:
                found.append(json.loads(line, object_pairs_hook=once))
            except TableError:
                raise
            except (ValueError, RecursionError) as error:
                raise TableError(f"{path}, line {number}, is not JSON: {error}.") from None
            at.append(number)
        places = Places("line", np.array(at, int))
    columns = _columns(path, found, notes)
    if columns and len({len(cells) for cells in columns.values()}) > 1:
        said = ", ".join(f"{name} {len(cells)}" for name, cells in columns.items())
        raise TableError(
            f"{path} has columns of different lengths ({said}); every row needs a "
            "cell in each, null where it is missing."
        )
    n = len(next(iter(columns.values()), ()))
    if places is None or len(places) != n:
        places = Places("row", np.arange(1, n + 1))
    return UserTable(str(path), columns, places, notes, decimal, "json")


def _columns(path: Path, found: Any, notes: list[str]) -> dict[str, Sequence]:
    """The columns of what a file of JSON holds."""
    import pandas

    if isinstance(found, dict) and len(found) == 1:  # {"runs": [{…}, …]}
        (key, inside), *_ = found.items()
        if isinstance(inside, list) and inside and all(isinstance(row, dict) for row in inside):
            notes.append(f"The rows are those of {key!r}.")
            return _columns(path, inside, notes)
    if (
        isinstance(found, dict)
        and set(found) >= {"columns", "data"}
        and set(found) <= {"columns", "index", "data", "schema"}
    ):  # pandas' split layout
        names, data = found["columns"], found["data"]
        if isinstance(names, list) and isinstance(data, list):
            whole = all(isinstance(row, list) and len(row) == len(names) for row in data)
            if whole and all(isinstance(name, str | int) for name in names):
                header = [str(name) for name in names]
                _check_header(path, header)
                return {name: [row[j] for row in data] for j, name in enumerate(header)}
    if isinstance(found, list) and found and all(isinstance(row, dict) for row in found):
        nested = any(isinstance(cell, dict) for row in found for cell in row.values())
        try:
            rows = pandas.json_normalize(found).to_dict("list") if nested else None
        except (RecursionError, ValueError, TypeError, AttributeError) as error:
            raise TableError(f"{path} is no table: {error}.") from None
        if rows is not None:
            notes.append("Nested records are columns with dotted names.")
            return {str(name): list(cells) for name, cells in rows.items()}
        names = list(dict.fromkeys(name for row in found for name in row))
        return {name: [row.get(name) for row in found] for name in names}
    if isinstance(found, list) and found and all(isinstance(row, list) for row in found):
        widths = {len(row) for row in found}
        if len(widths) == 1 and widths != {0}:
            width = widths.pop()
            notes.append(f"The rows are lists, so that columns are named 0 … {width - 1}.")
            return {str(j): [row[j] for row in found] for j in range(width)}
    if isinstance(found, dict) and found and all(isinstance(v, dict) for v in found.values()):
        keys = list(dict.fromkeys(key for cells in found.values() for key in cells))
        inner = [cell for cells in found.values() for cell in cells.values()]
        if inner and not any(isinstance(cell, dict | list) for cell in inner):
            return {name: [cells.get(key) for key in keys] for name, cells in found.items()}
    if not (
        isinstance(found, dict)
        and found
        and all(isinstance(cells, list) for cells in found.values())
    ):
        raise TableError(
            f"{path} is no table; it must be an object of columns, "
            '{"x": [1, 2], "loss": [3, 4]}, or a list of records, [{"x": 1, "loss": 3}, …].'
        )
    return found


# ---- Parquet, and many files --------------------------------------------------------------------


def _parquet(path: Path, decimal: str | None) -> UserTable:
    table = parquet_of(path)
    names = [name for name in table.column_names if not re.fullmatch(r"__index_level_\d+__", name)]
    _check_header(path, names)
    columns = {name: table.column(name).to_pylist() for name in names}
    notes = []
    if len(names) < len(table.column_names):
        notes.append("A first column without a name is an index and was left out.")
    return UserTable(
        str(path), columns, Places("row", np.arange(1, table.num_rows + 1)), notes, decimal, "json"
    )


def _together(path: str | Path, decimal: str | None) -> UserTable:
    """One table of many files: a column has None where a file lacks it."""
    if Path(path).is_dir():
        files = [f for f in Path(path).iterdir() if ending(f) in ENDINGS and f.is_file()]
    else:
        files = [Path(f) for f in glob.glob(str(path)) if Path(f).is_file()]
    if not files:
        raise TableError(
            f"{path} is not a file and holds no tables; give a table, or a folder of "
            f"{', '.join(ENDINGS)} files."
        )
    files.sort(key=lambda f: [int(t) if t.isdigit() else t for t in re.split(r"(\d+)", f.name)])
    if len(files) > FILES:
        raise TableError(f"{path} has {len(files)} files; the limit is {FILES}.")
    parts = [read_rows(file, decimal=decimal) for file in files]
    names = list(dict.fromkeys(name for part in parts for name in part.columns))
    own = FILE if FILE not in names else "source file"
    columns: dict[str, list] = {
        own: [f.stem for f, p in zip(files, parts, strict=True) for _ in p.places]
    }
    for name in names:
        columns[name] = [cell for p in parts for cell in p.columns.get(name, [None] * len(p))]
    where = [f"{f.name}, {place}" for f, p in zip(files, parts, strict=True) for place in p.places]
    notes = [f"{len(files)} files are one table; the column {own!r} tells them apart."]
    for note in dict.fromkeys(note for part in parts for note in part.notes):
        notes.append(note)
    separators = {part.separator for part in parts}
    sign = separators.pop() if len(separators) == 1 else ","
    return UserTable(str(path), columns, where, notes, decimal, sign)


def _check_header(path: Path, header: Sequence[str]) -> None:
    twice = [name for name, count in Counter(header).items() if count > 1 and name]
    if twice:
        raise TableError(f"{path} has two columns named {twice[0]!r}; rename one of them.")


# ---- tables that have a column a run ----


def melted(rows: UserTable, x: Sequence[str], loss: str) -> UserTable:
    """The rows of a table with a column a run: one a cell, with the columns of x, `run`, and loss.

    Raises TableError where no column is left that has numbers.
    """
    for name in x:
        rows.column(name)
    runs = [
        name
        for name in rows.columns
        if name not in x and not name.endswith(SPREADS) and rows.numeric(name)
    ]
    if not runs:
        raise TableError(f"{rows.path} has no columns of numbers beside {', '.join(x)}.")
    columns: dict[str, list] = {name: [] for name in (*x, RUN, loss)}
    if len(columns) < len(x) + 2:
        raise TableError(
            f"the columns {', '.join(x)} and {loss!r} must differ; name the loss else."
        )
    where = []
    for name in runs:
        found, cells = rows.cells(name), rows.columns[name]
        for i in np.flatnonzero(~found.missing).tolist():
            for other in x:
                columns[other].append(rows.columns[other][i])
            columns[RUN].append(name)
            columns[loss].append(cells[i])
            where.append(f"{rows.places[i]}, {name}")
    gone = [name for name in rows.columns if name not in x and name not in runs]
    notes = [*rows.notes, f"{len(runs)} columns are a run each."]
    if gone:
        said = ", ".join(map(repr, gone[:5])) + (", …" if len(gone) > 5 else "")
        notes.append(f"Columns that are no runs were left out: {said}.")
    return UserTable(rows.path, columns, where, notes, rows.decimal, rows.separator)
