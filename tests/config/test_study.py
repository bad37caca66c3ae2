"""Study files: every mistake at once as a sentence, grids as products, runs as identities."""

import json
from dataclasses import replace

import pytest

from lab.config import study
from lab.execution import plan
from lab.mistakes import StudyError
from lab.students import solvers

GOOD = """
schema = 1
question = "Does it?"
regime = "resolution-width"
[task]
manifold = { kind = "cube", dim = [2, 3] }
teacher = { widths = [[8, 8], [16]], count = 3, bias = [0.0, 0.5] }
[student]
widths = [4, 8, 16]
seeds = 2
[training]
steps = 100
"""


def write(tmp_path, text):
    file = tmp_path / "s.toml"
    file.write_text(text)
    return file


def mistakes(tmp_path, text, *overrides):
    with pytest.raises(StudyError) as caught:
        study.read(write(tmp_path, text), overrides)
    return caught.value.mistakes


def test_the_grid_is_the_product(tmp_path):
    found = study.read(write(tmp_path, GOOD))
    scan = [p for p in found.plan if not p.check]
    assert len(scan) == 2 * 2 * 2 * 3 * 3 * 2  # dims, teacher shapes, biases, k, widths, seeds
    assert len({p.run for p in found.plan}) == len(found.plan)
    assert {p.run.student.widths for p in scan} == {(4, 4), (8, 8), (16, 16)}


def test_N_counts_every_trainable_number(make_study):
    run = make_study(student={"widths": [3, 4, [5, 7]]}).plan[2].run
    assert run.student.widths == (5, 7)
    assert run.N == (2 * 5 + 5) + (5 * 7 + 7) + (7 + 1)


def test_all_mistakes_at_once_with_line_and_remedy(tmp_path):
    text = GOOD.replace('"cube"', '"cubr"').replace("seeds", "sedes").replace("100", '"x"')
    found = mistakes(tmp_path, text)
    assert len(found) == 3
    assert "s.toml:6" in found[0] and "did you mean 'cube'" in found[0]
    assert "s.toml:10" in found[1] and "did you mean 'seeds'" in found[1]
    assert "s.toml:12" in found[2] and "wrong type" in found[2]


@pytest.mark.parametrize(
    "override, words",
    [
        ("task.manifold.dim=[]", "empty grid"),
        ("task.manifold.dim=[0]", "out of range"),
        ("student.widths=[-3, 4, 5]", "out of range"),
        ("student.widths=[4, 8]", "at least three"),
        ("training.preset='adm'", "did you mean"),
        ("task.embedding={kind='linear', ambient=2}", "take ambient ≥ 3"),
        ("task.loss='power'", "needs it"),
        ("task.loss='kl'", "at least 2"),
        ("prediction.exponent='4/q'", "unknown symbol 'q'"),
        ("prediction.exponent='4/'", "prediction.exponent"),
        ("prediction.tolerance=2", "out of range"),
        ("data.sizes=[1,2,3]", '"resolution-data"'),
        ("training.schedule='step'", "belong together"),
        ("training.checkpoints='log'", "give \"last\""),
        ("training.checkpoints='log:0'", "give \"last\""),
        ("training.checkpoints='log:900000'", "take at most that many"),
        ("training.checkpoints=[0, 3]", "out of range"),
        ("training.checkpoints=[]", "leave it out"),
        ("training.checkpoints=[3, 2]", "does not increase"),
        ("training.checkpoints=[3, 999999]", "beyond the last step"),
        ("training.stopping='first'", "best"),
        ("training.branch_from=30", "leaves a constant rate"),
        ("nonsense", "key=value"),
    ],
)
def test_each_mistake_is_a_sentence(tmp_path, override, words):
    found = mistakes(tmp_path, GOOD, override)
    assert any(words in m for m in found), found


def test_data_regime_wants_sizes_and_batches_that_fit(tmp_path):
    text = GOOD.replace("resolution-width", "resolution-data")
    assert any("sizes" in m for m in mistakes(tmp_path, text))
    found = mistakes(tmp_path, text, "data.sizes=[64, 256, 1024]")
    assert any("more than the training set" in m for m in found)


@pytest.mark.parametrize("text", ["schema = ", "", "question = 3"])
def test_not_a_study(tmp_path, text):
    assert mistakes(tmp_path, text)


