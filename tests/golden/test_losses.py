"""Every way of learning leaves the losses that it left, and plans the runs that it planned.

Cases in `losses.py`, numbers in `losses.json`, made by `regenerate.py`. A descent in single
precision may differ by round-off that its steps enlarge, algebra in double precision by little.
"""

import json

import losses
import pytest

SINGLE, DOUBLE = 1e-5, 1e-9
ELSEWHERE = {"basin": 1e-8, "kernel on a field": 5e-6}
"""Where double precision says less. Measured with OpenBLAS's kernels for Haswell and Skylake-X:
2e-9, for a descent into a basin ends at a step that gains 1e-12; and 7e-7, for a field is drawn by
the factor of a nearly singular matrix, whose last pivots are rounding."""
LONG = ("basin",)
"""Cases whose programs run longer than they compile."""
ABOUT = 1e-2
"""Relative difference of condition numbers, whose own error is that of the smallest eigenvalue."""


@pytest.fixture(scope="module")
def expected():
    return json.loads(losses.EXPECTED.read_text())


def test_every_case_has_its_losses(expected):
    assert list(expected) == list(losses.CASES)


@pytest.mark.parametrize("name", losses.CASES)
def test_a_case_leaves_the_same_losses(name, expected, request):
    if name in LONG:
        request.getfixturevalue("optimised")
    found, known = losses.learned(name), expected[name]
    rel = SINGLE if name in losses.DESCENTS else ELSEWHERE.get(name, DOUBLE)
    assert found["fingerprints"] == known["fingerprints"]
    assert found["status"] == known["status"]
    assert found["loss"] == pytest.approx(known["loss"], rel=rel)
    assert found["relative"] == pytest.approx(known["relative"], rel=rel)
    for mine, theirs in zip(found["details"], known["details"], strict=True):
        assert list(mine) == list(theirs)
        for key, value in mine.items():
            assert value == pytest.approx(theirs[key], rel=ABOUT if key == "condition" else rel)
