"""Intrinsic dimension of data: estimators, their bias, and estimates without it.

`measure(X)` gives every estimate with intervals and warnings, `measure_file` those of a file; the
classes are for pipelines of scikit-learn: `TwoNN(discard=0.1).fit(X).dimension_`.
"""

from lab.dimension.estimate import Estimate
from lab.dimension.estimators import KNN, MLE, Correlation, Gride, LocalPCA, TwoNN
from lab.dimension.measurement import Measurement, measure, measure_file
from lab.dimension.neighbours import PointsError

__all__ = [
    "Correlation", "Estimate", "Gride", "KNN", "LocalPCA", "MLE", "Measurement", "PointsError",
    "TwoNN", "measure", "measure_file",
]  # fmt: skip
