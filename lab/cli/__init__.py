"""The command line: one verb per thing a person does with a study or a table.

Heavy modules are imported inside the verb that needs them: help, check, plan and status never start
JAX. Exit codes: 0 done, 2 a mistake in the command or the study, 3 some runs failed, or
all diverged, 130 interrupted.
"""

from __future__ import annotations

import typer

from lab.cli import statistics_verbs, study_verbs
from lab.mistakes import StudyError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A laboratory for neural scaling laws. A study file asks a question with a number in it; "
    "the lab trains the students that answer it, estimates the exponent with an honest interval, "
    "and says whether the theory holds.\n\nStart with: lab init my-study.toml, lab plan "
    "my-study.toml, lab run my-study.toml.",
    epilog="Exit codes: 0 done, 2 mistake in the command or the study, 3 some runs failed, "
    "or all diverged, 130 interrupted.",
)
VERBS = (
    study_verbs.init, study_verbs.check, study_verbs.plan, study_verbs.run, study_verbs.status,
    statistics_verbs.fit, study_verbs.report, study_verbs.export, statistics_verbs.calibrate,
)  # fmt: skip
for verb in VERBS:
    app.command()(verb)


def main() -> None:
    """Entry point: mistakes become sentences and exit code 2."""
    try:
        app()
    except StudyError as error:
        for mistake in error.mistakes:
            typer.echo(mistake, err=True)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
