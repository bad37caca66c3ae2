"""Files as they are written: whole or not at all.

A file is written beside the old one and then takes its place, so that nobody ever reads half of it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from lab.mistakes import StudyError


def put(text: str, file: Path) -> Path:
    """Write a file beside the old one, then let it take its place. Raises StudyError."""
    return put_bytes(text.encode(), file)


def put_bytes(content: bytes, file: Path) -> Path:
    """The same of bytes."""
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(content)
        beside.replace(file)
    except OSError as error:
        _forget(beside)
        raise StudyError(
            [f"{file}: cannot be written ({error.strerror}); let the folder be written, or choose "
             "another with --results"]
        ) from None  # fmt: skip
    return file


def _forget(file: Path) -> None:
    with suppress(OSError):
        file.unlink()
