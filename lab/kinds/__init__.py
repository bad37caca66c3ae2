"""Kinds of students, teachers and manifolds: what each says of itself, in one place."""

from lab.data import manifolds, teachers
from lab.kinds import curves, estimators, exact, local, optimisers, ridges

__all__ = ["curves", "estimators", "exact", "local", "manifolds", "optimisers",
           "ridges", "teachers"]  # fmt: skip
