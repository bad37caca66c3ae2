"""All verbs: one per thing a person does with a study or a table.

Heavy modules are imported inside the verb that needs them: help, check, plan and status never start
JAX, and help is plain text, which needs neither rich nor pydantic.
"""

from __future__ import annotations

from typing import Annotated

import typer

from lab.cli import report_verbs, run_verbs, study_verbs, table_verbs
from lab.cli.ending import CODES

NAMES = {"help_option_names": ["-h", "--help"]}
app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings=NAMES,
    help="A laboratory for neural scaling laws. A study file asks a question with a number in it; "
    "the lab trains the students that answer it, estimates the exponent with an honest interval, "
    "and says whether the theory holds.\n\nStart with: lab init my-study.toml, lab plan "
    "my-study.toml, lab run my-study.toml.",
    epilog="Exit codes: " + ", ".join(f"{code} {what}" for code, what in CODES.items()) + ".",
)
VERBS = (
    study_verbs.init, study_verbs.check, study_verbs.plan, study_verbs.run, run_verbs.status,
    run_verbs.runs, run_verbs.verify, table_verbs.fit, report_verbs.report, report_verbs.figures,
    report_verbs.findings, study_verbs.export, table_verbs.dimension,
    table_verbs.calibrate, run_verbs.retry, run_verbs.clean,
)  # fmt: skip
for verb in VERBS:
    app.command(short_help=(verb.__doc__ or "").split("\n\n")[0])(verb)


def _version(asked: bool) -> bool:
    if asked:
        import lab

        typer.echo(f"scaling-lab {lab.__version__}")
        raise typer.Exit
    return asked


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_version,
                     help="Show the version and exit."),
    ] = False,
) -> None:  # fmt: skip
    """Options of every verb; its words are those of `app`."""
