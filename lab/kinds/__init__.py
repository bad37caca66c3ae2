"""Kinds of students, teachers and manifolds: what each says of itself, in one place."""

from lab.kinds import (
    curves,
    estimators,
    exact,
    local,
    manifolds,
    networks,
    optimisers,
    ridges,
    teachers,
)

__all__ = ["curves", "estimators", "exact", "local", "manifolds", "networks", "optimisers",
           "ridges", "teachers"]  # fmt: skip
