"""A hundred mutants of `make fuzz`: none ends in another exception than `StudyError`."""

import fuzz
import pytest
from fuzz import SHARES, mutant


@pytest.mark.parametrize("block", range(10))
def test_mutants_are_taken_or_refused(block, tmp_path, monkeypatch):
    monkeypatch.setattr(fuzz, "PLANNED", 200)  # types are checked in tests, which takes its time
    for seed in range(10 * block, 10 * block + 10):
        kind, wrong, _ = mutant(seed, tmp_path)
        assert wrong is None, f"seed {seed}, a {kind}: {wrong}"


def test_a_mutant_is_known_by_its_seed(tmp_path):
    kinds = [mutant(seed, tmp_path)[0] for seed in (3, 4, 3, 4)]
    assert kinds[:2] == kinds[2:] and set(kinds) <= set(SHARES)
