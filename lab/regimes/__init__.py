"""One regime a file: its table, its axis, its cells, its reading of the rows, its words."""

from lab.regimes import (
    compute_frontier,
    learning_curve,
    phase_map,
    resolution_data,
    resolution_width,
    variance_data,
    variance_width,
)

# isort: split
from lab.regimes import dimension  # named last in what a mistake proposes

__all__ = [
    "compute_frontier",
    "learning_curve",
    "dimension",
    "phase_map",
    "resolution_data",
    "resolution_width",
    "variance_data",
    "variance_width",
]
