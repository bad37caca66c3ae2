"""The verb that says how far a study is: now, until it is done, or all of them.

What a driver in another process does is read from the store (`lab.execution.store`).
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from lab.cli.options import RESULTS, AsJson, Overrides, Results, read
from lab.cli.output import quoted, say, say_json, say_sentence, say_table
from lab.mistakes import StudyError

STUDIES = Path("studies")
"""Where the study of a folder of results is looked for, besides here."""
AGAIN = 2.0
"""Seconds between two looks of `--watch`."""
SHOWN = 10
"""Ways to fail that are listed, and runs that diverged."""


def status(
    study: Annotated[
        Path | None, typer.Argument(metavar="[STUDY]", help="A study file (TOML); without one, "
                                    "every study of the results folder.")
    ] = None,
    overrides: Overrides = None,
    results: Results = RESULTS,
    watch: Annotated[
        bool, typer.Option("--watch", help="Look again every two seconds, until nothing is left or "
                           "whoever trains it has ended.")
    ] = False,
    failed: Annotated[
        bool, typer.Option("--failed", help="With the tracebacks of the runs that failed.")
    ] = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """How far a study is, or all of them: runs planned, done, failed, diverged and left.

    Of a study that is being trained also how fast, and how long it takes yet; of runs that failed
    or diverged how they ended.
    """
    if study is None:
        if watch or failed:
            raise StudyError(["lab status: --watch and --failed are of one study; say which"])
        _status_of_all(results, as_json)
        return
    asked = read(study, overrides)
    if watch:
        _watch(asked, study, results, as_json)
    found, trains = _looked(asked, study, results), _driver(study, results)
    if as_json:
        say_json(_numbers(found, trains))
        return
    say(_told(found))
    if found.source:
        say_sentence(_sourced(found.source))
    if trains:
        say(f"Process {trains.pid} trains it: {_pace(found, trains)}.")
    if found.left.failed or found.left.diverged:
        _say_ends(asked, study, results, tracebacks=failed)


def _looked(asked: Any, study: Path, results: Path) -> Any:
    import lab

    return lab.plan(asked, results, name=study.stem, tables=True)


def _sourced(source: str) -> str:
    """Where runs are read from that no store has, and what that means for the next run."""
    return f"{source} `lab run` starts a store of its own, and trains every run."


def _driver(study: Path, results: Path) -> Any:
    from lab.execution.store import driver, folder

    return driver(folder(study, results))


def _watch(asked: Any, study: Path, results: Path, as_json: bool) -> None:
    """Say how far it is until nothing is left, or there is no driver any more."""
    from contextlib import nullcontext

    from rich.console import Console

    from lab.report.progress import display

    shown = nullcontext(lambda fraction, note: None) if as_json else display(
        Console(file=sys.stderr), study.stem
    )  # fmt: skip
    with shown as tell:
        while True:
            found, trains = _looked(asked, study, results), _driver(study, results)
            left = found.left
            if not left.missing or not trains:
                return
            if as_json:
                say_json(_numbers(found, trains))
                sys.stdout.flush()
            stored = left.planned - len(left.missing)
            tell(stored / left.planned, f"{stored} of {left.planned} runs, {_pace(found, trains)}")
            time.sleep(AGAIN)


def _pace(found: Any, trains: Any) -> str:
    """How fast a driver is, and how long the rest takes."""
    from lab.duration import duration

    if not trains.runs:
        return "none stored yet"
    rate = f"{60 * trains.rate:.3g} runs a minute"
    return f"{rate}, {duration(_seconds_left(found, trains))} left"


def _seconds_left(found: Any, trains: Any) -> float:
    """The rest at the pace of the driver, or of all lanes where there is none."""
    lanes = trains.lanes if trains else None
    return found.bill.seconds / lanes if lanes else found.seconds


def _numbers(found: Any, trains: Any = None) -> dict[str, Any]:
    left = found.left
    return {
        "planned": left.planned, "done": left.done, "failed": left.failed,
        "diverged": left.diverged, "left": len(left.missing),
        "seconds_left": round(_seconds_left(found, trains), 1),
        **({"source": found.source} if found.source else {}),
        "driver": trains and {"pid": trains.pid, "seconds": round(trains.age, 1),
                              "runs_per_second": trains.rate},
    }  # fmt: skip


def _told(found: Any) -> str:
    """A sentence whose numbers add up: a failed run is left, too."""
    from lab.duration import duration

    left = found.left
    takes = f", about {duration(found.seconds)}" if left.missing else ""
    if not left.failed:
        return (f"{left.planned} runs planned: {left.done} done, {left.diverged} diverged, "
                f"0 failed, {len(left.missing)} left{takes}")  # fmt: skip
    return (f"{left.planned} runs planned: {left.done} done, {left.diverged} diverged, "
            f"{len(left.missing)} left, {left.failed} of these failed and will be tried "
            f"again{takes}")  # fmt: skip


def _say_ends(asked: Any, study: Path, results: Path, *, tracebacks: bool) -> None:
    """How runs ended that have no loss: the last line of each error, or all of it."""
    import lab
    from lab.report import runs as shown

    found = lab.runs(asked, results, name=study.stem)
    diverged = [one.fingerprint[: shown.KEY] for one in found if one.status == "diverged"]
    if diverged:
        more = f" and {len(diverged) - SHOWN} more" if len(diverged) > SHOWN else ""
        say(f"{len(diverged)} diverged: {', '.join(diverged[:SHOWN])}{more}")
    ends = shown.errors(one for one in found if one.status == "failed")
    for keys, error in ends[: None if tracebacks else SHOWN]:
        listed = keys.split(", ")
        more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
        end = f"\n{error}" if tracebacks else f" {shown.last_line(error)}"
        say(f"{len(listed)} failed with{end}\n  {', '.join(listed[:SHOWN])}{more}")
    if ends and not tracebacks:
        say(f"`lab status {quoted(study)} --failed` has the tracebacks.")


def _status_of_all(results: Path, as_json: bool) -> None:
    """Every store of the results folder, or table; its numbers where its study is found."""
    from lab.execution.store import Store
    from lab.execution.table import TABLE

    found: dict[str, Any] = {}
    for folder in sorted({file.parent for name in ("lab.db", TABLE)
                          for file in results.glob(f"*/{name}")}):  # fmt: skip
        name = folder.name
        study = next((f for f in (Path(f"{name}.toml"), STUDIES / f"{name}.toml") if f.is_file()),
                     None)  # fmt: skip
        try:
            if study is not None:
                looked = _looked(read(study, None), study, results)
                found[name] = {"study": str(study), **_numbers(looked)}
                continue
            with Store.read(folder) as store:
                states = [*store.states().values()]
            found[name] = {"study": None, "stored": len(states)} | {
                one: states.count(one) for one in ("done", "diverged", "failed")
            }
        except StudyError as error:
            found[name] = {"study": study and str(study), "error": str(error)}
    if as_json:
        say_json(found)
    elif not found:
        say(f"{results}: no study has results here yet")
    else:
        head = ("study", "planned", "done", "diverged", "failed", "left", "note")
        lines = [_line(*item) for item in found.items()]
        kept = len(head) if any(line[-1] for line in lines) else len(head) - 1
        say_table(f"Studies in {results}", head[:kept], [line[:kept] for line in lines])


def _line(name: str, found: dict[str, Any]) -> tuple[str, ...]:
    """Cells that add up: failed runs are counted as such alone."""
    if "error" in found:
        note = found["error"].split("\n")[0]
    else:
        note = "its study file is neither here nor in studies/"
        if found["study"]:
            note = "there is no store, only its table" if "source" in found else ""
    keys = ("planned", "done", "diverged", "failed")
    untried = str(found["left"] - found["failed"]) if "left" in found else "–"
    return (name, *(str(found.get(key, "–")) for key in keys), untried, note)
