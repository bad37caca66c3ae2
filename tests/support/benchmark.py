"""The truths of `benchmarks/coverage.py`, which is a script and no module of the lab."""

from importlib import util
from pathlib import Path

FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "coverage.py"
_spec = util.spec_from_file_location("coverage_benchmark", FILE)
_module = util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
ASSUMED, MISSPECIFIED = _module.ASSUMED, _module.MISSPECIFIED
