"""Coverage and error rates of a study's design, where `lab calibrate` was run: a table, and on the
page how often either verdict is given by how far the truth lies from the prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lab.findings.calibrated import Calibrated
from lab.findings.study_results import Setting
from lab.findings.view import Answers, Block, Table, View
from lab.report.page import calibrated as drawn
from lab.scaling.judge.verdict import AGREES, BENT, CONTRADICTS, STRAIGHT, UNDECIDED

HEAD = ("d", "true α", "from", "covers", "width", "bias", AGREES, CONTRADICTS, UNDECIDED, "wrong",
        "straight", "bent")  # fmt: skip
OTHER = ("truth", AGREES, CONTRADICTS, "bent")


def below(answers: Answers) -> list[Block]:
    """The table of the design and that of other truths; or that the design is another by now."""
    found = [one for answer in answers for one in answer.found("calibrated")]
    now = [one for one in found if one.current]
    blocks: list[Block] = []
    if now:
        scans = " and ".join(dict.fromkeys(str(one.scans) for one in now))
        blocks.append(Table(HEAD, [_cells(one) for one in now], (
            f"This design in {scans} simulated scans a row: how often the quoted 95 % interval "
            "covers the true α, its median width, how often each verdict is given and is wrong, "
            "and how often the curve is found straight or bent."
        ), shown=()))  # fmt: skip
    others = _others(now)
    if others:
        blocks.append(Table(OTHER, others, (
            "In a fifth as many scans of truths that the estimator does not assume: wrong verdicts "
            "where the truth is the edge of what the prediction allows, and curves found bent, at "
            "most over the settings."
        ), shown=()))  # fmt: skip
    if len(now) < len(found):
        blocks.append(
            f"{len(found) - len(now)} of {len(found)} settings were calibrated for another design, "
            "or by the rules of then; `lab calibrate` does it again."
        )
    return blocks


def _cells(one: Calibrated) -> tuple[str, ...]:
    values = one.values
    verdicts = values["verdicts"]
    return (
        _name(one.setting), f"{one.alpha:.3g}", values["source"],
        _share(values["coverage"]["quoted"]), f"{values['width']['quoted']:.2g}",
        "–" if values["bias"] is None else f"{values['bias']:+.3f}",
        *(_share(verdicts[name]) for name in (AGREES, CONTRADICTS, UNDECIDED)),
        f"{values['wrong']:.3f}",
        *(_share(values["shapes"][name]) for name in (STRAIGHT, BENT)),
    )  # fmt: skip


def _name(setting: Setting) -> str:
    return ", ".join(filter(None, [str(setting.dim), setting.name]))


def _others(found: Sequence[Calibrated]) -> list[tuple[str, ...]]:
    """The largest shares over the settings, truth by truth."""
    worst: dict[str, dict[str, float]] = {}
    for one in found:
        other: Mapping[str, Mapping[str, Any]] = one.values.get("misspecified", {})
        for truth, shares in other.items():
            most = worst.setdefault(truth, {})
            for name, share in shares.items():
                most[name] = max(most.get(name, 0.0), share)
    return [(truth, *(f"{most[name]:.3f}" for name in OTHER[1:])) for truth, most in worst.items()]


def _share(value: float) -> str:
    return f"{value:.2f}"


VIEW = View(below=below, key="calibration", json="fits", page=drawn.sections)
