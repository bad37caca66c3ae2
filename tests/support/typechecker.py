"""What the import hook checks in every signature of the lab while the tests run, and how.

beartype checks types; an int is a float here, as it is to type checkers (PEP 484). Shapes are
compared within one call, of which jaxtyping keeps a note. Its own decorator binds arguments for
that, and checks them twice, which took half of the time of all tests; here a note is a context,
and functions without shapes have none. In loops the checks of shapes took a quarter of the time: a
function is checked in its first calls, and then in one of some. A function within another is made
anew in every call of that, for milliseconds if it is to be checked: the first few are.
"""

import functools
import inspect
import re
import sys
from collections import Counter
from dataclasses import fields, is_dataclass
from types import FunctionType
from typing import Any, get_type_hints

import jaxtyping
from beartype import BeartypeConf, beartype
from jaxtyping import install_import_hook

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
SHAPED = re.compile(r"\b(Float|Int|Bool|Num|Key)\b")
of_jaxtyping = jaxtyping.jaxtyped
FIRST, THEN = 500, 20
"""Calls of a function with shapes that are checked; one of so many is checked later on."""
MADE = 20
"""Functions of one definition within a function that are checked."""
made: Counter = Counter()


def install():
    """Check what is imported from `lab` from now on."""
    jaxtyping.jaxtyped = jaxtyped
    install_import_hook("lab", "typechecker.check")


def jaxtyped(found=None, *, typechecker=None):
    """What the hook decorates functions and classes with, in the place of jaxtyping's own."""
    if found is None:
        return functools.partial(jaxtyped, typechecker=typechecker)
    if isinstance(found, classmethod | staticmethod):
        return type(found)(jaxtyped(found.__func__, typechecker=typechecker))
    if isinstance(found, type):
        if is_dataclass(found) and _shaped([field.type for field in fields(found)], found):
            return of_jaxtyping(found, typechecker=typechecker)
        if is_dataclass(found) and "__init__" in vars(found):
            found.__init__ = check(_with_types(found.__init__))
        return found
    if isinstance(found, property):
        parts = (found.fget, found.fset, found.fdel)
        return property(*(part and jaxtyped(part, typechecker=typechecker) for part in parts))
    if "<locals>" in found.__qualname__:
        made[found.__code__] += 1
        if made[found.__code__] > MADE:
            return found
    checked = check(_with_types(found))
    if inspect.isgeneratorfunction(found) or not _shaped(found.__annotations__.values(), found):
        return checked

    calls = 0

    @functools.wraps(found)
    def in_one_call(*args, **kwargs):
        nonlocal calls
        calls += 1
        if calls > FIRST and calls % THEN:
            return found(*args, **kwargs)
        with of_jaxtyping("context"):
            return checked(*args, **kwargs)

    return in_one_call


def _with_types(found):
    """The same function with types for the names of types, as far as they are defined by now."""
    twin = FunctionType(found.__code__, found.__globals__, found.__name__, found.__defaults__,
                        found.__closure__)  # fmt: skip
    functools.update_wrapper(twin, found, updated=())
    twin.__kwdefaults__ = found.__kwdefaults__
    # A generator runs in pieces between those of its callers, whose shapes are others.
    plain = inspect.isgeneratorfunction(found)
    twin.__annotations__ = {
        name: Any if plain and _shaped([said], found) else _type(said, found)
        for name, said in found.__annotations__.items()
    }
    return twin


def _type(said, of):
    try:
        return get_type_hints(_Said({"it": said}), of.__globals__, include_extras=True)["it"]
    except (NameError, TypeError, AttributeError):
        return Any


class _Said:
    def __init__(self, annotations):
        self.__annotations__ = annotations


def _shaped(annotations, of):
    """Whether one of these, or what it stands for in its module, has a shape."""
    known = vars(sys.modules[of.__module__])
    names = {name for said in annotations for name in re.findall(r"\w+", str(said))}
    return any(SHAPED.search(f"{name} {known.get(name)!r}") for name in names)
