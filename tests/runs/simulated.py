"""Stores filled with losses of a known law instead of trained ones."""

import numpy as np

from lab.runs.store import Row

PROVENANCE = {"device": "simulated", "dtype": "float64", "jax": "", "lab": "", "git": None,
              "finished": 0.0}  # fmt: skip


def rows(study, law, *, noise=0.0, seed=0, gain=1.0, diverge=lambda run: False):
    """One row per planned run: relative loss = law(run, x), times lognormal noise.

    Runs with the larger budget get `gain` times the loss.
    """
    rng = np.random.default_rng(seed)
    for p in study.plan:
        loss = law(p.run, study.x(p.run)) * np.exp(noise * rng.normal())
        loss *= gain if p.check else 1.0
        bad = diverge(p.run)
        yield Row(
            p.run.fingerprint(), p.run.canonical(), "diverged" if bad else "done", p.run.N,
            None if bad else loss, None if bad else loss, 1, ((1, loss),), None, 0.1, 1, PROVENANCE,
        )  # fmt: skip


def power(alpha, floor=0.0, spread=0.3):
    """L(x) = c_k x^−α + floor with teachers' amplitudes spread over a factor e^spread."""

    def law(run, x):
        c = np.exp(spread * np.sin(7.0 * run.task.teacher + run.task.dim))
        return c * x ** -(alpha(run.task.dim) if callable(alpha) else alpha) + floor

    return law
