"""The verbs of a study: write one, check it, plan it, run it, export its runs.

Beside them what is known of a study beforehand: that it fits this machine, the number of its runs,
the doubts it will have, and how often it would say so were its prediction true.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    answered,
    capped,
    command,
    completing,
    presets,
    quoted,
    read,
    say,
    say_json,
    say_report,
    say_sentence,
    say_source,
    typed,
)
from lab.mistakes import StudyError

if TYPE_CHECKING:
    from lab.config.study import Study


def init(
    study: Annotated[
        Path | None, typer.Argument(metavar="STUDY", help="The study file to write (TOML).")
    ] = None,
    preset: Annotated[
        str, typer.Option(autocompletion=completing(presets),
                          help="Study to start from: a name that `lab init --list` prints.")
    ] = "quickstart",
    force: Annotated[bool, typer.Option(help="Replace an existing file.")] = False,
    show: Annotated[
        bool, typer.Option("--list", help="List the presets and their questions, and stop.")
    ] = False,
) -> None:  # fmt: skip
    """Write a commented study file to start from."""
    from lab.config import toml
    from lab.execution.store import folder
    from lab.files import put

    if show:
        for name, question in toml.preset_questions().items():
            say(f"{name:24} {question}")
        return
    if study is None:
        raise StudyError(["lab init: which file? Say `lab init my-study.toml`, or add --list"])
    folder(study)  # the same check of names as in `lab run`
    if study.exists() and not force:
        raise StudyError([f"{study}: exists already; choose another name or add --force"])
    text = toml.preset_text(preset)
    put(text, study, make=False)
    say(f"{study} written from '{preset}'. Next: lab plan {quoted(study)}")


def check(study: StudyFile, overrides: Overrides = None, as_json: AsJson = False) -> None:
    """Validate a study file and report every mistake at once; nothing is trained or written.

    With --json every setting of every panel, defaults included.
    """
    from lab.execution.store import folder

    found = read(study, overrides)
    folder(study)  # the same check of names as in `lab run`
    doubts = preflight(found)
    if as_json:
        panels = []
        for panel in found.panels:
            asked = [one.plain() for one in panel.claims]
            told = {"prediction": asked[0] if len(asked) == 1 else asked}
            panels.append(panel.model_dump(mode="json", by_alias=True) | told)
        say_json({"panels": panels, "doubts": doubts})
        return
    from lab.regimes.design_warnings import worked_out

    say(f"{study}: fine. {counted(found)}.")
    for scan in found.scans:
        claims = "; ".join(f"{one.text} ({one.sense})" if one == scan.prediction else one.told
                           for one in scan.claims)  # fmt: skip
        say(f"{f'{scan.title}: ' if scan.title else ''}regime {scan.regime}, prediction {claims}")
        for sentence in worked_out(scan):
            say_sentence(f"predicts  {sentence}")
    _say_doubts(doubts)
    _say_power(found)


def plan(
    study: StudyFile,
    overrides: Overrides = None,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Show what the study would train and its cost here; nothing is trained."""
    import lab
    from lab.report.progress import patient

    asked = read(study, overrides)
    doubts = preflight(asked)
    with patient(f"planning {counted(asked)}"):
        found = lab.plan(asked, results)
    if as_json:
        say_json(found.plain())
        return
    say(str(found))
    _say_doubts(doubts)
    _say_power(asked)


def _say_doubts(doubts: Iterable[str]) -> None:
    for doubt in doubts:
        say_sentence(f"doubt     {doubt}")


def _say_power(study: Study) -> None:
    for sentence in power_sentences(study):
        say_sentence(f"power     {sentence}")


