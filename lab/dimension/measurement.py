"""All estimates of the dimension of one set of points, from one search of their neighbours.

Besides the quoted estimates it holds Gride's over all scales and where they stand still. What is
wrong with the points or with an estimate becomes a sentence of `warnings`.

What it does not do: read files itself (`points.py` does), or decide which estimate is right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lab.dimension import estimators, ratios
from lab.dimension.calibration import calibration, corrected, resemblance
from lab.dimension.estimate import DimensionDoubt, Estimate, Status, refused, sentence
from lab.dimension.estimators import NEIGHBOURS, PROFILE, STATISTICS
from lab.dimension.neighbours import Neighbours, PointsError, from_distances, neighbours

LEAST = 20
"""Different points below which nothing is measured."""


@dataclass(frozen=True)
class Measurement:
    """Intrinsic dimension of some points, by every estimator.

    Attributes:
        n, ambient: number of points without duplicates, and of coordinates; None for distances.
        estimates: one per method, refused ones too.
        scales: Gride with n2 = 2 n1 = 2, 4, 8, …
        plateau: first and last of the scales over which the estimate stands still, or None.
        unlike: distance D from the nearest reference of the correction, see `calibration.py`.
        warnings: sentences.
        name: of the file or the set that the points are from; empty for points of your own.
    """

    n: int
    ambient: int | None
    estimates: tuple[Estimate, ...]
    scales: tuple[Estimate, ...]
    plateau: tuple[int, int] | None
    unlike: float
    warnings: tuple[str, ...]
    name: str = ""

    def as_json(self) -> dict[str, Any]:
        """The object that `lab dimension --json` prints; NaN becomes null on the way out."""
        return {
            "n": self.n,
            "ambient": self.ambient,
            "estimates": [
                {
                    "method": e.method,
                    "dimension": e.dimension,
                    "se": e.se,
                    "interval": e.interval,
                    "corrected": e.corrected,
                    "corrected_interval": e.corrected_interval,
                }
                for e in self.estimates
            ],
            "warnings": list(self.warnings),
        }


METRICS = ("euclidean", "cosine", "precomputed")
UNLIKE_SCALES = 1e3
"""Ratio of the standard deviations of two columns from which one hides the other."""
LATTICE = 0.5
"""Share of tied points from which nothing is estimated."""
HIGH = 1.25
"""Largest ratio of an uncorrected estimate to the truth, as mle from few neighbours has it."""
IN_PAIRS = 0.1
"""Share of points in pairs that are far closer than all others from which nothing is corrected."""
IN_ORDER = 0.1
"""Share of points next to their nearest neighbour in the order of the rows that is no chance."""


def measure(
    X: Any,
    *,
    discard: float = ratios.DISCARD,
    k: int = ratios.LEVINA_BICKEL_K,
    precomputed: bool = False,
    metric: str = "euclidean",
    standardise: bool = False,
    exclude_window: int = 0,
    columns: Sequence[str] | None = None,
    track: Callable = iter,
) -> Measurement:
    """Every estimate of the dimension of some points.

    Args:
        X: one row per point (a sparse matrix is filled in); with metric="precomputed", or
            `precomputed`, all distances between them.
        discard: share of the largest ratios that the two fits of a line leave out.
        k: neighbours of the Levina–Bickel estimates.
        metric: `euclidean`; `cosine`, of rows scaled to length 1; `precomputed`.
        standardise: give every column mean 0 and standard deviation 1 first.
        exclude_window: how many rows before and after a point are no neighbours of it, for rows
            that follow in time.
        columns: names of the coordinates, for sentences.
        track: is given the blocks of the search and yields them, for progress.

    Raises PointsError, one sentence, for settings out of range and for points without a dimension:
    fewer than 20 different ones, fewer than k + 1, or numbers that are not finite.
    """
    if not 0 <= discard < 1:
        raise PointsError(f"discard is {discard}; it is the share of ratios left out, 0 ≤ · < 1.")
    if k < 3:
        raise PointsError(f"k is {k}; local estimates need at least three neighbours.")
    if metric not in METRICS:
        raise PointsError(f"metric is {metric!r}; it must be one of {', '.join(METRICS)}.")
    if exclude_window < 0:
        raise PointsError(f"exclude_window is {exclude_window}; it must not be negative.")
    precomputed = precomputed or metric == "precomputed"
    X = np.asarray(X.toarray() if hasattr(X, "toarray") else X)
    if X.ndim != 2:
        raise PointsError("the points must be a matrix with one row per point.")
    if not X.shape[1]:
        raise PointsError("the points have no coordinates; give a column of numbers at least.")
    if precomputed and (standardise or exclude_window):
        raise PointsError("precomputed distances have no columns to standardise and no window.")
    if len(X) < max(LEAST, k + 1):
        raise _few(len(X), k)
    wanted = max(NEIGHBOURS, k)
    told: list[str] = []
    if not precomputed:
        X, told = _prepared(X, metric, standardise, columns)
    near = (
        from_distances(X, wanted)
        if precomputed
        else neighbours(X, wanted, window=exclude_window, track=track)
    )
    if near.n < max(LEAST, k + 1):
        raise _few(near.n, k)
    ambient = None if precomputed else X.shape[1]
    return _measured(near, ambient, discard, k, told, X.shape[1] - (metric == "cosine"))


def measure_file(
    source: str | Path,
    columns: str | None = None,
    where: str | None = None,
    *,
    sample: int | None = 20_000,
    decimal: str | None = None,
    metric: str = "euclidean",
    **options: Any,
) -> Measurement:
    """Every estimate of the dimension of the rows of a file, or of a bundled set.

    source, columns, where, decimal: as in `lab.dimension.points.read_points`. sample: points that
    are drawn at random from more; of a matrix of distances all are taken. options: as in `measure`.
    Raises PointsError, one sentence, as both do.
    """
    from lab.dimension.points import read_points

    drawn = None if metric == "precomputed" else sample
    points = read_points(source, columns, where, sample=drawn, decimal=decimal)
    found = measure(points.values, columns=points.columns, metric=metric, **options)
    return replace(found, warnings=(*points.warnings, *found.warnings), name=points.name)


def _prepared(
    X: np.ndarray, metric: str, standardise: bool, columns: Sequence[str] | None
) -> tuple[np.ndarray, list[str]]:
    """The points as they are compared, and what is to be said of the scales of their columns."""
    X = np.array(X, dtype=np.float64)
    if not np.isfinite(X).all():
        raise PointsError("the points hold NaN or infinite numbers; leave those rows out.")
    largest = float(np.abs(X).max(initial=0.0))
    spread = (X / largest if largest else X).std(axis=0)
    told = []
    if standardise:
        if not (spread > 0).all():
            raise PointsError("a constant column cannot be standardised; leave it out.")
        X = X / largest
        X = (X - X.mean(axis=0)) / spread
    elif (
        metric == "euclidean"
        and spread.size > 1
        and 0 < UNLIKE_SCALES * spread.min() < spread.max()
    ):
        wide, narrow = int(spread.argmax()), int(spread.argmin())
        names = [repr(columns[j]) if columns else str(j) for j in (wide, narrow)]
        told.append(
            f"scales: column {names[0]} varies {spread[wide] / spread[narrow]:.1g} times as much "
            f"as column {names[1]}, so that distances hardly see the latter; take `standardise` "
            "unless that is meant."
        )
    if metric == "cosine":
        length = np.sqrt(np.einsum("ij,ij->i", X / (largest or 1), X / (largest or 1)))
        if not (length > 0).all():
            raise PointsError(
                f"row {int(np.flatnonzero(length == 0)[0])} is zero and has no direction; leave it "
                "out, or take another metric."
            )
        X = X / (largest or 1) / length[:, None]
    return X, told


def _few(n: int, k: int) -> PointsError:
    least = max(LEAST, k + 1)
    why = f"k = {k} needs" if k >= LEAST else "a dimension needs"
    return PointsError(f"{why} at least {least} different points, and there are {n}.")


def _measured(
    near: Neighbours,
    ambient: int | None,
    discard: float,
    k: int,
    told: list[str],
    most: int,
) -> Measurement:
    """All estimates; most: the highest dimension that a set in these coordinates can have."""
    names = ("two-nn-linear", "two-nn-mle", "mle", "mle-inverse", "knn", "gride", "correlation",
             "pca")  # fmt: skip
    told = [*told, *_duplicates(near)]
    if near.tied() > LATTICE:
        none = tuple(refused(name, Status.DEGENERATE, near.n) for name in names)
        said = f"every estimate is refused: {Status.DEGENERATE.meaning}; measure finer values."
        return Measurement(near.n, ambient, none, (), None, float("nan"), (*told, said))
    asked = {
        _setting("two-nn-linear", discard): ratios.two_nn_linear(near, discard),
        "two-nn-mle": ratios.two_nn_mle(near),
        f"mle@{k}": ratios.levina_bickel(near, k),
        f"mle-inverse@{k}": ratios.levina_bickel(near, k, average="inverses"),
        _setting("knn", discard): ratios.knn(near, discard),
        f"gride@{ratios.N1}": ratios.gride(near),
        "correlation": estimators.correlation(near),
        "pca": estimators.local_pca(near),
    }
    rest = {s: STATISTICS[s](near) for s in PROFILE if s not in asked}
    table = calibration()
    distance = resemblance(asked | rest, near.n, table)
    in_order = near.consecutive() > max(IN_ORDER, 40 / near.n)
    wrong = (DimensionDoubt.ORDER,) * in_order
    wrong += (DimensionDoubt.PAIRS,) * (near.paired() > IN_PAIRS)
    found = tuple(
        _within(
            replace(e, doubts=(*e.doubts, *wrong))
            if wrong and e.dimension > 0
            else corrected(e, name, distance, table),
            None if ambient is None else most,
        )
        for name, e in asked.items()
    )
    scales = ratios.scales(near)
    flat = ratios.plateau(scales)
    warnings = [*told, *_refused(found), *_doubts(found)]
    if flat is None and len(scales) > 2:
        warnings.append(_sloping(scales))
    return Measurement(near.n, ambient, found, scales, flat, float(distance.min()), tuple(warnings))


def _within(e: Estimate, most: int | None) -> Estimate:
    """The estimate with a correction that is not above the number of coordinates. One that is
    above it, beyond sampling, is none of a set in them, and no correction makes it one."""
    if most is None or not e.dimension > 0:
        return e
    # what reads high by itself, as mle, is judged by its correction, and without one with leave
    lowest = e.corrected_interval[0] if e.corrected_interval else e.interval[0] / HIGH
    if lowest > most:
        return replace(
            e, doubts=(*e.doubts, DimensionDoubt.ABOVE), corrected=None, corrected_interval=None
        )
    if e.corrected is None or e.corrected_interval is None:
        return e
    low, high = e.corrected_interval
    if low >= most:  # no set there is so certain: back to what was measured
        low = min(e.interval[0], most * 0.99)
    return replace(
        e, corrected=min(e.corrected, float(most)), corrected_interval=(low, min(high, float(most)))
    )


def _setting(name: str, discard: float) -> str:
    """The name of a statistic with its discard where that is not the table's."""
    return name if discard == ratios.DISCARD else f"{name}@{discard}"


