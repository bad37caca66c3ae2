"""The exact risk of students of a spectral task that have seen everything."""

from __future__ import annotations

from lab.data.streams import generator
from lab.spec import Run
from lab.students.algebra import random_features as features
from lab.task import sets


def linear(run: Run) -> float:
    """Least squares finds every weight of a linear target."""
    return 0.0


def random_features(run: Run) -> float:
    """What P gaussian features of a spectral task cannot express."""
    spectrum, teacher = sets.target(run.drawn, root=run.root)
    seed = 0 if run.learner else run.seed
    rng = generator("init", run.task, seed, *run.restart, root=run.root)
    count = int(dict(run.student.settings)["count"])
    drawn = features.draw(spectrum.modes, count, kind="gaussian", rng=rng)
    return features.infinite_data_risk(drawn, spectrum.eigenvalues, teacher)
