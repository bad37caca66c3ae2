"""The kinds of finding, each with its finder: one line per kind.

A finder takes the `Question` of a study and returns its findings, values with the contract of
`finding.Finding`. Which kinds a study is asked for says `Study.findings`. A kind of your own is an
entry more, `FINDERS["ratio"] = ratios`, and a view in `lab.report.views.VIEWS`.
"""

from __future__ import annotations

from collections.abc import Callable

from lab.findings.calibrated import calibrated
from lab.findings.contrasts import contrasts
from lab.findings.coverage import coverage
from lab.findings.dimensions import dimensions
from lab.findings.expected import expected
from lab.findings.exponents import exponents
from lab.findings.frontiers import frontiers
from lab.findings.gaps import gaps
from lab.findings.learning import learning
from lab.findings.lines import lines
from lab.findings.planes import planes
from lab.findings.run_lists import run_lists
from lab.findings.study_results import StudyResults

Finder = Callable[[StudyResults], tuple]

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
    "records": run_lists,
}
