"""What pydantic refused of a table, as mistakes for people: their places, and a sentence each.

What it does not do: cite lines of the file; see `toml.py`.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Iterable, Iterator, Mapping

from pydantic import BaseModel, ValidationError

from lab.mistakes import MOST, Place, placed, shown, spelled, unknown


def places(
    error: ValidationError,
    model: type[BaseModel],
    *,
    tables: Mapping[str, typing.Any],
    others: Mapping[str, type[BaseModel]],
) -> list[tuple[Place, str]]:
    """Every mistake that pydantic found: its place, and a sentence that names it.

    Args:
        model: the class that was validated, for the names that are allowed.
        tables: what it was validated from.
        others: the classes that it could have been, by name, for keys that belong to another.
    """
    found = []
    for item in error.errors(include_url=False)[: MOST + 2]:
        # between the keys stand the names of kinds and of choices, which have spaces
        last = str((item["loc"] or [""])[-1])
        foreign = item["type"] == "extra_forbidden"
        path = _keys_of(item["loc"][:-1], tables)
        path = (*path, last) if foreign or last.isidentifier() else path
        if item["type"] == "value_error":
            found.append(placed(path, str(item["ctx"]["error"])))
            continue
        if foreign:
            what = _foreign(item["loc"], model, others)
        elif item["type"] in ("union_tag_invalid", "union_tag_not_found"):
            _, kinds = _table(model, map(str, item["loc"]))
            value = item["input"]
            named = isinstance(value, Mapping)
            path = (*path, "kind") if named else path
            what = unknown("kind", value["kind"], kinds) if named else _plain(item)
        else:
            what = _plain(item)
        found.append((path, f"{spelled(path)}: {what}"))
    return found


def _keys_of(loc: Iterable[str | int], at: typing.Any) -> Place:
    """The keys that lead to a place; of several tables in a list its number is one."""
    found: list[str] = []
    for part in loc:
        if isinstance(part, str) and part.isidentifier():
            found.append(part)
            at = at.get(part) if isinstance(at, Mapping) else None
        elif isinstance(part, int) and isinstance(at, list | tuple) and part < len(at) > 1:
            at = at[part]
            found += [str(part)] if isinstance(at, Mapping) else []
    return tuple(found)


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
    if kind == "string_too_short":
        return "is empty; write some text"
    if kind == "finite_number":
        return f"{shown(value)} is not finite; give a finite number"
    if kind.startswith(("greater_than", "less_than")):
        return f"{shown(value)} is out of range: {item['msg'][0].lower()}{item['msg'][1:]}"
    message = re.sub(r"^Input should be", "expected", item["msg"])
    if kind in ("union_tag_not_found", "model_type", "model_attributes_type", "dict_type"):
        message = "expected a table"
    return f"{shown(value)} is of the wrong type: {message}"


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
        named = (f for name, f in model.model_fields.items() if part == (f.alias or name))
        field = next(named, None)
        if not field and part.isdecimal():  # an entry of a list of tables
            continue
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
