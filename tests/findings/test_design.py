"""Designs of a study: exactly its points, from the plan alone, and truths that match the store."""

import numpy as np
import pytest
from simulated import power, rows

from lab.config import study as studies
from lab.execution.store import Store
from lab.findings import answering as answers
from lab.findings import calibrated as designs
from lab.mistakes import StudyError
from lab.scaling.judge.calibration import calibrate

WIDE = {
    "student": {"widths": [4, 6, 8, 12, 17, 24, 34], "seeds": 2},
    "task": {"manifold": {"dim": [2, 4]}, "teacher": {"count": 6, "widths": [96, 96]}},
    "evidence": {"share": 0.1},
}


@pytest.fixture
def answered(make_study, tmp_path):
    """A study and the points of its answer, from simulated rows if a law is given."""

    def answer(law=None, changes=WIDE, **simulation):
        study = make_study(**changes)
        with Store.write(tmp_path) as store:
            if law:
                store.add(rows(study, law, **simulation))
            return study, answers.answer(study, store).points

    return answer


@pytest.mark.parametrize(
    "changes, size, teachers, seeds",
    [
        ({}, 7, 6, 2),
        ({"student": {"seeds": 5}, "evidence": {"share": 1.0}}, 7, 6, 5),
        (
            {
                "regime": "resolution-data",
                "data": {"sizes": [512, 256, 1024, 2048]},
                "student": {"widths": [8, 16]},
            },
            4,
            6,
            2,
        ),
        ({"task": {"noise": [0.0, 0.1], "teacher": {"bias": [0.0, 1.0]}}}, 7, 6, 2),
        ({"student": {"activation": ["relu", "tanh"]}}, 7, 6, 2),
    ],
)
def test_a_design_is_what_the_plan_scans(answered, changes, size, teachers, seeds):
    merged = {
        key: {**WIDE.get(key, {}), **value} if isinstance(value, dict) else value
        for key, value in {**WIDE, **changes}.items()
    }
    if "task" in changes:
        merged["task"] = {
            **WIDE["task"],
            "noise": [0.0, 0.1],
            "teacher": {**WIDE["task"]["teacher"], "bias": [0.0, 1.0]},
        }
    study, points = answered(changes=merged)
    found = designs.designs(study)
    assert len(found) == len(points)
    for design, point in zip(found, points, strict=True):
        assert (design.x.size, design.teachers, design.seeds) == (size, teachers, seeds)
        assert design.prediction == point.prediction and (np.diff(design.x) > 0).all()
    everything = {study.x(p.run) for p in study.plan if p.role == "scan"}
    assert set(np.concatenate([d.x for d in found])) == everything


def test_a_design_fits_the_law_that_the_answer_fits(answered, make_study):
    (design, _) = designs.designs(answered()[0])
    assert design.law == "power" and design.counts.shape == (2, 7)
    np.testing.assert_array_equal(design.counts[design.declared], design.x)
    (noisy, _) = designs.designs(make_study(**{**WIDE, "task": {**WIDE["task"], "noise": 0.1}}))
    assert noisy.law == "power+floor"
    exact = {"regime": "resolution-data", "data": {"sizes": [64, 128, 256, 512]}}
    nearest = make_study(**exact).model_dump(by_alias=True, exclude_unset=True)
    nearest = {k: v for k, v in nearest.items() if k not in ("training", "evidence", "student")}
    found = studies.validate({**nearest, "student": {"kind": "nearest"}})
    assert designs.designs(found)[0].law == "power"
    drawn = {
        **nearest,
        "regime": "variance-data",
        "data": {"sizes": [64, 128, 256], "draws": 9},
        "student": {"kind": "random-features", "count": 8},
        "prediction": {"exponent": 1},
    }
    (mean,) = designs.designs(studies.validate(drawn))
    assert (mean.law, mean.seeds) == ("power", 1)  # nine draws have one mean


def test_alternatives_are_formulas_and_may_be_undefined_at_a_point(answered):
    study, _ = answered(changes={**WIDE, "task": {**WIDE["task"], "manifold": {"dim": [1, 4]}}})
    one, four = designs.designs(study, ("3/(d-1)", "2/d"))
    assert one.alternatives == {"4/d": 4.0, "2/d": 2.0}
    assert four.alternatives == {"4/d": 1.0, "3/(d-1)": 1.0, "2/d": 0.5}
    assert all("1/0" not in d.alternatives for d in designs.designs(study, ("1/0",)))
    for text, message in (("3/q", "unknown symbol"), ("2a", "does not have")):
        with pytest.raises(StudyError, match=message):
            designs.designs(study, (text,))


