"""Verbs called as from a shell, and the simulated stores they read."""

import sys
from pathlib import Path

from typer.testing import CliRunner

from lab import cli

sys.path.insert(0, str(Path(__file__).parents[1] / "runs"))
from simulated import power, rows  # noqa: E402

__all__ = ["invoke", "power", "rows"]


def invoke(*arguments):
    """The result of `lab ARGUMENTS…`; what is no exit is raised."""
    result = CliRunner().invoke(cli.app, list(map(str, arguments)))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result
