"""What a study plots against what: the quantity that it scans, and what falls with it.

Words for tables and figures, given once by the regime; nobody downstream asks which regime it is.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """What is scanned: its symbol, as in N, its words, as in "trainable parameters N", and the name
    of the coordinate that it is (`lab.spec.COORDINATES`), "" of a regime with an x of its own."""

    symbol: str
    words: str
    coordinate: str = ""


@dataclass(frozen=True)
class Ordinate:
    """What is fitted: `unit` in a table, `label` at the axis of a figure, `words` that end a
    sentence."""

    unit: str
    label: str
    words: str


N = Axis("N", "trainable parameters N", "N")
HIDDEN = Axis("N_h", "weights between hidden layers N_h", "hidden")
WIDTH = Axis("w", "width w of the hidden layers", "width")
UNITS = Axis("n", "hidden units n", "units")
DATA = Axis("D", "training samples D", "D")
STEPS = Axis("S", "steps S", "S")
COMPUTE = Axis("C", "compute C", "C")
POINTS = Axis("n", "points n", "D")

LOSS = Ordinate("relative loss", "test loss, relative", "the relative test loss")
OVER_UNLIMITED_DATA = Ordinate(
    "excess over unlimited data",
    "excess over unlimited data, relative",
    "the excess of the relative test loss over that of the same students on unlimited data",
)
DIMENSION = Ordinate(
    "relative error of d",
    "relative error of the dimension",
    "the relative error of the corrected dimension",
)


def excess_over(limit: str) -> Ordinate:
    """The mean excess over a limit that is named in words."""
    return Ordinate(
        "mean excess",
        "mean excess over the limit, relative",
        f"the mean excess of the relative loss over its limit, {limit}",
    )
