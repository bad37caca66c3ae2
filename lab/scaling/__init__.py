"""Statistics of losses: scans, exponents with honest intervals, verdicts.

NumPy and SciPy in float64; no JAX. Start at `scans.scan.Scan`, of which `scans.estimate.estimate`
makes an estimate that `judge.exponent.judge` judges; `exponent` takes both steps.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lab.scaling.judge.calibration import Calibration, Design, Truth, calibrate
    from lab.scaling.judge.exponent import Exponent, exponent
    from lab.scaling.scans.scan import Scan, ScanError

__all__ = [
    "Calibration",
    "Design",
    "Exponent",
    "Scan",
    "ScanError",
    "Truth",
    "calibrate",
    "exponent",
]

_HOME = {
    **dict.fromkeys(("Calibration", "Design", "Truth", "calibrate"), "judge.calibration"),
    **dict.fromkeys(("Exponent", "exponent"), "judge.exponent"),
    **dict.fromkeys(("Scan", "ScanError"), "scans.scan"),
}


def __getattr__(name: str) -> Any:
    """Import a name of `__all__` on first use: the names of doubts need no SciPy."""
    if name not in _HOME:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
