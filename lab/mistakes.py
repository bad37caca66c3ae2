"""Mistakes in a study file, each one a sentence: what stands there, what may, and the line.

Turns pydantic's list of errors into text for people. No JAX, no knowledge of the science.
"""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Iterable, Iterator, Mapping

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
    wrong: Iterable[tuple[str, str]], *, text: str, name: str, panel: int = 0
) -> list[str]:
    """One sentence per mistake, in the order of the file's lines.

    Args:
        wrong: (place, what is wrong there), see `places`.
        text: the TOML source, for line numbers; may be empty.
        name: what to call the file.
        panel: which of the file's [[panel]] tables was validated, from 1; 0 for none.
    """
    found = {
        (_line(text, place.strip("[]").split("."), panel), f"{place}: {what}")
        for place, what in wrong
    }
    where = f"panel {panel}: " if panel else ""
    return [f"{name}{f':{line}' if line else ''}: {where}{s}" for line, s in sorted(found)]


def places(
    error: ValidationError, model: type[BaseModel], *, others: Mapping[str, type[BaseModel]]
) -> list[tuple[str, str]]:
    """Every mistake that pydantic found: its place, as in training.steps, and what is wrong.

    Args:
        model: the class that was validated, for the names that are allowed.
        others: the classes that it could have been, by name, for keys that belong to another.
    """
    found = []
    for item in error.errors():
        path = [p for p in item["loc"] if isinstance(p, str) and p.isidentifier()]
        where = ".".join(path)
        if item["type"] == "value_error":
            for line in str(item["ctx"]["error"]).split("\n"):
                inner, _, rest = line.partition(": ")
                own = re.fullmatch(r"\[?[a-z_.]+\]?", inner) and rest
                if own and where and not inner.startswith(("[", where)):
                    inner = f"{where}.{inner}"
                found.append((inner, rest) if own else (where or "file", line))
        elif item["type"] == "extra_forbidden":
            found.append((where, _foreign(item["loc"], model, others)))
        elif item["type"] == "union_tag_invalid":
            known = re.findall(r"'kind ([^']+)'", item["ctx"]["expected_tags"])
            given = item["ctx"]["tag"].removeprefix("kind ")
            found.append((f"{where}.kind", unknown("kind", given, known)))
        else:
            found.append((where or "file", _plain(item)))
    return found


def _plain(item: typing.Any) -> str:
    kind, value = item["type"], item.get("input")
    if kind == "missing":
        return "is missing, and needed here"
    if kind == "literal_error":
        known = re.findall(r"'([^']+)'", item["ctx"]["expected"]) or [item["ctx"]["expected"]]
        names = [p for p in item["loc"] if isinstance(p, str) and p.isidentifier()]
        return unknown(names[-1] if names else "value", value, known)
    if kind == "too_short":
        return "an empty grid; give at least one value"
    if kind == "finite_number":
        return f"{value} is not finite; give a finite number"
    if kind.startswith(("greater_than", "less_than")):
        return f"{value} is out of range: {item['msg'][0].lower()}{item['msg'][1:]}"
    message = re.sub(r"^Input should be", "expected", item["msg"]).replace(
        "valid dictionary", "table"
    )
    if kind == "union_tag_not_found":
        message = "expected a table"
    return f"{value!r} is of the wrong type: {message}"


def _foreign(loc: tuple, model: type[BaseModel], others: Mapping[str, type[BaseModel]]) -> str:
    """What is wrong with a key that its table does not have, and whose it is."""
    *parents, last = map(str, loc)
    table, kinds = _table(model, parents)
    for told, candidates in (
        ("kind", kinds),
        ("regime", {name: _table(other, parents)[0] for name, other in others.items()}),
    ):
        whose = [name for name, other in candidates.items() if other and last in _keys(other)]
        if whose:
            names = ", ".join(f'"{name}"' for name in whose)
            return f"unknown key '{last}' here; it belongs to {told} = {names}"
    return unknown("key", last, _keys(table) if table else ())


def _table(
    model: type[BaseModel], parents: Iterable[str]
) -> tuple[type[BaseModel] | None, Mapping[str, type[BaseModel]]]:
    """The table at a place of a file, None where there is none; and the kinds that it could be."""
    kinds: Mapping[str, type[BaseModel]] = {}
    for part in parents:
        if part.startswith("kind ") and part[5:] in kinds:
            model = kinds[part[5:]]
            continue
        field = model.model_fields.get(part)
        inner = [*_models(field.annotation)] if field else []
        if not field or not inner:
            return None, {}
        model = inner[0]
        kinds = next((dict(m.kinds) for m in field.metadata if hasattr(m, "kinds")), {})
    return model, kinds


def _keys(model: type[BaseModel]) -> list[str]:
    """The names that a table allows."""
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
