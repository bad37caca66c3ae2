"""A few kills -9 at random moments; `make faults` has the hundreds. See `kills.py`."""

import pytest
from kills import ENGINES, rounds

FEW = 2
CASES = [(name, target) for name, engine in ENGINES.items() for target in engine.targets]


@pytest.mark.parametrize("name, target", CASES)
def test_nothing_is_lost(name, target, tmp_path):
    found = rounds(tmp_path, ENGINES[name], target, FEW, seed=0)
    assert not found.wrong and found.kills == FEW and found.whole >= 1
