"""Regimes, each a class with its table, axes, cells, reading of the rows and words."""

# the order in which a mistake proposes them
from lab.regimes import critical_batch, stepwise

# isort: split
from lab.regimes import phase_map, resolution, variance

# isort: split
from lab.regimes import descent, rates, specialisation, tickets

# isort: split
from lab.regimes import dimension, selection

__all__ = [
    "critical_batch",
    "descent",
    "dimension",
    "phase_map",
    "rates",
    "resolution",
    "selection",
    "specialisation",
    "stepwise",
    "tickets",
    "variance",
]
