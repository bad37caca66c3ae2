"""Contracts of kinds: registries, what every student and every optimiser says of itself."""
