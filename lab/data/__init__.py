"""What is learned: manifolds, covariances, teachers, data that somebody brings; keys and sets."""

from lab.data import manifolds, spectra, teachers

__all__ = ["manifolds", "spectra", "teachers"]
