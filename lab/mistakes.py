"""Mistakes in a study file, each one a sentence: what stands there, what may, and the line.

Turns pydantic's list of errors into text for people. No JAX, no knowledge of the science.
"""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Iterable, Iterator

from pydantic import BaseModel, ValidationError


class StudyError(ValueError):
    """A study that cannot be run. `.mistakes` holds one sentence per mistake."""

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = list(mistakes)
        super().__init__("\n".join(self.mistakes))


def unknown(what: str, name: object, known: Iterable[str]) -> str:
    """'unknown preset 'adm'; did you mean 'adam'? Known are …'."""
    known = sorted(known)
    near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
    guess = f"; did you mean '{near[0]}'?" if near else ";"
    return f"unknown {what} '{name}'{guess} Known: {', '.join(known)}"


def sentences(
    error: ValidationError, model: type[BaseModel], *, text: str, name: str, panel: int = 0
) -> list[str]:
    """One sentence per mistake, in the order of the file's lines.

    Args:
        error: what pydantic found.
        model: the class that was validated, for the names that are allowed.
        text: the TOML source, for line numbers; may be empty.
        name: what to call the file.
        panel: which of the file's [[panel]] tables was validated, from 1; 0 for none.
    """
    found: list[tuple[int, str]] = []
    for item in error.errors():
        path = [p for p in item["loc"] if isinstance(p, str) and p.isidentifier()]
        where = ".".join(path)
        if item["type"] == "value_error":
            for line in str(item["ctx"]["error"]).split("\n"):
                inner, _, rest = line.partition(": ")
                full = inner if re.fullmatch(r"\[?[a-z_.]+\]?", inner) and rest else where
                message = rest if full == inner else line
                at = _line(text, full.strip("[]").split("."), panel)
                found.append((at, f"{full}: {message}"))
        elif item["type"] == "extra_forbidden":
            allowed = _keys(model, path[:-1])
            sentence = f"{where}: {unknown('key', path[-1], allowed)}"
            found.append((_line(text, path, panel), sentence))
        else:
            found.append((_line(text, path, panel), f"{where or 'file'}: {_plain(item)}"))
    unique = dict.fromkeys(sorted(found))
    where = f"panel {panel}: " if panel else ""
    return [f"{name}{f':{line}' if line else ''}: {where}{s}" for line, s in unique]


def _plain(item: typing.Any) -> str:
    kind, value = item["type"], item.get("input")
    if kind == "missing":
        return "is missing; every study needs it"
    if kind == "literal_error":
        known = re.findall(r"'([^']+)'", item["ctx"]["expected"]) or [item["ctx"]["expected"]]
        return unknown("value", value, known)
    if kind == "too_short":
        return "an empty grid; give at least one value"
    if kind == "finite_number":
        return f"{value} is not finite; give a finite number"
    if kind.startswith(("greater_than", "less_than")):
        return f"{value} is out of range: {item['msg'][0].lower()}{item['msg'][1:]}"
    message = re.sub(r"^Input should be", "expected", item["msg"]).replace(
        "valid dictionary", "table"
    )
    return f"{value!r} is of the wrong type: {message}"


def _keys(model: type[BaseModel], path: list[str]) -> list[str]:
    """Names allowed in the table at `path`."""
    for part in path:
        field = model.model_fields.get(part)
        inner = [m for m in _models(field.annotation)] if field else []
        if not inner:
            return []
        model = inner[0]
    return [f.alias or k for k, f in model.model_fields.items()]


def _models(annotation: typing.Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models(argument)


def _line(text: str, path: list[str], panel: int) -> int:
    """Line of the key `path` in a TOML source, or 0: its table header, then the key itself.

    An inline table has its keys on one line, so the search stops at the deepest part found. A
    panel's own table hides the one of the same name at the top.
    """
    table: list[str] = []
    inside, panels = 0, 0
    best, rank = 0, (False, 0)
    for number, line in enumerate(text.split("\n"), start=1):
        header = re.match(r"\s*\[+\s*([\w.\"-]+)\s*\]+", line)
        key = re.match(r"\s*([\w.\"-]+)\s*=", line)
        if header:
            table = header[1].replace('"', "").split(".")
            panels += header[0].strip() == "[[panel]]"
            inside = panels if table[0] == "panel" else 0
            table = table[1:] if inside else table
            here = table
        elif key:
            here = table + key[1].replace('"', "").split(".")
        else:
            continue
        found = (inside == panel and here[:1] != [], len(here))
        if inside in (0, panel) and here == path[: len(here)] and found > rank:
            best, rank = number, found
    return best
