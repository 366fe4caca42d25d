"""Standard streams that may be closed, and errors as text, for all commands of this project."""

from __future__ import annotations

import io
import os
import sys
from typing import Any, cast

import click


class _Discard(io.RawIOBase):
    """A stream that discards what is written."""

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        return len(data)


def prepare_streams() -> None:
    """Make standard output and error usable: closed ones discard, and others escape what their encoding lacks."""
    sys.stdin = sys.stdin or io.StringIO()
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by the shell: `command >&-`
            setattr(sys, name, io.TextIOWrapper(cast("Any", _Discard()), encoding="utf-8", write_through=True))
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def printable(text: str) -> str:
    """Return `text` with escapes of the characters that a terminal would obey. Lines stay."""
    return "".join(each if each.isprintable() or each == "\n" else repr(each)[1:-1] for each in text)


def report_os_error(error: OSError) -> None:
    """Print the message of an error of a file or of a stream, with a fix.

    What a standard output that failed still holds is discarded: Python would try to write it again when it ends.
    """
    subject = "standard output" if error.filename is None else printable(str(error.filename))
    fix = "pass another file or folder, or change its permissions; a full disk needs space"
    click.echo(f"error: {subject} cannot be used: {error.strerror or error}\n  fix: {fix}", err=True)
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
