"""What the lab says of simulated stores: verdicts, intervals, doubts, claims and counts, as JSON.

The studies are in `studies/`, the stores are made by `stores.py`, what is expected is in
`expected/`, made by `regenerate.py`. Nothing here knows what is right: these files say what was
told before, so that a change of the code that should change no number changes none. Words are those
of one study, once a verb, in `expected/smoke/`: there a change of a sentence is seen.
"""

import json
from pathlib import Path

import pytest
import stores

EXPECTED = Path(__file__).resolve().parent / "expected"
SMOKE = "noise"
"""The study of which verbs print."""
REL = 1e-9
NOTHING = 1e-12
"""Numbers below are round-off of 0."""


@pytest.mark.parametrize("name", stores.NAMES)
def test_the_numbers_of_a_store_are_those_of_before(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = json.loads(stores.dumped(stores.outputs(name)))
    expected = json.loads((EXPECTED / f"{name}.json").read_text())
    differ = list(differences(found, expected))
    assert not differ, f"{len(differ)} differ: {differ[:5]}"


def test_verbs_print_as_before(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = stores.smoke(SMOKE)
    assert sorted(found) == sorted(file.name for file in (EXPECTED / "smoke").iterdir())
    for file, text in found.items():
        assert text.splitlines() == (EXPECTED / "smoke" / file).read_text().splitlines(), file


@pytest.mark.parametrize("text, kept", [
    ("under trained", "under trained"), ("α = 1, within 20%", "α = 1, within 20%"),
    ("bent: the local exponents go from 1.5 to 2e-3 here", "bent: 1.5 2e-3"),
    ("- diverged: 2 runs are missing from the fit", "- diverged: 2"),
    ("![Measured and predicted exponents of it](exponents.png)", "exponents.png"),
    ({"a": ["it has no number at all", 2.5]}, {"a": ["", 2.5]}),
])  # fmt: skip
def test_sentences_are_their_name_their_files_and_their_numbers(text, kept):
    assert stores.lean(text) == kept


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
