"""Engines: what XLA is told before it starts, each case in a process of its own."""

import os
import subprocess
import sys

import numpy as np
import pytest

ASK = "from lab.execution import engine; import os; engine.configure({lanes}); {say}"
SAY = "print(os.environ['NPROC'], os.environ['XLA_FLAGS'])"


@pytest.mark.parametrize(
    ("lanes", "given", "expected"),
    [
        (1, {}, "2 --xla_cpu_multi_thread_eigen=false"),
        (5, {}, "5 --xla_cpu_multi_thread_eigen=false"),
        (2, {"NPROC": "3", "XLA_FLAGS": "--xla_cpu_enable_fast_math=false"},
         "3 --xla_cpu_enable_fast_math=false --xla_cpu_multi_thread_eigen=false"),
        (2, {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=true"},
         "2 --xla_cpu_multi_thread_eigen=true"),
    ],
)  # fmt: skip
def test_lanes_get_threads_and_the_user_wins(lanes, given, expected):
    env = {k: v for k, v in os.environ.items() if k not in ("NPROC", "XLA_FLAGS")}
    out = subprocess.run(
        [sys.executable, "-c", ASK.format(lanes=lanes, say=SAY)],
        env={**env, **given}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert out.strip() == expected


def test_one_listener_counts_the_compilations_of_a_process(monkeypatch):
    import jax

    from lab.execution.compiled import Compilations

    first = Compilations()
    monkeypatch.setattr(jax.monitoring, "register_event_duration_secs_listener", None)
    second = Compilations()
    jax.jit(lambda x: x + 17.125)(np.zeros(7))
    assert first.programs >= second.programs >= 1 and first.seconds >= second.seconds > 0
