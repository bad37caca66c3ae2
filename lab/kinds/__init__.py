"""Kinds of students, teachers and manifolds: what each says of itself, in one place."""

from lab.data import manifolds, teachers
from lab.kinds import curves, estimators, exact, local, networks, optimisers, ridges

__all__ = ["curves", "estimators", "exact", "local", "manifolds", "networks", "optimisers",
           "ridges", "teachers"]  # fmt: skip
