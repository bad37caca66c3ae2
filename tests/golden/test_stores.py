"""What the command line says of simulated stores: text as it is, numbers of JSON to 1e-9.

The studies are in `studies/`, the stores are made by `stores.py`, what is expected is in
`expected/`, made by `regenerate.py`. Nothing here knows what is right: these files say what was
told before, so that a change of the code that should change no number changes none.
"""

import json
from pathlib import Path

import pytest
import stores

EXPECTED = Path(__file__).resolve().parent / "expected"
REL = 1e-9
NOTHING = 1e-12
"""Numbers below are round-off of 0."""


@pytest.mark.parametrize("name", stores.NAMES)
def test_a_store_is_told_as_before(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = stores.outputs(name)
    assert sorted(found) == sorted(file.name for file in (EXPECTED / name).iterdir())
    for file, text in found.items():
        expected = (EXPECTED / name / file).read_text()
        if file.endswith(".json"):
            differ = list(differences(json.loads(text), json.loads(expected)))
            assert not differ, f"{file}: {differ[:5]}"
        else:
            assert text.splitlines() == expected.splitlines(), file


def differences(found, expected, where="$"):
    """Where two JSON values differ, floats by more than round-off, as (path, found, expected)."""
    if isinstance(found, dict) and isinstance(expected, dict):
        if list(found) != list(expected):
            yield where, list(found), list(expected)
        else:
            for key, value in found.items():
                yield from differences(value, expected[key], f"{where}.{key}")
    elif isinstance(found, list) and isinstance(expected, list):
        if len(found) != len(expected):
            yield where, f"{len(found)} entries", f"{len(expected)} entries"
        else:
            for i, (one, other) in enumerate(zip(found, expected, strict=True)):
                yield from differences(one, other, f"{where}[{i}]")
    elif isinstance(found, float) and isinstance(expected, float):
        if found != pytest.approx(expected, rel=REL, abs=NOTHING, nan_ok=True):
            yield where, found, expected
    elif type(found) is not type(expected) or found != expected:
        yield where, found, expected


@pytest.mark.parametrize("found, expected, where", [
    ({"a": [1.0, 2.0]}, {"a": [1.0, 2.0 + 1e-12]}, []),
    ({"a": [1.0, 2.0]}, {"a": [1.0, 2.0 + 1e-7]}, ["$.a[1]"]),
    ({"a": 1}, {"a": 1.0}, ["$.a"]),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}, ["$"]),
    ({"a": [1]}, {"a": [1, 2]}, ["$.a"]),
    ({"a": float("nan")}, {"a": float("nan")}, []),
    ({"a": None}, {"a": 0.0}, ["$.a"]),
])  # fmt: skip
def test_differences_are_found_where_they_are(found, expected, where):
    assert [path for path, _, _ in differences(found, expected)] == where