def run(
    study: StudyFile,
    overrides: Overrides = None,
    results: Results = RESULTS,
    lanes: Lanes = None,
    engine: EngineName = None,
    scheduler: Scheduler = None,
    workers: Workers = None,
    until_converged: Annotated[
        bool,
        typer.Option(
            "--until-converged",
            help="Train every x whose losses still fall with twice the steps at half the rate, "
            "up to evidence.until times the steps. `lab plan` says what that takes at most.",
        ),
    ] = False,
    until_decided: Annotated[
        bool,
        typer.Option(
            "--until-decided",
            help="Until every claim about alpha is decided, add teachers, at 4, 8, 16 and 32, then "
            "a size between every two, then steps. Larger or smaller sizes are never added: they "
            "are another range.",
        ),
    ] = False,
    budget: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Begin no group after this time, as in 90s, 30m or 2h."),
    ] = None,
    report: Annotated[bool, typer.Option(help="Write table and figures at the end.")] = True,
    wide: Wide = False,
) -> None:
    """Train what is missing, then print the table and write the report.

    Stops cleanly at Ctrl-C; running it again goes on where it was. An edited study trains only the
    difference.
    """
    import lab
    from lab.mistakes import duration, seconds_of

    flags = {"--until-converged": until_converged, "--until-decided": until_decided}
    more = [flag for flag, given in flags.items() if given]
    more += ["--budget", budget] if budget else []
    asked = read(study, overrides)
    words = command("run", asked, results, *more)
    asked = asked.of(replace(asked.origin, argv=tuple(words)))
    done = lab.run(asked, results, lanes=capped(lanes), until_converged=until_converged,
                   until_decided=until_decided, seconds=seconds_of(budget),
                   engine={"name": engine, "scheduler": scheduler, "workers": workers})  # fmt: skip
    if done.adopted:
        say(f"{done.adopted} runs taken over from other studies in {results}.")
    if done.trained:
        say(f"{done.trained} runs trained in {duration(done.seconds)} on {done.device}, "
             f"{done.compile_seconds:.0f} s of compilation summed over lanes.")  # fmt: skip
    elif not done.interrupted:
        say("Everything was in the store; nothing to train.")
    if done.interrupted:
        say(f"Interrupted; {done.left} runs are left. Go on with: {typed(words)}")
        raise typer.Exit(130)
    if budget and done.left:
        say(f"The budget is spent; {done.left} runs are left. Go on with: {typed(words)}")
    say_report(answered(asked, results), write=report, replace=done.trained > 0, wide=wide)
    if done.diverged:
        say(f"{done.diverged} of these runs diverged; no fit takes them.")
    if done.failed:
        last = (done.first_error or "").strip().split("\n")[-1]
        runs = typed(command("runs", asked, results, "--failed"))
        say(f"{done.failed} runs failed ({last}). `{runs}` has the tracebacks; "
             " the next `lab run` tries them again.")  # fmt: skip
    if done.failed or done.useless:
        raise typer.Exit(3)


def export(
    study: StudyFile,
    out: Annotated[
        Path | None, typer.Argument(metavar="FILE", help=".csv, .json or .parquet")
    ] = None,
    overrides: Overrides = None,
    results: Results = RESULTS,
    observations: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Table with one row per loss of a run: at "
                                                       "its "
                                  "checkpoints, on each set of points.")
    ] = None,
) -> None:  # fmt: skip
    """Write one row per stored run to a table file, and one per observation to another."""
    import lab
    from lab.execution import listing as table

    if not (out or observations):
        raise StudyError(
            ["lab export: to which file? Give FILE for the runs, --observations FILE, or both"]
        )
    asked = read(study, overrides)
    if out:
        runs = lab.load(asked, results)
        table.write(runs, out)
        say(f"{out}: {len(runs)} runs, {len(runs.columns)} columns.")
    if observations:
        seen = lab.load(asked, results, observations=True)
        table.write(seen, observations)
        say(f"{observations}: {len(seen)} observations, {len(seen.columns)} columns.")
    say_source(asked, results)


BUILT = 50_000
"""Runs of the scans up to which the runs are built to be counted: some two seconds."""


def counted(study: Study) -> str:
    """Number of runs of a study; beyond a limit only those of its scans, without building one."""
    from lab.regimes.cross_checks import many, runs

    scans = sum(map(runs, study.panels))
    if scans > BUILT:
        return f"{many(scans)} runs, besides limits and checks"
    return f"{len({planned.run for planned in study.plan})} runs"


def preflight(study: Study) -> list[str]:
    """The doubts that the design has whatever is measured, a sentence each.

    Raises StudyError for a study that does not fit into this machine.
    """
    from lab.execution.plan import check_memory
    from lab.regimes.design_warnings import warnings_of

    check_memory(study)
    return [
        f"{f'{scan.title}: ' if scan.title else ''}{doubt}"
        for scan in study.scans
        for doubt in warnings_of(scan)
    ]


def power_sentences(study: Study) -> list[str]:
    """Sentence on the power of the design were its prediction true; none where nothing
    is claimed of an exponent, or of a study that is too large to look at in a second."""
    from lab.regimes import design_warnings
    from lab.regimes.cross_checks import runs

    if sum(map(runs, study.panels)) > BUILT:
        return []
    said: dict[design_warnings.AssumedScatter, list[tuple[float, float]]] = {}
    for scan in study.scans:
        ends = design_warnings.power(scan)
        if ends is not None:
            said.setdefault(design_warnings.scatter(scan), []).append(ends)
    return [
        f"were the prediction true, this design would say so in {_share(some)} of runs, if log "
        f"losses scatter by {noise:g} between seeds and α by {spread:.0%} between teachers; "
        "`lab calibrate` simulates it, and other truths."
        for (noise, spread), some in said.items()
    ]


def _share(some: list[tuple[float, float]]) -> str:
    low, high = min(low for low, _ in some), max(high for _, high in some)
    return f"{low:.0%}" if high - low < 0.005 else f"{low:.0%} to {high:.0%}"
