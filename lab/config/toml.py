"""TOML as a person writes it: its tables, or a `StudyError`; and where in the text a key stands.

Whatever the text is, reading it ends at once and in one of the two: not in a limit of Python on
digits, on recursion or on memory. What it does not do: know which keys a study has. The presets are
the study files that come with the lab, as starting points for `lab init`.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from lab.mistakes import Place, StudyError, spelled, unknown

LARGEST = 4 * 2**20
"""Bytes of a file: every study is below a thousandth of it."""
DEEPEST = 32
"""Tables and lists inside each other."""
MOST_VALUES = 1_000_000
"""Values of a file."""
WHOLE = 2**63
"""TOML's whole numbers are below it, and not below its negative."""


def text(path: Path) -> str:
    """Text of a file. Raises StudyError for what is no file, no text or too large."""
    try:
        if not path.exists():
            remedy = f"`lab init {path}` writes a study to start from"
            raise StudyError([f"{path}: no such file; {remedy}"])
        if not path.is_file():
            raise StudyError([f"{path}: is no file; give the path of a study, such as study.toml"])
        size = path.stat().st_size
        if size > LARGEST:
            raise StudyError([f"{path}: has {size} bytes, and a study has at most {LARGEST}"])
        return path.read_text(encoding="utf-8-sig")
    except StudyError:
        raise
    except (OSError, ValueError) as error:  # UnicodeDecodeError too
        raise StudyError([f"{path}: cannot be read as text ({error})"]) from None


def tables(text: str, name: str) -> dict[str, Any]:
    """The tables of a TOML text. Raises StudyError with the reason if it is none."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        why = f"brackets stand more than {DEEPEST} deep in each other"
    except (ValueError, OverflowError) as error:  # TOMLDecodeError; a number of 5000 digits
        digits = "integer string conversion" in str(error)
        why = f"a whole number is not below {WHOLE}" if digits else str(error)
    raise StudyError([f"{name}: not TOML: {why}; mend it there"])


def refusals(tables: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    """Limits that hold for every file: text length, number range, depth, number of entries."""
    seen = 0
    waiting: list[tuple[Place, Any]] = [((), tables)]
    while waiting:
        place, value = waiting.pop()
        seen += 1
        if len(place) > DEEPEST or seen > MOST_VALUES:
            many = f"more than {MOST_VALUES} values" if seen > MOST_VALUES else (
                f"is more than {DEEPEST} tables and lists deep"
            )  # fmt: skip
            yield place[:1], f"{spelled(place[:1])}: {many}; a study needs no such thing"
            return
        if isinstance(value, Mapping):
            for key, inner in value.items():
                if isinstance(key, str):
                    waiting.append(((*place, key), inner))
                else:
                    yield place, f"{spelled(place)}: the key {key!r} is no text"
        elif isinstance(value, list | tuple):
            waiting += [((*place, ""), inner) for inner in value]
        elif isinstance(value, int) and not -WHOLE <= value < WHOLE:
            at = tuple(key for key in place if key)
            yield at, f"{spelled(at)}: a whole number of {value.bit_length()} bits; TOML has 64"


_KEY = r"""(?:"[^"]*"|'[^']*'|[\w-]+)"""
_DOTTED = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER = re.compile(rf"\s*(\[+)\s*({_DOTTED})\s*\]+")
_ASSIGNED = re.compile(rf"\s*({_DOTTED})\s*=")


@dataclass(frozen=True)
class StudyText:
    """Source of a study: a file and its text, and the overrides applied to it.

    overrides: the text of each by the panel (0: none) and the place that it sets.
    """

    name: str = "study"
    text: str = ""
    overrides: Mapping[tuple[int, Place], str] = field(default_factory=dict)

    def cite(self, place: Place, *scopes: int) -> tuple[int, str]:
        """Place where a key was written, in words: the override that set it, else the file and
        the line of the deepest of its tables that is found. Lines sort before overrides.

        Args:
            place: the key and the tables that it is in.
            scopes: where to look, in this order: a panel from 1, or 0, the top of the file.
        """
        for scope in dict.fromkeys(scopes or (0,)):
            for depth in range(len(place), 0, -1):
                key = scope, place[:depth]
                if key in self.overrides:
                    return 1 << 62, f"--set {self.overrides[key]}"
                if key in self._lines:
                    return self._lines[key], f"{self.name}:{self._lines[key]}"
        return 0, self.name

    @cached_property
    def _lines(self) -> Mapping[tuple[int, Place], int]:
        """The first line of every key and table header, by panel and place."""
        found: dict[tuple[int, Place], int] = {}
        tables: list[Place] = [()]
        listed: Counter[tuple[int, Place]] = Counter()
        inside = panels = 0
        for number, line in enumerate(self.text.split("\n"), start=1):
            header, key = _HEADER.match(line), _ASSIGNED.match(line)
            if header:
                table = _split(header[2])
                panels += table == ("panel",) and header[1] == "[["
                inside = panels if table[0] == "panel" else 0
                tables = [table[1:] if inside else table]
                if header[1] == "[[" and tables[0]:  # a table of a list goes by its number too
                    i = listed[inside, tables[0]]
                    listed[inside, tables[0]] += 1
                    tables = [*tables[i:1], (*tables[0], str(i))]
            rest = _split(key[1]) if key and not header else ()
            if header or key:
                for table in tables:
                    found.setdefault((inside, table + rest), number)
        return found


def _split(dotted: str) -> Place:
    return tuple(key.strip("\"'") for key in re.findall(_KEY, dotted))


STUDIES = Path(__file__).parent.parent / "studies"
"""The studies of the checkout, which the package takes along; a preset is one by its name."""


def preset_questions() -> dict[str, str]:
    """Name of every preset and the question it asks."""
    texts = {file.stem: file.read_text(encoding="utf-8") for file in _files()}
    return {name: tomllib.loads(text)["question"] for name, text in texts.items()}


def preset_text(preset: str) -> str:
    """The commented TOML of a preset. Raises StudyError with the known names."""
    known = [file.stem for file in _files()]
    if preset not in known:
        raise StudyError([unknown("preset", preset, known)])
    return (STUDIES / f"{preset}.toml").read_text(encoding="utf-8")


def _files() -> list[Path]:
    found = sorted(STUDIES.glob("*.toml"))
    if not found:
        raise StudyError(
            [f"{STUDIES}: the studies to start from are not there; install the lab again, or copy "
             "one from its repository"]
        )  # fmt: skip
    return found
