"""Statistics of losses: scans, exponents with honest intervals, verdicts.

NumPy and SciPy in float64; no JAX. Start at `scans.scan.Scan`, of which `scans.estimate.estimate`
makes an estimate that `judge.exponent.judge` judges; `judge.exponent.exponent` takes both steps.
"""
