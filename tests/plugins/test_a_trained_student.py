"""A trained student of one's own, a sum of sines, in one class; and what it leaves out is told."""

from typing import ClassVar, Literal

import numpy as np
import pytest
from invocation import invoke
from scripted import executed, plain

import lab
from lab.config import study
from lab.execution import plan
from lab.grids import PositiveFloat, Positives
from lab.kinds.student import STUDENTS, StudentSpec, Trained
from lab.mistakes import StudyError
from lab.students import solvers
from lab.students.first_order import muon

STUDY = """
question = "How fast do sums of sines resolve a curve?"
regime = "resolution-width"
[task]
manifold = { kind = "cube", dim = 2 }
teacher = { widths = [8], activation = "tanh", count = 2 }
[student]
kind = "sines"
count = [4, 8, 16]
seeds = 1
[training]
steps = 40
batch = 16
[evidence]
budgets = 2.0
slower = []
rates = []
weights = [0.5, 2.0]
"""


class Sines(Trained):
    """f(x) = A sin(Ω x + φ) + c with `count` frequencies: at first Ω ~ N(0, scale²/D_amb),
    A ~ N(0, 1/count), φ = c = 0."""

    kind: Literal["sines"] = "sines"
    count: Positives = (8,)
    scale: PositiveFloat = 2.0

    size_key: ClassVar[str | None] = "count"

    def specs(self, *, inputs=None):
        for count in self.count:
            settings = {"count": count, "scale": self.scale}
            yield StudentSpec.of(self.kind, settings, inputs=inputs or self.inputs)

    def limit_loss_is_zero(self, task, *, sized):
        return True

    @classmethod
    def N(cls, spec, *, D_amb, outputs, D):
        count = int(dict(spec.settings)["count"])
        return count * (D_amb + 1 + outputs) + outputs

    @classmethod
    def same_but_size(cls, spec):
        return StudentSpec.of(spec.kind, {"scale": dict(spec.settings)["scale"]})

    @classmethod
    def hidden_matrices(cls, spec):
        return frozenset({"frequencies"})

    @classmethod
    def rescaled(cls, spec, factor):
        own = dict(spec.settings)
        settings = {**own, "scale": factor**0.5 * own["scale"]}
        return StudentSpec.of(spec.kind, settings, inputs=spec.inputs)

    @classmethod
    def matrices(cls, spec, *, D_amb, outputs):
        count = int(dict(spec.settings)["count"])
        return [(D_amb, count), (count, outputs)]

    @classmethod
    def hidden_units(cls, spec):
        return int(dict(spec.settings)["count"])

    @classmethod
    def network(cls):
        return cls

    @staticmethod
    def init(spec, D_amb, outputs, *, keys):
        import jax
        import jax.numpy as jnp

        own = dict(spec.settings)
        count = int(own["count"])

        def one(key):
            first, last = jax.random.split(key)
            return {
                "frequencies": own["scale"] * jax.random.normal(first, (count, D_amb)) / D_amb**0.5,
                "phases": jnp.zeros((count, 1)),
                "amplitudes": jax.random.normal(last, (outputs, count)) / count**0.5,
                "constant": jnp.zeros((outputs, 1)),
            }

        drawn = jax.vmap(one)(keys.ravel())
        return {name: a.reshape(*keys.shape, *a.shape[1:]) for name, a in drawn.items()}

    @staticmethod
    def apply(spec, parameters, x):
        import jax.numpy as jnp

        waves = jnp.sin(parameters["frequencies"] @ x + parameters["phases"])
        return parameters["amplitudes"] @ waves + parameters["constant"]


class Bare(Sines):
    """The same, without a word of its matrices and its first weights."""

    kind: Literal["bare"] = "bare"

    @classmethod
    def hidden_matrices(cls, spec):
        return Trained.hidden_matrices(spec)

    @classmethod
    def rescaled(cls, spec, factor):
        return Trained.rescaled(spec, factor)


