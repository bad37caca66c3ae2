"""Simulated stores of the golden studies, and what the lab says of them: numbers and structure.

A law gives the relative loss of every planned run, with lognormal noise that runs share with their
checks (`simulated.rows`); what the runs tell of themselves beside it stands in the details. Every
study is there for what it has that the others have not: see the head of its file.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from invocation import invoke
from simulated import power, rows

from lab.config import study as studies
from lab.execution.store import Row, Store

STUDIES = Path(__file__).resolve().parent / "studies"
NAMES = tuple(sorted(file.stem for file in STUDIES.glob("*.toml")))
TWICE = ("training.steps=200", "training.rate=0.005")
"""Twice the steps of a study of 100 at half the rate: its runs are checks and raised budgets."""


def wave(*values: float) -> float:
    """A number in [−1, 1] that belongs to these."""
    return math.sin(12.9898 * sum((i + 1) * value for i, value in enumerate(values)))


def stored(name: str) -> Iterator[Row]:
    """The rows of one golden study, of the TOML file in the current folder."""
    study = studies.read(f"{name}.toml")
    yield from {
        "width": _of_width, "noise": _of_noise, "data": _of_data, "panels": _of_panels,
        "variance-data": _of_draws, "variance-width": _of_wide, "phase-map": _of_plane,
        "kernel": _of_kernels,
    }[name](study)  # fmt: skip


def outputs(name: str) -> dict[str, Any]:
    """JSON by what it is of: `lab check` of the study in the current folder, and what `lab report`
    writes of its store, which is made here. Sentences are left out (`lean`)."""
    folder = make(name)
    with without_pixels():
        checked = said("check", name)
        said("report", name)
    report = (folder / "report.md").read_text().splitlines()
    exponents = csv.reader((folder / "exponents.csv").read_text().splitlines())
    return {
        "check": {"doubts": re.findall(r"^doubt +([\w-]+):", checked, re.M),
                  "numbers": lean(" ".join(checked.split()))},
        "answers": lean(json.loads((folder / "fits.json").read_text())),
        "exponents": [*exponents],
        "tables": [[lean(cell.strip()) for cell in line.strip("|").split("|")]
                   for line in report if line.startswith("|") and not line.startswith("|--")],
        "paragraphs": [told for line in report if line and not line.startswith("|")
                       and (told := lean(f"{line} . . . . ."))],
    }  # fmt: skip


def smoke(name: str) -> dict[str, str]:
    """Text by file name: what a verb prints of the study, and the report."""
    folder = make(name)
    with without_pixels():
        found = {f"{verb}.txt": said(verb, name) for verb in ("check", "fit", "runs", "report")}
    return found | {"report.md": (folder / "report.md").read_text()}


def make(name: str) -> Path:
    """The folder of results of a study in the current folder; both are made."""
    Path(f"{name}.toml").write_text((STUDIES / f"{name}.toml").read_text())
    folder = Path("results") / name
    with Store.write(folder) as store:
        store.add(stored(name))
    return folder


@contextmanager
def without_pixels() -> Iterator[None]:
    """Figures are made and not saved: images are not compared; they vary between platforms."""
    with (
        patch("lab.report.report._save"),
        patch("lab.report.pages.inline", lambda figure, prefix: str(figure)),
    ):
        yield


def said(verb: str, name: str) -> str:
    """What a verb prints."""
    result = invoke(verb, f"{name}.toml")
    assert result.exit_code == 0, result.output
    return result.output


def lean(value: Any) -> Any:
    """A value whose sentences, of more than five words, are the name before a colon, the files and
    the numbers that they say. So a sentence may be worded otherwise; what it counts may not.
    """
    if isinstance(value, dict):
        return {key: lean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [lean(item) for item in value]
    if isinstance(value, str) and value.count(" ") > 4:
        return " ".join(TOLD.findall(value))
    return value


TOLD = re.compile(r"^[-\s]*[a-z-]+:|[\w-]+\.(?:png|csv|md|json|html)|\d+(?:\.\d+)?(?:e[+-]?\d+)?")
"""What of a sentence is kept."""


def dumped(value: Any, indent: str = "") -> str:
    """JSON of twelve digits, in which what is short stands in one line."""
    if isinstance(value, float):
        value = float(f"{value:.12g}")
    if not isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    more = f"{indent} "
    if isinstance(value, dict):
        parts = [f"{json.dumps(key)}: {dumped(item, more)}" for key, item in value.items()]
    else:
        parts = [dumped(item, more) for item in value]
    first, last = "{}" if isinstance(value, dict) else "[]"
    line = f"{first}{', '.join(parts)}{last}"
    if len(line) <= 200 and "\n" not in line:
        return line
    return f"{first}\n{more}" + f",\n{more}".join(parts) + f"\n{indent}{last}"


def _of_width(study) -> Iterator[Row]:
    """More training helps large students; a run diverged, one failed, one is missing."""
    found = list(rows(
        study, power(lambda d: 5 / d), noise=0.03, seed=1,
        gain=lambda factor, x: factor ** (-0.02 * math.log(x)),
        vary=lambda p, x: p.factor ** (0.1 * wave(x)),
        diverge=lambda run: (run.task.dim, run.task.teacher, run.student.widths[0]) == (2, 1, 12),
    ))  # fmt: skip
    failed = replace(found[40], status="failed", loss=None, relative=None, error="MemoryError: no")
    return iter((*found[:40], failed, *found[42:]))


def _of_noise(study) -> Iterator[Row]:
    return rows(study, power(4 / 3 * 2, floor=0.01), noise=0.03, seed=2)


def _of_data(study) -> Iterator[Row]:
    """All was stored at the planned steps, and at twice of them where D is large."""

    def law(run, x):
        falling = 30.0 * run.size ** (-4 / run.task.dim) if run.size else 0.0
        longer = (100 / run.training.steps) ** 0.2
        return (1 + 0.1 * wave(run.task.teacher)) * (falling + 0.002) * longer

    yield from rows(study, law, noise=0.02, seed=3)
    for row, planned in zip(_longer("data", law), _planned("data"), strict=True):
        if planned.run.size is None or planned.run.size >= 512:
            yield row


def _longer(name: str, law) -> Iterator[Row]:
    return rows(studies.read(f"{name}.toml", TWICE), law, noise=0.02, seed=3)


def _planned(name: str):
    return studies.read(f"{name}.toml", TWICE).plan


def _of_draws(study) -> Iterator[Row]:
    """Excesses 9/D over a limit of the teacher's own."""

    def limit(run):
        return 0.3 + 0.05 * run.task.teacher

    def law(run, x):
        return limit(run) * (
            1 + 9 / x * (1 + 0.1 * wave(run.seed, run.task.teacher, run.task.dim, x))
        )

    for row, planned in zip(rows(study, law), study.plan, strict=True):
        yield replace(row, details={"limit": limit(planned.run), "condition": 40.0, "jitter": 0.0})