def _duplicates(near: Neighbours) -> list[str]:
    out = []
    if near.copies:
        out = [
            f"{near.copies} of {near.n + near.copies} points are copies of another one but for "
            f"rounding and were left out."
        ]
    if not near.duplicates:
        return out
    many = "point equals" if near.duplicates == 1 else "points equal"
    gone = "was" if near.duplicates == 1 else "were"
    return [f"{near.duplicates} {many} another one and {gone} left out.", *out]


def _refused(found: tuple[Estimate, ...]) -> list[str]:
    return [
        f"{e.method} is refused: {e.status.meaning}."
        for e in found
        if e.status is not Status.ESTIMATED
    ]


def _doubts(found: tuple[Estimate, ...]) -> list[str]:
    """One sentence per doubt, with the methods that have it where not all do."""
    out = []
    for doubt in DimensionDoubt:
        having = [e.method for e in found if doubt in e.doubts]
        if having:
            whose = "" if len(having) == len(found) else f" ({', '.join(having)})"
            out.append(sentence(doubt).rstrip(".") + f"{whose}.")
    return out


def _sloping(scales: tuple[Estimate, ...]) -> str:
    first, last = scales[0], scales[-1]
    return (
        sentence(DimensionDoubt.NO_PLATEAU).rstrip(".")
        + f" (gride: {first.dimension:.3g} at distance {first.scale:.3g}, {last.dimension:.3g} at "
        f"{last.scale:.3g})."
    )
