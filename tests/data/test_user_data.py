"""Data that somebody brings: known by their content, split once, refused in one sentence."""

import json
import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import log_loss
from sklearn.neighbors import KNeighborsRegressor

import lab
from lab import cli
from lab.config import study
from lab.data import sets, user_data
from lab.data.reading import divided
from lab.data.user_data import DatasetQuery
from lab.dimension import points
from lab.findings.exponents import dependent, pool_paragraphs, share_of_pool
from lab.mistakes import StudyError
from lab.scaling.judge.verdict import Doubt
from lab.students import training

STUDY = """
schema = 1
question = "What do these data give?"
regime = "resolution-data"
[task]
data = "{data}"
dim = 2.0
subsets = 3
{more}
[student]
kind = "nearest"
[data]
sizes = [8, 16, 32, 64]
"""
N = 200


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(N, 2))
    y = np.sin(4 * x[:, 0]) + x[:, 1]
    np.savez("d.npz", X=x, y=y)
    return x, y


def text(file="d.npz", more=""):
    return STUDY.format(data=file, more=more)


def read(folder, file="d.npz", more=""):
    (folder / "s.toml").write_text(text(file, more))
    return study.read(folder / "s.toml")


def csv(path, **columns):
    names, rows = ",".join(columns), zip(*columns.values(), strict=True)
    path.write_text("\n".join([names, *(",".join(map(str, row)) for row in rows)]) + "\n")


# ---- identity ----


def test_content_is_the_identity_and_the_path_is_not(here, tmp_path):
    x, y = here
    csv(tmp_path / "other.csv", a=x[:, 0].tolist(), b=x[:, 1].tolist(), goal=y.tolist())
    np.save("m.npy", np.column_stack([x, y]))
    files = ("d.npz", ""), ("other.csv", 'target = "goal"'), ("m.npy", 'target = "2"')
    plans = [{p.run.fingerprint() for p in read(tmp_path, *one).plan} for one in files]
    assert plans[0] == plans[1] == plans[2]
    np.savez("d.npz", X=x, y=y + 1e-15 * (np.arange(N) == 3))
    assert not plans[0] & {p.run.fingerprint() for p in read(tmp_path).plan}


def test_a_path_starts_at_the_study_file(here, tmp_path, monkeypatch):
    read(tmp_path)
    monkeypatch.chdir("/")
    assert study.read(tmp_path / "s.toml").task.facts.pool == 120


def test_dimension_and_path_are_in_no_fingerprint(here, tmp_path):
    (run, *_) = (p.run for p in read(tmp_path).plan)
    assert set(json.loads(run.canonical())["task"]) == {"content", "loss", "split", "teacher"}


# ---- split ----


