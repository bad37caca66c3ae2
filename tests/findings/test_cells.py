"""What is fitted: excess over the loss on unlimited data, and sizes by every count."""

from collections import Counter

import numpy as np
import pytest
from simulated import power, rows

from lab.config import study as studies
from lab.execution.store import Store
from lab.findings import answering as answers
from lab.findings.shown import Shown
from lab.findings.study_results import cells_of, scan_of
from lab.kinds.student import StudentSpec
from lab.mistakes import StudyError

BY_DATA = {
    "regime": "resolution-data",
    "task": {"manifold": {"dim": [2]}, "teacher": {"count": 4, "widths": [96, 96]}},
    "student": {"widths": [8, 16], "seeds": 2},
    "data": {"sizes": [64, 128, 256, 512, 1024, 2048]},
    "prediction": {"exponent": "2/d"},
    "evidence": {"share": 0.5},
}


@pytest.fixture
def by_data(make_study, tmp_path):
    """Study, cells and answer of L(D) = c D^−1 + the loss of the student on unlimited data."""

    def answered(*, floor=1e-4, keep=lambda p: True, changes=None, **simulation):
        study = make_study(**{**BY_DATA, **(changes or {})})
        with Store.write(tmp_path) as store:
            law = power(1.0, floor)
            store.add([r for p, r in zip(study.plan, rows(study, law, **simulation), strict=True)
                       if keep(p)])  # fmt: skip
            return study, cells_of(study, store), answers.answer(study, store).points

    return answered


def test_the_loss_on_unlimited_data_is_taken_off_teacher_by_teacher(by_data):
    study, found, points = by_data()
    counts = Counter(p.factor for p in study.plan if p.role == "limit")
    assert counts == {1: 4 * 2 * 2, 0.5: 2 * 2 * 2, 2: 2 * 2 * 2}  # teachers, students, seeds
    assert {len(cells.limits[1]) for cells in found.values()} == {8} and len(points) == 2
    for cells, point in zip(found.values(), points, strict=True):
        assert point.fitted.unit == "excess over unlimited data" and point.exponent.law == "power"
        assert point.exponent.alpha == pytest.approx(1, abs=1e-6) and point.verdict == "agrees"
        assert point.runs.done == 4 * 6 * 2 and len(point.fitted.rows) == 4 * 6
        values = study.reading(cells.scan, cells.limit())
        c = {k: np.exp(0.3 * np.sin(7.0 * k + 2)) for k in range(4)}
        for x, value, k in zip(values.x, values.value, values.teacher, strict=True):
            assert value == pytest.approx(c[k] / x, rel=1e-6)


@pytest.mark.parametrize("status", ["missing", "diverged"])
def test_a_limit_that_is_not_there_is_unmeasured_and_the_losses_are_fitted(by_data, status):
    def lost(run):
        return run.size is None and run.task.teacher == 1 and run.student.widths[0] == 8

    kept = {"keep": lambda p: not lost(p.run)} if status == "missing" else {"diverge": lost}
    _, _, (small, large) = by_data(floor=3e-4, **kept)
    assert "limit-unmeasured" in small.doubts and small.fitted.unit == "relative loss"
    assert small.exponent.alpha < 0.97 and small.verdict == "undecided"
    assert "limit-unmeasured" not in large.doubts and large.verdict == "agrees"


def test_a_limit_that_makes_up_the_loss_or_exceeds_it_is_a_doubt(by_data):
    _, _, points = by_data(floor=0.01)  # of .01 + .0005 at the largest D
    assert all("floor" in p.doubts and p.verdict == "undecided" for p in points)
    _, _, points = by_data(floor=0.01, noise=0.2)
    assert all("excess-unresolved" in p.doubts and p.verdict == "undecided" for p in points)
    assert all(row[1] > 0 for p in points for row in p.fitted.rows)


def test_noisy_targets_and_exact_students_have_no_measured_limit(by_data, make_study):
    noisy = {"task": {**BY_DATA["task"], "noise": 0.1}}
    study, _, points = by_data(changes=noisy)
    assert not study.measures_limit and "limit" not in {p.role for p in study.plan}
    assert {p.exponent.law for p in points} == {"power+floor"}


def student(*widths):
    return StudentSpec("mlp", widths, "relu", "standard", 2.0, 0.5, "standardised")


