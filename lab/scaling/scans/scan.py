"""A scan: losses measured at several x, for several teachers and seeds, of one setting.

Object: rows (x, loss, group, seed), and the table of cells they make,

    log L(k, x) = mean over seeds s of log L(k, x, s),

one row per teacher (group) k, one column per distinct x, NaN where nothing was measured.
The geometric mean over seeds is the point every fit uses, because losses of repeated trainings
scatter by factors, not by differences. Teachers, not points, are the independent units.

Size. N, all trainable parameters, and the weights between hidden layers grow alike with the width
and differ by a factor of up to three at the widths that a scan can afford; the choice moves an
exponent by up to a quarter. So a scan over the size of a student carries both, `COUNTS`, and each
has an exponent of its own.

Excess. The law L(x) − L∞ ∝ 1/x is one of expectations, over draws of the data or over starts: a
cell of L − L∞ is the arithmetic mean over them, with its standard error. A mean that is negative by
more than two standard errors cannot be: then L∞ was not the limit. Over draws of the data not even
one excess can be negative, for L∞ is the smallest loss that the model has. Such cells, and those
that are not positive for want of repetitions, have no logarithm: they are told, never dropped in
silence.

What it does not do: fit anything, or drop bad rows. A diverged run is the caller's to leave out
and to report as a doubt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

COUNTS = ("hidden", "N")
"""The counts of size: the weights between hidden layers, and all parameters."""


class ScanError(ValueError):
    """Rows that cannot form a scan. The message is one sentence with the row and the remedy."""


@dataclass(frozen=True)
class Scan:
    """The cells of one scan.

    x: distinct scanned sizes (parameters, samples, …), ascending, shape [points].
    log_loss: log of the geometric mean over seeds, shape [teachers, points]; NaN: not measured.
    count: rows behind each cell, shape [teachers, points].
    groups: names of the teachers, in the order of the rows of `log_loss`.
    counts: x by every count of size, shape [counts, points]; None where nothing is counted.
    declared: the row that is x.
    """

    x: Float[np.ndarray, " points"]
    log_loss: Float[np.ndarray, "teachers points"]
    count: Int[np.ndarray, "teachers points"]
    groups: tuple[str, ...]
    counts: Float[np.ndarray, "counts points"] | None = None
    declared: int = 0

    @property
    def log_sizes(self) -> Float[np.ndarray, "counts points"]:
        """log x by every count of size, one row where nothing is counted."""
        return np.log(self.x[None] if self.counts is None else self.counts)

    @property
    def rows(self) -> int:
        """Rows that went in."""
        return int(self.count.sum())

    def teachers(self, keep: np.ndarray) -> Scan:
        """The scan of the teachers where `keep` (bool, shape [teachers]) holds."""
        groups = tuple(g for g, k in zip(self.groups, keep, strict=True) if k)
        return replace(self, log_loss=self.log_loss[keep], count=self.count[keep], groups=groups)

    def measured(self) -> Scan:
        """The scan without the x at which nothing was measured."""
        has = np.isfinite(self.log_loss).any(0)
        counts = None if self.counts is None else self.counts[:, has]
        return replace(
            self,
            x=self.x[has],
            log_loss=self.log_loss[:, has],
            count=self.count[:, has],
            counts=counts,
        )

    def counted(
        self,
        lead: Float[np.ndarray, " points"],
        N: Float[np.ndarray, " points"],
        *,
        order: float = 1.0,
    ) -> Scan:
        """The scan with every count of size, by the leading terms and all parameters at each x.

        x must be one of: N, lead, or lead^(1/order) up to a factor, the width. order: of the lead
        in x, 2 where x is the width of several hidden layers.
        """
        counts = np.stack([lead, N]) ** (1 / order)
        declared = int(np.allclose(self.x, counts[-1]))
        counts *= self.x[0] / counts[declared, 0]
        return replace(self, counts=counts, declared=declared)

    @staticmethod
    def of(
        x: Sequence | np.ndarray,
        loss: Sequence | np.ndarray,
        group: Sequence | np.ndarray | None = None,
        seed: Sequence | np.ndarray | None = None,
    ) -> Scan:
        """Cells from rows.

        x, loss: positive finite numbers, shape [rows]. group: teacher of each row (any hashable;
        all one teacher where None). seed: repetition within a cell; without it, rows that share
        x and group count as repetitions.
        Raises ScanError for lengths that differ, no rows, a bad number, or a repeated
        (x, group, seed).
        """
        x, loss = np.asarray(x, float).ravel(), np.asarray(loss, float).ravel()
        group = np.zeros(x.size, int) if group is None else np.asarray(group).ravel()
        lengths = {"x": x.size, "loss": loss.size, "group": group.size}
        if seed is not None:
            seed = np.asarray(seed).ravel()
            lengths["seed"] = seed.size
        if len(set(lengths.values())) > 1:
            raise ScanError(f"the columns of a scan must be equally long, not {lengths}.")
        if x.size == 0:
            raise ScanError("a scan needs at least one row; there is none.")
        for name, values in (("x", x), ("loss", loss)):
            bad = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
            if bad.size:
                raise ScanError(
                    f"row {bad[0]}: {name} is {values[bad[0]]:g}; it must be finite and positive. "
                    f"Leave diverged runs out and report them as a doubt."
                )
        xs, column = np.unique(x, return_inverse=True)
        groups, row = np.unique(group.astype(str), return_inverse=True)
        if seed is not None:
            seen: dict[tuple, int] = {}
            for i, key in enumerate(zip(column, row, seed.astype(str), strict=True)):
                if key in seen:
                    raise ScanError(
                        f"rows {seen[key]} and {i} both give x={x[i]:g}, group {group[i]}, "
                        f"seed {seed[i]}; keep one of them."
                    )
                seen[key] = i
        count = np.zeros((groups.size, xs.size), int)
        total = np.zeros((groups.size, xs.size))
        np.add.at(count, (row, column), 1)
        np.add.at(total, (row, column), np.log(loss))
        mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        return Scan(xs, mean, count, tuple(str(g) for g in groups))


Interval = tuple[float, float]


# ---- the excess over a limit ----

ROUNDING = 1e-8
"""Relative to L∞, a negative excess that means nothing."""
BEYOND = 2.0
"""Standard errors below zero from which a mean excess is a fault of the reference."""


@dataclass(frozen=True)
class Excess:
    """Cells of one scan: x, teacher, mean excess over the repetitions and its standard error.

    `below`: how many single excesses are negative beyond rounding, where none may be.
    """

    x: Float[np.ndarray, " cells"]
    teacher: Int[np.ndarray, " cells"]
    mean: Float[np.ndarray, " cells"]
    error: Float[np.ndarray, " cells"]
    below: int

    @property
    def positive(self) -> Bool[np.ndarray, " cells"]:
        """Cells that have a logarithm."""
        return self.mean > 0

    @property
    def impossible(self) -> bool:
        """True if an excess lies so far below zero that L∞ cannot have been the limit."""
        return self.below > 0 or bool(np.any(self.mean < -BEYOND * self.error))


def excess(
    x: Float[np.ndarray, " rows"],
    loss: Float[np.ndarray, " rows"],
    limit: Float[np.ndarray, " rows"],
    teacher: Int[np.ndarray, " rows"],
    *,
    smallest: bool,
) -> Excess:
    """Cells from rows: L and L∞ of one repetition each.

    smallest: whether L∞ is the smallest loss of the model, so that no L may lie below it.

    A cell of one repetition has an infinite standard error: nothing says how far it scatters.
    """
    over = loss - limit
    below = int(np.sum(over < -ROUNDING * limit)) if smallest else 0
    cells = sorted(set(zip(teacher.tolist(), x.tolist(), strict=True)))
    mean, error = [], []
    for k, at in cells:
        some = over[(teacher == k) & (x == at)]
        mean.append(some.mean())
        error.append(some.std(ddof=1) / np.sqrt(some.size) if some.size > 1 else np.inf)
    k, at = zip(*cells, strict=True)
    return Excess(np.array(at, float), np.array(k, int), np.array(mean), np.array(error), below)
