"""Study files: every mistake at once as a sentence, grids as products, runs as identities."""

from dataclasses import replace

import pytest

from lab import study
from lab.mistakes import StudyError

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
    planned = [p for p in found.plan if not p.check]
    assert len(planned) == 2 * 2 * 2 * 3 * 3 * 2  # dims, teacher shapes, biases, k, widths, seeds
    assert len({p.run for p in found.plan}) == len(found.plan)
    assert {p.run.student.widths for p in planned} == {(4, 4), (8, 8), (16, 16)}


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
        ("data.sizes=[1,2,3]", "leave [data] out"),
        ("training.schedule='step'", "belong together"),
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
    ]  # fmt: skip
    assert len({r.fingerprint() for r in (run, *changed)}) == 7


def test_golden_fingerprint(make_study):
    """Stored results are found by this number. It may change only together with
    PHYSICS_VERSION, or when a field is added to a run: then old stores are trained anew."""
    expected = "54702d0f065cb805"
    assert make_study().plan[0].run.fingerprint()[:16] == expected


def test_a_longer_grid_keeps_every_run(make_study):
    few = {p.run for p in make_study(evidence={"share": 0.3}).plan}
    more = {p.run for p in make_study(
        evidence={"share": 0.3}, student={"widths": [3, 4, 5, 6]},
        task={"manifold": {"dim": [2, 3]}}).plan}  # fmt: skip
    assert few < more


def test_evidence_repeats_whole_scans_at_the_larger_budget(make_study):
    found = make_study(evidence={"share": 0.25, "budget": 2.0}, task={"teacher": {"count": 4}})
    checks = [p.run for p in found.plan if p.check]
    assert len(checks) == 3 and len({r.task.teacher for r in checks}) == 1
    assert {r.training.steps for r in checks} == {400}


def test_product_manifold_predicts_by_its_largest_factor(make_study):
    factors = [{"kind": "cube", "dim": 3}] * 3
    found = make_study(
        task={"manifold": {"kind": "product", "factors": factors, "dim": None}},
        prediction={"exponent": "4/max(d)"},
    )
    task = found.plan[0].run.task
    assert task.dim == 9 and found.predicted(task) == pytest.approx(4 / 3)