def _of_wide(study) -> Iterator[Row]:
    """Excesses 2/w over the kernel, and some over tangents of either sign."""

    def law(run, x):
        return 0.5 + (2 if run.student.activation == "erf" else 3) / x

    for row, planned in zip(rows(study, law), study.plan, strict=True):
        run = planned.run
        w, change = run.student.widths[0], 0.2 * wave(run.seed, run.task.teacher, row.N)
        loss = row.relative * (1 + 0.2 * change / w)
        details = {"limit": 0.5 + change / w, "kernel": 0.5,
                   "tangent": loss - 1 / w + 80 / w**2}  # fmt: skip
        yield replace(row, loss=loss, relative=loss, details=details)


def _of_plane(study) -> Iterator[Row]:
    """L = N^−0.7 + D^−0.8 for every teacher, one of which lacks a cell."""

    def law(run, x):
        data = 2.0 * run.size**-0.8 if run.size else 0.0
        return (1 + 0.1 * run.task.teacher) * (4.0 * float(run.N) ** -0.7 + data)

    for row, planned in zip(rows(study, law, noise=0.02, seed=4), study.plan, strict=True):
        run = planned.run
        if (run.task.teacher, run.size, run.student.widths[0]) != (2, 400, 6):
            yield row


def _of_kernels(study) -> Iterator[Row]:
    """Every solve tells its condition number; one needed jitter."""
    plan = study.plan
    for row, planned in zip(rows(study, power(0.5), noise=0.02, seed=5), plan, strict=True):
        run = planned.run
        smooth = dict(run.student.settings)["nu"] > 1
        jitter = 1e-14 if smooth and run.size == 1024 and run.task.teacher == 0 else 0.0
        yield replace(row, details={"condition": 10.0 * run.size**2, "jitter": jitter})


def _of_panels(study) -> Iterator[Row]:
    """Each panel falls by its own law; simplices leave points outside."""
    alphas = {"by size": lambda d: 2 / d, "simplices": lambda d: 4 / d, "spectral": 0.7}
    for seed, panel in enumerate(study.panels):
        found = rows(panel, power(alphas[panel.title]), noise=0.02, seed=seed)
        if panel.title != "simplices":
            yield from found
            continue
        for row, planned in zip(found, panel.plan, strict=True):
            yield replace(row, details={"outside": 5.0 * planned.run.size**-0.5})
