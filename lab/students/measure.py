"""[measure]: what is measured of every student beside its loss.

`dimension` names places, sets of points whose intrinsic dimension is estimated:

    input                                      the points as the student sees them
    teacher.LAYER[.before]                     a hidden layer of the teacher
    student.LAYER[.before][.initialisation]    a hidden layer of the student

LAYER is a number from 1, or `last`. A layer is taken after its activation or, with `.before`,
before it; a student's after its training or, with `.initialisation`, before its first step. The
teacher of a product has a network per factor, whose layers stand side by side.

What it does not do: measure (`lab.students.descent.dimensions`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Annotated

from pydantic import AfterValidator, Field

from lab.grids import Table, Texts, Whole
from lab.kinds.estimators import Method
from lab.kinds.student import STUDENTS, StudentSpec
from lab.mistakes import shown
from lab.spec import TEST_POINTS, AnyTask, MeasureSpec, Run

_GRAMMAR = re.compile(
    r"input|(teacher|student)\.(last|[1-9]\d{0,3})(\.before)?(\.initialisation)?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where points are taken. layer: from 1, 0 for the last; network: input, teacher, student."""

    network: str
    layer: int = 0
    before: bool = False
    initial: bool = False

    @classmethod
    def of(cls, text: str) -> Place:
        """The place of this name. Raises ValueError, a sentence, where there is none."""
        found = _GRAMMAR.fullmatch(text)
        if not found:
            raise ValueError(
                f"{shown(text)} is no place to measure at; give \"input\", \"teacher.LAYER\" or "
                "\"student.LAYER\", LAYER a number from 1 or \"last\", as in \"student.last\", "
                "\"student.1.before\", \"student.last.before.initialisation\""
            )
        network, layer, before, initial = found.groups()
        if network == "teacher" and initial:
            raise ValueError(f"'{text}': a teacher is never trained; leave .initialisation out")
        number = 0 if layer in (None, "last") else int(layer)
        return cls(network or "input", number, bool(before), bool(initial))


@dataclass(frozen=True, slots=True)
class Dimension:
    """The dimension of one place of one run, as the details of its result have it:

    dimension.PLACE              the estimate as its authors define it
    dimension.PLACE.se           its standard error
    dimension.PLACE.corrected    without its measured bias
    dimension.PLACE.low, .high   95 % interval of that
    dimension.PLACE.doubted      1 where the points resemble none of the correction's references
    """

    value: float
    se: float
    corrected: float
    low: float
    high: float
    doubted: float

    def details(self, place: str) -> dict[str, float]:
        """Its numbers under those names."""
        return {column(place, f.name): getattr(self, f.name) for f in fields(self)}

    @classmethod
    def of(cls, details: Mapping[str, float], place: str) -> Dimension | None:
        """What was measured there, None where nothing was."""
        if column(place) not in details:
            return None
        return cls(*(details[column(place, f.name)] for f in fields(cls)))


def measured(runs: Iterable[Run]) -> tuple[str, ...]:
    """The places at which any of these runs measures, in their order."""
    asked = dict.fromkeys(run.measure for run in runs)
    return tuple(dict.fromkeys(place for one in asked if one for place in one.dimension))


def column(place: str, of: str = "value") -> str:
    """The name of one number of a place."""
    return f"dimension.{place}" if of == "value" else f"dimension.{place}.{of}"


def _places(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        Place.of(name)
    return names


Places = Annotated[Texts, AfterValidator(_places)]


class Measure(Table):
    """What is measured beside the loss: the `dimension` at these places, on the first `n` points of
    the test set, by one estimator of `lab dimension`. Of networks only.

    At d = 2 … 10 and n = 5000 TwoNN's likelihood differs least between manifolds of one d.
    """

    dimension: Places = ()
    n: Annotated[Whole, Field(ge=250, le=TEST_POINTS)] = 5000
    method: Method = "two-nn-mle"

    def resolved(self) -> MeasureSpec | None:
        """What a run measures; nothing where no place is named."""
        return MeasureSpec(self.dimension, self.n, self.method) if self.dimension else None

    def wrong(self) -> Iterator[str]:
        if not self.dimension and self.model_fields_set & {"n", "method"}:
            yield "dimension: is missing, and needed; say where, as in dimension = \"student.last\""

    def mistaken(self, tasks: Iterable[AnyTask], students: Iterable[StudentSpec]) -> Iterator[str]:
        """Places that these teachers or students do not have, as `table.key: sentence`."""
        depths = {
            "teacher": {len(task.teacher_widths) for task in tasks},
            "student": {STUDENTS[one.kind].layers(one) for one in students},
        }
        for text in self.dimension:
            place = Place.of(text)
            least = min(depths.get(place.network, {1}), default=1)
            if least < max(place.layer, 1):
                many = "no hidden layer" if not least else f"{least} hidden layer"
                yield (
                    f"measure.dimension: '{text}', but a {place.network} of this study has {many}"
                    f"{'s' if least > 1 else ''}; name a layer that all of them have"
                )
