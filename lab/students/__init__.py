"""Students and optimisers, every kind of both, and the solvers that train or solve students."""

from lab.kinds.student import STUDENTS
from lab.students import (
    committee,
    curves,
    dimensions,
    exact,
    first_order,
    kernels,
    linear,
    local,
    mlp,
    perceptron,
    random_features,
    rates,
    ridges,
    tickets,
    whole_problem,
)

__all__ = ["STUDENTS", "committee", "curves", "dimensions", "exact", "first_order", "kernels",
           "linear", "local", "mlp", "perceptron", "random_features", "rates", "ridges", "tickets",
           "whole_problem"]  # fmt: skip