class Free(Sines):
    """The same, without its costs."""

    kind: Literal["free"] = "free"

    @classmethod
    def matrices(cls, spec, *, D_amb, outputs):
        return super(Sines, cls).matrices(spec, D_amb=D_amb, outputs=outputs)


@pytest.fixture
def groups(registered):
    registered(STUDENTS, Sines)
    found = study.of_tables(tables())
    return plan.groups(p.run for p in found.plan if p.role in ("scan", "weights"))


def tables(kind="sines", **more):
    import tomllib

    found = tomllib.loads(STUDY)
    found["student"]["kind"] = kind
    return {**found, **more}


def test_it_goes_through_every_verb(tmp_path, monkeypatch, registered):
    registered(STUDENTS, Sines)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(STUDY)
    assert "fine." in invoke("check", "s.toml").stdout
    assert invoke("run", "s.toml").exit_code == 0
    columns = lab.load("s.toml")
    assert set(columns["student"]) == {"sines"} and np.all(np.isfinite(columns["loss"]))
    assert "first weights" in invoke("report", "s.toml").output or (
        "first weights" in (tmp_path / "results/s/report.md").read_text()
    )


def test_its_matrices_take_muon_and_nothing_else_does(groups):
    """After one step the frequencies have moved by the rate along an orthogonal matrix."""
    import jax.numpy as jnp

    from lab.students import training

    group = groups[0]
    student = group.shapes[0][0]
    rule = training._optimiser(student, ("muon", 0.95, 0.999, 0.0))
    same = muon(0.95, adam_beta2=0.999, decay=0.0, hidden=frozenset({"frequencies"}))
    rng = np.random.default_rng(0)
    shapes = {"frequencies": (8, 3), "phases": (8, 1), "amplitudes": (1, 8), "constant": (1, 1)}
    p, g = ({n: jnp.asarray(rng.normal(size=s)) for n, s in shapes.items()} for _ in range(2))
    ours, _ = rule.update(g, rule.init(p), p)
    theirs, _ = same.update(g, same.init(p), p)
    for name in shapes:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-6)
    moved = np.linalg.svd(np.asarray(ours["frequencies"]), compute_uv=False)
    assert moved.max() / moved.min() < 2  # of a random matrix 8 × 3 some 5
    assert np.linalg.cond(g["frequencies"]) > 1.5


def test_the_check_of_first_weights_trains_other_students(groups):
    students = {s for group in groups for s, _, _ in group.shapes}
    scales = {dict(s.settings)["scale"] for s in students}
    assert scales == {2.0, 2.0 * 2**0.5, 2.0 * 0.5**0.5}


def test_workers_train_it_to_the_same_digit(groups, through_workers):
    groups = groups[-1:]
    (finished,) = executed(through_workers, groups)
    assert finished.error is None
    assert plain(finished.results) == plain(solvers.solve(groups[0], tick=lambda n: None))


def test_what_a_kind_leaves_out_is_a_sentence(refused, registered):
    registered(STUDENTS, Bare)
    registered(STUDENTS, Free)
    orthogonal, weights = refused(STUDY, "student.kind=\"bare\"")
    assert "preset = \"adam\"" in orthogonal and "`hidden_matrices`" in orthogonal
    assert "weights = []" in weights
    remedied = ("training.preset=\"adam\"", "evidence.weights=[]")
    study.of_tables(tables("bare"), remedied)  # both remedies work
    (sentence,) = _mistakes(lambda: lab.plan(study.of_tables(tables("free")), "none"))
    assert "costs" in sentence and "`matrices`" in sentence
    data = {"regime": "variance-data", "data": {"sizes": [32, 64, 128], "draws": 2}}
    found = tables(**data)
    del found["training"]
    found["student"] = {"kind": "free", "count": 4}
    assert any("variance-data takes kind" in m for m in _mistakes(lambda: study.of_tables(found)))


def _mistakes(act):
    with pytest.raises(StudyError) as caught:
        act()
    return caught.value.mistakes
