"""Exponents of simulated scans with a known answer."""

from dataclasses import fields

import numpy as np
import pytest

from lab.scaling.judge.calibration import Truth
from lab.scaling.judge.exponent import Exponent, exponent, judge
from lab.scaling.judge.verdict import Doubt
from lab.scaling.scans.estimate import Correction, estimate
from lab.scaling.scans.scan import Scan, ScanError
from lab.scaling.series import across


def scan(alpha, *, floor=0.0, teachers=4, noise=0.1, spread=0.0, decades=1.5, points=7, seed=0):
    rng = np.random.default_rng(seed)
    x = 60 * 10 ** np.linspace(0, decades, points)
    own = alpha + spread * rng.standard_normal(teachers)
    beta = 0.3 * np.exp(0.3 * rng.standard_normal(teachers))
    loss = beta[:, None] * (x / x[0]) ** -own[:, None] + floor
    loss = loss[:, :, None] * np.exp(noise * rng.standard_normal((teachers, points, 2)))
    k, i, s = np.indices(loss.shape)
    return Scan.of(x[i.ravel()], loss.ravel(), k.ravel(), s.ravel())


@pytest.mark.parametrize("alpha", [0.5, 4 / 3, 2.0])
@pytest.mark.parametrize("floor", [0.0, 5e-4, 1e-2])
def test_noise_free_law_is_recovered(alpha, floor):
    e = exponent(scan(alpha, floor=floor, noise=0.0), law="power+floor")
    assert e.status == "converged"
    assert e.alpha == pytest.approx(alpha, rel=1e-6)
    assert e.parameters["floor"] == pytest.approx(floor, abs=1e-8)
    truth = scan(alpha, floor=floor, noise=0.0, teachers=4)
    assert e.predict(truth.x) == pytest.approx(np.exp(truth.log_loss.mean(0)), rel=1e-6)


@pytest.mark.parametrize("floor, law", [
    (0.0, "power"), pytest.param(1e-2, "power+floor", marks=pytest.mark.long),
])  # fmt: skip
def test_interval_covers_and_the_verdict_is_right(floor, law):
    found = [
        exponent(scan(1.0, floor=floor, spread=0.05, seed=s), prediction=1.0, law=law)
        for s in range(60)
    ]
    covered = np.mean([e.interval[0] <= 1.0 <= e.interval[1] for e in found])
    assert covered > 0.85  # 60 scans; benchmarks/coverage.py measures it properly
    assert all(e.verdict != "contradicts" for e in found)


def test_a_pure_law_is_recovered_without_a_floor():
    e = exponent(scan(4 / 3, noise=0.0))
    assert (e.status, e.parameters["floor"]) == ("converged", 0.0)
    assert e.alpha == pytest.approx(4 / 3, rel=1e-9) and e.interval == pytest.approx((4 / 3, 4 / 3))
    assert [row.alpha for row in e.local] == pytest.approx([4 / 3] * 6)
    assert e.forecast[0] == pytest.approx(0, abs=1e-9) and e.one_number
    assert e.predict(e.x) == pytest.approx(np.exp(scan(4 / 3, noise=0.0).log_loss.mean(0)))


