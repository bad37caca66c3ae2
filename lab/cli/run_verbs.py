"""The verbs of runs: how far a study is, how each run ended, some trained again to compare or to be
had again.

What a driver in another process does is read from the store (`lab.execution.driver`).
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lab.cli.output import (
    RESULTS,
    AsJson,
    EngineName,
    Lanes,
    Overrides,
    Results,
    Scheduler,
    StudyFile,
    Wide,
    Workers,
    capped,
    completing,
    quoted,
    read,
    say,
    say_json,
    say_sentence,
    say_source,
    say_table,
)
from lab.mistakes import StudyError, unknown

if TYPE_CHECKING:
    from lab.config.study import Study
    from lab.execution.listing import Listed

STATUSES = ("done", "diverged", "failed", "missing")
Yes = Annotated[
    bool, typer.Option("--yes", help="Do it; without this option, only print what would be done.")
]


def runs(
    study: StudyFile,
    overrides: Overrides = None,
    results: Results = RESULTS,
    status: Annotated[
        str | None, typer.Option(metavar="|".join(STATUSES), autocompletion=completing(
                                 lambda: STATUSES), help="Only runs with this status.")
    ] = None,
    dim: Annotated[
        int | None, typer.Option(metavar="D", help="Only runs of this dimension.")
    ] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only failed runs, with their tracebacks.")
    ] = False,
    limit: Annotated[int, typer.Option(min=0, help="Largest number of runs to print.")] = 50,
    curve: Annotated[
        str | None, typer.Option(metavar="RUN", help="The learning curve of the run whose "
                                 "fingerprint begins so.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --curve: draw it (.png, .svg, .pdf).")
    ] = None,
    as_json: AsJson = False,
    wide: Wide = False,
) -> None:  # fmt: skip
    """List the runs of a study: how each ended, its loss and its seconds.

    The first column is the beginning of a run's fingerprint; x of unlimited data is ∞; loss is
    relative to the constant student's; a role is that of a check, × what was changed.
    """
    from lab.report import runs as shown

    if status is not None and status not in STATUSES:
        raise StudyError([f"--status: {unknown('status', status, STATUSES)}"])
    if plot and not curve:
        raise StudyError(["--plot draws a learning curve; say of which run by --curve RUN"])
    asked = read(study, overrides)
    if curve:
        _curve(study, results, asked.origin.overrides, curve, plot, as_json, wide)
        return
    wanted = "failed" if failed else status
    found = _listed(asked, results, status=wanted, dim=dim)
    some = found[:limit]
    if as_json:
        say_json({"runs": [one.plain() for one in some], "more": len(found) - len(some)})
        return
    if some:
        say_table(f"Runs of {study}", shown.head(some), shown.lines(some), most=shown.MOST,
                  wide=wide)  # fmt: skip
    more = f"; {len(found) - len(some)} more by --limit" if len(found) > len(some) else ""
    say(f"{shown.counts(found)}{more}")
    say_source(asked, results)
    for keys, error in shown.errors(some) if failed else ():
        say(f"\n{keys}\n{error}")


def _listed(asked: Study, results: Path, **which: Any) -> list[Listed]:
    from lab.execution import listing
    from lab.execution.store import Store, folder

    path = folder(asked.origin.file or "study", results)
    with Store.read(path, overrides=asked.origin.overrides) as store:
        return listing.listed(asked, store, **which)


def _curve(
    study: Path, results: Path, overrides: tuple[str, ...], beginning: str, plot: Path | None,
    as_json: bool, wide: bool,
) -> None:  # fmt: skip
    from lab.execution import listing
    from lab.execution.store import Store, folder
    from lab.files import to_jsonable
    from lab.report import runs as shown

    with Store.read(folder(study, results), overrides=overrides) as store:
        row = listing.one(store, beginning)
    if as_json:
        seen = [o._asdict() for o in row.observations]
        found = {"run": row.fingerprint, "status": row.status, "curve": [*row.curve]}
        say_json(to_jsonable({**found, "observations": seen}))
    else:
        say_table(shown.curve_title(row), shown.curve_head(row), shown.curve_lines(row), wide=wide)
    if plot:
        from lab.report.figure_files import save

        save(shown.curve_figure(row), plot)


def verify(
    study: StudyFile,
    overrides: Overrides = None,
    results: Results = RESULTS,
    share: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of the stored runs, above 0, up to 1.")
    ] = 0.02,
    seed: Annotated[int, typer.Option(help="Seed that draws the runs.")] = 0,
    lanes: Lanes = None,
    engine: EngineName = None,
    scheduler: Scheduler = None,
    workers: Workers = None,
    as_json: AsJson = False,
    wide: Wide = False,
) -> None:
    """Train some stored runs again and compare the losses; nothing is written.

    They are equal on the machine that stored them, and within a tolerance elsewhere. Exit code 3
    and their list where not.
    """
    import lab
    from lab.files import to_jsonable
    from lab.report import verb_tables as shown

    found = lab.verify(
        read(study, overrides), results, share=share, seed=seed, lanes=capped(lanes),
        engine={"name": engine, "scheduler": scheduler, "workers": workers},
    )  # fmt: skip
    if as_json:
        say_json(to_jsonable(found.plain()))
    else:
        for sentence in shown.verification_sentences(found):
            say_sentence(sentence)
        if found.wrong:
            say_table(f"Not what is stored in {results}", shown.VERIFICATION_HEAD,
                      shown.verification_lines(found.wrong), most=shown.VERIFICATION_MOST,
                      wide=wide)  # fmt: skip
    if not found.holds:
        raise typer.Exit(3)


def retry(
    study: StudyFile,
    overrides: Overrides = None,
    results: Results = RESULTS,
    diverged: Annotated[
        bool, typer.Option("--diverged", help="Select runs that diverged.")
    ] = False,
    failed: Annotated[bool, typer.Option("--failed", help="Select runs that failed.")] = False,
    yes: Yes = False,
) -> None:
    """Delete runs that diverged or failed, so that the next `lab run` trains them again.

    Their rows are deleted. The same settings on the same machine end in the same way: change what
    made them diverge, or the machine, first. Failed runs are tried again anyway.
    """
    import lab

    statuses = [name for name, asked in (("diverged", diverged), ("failed", failed)) if asked]
    if not statuses:
        raise StudyError(["lab retry: which runs? Add --diverged, --failed or both"])
    found = lab.retry(read(study, overrides), results, statuses=statuses, dry=not yes)
    _say_removal(found, f"that {' or '.join(statuses)}", f"`lab run {quoted(study)}` trains them "
                 "again")  # fmt: skip


def clean(
    study: StudyFile,
    overrides: Overrides = None,
    results: Results = RESULTS,
    orphans: Annotated[
        bool, typer.Option("--orphans", help="Select runs that the study plans at no budget.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Delete stored runs that the study does not plan: of earlier settings, and of overrides."""
    import lab

    if not orphans:
        raise StudyError(["lab clean: clean what? Add --orphans, for runs that the study no longer "
                          "plans"])  # fmt: skip
    found = lab.clean(read(study, overrides), results, dry=not yes)
    _say_removal(found, "that the study does not plan", "the study's own runs stay")