def test_a_missing_file_names_the_remedy(tmp_path):
    with pytest.raises(StudyError, match="lab init"):
        study.read(tmp_path / "none.toml")


def test_fingerprint_changes_with_every_setting_and_with_nothing_else(make_study):
    run = make_study().plan[0].run
    assert run.fingerprint() == replace(run).fingerprint()
    changed = [
        replace(run, seed=1), replace(run, root=1), replace(run, size=8),
        replace(run, task=replace(run.task, noise=0.1)),
        replace(run, training=run.training.scaled(2.0)),
        replace(run, student=replace(run.student, bias=0.1)),
        replace(run, start=1), replace(run, round=1), replace(run, start=1, round=1),
        *(replace(run, training=replace(run.training, **recipe)) for recipe in (
            {"checkpoints": (3,)}, {"stopping": "last"}, {"branch_from": 5})),
    ]  # fmt: skip
    assert len({r.fingerprint() for r in (run, *changed)}) == 13
    assert len({run, *changed}) == 13
    for other in changed:
        text = other.canonical()
        assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))


@pytest.mark.parametrize(
    "given, steps",
    [("last", ()), ([100], ()), ("log:1", ()), (7, (7,)), ([7, 50], (7, 50)),
     ("log:4", (1, 5, 22, 100))],
)  # fmt: skip
def test_checkpoints_are_steps_that_stretch_with_the_budget(make_study, given, steps):
    recipe = make_study(training={"steps": 100, "checkpoints": given}).recipe
    assert recipe.checkpoints == steps
    assert recipe.scaled(2.0).checkpoints == tuple(2 * s for s in steps)
    assert recipe.slowed(2.0).checkpoints == tuple(2 * s for s in steps)
    assert recipe.at_rate(2.0).checkpoints == steps
    assert set(recipe.scaled(0.01).checkpoints) <= {1}


def test_coordinates_are_known_without_training(make_study):
    """Of a network on fresh data, on a training set, at its last step and at an earlier one."""
    given = {"steps": 100, "batch": 10, "polish": 2, "polish_batch": 64}
    run = make_study(student={"widths": [3, 4, 5]}, training=given).plan[0].run
    weights = 2 * 3 + 3 * 3 + 3
    flops = 4 * 2 * 3 + 6 * (3 * 3 + 3)
    assert run.coordinates == {
        "d": 2, "N": weights + 3 + 3 + 1, "hidden": 9, "width": 3, "units": 6, "D": None,
        "S": 102, "samples": 1000 + 256, "labels": 1064, "C": flops * 1256, "batch": 10,
        "candidates": None,
    }  # fmt: skip
    early = run.coordinates_at(40)
    assert (early["S"], early["samples"], early["labels"], early["C"]) == (
        40,
        400,
        400,
        flops * 400,
    )
    on_sets = make_study(regime="resolution-data", student={"widths": [3]},
                         data={"sizes": [32, 64, 128]}, training={"batch": 8})  # fmt: skip
    of_set = on_sets.plan[0].run
    assert (of_set.coordinates["D"], of_set.coordinates_at(3)["labels"]) == (32, 32)
    pooled = replace(run, training=replace(run.training, pool=777, polish=0))
    assert pooled.coordinates["labels"] == 777


def test_a_group_costs_what_its_runs_do(make_study):
    """One formula, put on the kind, for the plan's bill and for the coordinate C."""
    found = make_study(training={"steps": 100})
    for group in plan.groups(p.run for p in found.plan):
        learned = sum(run.coordinates["C"] for run in group.runs())
        labels = solvers.label_flops(group) * len(group.teachers)
        assert solvers.of(group).flops(group) == pytest.approx(learned + labels)


def test_golden_fingerprint(make_study):
    """Stored results are found by this number. It may change only together with
    PHYSICS_VERSION, or when a field is added to a run: then old stores are trained anew."""
    expected = "19d8b17050fb7188"
    assert make_study().plan[0].run.fingerprint()[:16] == expected


def test_a_longer_grid_keeps_every_run(make_study):
    def runs(**changes):
        plan = make_study(evidence={"share": 0.3}, **changes).plan
        return {p.run for p in plan if p.role in ("scan", "budget")}

    more = runs(student={"widths": [3, 4, 5, 6]}, task={"manifold": {"dim": [2, 3]}})
    assert runs() < more


