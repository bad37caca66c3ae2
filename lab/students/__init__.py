"""Who learns: every kind of student, with what it is and who trains or solves it."""

from lab.kinds.student import STUDENTS
from lab.students import (
    curves,
    dimensions,
    exact,
    kernels,
    linear,
    local,
    mlp,
    random_features,
    ridges,
)

__all__ = ["STUDENTS", "curves", "dimensions", "exact", "kernels", "linear", "local", "mlp",
           "random_features", "ridges"]  # fmt: skip
