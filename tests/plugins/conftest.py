"""Kinds that live as long as a test."""

import pytest

from lab.kinds.kind import Kinds


@pytest.fixture
def registered():
    """registered(registry, table) adds a table of one's own until the test ends."""
    added = []

    def add(registry: Kinds, table):
        registry.add(table)
        added.append((registry, table))

    yield add
    for registry, table in added:
        registry.remove(table)
