"""[data]: the training sets."""

from __future__ import annotations

from lab.grids import Dims, PositiveInt, Table


class Data(Table):
    """Training sets of `sizes` D, each the first D samples of one draw."""

    sizes: Dims


class Draws(Data):
    """Training sets drawn anew: `draws` independent ones of each size."""

    draws: PositiveInt
