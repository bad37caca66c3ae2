"""The verbs of a study: write one, check it, plan it, run it, report it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from lab.cli.beforehand import beforehand
from lab.cli.options import RESULTS, AsJson, Overrides, Results, StudyFile, read
from lab.cli.output import print_answer, say
from lab.mistakes import StudyError


def init(
    study: Annotated[
        Path | None, typer.Argument(metavar="STUDY", help="The study file to write (TOML).")
    ] = None,
    preset: Annotated[
        str, typer.Option(help="What to start from: a name that `lab init --list` shows.")
    ] = "quickstart",
    force: Annotated[bool, typer.Option(help="Replace an existing file.")] = False,
    show: Annotated[
        bool, typer.Option("--list", help="List the presets and their questions, and stop.")
    ] = False,
) -> None:
    """Write a commented study file to start from."""
    from lab import templates

    if show:
        for name, question in templates.questions().items():
            say(f"{name:24} {question}")
        return
    if study is None:
        raise StudyError(["lab init: which file? Say `lab init my-study.toml`, or add --list"])
    if study.exists() and not force:
        raise StudyError([f"{study}: exists already; choose another name or add --force"])
    text = templates.text(preset)
    study.write_text(text, encoding="utf-8")
    say(f"{study} written from '{preset}'. Next: lab plan {study}")


def check(study: StudyFile, overrides: Overrides = None) -> None:
    """Validate a study file and report every mistake at once; nothing is trained or written."""
    found = read(study, overrides)
    doubts = beforehand(found)
    runs = len({p.run for p in found.plan})
    say(f"{study}: fine. {runs} runs.")
    for scan in found.scans:
        say(f"{f'{scan.title}: ' if scan.title else ''}regime {scan.regime}, prediction "
             f"{scan.prediction.text} ({scan.prediction.sense})")  # fmt: skip
    for doubt in doubts:
        say(doubt)


def plan(
    study: StudyFile,
    overrides: Overrides = None,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """What the study would train and what that costs here; nothing is trained."""
    import lab

    asked = read(study, overrides)
    doubts = beforehand(asked)
    found = lab.plan(asked, results, name=study.stem)
    say(json.dumps(found.plain()) if as_json else "\n".join([str(found), *doubts]))


def run(
    study: StudyFile,
    overrides: Overrides = None,
    results: Results = RESULTS,
    lanes: Annotated[
        int | None, typer.Option(min=1, help="Groups trained at once; default: one per core.")
    ] = None,
    until_converged: Annotated[
        bool,
        typer.Option(
            "--until-converged",
            help="Double the steps of every x whose losses "
            "still fall with them, up to evidence.until times the study's.",
        ),
    ] = False,
    report: Annotated[bool, typer.Option(help="Write table and figures at the end.")] = True,
) -> None:
    """Train what is missing, then print the table and write the report.

    Stops cleanly at Ctrl-C; running it again goes on where it was. An edited study trains only the
    difference.
    """
    import lab
    from lab.duration import duration

    found = read(study, overrides)
    done = lab.run(found, results, name=study.stem, lanes=lanes, until_converged=until_converged)
    if done.adopted:
        say(f"{done.adopted} runs taken over from other studies in {results}.")
    if done.trained:
        say(f"{done.trained} runs trained in {duration(done.seconds)} on {done.device}, "
             f"{done.compile_seconds:.0f} s of compilation summed over lanes.")  # fmt: skip
    elif not done.interrupted:
        say("Everything was in the store; nothing to train.")
    if done.interrupted:
        say(f"Interrupted; {done.left} runs are left. Go on with: lab run {study}")
        raise typer.Exit(130)
    print_answer(found, study, results, write=report)
    if done.failed:
        last = (done.first_error or "").strip().split("\n")[-1]
        say(f"{done.failed} runs failed ({last}). `lab status {study}` counts them; the next "
             "`lab run` tries them again.")  # fmt: skip
        raise typer.Exit(3)


def status(
    study: StudyFile,
    overrides: Overrides = None,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """How far the study is: runs planned, done, failed, diverged and left."""
    import lab
    from lab.duration import duration

    found = lab.plan(read(study, overrides), results, name=study.stem)
    left, seconds = found.left, found.seconds
    numbers = {
        "planned": left.planned, "done": left.done, "failed": left.failed,
        "diverged": left.diverged, "left": len(left.missing), "seconds_left": round(seconds, 1),
    }  # fmt: skip
    if as_json:
        say(json.dumps(numbers))
        return
    say(f"{left.planned} runs planned: {left.done} done, {left.diverged} diverged, "
         f"{left.failed} failed, {len(left.missing)} left"
         + (f", about {duration(seconds)}" if left.missing else ""))  # fmt: skip


def report(study: StudyFile, overrides: Overrides = None, results: Results = RESULTS) -> None:
    """Write table, fits and figures of what is stored to results/STUDY/."""
    print_answer(read(study, overrides), study, results, write=True)


def export(
    study: StudyFile,
    out: Annotated[Path, typer.Argument(metavar="FILE", help=".csv, .json or .parquet")],
    overrides: Overrides = None,
    results: Results = RESULTS,
) -> None:
    """Write one row per stored run to a table file."""
    import lab
    from lab.execution import export as table

    columns = lab.load(read(study, overrides), results, name=study.stem)
    table.write(columns, out)
    say(f"{out}: {columns['status'].size} runs, {len(columns)} columns.")
