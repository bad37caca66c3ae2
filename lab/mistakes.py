"""Words for people: mistakes as sentences (what stands there, what may, and where) and durations.

`StudyError` is the one exception that reading user input raises, and that the command line prints.
No JAX, no pydantic (`lab.config.study` turns its errors into sentences), no knowledge of the
science.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

Place = tuple[str, ...]
"""The keys that lead to a value, as in ("training", "steps")."""

MOST = 100
"""Mistakes that are told of one file; of more the number."""
LONGEST = 80
"""Characters of a value that a sentence shows."""


class StudyError(ValueError):
    """A study that cannot be run. `.mistakes` holds one sentence per mistake, a line each."""

    def __init__(self, mistakes: Iterable[str]) -> None:
        told = [one_line(mistake) for mistake in mistakes]
        more = len(told) - MOST
        self.mistakes = [*told[:MOST], f"… and {more} more"] if more > 1 else told
        super().__init__("\n".join(self.mistakes))


def one_line(text: str) -> str:
    """Text that stays on its line and sends nothing to the terminal but letters."""
    text = " ".join(text.split("\n"))
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shown(value: object) -> str:
    """A value as it may stand in a sentence, cut where it is long."""
    text = str(value) if isinstance(value, int | float) else repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def unknown(what: str, name: object, known: Iterable[str]) -> str:
    """'unknown preset 'adm'; did you mean 'adam'? Known: …'."""
    known = sorted(known)
    names = f"Known: {', '.join(known)}"
    if not isinstance(name, str):
        return f"unknown {what} '{shown(name)}'; give one name, in quotes. {names}"
    guess = guessed(what, name, known)
    return f"{guess}{'' if guess.endswith('?') else '.'} {names}"


def guessed(what: str, name: str, known: Iterable[str]) -> str:
    """'unknown preset 'adm'; did you mean 'adam'?'; without the question where none is near."""
    near = nearest(name, known)
    return f"unknown {what} '{name[:LONGEST]}'" + (f"; did you mean '{near}'?" if near else "")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is spelled most like this one; None where none is near."""
    near = difflib.get_close_matches(name[:LONGEST], sorted(known), n=1, cutoff=0.5)
    return near[0] if near else None


def question(name: str, known: Iterable[str]) -> str:
    """' Did you mean 'adam'?' to follow a sentence; nothing where no known name is near."""
    near = nearest(name, known)
    return f" Did you mean {near!r}?" if near else ""


def spelled(place: Place) -> str:
    """A place as TOML writes it: training.steps, training."a b"; the file where it is none."""
    bare = (key if re.fullmatch(r"[\w-]+", key, re.ASCII) else f'"{key}"' for key in place)
    return ".".join(bare) or "file"


def placed(place: Place, sentence: str) -> tuple[Place, str]:
    """The place of a mistake and its sentence, of what a table says of itself.

    sentence: may name the key, or another table, as in `widths: …`, `task.loss: …`, `[data]: …`.
    """
    inner, _, rest = sentence.partition(": ")
    if not (rest and re.fullmatch(r"\[?[a-z_.0-9]+\]?", inner)):
        return place, f"{spelled(place)}: {sentence}"
    if inner.startswith("["):
        return tuple(inner.strip("[]").split(".")), sentence
    own = tuple(inner.split("."))
    full = own if own[: len(place)] == place else (*place, *own)
    return full, f"{spelled(full)}: {rest}"


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
