"""Numbers and rows of a document that stand in a file of results, each between markers:

    <!-- value: STUDY/FILE.csv COLUMN d=8 -->       a number within a sentence, to two decimals
    <!-- rows: STUDY/FILE.csv COLUMN,COLUMN -->     a table: these columns of its rows
    <!-- quoted: STUDY/report.md -->                 words that stand in that file, and are kept

A FILE is CSV, or Markdown, of which the first table with the first of these columns is read; with
FILE.md#HEADING the first one below that heading. NAME=VALUE picks rows by a column or by a name in
the column `setting`; a value needs one row, or one of these in the place of a column:

    count            how many rows
    least:COLUMN     the smallest and the largest number,
    most:COLUMN
    alpha:Y,X        −slope of ln Y over ln X, by least squares.

Y/X is a quotient of two columns. A word that opens with a colon is the format, :.1f or :.0%.
Nothing else is worked out here: the study or the benchmark that wrote the table has done it.
"""

from __future__ import annotations

import csv
import json
import math
import re
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.findings.view import table
from lab.mistakes import StudyError, unknown

FORMAT = ":.2f"
COUNT = "count"
ENDS = {"least": min, "most": max}
SETTING = "setting"
"""The column of a CSV table that holds what varies, as JSON."""

TextRow = Mapping[str, str]


def value(results: Path, asked: Sequence[str]) -> str:
    """The number that the words of a marker ask for."""
    form = ([FORMAT] + [word for word in asked if word.startswith(":")])[-1]
    file, wanted, *picks = _without_format(asked)
    how, _, column = wanted.rpartition(":")
    y, _, x = column.partition(",")
    found = _picked(results, file, "" if column == COUNT else y.partition("/")[0], picks)
    if column == COUNT:
        return str(len(found))
    numbers = [_number(row, y) for row in found]
    if how == "alpha" and x and len(found) > 1:
        over = [math.log(_number(row, x)) for row in found]
        slope = statistics.linear_regression(over, [*map(math.log, numbers)]).slope
        return format(-slope, form[1:])
    if how in ENDS or (not how and len(numbers) == 1):
        return format(ENDS.get(how, min)(numbers), form[1:])
    raise StudyError([f"'{' '.join(asked)}' picks {len(numbers)} rows; name what varies so that it "
                      "picks one, or write least:, most: or alpha:Y,X"])  # fmt: skip


def rows(results: Path, asked: Sequence[str]) -> str:
    """The Markdown table that the words of a marker ask for; numbers as they stand."""
    file, wanted, *picks = _without_format(asked)
    columns = wanted.split(",")
    found = _picked(results, file, columns[0], picks)
    return table(columns, [[_cell(row, name) for name in columns] for row in found])


def quoted(results: Path, asked: Sequence[str], words: str) -> str:
    """The words, if they stand in the file that a marker names; .5 is 0.5, − is -."""
    file, *_ = asked
    if _plain(words) not in _plain(_text(results / file)):
        raise StudyError([f"'{words}' does not stand in {results / file}; quote what it says"])
    return words


def _plain(text: str) -> str:
    return re.sub(r"(?<!\d)0\.(?=\d)", ".", " ".join(text.replace("−", "-").split()))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError([f"{file} cannot be read ({error}); name a file of results"]) from None


def _without_format(asked: Sequence[str]) -> list[str]:
    words = [word for word in asked if not word.startswith(":")]
    if len(words) < 2:
        raise StudyError([f"'{' '.join(asked)}' lacks a file or a column; write FILE COLUMN"])
    return words


def _picked(results: Path, file: str, column: str, picks: Sequence[str]) -> list[TextRow]:
    every = _read(results, file, column)
    pairs = [pick.partition("=")[::2] for pick in picks]
    found = [row for row in every if all(_cell(row, name) == text for name, text in pairs)]
    if not found:
        raise StudyError([f"{file} has no row with {' '.join(picks) or column}; change a value"])
    return found


def _read(results: Path, file: str, column: str) -> list[TextRow]:
    name, _, heading = file.partition("#")
    text = _text(results / name)
    if not name.endswith(".md"):
        return [{**row, **_varying(row)} for row in csv.DictReader(text.splitlines())]
    for part in (text.partition(f"# {heading}\n")[2] if heading else text).split("\n\n"):
        lines = [line.strip().strip("|").split("|") for line in part.strip().splitlines()]
        head, *rest = [[cell.strip() for cell in cells] for cells in lines]
        if column in head or (not column and rest):
            return [dict(zip(head, cells, strict=True)) for cells in rest[1:]]
    return []


def _varying(row: TextRow) -> TextRow:
    """The names in the column `setting`, and d."""
    text = row.get(SETTING, "")
    held = {k: str(v) for k, v in json.loads(text).items()} if text.startswith("{") else {}
    return held | ({"d": row["dim"]} if "dim" in row else {})


def _cell(row: TextRow, name: str) -> str:
    if name not in row:
        raise StudyError([unknown("column", name, row)])
    return row[name]


def _number(row: TextRow, wanted: str) -> float:
    cells = [_cell(row, name) for name in wanted.split("/")]
    try:
        above, *below = map(float, cells)
    except ValueError:
        raise StudyError([f"'{wanted}' holds what is no number; name another column"]) from None
    return above / math.prod(below)
