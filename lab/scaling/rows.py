"""Reading the rows of a table a user brings: CSV, TSV, or Parquet where pyarrow is installed.

Every mistake is one sentence with the place in the file: lines are counted as an editor counts
them (the header is line 1), rows of a Parquet file from 1.

What it does not do: guess which column is which, or repair values.
"""

import csv
from collections import Counter
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from jaxtyping import Float


class TableError(ValueError):
    """A table that cannot be used. The message is one sentence with the place and the remedy."""


@dataclass(frozen=True)
class Rows:
    """Cells as they stand in the file, by column, and the name of each row's place."""

    path: str
    columns: dict[str, list]
    places: list[str]

    def __len__(self) -> int:
        return len(self.places)

    def column(self, name: str) -> list:
        """The cells of a column. Raises TableError with the nearest name if there is none."""
        if name not in self.columns:
            near = get_close_matches(name, self.columns, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise TableError(
                f"{self.path} has no column {name!r}; its columns are "
                f"{', '.join(map(repr, self.columns))}.{hint}")
        return self.columns[name]

    def numbers(
        self, name: str, keep: list[int] | None = None, *, positive: bool = True
    ) -> Float[np.ndarray, " rows"]:
        """A column as finite (and positive) numbers, of the rows in `keep` (all if None)."""
        cells = self.column(name)
        out = []
        for i in range(len(self)) if keep is None else keep:
            cell, place = cells[i], self.places[i]
            if cell is None or (isinstance(cell, str) and not cell.strip()):
                raise TableError(f"{place}: {name} is empty; fill it in or leave the row out.")
            try:
                value = float(cell)
            except (TypeError, ValueError):
                raise TableError(f"{place}: {name} is {cell!r}, which is not a number.") from None
            if not np.isfinite(value):
                raise TableError(
                    f"{place}: {name} is {value}; it must be finite. Leave the row out.")
            if positive and value <= 0:
                raise TableError(
                    f"{place}: {name} is {value:g}; it must be positive, for logarithms are taken.")
            out.append(value)
        return np.array(out, float)

    def labels(self, name: str, keep: list[int]) -> list[str]:
        """A column as non-empty text, of the rows in `keep`."""
        cells = self.column(name)
        for i in keep:
            if cells[i] is None or not str(cells[i]).strip():
                raise TableError(f"{self.places[i]}: {name} is empty; every row needs a group.")
        return [str(cells[i]).strip() for i in keep]


def read_rows(path: str | Path) -> Rows:
    """The rows of a file: Parquet by its ending, tabs for .tsv and .tab, else commas.

    Raises TableError where the file is missing, empty, not text, has duplicate or empty headers,
    or a row of another length than the header.
    """
    path = Path(path)
    if not path.is_file():
        raise TableError(f"{path} is not a file; give the path of a CSV, TSV or Parquet table.")
    if path.suffix.lower() in (".parquet", ".pq"):
        return _parquet(path)
    delimiter = "\t" if path.suffix.lower() in (".tsv", ".tab") else ","
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            lines = [(f"line {reader.line_num}", row) for row in reader if any(map(str.strip, row))]
    except UnicodeDecodeError:
        raise TableError(f"{path} is not text in UTF-8; save it as CSV in UTF-8.") from None
    except csv.Error as error:
        raise TableError(f"{path}, line {reader.line_num}: {error}; check its quotes.") from None
    if not lines:
        raise TableError(f"{path} is empty; its first line must name the columns.")
    header = [name.strip() for name in lines[0][1]]
    _check_header(path, header)
    for place, row in lines[1:]:
        if len(row) != len(header):
            raise TableError(
                f"{place}: {len(row)} fields where the header has {len(header)}; check its "
                f"delimiters.")
    columns = {name: [row[j] for _, row in lines[1:]] for j, name in enumerate(header)}
    return Rows(str(path), columns, [place for place, _ in lines[1:]])


def _check_header(path: Path, header: list[str]) -> None:
    twice = [name for name, count in Counter(header).items() if count > 1 and name]
    if twice:
        raise TableError(f"{path} has two columns named {twice[0]!r}; rename one of them.")


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
