"""The rule of the verdict and the relation, case by case; what each doubt forbids; the advice."""

import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import lab
from lab.scaling.judge.exponent import exponent
from lab.scaling.judge.verdict import (
    VERDICTS,
    Direction,
    Doubt,
    advice,
    allowed,
    briefly,
    explain,
    known,
    relation,
    survives,
    verdict,
)
from lab.scaling.scans.scan import Scan

BOUND = dict(prediction=1.0, sense="bound", tolerance=0.15)
EQUAL = BOUND | {"sense": "equal"}
SENSES = {"bound": BOUND, "equal": EQUAL}
INSIDE, ABOVE, BELOW = (0.9, 1.1), (1.2, 1.8), (0.5, 0.8)
ACROSS = (0.8, 1.2)
NAN = (np.nan, np.nan)


@pytest.mark.parametrize("interval, bound, equal, relative", [
    (INSIDE, "agrees", "agrees", "equals"),
    ((0.85, 1.15), "agrees", "agrees", "equals"),  # the edges are allowed
    (ABOVE, "agrees", "contradicts", "above"),
    ((0.9, 5.1), "agrees", "undecided", "open"),  # above a bound, however wide
    ((0.9, np.inf), "agrees", "undecided", "open"),
    (BELOW, "contradicts", "contradicts", "below"),
    ((0.5, 0.85), "undecided", "undecided", "open"),  # touches the edge
    ((1.15, 1.3), "agrees", "undecided", "open"),
    (ACROSS, "undecided", "undecided", "open"),
    ((0.0, np.inf), "undecided", "undecided", "open"),
    (NAN, "undecided", "undecided", "open"),
])  # fmt: skip
def test_the_rule_of_a_straight_curve(interval, bound, equal, relative):
    assert verdict([interval], **BOUND).verdict == bound
    assert verdict([interval], **EQUAL).verdict == equal
    for said in (bound, equal):
        found = relation([interval], said, prediction=1.0, tolerance=0.15)
        assert found == (relative if said != "undecided" else "open")


ASYMPTOTIC, WIDE, DIFFER = Doubt.NOT_YET_ASYMPTOTIC, Doubt.INTERVAL_TOO_WIDE, Doubt.READINGS_DIFFER


@pytest.mark.parametrize("asked, shape, limit, over_range, over_limit", [
    ([INSIDE], "straight", None, ("agrees", None), ("agrees", None)),
    ([INSIDE], "open", None, ("agrees", None), ("agrees", None)),
    ([INSIDE], "bent", None, ("agrees", None), ("undecided", ASYMPTOTIC)),
    ([INSIDE], "bent", INSIDE, ("agrees", None), ("undecided", ASYMPTOTIC)),
    ([BELOW], "straight", None, ("contradicts", None), ("contradicts", None)),
    ([BELOW], "open", None, ("contradicts", None), ("undecided", ASYMPTOTIC)),
    ([BELOW], "bent", None, ("contradicts", None), ("undecided", ASYMPTOTIC)),
    ([BELOW], "bent", BELOW, ("contradicts", None), ("contradicts", None)),
    ([BELOW], "straight", INSIDE, ("contradicts", None), ("undecided", ASYMPTOTIC)),
    ([BELOW], "bent", ABOVE, ("contradicts", None), ("undecided", ASYMPTOTIC)),
    ([ABOVE], "open", ABOVE, ("contradicts", None), ("contradicts", None)),
    ([ACROSS], "straight", None, ("undecided", WIDE), ("undecided", WIDE)),
    ([INSIDE, ACROSS], "straight", None, ("undecided", WIDE), ("undecided", WIDE)),
    ([INSIDE, BELOW], "straight", None, ("undecided", DIFFER), ("undecided", DIFFER)),
    ([ABOVE, BELOW], "straight", None, ("undecided", DIFFER), ("undecided", DIFFER)),
    ([BELOW, BELOW], "straight", None, ("contradicts", None), ("contradicts", None)),
    ([NAN], "straight", None, ("undecided", WIDE), ("undecided", WIDE)),
])  # fmt: skip
def test_the_rule_by_where_the_claim_holds(asked, shape, limit, over_range, over_limit):
    place = dict(shape=shape, limit=limit, **EQUAL)
    assert tuple(verdict(asked, over="range", **place)) == over_range
    assert tuple(verdict(asked, over="limit", **place)) == over_limit


