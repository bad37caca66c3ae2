"""The kinds of finding, each with its finder: one line per kind.

A finder takes the `Question` of a study and returns its findings, values with the contract of
`finding.Finding`. Which kinds a study is asked for says `Study.findings`. A kind of your own is an
entry more, `FINDERS["ratio"] = ratios`, and a view in `lab.show.views.VIEWS`.
"""

from __future__ import annotations

from collections.abc import Callable

from lab.answers.calibrated import calibrated
from lab.answers.contrasts import contrasts
from lab.answers.coverage import coverage
from lab.answers.dimensions import dimensions
from lab.answers.expected import expected
from lab.answers.exponents import exponents
from lab.answers.frontiers import frontiers
from lab.answers.gaps import gaps
from lab.answers.learning import learning
from lab.answers.lines import lines
from lab.answers.planes import planes
from lab.answers.question import Question
from lab.answers.records import records

Finder = Callable[[Question], tuple]

FINDERS: dict[str, Finder] = {
    "frontier": frontiers,
    "learning": learning,
    "plane": planes,
    "exponents": exponents,
    "calibrated": calibrated,
    "lines": lines,
    "dimensions": dimensions,
    "gaps": gaps,
    "contrasts": contrasts,
    "expected": expected,
    "coverage": coverage,
    "records": records,
}