def _say_removal(found: Any, which: str, then: str) -> None:
    """The rows that go or would go, and how many."""
    from lab.report.runs import KEY

    count = f"{len(found.rows)} {'run' if len(found.rows) == 1 else 'runs'}"
    if not found.rows:
        say(f"{found.folder}: no runs {which}; nothing to do")
        return
    keys = [row.fingerprint[:KEY] for row in found.rows[:10]]
    more = f" and {len(found.rows) - len(keys)} more" if len(found.rows) > len(keys) else ""
    say(f"{', '.join(keys)}{more}")
    if found.dry:
        say(f"{found.folder}: {count} {which} would be deleted; {then}. Add --yes to do it.")
    else:
        say(f"{found.folder}: {count} {which} deleted; {then}.")


STUDIES = Path("studies")
"""Folders searched for the study of a results folder, besides the working folder."""
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
        bool, typer.Option("--watch", help="Refresh every two seconds, until nothing is left or "
                           "whoever trains it has ended.")
    ] = False,
    failed: Annotated[
        bool, typer.Option("--failed", help="Print the tracebacks of failed runs.")
    ] = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Show the progress of a study, or of all: runs planned, done, failed, diverged and left.

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
    found, trains = _looked(asked, results), _driver(study, results)
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


def _looked(asked: Study, results: Path) -> Any:
    import lab

    return lab.plan(asked, results, tables=True)


def _sourced(source: str) -> str:
    """Source of runs that no store has, and its meaning for the next run."""
    return f"{source} `lab run` starts a store of its own, and trains every run."


def _driver(study: Path, results: Path) -> Any:
    from lab.execution.store import driver, folder

    return driver(folder(study, results))


def _watch(asked: Study, study: Path, results: Path, as_json: bool) -> None:
    """Say how far it is until nothing is left, or there is no driver any more."""
    from contextlib import nullcontext

    from rich.console import Console

    from lab.report.progress import display

    shown = nullcontext(lambda fraction, note: None) if as_json else display(
        Console(file=sys.stderr), study.stem
    )  # fmt: skip
    with shown as tell:
        while True:
            found, trains = _looked(asked, results), _driver(study, results)
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
    """Speed of a driver, and time for the rest."""
    from lab.mistakes import duration

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
    from lab.mistakes import duration

    left = found.left
    takes = f", about {duration(found.seconds)}" if left.missing else ""
    if not left.failed:
        return (f"{left.planned} runs planned: {left.done} done, {left.diverged} diverged, "
                f"0 failed, {len(left.missing)} left{takes}")  # fmt: skip
    return (f"{left.planned} runs planned: {left.done} done, {left.diverged} diverged, "
            f"{len(left.missing)} left, {left.failed} of these failed and will be tried "
            f"again{takes}")  # fmt: skip


def _say_ends(asked: Study, study: Path, results: Path, *, tracebacks: bool) -> None:
    """Errors of runs without a loss: the last line of each, or all of it."""
    from lab.report import runs as shown

    found = _listed(asked, results)
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
                looked = _looked(read(study, None), results)
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
