"""Files that hold a table: CSV, TSV, JSON, and Parquet where pyarrow is installed.

The ending says which: .csv; .tsv or .tab; .json, an object of columns of equal length as
`lab export` writes it; .parquet or .pq. Text may be compressed by gzip, as in .csv.gz.

Lines are counted as an editor counts them (the header is line 1), rows of JSON and Parquet from 1.

What it does not do: guess delimiters, or what a cell means (`rows.py`).
"""

import csv
import gzip
import io
import json
import zlib
from collections import Counter
from pathlib import Path

from lab.scaling.tables.rows import Rows, TableError

DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
PARQUET = (".parquet", ".pq")
ENDINGS = (*DELIMITERS, ".json", *PARQUET)
LARGEST = 2**30
"""Bytes of a table of text, unpacked."""
OTHER = {";": "semicolons", "\t": "tabs", ",": "commas"}


def ending(path: str | Path) -> str:
    """The part of a file's name that says its format, in lower case, without .gz."""
    path = Path(path)
    if path.suffix.lower() == ".gz":
        path = Path(path.stem)
    return path.suffix.lower()


def read_rows(path: str | Path) -> Rows:
    """The rows of a file, by its ending; a file of another ending is read as CSV.

    Raises TableError where the file is missing, empty, not what its ending says, has duplicate or
    empty headers, or a row of another length than the header.
    """
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
    if kind in PARQUET:
        return _parquet(path)
    return _json(path) if kind == ".json" else _delimited(path, DELIMITERS.get(kind, ","))


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
        if path.suffix.lower() == ".gz":
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
                content = packed.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise TableError(f"{path} holds more than {LARGEST} bytes; leave rows out.")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise TableError(f"{path} is not text in UTF-8; save it in UTF-8.") from None
    except (OSError, EOFError, zlib.error) as error:
        raise TableError(f"{path} cannot be read: {error}; save it again.") from None


def _delimited(path: Path, delimiter: str) -> Rows:
    # Line ends stay as they are: the reader knows those inside of quotes.
    reader = csv.reader(io.StringIO(_text(path), newline=""), delimiter=delimiter, strict=True)
    try:
        found = [(f"line {reader.line_num}", row) for row in reader if any(map(str.strip, row))]
    except csv.Error as error:
        raise TableError(f"{path}, line {reader.line_num}: {error}; check its quotes.") from None
    if not found:
        raise TableError(f"{path} is empty; its first line must name the columns.")
    header = [name.strip() for name in found[0][1]]
    other = next((sign for sign in OTHER if sign != delimiter and sign in header[0]), None)
    if len(header) == 1 and other is not None:
        raise TableError(
            f"{path} has {OTHER[other]} between its columns where its ending promises "
            f"{OTHER[delimiter]}; "
            + (
                "name it .tsv."
                if other == "\t"
                else "name it .csv."
                if other == ","
                else "save it with commas (and decimal points) or with tabs as .tsv."
            )
        )
    _check_header(path, header)
    for place, row in found[1:]:
        if len(row) != len(header):
            raise TableError(
                f"{place}: {len(row)} fields where the header has {len(header)}; check its "
                f"delimiters."
            )
    columns = {name: [row[j] for _, row in found[1:]] for j, name in enumerate(header)}
    return Rows(str(path), columns, [place for place, _ in found[1:]])


def _json(path: Path) -> Rows:
    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        _check_header(path, [name for name, _ in pairs])
        return dict(pairs)

    try:
        found = json.loads(_text(path), object_pairs_hook=once)
    except TableError:
        raise
    except (ValueError, RecursionError) as error:  # JSONDecodeError; a number of 5000 digits
        raise TableError(f"{path} is not JSON: {error}.") from None
    if not (
        isinstance(found, dict)
        and found
        and all(isinstance(cells, list) for cells in found.values())
    ):
        raise TableError(
            f"{path} is no table; it must be an object of columns, "
            '{"x": [1, 2], "loss": [3, 4]}.'
        )
    lengths = {name: len(cells) for name, cells in found.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise TableError(
            f"{path} has columns of different lengths ({said}); every row needs a "
            "cell in each, null where it is missing."
        )
    return Rows(str(path), found, [f"row {i + 1}" for i in range(next(iter(lengths.values())))])


def _parquet(path: Path) -> Rows:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise TableError(
            f"{path} is Parquet, which needs pyarrow; install it or save the table as CSV."
        ) from None
    try:
        table = parquet.ParquetFile(path).read()
    except (ArrowException, OSError) as error:
        raise TableError(f"{path} is not Parquet: {error}") from None
    _check_header(path, table.column_names)
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    return Rows(str(path), columns, [f"row {i + 1}" for i in range(table.num_rows)])


def _check_header(path: Path, header: list[str]) -> None:
    twice = [name for name, count in Counter(header).items() if count > 1 and name]
    if twice:
        raise TableError(f"{path} has two columns named {twice[0]!r}; rename one of them.")
