"""Optimisers of one's own, each one class: by the signs of gradients, and a whole-problem rule."""

import tomllib
from typing import ClassVar, Literal

import numpy as np
import pytest
from invocation import invoke
from scripted import executed, plain

import lab
from lab.config import study
from lab.execution import plan
from lab.kinds.optimisers import OPTIMISERS, FirstOrder, WholeProblem
from lab.students import solvers, training

STUDY = """
question = "How fast do networks resolve a square?"
regime = "resolution-width"
[task]
manifold = { kind = "cube", dim = 2 }
teacher = { widths = [8], activation = "tanh", count = 1 }
[student]
widths = [3, 4, 5]
depth = 1
seeds = 1
[training]
optimiser = "signs"
steps = 40
batch = 64
polish = 10
polish_batch = 64
polish_by = "halving"
[evidence]
share = 0.0
"""


class Signs(FirstOrder):
    """Every parameter moves by the rate, against the sign of its slope."""

    name: Literal["signs"] = "signs"
    title: ClassVar[str] = "Signs"
    defaults: ClassVar = {"rate": 0.005}

    @classmethod
    def rule(cls):
        import jax
        import jax.numpy as jnp
        import optax

        def signs(beta1, beta2, decay, hidden):
            return optax.stateless(lambda g, p: jax.tree.map(lambda a: -jnp.sign(a), g))

        return signs

    @classmethod
    def seconds(cls, matrices):
        return 1.0


class Halving(WholeProblem):
    """Steepest descent whose rate is halved where the loss would not fall, and doubled else."""

    name: Literal["halving"] = "halving"
    title: ClassVar[str] = "Halving"
    evaluations: ClassVar[float] = 3.0

    @classmethod
    def rule(cls):
        import jax
        import jax.numpy as jnp

        def halving(problem, parameters, steps):
            def step(carry, _):
                p, value, rate = carry
                q = jax.tree.map(lambda a, g: a - rate * g, p, jax.grad(problem.loss)(p))
                there = problem.loss(q)
                better = there < value
                p = jax.tree.map(lambda a, b: jnp.where(better, b, a), p, q)
                return (p, jnp.minimum(value, there), rate * jnp.where(better, 2, 0.5)), None

            start = (parameters, problem.loss(parameters), jnp.asarray(0.1))
            return jax.lax.scan(step, start, length=steps)[0][0]

        return halving

    @classmethod
    def flops(cls, *, N, residuals):
        return 7.0 * N


@pytest.fixture
def registered_rules(registered):
    registered(OPTIMISERS, Signs)
    registered(OPTIMISERS, Halving)


def grouped(**recipe):
    tables = tomllib.loads(STUDY)
    tables["training"] |= recipe
    return plan.groups(p.run for p in study.of_tables(tables).plan if p.run.student.widths == (3,))


def test_it_goes_through_every_verb(registered_rules, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(STUDY)
    assert "fine." in invoke("check", "s.toml").stdout
    assert invoke("run", "s.toml", "--no-report").exit_code == 0
    columns = lab.load("s.toml")
    assert set(columns["optimiser"]) == {"signs"} and np.all(columns["relative_loss"] < 1)


def test_workers_train_with_it_to_the_same_digit(registered_rules, through_workers):
    groups = grouped()
    (finished,) = executed(through_workers, groups)
    assert finished.error is None
    ours = solvers.solve(groups[0], tick=lambda n: None)
    assert plain(finished.results) == plain(ours)
    losses = {o.step: o.loss for o in ours[0].observations if o.split == "test"}
    assert losses[50] < losses[40]  # the polish


def test_the_rules_are_what_they_say(registered_rules):
    """A step of signs moves every parameter by its rate."""
    import jax.numpy as jnp

    student = grouped()[0].shapes[0][0]
    rule = training._optimiser(student, ("signs", 0.0, 0.0, 0.0))
    p, g = {"W0": jnp.ones(2)}, {"W0": jnp.asarray([3.0, -1e-3])}
    moved, _ = rule.update(g, rule.init(p), p)
    assert moved["W0"].tolist() == [-1.0, 1.0]


def test_plan_and_clock_take_its_own_costs(registered_rules):
    (group,), (without,) = grouped(), grouped(polish=0, polish_by="lbfgs")
    N = group.shapes[0][0].parameters(2, 1)
    of_student = solvers.student_flops(group, group.shapes[0][0])
    assert group.training.samples(50) == 40 * 64 + 3 * 10 * 64
    flops = [solvers.of(g).flops(g) for g in (group, without)]
    assert flops[0] - flops[1] == pytest.approx(10 * (3 * 64 * of_student + 7 * N))
    assert plan.lane_seconds(without) > 40
