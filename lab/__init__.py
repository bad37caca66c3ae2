"""A teacher-student laboratory for neural scaling laws.

`lab.load("studies/quickstart.toml")` gives the results of a study as NumPy columns, and
`lab.exponent(x, loss, teacher)` the exponent of losses of your own, `lab.dimension.measure(X)` the
dimension of points of your own; everything else is in the modules, which a reader can guess from
their names. Importing this imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lab.scaling import Exponent


def __getattr__(name: str) -> Any:
    """`lab.dimension`, imported where it is first used, for it needs scikit-learn."""
    if name == "dimension":
        from importlib import import_module

        return import_module("lab.dimension")
    raise AttributeError(f"module 'lab' has no attribute {name!r}")


def load(study: str | Path, results: str | Path = "results") -> dict[str, Any]:
    """Columns of all stored runs of a study: arrays by name, see `lab.execution.export.COLUMNS`."""
    from lab.execution.export import columns
    from lab.execution.store import Store, folder
    from lab.study import read

    with Store.read(folder(study, results)) as store:
        return columns(read(study), store)


def exponent(
    x: Collection[float],
    loss: Collection[float],
    teacher: Collection[Any] | None = None,
    *,
    prediction: float | None = None,
    sense: str = "bound",
    tolerance: float = 0.15,
    floor: bool = False,
    seed: int = 0,
) -> Exponent:
    """The exponent α of L ∝ x^−α from losses of your own, with its interval, doubts and verdict.

    Args:
        x, loss: positive numbers, one entry per run. Runs of one teacher at one x are repetitions,
            and enter by their geometric mean.
        teacher: which runs belong together (any labels): the independent units of the interval.
            Without it all runs are one teacher's, and nothing is decided.
        prediction: exponent to judge, as a lower bound or, with sense = "equal", as an equality,
            within the relative tolerance.
        floor: whether the loss has a floor of its own for each teacher, as label noise gives it.
            Without it flattening is told as what it is, a curve that is no power law.
        seed: of the bootstrap beyond seven teachers.

    Returns a value with `alpha`, `interval`, `status`, `doubts`, `verdict` and `relation` (None
    without a prediction), `local` exponents (rows of x, alpha, lo, hi), `forecast`, and more:
    see `lab.scaling.scans.exponent.Exponent`. Its known bias is told there.
    Raises ValueError, one sentence, for columns that are not equally long, for numbers that are not
    finite and positive, and for a prediction that is not positive.

    >>> import numpy as np
    >>> x = np.tile(np.geomspace(100, 10_000, 8), 4)
    >>> teacher = np.repeat(np.arange(4), 8)
    >>> noise = np.random.default_rng(0).normal(0, 0.02, x.size)
    >>> found = exponent(x, 3 / x * np.exp(noise), teacher, prediction=1.0)
    >>> found.verdict, found.relation, round(found.alpha, 1)
    ('agrees', 'equals', 1.0)
    """
    from lab.scaling import Scan
    from lab.scaling import exponent as estimate

    return estimate(
        Scan.of(x, loss, teacher), prediction=prediction, sense=sense, tolerance=tolerance,
        law="power+floor" if floor else "power", seed=seed,
    )  # fmt: skip
