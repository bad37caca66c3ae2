"""The intrinsic dimension of what networks see and make of it: inputs and hidden layers.

Points are the first n of the test set. What all students of a teacher share, its input and the
teacher's own layers, is measured once per teacher; a student's layers before its first step or as
they are after its last one (where early stopping chose an earlier step for the loss, too). The
details of a result get the estimate by one method (`lab.dimension`) under the names of
`lab.students.measure.Dimension`, and nothing where there is none, as of a layer that holds fewer
than 20 different points.

What it does not do: say at which places (`lab.students.measure`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float

from lab.dimension import Estimate, PointsError, measure
from lab.dimension.estimate import DimensionDoubt
from lab.kinds.student import STUDENTS, StudentSpec
from lab.spec import MeasureSpec
from lab.students.descent.supply import Layers, Supply
from lab.students.measure import Dimension, Place


@dataclass(frozen=True)
class Watch:
    """What a group of runs is asked to measure. `known` is, by teacher, what all its students
    share; `x` the points as they see them; `tick` is told that time passes."""

    asked: MeasureSpec | None
    known: tuple[Mapping[str, float], ...]
    x: Float[Array, "T D_amb n"]
    tick: Callable[[int], None]

    @classmethod
    def of(
        cls,
        asked: MeasureSpec | None,
        given: Supply,
        tick: Callable[[int], None],
    ) -> Watch:
        """Measure what the students of each teacher share."""
        x = given.test[0]
        if asked is None:
            return cls(None, ({},) * len(x), x[..., :0], tick)
        known = []
        for t in range(len(x)):
            found: dict[str, float] = {}
            layers: Layers = ()
            for name in asked.dimension:
                place = Place.of(name)
                if place.network == "student":
                    continue
                if place.network == "teacher":
                    layers = layers or given.teacher(t)
                    points = _at(layers, place)
                else:
                    points = x[t]
                found |= dimension(name, points[:, : asked.n].T, asked.method)
                tick(0)
            known.append(found)
        return cls(asked, tuple(known), x[..., : asked.n], tick)

    def of_students(
        self,
        student: StudentSpec,
        parameters: Any,
        scale: Float[Array, " T"],
        *,
        initial: bool,
    ) -> Iterator[tuple[tuple[int, int], dict[str, float]]]:
        """Dimensions of the students [T, S] with these parameters, by teacher and seed; of those
        places that are `initial`, or of the others."""
        if self.asked is None:
            return
        places = {name: Place.of(name) for name in self.asked.dimension}
        wanted = {
            name: p for name, p in places.items() if (p.network, p.initial) == ("student", initial)
        }
        if not wanted:
            return
        T, S = jax.tree.leaves(parameters)[0].shape[:2]
        for t, s in np.ndindex(T, S):
            one = jax.tree.map(lambda leaf, at=(t, s): leaf[at], parameters)
            layers = _of_student(student, one, scale[t] * self.x[t])
            found: dict[str, float] = {}
            for name, place in wanted.items():
                found |= dimension(name, _at(layers, place).T, self.asked.method)
                self.tick(0)
            yield (t, s), found


def dimension(name: str, points: Float[Array, "n w"], method: str) -> dict[str, float]:
    """The details of one place; empty where there is no estimate."""
    try:
        estimates = measure(np.asarray(points, float)).estimates
    except PointsError:
        return {}
    found = quoted(estimates, method)
    return found.details(name) if found else {}


def quoted(estimates: Iterable[Estimate], method: str) -> Dimension | None:
    """What is stored of the estimate by one method, None where that is refused."""
    e = next(e for e in estimates if e.method == method)
    if e.corrected is None or e.corrected_interval is None:
        return None
    found = (
        e.dimension,
        e.se,
        e.corrected,
        *e.corrected_interval,
        DimensionDoubt.UNLIKE in e.doubts,
    )
    return Dimension(*map(float, found))


def _at(layers: Layers, place: Place) -> Float[Array, "w n"]:
    return layers[place.layer - 1][0 if place.before else 1]


@partial(jax.jit, static_argnums=0)
def _of_student(student: StudentSpec, parameters: Any, x: Array) -> Layers:
    network: Any = STUDENTS[student.kind].network()
    return network.hidden(student, parameters, x)
