"""Truth objects: exact models that know their own exponents, phases and limits.

Each is a frozen value of its parameters. `.loss` or `.risk` is exact, or says in its docstring what
it is asymptotic in; it vectorises over its argument and refuses what is out of range in one
sentence (ValueError). Estimators are tested on them, and studies may name them as students. NumPy
and SciPy only.

    Truncation             loss in size and time, compute frontier: ξ, η, excess
    MinimumNorm            double descent over samples
    WeakFeatures           double descent over features
    LeastSquaresDescent    double descent over epochs, and Heckel & Yilmaz's formula
    RandomFeaturesRidge    risk in samples, features and ridge, of any spectrum
"""

from lab.models.double_descent import MinimumNorm, WeakFeatures
from lab.models.least_squares_descent import LeastSquaresDescent
from lab.models.random_features import RandomFeaturesRidge
from lab.models.truncation import Truncation

__all__ = [
    "LeastSquaresDescent",
    "MinimumNorm",
    "RandomFeaturesRidge",
    "Truncation",
    "WeakFeatures",
]
