"""[scan] and [curve]: how the size of networks is counted, and how losses over steps are read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lab.grids import PositiveInt, Table


class Size(Table):
    """[scan]: what x is in a scan over the size of networks. Whatever is declared, the interval
    holds what the other counts would say.

    `N` all trainable parameters, `hidden` the weights between hidden layers (with one hidden layer,
    all but the output biases), `width` the width of a layer; a prediction is an exponent of N, and
    stands for twice as much of the width of two layers and more.
    """

    size: Literal["N", "hidden", "width"] = "N"


class Branching(Table):
    """[curve]: what a loss over steps is.

    decay: share of the steps before it in which the rate falls to 0 in a branch at each checkpoint;
    0, no branches, losses at the constant rate. first, above: exponents of steps are read from this
    step on, of losses that are at least so many times the last one.
    """

    decay: Annotated[float, Field(ge=0, le=1)] = 0.0
    first: PositiveInt = 1
    above: Annotated[float, Field(ge=1, le=1e6)] = 10.0