def test_product_manifold_predicts_by_its_largest_factor(make_tables):
    factors = [{"kind": "cube", "dim": 3}] * 3
    tables = make_tables(prediction={"exponent": "4/max(d)"})
    tables["task"] = {"manifold": {"kind": "product", "factors": factors}}
    found = study.validate(tables)
    task = found.plan[0].run.task
    assert task.dim == 9 and found.predicted(task) == pytest.approx(4 / 3)


EXACT = """
schema = 1
question = "Does it?"
regime = "resolution-data"
[task]
manifold = { kind = "sphere", dim = [2, 3] }
teacher = { kind = "field", covariance = "matern", nu = [0.5, 1.5], count = 3 }
[student]
kind = "kernel"
kernel = "matern"
nu = [0.5, 1.5]
[data]
sizes = [64, 128, 256]
[prediction]
exponent = "kernel(teacher, student)"
sense = "equal"
"""


def test_an_exact_study_is_a_product_of_settings_too(tmp_path):
    found = study.read(write(tmp_path, EXACT))
    assert len(found.plan) == 2 * 2 * 2 * 3 * 3  # d, both nu, sizes, k; one seed, no evidence
    for p in found.plan:
        nu = dict(p.run.task.covariance[1])["nu"]
        assert found.predicted(p.run.task, p.run.student) == pytest.approx(2 * nu / p.run.task.dim)
        assert p.run.N == p.run.size
    assert len({p.run.fingerprint() for p in found.plan}) == len(found.plan)
    assert len({found.setting(p.run) for p in found.plan}) == 8


@pytest.mark.parametrize(
    "override, words",
    [
        ("student.kernel='mattern'", "did you mean 'matern'"),
        ("student.nus=1", "did you mean 'nu'"),
        ("student.depth=2", "unknown setting of matern kernels 'depth'"),
        ("student.seeds=3", "nothing is random"),
        ("student={kind='mlp', widths=8}", "'field'|exact students, not networks"),
        ("student={kind='simplex', inputs='raw', domain='cube'}", "unknown domain 'cube'"),
        ("student={kind='simplex', domain='sphere'}", "inputs = \"raw\""),
        ("student={kind='random-features', count=0}", "out of range"),
        ("training.steps=10", "leave it out"),
        ("evidence.share=0.1", "leave it out"),
        ("task.loss='power'", "needs it"),
        ("task.teacher={kind='field'}", "task.teacher.covariance: is missing"),
        ("task.teacher={kind='field', covariance='matern', depth=2}", "unknown setting of matern"),
        ("task.teacher={kind='network', nu=0.5}", 'belongs to kind = "field"'),
        ("task.manifold={kind='spectral', a=1.5, modes=9}", "takes 'a', 'b' and 'modes'"),
        ("data.sizes=[64, 128, 13000]", "take D ≤ 12288"),
        ("data.draws=3", 'belongs to regime = "variance-data"'),
        ("prediction.rivals=['3/(d-']", "prediction.rivals"),
        ("prediction.exponent='min(a-1, 2b)'", "which this study does not have"),
        ("regime='resolution-width'", "data: unknown key 'data' here"),
        ("regime='variance-data'", "data.draws: is missing"),
        ("regime='variance-width'", "networks with a limit"),
    ],
)
def test_each_mistake_of_an_exact_study_is_a_sentence(tmp_path, override, words):
    found = mistakes(tmp_path, EXACT, override)
    assert any(word in m for m in found for word in words.split("|")), found


@pytest.mark.parametrize(
    "student, task, words",
    [
        ("{kind='kernel'}", "{kind='cube', dim=2}", "kernel regression on 12000 points"),
        ("{kind='simplex'}", "{kind='cube', dim=7}", "takes 1 to 6 coordinates, got 7"),
        ("{kind='simplex'}", "{kind='cube', dim=6}", "3084 points"),
    ],
)
def test_limits_are_refused_before_anything_runs(tmp_path, student, task, words):
    text = EXACT[: EXACT.index("[student]")] + EXACT[EXACT.index("[data]") :]
    found = mistakes(tmp_path, text, f"student={student}", f"task={{manifold={task}}}",
                     "data.sizes=[64, 128, 12000]", "prediction.exponent='2/d'")  # fmt: skip
    assert any(words in m for m in found), found


