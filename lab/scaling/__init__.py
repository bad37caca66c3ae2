"""What the losses say: scans, exponents with honest intervals, verdicts.

NumPy and SciPy in float64; no JAX. Start at `scan.Scan` and `exponent.exponent`.
"""

from lab.scaling.across import Line, across
from lab.scaling.calibration import Calibration, Design, Truth, calibrate
from lab.scaling.exponent import Exponent, exponent
from lab.scaling.scan import Scan, ScanError

__all__ = [
    "Calibration",
    "Design",
    "Exponent",
    "Line",
    "Scan",
    "ScanError",
    "Truth",
    "across",
    "calibrate",
    "exponent",
]
