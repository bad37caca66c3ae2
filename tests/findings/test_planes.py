"""Phase maps from the store: every cell, the teachers that are complete, the two limits."""

import json

import numpy as np
import pytest
from simulated import rows

from lab.execution import plan
from lab.execution.store import Store
from lab.findings.answering import answers
from lab.findings.planes import phases
from lab.findings.shown import Shown

SIZES = [64, 128, 256, 512, 1024]


@pytest.fixture
def study(make_study):
    return make_study(
        regime="phase-map",
        student={"widths": [4, 6, 9, 14, 20]},
        task={"teacher": {"count": 3}},
        data={"sizes": SIZES},
        evidence={"share": 0.3},
    )


def law(run, _):
    data = 0.0 if run.size is None else 2.0 * run.size**-0.8
    return (1 + 0.1 * run.task.teacher) * (4.0 * run.N**-1.1 + data)


def test_the_plan_has_every_cell_and_the_scans_are_its_edges(study):
    runs = [p.run for p in study.plan if p.role == "scan"]
    assert len(runs) == 5 * (len(SIZES) + 1) * 3
    wide, data = study.scans
    assert (wide.regime, data.regime) == ("resolution-width", "resolution-data")
    assert {p.run for p in wide.plan} == {p.run for p in study.plan if p.run.size is None}
    assert {p.run for p in data.plan if p.role != "limit"} == {
        p.run for p in study.plan if p.run.size and p.run.student.widths == (20, 20)
    }
    limits = {p.run for p in data.plan if p.role == "limit" and p.factor == 1}
    assert len(limits) == 3 and limits < set(runs)
    checked = {p.run.task.teacher for p in study.plan if p.role == "budget"}
    assert len(checked) == 2 and {p.factor for p in study.plan if p.role == "budget"} == {0.5, 2}


def test_fresh_data_and_training_sets_do_not_train_in_one_group(study):
    for group in plan.groups(p.run for p in study.plan):
        assert len({size is None for _, size, _ in group.shapes}) == 1


def test_a_complete_store_gives_the_plane_and_its_laws(study, tmp_path):
    with Store.write(tmp_path / "s") as store:
        store.add(rows(study, law))
        told = plane, wide, data = answers(study, store)
    (found,) = plane.found("plane")
    assert not plane.points and not wide.found("plane")
    plane = found.plane
    assert plane.y.tolist() == SIZES and (np.diff(plane.x) > 0).all()
    assert plane.fresh.shape == (3, 5) and (plane.loss > plane.fresh[..., None]).all()
    n = plane.x[2]
    assert plane.loss[1, 2, 3] == pytest.approx(1.1 * (4.0 * n**-1.1 + 2.0 * 512**-0.8))
    (chinchilla,) = [j for j in found.joint if j.law == "chinchilla"]
    assert (chinchilla.alpha, chinchilla.beta) == pytest.approx((1.1, 0.8), rel=1e-3)
    assert wide.points[0].exponent.alpha == pytest.approx(1.1, rel=1e-3)
    (point,) = data.points
    assert point.setting.name == "width 20×20" and point.fitted.unit == "excess over unlimited data"
    assert point.exponent.alpha == pytest.approx(0.8, rel=1e-3)
    entry = json.loads(json.dumps(found.plain()))
    assert len(entry["share_of_data"]) == 5 and entry["joint"][0]["law"]
    assert any("which it has not seen" in s for s in Shown(told, "s").sentences)
    figure, caption = phases(found)
    assert len(figure.axes) == 3 and found.joint[0].law in caption


def test_a_teacher_with_a_hole_stays_out_and_is_counted(study, tmp_path):
    some = [r for p, r in zip(study.plan, rows(study, law), strict=True)
            if not (p.run.task.teacher == 1 and p.run.size == 256)]  # fmt: skip
    with Store.write(tmp_path / "s") as store:
        store.add(some)
        told = answers(study, store)
        (found,) = told[0].found("plane")
        assert (found.teachers, found.planned) == (2, 3)
        assert [str(doubt) for doubt in found.doubts] == ["unfinished"]
        said = Shown(told, "s").sentences
        assert any("2 of 3 teachers" in s for s in said)
        assert any(s.startswith("d = 2: unfinished: planned runs are missing") for s in said)


def test_an_empty_store_says_what_is_missing_and_other_regimes_have_no_map(
    study, make_study, tmp_path
):
    with Store.write(tmp_path / "s") as store:
        told = answers(study, store)
        (found,) = told[0].found("plane")
        assert found.plane is None and "every cell" in Shown(told, "s").sentences[0]
        assert phases(found)[1].startswith("Nothing")
        assert [one.found("plane") for one in answers(make_study(), store)] == [()]


def test_every_setting_has_the_sizes_of_its_own_networks(make_study, tmp_path):
    """N counts the coordinates of d: widths of d = 8 have other N than the same ones of d = 2."""
    study = make_study(
        regime="phase-map", data={"sizes": SIZES},
        student={"widths": [4, 6, 9, 14, 20], "activation": ["relu", "tanh"]},
        task={"manifold": {"dim": [2, 8]}},
    )  # fmt: skip
    with Store.write(tmp_path / "s") as store:
        store.add(rows(study, law))
        found = answers(study, store)[0].found("plane")
    assert [one.label for one in found] == [
        f"d = {d}, activation {name}" for d in (2, 8) for name in ("relu", "tanh")
    ]
    for one in found:
        sizes = {float(entry.run.N) for entry in one.entries}
        assert one.plane.x.tolist() == sorted(sizes) and not one.doubts
    for one in found[::2]:  # the other activation has the same losses
        (chinchilla,) = [j for j in one.joint if j.law == "chinchilla"]
        assert (chinchilla.alpha, chinchilla.beta) == pytest.approx((1.1, 0.8), rel=1e-3)
