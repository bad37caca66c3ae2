"""The verbs of single runs: how each ended, training some again to compare, having some again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lab.cli.options import (
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
    completing,
    read,
)
from lab.cli.output import quoted, say, say_json, say_sentence, say_source, say_table
from lab.mistakes import StudyError, unknown

STATUSES = ("done", "diverged", "failed", "missing")
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without, only say what would be done.")]


def runs(
    study: StudyFile,
    overrides: Overrides = None,
    results: Results = RESULTS,
    status: Annotated[
        str | None, typer.Option(metavar="|".join(STATUSES), autocompletion=completing(
                                 lambda: STATUSES), help="Those that ended so.")
    ] = None,
    dim: Annotated[int | None, typer.Option(metavar="D", help="Those of this dimension.")] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Those that failed, with their tracebacks.")
    ] = False,
    limit: Annotated[int, typer.Option(min=0, help="Show so many.")] = 50,
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
    import lab
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
    found = lab.runs(asked, results, name=study.stem, status=wanted, dim=dim)
    some = shown.Runs(found[:limit])
    if as_json:
        say_json({"runs": [one.plain() for one in some], "more": len(found) - len(some)})
        return
    if some:
        say_table(f"Runs of {study}", shown.head(some), shown.lines(some), most=shown.MOST,
                  wide=wide)  # fmt: skip
    more = f"; {len(found) - len(some)} more by --limit" if len(found) > len(some) else ""
    say(f"{shown.counts(found)}{more}")
    say_source(asked, study, results)
    for keys, error in shown.errors(some) if failed else ():
        say(f"\n{keys}\n{error}")


def _curve(
    study: Path, results: Path, overrides: tuple[str, ...], beginning: str, plot: Path | None,
    as_json: bool, wide: bool,
) -> None:  # fmt: skip
    from lab.execution import listing
    from lab.execution.store import Store, folder
    from lab.plain import plain
    from lab.report import runs as shown

    with Store.read(folder(study, results), overrides=overrides) as store:
        row = listing.one(store, beginning)
    if as_json:
        seen = [o._asdict() for o in row.observations]
        found = {"run": row.fingerprint, "status": row.status, "curve": [*row.curve]}
        say_json(plain({**found, "observations": seen}))
    else:
        say_table(shown.curve_title(row), shown.curve_head(row), shown.curve_lines(row), wide=wide)
    if plot:
        _draw(shown.curve_figure(row), plot)


def _draw(figure: Any, file: Path) -> None:
    from io import BytesIO

    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from lab.files import put_bytes

    endings = sorted(FigureCanvasAgg.get_supported_filetypes())
    if file.suffix[1:].lower() not in endings:
        raise StudyError([f"--plot {file}: unknown ending '{file.suffix}'; use .png, .svg or .pdf"])
    FigureCanvasAgg(figure)
    drawn = BytesIO()
    figure.savefig(drawn, format=file.suffix[1:].lower())
    put_bytes(drawn.getvalue(), file, make=False)


def verify(
    study: StudyFile,
    overrides: Overrides = None,
    results: Results = RESULTS,
    share: Annotated[
        float, typer.Option(metavar="SHARE", help="Of the stored runs, above 0, up to 1.")
    ] = 0.02,
    seed: Annotated[int, typer.Option(help="Another one draws other runs.")] = 0,
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
    from lab.execution.engines.settings import Settings
    from lab.plain import plain
    from lab.report import verb_tables as shown

    planned = read(study, overrides)
    asked = Settings.found(study.parent, name=engine, scheduler=scheduler, workers=workers)
    found = lab.verify(planned, results, name=study.stem, share=share, seed=seed, lanes=lanes,
                       engine=asked)  # fmt: skip
    if as_json:
        say_json(plain(found.plain()))
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
    diverged: Annotated[bool, typer.Option("--diverged", help="Runs that diverged.")] = False,
    failed: Annotated[bool, typer.Option("--failed", help="Runs that failed.")] = False,
    yes: Yes = False,
) -> None:
    """Have the next `lab run` train runs again that diverged or failed.

    Their rows are deleted. The same settings on the same machine end in the same way: change what
    made them diverge, or the machine, first. Failed runs are tried again anyway.
    """
    import lab

    statuses = [name for name, asked in (("diverged", diverged), ("failed", failed)) if asked]
    if not statuses:
        raise StudyError(["lab retry: which runs? Add --diverged, --failed or both"])
    found = lab.retry(
        read(study, overrides), results, statuses=statuses, name=study.stem, dry=not yes
    )
    _say_removal(found, f"that {' or '.join(statuses)}", f"`lab run {quoted(study)}` trains them "
                 "again")  # fmt: skip


def clean(
    study: StudyFile,
    overrides: Overrides = None,
    results: Results = RESULTS,
    orphans: Annotated[
        bool, typer.Option("--orphans", help="Runs that the study plans at no budget.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Delete stored runs that the study does not plan: of earlier settings, and of overrides."""
    import lab

    if not orphans:
        raise StudyError(["lab clean: clean what? Add --orphans, for runs that the study no longer "
                          "plans"])  # fmt: skip
    found = lab.clean(read(study, overrides), results, name=study.stem, dry=not yes)
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