def test_an_unusable_fit_decides_nothing():
    for interval, request_ in product((INSIDE, ABOVE, BELOW), (BOUND, EQUAL)):
        assert verdict([interval], usable=False, **request_).verdict == "undecided"


# ---- what doubts forbid ----


@pytest.mark.parametrize("over", ["range", "limit"])
@pytest.mark.parametrize("doubt", Doubt)
def test_a_doubt_alone_never_leaves_a_forbidden_word(doubt, over):
    """By brute force: a word is forbidden where the truth, moved the way that the doubt says,
    may be on the other side of the edge."""
    anywhere = [Direction.EITHER] + [Direction.BEYOND] * (over == "limit")
    lower = doubt.direction in (Direction.HIGH, *anywhere)  # the truth may lie lower
    higher = doubt.direction in (Direction.LOW, *anywhere)
    for (sense, request_), interval in product(SENSES.items(), (INSIDE, ABOVE, BELOW, ACROSS)):
        plain = verdict([interval], over=over, **request_).verdict
        low, high = allowed(1.0, sense, 0.15)
        if plain == "agrees":
            forbidden = lower or (higher and np.isfinite(high))
        else:
            forbidden = higher if interval[1] < low else lower
        expected = "undecided" if forbidden else plain
        assert verdict([interval], over=over, doubts=(doubt,), **request_).verdict == expected
        slug = (str(doubt.value),)
        assert verdict([interval], over=over, doubts=slug, **request_).verdict == expected
        other = relation([interval], expected, prediction=1.0, tolerance=0.15, over=over,
                         doubts=(doubt,))  # fmt: skip
        equality = verdict([interval], over=over, doubts=(doubt,), **EQUAL).verdict
        assert (other == "open") == ("undecided" in (expected, equality))


def test_few_x_say_nothing_of_the_limit_and_all_of_the_range():
    for doubt in (Doubt.FEW_SIZES, Doubt.FEW_DECADES, Doubt.LATE, Doubt.COARSE):
        for interval in (INSIDE, BELOW):
            assert verdict([interval], over="range", doubts=[doubt], **EQUAL).verdict != "undecided"
            assert verdict([interval], over="limit", doubts=[doubt], **EQUAL).verdict == "undecided"


@pytest.mark.parametrize("doubt", Doubt)
def test_every_doubt_says_what_it_means_and_what_removes_it(doubt):
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", doubt.value) and doubt == doubt.value
    assert len(doubt.meaning) > 10 and len(doubt.remedy) > 10
    (said,) = explain([doubt])
    assert said.startswith(f"{doubt.value}: {doubt.meaning}; ") and doubt.remedy in said
    assert (doubt.direction.value in said) == (doubt.direction is not Direction.HELD)


@pytest.mark.parametrize("doubt", Doubt)
def test_every_doubt_is_used_by_somebody(doubt):
    folder = Path(lab.__file__).parent
    text = "".join(f.read_text() for f in folder.rglob("*.py"))
    text = re.sub(r"^REASONS = .*", "", text, flags=re.MULTILINE)  # a list of them uses none
    assert re.search(rf"\bDoubt\.{doubt.name}\b", text)


def test_every_doubt_that_the_code_names_is_a_member():
    folder = Path(lab.__file__).parent
    named = {name for f in folder.rglob("*.py") if "dimension" not in f.parent.name + f.stem
             for name in re.findall(r"\bDoubt\.([A-Z][A-Z_]+)\b", f.read_text())}  # fmt: skip
    assert named <= set(Doubt.__members__)


def test_doubts_are_known_once_and_in_order():
    assert known(["late", "coarse", "late"]) == (Doubt.LATE, Doubt.COARSE)
    with pytest.raises(ValueError, match="tired"):
        verdict([INSIDE], doubts=("tired",), **BOUND)
    assert len({d.value for d in Doubt}) == len(Doubt.__members__)


def test_doubts_of_both_directions_together_forbid_everything():
    both = (Doubt.UNDER_TRAINED, Doubt.SATURATED)
    for interval, request_ in product((INSIDE, ABOVE, BELOW), (BOUND, EQUAL)):
        assert verdict([interval], doubts=both, **request_).verdict == "undecided"


# ---- rivals, requests, advice ----