WIDE = """
schema = 1
question = "Does it?"
regime = "variance-width"
[task]
manifold = { kind = "sphere", dim = 3 }
[student]
widths = [16, 32, 64]
parametrisation = "ntk"
[data]
sizes = 16
[training]
steps = 20
[prediction]
exponent = 1
sense = "equal"
"""


def test_variance_width_scans_the_width_at_one_training_set(tmp_path):
    found = study.read(write(tmp_path, WIDE))
    assert {found.x(p.run) for p in found.plan} == {16, 32, 64} and found.axis.symbol == "w"
    assert {p.run.learner for p in found.plan} == {"ntk"} and len(found.plan) == 3 * 5 * 2


@pytest.mark.parametrize(
    "gone, words",
    [
        ("[data]\nsizes = 16", "data: is missing"),
        ('parametrisation = "ntk"', "networks with a limit"),
    ],
)
def test_variance_width_wants_what_makes_it_one(tmp_path, gone, words):
    assert any(words in m for m in mistakes(tmp_path, WIDE.replace(gone, "")))


def test_a_regime_brings_its_prediction(tmp_path):
    text = WIDE[: WIDE.index("[prediction]")]
    found = study.read(write(tmp_path, text)).prediction
    assert (found.text, found.sense) == ("1", "equal")


@pytest.mark.parametrize(
    "regime, words",
    [("resolution-width", "no answer on unlimited data"), ("variance-data", "grows with its data")],
)
def test_exact_students_have_their_regimes(tmp_path, regime, words):
    text = EXACT.replace("resolution-data", regime)
    text = text.replace("[data]\nsizes = [64, 128, 256]\n", "") if "width" in regime else text
    draws = () if "width" in regime else ("data.draws=4",)
    assert any(words in m for m in mistakes(tmp_path, text, *draws))


def test_an_unknown_regime_hides_no_other_mistake(tmp_path):
    found = mistakes(tmp_path, GOOD.replace("-width", "-widht").replace("seeds", "sedes"))
    assert len(found) == 2 and "s.toml:4: regime: unknown regime" in found[0]
    assert "did you mean 'seeds'" in found[1]


def test_fields_added_later_leave_old_fingerprints(make_study):
    text = make_study().plan[0].run.canonical()
    for name in ("settings", "teacher_kind", "covariance", "decays", "limit", "start", "round",
                 "checkpoints", "stopping", "branch_from"):  # fmt: skip
        assert f'"{name}"' not in text


PANELS = """
schema = 1
question = "Do both?"
seed = 3
[task]
manifold = { kind = "cube", dim = [2, 3] }
teacher = { widths = [16, 16], count = 2 }
[[panel]]
regime = "resolution-width"
student = { widths = [3, 4, 5] }
[[panel]]
regime = "variance-data"
title = "fixed model"
[panel.task]
manifold = { kind = "sphere", dim = 2 }
[panel.student]
kind = "random-features"
[panel.data]
sizes = [512, 1024, 2048]
draws = 4
[panel.prediction]
exponent = 1
"""


def test_panels_share_the_tables_that_they_do_not_bring(tmp_path):
    found = study.read(write(tmp_path, PANELS))
    wide, fixed = found.scans
    assert (wide.title, fixed.title) == ("resolution-width", "fixed model")
    assert wide.task.manifold.dim == (2, 3) and fixed.task.manifold.kind == "sphere"
    assert fixed.task.teacher == wide.task.teacher  # which its own [task] does not name
    assert fixed.task.teacher.widths == ((16, 16),) and fixed.task.teacher.count == 2
    assert wide.seed == fixed.seed == 3 and found.question == fixed.question
    assert set(found.plan) == {*wide.plan, *fixed.plan}


def test_a_run_that_two_panels_share_is_planned_once(tmp_path):
    again = PANELS + '[[panel]]\nregime = "resolution-width"\ntitle = "again"\n'
    again += "student = { widths = [3, 4, 5] }\n"
    assert len(study.read(write(tmp_path, again)).plan) == len(
        study.read(write(tmp_path, PANELS)).plan
    )


