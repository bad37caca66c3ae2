"""The command line. `main` is the entry point, `lab.cli.verbs` the verbs.

Importing this imports nothing, so that Ctrl-C is heard before anything heavy is loaded. How a
command ends, and with which exit code, is in `ending.py`.
"""

from __future__ import annotations

from typing import Any


def main() -> None:
    """Run the command line of this process, and end with its exit code."""
    from lab.cli.ending import run_and_exit_code, signal_handlers

    with signal_handlers():
        raise SystemExit(run_and_exit_code(_command))


def _command() -> None:
    from lab.cli.verbs import app

    app()


def __getattr__(name: str) -> Any:
    """`app`, imported on first use."""
    if name != "app":
        raise AttributeError(f"module 'lab.cli' has no attribute '{name}'")
    from lab.cli.verbs import app

    return app