@pytest.mark.parametrize("widths, lead, order", [
    ((7,), 3 * 7 + 7 + 7, 1),  # all but the output bias
    ((7, 7), 49, 2),
    ((5, 11), 55, 2),
    ((7, 7, 7), 98, 2),
    ((4, 6, 10), 24 + 60, 2),
])  # fmt: skip
def test_leading_terms_by_hand(widths, lead, order):
    assert student(*widths).leading(3, 1) == (lead, order)
    two = student(*widths).leading(3, 2)[0]
    assert two == lead + (widths[0] if len(widths) == 1 else 0)


WIDE = {"task": {"manifold": {"dim": [2]}, "teacher": {"count": 4, "widths": [96, 96]}},
        "evidence": {"share": 0.5}}  # fmt: skip
LAYERS = {
    "one": {"widths": [8, 16, 32, 64, 128, 256], "depth": 1},
    "two": {"widths": [4, 6, 9, 14, 20, 30], "depth": 2},
    "three": {"widths": [4, 6, 9, 14, 20, 30], "depth": 3},
    "unequal": {"widths": [[4, 6], [6, 8], [8, 14], [14, 20], [20, 30]]},
}


@pytest.mark.parametrize("size", ["N", "hidden", "width"])
@pytest.mark.parametrize("layers", LAYERS)
def test_every_count_of_size_is_carried_along(make_study, tmp_path, layers, size):
    changes = {**WIDE, "student": LAYERS[layers], "scan": {"size": size}}
    if (layers, size) == ("unequal", "width"):
        with pytest.raises(StudyError, match="no one width"):
            make_study(**changes)
        return
    study = make_study(**changes)
    with Store.write(tmp_path) as store:
        store.add(rows(study, power(0.9)))
        (cells,) = cells_of(study, store).values()
    runs = [run for run, _ in cells.scan]
    scan = scan_of(study, study.losses(cells.scan), runs)
    assert study.axis.symbol == {"N": "N", "hidden": "N_h", "width": "w"}[size]
    shapes = {study.x(run): run for run in runs}
    order = 1 if layers == "one" else 2
    for x, by_lead, by_N in zip(scan.x, scan.counts[0], scan.counts[-1], strict=True):
        lead, N = shapes[x].student.leading(2, 1)[0], shapes[x].N
        assert x == {"N": N, "hidden": lead, "width": shapes[x].student.widths[0]}[size]
        power_of = order if size == "width" else 1
        assert (by_N / by_lead) ** power_of == pytest.approx(N / lead)
    assert np.allclose(scan.counts[scan.declared], scan.x)


@pytest.mark.parametrize("layers, order", [("one", 1), ("two", 2)])
def test_a_prediction_is_of_N_and_stands_for_its_order_in_the_width(
    make_study, tmp_path, layers, order
):
    study = make_study(**WIDE, student=LAYERS[layers], scan={"size": "width"})
    with Store.write(tmp_path) as store:
        store.add(rows(study, power(2.0 * order)))
        answer = answers.answer(study, store)
    (point,) = answer.points
    assert point.prediction == 2.0 * order and point.exponent.alpha == pytest.approx(2 * order)
    entry = Shown((answer,), "s").document(complete=False)["points"][0]["alpha_by_size"]
    assert entry["hidden"]["value"] == pytest.approx(2, rel=0.05)
    assert entry["N"]["value"] > 0.99 * entry["hidden"]["value"]


def test_students_of_one_size_are_refused_under_the_size_that_is_scanned(make_study):
    same = {"student": {"widths": [[4, 6], [6, 4], [8, 8]]}}
    assert make_study(**WIDE, **same).axis.symbol == "N"
    with pytest.raises(StudyError, match=r"both have N_h = 24"):
        make_study(**WIDE, **same, scan={"size": "hidden"})


def test_a_scan_over_data_has_one_size_only(make_study):
    with pytest.raises(StudyError, match='it belongs to regime = "resolution-width"'):
        make_study(**BY_DATA, scan={"size": "hidden"})
    with pytest.raises(StudyError, match='it belongs to regime = "resolution-width"'):
        studies.validate(
            {
                "question": "?",
                "regime": "resolution-data",
                "scan": {"size": "N"},
                "task": {"manifold": {"kind": "cube", "dim": 2}},
                "student": {"kind": "nearest"},
                "data": {"sizes": [32, 64, 128]},
            }
        )
