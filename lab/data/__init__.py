"""Tasks to learn: manifolds, covariances, teachers, user data; keys and sets."""

from lab.data import manifolds, spectra, teachers

__all__ = ["manifolds", "spectra", "teachers"]
