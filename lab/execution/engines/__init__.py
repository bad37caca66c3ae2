"""Engines: where groups are trained. `engine.py` is what each of them promises."""

from lab.execution.engines.device import configure, cores

ENGINES = ("processes", "threads", "dask", "slurm")
"""The names of all engines (`engine.py`)."""

__all__ = ["ENGINES", "configure", "cores"]
