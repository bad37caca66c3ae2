"""The students `nearest` and `simplex`, which look at nearby points only.

`nearest` averages the k nearest training targets: piecewise constant, MSE exponent 2/d at fixed k.
`simplex` is linear on each cell of the Delaunay triangulation of the training points: piecewise
linear, 4/d. They are the ends of the ladder of exponents, measured without any training.

Boundary. Near the faces of a cube the triangulation has cells that are long and thin (its hull has
few, large facets), and points fall outside it: taken as they come, they turn the exponents 4/d into
1.3 at d = 2 and 1.0 at d = 3. A point outside, or in a cell that reaches more than twice as far as
the (d+1)-th neighbour, therefore takes a quadratic fit to its (d+1)(d+2) nearest points. One order
better than the cells, the fit leaves the exponent to them; `covers` tells the two apart (inside a
square, too, one point in eight is in such a cell). Measured on smooth targets, n = 512…8192:
1.01 · 4/d at d = 2, 1.03 at d = 3, 0.98 at d = 4, where the fits are a third at the small end. On
the unit sphere (`domain = "sphere"`) the cells close and every point is inside: 0.98 for d = 1…4.

Answers by pieces alone do not do it. For d = 2, 3 at the same n: the nearest cell continued outside
gives .97 ± .16 and .41 ± .37 times 4/d, with hundreds of times the loss; thin cells kept, and a fit
outside only, .64 and .64; a linear fit in place of the quadratic one 1.05 and 1.09 ± .02, for an
edge of the cells' own order adds a third to the loss even at n = 8192, and falls faster.

No weights by distance, no choice of k from data; no cells beyond 6 coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from lab.grids import Dims, Grid, Setting
from lab.kinds.student import STUDENTS, StudentSpec, Target
from lab.students.exact import Exact, Predictor
from lab.theory import Pieces

if TYPE_CHECKING:
    from scipy.spatial import Delaunay, cKDTree
    from sklearn.neighbors import KNeighborsRegressor

    from lab.kinds.student import StudyInterface

SEARCH = 200
"""Operations per point and logarithm of the set in a neighbour search or triangulation."""
SIMPLEX_COORDINATES = 6
SIMPLEX_CELLS = 4_000_000
_REACH = 2.0
"""Spacings that a cell may reach before it is thin."""
_CELLS_PER_POINT = (1.0, 2.0, 6.77, 31.8, 187.0, 1297.0)
"""Mean number of Delaunay cells per point of a uniform set, by dimension (Miles 1970)."""


class LocalExact(Exact):
    """A student that looks at nearby points only."""

    parametric: ClassVar[bool] = False
    local: ClassVar[bool] = True
    fixed_metric: ClassVar[bool] = True

    def limit_loss_is_zero(self, task: Target, *, sized: bool) -> bool:
        return True


@STUDENTS.add
class Nearest(LocalExact):
    """The mean of the targets of the k nearest training points."""

    kind: Literal["nearest"] = "nearest"
    neighbours: Dims = (1,)

    @classmethod
    def pieces(cls, spec: StudentSpec) -> Pieces:
        return "constant"

    def refusals(self, spec: StudentSpec, *, D: int, D_amb: int) -> str | None:
        k = int(dict(spec.settings)["neighbours"])
        if k > D:
            return f"{k} neighbours cannot be taken among {D} points; choose 1 to {D}"
        return None

    @classmethod
    def flops(cls, spec: StudentSpec, *, D: int, D_amb: int, test: int) -> float:
        return SEARCH * (D + test) * math.log2(D + 2)

    @classmethod
    def learn(cls, settings: Mapping[str, Setting], x: Any, y: Any, *, rng: Any) -> Predictor:
        return learn(x, y, method="nearest", neighbours=int(settings["neighbours"]))


@STUDENTS.add
class Simplex(LocalExact):
    """Linear interpolation on the cells of a triangulation of the plane, or of the unit sphere."""

    kind: Literal["simplex"] = "simplex"
    domain: Grid[Literal["flat", "sphere"]] = ("flat",)

    @classmethod
    def pieces(cls, spec: StudentSpec) -> Pieces:
        return "linear"

    def refusals(self, spec: StudentSpec, *, D: int, D_amb: int) -> str | None:
        return simplex_refusal(D, D_amb, sphere=dict(spec.settings)["domain"] == "sphere")

    def mistakes(self, study: StudyInterface) -> Iterator[str]:
        yield from super().mistakes(study)
        if self.domain == ("sphere",) and self.inputs != "raw":
            yield "student.inputs: simplices on the unit sphere take inputs = \"raw\""
        yield from dict.fromkeys(self._without_volume(study))

    def _without_volume(self, study: StudyInterface) -> Iterator[str]:
        """A cell has volume in the coordinates of the inputs, so the data must have it too."""
        for task in study.tasks(teachers=1):
            unit_sphere = [kind for kind, _ in task.manifold] == [
                "sphere"
            ] and task.D_amb == task.chart
            for domain in self.domain:
                if domain == "sphere" and not unit_sphere:
                    yield (
                        "student.domain: cells on the sphere need points on the unit sphere; take "
                        "manifold kind = \"sphere\" in its own coordinates, or leave 'domain' out"
                    )
                elif domain == "flat" and task.D_amb > task.input_dim:
                    remedy = (
                        "take domain = \"sphere\" and inputs = \"raw\""
                        if unit_sphere
                        else "take a cube in its own coordinates, or kind = \"nearest\""
                    )
                    yield (
                        f"student.kind: no simplex of {task.D_amb} coordinates holds a point of a "
                        f"manifold of d = {task.input_dim}; {remedy}"
                    )

    @classmethod
    def flops(cls, spec: StudentSpec, *, D: int, D_amb: int, test: int) -> float:
        return SEARCH * math.factorial(min(D_amb, 6)) * (D + test) * math.log2(D + 2)

    @classmethod
    def learn(cls, settings: Mapping[str, Setting], x: Any, y: Any, *, rng: Any) -> Predictor:
        domain: Any = settings["domain"]
        return learn(x, y, method="simplex", domain=domain)


def simplex_refusal(points: int, coordinates: int, *, sphere: bool) -> str | None:
    """Refusal of points that are too few, too many, or too high-dimensional to triangulate."""
    if coordinates > SIMPLEX_COORDINATES or (sphere and coordinates < 2):
        return (
            f"simplex interpolation takes {1 + sphere} to {SIMPLEX_COORDINATES} coordinates, got "
            f"{coordinates}; use nearest neighbours, or a manifold without distractors"
        )
    per_point = _CELLS_PER_POINT[coordinates - 1 - sphere]
    if points < coordinates + 2 or points * per_point > SIMPLEX_CELLS:
        return (
            f"simplex interpolation in {coordinates} coordinates takes {coordinates + 2} to "
            f"{int(SIMPLEX_CELLS / per_point)} points, got {points}"
        )
    return None


@dataclass(frozen=True)
class NearestNeighbours:
    """The mean target of the k nearest training points."""

    regressor: KNeighborsRegressor

    def __call__(self, x: Float[np.ndarray, "m D_amb"]) -> Float[np.ndarray, "m out"]:
        return self.regressor.predict(x)


@dataclass(frozen=True)
class Simplices:
    """Linear interpolation on the Delaunay cells of the training points.

    Attributes:
        x, y: training points and targets.
        cells: indices of the corners of each cell.
        triangulation: finds the cell of a point; None in one coordinate, where cells are intervals.
        tree: neighbour search among the points.
    """

    x: Float[np.ndarray, "D D_amb"]
    y: Float[np.ndarray, "D out"]
    cells: Int[np.ndarray, "cells corners"]
    triangulation: Delaunay | None
    tree: cKDTree

    def __call__(self, x: Float[np.ndarray, "m D_amb"]) -> Float[np.ndarray, "m out"]:
        cell, barycentric = self._locate(x)
        prediction = np.einsum("mc,mco->mo", barycentric, self.y[self.cells[cell]])
        rest = np.flatnonzero(~self._covers(x, cell))
        for some in np.array_split(rest, -(-len(rest) // 1024) or 1):
            prediction[some] = self._quadratic(x[some])
        return prediction

    def covers(self, x: Float[np.ndarray, "m D_amb"]) -> Bool[np.ndarray, " m"]:
        """Mask of points that take the value of a cell, not of the boundary's quadratic fit."""
        return self._covers(x, self._locate(x)[0])

    def _locate(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The cell of each point, −1 if none, and its weights on the corners, which sum to 1."""
        if self.triangulation is None:
            left, right = self.x[self.cells, 0].T
            cell = np.searchsorted(left, x[:, 0], side="right") - 1
            cell[x[:, 0] > right[-1]] = -1
            share = (x[:, 0] - left[cell]) / (right[cell] - left[cell])
            return cell, np.stack([1 - share, share], axis=1)
        cell = self.triangulation.find_simplex(x)
        affine = self.triangulation.transform[cell]
        weights = np.einsum("mij,mj->mi", affine[:, :-1], x - affine[:, -1])
        weights = np.append(weights, 1 - weights.sum(axis=1, keepdims=True), axis=1)
        return cell, weights

    def _covers(self, x: np.ndarray, cell: np.ndarray) -> np.ndarray:
        if self.triangulation is None:
            return cell >= 0  # intervals are never thin
        spacing = self.tree.query(x, x.shape[1] + 1)[0][:, -1]
        reach = np.linalg.norm(self.x[self.cells[cell]] - x[:, None], axis=2).max(axis=1)
        return (cell >= 0) & (reach < _REACH * spacing)

    def _quadratic(self, x: np.ndarray) -> np.ndarray:
        d = x.shape[1]
        distance, near = self.tree.query(x, min((d + 1) * (d + 2), len(self.x)))
        step = (self.x[near] - x[:, None]) / distance[:, -1:, None]
        i, j = np.triu_indices(d)
        terms = np.concatenate(
            [np.ones((*near.shape, 1)), step, step[..., i] * step[..., j]], axis=2
        )
        return np.einsum("mk,mko->mo", np.linalg.pinv(terms)[:, 0], self.y[near])


@dataclass(frozen=True)
class SphereSimplices:
    """Linear interpolation on the facets of the convex hull of points on the unit sphere.

    The facets are the Delaunay cells of the sphere; a point takes the value of the facet that its
    ray from the centre leaves the hull through.

    Attributes:
        x, y: training points and targets.
        cells: indices of the corners of each facet.
        dual: n/o of the facets n·x ≤ o; the ray of x leaves through the one of largest x·n/o.
    """

    x: Float[np.ndarray, "D D_amb"]
    y: Float[np.ndarray, "D out"]
    cells: Int[np.ndarray, "cells D_amb"]
    dual: Float[np.ndarray, "D_amb cells"]

    def __call__(self, x: Float[np.ndarray, "m D_amb"]) -> Float[np.ndarray, "m out"]:
        rows = max(1, 2**23 // len(self.cells))
        blocks = [x[start : start + rows] for start in range(0, len(x), rows)]
        corners = self.cells[np.concatenate([np.argmax(b @ self.dual, axis=1) for b in blocks])]
        weights = np.linalg.solve(np.swapaxes(self.x[corners], 1, 2), x[:, :, None])[:, :, 0]
        weights /= weights.sum(axis=1, keepdims=True)
        return np.einsum("mc,mco->mo", weights, self.y[corners])


def learn(
    x: Float[np.ndarray, "D D_amb"],
    y: Float[np.ndarray, "D out"],
    *,
    method: Literal["nearest", "simplex"] = "nearest",
    neighbours: int = 1,
    domain: Literal["flat", "sphere"] = "flat",
) -> NearestNeighbours | Simplices | SphereSimplices:
    """Store the points, and for `simplex` triangulate them.

    Args:
        x, y: training points and targets. `simplex` takes the coordinates as they are: a manifold
            of d dimensions must be given in d of them, or in d + 1 on the unit sphere.
        method: see above.
        neighbours: k of `nearest`.
        domain: of `simplex`: `flat`, or `sphere` for points on the unit sphere.

    Raises ValueError for fewer points than `neighbours` or than the corners of two cells, for more
    than 6 coordinates or 4 million cells, and for points without volume.
    """
    if method == "nearest":
        if not 1 <= neighbours <= len(x):
            raise ValueError(
                f"{neighbours} neighbours cannot be taken among {len(x)} points; choose 1 to "
                f"{len(x)}"
            )
        from sklearn.neighbors import KNeighborsRegressor

        return NearestNeighbours(KNeighborsRegressor(neighbours).fit(x, y))
    from scipy.spatial import ConvexHull, Delaunay, QhullError, cKDTree

    points, d = x.shape
    sphere = domain == "sphere"
    refused = simplex_refusal(points, d, sphere=sphere)
    if refused:
        raise ValueError(refused)
    if d == 1:
        order = np.unique(x[:, 0], return_index=True)[1]
        return Simplices(x, y, np.stack([order[:-1], order[1:]], 1), None, cKDTree(x))
    try:
        if sphere:
            hull = ConvexHull(x)
            normal, offset = hull.equations[:, :-1], -hull.equations[:, -1:]
            if np.min(offset) > 0:
                return SphereSimplices(x, y, hull.simplices, (normal / offset).T)
            raise ValueError(
                f"the centre is outside of the hull of the {points} points on the sphere; take "
                "more points"
            )
        triangulation = Delaunay(x)
    except QhullError:
        raise ValueError(
            f"the {points} points have no volume in their {d} coordinates; give the manifold in as "
            "many coordinates as it has dimensions"
        ) from None
    return Simplices(x, y, triangulation.simplices, triangulation, cKDTree(x))
