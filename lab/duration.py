"""A duration in words, for plans and progress. Imports nothing, so that every verb may use it."""

from __future__ import annotations


def duration(seconds: float | None) -> str:
    """1 h 05 min, 3 min 20 s, 12 s; '?' for None."""
    if seconds is None:
        return "?"
    s = round(seconds)
    if s >= 3600:
        return f"{s // 3600} h {s % 3600 // 60:02d} min"
    return f"{s // 60} min {s % 60:02d} s" if s >= 60 else f"{s} s"
