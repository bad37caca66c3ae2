"""Runs one by one, and the learning curve of one, as lines of text cells and as a figure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from lab.execution.listing import Listed
from lab.execution.store import Row
from lab.mistakes import duration

HEAD = ("run", "status", "d", "x", "loss", "role", "teacher", "seed", "seconds")
MOST = 5
"""Columns that a narrow terminal shows."""
KEY = 8
"""Letters of a fingerprint that people are shown."""
CURVE_HEAD = ("step", "relative test loss")
"""Columns of a curve; other splits follow."""


def head(runs: Iterable[Listed]) -> tuple[str, ...]:
    """HEAD, the dimensions that were measured, and the panel where there are several."""
    runs = [*runs]
    own = tuple(f"d of {place}" for place in places(runs))
    return (*HEAD, *own, "panel") if any(one.panel for one in runs) else (*HEAD, *own)


def places(runs: Iterable[Listed]) -> tuple[str, ...]:
    """Places where a dimension was measured, in the order of the study."""
    return tuple(dict.fromkeys(place for one in runs for place in one.dimension))


def lines(runs: Sequence[Listed]) -> list[tuple[str, ...]]:
    """One line per run in the columns of `head`."""
    panels, measured = any(one.panel for one in runs), places(runs)
    return [
        (*_line(one), *(_number(one.dimension.get(place), 3) for place in measured),
         *((one.panel,) if panels else ()))
        for one in runs
    ]  # fmt: skip


def _line(one: Listed) -> tuple[str, ...]:
    role = one.role if one.factor == 1 else f"{one.role} ×{one.factor:g}"
    return (
        one.fingerprint[:KEY], one.status, str(one.dim), str(one.x) if one.x else "∞",
        _number(one.loss), role, str(one.teacher), str(one.seed), _number(one.seconds, 3),
    )  # fmt: skip


def counts(runs: Iterable[Listed]) -> str:
    """Number of runs of each status, as in '40 done, 2 failed'."""
    found: dict[str, int] = {}
    for one in runs:
        found[one.status] = found.get(one.status, 0) + 1
    return ", ".join(f"{n} {status}" for status, n in found.items()) or "no runs"


def errors(runs: Iterable[Listed]) -> list[tuple[str, str]]:
    """Each traceback once: the runs that ended with it, and itself."""
    ended: dict[str, list[str]] = {}
    for one in runs:
        if one.error:
            ended.setdefault(one.error.strip(), []).append(one.fingerprint[:KEY])
    return [(", ".join(keys), error) for error, keys in ended.items()]


def last_line(error: str) -> str:
    """Last line of a traceback."""
    return error.strip().split("\n")[-1]


def curve_head(row: Row) -> tuple[str, ...]:
    """CURVE_HEAD, and the other splits that were observed."""
    return (*CURVE_HEAD, *_splits(row))


def curve_lines(row: Row) -> list[tuple[str, ...]]:
    """The learning curve, and the losses at checkpoints, in the columns of `curve_head`."""
    found = {split: dict(points) for split, points in _curves(row).items()}
    steps = sorted({step for points in found.values() for step in points})
    splits = ("test", *_splits(row))
    return [
        (f"{step:g}" if step % 1 else str(int(step)),
         *(_number(found[split].get(step)) for split in splits))
        for step in steps
    ]  # fmt: skip


def _splits(row: Row) -> tuple[str, ...]:
    """The splits that were observed beside the test set."""
    return tuple(split for split in _curves(row) if split != "test")


def _curves(row: Row) -> dict[str, list[tuple[float, float]]]:
    """Split → (step, relative loss): the curve of the test loss, and what was observed."""
    found: dict[str, dict[float, float]] = {"test": dict(row.curve)}
    scale = row.scale or math.nan
    for seen in row.observations:
        found.setdefault(seen.split, {}).setdefault(seen.step, seen.loss / scale)
    return {split: sorted(points.items()) for split, points in found.items()}


def curve_title(row: Row) -> str:
    """Title of a run's curve: its fingerprint, its end, its step and its N."""
    took = f" in {duration(row.seconds)}" if row.seconds and row.seconds >= 1 else ""
    best = f", best at step {row.best_step}" if row.best_step else ""
    return f"{row.fingerprint[:KEY]}: {row.status}{took}, N = {row.N}{best}"


def curve_figure(row: Row) -> Any:
    """The learning curve, relative losses against step."""
    import matplotlib
    from matplotlib.figure import Figure

    from lab.findings.drawing import BLUE, STYLE

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5.6, 3.9), layout="constrained")
        ax = figure.subplots()
        curves = {split: [(step, loss) for step, loss in points if loss > 0]
                  for split, points in _curves(row).items()}  # fmt: skip
        shown = curves["test"]
        ax.plot(*zip(*shown, strict=True) if shown else ([], []), ".-", color=BLUE, lw=1.4, ms=4)
        for mark, split in zip("sd^", _splits(row), strict=False):
            points = zip(*curves[split], strict=True) if curves[split] else ([], [])
            ax.plot(*points, f"{mark}:", lw=1.0, ms=4, label=f"{split} loss")
            ax.legend()
        ax.set(xlabel="step", ylabel="test loss, relative", title=curve_title(row))
        if shown:
            ax.set_yscale("log")
        if len(shown) > 1:
            ax.set_xscale("symlog", linthresh=max(shown[1][0], 1))
    return figure


def _number(value: float | None, digits: int = 4) -> str:
    return f"{value:.{digits}g}" if value is not None and math.isfinite(value) else "–"
