"""Contracts of kinds: registries, what every student says of itself, and the optimisers."""

from lab.kinds import optimisers

__all__ = ["optimisers"]
