"""Plain values: what JSON can hold, with null for a number that is not finite."""

from __future__ import annotations

from typing import Any

from pydantic_core import to_jsonable_python


def plain(value: Any) -> Any:
    """The value as dicts, lists, texts and numbers: without tuples, arrays, infinities or NaN."""
    return to_jsonable_python(value, inf_nan_mode="null", fallback=lambda array: array.tolist())
