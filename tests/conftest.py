"""Shapes in signatures are checked while the tests run; JAX is set up as `lab run` does it, except
that programs are compiled quickly: most tests run a program once, for less time than XLA takes to
optimise it."""

import gc
import os
import signal
import sys
import tempfile

import typechecker

os.environ.setdefault("LAB_CACHE", os.path.join(tempfile.gettempdir(), "scaling-lab-tests"))
# In the background, or under nohup, children would ignore the signals that are tested.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
# Children inherit it, so that all engines still agree to the last bit.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
# Half of the time of a compilation is MLIR's, once for each fusion, and cutting modules in parts.
os.environ.setdefault(
    "XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
)
# No array is promoted silently, in rank or in type, here or in a child.
os.environ.setdefault("JAX_NUMPY_RANK_PROMOTION", "raise")
os.environ.setdefault("JAX_NUMPY_DTYPE_PROMOTION", "strict")
os.environ["LAB_ENGINE"] = "threads"  # starting workers takes seconds, and sees no monkeypatch
# Most of an import by the hook, and a tenth of a child's, is compiling what was compiled before.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
typechecker.install()

import jax  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402

from lab import cli  # noqa: E402
from lab.config import study  # noqa: E402
from lab.execution import engine  # noqa: E402
from lab.kinds import Kinds  # noqa: E402
from lab.scaling.tables import reply  # noqa: E402

engine.configure()


def pytest_collection_finish():
    """What is there before the first test stays: going through it for garbage, again and again,
    took a sixth of the time of tests that trace programs."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


SMALL = {
    "schema": 1,
    "question": "A study small enough for a test.",
    "regime": "resolution-width",
    "task": {
        "manifold": {"kind": "cube", "dim": [2]},
        "teacher": {"widths": [16, 16], "count": 2},
    },
    "student": {"widths": [3, 4, 5], "seeds": 1},
    "training": {"preset": "adam", "rate": 0.02, "steps": 200, "batch": 32},
    "evidence": {"share": 0.0},
}


def merged(base: dict, changes: dict) -> dict:
    out = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        out[key] = merged(base[key], value) if both else value
    return out


@pytest.fixture(scope="session")
def make_study():
    """A small study with changes: make_study(student={"seeds": 2})."""
    return lambda **changes: study.validate(merged(SMALL, changes))


@pytest.fixture(scope="session")
def make_tables():
    """The tables of a small study, before validation."""
    return lambda **changes: merged(SMALL, changes)


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """The sentences with which `lab check` refuses the tables of a file, after `--set` of each."""

    def sentences(text: str, *overrides: str) -> list[str]:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "s.toml").write_text(text)
        options = [part for o in overrides for part in ("--set", o)]
        monkeypatch.setattr(sys, "argv", ["lab", "check", "s.toml", *options])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        assert caught.value.code == 2
        return capsys.readouterr().err.splitlines()

    return sentences


@pytest.fixture
def optimised():
    """Programs are optimised as `lab run` has them, for tests that run them long."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


@pytest.fixture
def weights_once(monkeypatch):
    """Laws are weighed once for the same rows and options of one test, which is most of a fit."""
    kept, weigh = {}, reply.law_weights

    def law_weights(*arguments, **options):
        told = (*arguments, *sorted(options.items()))
        key = repr([a.tolist() if isinstance(a, np.ndarray) else a for a in told])
        if key not in kept:
            kept[key] = weigh(*arguments, **options)
        return kept[key]

    monkeypatch.setattr(reply, "law_weights", law_weights)


@pytest.fixture
def two_laws(monkeypatch):
    """A table's law is weighed against one other, for tests that ask for no weights: against all
    laws of its variables is most of a fit."""
    weigh = reply.law_weights

    def law_weights(laws, *arguments, hold, **options):
        others = [law for law in laws if law not in hold]
        return weigh([*hold, *others[:1]], *arguments, hold=hold, **options)

    monkeypatch.setattr(reply, "law_weights", law_weights)


@pytest.fixture
def registered():
    """registered(registry, table) adds a table of one's own until the test ends."""
    added = []

    def add(registry: Kinds, table):
        registry.add(table)
        added.append((registry, table))

    yield add
    for registry, table in added:
        registry.remove(table)
