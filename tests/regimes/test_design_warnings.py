"""What is certain beforehand is said beforehand, and what runs can still show is not."""

import pytest
from invocation import invoke

from lab.config import study
from lab.execution import plan
from lab.mistakes import StudyError
from lab.regimes import design_warnings
from lab.regimes.design_warnings import warnings_of
from lab.regimes.regime import Regime
from lab.scaling.judge.exponent import exponent as estimate
from lab.scaling.judge.verdict import Doubt
from lab.scaling.scans.scan import Scan

BASE = {
    "question": "Is it known beforehand?",
    "regime": "resolution-data",
    "task": {"manifold": {"dim": 2}, "teacher": {"count": 4}},
    "student": {"widths": 8},
    "data": {"sizes": [128, 256, 512, 1024, 2048]},
    "prediction": {"exponent": "3/d"},
}


def doubts(**changes):
    return [str(f.doubt) for f in warnings_of(study.of_tables({**BASE, **changes}))]


def test_a_good_design_has_no_doubt():
    assert doubts() == []


@pytest.mark.parametrize("changes, doubt", [
    ({"data": {"sizes": [128, 256, 512, 2048]}}, "few-sizes"),
    ({"data": {"sizes": [128, 200, 300, 500, 1000]}}, "few-decades"),
    ({"task": {"manifold": {"dim": 2}, "teacher": {"count": 1}}}, "one-teacher"),
    ({"evidence": {"share": 0}}, "unchecked"),
    ({"student": {"kind": "nearest"}, "task": {"manifold": {"dim": 5}}}, "coarse"),
    ({"regime": "resolution-width", "data": ..., "student": {"widths": [4, 12, 24, 48, 96]}},
     "saturated"),
    ({"prediction": {"exponent": "4/d"}}, "rough-target"),
])  # fmt: skip
def test_each_weakness_of_a_design_is_told_with_its_remedy(changes, doubt):
    tables = {key: value for key, value in {**BASE, **changes}.items() if value is not ...}
    (found,) = warnings_of(study.of_tables(tables))
    assert found.doubt == doubt and found.doubt.remedy in str(found)


def test_a_target_without_randomness_needs_no_second_teacher():
    sphere = {"manifold": {"kind": "sphere", "dim": 1}}
    ridges = {"kind": "ridges", "units": [8, 12, 20, 40, 80]}
    scan = {"regime": "resolution-width", "data": ..., "student": ridges}
    told = []
    for teacher in ({"signs": "one"}, {"signs": "random", "units": 1024, "count": 1}):
        tables = {**BASE, **scan, "task": sphere | {"teacher": {"kind": "ridges", **teacher}}}
        tables = {key: value for key, value in tables.items() if value is not ...}
        told.append([one.doubt for one in warnings_of(study.of_tables(tables))])
    assert told == [[], ["one-teacher"]]


@pytest.mark.parametrize("sizes", [[128, 256, 512], [128, 200, 300, 500, 1000], [128, 2048, 4096]])
@pytest.mark.parametrize("count", [1, 4])
def test_what_is_foreseen_of_x_and_teachers_is_what_the_losses_are_doubted_for(sizes, count):
    task = {"manifold": {"dim": 2}, "teacher": {"count": count}}
    foretold = set(doubts(data={"sizes": sizes}, task=task))
    x = [D for D in sizes for _ in range(count)]
    found = estimate(
        Scan.of(x, [3.0 / D * (1 + 0.01 * (k % 3)) for k, D in enumerate(x)],
                [k for _ in sizes for k in range(count)]),
        prediction=1.0,
    )  # fmt: skip
    of_design = {Doubt.FEW_SIZES, Doubt.FEW_DECADES, Doubt.ONE_TEACHER}
    assert foretold == {str(doubt) for doubt in found.doubts if doubt in of_design}


def test_check_and_plan_tell_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert invoke("init", "s.toml", "--preset", "width-exponent-small").exit_code == 0
    short = ("--set", "student.widths=[6, 8, 11]")
    for verb in ("check", "plan"):
        said = invoke(verb, "s.toml", *short).stdout
        assert "few-decades" in said and "widen the range of x" in said
    assert "few-decades" not in invoke("plan", "s.toml", "--json", *short).stdout


