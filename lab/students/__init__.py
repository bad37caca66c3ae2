"""Who learns: every kind of student and of optimiser, with who trains or solves students."""

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
