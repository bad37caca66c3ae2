"""A few kills -9 at random moments; `make faults` has the hundreds. See `kills.py`."""

import pytest
from kills import ENGINES, rounds

FEW = 1
CASES = [
    ("processes", "driver"),
    ("processes", "worker"),
    ("dask", "scheduler"),
]


@pytest.mark.long
@pytest.mark.parametrize("name, target", CASES)
def test_nothing_is_lost(name, target, tmp_path):
    if ENGINES[name].cluster:
        pytest.importorskip("distributed", reason="needs the extra 'cluster'")
    found = rounds(tmp_path, ENGINES[name], target, FEW, seed=0)
    assert not found.wrong and found.kills == FEW and found.whole >= 1
