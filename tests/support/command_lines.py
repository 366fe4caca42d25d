"""Command lines, run in this process as their programs run them."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from unittest import mock


@dataclass(frozen=True)
class Done:
    """The end of a command."""

    code: int
    stdout: str
    stderr: str


def call(main: Callable[[], object], *arguments: object) -> Done:
    """Return the exit code and the output of a program; an exception, which would be a traceback, is raised."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2)]
    code: int | str | None = 0
    with (
        mock.patch.object(sys, "argv", ["command", *map(str, arguments)]),
        contextlib.redirect_stdout(streams[0]),
        contextlib.redirect_stderr(streams[1]),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code
    stdout, stderr = (stream.buffer.getvalue().decode("utf-8", "surrogateescape") for stream in streams)
    return Done(int(code or 0), stdout, stderr)
