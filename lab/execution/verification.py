"""Verification: stored runs trained again, and their losses compared. Nothing is written.

A loss is the same to the last bit where the same program ran on the same machine. The program
depends on the company of a run, because students of a shape train as one array; so whole groups are
sampled, and each is trained as it was: the rows of one group share the time at which they were
stored, and say how many they were. Where the machine, JAX, NumPy or the company is another, or is
not known, round-off differs, which many steps enlarge, and losses agree within TOLERANCE only.

Samples are drawn by a seed, group by group in random order, until they hold the share that was
asked for; so a run is as likely to be among them as any other of its group's size.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lab.config.study import Study
from lab.execution import compiled, listing, plan, runner
from lab.execution.engine import GPU_TEACHERS, Engine
from lab.execution.plan import Pace
from lab.execution.settings import Settings
from lab.execution.store import FINISHED, Row, Store
from lab.mistakes import StudyError
from lab.spec import Group, Run

TOLERANCE = {"float32": 0.5, "float64": 1e-4}
"""Bound on the change of the logarithm of a loss, by precision, where program or machine differ.

Measured on 36 runs of width-exponent-small, 10 000 steps of Muon in float32: without AVX the
median of the differences was 0.023 and the largest 0.23, of one seed trained without the other
about 0.005 and 0.13. Which way they go is chance."""
SHIFT = 0.1
"""The same of the mean over MANY such runs or more, where chance averages out (0.015 over 24 runs
without AVX): losses that are all a tenth too high are no round-off."""
MANY = 10
SAME = ("device", "jax", "numpy")
"""Fields of provenance that must be the same for losses to be equal."""

Observer = Callable[[int, int, float, float | None], None]
"""Progress callback, called five times per second with: runs trained, runs to train,
fraction of the work, seconds left."""


@dataclass(frozen=True)
class Compared:
    """One run as it is stored and as it was trained again; losses are None unless done.

    differs: what was not as it was when the run was stored, of `device`, `jax`, `numpy` and
        `company`; if nothing, the losses must be equal.
    precision: of the training, `float32` or `float64`.
    observed: of all stored observations, the largest difference of their logarithms; ∞ where one
        is gone. Training losses, which fall by orders of magnitude where round-off decides, are
        compared only where they must be equal.
    """

    fingerprint: str
    dim: int | float
    status: str
    status_again: str
    loss: float | None
    loss_again: float | None
    differs: tuple[str, ...]
    precision: str
    observed: float = 0.0

    @property
    def difference(self) -> float:
        """ln of the loss now over the stored one; 0 for two that diverged, ∞ where one did."""
        if self.loss is None or self.loss_again is None:
            return 0.0 if self.status == self.status_again else math.inf
        if self.loss == self.loss_again:
            return 0.0
        ratio = self.loss_again / self.loss if self.loss else 0.0
        return math.log(ratio) if ratio > 0 else math.inf

    @property
    def tolerance(self) -> float:
        """Largest difference allowed."""
        return TOLERANCE[self.precision] if self.differs else 0.0

    @property
    def holds(self) -> bool:
        """True if the run is what is stored."""
        return max(abs(self.difference), self.observed) <= self.tolerance

    def plain(self) -> dict[str, Any]:
        """JSON value of the run (`lab verify --json`)."""
        return {
            **vars(self), "difference": self.difference, "tolerance": self.tolerance,
            "holds": self.holds,
        }  # fmt: skip


@dataclass(frozen=True)
class Verification:
    """The runs that were compared, out of so many that are stored, on this device."""

    compared: tuple[Compared, ...]
    stored: int
    device: str

    @property
    def wrong(self) -> tuple[Compared, ...]:
        """The runs that are not what is stored."""
        return tuple(one for one in self.compared if not one.holds)

    @property
    def shift(self) -> float | None:
        """Mean difference of the runs that hold within a tolerance; None of fewer than MANY."""
        found = [one.difference for one in self.compared if one.tolerance and one.holds]
        return sum(found) / len(found) if len(found) >= MANY else None

    @property
    def shifted(self) -> bool:
        """True if these runs differ on the whole, as no round-off does."""
        return self.shift is not None and abs(self.shift) > SHIFT

    @property
    def holds(self) -> bool:
        """True if the runs are what is stored."""
        return not (self.wrong or self.shifted)

    def plain(self) -> dict[str, Any]:
        """JSON value of the verification (`lab verify --json`)."""
        return {
            "stored": self.stored, "compared": len(self.compared), "wrong": len(self.wrong),
            "shift": self.shift, "holds": self.holds, "device": self.device,
            "runs": [one.plain() for one in self.compared],
        }  # fmt: skip


def verify(
    study: Study,
    path: Path,
    *,
    share: float = 0.02,
    seed: int = 0,
    lanes: int | None = None,
    settings: Settings | None = None,
    observe: Observer = lambda done, runs, fraction, left: None,
) -> Verification:
    """Train a random sample of the stored runs of a study again, whole groups, one at least.

    share: of the stored runs that the sample holds at least, above 0, up to 1.
    seed: another one draws another sample.
    settings: which engine trains, as in `runner.run`.
    Raises StudyError for another share, and where nothing is stored.
    """
    if not 0 < share <= 1:
        raise StudyError([f"`share` {share:g}: give a number above 0, up to 1"])
    plan.check_memory(study)
    with Store.read(path, overrides=study.origin.overrides) as store:
        there = store.found(listing.planned(study))
        rows = {p.run: row for p, row in there if row and row.status in FINISHED}
        seen = store.observations(row.fingerprint for row in rows.values())
        rows = {run: replace(row, observations=seen[row.fingerprint]) for run, row in rows.items()}
    if not rows:
        raise StudyError([f"{path}: nothing stored yet; `lab.run` comes first"])
    some = sample(groups(rows), share * len(rows), seed)
    with closing((settings or Settings.found()).engine(lanes)) as engine:
        again = _trained([group for group, _ in some], engine, observe)
    found = [_compared(run, rows[run], again[run], known) for group, known in some
             for run in group.runs()]  # fmt: skip
    devices = dict.fromkeys(str(row.provenance["device"]) for row in again.values())
    return Verification(tuple(found), len(rows), " and ".join(devices))


def groups(rows: dict[Run, Row]) -> list[tuple[Group, bool]]:
    """Stored runs as the groups that trained them, and whether that is known of each.

    It is where as many rows share a time as the group had runs. The others are packed anew.
    """
    by_time: dict[Any, list[Run]] = defaultdict(list)
    for run, row in rows.items():
        by_time[row.provenance.get("finished")].append(run)
    found, rest = [], []
    for together in by_time.values():
        packed = plan.groups(together, teachers=GPU_TEACHERS)
        if len(packed) == 1 and all(rows[run].group_size == len(together) for run in together):
            found.append((packed[0], True))
        else:
            rest += together
    return found + [(group, False) for group in plan.groups(rest)]


def sample(found: Iterable[tuple[Group, bool]], runs: float, seed: int) -> list[tuple[Group, bool]]:
    """Groups in random order until they hold so many runs; one at least."""
    drawn = list(found)
    random.Random(f"verify {seed}").shuffle(drawn)
    some, held = [], 0
    for group, known in drawn:
        if held and held >= runs:
            break
        some.append((group, known))
        held += len(group.runs())
    return some


def _trained(found: list[Group], engine: Engine, observe: Observer) -> dict[Run, Row]:
    """The rows that these groups give now."""
    compiled.prepare()
    device, begun = engine.start(), time.perf_counter()
    pace, made_by = Pace(found, device.lanes, engine.compile_seconds), runner.versions()
    total, rows = sum(len(group.runs()) for group in found), dict[Run, Row]()
    at_work = engine.execute(
        found, tick=pace.tick, stop=threading.Event(), abandon=threading.Event()
    )
    with closing(at_work):
        for finished in at_work:
            if finished is not None:
                pace.finish(finished.group)
                given = runner.rows_of(finished, made_by)
                rows |= zip(finished.group.runs(), given, strict=True)
            left = pace.seconds_left(time.perf_counter() - begun)
            observe(len(rows), total, pace.fraction, left)
    return rows


def _compared(run: Run, row: Row, again: Row, known: bool) -> Compared:
    differs = [name for name in SAME if row.provenance.get(name) != again.provenance[name]]
    other = (*differs, *(() if known else ("company",)))
    return Compared(
        row.fingerprint, run.task.dim, row.status, again.status, row.loss, again.loss,
        other, run.training.precision, _observed(row, again, bool(other)),
    )  # fmt: skip


def _observed(row: Row, again: Row, about: bool) -> float:
    """The largest difference of the logarithms of what both observed; the training set's is left
    out where they need not be equal."""
    stored, found = ({(o.step, o.split): o.loss for o in r.observed()} for r in (row, again))
    differences = [0.0]
    for key, loss in stored.items():
        now = found.get(key, -1.0)
        if loss == now or not (math.isfinite(loss) or math.isfinite(now)):
            continue
        if not (about and key[1] == "train"):
            ratio = now / loss if loss else 0.0
            differences.append(abs(math.log(ratio)) if 0 < ratio < math.inf else math.inf)
    return max(differences)
