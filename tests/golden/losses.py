"""One tiny training of every way of learning, and the losses that it leaves.

Each case is the tables of a study; of its plan the first run of the scan is trained, with its own
programs, and where a second shares them, the second too. Descents take at most one chunk of steps,
so that round-off has no time to grow.
"""

from __future__ import annotations

import json
from pathlib import Path

from lab.config import study as studies
from lab.execution import engine, plan
from lab.students import solvers

EXPECTED = Path(__file__).resolve().parent / "losses.json"

CUBE = {"kind": "cube", "dim": 2}
CIRCLE = {"kind": "sphere", "dim": 1}
TEACHER = {"widths": [8, 8], "count": 1}
FRESH = {
    "question": "Is it the loss that it was?",
    "regime": "resolution-width",
    "task": {"manifold": CUBE, "teacher": TEACHER},
    "student": {"widths": [5, 6, 7], "seeds": 2},
    "training": {"optimiser": "adam", "steps": 60, "batch": 16},
    "evidence": {"share": 0.0},
}
POOL = {**FRESH, "regime": "resolution-data", "student": {"widths": 5, "seeds": 2},
        "data": {"sizes": [32, 64, 128]}}  # fmt: skip
DOUBLE = {"precision": "float64"}
EXACT = {"question": FRESH["question"], "regime": "resolution-data", "task": FRESH["task"],
         "data": {"sizes": [64, 96, 128]}}  # fmt: skip
FIELD = {"manifold": CIRCLE, "teacher": {"kind": "field", "covariance": "matern", "nu": 1.5,
                                         "count": 1}}  # fmt: skip
SPECTRAL = {"manifold": {"kind": "spectral", "a": 1.5, "b": 1.5, "modes": 60},
            "teacher": {"count": 1}}  # fmt: skip
LIMITED = {"prediction": {"exponent": 1, "sense": "equal"}}
MATERN = {"kind": "kernel", "kernel": "matern", "nu": 0.5, "inputs": "raw"}


def learns(task=None, **training):
    """Fresh data, with another task or another training."""
    return {**FRESH, "task": {**FRESH["task"], **(task or {})},
            "training": {**FRESH["training"], **training}}  # fmt: skip


DESCENTS = {
    "muon": learns(optimiser="muon"),
    "adam": learns(),
    "training set": POOL,
    "kl": learns({"loss": "kl", "teacher": {**TEACHER, "outputs": 3}}),
    "power": learns({"loss": "power", "power": 4.0}),
    "product": learns({"manifold": {"kind": "product", "factors": [
        {"kind": "torus", "dim": 1}, {"kind": "sphere", "dim": 2}, {"kind": "ball", "dim": 2},
        {"kind": "gaussian", "dim": 1}]}}),
    "features": learns({"embedding": {"kind": "features", "ambient": 5}}),
    "curved": learns({"embedding": {"kind": "curved", "ambient": 5}}),
    "linear embedding, noise": learns({"embedding": {"kind": "linear", "ambient": 5},
                                       "noise": 0.1}),
}  # fmt: skip
"""Descents in single precision."""
ALGEBRA = {
    "lbfgs": learns(optimiser="lbfgs", steps=8, batch=256, **DOUBLE),
    "gauss-newton": learns(optimiser="gauss-newton", steps=8, batch=256, **DOUBLE),
    "muon in double precision": learns(optimiser="muon", **DOUBLE),
    "basin": {
        **EXACT, **LIMITED, "regime": "variance-data", "data": {"sizes": [256, 512, 1024],
                                                                 "draws": 2},
        "student": {"kind": "mlp", "widths": 2, "depth": 1, "activation": "tanh"},
    },
    "fixed features": {
        **EXACT, **LIMITED, "regime": "variance-data", "data": {"sizes": [64, 96, 128],
                                                                 "draws": 2},
        "student": {"kind": "random-features", "count": 6, "bias": 0.5},
    },
    "tangent": {
        **EXACT, **LIMITED, "regime": "variance-width", "data": {"sizes": 8},
        "student": {"widths": [16, 32, 64], "parametrisation": "ntk", "depth": 1,
                    "activation": "erf", "seeds": 2},
        "training": {"steps": 10},
    },
    "kernel": {**EXACT, "student": {"kind": "kernel", "kernel": "relu-ntk", "ridge": 1e-3}},
    "kernel on a field": {**EXACT, "task": FIELD, "student": MATERN,
                          "prediction": {"exponent": "kernel(teacher, student)"}},
    "random features": {**EXACT, "student": {"kind": "random-features", "count": 24,
                                               "bias": 0.5, "ridge": 1e-3}},
    "linear": {**EXACT, "student": {"kind": "linear"}},
    "nearest": {**EXACT, "student": {"kind": "nearest", "neighbours": 2}},
    "simplex": {**EXACT, "student": {"kind": "simplex"}},
    "spectral, linear": {**EXACT, "task": SPECTRAL, "student": {"kind": "linear", "ridge": 1e-3},
                         "prediction": {"exponent": 0.5}},
    "spectral, features": {
        **EXACT, "task": SPECTRAL, "student": {"kind": "random-features", "features": "gaussian",
                                               "count": 8},
        "prediction": {"exponent": 0.5},
    },
    "spectral, features on unlimited data": {
        "question": FRESH["question"], "regime": "resolution-width", "task": SPECTRAL,
        "student": {"kind": "random-features", "features": "gaussian", "count": [4, 6, 8]},
        "prediction": {"exponent": 0.5},
    },
}  # fmt: skip
"""Algebra and descents in double precision."""
CASES = {**DESCENTS, **ALGEBRA}


def learned(name: str) -> dict[str, object]:
    """Status, loss and relative loss of each run of a case, and what it tells beside them."""
    study = studies.validate(CASES[name])
    first, *others = [p.run for p in study.plan if p.role == "scan"]
    alike = [run for run in others if (run.student, run.size) == (first.student, first.size)]
    groups = plan.groups([first, *alike])
    found = {r.run: r for group in groups for r in solvers.solve(group, tick=lambda n: None)}
    results = [found[run] for run in (first, *alike)]
    return {
        "fingerprints": [run.fingerprint() for run in (first, *alike)],
        "status": [r.status for r in results],
        "loss": [r.loss for r in results],
        "relative": [r.relative for r in results],
        "details": [dict(getattr(r, "details", {})) for r in results],
    }


def printed() -> str:
    """The losses of every case as JSON."""
    engine.configure()
    return json.dumps({name: learned(name) for name in CASES}, indent=1) + "\n"
