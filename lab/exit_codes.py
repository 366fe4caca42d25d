"""Exit codes of the command line `python -m lab`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import IntEnum
from functools import wraps
from typing import Any

import click

from lab.errors import LabError, UsageError
from lab.lab_dir import LabDir


class ExitCode(IntEnum):
    """Exit codes of the command line."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_RUNNING = 3
    INTERRUPTED = 130


def errors_to_exit_codes(command: Callable[..., Any]) -> Callable[..., Any]:
    """Print the errors of a command, and exit with their code."""

    @wraps(command)
    def wrapped(home: LabDir, *args: Any, **options: Any) -> Any:
        try:
            return command(home, *args, **options)
        except LabError as error:
            click.echo(f"error: {error}", err=True)
            sys.exit(ExitCode.USAGE if isinstance(error, UsageError) else ExitCode.FAILED)
        except KeyboardInterrupt:
            click.echo("interrupted" + _AFTER_INTERRUPT.get(command.__name__, "").format(home.option), err=True)
            sys.exit(ExitCode.INTERRUPTED)

    return wrapped


_AFTER_INTERRUPT = {
    "up": "; run `python -m lab{0} up` to continue, `python -m lab{0} down` to stop",
    "demo": "; without --keep its lab is removed",
}
