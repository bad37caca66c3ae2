"""A duration, read and in words, for plans and progress. Every verb may use it."""

from __future__ import annotations

import re

from lab.mistakes import StudyError

UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def duration(seconds: float | None) -> str:
    """1 h 05 min, 3 min 20 s, 12 s; '?' for None."""
    if seconds is None:
        return "?"
    s = round(seconds)
    if s >= 3600:
        return f"{s // 3600} h {s % 3600 // 60:02d} min"
    return f"{s // 60} min {s % 60:02d} s" if s >= 60 else f"{s} s"


def seconds_of(text: str | None) -> float | None:
    """The seconds of 90s, 30m, 1.5h; None of None. Raises StudyError for anything else."""
    if text is None:
        return None
    read = re.fullmatch(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*(s|m|min|h)\s*", text)
    if read is None:
        raise StudyError([f"budget: {text!r} is no time; write it as 90s, 30m or 2h"])
    return float(read[1]) * UNITS[read[2]]
