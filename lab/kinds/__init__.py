"""Kinds of students, teachers and manifolds: what each says of itself, in one place."""

from lab.kinds import exact, local, manifolds, networks, ridges, teachers

__all__ = ["exact", "local", "manifolds", "networks", "ridges", "teachers"]