@pytest.mark.parametrize(
    "old, new, words",
    [
        ('"sphere"', '"spher"', ("s.toml:15: panel 2: task.manifold", "'sphere'")),
        ('kind = "cube"', 'kind = "cub"', ("s.toml:6: panel 1: task.manifold", "'cube'")),
        ("draws = 4", "drws = 4", ("s.toml:20: panel 2: data.drws", "did you mean 'draws'")),
        ("widths = [3, 4, 5]", "widths = [3]", ("s.toml:10: panel 1: student.widths", "three")),
        ('title = "fixed model"', 'title = "resolution-width"', ("panel 2: title", "its own")),
        ('title = "fixed model"', "seed = 4", ("panel 2: seed", "at the top")),
        ('regime = "resolution-width"', "", ("panel 1: regime", "missing")),
    ],
)
def test_a_mistake_in_a_panel_has_its_number_and_its_line(tmp_path, old, new, words):
    found = mistakes(tmp_path, PANELS.replace(old, new, 1))
    assert any(all(word in m for word in words) for m in found), found


@pytest.mark.parametrize(
    "override, words",
    [
        ("panel.3.seed=1", "the panels are 1 to 2"),
        ("panel.title='x'", "say which panel"),
        ("panel=3", "begin each with a line [[panel]]"),
        ("panel=[]", "begin each with a line [[panel]]"),
    ],
)
def test_overrides_name_their_panel(tmp_path, override, words):
    assert any(words in m for m in mistakes(tmp_path, PANELS, override))
    changes = ("panel.2.data.draws=7", "panel.1.task.teacher.count=1")
    found = study.read(write(tmp_path, PANELS), changes)
    assert found.panels[1].data.draws == 7
    assert [s.task.teacher.count for s in found.panels] == [1, 2]


def test_a_phase_map_wants_a_grid_of_networks(make_study):
    with pytest.raises(StudyError) as caught:
        make_study(regime="phase-map", student={"widths": [4, 5]}, data={"sizes": [64, 128]})
    text = str(caught.value)
    assert "student.widths: 2 values" in text and "data.sizes: 2 values" in text


def test_the_power_of_the_loss_is_a_grid_too(make_study):
    found = make_study(task={"loss": "power", "power": [1, 2, 4]}, prediction={"exponent": "2p/d"})
    exponents = {p.run.task.power: found.predicted(p.run.task) for p in found.plan}
    assert exponents == {1.0: 1.0, 2.0: 2.0, 4.0: 4.0}
    assert len({found.setting(p.run) for p in found.plan}) == 3


SPECTRAL = """
schema = 1
question = "Does it?"
regime = "resolution-data"
[task]
manifold = { kind = "spectral", alpha = [0.5, 2.0], modes = 100 }
[student]
kind = "linear"
[data]
sizes = [8, 16, 32]
[prediction]
exponent = "alpha"
sense = "equal"
"""


def test_alpha_stands_for_equal_decays_and_leaves_no_floor(tmp_path):
    found = study.read(write(tmp_path, SPECTRAL))
    decays = {p.run.task.decays: found.predicted(p.run.task) for p in found.plan}
    assert decays == {(1.5, 1.5): 0.5, (3.0, 3.0): 2.0}
    assert found.law == "power"
    for floor in ("task.noise=0.1", "student.ridge=0.1"):
        assert study.read(write(tmp_path, SPECTRAL), (floor,)).law == "power+floor"


@pytest.mark.parametrize(
    "manifold, words",
    [
        ("{kind='spectral', alpha=1, a=2, b=2, modes=9}", "or 'alpha' and 'modes'"),
        ("{kind='spectral', alpha=1}", "manifold.modes: is missing"),
        ("{kind='cube', dim=2, alpha=1}", 'belongs to kind = "spectral"'),
        ("{kind='spectral', a=-1, b=0, modes=9}", "out of range"),
    ],
)
def test_mistakes_of_a_spectral_task(tmp_path, manifold, words):
    found = mistakes(tmp_path, SPECTRAL, f"task.manifold={manifold}")
    assert any(words in m for m in found), found


def test_a_linear_student_needs_no_seeds_in_variance_data(tmp_path):
    found = study.read(write(tmp_path, SPECTRAL), (
        "regime='variance-data'", "data.draws=4", "task.manifold={kind='spectral',a=0,b=0,modes=9}",
        "prediction.exponent=1"))  # fmt: skip
    assert len(found.plan) == 5 * 3 * 4
