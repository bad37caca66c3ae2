"""Who learns: every kind of student, with what it is and who trains or solves it."""

from lab.students import mlp

__all__ = ["mlp"]
