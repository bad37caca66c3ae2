"""Stores filled with losses of a known law instead of trained ones."""

from dataclasses import replace

import numpy as np

from lab.execution.store import Row

PROVENANCE = {"device": "simulated", "dtype": "float64", "jax": "", "lab": "", "git": None,
              "finished": 0.0}  # fmt: skip
NOTHING_LEFT = 1e-12
"""L∞ where the law has no floor."""


def row(run, loss, status="done"):
    """The row of one run; a run that is not done has no loss."""
    kept = loss if status == "done" else None
    error = "MemoryError: no room" if status == "failed" else None
    return Row(run.fingerprint(), run.canonical(), status, run.N, kept, kept, 1, ((1, loss),),
               error, 0.1, 1, PROVENANCE)  # fmt: skip


def rows(study, law, *, noise=0.0, seed=0, gain=lambda factor, x: 1.0, vary=lambda p, x: 1.0,
         diverge=lambda run: False):  # fmt: skip
    """One row per planned run: relative loss = law(run, x), times lognormal noise.

    A check has the noise of the run that it repeats, as it has its teacher and seed. With `factor`
    times the budget a run gets gain(factor, x) times the loss; the checks `p` by slower descent,
    rate and first weights get vary(p, x) times it.
    """
    rng = np.random.default_rng(seed)
    luck = {}
    for cell in study.cells():
        p, base, x = cell.planned, cell.base, study.x(cell.run)
        if p.role == "limit":
            base = replace(base, training=study.recipe)
        if base not in luck:
            luck[base] = np.exp(noise * rng.normal())
        loss = law(p.run, x) * luck[base]
        if p.role == "budget":
            loss *= gain(p.factor, x)
        if p.role in ("slower", "rate", "weights"):
            loss *= vary(p, x)
        yield row(p.run, loss, "diverged" if diverge(p.run) else "done")


def power(alpha, floor=0.0, spread=0.3):
    """L(x) = c_k x^−α_k + floor with teachers' amplitudes spread over a factor e^spread."""

    def law(run, x):
        c = np.exp(spread * np.sin(7.0 * run.task.teacher + run.task.dim))
        falling = x ** -float(alpha(run.task.dim) if callable(alpha) else alpha) if x else 0.0
        return c * falling + (floor or (0.0 if x else NOTHING_LEFT))

    return law
