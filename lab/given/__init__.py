"""Data that somebody brings in place of a teacher: read, identified, split, measured (no JAX)."""
