"""Looks of a sequence: when a study that adds teachers may stop, and how sure each look must be.

A study that is run until it is decided is looked at with K_1 < K_2 < … < K_m teachers (`looks`),
and each look may end it. The errors of all looks add up to that of one: with t = K/K_m the share of
the teachers that have been seen, Pocock's spending function (Lan & DeMets, Biometrika 70, 1983)

    α*(t) = α ln(1 + (e − 1) t),    α = .05,

gives look i the share α*(t_i) − α*(t_{i−1}), and its intervals have the level 1 less that share. By
the union bound the exponent lies within the intervals of all looks in .95 of the sequences, so that
at each edge of what a prediction allows at most .025 of the verdicts are wrong, however the looks
depend on each other. Pocock's function rather than O'Brien and Fleming's: theirs leaves the first
look 3 · 10⁻⁸, at which four teachers decide nothing.

Known bias: the looks share their teachers, and the union bound gives nothing back for that: the
intervals are some tenth longer than they need to be.

What it does not do: run or judge; see `lab.execution.registration` and `lab.findings.following`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

ERROR = 0.05
"""α: what the intervals of all looks together may miss, as one interval of .95 may."""
LOOKS = (4, 8, 16, 32)
"""Teachers at which a study is looked at, from its own number on."""


def looks(count: int, at: Sequence[int] = LOOKS) -> tuple[int, ...]:
    """The looks of a study of so many teachers: its own number, and those of `at` beyond it."""
    return (count, *(more for more in at if more > count))


def spent(share: float) -> float:
    """α*(t), what has been spent when this share of the teachers has been seen."""
    return ERROR * math.log1p((math.e - 1) * share)


def level(teachers: int, every: Sequence[int]) -> float:
    """The level of the intervals at the look of so many teachers, one of `every`, ascending.

    Raises ValueError for a number that is no look."""
    if teachers not in every:
        raise ValueError(f"{teachers} teachers are no look; the looks are {list(every)}.")
    i = list(every).index(teachers)
    before = spent(every[i - 1] / every[-1]) if i else 0.0
    return 1 - (spent(teachers / every[-1]) - before)
