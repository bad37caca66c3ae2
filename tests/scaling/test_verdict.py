"""The rule of the verdict, case by case, and its advice."""

import numpy as np
import pytest

from lab.scaling.verdict import REMEDY, advice, survives, teachers_for, verdict

BOUND = dict(prediction=1.0, sense="bound", tolerance=0.15)
EQUAL = BOUND | {"sense": "equal"}


@pytest.mark.parametrize("alpha, interval, request_, expected", [
    (1.00, (0.95, 1.05), BOUND, "agrees"),
    (1.50, (1.20, 1.80), BOUND, "agrees"),  # above a bound, however wide
    (3.00, (0.90, 5.10), BOUND, "agrees"),
    (1.50, (1.20, 1.80), EQUAL, "contradicts"),
    (0.60, (0.50, 0.70), BOUND, "contradicts"),
    (0.60, (0.30, 0.90), BOUND, "undecided"),  # reaches the bound, estimate below it
    (0.80, (0.70, 0.90), BOUND, "undecided"),
    (1.00, (0.60, 1.40), BOUND, "undecided"),  # too wide to mean something
    (1.00, (0.72, 1.28), EQUAL, "agrees"),
    (1.00, (0.60, 1.40), EQUAL, "undecided"),
    (0.90, (0.88, np.inf), BOUND, "agrees"),
    (0.90, (0.00, np.inf), BOUND, "undecided"),
    (np.nan, (np.nan, np.nan), BOUND, "undecided"),
])
def test_the_rule(alpha, interval, request_, expected):
    assert verdict(alpha, interval, **request_) == expected


@pytest.mark.parametrize("doubt", REMEDY)
def test_a_doubt_forbids_a_contradiction_and_names_its_remedy(doubt):
    assert verdict(0.6, (0.5, 0.7), doubts=(doubt,), **BOUND) == "undecided"
    said = advice(0.6, (0.5, 0.7), teachers=4, deviation=0.1, doubts=(doubt,),
                  reach=lambda _: None, **BOUND)
    assert said.startswith("the interval lies below the prediction, but ") and REMEDY[doubt] in said


def test_an_unusable_fit_decides_nothing():
    assert verdict(1.0, (0.95, 1.05), usable=False, **BOUND) == "undecided"
    assert verdict(1.0, (0.95, 1.05), doubts=("few-decades",), **BOUND) == "undecided"
    assert verdict(1.0, (0.95, 1.05), doubts=("intervals-disagree",), **BOUND) == "agrees"


def test_the_advice_counts_teachers_and_reach():
    said = advice(0.8, (0.5, 1.1), teachers=4, deviation=0.19, doubts=(), reach=lambda _: 5e4,
                  **BOUND)
    need = teachers_for(0.05, 0.19)
    assert f"about {need} teachers instead of 4 or x up to 5e+04 would decide" in said
    hopeless = advice(0.849, (0.5, 1.2), teachers=4, deviation=0.2, doubts=(),
                      reach=lambda _: None, **BOUND)
    assert "no more than 200 teachers" in hopeless


def test_the_number_of_teachers_is_the_smallest_that_suffices():
    from scipy import special
    k = teachers_for(0.05, 0.1)
    half = [special.stdtrit(n - 1, 0.975) * 0.1 / np.sqrt(n) for n in (k - 1, k)]
    assert half[0] > 0.05 >= half[1]
    assert teachers_for(1e-4, 0.1) is None


@pytest.mark.parametrize("change, message", [
    ({"sense": "above"}, "'bound' or 'equal'"), ({"prediction": -1.0}, "positive number"),
    ({"tolerance": 0.0}, "must be positive")])
def test_a_bad_request_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        verdict(1.0, (0.9, 1.1), **BOUND | change)


@pytest.mark.parametrize(
    "rival, doubts, fate",
    [
        (2.0, (), True), (2.4, (), True), (3.0, (), False), (1.0, (), False),
        (3.0, ("under-trained",), None),  # more training would raise α
        (1.0, ("under-trained",), False),  # and so cannot lower it to 1
        (1.0, ("under-trained", "steepening"), None),
        (3.0, ("intervals-disagree",), False),  # no doubt about the exponent itself
        (2.0, ("under-trained",), True),
    ],
)  # fmt: skip
def test_a_rival_is_excluded_unless_a_doubt_explains_it(rival, doubts, fate):
    assert survives((1.8, 2.2), rival, 0.15, doubts) is fate