def test_very_many_runs_are_counted_without_building_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    invoke("init", "s.toml", "--preset", "width-exponent-small")
    monkeypatch.setattr(Regime, "plan", property(lambda self: pytest.fail("a plan was built")))
    said = invoke("check", "s.toml", "--set", "task.teacher.count=160000").stdout
    assert "fine. 9 600 000 runs, besides limits and checks." in " ".join(said.split())
    monkeypatch.setattr(plan, "memory_available", lambda: (2.0**30, "its control group"))
    with pytest.raises(StudyError, match="the plan of 9 600 000 runs needs 17.9 GiB, and its con"):
        invoke("check", "s.toml", "--set", "task.teacher.count=160000")


@pytest.mark.parametrize("groups, files, room_there", [
    ("0::/a/b\n", {"a/memory.max": "4096"}, 4096),
    ("0::/a/b\n", {"a/memory.max": "4096", "a/b/memory.max": "max\n"}, 4096),
    ("0::/a/b\n", {"a/memory.max": "4096", "a/b/memory.max": "1024"}, 1024),
    ("0::/../x\n", {"memory.max": "512"}, 512),  # a container that does not see its path
    ("5:cpu:/c\n4:memory,x:/c\n0::/\n", {"memory/c/memory.limit_in_bytes": "2048"}, 2048),
    ("4:memory:/c\n", {"memory/memory.limit_in_bytes": str(2**63 - 4096)}, None),
    ("nonsense\n", {}, None),
    ("", {}, None),
])  # fmt: skip
def test_memory_is_what_the_control_groups_leave(tmp_path, groups, files, room_there):
    for name, text in files.items():
        (tmp_path / "fs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "fs" / name).write_text(text)
    (tmp_path / "here").write_text(groups)
    found, whose = plan.memory_available(tmp_path / "fs", tmp_path / "here")
    if room_there is None:
        assert found > 2**28 and whose == "this machine"
    else:
        assert (found, whose) == (room_there, "its control group")


def test_what_does_not_fit_is_refused_with_the_bytes():
    found = study.of_tables({**BASE, "student": {"widths": [100]}})
    assert not [*plan.memory_refusals(found, room=2**30)]
    (sentence,) = plan.memory_refusals(found, room=2**10)
    assert "this machine has 9.54e-07 GiB" in sentence
    with pytest.raises(StudyError, match="GiB"):
        plan.check_memory(study.of_tables({**BASE, "student": {"widths": [10**6]}}))


# ---- power ----


@pytest.mark.parametrize("dof", [1, 2, 3, 4, 7, 15])
def test_students_quantile_is_scipys(dof):
    from scipy import stats

    assert design_warnings._quantile(dof) == pytest.approx(stats.t.ppf(0.975, dof), rel=1e-9)


@pytest.mark.parametrize("sense, teachers", [("equal", 4), ("equal", 10), ("bound", 6)])
def test_the_power_is_that_of_simulated_scans(make_study, sense, teachers):
    """To .1: the simulation knows noise in common and bends besides, and has an error of .03."""
    from lab.findings import calibrated
    from lab.scaling.judge.calibration import calibrate

    changes = {"student": {"widths": [4, 6, 8, 12, 17, 24, 34], "seeds": 2},
               "task": {"manifold": {"dim": [4]}, "teacher": {"count": teachers}},
               "prediction": {"exponent": 1.0, "tolerance": 0.2, "sense": sense}}  # fmt: skip
    study = make_study(**changes)
    (plan,) = calibrated.designs(study)
    found = calibrate(plan, calibrated.assumed(1.0), scans=300, seed=0, ratios=())
    low, high = design_warnings.power(study)
    assert low == high == pytest.approx(found.verdicts["agrees"], abs=0.1)


def test_no_power_is_told_where_a_floor_is_fitted_or_one_teacher_is_planned(make_study):
    assert design_warnings.power(make_study(task={"noise": 0.1})) is None
    assert design_warnings.power(make_study(task={"teacher": {"count": 1}})) is None