@pytest.mark.parametrize("rival, doubts, fate", [
    (2.0, (), True), (2.5, (), True), (3.0, (), False), (1.0, (), False),
    (3.0, ("under-trained",), None),  # more training would raise α
    (1.0, ("under-trained",), False),  # and so cannot lower it to 1
    (1.0, ("under-trained", "saturated"), None),
    (1.0, ("wrong-law",), None),
    (3.0, ("first-x-off",), False),  # another reading holds it
    (3.0, ("bent",), None),  # a bent curve has no limit yet
    (2.0, ("under-trained",), True),
])  # fmt: skip
def test_a_rival_is_excluded_unless_a_doubt_explains_it(rival, doubts, fate):
    assert survives((1.8, 2.2), rival, 0.15, doubts) is fate


def test_a_doubt_of_the_claims_formula_saves_no_rival():
    own = [doubt for doubt in Doubt if doubt.of_formula]
    assert own == [Doubt.ROUGH_TARGET]
    assert survives((1.8, 2.2), 4.0, 0.15, own) is False
    assert survives((1.8, 2.2), 4.0, 0.15, [*own, Doubt.EXTRAPOLATED]) is None


@pytest.mark.parametrize(
    "change, message",
    [
        ({"sense": "above"}, "'bound' or 'equal'"),
        ({"prediction": -1.0}, "positive number"),
        ({"prediction": np.nan}, "positive number"),
        ({"tolerance": 0.0}, "must be positive"),
    ],
)
def test_a_bad_request_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        verdict([INSIDE], **BOUND | change)


def say(*asked, teachers=4, doubts=(), **request_):
    return advice(sum(asked[0]) / 2, asked, teachers=teachers, x=(100.0, 10_000.0),
                  doubts=doubts, **BOUND | request_)  # fmt: skip


def test_the_advice_counts_teachers_and_reach():
    """Half-width .3 where .15 is needed: 4 times the teachers, or 2^(2/3) times the decades."""
    said = say((0.7, 1.3))
    assert "about 16 teachers instead of 4" in said
    assert f"x up to {100 * 10 ** (2 * 2 ** (2 / 3)):.2g}" in said
    assert "±0.3 where ±0.15 is needed" in said
    assert "at least 4 teachers" in say((0.7, 1.3), teachers=1)
    assert "too near the edge" in say((0.55, 1.152))


def test_the_advice_is_about_the_reading_that_is_farthest_from_deciding():
    assert "±0.4 where ±0.15 is needed" in say((0.95, 1.05), (0.6, 1.4))
    assert "teachers" not in say((0.6, 1.4), doubts=[Doubt.NOT_YET_ASYMPTOTIC])


def test_the_advice_names_the_remedies_of_what_the_interval_does_not_hold():
    said = say(INSIDE, doubts=(Doubt.LATE, Doubt.BENT))
    assert said == f"{Doubt.LATE.remedy}."
    assert say(INSIDE, doubts=(Doubt.LATE,), over="range") == ""
    assert say(INSIDE) == "" and set(VERDICTS) == {"agrees", "contradicts", "undecided"}


@pytest.mark.parametrize("law", ["power", "power+floor"])
@pytest.mark.parametrize("seed", range(3))
def test_what_is_undecided_always_has_a_doubt(seed, law):
    """Over scans of every kind, from three x of one teacher to eight of five, and every claim."""
    rng = np.random.default_rng(seed)
    kinds = product((1, 2, 5), (2, 3, 8), (0.0, 0.1, 1.0), ("bound", "equal"), ("range", "limit"))
    seen = set()
    for teachers, points, noise, sense, over in kinds:
        x = np.geomspace(10, 10 ** rng.uniform(1.5, 3), points)
        loss = x ** -rng.choice([0.0, 0.5, 1.0]) + rng.choice([0, 0.1]) * x**-0.2
        cells = loss * np.exp(noise * rng.standard_normal((teachers, points)))
        scan = Scan.of(np.tile(x, teachers), cells.ravel(), np.repeat(range(teachers), points))
        found = exponent(scan, prediction=1.0, sense=sense, over=over, law=law, replicates=10)
        assert found.verdict != "undecided" or found.doubts
        seen.add(found.verdict)
    assert "undecided" in seen


def test_a_row_says_two_doubts_in_plain_words_those_that_decide_first():
    every = [*Doubt]
    assert briefly([]) == "none" and briefly(["few-sizes"]) == "fewer than five x"
    assert briefly(["bent", "unchecked", "interval-too-wide", "late"]) == (
        "interval too wide, training unchecked"
    )
    assert briefly(["a sentence: with more", "bent"]) == "a sentence, bent"
    for one in every:
        assert one.words and "-" not in one.words
        assert briefly([*every, one]).count(",") == 1
