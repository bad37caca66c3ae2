"""Engines: where groups are trained. `engine.py` is what each of them promises."""

from lab.execution.engines.device import configure, cores

__all__ = ["configure", "cores"]
