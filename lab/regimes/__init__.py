"""One regime a file: its table, its axis, its cells, its reading of the rows, its words."""

from lab.regimes import (
    dimension,
    phase_map,
    resolution_data,
    resolution_width,
    variance_data,
    variance_width,
)

__all__ = [
    "dimension",
    "phase_map",
    "resolution_data",
    "resolution_width",
    "variance_data",
    "variance_width",
]
