"""Truth objects: exact models that know their own exponents, phases and limits.

Each is a frozen value of its parameters. `.loss` or `.risk` is exact, or says in its docstring what
it is asymptotic in; it vectorises over its argument and refuses what is out of range in one
sentence (ValueError). Estimators are tested on them, and studies may name them as students. NumPy
and SciPy only.

    Truncation             loss in size and time, compute frontier: ξ, η, excess
"""

from lab.models.truncation import Truncation

__all__ = ["Truncation"]
