"""Speed of the fits, as ratios against scipy.optimize.curve_fit in a loop.

    python benchmarks/fitting.py

    joint       one additive law of two variables, 240 rows, 484 starts
    scan        one scan, 4 teachers × 7 x: fit, profile, all intervals, 2000 bootstrap replicates
    rows        2000 bootstrap replicates of the joint fit
    calibrate   1000 simulated scans of 5 dims × 4 teachers × 7 x × 2 seeds, with verdicts

The loop is what a user would write with curve_fit: from each start, on each teacher, for each
replicate, with the same law, starts and residuals and its numerical derivatives; profile
intervals by brentq over curve_fit at held exponents. It is timed on a part and scaled up.
"""

import time
import warnings

import numpy as np
from scipy.optimize import brentq, curve_fit, minimize_scalar

from lab.scaling.judge.calibration import Design, Truth, calibrate
from lab.scaling.judge.exponent import exponent
from lab.scaling.laws.fit import LAWS, fit_law
from lab.scaling.laws.uncertainty import resample
from lab.scaling.scans.scan import Scan

TRUTH = dict(E=1.8, A=480.0, B=2000.0, alpha=0.35, beta=0.37)


def seconds(work, repeat: int = 3) -> float:
    """The fastest of a few runs."""
    best = np.inf
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def additive(x, e, a, b, alpha, beta):
    return np.logaddexp(np.logaddexp(e + 0 * x[0], a - alpha * x[0]), b - beta * x[1])


def offset(u, level, alpha, share):
    return level + np.log(np.maximum(1 + share * np.expm1(-alpha * u), 1e-12))


def attempt(law, x, y, start, **options) -> np.ndarray:
    try:
        return curve_fit(law, x, y, start, maxfev=2000, **options)[0]
    except RuntimeError:
        return np.asarray(start)  # not converged: its time counts all the same


def by_hand(u: np.ndarray, log_loss: np.ndarray) -> None:
    """Each teacher's fit, and the profile interval of a common exponent."""
    fits = [attempt(offset, u, y, (y[-1], 1.0, 1.0)) for y in log_loss]

    def cost(alpha: float) -> float:
        total = 0.0
        for y, fit in zip(log_loss, fits, strict=True):
            p = attempt(lambda v, level, share: offset(v, level, alpha, share), u, y, fit[[0, 2]])
            total += ((y - offset(u, p[0], alpha, p[1])) ** 2).sum()
        return total

    centre = float(np.mean([fit[1] for fit in fits]))
    best = minimize_scalar(
        cost, bounds=(centre / 2, 2 * centre), method="bounded", options={"xatol": 1e-4}
    )
    limit = best.fun * 1.23  # 1 + F(1, 19)/19
    for end in (best.x / 3, best.x * 3):
        if cost(end) > limit:
            brentq(lambda a: cost(a) - limit, *sorted((best.x, end)), xtol=1e-4)


def main() -> None:
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    law = LAWS["chinchilla"]
    x = np.exp(rng.uniform(np.log([[1e7], [1e8]]), np.log([[1e10], [1e12]]), (2, 240)))
    loss = law.loss(TRUTH, *x) * np.exp(0.01 * rng.standard_normal(240))
    fit = fit_law(law, x, loss)
    z, y = fit.problem.z, fit.problem.log_loss
    starts = law.starts(z, y, 500)
    some = starts[rng.choice(len(starts), 24, replace=False)]

    joint = seconds(lambda: fit_law(law, x, loss))
    robust = seconds(lambda: fit_law(law, x, loss, huber=1e-3))
    loop = seconds(lambda: [attempt(additive, z, y, s) for s in some], 1) * len(starts) / len(some)
    report("joint", joint, loop)
    loop = (
        seconds(
            lambda: [
                attempt(additive, z, y, s, method="trf", loss="huber", f_scale=1e-3) for s in some
            ],
            1,
        )
        * len(starts)
        / len(some)
    )
    report("joint, Huber 1e-3", robust, loop)

    rows = seconds(lambda: resample(fit, groups=None, replicates=2000, seed=0), 2)
    picks = rng.integers(0, 240, (24, 240))
    loop = seconds(lambda: [attempt(additive, z[:, p], y[p], fit.theta) for p in picks], 1)
    report("rows", rows, loop * 2000 / 24)

    sizes = np.geomspace(60, 1900, 7)
    own = Truth(1.0, floor=1e-2).simulate(sizes, 4, 2, 1, rng)[0]
    scan = Scan(sizes, own, np.full(own.shape, 2), tuple("abcd"))
    one = seconds(
        lambda: exponent(scan, law="power+floor", prediction=1.0, replicates=2000, seed=0)
    )
    u = np.log(sizes / sizes[-1])
    loop = seconds(
        lambda: [
            attempt(offset, u, own[k], (own[k, -1], 1.0, 1.0)) for _ in range(10) for k in range(4)
        ],
        1,
    )
    hand = seconds(lambda: [by_hand(u, own) for _ in range(3)], 1) / 3
    report("scan", one, loop * 2000 / 10 + hand)

    design = Design(sizes, 4, 2, 1.0, law="power+floor")
    many = seconds(
        lambda: [
            calibrate(design, Truth(4 / d, floor=5e-4), scans=1000, seed=d) for d in (2, 3, 4, 6, 8)
        ],
        1,
    )
    report("calibrate", many, hand * 1000 * 5)


def report(name: str, ours: float, loop: float) -> None:
    print(
        f"{name:18s} {ours:8.3f} s   curve_fit in a loop {loop:8.1f} s   {loop / ours:7.0f} ×",
        flush=True,
    )


if __name__ == "__main__":
    main()
