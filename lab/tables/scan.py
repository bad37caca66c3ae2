"""[scan]: how the size of networks is counted."""

from __future__ import annotations

from typing import Literal

from lab.grids import Table


class Size(Table):
    """[scan]: what x is in a scan over the size of networks. Whatever is declared, the interval
    holds what the other counts would say.

    `N` all trainable parameters, `hidden` the weights between hidden layers (with one hidden layer,
    all but the output biases), `width` the width of a layer; a prediction is an exponent of N, and
    stands for twice as much of the width of two layers and more.
    """

    size: Literal["N", "hidden", "width"] = "N"
