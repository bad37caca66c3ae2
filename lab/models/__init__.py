"""Truth objects: exact models that know their own exponents, phases and limits.

Each is a frozen value of its parameters. `.loss` or `.risk` is exact, or says in its docstring what
it is asymptotic in; it vectorises over its argument and refuses what is out of range in one
sentence (ValueError). Estimators are tested on them, and studies may name them as students. NumPy
and SciPy only.

    Truncation             loss in size and time, compute frontier: ξ, η, excess
    PLRF                   one-pass SGD on power-law random features: seven phases of the frontier
    PLRFEquivalent, plrf_frontier
                           the same for any number of features, and its frontier extrapolated
    GaussianRegression     gain of one step, noise scales, steps to a loss by batch and rate
    KaplanCompute          Kaplan's additive law, its frontier and critical batch
    KernelFlow             gradient flow of kernels on the sphere, exact in time
    MinimumNorm            double descent over samples
    WeakFeatures           double descent over features
    LeastSquaresDescent    double descent over epochs, and Heckel & Yilmaz's formula
    RandomFeaturesRidge    risk in samples, features and ridge, of any spectrum
    Committee              soft committees: trajectories of overlaps, plateau and how fast it is
                           left, noise floor, the optimum of fewer units than the teacher's
    PerceptronPruning      error after training on hard or easy examples alone
    Bisection, SingularFunction, DyadicBoundary
                           points that are chosen: a threshold, x^s, the boundary of a ball
    Memoriser, GeometricThreshold, IntervalThreshold, UnseenPoint
                           a learner for each class of rates: exponential, 1/n, log(n)/n, slow
"""

from lab.models.committee import Committee
from lab.models.compute import KaplanCompute, Truncation
from lab.models.double_descent import LeastSquaresDescent, MinimumNorm, WeakFeatures
from lab.models.eigenlearning import RandomFeaturesRidge
from lab.models.equivalent import Extrapolated, PLRFEquivalent, plrf_frontier
from lab.models.kernel_flow import KernelFlow
from lab.models.perceptron import PerceptronPruning
from lab.models.sample_complexity import (
    Bisection,
    DyadicBoundary,
    GeometricThreshold,
    IntervalThreshold,
    Memoriser,
    SingularFunction,
    UnseenPoint,
)
from lab.models.sgd import PLRF, GaussianRegression

__all__ = [
    "Committee",
    "Extrapolated",
    "GaussianRegression",
    "KernelFlow",
    "LeastSquaresDescent",
    "MinimumNorm",
    "PLRF",
    "PLRFEquivalent",
    "plrf_frontier",
    "PerceptronPruning",
    "RandomFeaturesRidge",
    "Truncation",
    "WeakFeatures",
    "GeometricThreshold",
    "IntervalThreshold",
    "Memoriser",
    "UnseenPoint",
    "Bisection",
    "DyadicBoundary",
    "SingularFunction",
    "KaplanCompute",
]
