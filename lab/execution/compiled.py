"""Compiled programs: the folder that keeps them between runs, and the count of this process.

JAX writes an entry in place and never again: one that a killed process left half written is
complained of and compiled anew at every later run. So entries that were written since the last look
and cannot be unpacked are removed before a run. Nothing of a result depends on this folder: without
it every run compiles anew, and that is said, once.
"""

from __future__ import annotations

import os
import tempfile
import warnings
import zlib
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

ENTRY = "*-cache"
"""Names of JAX's entries."""
LOOKED = ".looked"
"""A file that is as old as the last look."""
OVERLAP = 60.0
"""Seconds before it from which entries are looked at again: some were being written then."""
ZLIB = 0x78
"""First byte of an entry that zlib packed, as JAX does where it has no zstd."""
ZSTD = b"\x28\xb5\x2f\xfd"
"""First bytes of one that zstd packed; it keeps no checksum that could be asked here."""
COMPLAINT = "Error (reading|writing) persistent compilation cache entry"
"""Pattern of JAX's warnings about the folder, one a program."""


class Uncached(UserWarning):
    """A sentence: why programs are compiled that were compiled before, and the remedy."""


def folder() -> Path | None:
    """LAB_CACHE, or else scaling-lab in $XDG_CACHE_HOME or ~/.cache; None where there is no home.

    No shared folder takes its place: who can write there could give us programs of their own.
    """
    if given := os.environ.get("LAB_CACHE"):
        return Path(given)
    try:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # neither HOME nor an entry of this user in the system's list
        return None
    return base / "scaling-lab"


def usable() -> Path | None:
    """The folder, made if needed; None where it can be neither made nor read."""
    found = folder()
    try:
        if found:
            found.mkdir(parents=True, exist_ok=True)
            next(found.iterdir(), None)
    except OSError:
        return None
    return found


def prepare() -> None:
    """Remove damaged entries, and warn (`Uncached`) where nothing can be read or kept."""
    if found := usable():
        _mend(found)
    if refused := refusal():
        warnings.warn(refused, Uncached, stacklevel=2)


def refusal() -> str | None:
    """A sentence if compiled programs cannot be kept, None if they can."""
    found = folder()
    if found is None:
        return (
            "compiled programs cannot be kept, for this user has no home; set HOME, or LAB_CACHE "
            "to a folder"
        )
    try:
        found.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=found, prefix=".probe-") as probe:
            probe.write(bytes(4096))
    except OSError as error:
        return (
            f"{found}: compiled programs cannot be kept there ({error.strerror}); let it be "
            "written, make room, or set LAB_CACHE to another folder"
        )
    return None


def _mend(found: Path) -> None:
    """Remove entries that cannot be unpacked, of those written since the last look. One that
    another process is writing may be among them: it is compiled once more."""
    looked = found / LOOKED
    with suppress(OSError):
        since = looked.stat().st_mtime if looked.exists() else 0.0
        looked.touch()
        for file in found.glob(ENTRY):
            with suppress(OSError):  # gone meanwhile, or not ours to remove: JAX goes round it
                if file.stat().st_mtime >= since - OVERLAP and not _whole(file.read_bytes()):
                    file.unlink()


def _whole(content: bytes) -> bool:
    """True if an entry can be unpacked."""
    if content[:4] == ZSTD:
        return True
    try:
        return content[:1] == bytes([ZLIB]) and bool(zlib.decompress(content))
    except zlib.error:
        return False


class Compilations:
    """Counts from its making on; programs that come from the cache on the disk count too."""

    def __init__(self) -> None:
        self._programs, self._seconds = _total()

    @property
    def programs(self) -> int:
        """Programs since then."""
        return int(_total()[0] - self._programs)

    @property
    def seconds(self) -> float:
        """Seconds since then."""
        return _total()[1] - self._seconds


def _total() -> tuple[float, float]:
    """Programs and seconds of this process so far."""
    programs, seconds = _count()
    return programs, seconds


@cache
def _count() -> list[float]:
    """The count that JAX adds to, by the one listener of this process."""
    import jax

    count = [0.0, 0.0]

    def listen(event: str, duration_secs: float, **_: Any) -> None:
        if event.endswith("backend_compile_duration"):
            count[0] += 1
            count[1] += duration_secs

    jax.monitoring.register_event_duration_secs_listener(listen)
    return count
