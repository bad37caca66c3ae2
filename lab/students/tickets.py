"""The student `ticket`: some units of a trained network, set back to their first weights.

An `mlp` of one hidden layer of `of` units is trained by the recipe of the study. Of it `widths`
units are kept with their weights as first drawn, in and out, and its output bias; they learn again
for as many steps from the same data. `rule`:

    magnitude  units of the largest |v_i| |(w_i, b_i)| after training
    match      units nearest to a teacher unit of their own after training: cosines of (w, b) in the
               coordinates of the teacher, assigned one to one (Hungarian), then again of the rest
    random     units in a random order
    dense      none: a network that was drawn at this width

Orders are nested, those of a smaller width are the first of a larger one. A random subnetwork and a
dense network differ in the scale of their second layer alone. The full network has the same seed,
so that the rules of one seed share it; a run trains it anew and needs no other run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float, Int

from lab.data.task import TaskSpec
from lab.grids import Grid, PositiveInt
from lab.kinds.student import STUDENTS, StudentSpec
from lab.spec import Group
from lab.students.mlp import Mlp
from lab.students.solvers import DESCENT, Result, Solver, Tick

if TYPE_CHECKING:
    from lab.kinds.student import StudyInterface
    from lab.students.training import Cohort

Rules = Literal["magnitude", "match", "random", "dense"]
ODD = ("erf", "tanh", "identity")
"""Activations under which a unit and its negative are one."""


@STUDENTS.add
class Ticket(Mlp):
    """Subnetworks of `widths` units."""

    kind: Literal["ticket"] = "ticket"  # type: ignore[assignment]
    of: PositiveInt
    rule: Grid[Rules] = ("magnitude", "random", "dense")

    solvers: ClassVar[Mapping[str, str]] = {"": "lab.students.tickets:TICKETS"}
    reference: ClassVar[str] = ""

    def specs(self, *, inputs: str | None = None) -> Iterator[StudentSpec]:
        for rule in self.rule:
            for plain in super().specs(inputs=inputs):
                own = (("of", self.of), ("rule", rule))
                yield replace(plain, widths=plain.widths[:1], settings=own)

    def mistakes(self, study: StudyInterface) -> Iterator[str]:
        yield from super().mistakes(study)
        if self.depth not in (None, 1) or any(isinstance(width, tuple) for width in self.widths):
            yield "student.depth: units of one hidden layer are kept; give widths as numbers"
        elif max(map(int, self.widths)) > self.of:  # type: ignore[arg-type]
            yield f"student.widths: a network of {self.of} units has no more to keep; raise 'of'"
        if study.regime != "tickets":
            yield (
                f"student.kind: tickets are compared with other subnetworks, and {study.regime} "
                "does not; take regime = \"tickets\""
            )
        if any(D is not None for D in study.sizes):
            yield "data.sizes: tickets learn from fresh data; leave it out"


def whole(student: StudentSpec) -> StudentSpec:
    """The network that a ticket is a part of."""
    return replace(student, kind="mlp", widths=(_of(student),), settings=())


def _of(student: StudentSpec) -> int:
    return int(dict(student.settings)["of"])


def _rule(student: StudentSpec) -> str:
    return str(dict(student.settings)["rule"])


def by_magnitude(trained: Mapping[str, np.ndarray]) -> Int[np.ndarray, " K"]:
    """Units of one network, of the largest product of its weights in and out first."""
    into = np.hstack([trained["W0"], trained["b0"]])
    out = np.linalg.norm(trained["W1"], axis=0)
    return np.argsort(-np.linalg.norm(into, axis=1) * out, kind="stable")


def by_match(
    trained: Mapping[str, np.ndarray], teacher: Float[np.ndarray, "M inputs"], *, odd: bool
) -> Int[np.ndarray, " K"]:
    """Units of one network, nearest to a teacher unit of their own first; of K > M units those of a
    second assignment after all of the first."""
    from scipy.optimize import linear_sum_assignment

    units = np.hstack([trained["W0"], trained["b0"]])
    cosines = units @ teacher.T
    cosines /= np.linalg.norm(units, axis=1)[:, None] * np.linalg.norm(teacher, axis=1)
    cosines = np.abs(cosines) if odd else cosines
    left, order = np.arange(len(units)), []
    while left.size:
        i, n = linear_sum_assignment(-cosines[left])
        near = np.argsort(-cosines[left[i], n], kind="stable")
        order += left[i[near]].tolist()
        left = np.setdiff1d(left, order)
    return np.array(order)


Parameters = dict[str, np.ndarray]
"""Arrays [T, S, …] by name."""


def train(group: Group, *, tick: Tick) -> list[Result]:
    """Train the full networks of a group, keep units, and train these, in the programs of plain
    networks."""
    from lab.students import training

    full = _of_full(group)
    (_, _, seeds), *_ = full.shapes
    first: dict[StudentSpec, Parameters] = {}
    last: dict[StudentSpec, Parameters] = {}

    def look(cohort: Cohort, step: int) -> None:
        now = {name: np.array(value) for name, value in cohort.parameters.items()}
        (last if step else first)[cohort.student] = now

    def begin(student: StudentSpec, of: tuple[int, ...]) -> Any:
        if _rule(student) == "dense":
            return None
        at = [seeds.index(s) for s in of]
        drawn, trained = ({n: v[:, at] for n, v in some[whole(student)].items()}
                          for some in (first, last))  # fmt: skip
        return _subnetworks(drawn, _orders(group, student, of, trained)[..., : student.widths[0]])

    training.train(full, tick=lambda _: tick(0), watch=look)
    plain = replace(
        group,
        shapes=tuple((replace(s, kind="mlp", settings=()), D, of) for s, D, of in group.shapes),
    )
    found = training.train(plain, tick=tick, first=[begin(s, of) for s, _, of in group.shapes])
    return [replace(one, run=run) for one, run in zip(found, group.runs(), strict=True)]


def _orders(
    group: Group, student: StudentSpec, seeds: tuple[int, ...], trained: Parameters
) -> Int[np.ndarray, "T S K"]:
    """Units in the order in which a rule keeps them."""
    from lab.data import sets
    from lab.data.streams import generator

    rule, odd = _rule(student), student.activation in ODD
    order: Callable[[int, int], np.ndarray]
    if rule == "random":

        def order(t: int, i: int) -> np.ndarray:
            rng = generator("subset", group.teachers[t], seeds[i], root=group.root)
            return rng.permutation(_of(student))

    else:
        units = []
        for task in group.teachers if rule == "match" else ():
            assert isinstance(task, TaskSpec)
            source = sets.source(task, root=group.root)
            W, b = (np.asarray(v, float) for v in source.networks[0][0])
            scale = float(source.rms) if student.inputs == "standardised" else 1.0
            units.append(np.hstack([scale * W, b]))

        def order(t: int, i: int) -> np.ndarray:
            one = {name: value[t, i].astype(float) for name, value in trained.items()}
            return by_match(one, units[t], odd=odd) if rule == "match" else by_magnitude(one)

    T = len(group.teachers)
    return np.array([[order(t, i) for i in range(len(seeds))] for t in range(T)])


def _subnetworks(drawn: Parameters, kept: Int[np.ndarray, "T S m"]) -> Any:
    """First weights of the units that are kept."""
    import jax.numpy as jnp

    rows = kept[..., None]
    return {
        "W0": jnp.asarray(np.take_along_axis(drawn["W0"], rows, axis=2)),
        "b0": jnp.asarray(np.take_along_axis(drawn["b0"], rows, axis=2)),
        "W1": jnp.asarray(np.take_along_axis(drawn["W1"], kept[:, :, None], axis=3)),
        "b1": jnp.asarray(drawn["b1"]),
    }


def _flops(group: Group) -> float:
    return DESCENT.flops(group) + DESCENT.flops(_of_full(group))


def _memory(group: Group) -> float:
    return DESCENT.memory(group) + DESCENT.memory(_of_full(group))


def _of_full(group: Group) -> Group:
    seeds = tuple(sorted({s for _, _, of in group.shapes for s in of}))
    full = dict.fromkeys(whole(student) for student, _, _ in group.shapes)
    return replace(group, shapes=tuple((one, None, seeds) for one in full))


TICKETS = Solver("lab.students.tickets:train", _flops, _memory, compiled=True)
"""Networks, and some of their units again."""
