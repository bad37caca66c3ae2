"""Files and values as they are written: whole files or none, and values that JSON can hold.

A file is written beside the old one and then takes its place, so that no reader sees half of it.
"""

from __future__ import annotations

import csv
import io
import os
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lab.mistakes import StudyError


def put(text: str, file: Path, *, make: bool = True) -> Path:
    """Write a file beside the old one, then let it take its place. make: its folder too, where
    there is none. Raises StudyError."""
    return put_bytes(text.encode(), file, make=make)


def put_bytes(content: bytes, file: Path, *, make: bool = True) -> Path:
    """The same of bytes."""
    beside = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        if make:
            file.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as open_file:
            open_file.write(content)
            open_file.flush()
            os.fsync(open_file.fileno())  # or a crash leaves the new name and no content
        beside.replace(file)
    except OSError as error:
        _forget(beside)
        raise StudyError(
            [f"{file}: cannot be written ({error.strerror}); make room, let the folder be written, "
             "or choose another"]
        ) from None  # fmt: skip
    return file


FORMULA = frozenset("=+-@\t\r")
"""First letters of what a spreadsheet evaluates."""


def inert(cell: Any) -> Any:
    """A cell that a spreadsheet shows and does not evaluate: text that begins as a formula does,
    and is no number, gets an apostrophe before it (OWASP, CSV injection)."""
    if not (isinstance(cell, str) and cell[:1] in FORMULA):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A CSV file of these rows, of inert cells."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(map(inert, row) for row in rows)
    return text.getvalue()


def _forget(file: Path) -> None:
    with suppress(OSError):
        file.unlink()


def to_jsonable(value: Any) -> Any:
    """The value as dicts, lists, texts and numbers: without tuples, arrays, infinities or NaN;
    a number that is not finite is null."""
    from pydantic_core import to_jsonable_python

    return to_jsonable_python(value, inf_nan_mode="null", fallback=lambda array: array.tolist())
