"""What the losses say: scans, exponents with honest intervals, verdicts.

NumPy and SciPy in float64; no JAX. Start at `scans.scan.Scan`, of which `scans.estimate.estimate`
makes an estimate that `judge.exponent.judge` judges; `exponent` takes both steps.
"""

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
