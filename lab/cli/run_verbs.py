"""The verbs of single runs: how far they are, how each ended, and having some of them again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lab.cli.options import (
    RESULTS,
    AsJson,
    Overrides,
    Results,
    StudyFile,
    Wide,
    completing,
    read,
)
from lab.cli.output import quoted, say, say_json, say_table
from lab.mistakes import StudyError, unknown

STATUSES = ("done", "diverged", "failed", "missing")
STUDIES = Path("studies")
"""Where the study of a folder of results is looked for, besides here."""
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without, only say what would be done.")]


def status(
    study: Annotated[
        Path | None, typer.Argument(metavar="[STUDY]", help="A study file (TOML); without one, "
                                    "every study of the results folder.")
    ] = None,
    overrides: Overrides = None,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """How far a study is, or all of them: runs planned, done, failed, diverged and left."""
    if study is None:
        _status_of_all(results, as_json)
        return
    found = _outlook(study, overrides, results)
    if as_json:
        say_json(_numbers(found))
        return
    say(_told(found))
    if found.left.failed:
        _say_errors(study, overrides, results)


def _outlook(study: Path, overrides: list[str] | None, results: Path) -> Any:
    import lab

    return lab.plan(read(study, overrides), results, name=study.stem)


def _numbers(found: Any) -> dict[str, Any]:
    left = found.left
    return {
        "planned": left.planned, "done": left.done, "failed": left.failed,
        "diverged": left.diverged, "left": len(left.missing),
        "seconds_left": round(found.seconds, 1),
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


def _say_errors(study: Path, overrides: list[str] | None, results: Path) -> None:
    import lab
    from lab.show import runs as shown

    failed = lab.runs(read(study, overrides), results, name=study.stem, status="failed")
    for keys, error in shown.errors(failed)[:3]:
        say(f"{len(keys.split(', '))} failed with {shown.last_line(error)}")
    say(f"`lab runs {quoted(study)} --failed` has the tracebacks.")


def _status_of_all(results: Path, as_json: bool) -> None:
    """Every store of the results folder; its numbers where its study is found."""
    from lab.execution.store import Store

    found: dict[str, Any] = {}
    for file in sorted(results.glob("*/lab.db")):
        name = file.parent.name
        study = next((f for f in (Path(f"{name}.toml"), STUDIES / f"{name}.toml") if f.is_file()),
                     None)  # fmt: skip
        try:
            if study is not None:
                found[name] = {"study": str(study), **_numbers(_outlook(study, None, results))}
                continue
            with Store.read(file.parent) as store:
                states = [*store.states().values()]
            found[name] = {"study": None, "stored": len(states)} | {
                one: states.count(one) for one in STATUSES[:3]
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
        note = "" if found["study"] else "its study file is neither here nor in studies/"
    keys = ("planned", "done", "diverged", "failed")
    untried = str(found["left"] - found["failed"]) if "left" in found else "–"
    return (name, *(str(found.get(key, "–")) for key in keys), untried, note)


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
    from lab.show import runs as shown

    if status is not None and status not in STATUSES:
        raise StudyError([f"--status: {unknown('status', status, STATUSES)}"])
    if plot and not curve:
        raise StudyError(["--plot draws a learning curve; say of which run by --curve RUN"])
    asked = read(study, overrides)
    if curve:
        _curve(study, results, curve, plot, as_json, wide)
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
    for keys, error in shown.errors(some) if failed else ():
        say(f"\n{keys}\n{error}")


def _curve(
    study: Path, results: Path, beginning: str, plot: Path | None, as_json: bool, wide: bool
) -> None:
    from lab.execution import listing
    from lab.execution.store import Store, folder
    from lab.plain import plain
    from lab.show import runs as shown

    with Store.read(folder(study, results)) as store:
        row = listing.one(store, beginning)
    if as_json:
        say_json(plain({"run": row.fingerprint, "status": row.status, "curve": [*row.curve]}))
    else:
        say_table(shown.curve_title(row), shown.CURVE_HEAD, shown.curve_lines(row), wide=wide)
    if plot:
        _draw(shown.curve_figure(row), plot)


def _draw(figure: Any, file: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    endings = sorted(FigureCanvasAgg.get_supported_filetypes())
    if file.suffix[1:].lower() not in endings:
        raise StudyError([f"--plot {file}: unknown ending '{file.suffix}'; use .png, .svg or .pdf"])
    FigureCanvasAgg(figure)
    figure.savefig(file)


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
    found = lab.retry(read(study, overrides), statuses, results, name=study.stem, dry=not yes)
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
    from lab.show.runs import KEY

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
