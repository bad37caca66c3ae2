"""Plain values are what strict JSON takes, and lose no digit."""

import json

import numpy as np
import pytest

from lab.files import inert, to_jsonable
from lab.scaling.judge.verdict import Doubt


def test_plain_values_are_what_strict_json_takes():
    given = {"a": (1.5, np.inf, [np.float32(2), np.int64(3)]), "b": {"c": np.nan, "d": None}}
    text = json.dumps(to_jsonable(given), allow_nan=False)
    assert json.loads(text) == {"a": [1.5, None, [2.0, 3]], "b": {"c": None, "d": None}}


def test_arrays_truths_and_words_are_plain_too():
    given = {0.25: np.array([0.1, np.nan]), "sure": np.bool_(True), "doubts": (Doubt.LATE,)}
    found = to_jsonable(given)
    assert json.dumps(found) == '{"0.25": [0.1, null], "sure": true, "doubts": ["late"]}'
    assert type(found["doubts"][0]) is str


@pytest.mark.parametrize(
    "value", [0.1 + 0.2, 1e-300, 1 / 3, 2.0, -0.0, 123456789012345678901, 1e22]
)
def test_numbers_keep_their_digits_and_their_kind(value):
    assert repr(to_jsonable(value)) == repr(to_jsonable([value])[0]) == repr(value)


@pytest.mark.parametrize(
    "cell, written",
    [("=1+1", "'=1+1"), ("@sum", "'@sum"), ("+a", "'+a"), ("-cmd", "'-cmd"), ("\t=1", "'\t=1"),
     ("-1.5", "-1.5"), ("+2e-3", "+2e-3"), ("cube", "cube"), ("", ""), (-1.5, -1.5), (None, None)],
)  # fmt: skip
def test_cells_that_a_spreadsheet_would_evaluate_are_inert(cell, written):
    assert inert(cell) == written
