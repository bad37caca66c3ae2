"""All estimates of the dimension of one set of points, from one search of their neighbours.

Besides the quoted estimates it holds Gride's over all scales and where they stand still. What is
wrong with the points or with an estimate becomes a sentence of `warnings`.

What it does not do: read files (`points.py`), or decide which estimate is right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lab.dimension import correlation, gride, levina_bickel, local_pca, ratios, two_nn
from lab.dimension.calibration import calibration, corrected, resemblance
from lab.dimension.doubts import Doubt, Status, sentence
from lab.dimension.estimate import Estimate
from lab.dimension.neighbours import Neighbours, PointsError, from_distances, neighbours
from lab.dimension.statistics import NEIGHBOURS, PROFILE, STATISTICS

LEAST = 20
"""Different points below which nothing is measured."""


@dataclass(frozen=True)
class Measurement:
    """How many dimensions some points have.

    Attributes:
        n, ambient: number of points without duplicates, and of coordinates; None for distances.
        estimates: one per method, refused ones too.
        scales: Gride with n2 = 2 n1 = 2, 4, 8, …
        plateau: first and last of the scales over which the estimate stands still, or None.
        unlike: distance D from the nearest reference of the correction, see `calibration.py`.
        warnings: sentences.
    """

    n: int
    ambient: int | None
    estimates: tuple[Estimate, ...]
    scales: tuple[Estimate, ...]
    plateau: tuple[int, int] | None
    unlike: float
    warnings: tuple[str, ...]

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


def measure(
    X: Any,
    *,
    discard: float = two_nn.DISCARD,
    k: int = levina_bickel.K,
    precomputed: bool = False,
    track: Callable = iter,
) -> Measurement:
    """Every estimate of the dimension of some points.

    Args:
        X: one row per point; with `precomputed`, all distances between them.
        discard: share of the largest ratios that the two fits of a line leave out.
        k: neighbours of the Levina–Bickel estimates.
        track: is given the blocks of the search and yields them, for progress.

    Raises PointsError, one sentence, for settings out of range and for points without a dimension:
    fewer than 20 different ones, fewer than k + 1, or numbers that are not finite.
    """
    if not 0 <= discard < 1:
        raise PointsError(f"discard is {discard}; it is the share of ratios left out, 0 ≤ · < 1.")
    if k < 3:
        raise PointsError(f"k is {k}; local estimates need at least three neighbours.")
    X = np.asarray(X)
    if X.ndim != 2:
        raise PointsError("the points must be a matrix with one row per point.")
    if len(X) < max(LEAST, k + 1):
        raise _few(len(X), k)
    wanted = max(NEIGHBOURS, k)
    near = from_distances(X, wanted) if precomputed else neighbours(X, wanted, track=track)
    if near.n < max(LEAST, k + 1):
        raise _few(near.n, k)
    return _measured(near, None if precomputed else X.shape[1], discard, k)


def _few(n: int, k: int) -> PointsError:
    least = max(LEAST, k + 1)
    why = f"k = {k} needs" if k >= LEAST else "a dimension needs"
    return PointsError(f"{why} at least {least} different points, and there are {n}.")


def _measured(near: Neighbours, ambient: int | None, discard: float, k: int) -> Measurement:
    asked = {
        _setting("two-nn-linear", discard): two_nn.linear(near, discard),
        "two-nn-mle": two_nn.mle(near),
        f"mle@{k}": levina_bickel.mle(near, k),
        f"mle-inverse@{k}": levina_bickel.mle(near, k, average="inverses"),
        _setting("knn", discard): ratios.knn(near, discard),
        f"gride@{gride.N1}": gride.gride(near),
        "correlation": correlation.correlation(near),
        "pca": local_pca.local_pca(near),
    }
    rest = {s: STATISTICS[s](near) for s in PROFILE if s not in asked}
    table = calibration()
    distance = resemblance(asked | rest, near.n, table)
    found = tuple(
        _within(corrected(e, name, distance, table), ambient) for name, e in asked.items()
    )
    scales = gride.scales(near)
    flat = gride.plateau(scales)
    warnings = [*_duplicates(near), *_refused(found), *_doubts(found)]
    if flat is None and len(scales) > 2:
        warnings.append(_sloping(scales))
    return Measurement(near.n, ambient, found, scales, flat, float(distance.min()), tuple(warnings))


def _within(e: Estimate, ambient: int | None) -> Estimate:
    """The estimate with a correction that is not above the number of coordinates."""
    if ambient is None or e.corrected is None or e.corrected_interval is None:
        return e
    low, high = (min(end, float(ambient)) for end in e.corrected_interval)
    return replace(e, corrected=min(e.corrected, float(ambient)), corrected_interval=(low, high))


def _setting(name: str, discard: float) -> str:
    """The name of a statistic with its discard where that is not the table's."""
    return name if discard == two_nn.DISCARD else f"{name}@{discard}"


def _duplicates(near: Neighbours) -> list[str]:
    if not near.duplicates:
        return []
    many = "point equals" if near.duplicates == 1 else "points equal"
    gone = "was" if near.duplicates == 1 else "were"
    return [f"{near.duplicates} {many} another one and {gone} left out."]


def _refused(found: tuple[Estimate, ...]) -> list[str]:
    return [
        f"{e.method} is refused: {e.status.meaning}."
        for e in found
        if e.status is not Status.ESTIMATED
    ]


def _doubts(found: tuple[Estimate, ...]) -> list[str]:
    """One sentence per doubt, with the methods that have it where not all do."""
    out = []
    for doubt in Doubt:
        having = [e.method for e in found if doubt in e.doubts]
        if having:
            whose = "" if len(having) == len(found) else f" ({', '.join(having)})"
            out.append(sentence(doubt).rstrip(".") + f"{whose}.")
    return out


def _sloping(scales: tuple[Estimate, ...]) -> str:
    first, last = scales[0], scales[-1]
    return (
        sentence(Doubt.NO_PLATEAU).rstrip(".")
        + f" (gride: {first.dimension:.3g} at distance {first.scale:.3g}, {last.dimension:.3g} at "
        f"{last.scale:.3g})."
    )
