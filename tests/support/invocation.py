"""Verbs called as from a shell, and the simulated stores they read."""

from simulated import power, rows
from typer.testing import CliRunner

from lab import cli

__all__ = ["invoke", "power", "rows"]


def invoke(*arguments):
    """The result of `lab ARGUMENTS…`; what is no exit is raised."""
    result = CliRunner().invoke(cli.app, list(map(str, arguments)))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result