def test_without_results_the_truth_is_the_prediction(answered):
    study, points = answered()
    for case in designs.cases(study, points):
        alpha = case.design.prediction
        assert case.source == "prediction" and case.truth == designs.assumed(alpha)
        assert case.truth.spread == pytest.approx(0.1 * alpha)


def test_with_results_the_truth_is_the_fit(answered):
    study, points = answered(power(lambda d: 3 / d, 1e-5), noise=0.1)
    for case, point in zip(designs.cases(study, points), points, strict=True):
        assert case.source == "fit" and case.truth.alpha == point.exponent.alpha
        assert case.truth.noise == pytest.approx(0.1, rel=0.4)
        # c_k has the geometric mean 1 up to exp(±0.3)
        first = case.design.x[0] ** (-3 / point.dim)
        assert case.truth.first == pytest.approx(first, rel=0.5)
    changed = designs.cases(study, points, changes={"floor": 0.5, "noise": 0.0})
    assert {(c.truth.floor, c.truth.noise) for c in changed} == {(0.5, 0.0)}


def test_the_fit_of_a_part_reaches_back_to_the_smallest_x_of_the_design(make_study, tmp_path):
    study, larger = (
        make_study(**{**WIDE, "student": {"widths": widths, "seeds": 2}})
        for widths in ([4, 8, 12, 17, 24, 34, 48], [12, 17, 24, 34, 48])
    )
    with Store.write(tmp_path) as store:
        store.add(rows(larger, power(1.0), noise=0.01))
        case, _ = designs.cases(study, answers.answer(study, store).points)
    assert case.source == "fit" and case.design.x.size == 7
    assert case.truth.first == pytest.approx(1 / case.design.x[0], rel=0.5)


def test_a_fit_that_may_not_be_used_is_no_truth(answered):
    study, points = answered(lambda run, x: 0.3, noise=0.01)
    assert {p.exponent.status for p in points} == {"flat"}
    assert {c.source for c in designs.cases(study, points)} == {"prediction"}


def test_given_exponents_are_cases_of_their_own(answered):
    study, points = answered(power(1.0), noise=0.1)
    found = designs.cases(study, points, alphas=("1", "2/d"))
    assert [(c.point.dim, c.truth.alpha, c.source) for c in found] == [
        (2, 1.0, "given"),
        (2, 1.0, "given"),
        (4, 1.0, "given"),
        (4, 0.5, "given"),
    ]
    for text, message in (("4-2d", "the value 0 at d = 2"), ("1/(d-4)", "the value -0.5 at d = 2")):
        with pytest.raises(StudyError, match=message):
            designs.cases(study, points, alphas=(text,))


def test_the_fitted_truth_gives_back_the_scatter_it_was_fitted_to(make_study, tmp_path):
    """Simulated scans of the fitted truth are fitted with the exponent of that truth."""
    study = make_study(**WIDE)
    with Store.write(tmp_path) as store:
        store.add(rows(study, power(lambda d: 4 / d), noise=0.1))
        points = answers.answer(study, store).points
    for case in designs.cases(study, points):
        found = calibrate(case.design, case.truth, scans=200, seed=0)
        assert abs(found.bias) < 0.05 * case.truth.alpha
        lo, hi = case.point.exponent.interval
        assert found.width["quoted"] == pytest.approx(hi - lo, rel=0.7)


def test_json_has_no_infinities_and_no_power_against_the_truth(answered):
    study, points = answered()
    case = designs.cases(study, points, alternatives=("1",))[1]
    found = designs.as_json(case, calibrate(case.design, case.truth, scans=20, seed=0))
    assert found["dim"] == 4 and "setting" not in found
    assert found["alternatives"] == {
        "4/d": {"exponent": 1.0, "power": None},
        "1": {"exponent": 1.0, "power": None},
    }


def test_a_study_of_d_1_alone_has_no_rivals_that_are_infinite_there(answered):
    study, points = answered(changes={**WIDE, "task": {**WIDE["task"], "manifold": {"dim": [1]}}})
    (one,) = designs.designs(study, ("3/(d-1)", "2/d"))
    assert one.alternatives == {"4/d": 4.0, "2/d": 2.0}