@pytest.mark.parametrize("prediction", [None, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("points", [2, 7])
def test_one_estimate_serves_every_question(prediction, points):
    """To judge what was estimated is what one step does, and the judged can be judged again."""
    losses, more = scan(1.0, points=points), Correction(0.02, 0.01, -0.02)
    found = estimate(losses, correction=more, replicates=50)
    asked = dict(prediction=prediction, sense="equal", tolerance=0.1, doubts=("late",))
    whole = exponent(losses, correction=more, replicates=50, **asked)
    for once in (judge(found, **asked), judge(judge(found, prediction=9.0), **asked)):
        for field in fields(Exponent):
            if field.name not in ("arrays", "curves"):
                assert repr(getattr(once, field.name)) == repr(getattr(whole, field.name))
    assert whole.doubts[0] == Doubt.LATE and not {"equal", "bound"} & set(found.tests)


def test_a_law_that_is_no_law_is_refused():
    with pytest.raises(ValueError, match="power, power"):
        exponent(scan(1.0), law="cubic")


def test_a_wrong_prediction_is_rejected_and_a_bound_below_agrees():
    s = scan(1.0, spread=0.03, noise=0.03, teachers=8)
    assert exponent(s, prediction=2.0).verdict == "contradicts"
    assert exponent(s, prediction=0.5).verdict == "agrees"
    assert exponent(s, prediction=0.5, sense="equal").verdict == "contradicts"
    assert exponent(s, prediction=1.0, sense="equal").verdict == "agrees"
    assert exponent(s, prediction=2.0).tests["bound"] < 0.01


def test_a_doubt_turns_a_contradiction_into_an_open_question():
    s = scan(1.0, noise=0.02, teachers=8)
    assert exponent(s, prediction=2.0).verdict == "contradicts"
    e = exponent(s, prediction=2.0, doubts=("under-trained",))
    assert (e.verdict, e.relation, e.doubts[0]) == ("undecided", "open", "under-trained")
    assert "train longer" in e.advice
    assert exponent(s, prediction=2.0, doubts=("saturated",)).verdict == "contradicts"


X10 = np.geomspace(60, 6000, 10)


@pytest.mark.parametrize(
    "change, direction",
    [
        (-0.1 * np.log(X10 / 60) ** 2, "rises"),
        (0.1 * np.log(X10 / 60) ** 2, "falls"),
    ],
    ids=["steepening", "flattening"],
)
def test_every_x_enters_and_a_bent_curve_is_told_as_one(change, direction):
    """Nothing is left out to make a law of a curve that is none; a claim over the range is judged,
    one about the limit is not."""
    own = Truth(1.0, 0.3, noise=0.03).simulate(X10, 5, 2, 1, np.random.default_rng(0))[0] + change
    s = Scan(X10, own, np.full(own.shape, 2), tuple("abcde"))
    e = exponent(s, prediction=3.0)
    assert e.x.tolist() == X10.tolist() and e.n == own.size
    assert e.shape == "bent" and e.shape.direction == direction and not e.one_number
    assert "bent" in e.doubts and e.verdict == "undecided" and "not-yet-asymptotic" in e.doubts
    jump = Scan(X10, own + np.where(X10 > 4000, 1.5, 0), s.count, s.groups)
    assert exponent(jump, prediction=1.0, sense="equal").verdict == "undecided"
    over = exponent(s, prediction=3.0, over="range")
    assert over.verdict == "contradicts" and "not-yet-asymptotic" not in over.doubts


def test_a_correction_is_a_reading_of_its_own_and_is_doubted_where_it_is_large():
    s = scan(1.0, noise=0.02, teachers=8)
    plain = exponent(s)
    small = exponent(s, correction=Correction(0.02, 0.01, -0.02))
    assert (small.alpha, small.interval) == (plain.alpha, plain.interval)
    assert small.doubts == plain.doubts
    trained = {r.name: r for r in small.readings}["with unlimited training"]
    assert trained.alpha == pytest.approx(plain.alpha + 0.02)
    claim = dict(prediction=1.0, sense="equal", tolerance=0.05)
    far = Correction(0.07, 0.001, -0.02)
    both = exponent(s, correction=far, **claim)
    assert exponent(s, **claim).verdict == "agrees" and both.verdict == "undecided"
    assert {"interval-too-wide", "readings-differ"} & set(both.doubts)
    assert "under-trained" in exponent(s, correction=Correction(0.2, 0.01, -0.02)).doubts
    assert "under-trained" in exponent(s, correction=Correction(0.0, 0.01, -0.2)).doubts
    assert "budget-flattens" in exponent(s, correction=Correction(-0.2, 0.01, 0.0)).doubts


@pytest.mark.parametrize("over", ["range", "limit"])
@pytest.mark.parametrize("seed", range(6))
def test_an_undecided_exponent_says_why(over, seed):
    """Whatever the scan: a reason is among the doubts, and a remedy in the advice."""
    rng = np.random.default_rng(seed)
    s = scan(
        1.0,
        noise=float(rng.choice([0.02, 0.3])),
        teachers=int(rng.choice([2, 4, 8])),
        floor=float(rng.choice([0, 0.05])),
        points=int(rng.choice([4, 7])),
        seed=seed,
    )
    for prediction in (0.5, 0.85, 1.0, 1.2, 3.0):
        e = exponent(s, prediction=prediction, sense="equal", over=over)
        if e.verdict == "undecided":
            assert e.doubts and e.advice
        else:
            assert not {"interval-too-wide", "not-yet-asymptotic"} & set(e.doubts)


@pytest.mark.parametrize("change, message", [
    ({"over": "all"}, "'range' or 'limit'"), ({"delta": 0.0}, "delta is 0"),
    ({"delta": np.nan}, "delta is nan"),
])  # fmt: skip
def test_a_bad_question_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        exponent(scan(1.0), prediction=1.0, **change)


def test_half_a_decade_decides_nothing_and_says_what_would():
    e = exponent(scan(1.0, decades=0.5, noise=0.15), prediction=1.0)
    assert e.verdict == "undecided" and "few-decades" in e.doubts
    assert "would decide" in e.advice or "widen" in e.advice


@pytest.mark.parametrize("level", [0.0, 0.1])
def test_flat_losses_have_no_exponent(level):
    s = scan(0.0, noise=level)
    assert exponent(s, prediction=1.0).verdict == "undecided"
    assert exponent(s).status != "converged"


def test_one_teacher_and_too_few_points_are_said():
    assert "one-teacher" in exponent(scan(1.0, teachers=1)).doubts
    assert exponent(scan(1.0, points=2)).status == "too-few-points"


def test_rescaling_x_or_the_loss_changes_nothing_but_the_units():
    s = scan(1.0, floor=1e-2, spread=0.05)
    moved = Scan(1e9 * s.x, s.log_loss + 7, s.count, s.groups)
    a, b = exponent(s), exponent(moved)
    assert a.interval == pytest.approx(b.interval, rel=1e-9) and a.doubts == b.doubts
    a, b = exponent(s, law="power+floor"), exponent(moved, law="power+floor")
    assert a.interval == pytest.approx(b.interval, rel=1e-6)
    assert a.intervals["profile"] == pytest.approx(b.intervals["profile"], rel=1e-4)
    assert b.parameters["floor"] == pytest.approx(np.exp(7) * a.parameters["floor"], rel=1e-5)


def test_teachers_that_differ_make_the_interval_long():
    e = exponent(scan(1.0, spread=0.3, noise=0.02))
    t, whole = (np.diff(e.intervals[name])[0] for name in ("teacher-t", "common"))
    assert e.tests["teachers"] < 0.01 and np.diff(e.intervals["percentile"])[0] < t
    assert np.diff(e.interval)[0] == pytest.approx(whole) and whole >= 0.9 * t


def test_the_line_across_dimensions_is_recovered():
    dims = (2, 3, 4, 6, 8)
    line = across(dims, [exponent(scan(4 / d, spread=0.05, seed=d)) for d in dims])
    assert line.slope_interval[0] < 4 < line.slope_interval[1]
    assert line.intercept_interval[0] < 0 < line.intercept_interval[1]
    exact = across(dims, [exponent(scan(4 / d, noise=0.0)) for d in dims])
    assert (exact.slope, exact.intercept) == pytest.approx((4, 0), abs=1e-5)


def test_bad_rows_are_refused_with_a_sentence():
    with pytest.raises(ScanError, match="row 1: loss is nan"):
        Scan.of([1, 2], [1, np.nan])
    with pytest.raises(ScanError, match="rows 0 and 1 both give"):
        Scan.of([1, 1], [1, 2], ["a", "a"], [0, 0])
    with pytest.raises(ScanError, match="equally long"):
        Scan.of([1, 2], [1])
