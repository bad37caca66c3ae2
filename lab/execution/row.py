"""A row of a store: one run as it ended.

Object: the columns of `lab.execution.store.SCHEMA` by name. What many rows say alike, who made them
and when, they share; a learning curve stays text until somebody looks at it, because an answer
about 10⁵ runs looks at a few dozen.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab.students.result import SPLITS, Observation

FINISHED = ("done", "diverged")
"""The states in which a run stays."""


class Curve(Sequence[tuple[int, float]]):
    """A stored learning curve, (step, relative test loss): read when somebody looks at it."""

    __slots__ = ("_points", "_refuse", "_text")

    def __init__(self, text: str, refuse: Callable[[object], Exception]) -> None:
        self._text, self._refuse = text, refuse
        self._points: tuple[tuple[int, float], ...] = ()

    def _read(self) -> tuple[tuple[int, float], ...]:
        if self._text:
            try:
                points = json.loads(self._text)
                self._points = tuple((n, float("nan") if v is None else v) for n, v in points)
            except (ValueError, TypeError) as error:
                raise self._refuse(error) from None
            self._text = ""
        return self._points

    def __len__(self) -> int:
        return self._text.count("[") - 1 if self._text else len(self._points)

    def __getitem__(self, i: Any) -> Any:
        return self._read()[i]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._read() == tuple(other)

    def __hash__(self) -> int:
        return hash(self._read())


@dataclass(frozen=True, slots=True)
class Row:
    """One stored run; see the columns of SCHEMA."""

    fingerprint: str
    spec: str
    status: str
    N: int
    loss: float | None
    relative: float | None
    best_step: int | None
    curve: Sequence  # of (step, loss)
    error: str | None
    seconds: float | None
    group_size: int | None
    provenance: Mapping[str, Any]
    details: Mapping[str, float] = field(default_factory=dict)
    observations: Sequence[Observation] = ()  # read where they are asked for

    @property
    def scale(self) -> float | None:
        """The loss that relative losses are in units of; None of a run without a loss."""
        return self.loss / self.relative if self.loss and self.relative else None

    def observed(self) -> tuple[Observation, ...]:
        """What was observed, in the order of steps, with the observation that counts among it: of a
        run of before observations were kept it is the only one."""
        seen = list(self.observations)
        counts = self.best_step or 0
        if self.loss is not None and not any(
            o.step == counts and o.split in EXTERNAL for o in seen
        ):
            seen.append(Observation(counts, "test", self.loss))
        return tuple(sorted(seen, key=lambda o: (o.step, SPLITS.index(o.split))))


EXTERNAL = ("test", "population")
"""The splits one of which the loss of a run was taken on."""
TRAJECTORY = "trajectory"
"""The column of a row's curve; it is `curve` in a store of before observations."""
PROVENANCE = ("device", "dtype", "jax", "lab", "git", "finished", "numpy")
NOTHING: Mapping[str, float] = {}
"""The details of most runs."""
COLUMNS = ("fingerprint", "spec", "status", "N", "loss", "relative", "best_step", TRAJECTORY,
           "error", "seconds", "group_size", "details", *PROVENANCE)  # fmt: skip
OWN = len(COLUMNS) - len(PROVENANCE)


class Reader:
    """Makes rows of the values of COLUMNS. refuse: the error of a text that is no JSON."""

    def __init__(self, refuse: Callable[[object], Exception]) -> None:
        self._refuse = refuse
        self._made: dict[tuple, Mapping[str, Any]] = {}

    def __call__(self, values: tuple) -> Row:
        own, made = values[:OWN], values[OWN:]
        key, spec, status, N, loss, relative, best, curve, error, seconds, group, details = own
        provenance = self._made.get(made)
        if provenance is None:
            provenance = self._made[made] = dict(zip(PROVENANCE, made, strict=True))
        try:
            known = json.loads(details) if details else NOTHING
        except (ValueError, TypeError) as wrong:
            raise self._refuse(wrong) from None
        return Row(
            key, spec, status, N, loss, relative, best, Curve(curve, self._refuse), error, seconds,
            group, provenance, known,
        )  # fmt: skip


def values_of(row: Row) -> tuple:
    """The values of COLUMNS."""
    # JSON has no NaN: a loss that is not finite is stored as null.
    curve = json.dumps([[n, v if math.isfinite(v) else None] for n, v in row.curve])
    named = {
        **row.provenance, TRAJECTORY: curve,
        "details": json.dumps(dict(row.details)) if row.details else None,
    }  # fmt: skip
    return tuple(named[c] if c in named else getattr(row, c, None) for c in COLUMNS)
