"""Text of fits and calibrations: what is missing is a dash, what misleads gets a sentence."""

import numpy as np
import pytest

from lab.findings.calibrated import Case, as_json, remarks, tables, wrong_at_the_edge
from lab.findings.exponent_result import ExponentResult
from lab.findings.study_results import Setting
from lab.report import fitted
from lab.scaling.judge.calibration import Calibration, Design, Truth

POINT = ExponentResult(
    setting=Setting(2, (("noise", 0.1),)),
    prediction=2.0,
    exponent=None,
    verdict="undecided",
    doubts=(),
    advice="",
)
DESIGN = Design(np.geomspace(10, 100, 5), 4, 2, 2.0,
                alternatives={"4/d": 2.0, "2/d": 1.0})  # fmt: skip


def calibrated(alpha=2.0, *, covered=0.95, wrong=0.0):
    truth = Truth(alpha)
    coverage = {"quoted": covered, "teacher-t": 0.9, "profile": 0.5}
    verdicts = {"agrees": 0.7, "contradicts": 0.1, "undecided": 0.2}
    found = Calibration(
        truth=truth, scans=1000, coverage=coverage, width={"quoted": 0.123456}, bias=float("nan"),
        error=0.1, verdicts=verdicts, wrong=wrong, usable=0.9,
        shapes={"straight": 0.6, "bent": 0.1, "open": 0.3},
        doubts={"counting": 0.2},
        power={"4/d": 0.05, "2/d": 0.87}, by_ratio={0.85: (0.02, 0.3), 1.0: (0.9, 0.0)},
    )  # fmt: skip
    case = Case(POINT, DESIGN, truth, "given")
    edge = wrong_at_the_edge(case, {"a bend": found})
    return as_json(case, found) | {"misspecified": edge}


def test_a_calibrated_design_is_one_table_and_one_of_other_truths():
    table, other = tables([calibrated()], "1000")
    (line,) = table.rows
    assert dict(zip(table.columns, line, strict=True)) == {
        "d": "2, noise 0.1", "true α": "2", "from": "given", "covers": "0.95", "width": "0.12",
        "bias": "–", "agrees": "0.70", "contradicts": "0.10", "undecided": "0.20",
        "wrong": "0.000", "straight": "0.60", "bent": "0.10", "≠ 4/d": "same",
        "≠ 2/d": "0.87"}  # fmt: skip
    assert other.rows == [("a bend", "0.020", "0.300", "0.100")]


@pytest.mark.parametrize(
    "case, remark",
    [
        (calibrated(), None),
        (calibrated(covered=0.92), None),  # within two standard errors of what is honest
        (calibrated(covered=0.9), "covers 90%"),
        (calibrated(1.65, wrong=0.4), "the true 1.65 lies 0.05 outside the edge 1.7"),
        (calibrated(1.75, wrong=0.4), "the true 1.75 lies 0.05 inside the edge 1.7"),
    ],
)
def test_what_misleads_gets_a_sentence(case, remark):
    said = [*remarks([case], scans=1000, seed=0)]
    assert len(said) == (2 if remark is None else 3)
    assert remark is None or remark in said[-1]


def test_a_fit_without_an_interval_shows_dashes_and_open_ends():
    found = {
        "parameters": {"beta": 1.0, "floor": None},
        "errors": {},
        "quoted": {"beta": "wald"},
        "held": {},
        "intervals": {"beta": {"wald": [None, 2.0]}},
    }
    assert fitted.fit_lines(found) == [
        ("beta", "1", "–", "[−∞, 2]", "wald", "–"),
        ("floor", "–", "–", "–", "–", "–"),
    ]
