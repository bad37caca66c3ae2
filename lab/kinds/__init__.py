"""Kinds of students, teachers and manifolds: what each says of itself, in one place."""

from lab.kinds import curves, exact, local, manifolds, networks, ridges, teachers

__all__ = ["curves", "exact", "local", "manifolds", "networks", "ridges", "teachers"]