def test_the_pool_alone_standardises(here, tmp_path):
    x, y = here
    task = next(read(tmp_path).tasks(1))
    before = divided(task)
    np.testing.assert_allclose(before.x.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(before.x.std(axis=0), 1)
    np.testing.assert_allclose((before.y.mean(), before.y.std()), (0, 1), atol=1e-12)
    away = x.copy()
    away[_rows_of(before.x_test, before, x)] += 5
    np.savez("d.npz", X=away, y=y)
    after = divided(next(read(tmp_path).tasks(1)))
    np.testing.assert_array_equal(after.x, before.x)
    assert (after.x_test > before.x_test + 1).all()


def _rows_of(points, found, x):
    """The rows of x that were standardised to these points, by their rank in one column."""
    every = np.concatenate([found.x, found.x_validation, found.x_test])[:, 0]
    return np.argsort(x[:, 0])[np.searchsorted(np.sort(every), points[:, 0])]


def test_sets_are_nested_and_units_share_the_test_set(here, tmp_path):
    one, other, _ = read(tmp_path).tasks(3)
    small, large = (sets.nested(one, D, test=0, root=0) for D in (10, 50))
    np.testing.assert_array_equal(small.x, large.x[:10])
    foreign = sets.nested(other, 50, test=0, root=0)
    assert not (foreign.x == large.x).all()
    np.testing.assert_array_equal(foreign.x_test, large.x_test)
    whole = [{tuple(r) for r in sets.nested(t, 120, test=0, root=0).x} for t in (one, other)]
    assert whole[0] == whole[1]


def test_every_class_is_in_every_part(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    y = np.repeat([3, 7, 9], [140, 50, 10])
    np.savez("d.npz", X=rng.normal(size=(N, 2)), y=rng.permutation(y))
    task = next(read(tmp_path, more='targets = "classes"').tasks(1))
    found = divided(task)
    for part, n in ((found.y, 6), (found.y_validation, 2), (found.y_test, 2)):
        assert part.shape[1] == 3 and part[:, 2].sum() == n
        np.testing.assert_array_equal(part.sum(axis=1), 1)


# ---- learning ----


def test_a_nearest_neighbour_is_that_of_scikit_learn(here, tmp_path):
    read(tmp_path)
    lab.run(str(tmp_path / "s.toml"), tmp_path / "r", progress=False)
    found = lab.load(str(tmp_path / "s.toml"), tmp_path / "r")
    for i, task in enumerate(read(tmp_path).tasks(3)):
        of = sets.nested(task, 32, test=0, root=0)
        oracle = KNeighborsRegressor(1).fit(of.x, of.y).predict(of.x_test).reshape(of.y_test.shape)
        relative = np.mean((oracle - of.y_test) ** 2) / of.y_test.var()
        (stored,) = found["relative_loss"][(found["teacher"] == i) & (found["D"] == 32)]
        assert stored == pytest.approx(relative)


def test_cross_entropy_is_that_of_scikit_learn():
    rng = np.random.default_rng(2)
    f, y = rng.normal(size=(4, 30)), rng.integers(4, size=30)
    logits, hot = jnp.asarray(f), jnp.eye(4)[:, y]
    p = np.exp(f) / np.exp(f).sum(axis=0)
    expected = log_loss(y, p.T, labels=range(4))
    assert float(sets.losses("kl", 2.0, logits, hot)) == pytest.approx(expected, rel=1e-5)
    share = np.bincount(y, minlength=4) / 30
    entropy = -np.sum(share * np.log(share))
    assert float(sets.baseline("kl", 2.0, hot)) == pytest.approx(entropy, rel=1e-5)


@pytest.mark.parametrize("regime", ["resolution-data", "resolution-width"])
def test_networks_learn_classes(tmp_path, monkeypatch, regime):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(3)
    x = rng.normal(size=(N, 2))
    np.savez("d.npz", X=x, y=(x[:, 0] > 0).astype(int))
    learned = text(more='loss = "cross-entropy"').replace("resolution-data", regime)
    network = 'kind = "mlp"\nwidths = [4, 6, 8]\nseeds = 1\n[evidence]\nshare = 0\n[training]\n'
    network += "steps = 200\nbatch = 8\n"
    learned = learned.replace('kind = "nearest"\n', network)
    if regime == "resolution-width":
        learned = learned.partition("[data]")[0]
    learned = learned.replace("subsets = 3", "subsets = 2")
    (tmp_path / "s.toml").write_text(
        learned if regime == "resolution-width" else learned.replace("[4, 6, 8]", "8")
    )
    lab.run(str(tmp_path / "s.toml"), tmp_path / "r", progress=False)
    found = lab.load(str(tmp_path / "s.toml"), tmp_path / "r")
    whole = found["D"] == found["D"].max()
    assert whole.sum() > 1 and (found["relative_loss"][whole] < 0.6).all()


def test_a_set_of_any_number_of_points_is_evaluated(make_study):
    student = make_study().plan[0].run.student
    network = training._network(student)
    key = jnp.stack([training.stream("init", make_study().plan[0].run.task, root=0)])[:, None]
    parameters = network.init(student, 2, 1, keys=key)
    rng = np.random.default_rng(4)
    n = 2 * training.BLOCK + 300
    x, y = (jnp.asarray(rng.normal(size=(1, rows, n)), jnp.float32) for rows in (2, 1))
    found = training._evaluate(student, "mse", 2.0, parameters, jnp.ones(1), x, y)
    one = [
        float(training._evaluate(student, "mse", 2.0, parameters, jnp.ones(1), *part)[0, 0])
        for part in ((x[..., :300], y[..., :300]), (x[..., 300:], y[..., 300:]))
    ]
    assert float(found[0, 0]) == pytest.approx((300 * one[0] + (n - 300) * one[1]) / n, rel=1e-5)


# ---- units and dimension ----


def test_orders_that_share_most_of_a_pool_are_doubted(here, tmp_path, make_study):
    runs = [p.run for p in read(tmp_path).plan]
    half = [run for run in runs if run.size < 61]
    assert (
        share_of_pool(runs) == pytest.approx(64 / 120) and dependent(runs) and not dependent(half)
    )
    assert not dependent([p.run for p in make_study().plan])
    lab.run(str(tmp_path / "s.toml"), tmp_path / "r", progress=False)
    (point,) = lab.answer(str(tmp_path / "s.toml"), tmp_path / "r").points
    assert Doubt.ONE_POOL in point.doubts
    assert "3 random orders of one pool" in " ".join(pool_paragraphs(runs))


def test_a_measured_dimension_has_an_interval_and_so_has_the_prediction(here, tmp_path):
    found = read(tmp_path).model_copy()
    (tmp_path / "s.toml").write_text(text().replace("dim = 2.0\n", ""))
    measured = study.read(tmp_path / "s.toml")
    task = next(measured.tasks(1))
    low, high = task.ends
    assert low < 2 <= high and low < task.dim <= high
    student = next(measured.students())
    assert measured.prediction_range(task, student) == pytest.approx((4 / high, 4 / low))
    assert found.prediction_range(next(found.tasks(1)), student) == ()
    assert {p.run.fingerprint() for p in measured.plan} == {p.run.fingerprint() for p in found.plan}


# ---- what is said and what is refused ----


def test_test_points_that_are_in_the_pool_are_told(here, tmp_path):
    x, y = here
    np.savez("d.npz", X=np.concatenate([x, x]), y=np.concatenate([y, y]))
    notes = read(tmp_path).task.facts.notes
    assert any("test points have the coordinates of a point of the pool" in n for n in notes)


def test_data_that_changed_since_the_runs_are_told(here, tmp_path, monkeypatch, capsys):
    x, y = here
    read(tmp_path)
    lab.run(str(tmp_path / "s.toml"), tmp_path / "r", progress=False)
    assert lab.answer(str(tmp_path / "s.toml"), tmp_path / "r").points[0].runs.done == 12
    np.savez("d.npz", X=x, y=2 * y + x[:, 0])
    with pytest.raises(StudyError, match="has changed since the runs"):
        lab.answer(str(tmp_path / "s.toml"), tmp_path / "r")
    arguments = ["lab", "fit", str(tmp_path / "s.toml"), "--results", str(tmp_path / "r")]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as caught:
        cli.main()
    err = capsys.readouterr().err
    assert caught.value.code == 2 and err.count("\n") == 1 and "sha256" in err


def test_data_that_change_while_they_are_learned_are_told(here, tmp_path):
    x, y = here
    task = next(read(tmp_path).tasks(1))
    np.savez("d.npz", X=x, y=2 * y + x[:, 0])
    with pytest.raises(StudyError, match="has changed since the study was read"):
        divided(task)
    assert task.asked == DatasetQuery(str(tmp_path / "d.npz"))


X, Y = np.random.default_rng(5).normal(size=(2, N, 2))
ONE = np.ones(N)
CASES = [
    ("nan", {"X": np.where(X > 2, np.nan, X), "y": Y[:, 0]}, "", "is nan"),
    ("constant column", {"X": np.c_[X, ONE], "y": Y[:, 0]}, "", "'2' is constant"),
    ("constant target", {"X": X, "y": ONE}, "", "target is constant"),
    ("few", {"X": X[:40], "y": Y[:40, 0]}, "", "each needs 20"),
    ("lengths", {"X": X, "y": Y[:-3, 0]}, "", "every point needs its target"),
    ("one class", {"X": X, "y": ONE}, 'loss = "cross-entropy"', "all points are of class 1"),
    ("no classes", {"X": X, "y": Y[:, 0]}, 'loss = "cross-entropy"', "column of integers"),
    ("rare", {"X": X, "y": 1.0 * (np.arange(N) < 2)}, 'targets = "classes"', "too few for pool"),
    ("no target", {"X": X, "z": ONE}, "", "unknown array 'y'"),
    ("objects", {"X": X, "y": np.array([None] * N)}, "", "Python objects"),
    (
        "text",
        {"X": X, "y": np.array(["a"] * N)},
        "",
        "not real numbers; take targets = \"classes\"",
    ),
    ("shares", {"X": X, "y": Y[:, 0]}, "test = 0.8", "less than a tenth for the pool"),
    ("noise", {"X": X, "y": Y[:, 0]}, "noise = 0.1", "is for generated sets"),
    ("kinds", {"X": X, "y": Y[:, 0]}, 'loss = "cross-entropy"\ntargets = "numbers"', "of classes"),
]


@pytest.mark.parametrize("arrays, more, said", [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_what_no_study_can_be_made_of_is_refused(refused, tmp_path, arrays, more, said):
    np.savez(tmp_path / "d.npz", **arrays)
    (sentence,) = refused(text(more=more))
    assert said in sentence and "Traceback" not in sentence


def test_files_that_are_none_are_refused(refused, tmp_path):
    assert "is not a file" in refused(text("gone.npz"))[0]
    assert "data set 'digitz'" in refused(text("digitz"))[0]
    csv(tmp_path / "words.csv", a=["x"] * N, y=range(N))
    assert "task.columns" in refused(text("words.csv"))[0]
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 nothing")
    assert "cannot be read" in refused(text("bad.npz"))[0]


def test_sizes_and_regimes_that_data_cannot_fill_are_refused(refused, tmp_path):
    np.savez(tmp_path / "d.npz", X=X, y=Y[:, 0])
    assert "more than the pool of 120 points" in refused(text(), "data.sizes=[8, 16, 500]")[0]
    drawn = text().replace("resolution-data", "variance-data").replace(
        "[data]\n", "[data]\ndraws = 3\n"
    )  # fmt: skip
    assert any("draws points without limit" in sentence for sentence in refused(drawn))


# ---- labels, and what is certain beforehand ----


@pytest.mark.parametrize("labels", [["beta", "alpha", "gamma"], ["True", "False"], ["no", "yes"]])
def test_labels_are_classes_in_alphabetical_order(here, tmp_path, labels):
    x, _ = here
    words = [labels[i % len(labels)] for i in range(N)]
    csv(tmp_path / "t.csv", a=x[:, 0].tolist(), b=x[:, 1].tolist(), kind=words)
    more = 'target = "kind"\ntargets = "classes"'
    found = read(tmp_path, "t.csv", more)
    assert found.task.facts.outputs == len(labels)
    order = sorted(labels)
    np.savez("n.npz", X=x, y=np.array([order.index(word) for word in words]))
    other = read(tmp_path, "n.npz", 'targets = "classes"')
    assert other.task.facts.content == found.task.facts.content
    np.savez("t.npz", X=x, y=np.array(words))
    assert read(tmp_path, "t.npz", 'targets = "classes"').task.facts.outputs == len(labels)


def test_labels_without_classes_are_refused_and_the_remedy_works(here, tmp_path, refused):
    x, _ = here
    csv(tmp_path / "t.csv", a=x[:, 0].tolist(), kind=["u" if k % 3 else "v" for k in range(N)])
    (said,) = refused(text("t.csv", 'target = "kind"'))
    assert "the targets are text ('u', 'v', …)" in said and 'targets = "classes"' in said
    assert read(tmp_path, "t.csv", 'target = "kind"\ntargets = "classes"').task.facts.outputs == 2


def test_columns_of_labels_are_coordinates_on_request(here, tmp_path, refused):
    x, y = here
    kind = ["uvw"[k % 3] for k in range(N)]
    csv(tmp_path / "t.csv", a=x[:, 0].tolist(), kind=kind, y=y.tolist())
    (said,) = refused(text("t.csv"))
    assert "kind is 'u', which is not a number" in said
    found = read(tmp_path, "t.csv", 'one_hot = ["kind"]')
    assert found.task.facts.coordinates == 4
    np.savez(
        "h.npz",
        X=np.c_[x[:, 0], np.array(list(map(list, [[k == u for u in "uvw"] for k in kind])), float)],
        y=y,
    )  # noqa: E501
    assert read(tmp_path, "h.npz").task.facts.content == found.task.facts.content
    (said,) = refused(text("t.csv", 'one_hot = ["sort"]'))
    assert "one_hot names 'sort'" in said


def test_a_coordinate_that_is_the_target_is_told(here, tmp_path):
    x, y = here
    np.savez("c.npz", X=np.c_[x, 3 * y - 1], y=y)
    assert any("coordinate 2 is the target but for its unit" in note
               for note in read(tmp_path, "c.npz").task.facts.notes)  # fmt: skip
    assert not any("is the target" in note for note in read(tmp_path).task.facts.notes)


def test_training_sets_beyond_half_of_the_pool_are_doubted_beforehand(here, tmp_path):
    from lab.regimes.design_warnings import warnings_of

    def doubts(sizes):
        found = study.read(tmp_path / "s.toml", [f"data.sizes={sizes}"])
        return [f.doubt for scan in found.scans for f in warnings_of(scan)]

    read(tmp_path)
    assert Doubt.ONE_POOL in doubts([8, 16, 32, 64]) and Doubt.ONE_POOL not in doubts([8, 16, 60])


def test_a_batch_that_nobody_chose_fits_the_smallest_set(here, tmp_path, refused):
    network = text().replace('kind = "nearest"', 'kind = "mlp"\nwidths = 8')
    (tmp_path / "s.toml").write_text(network)
    found = study.read(tmp_path / "s.toml")
    assert {run.training.stages[0][1] for run in found.runs()} == {8}
    (said,) = refused(network + "[training]\nbatch = 16\n")[:1]
    assert "training.batch: 16 is more than the training set" in said


def test_a_table_with_names_of_species_passes_check():
    found = study.read(Path(__file__).parents[1] / "cases" / "flowers.toml")
    assert (found.task.facts.outputs, found.task.facts.coordinates) == (3, 4)


def test_the_bundled_sets_of_a_study_are_those_that_can_be_read():
    assert user_data.GENERATED == points.GENERATED
    assert user_data.BUNDLED == (*points.BUNDLED, *points.GENERATED)
