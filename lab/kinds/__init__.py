"""Kinds of students and optimisers: what each says of itself, in one place."""

from lab.kinds import curves, estimators, exact, local, optimisers, ridges

__all__ = ["curves", "estimators", "exact", "local", "optimisers", "ridges"]
