"""Redaction of secret values in everything that the library prints: errors, warnings and messages of providers.

    redactor.py     replaces secret values in messages
    credentials.py  finds credentials in kubeconfigs and in settings of providers

Two kinds of values are secret. Pulumi marks the ones that the program passes as secrets (`Output.secret`, secret
config). Credentials inside kubeconfigs and provider settings are secret even if the program does not mark them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from eks_identity.redaction.redactor import SECRET, Redactor

__all__ = ["SECRET", "Redactor", "current", "note", "redacted", "using"]

_CURRENT: ContextVar[tuple[Callable[[], Redactor], ...]] = ContextVar("redactors", default=())


def current_redactor() -> Redactor:
    """Return one redactor with the values of all redactors in use."""
    joined = Redactor()
    for redactor in _CURRENT.get():
        joined.extend(redactor())
    return joined


@contextmanager
def use_redactor(redactor: Callable[[], Redactor]) -> Iterator[None]:
    """Redact messages within the block by this redactor too. It is built when a message needs it.

    `redactor` must return the same redactor on each call.
    """
    before = _CURRENT.set((*_CURRENT.get(), redactor))
    try:
        yield
    finally:
        _CURRENT.reset(before)


def add_to_current(values: Redactor) -> None:
    """Add the values of another redactor to the innermost redactor in use, if any."""
    redactors = _CURRENT.get()
    if redactors:
        redactors[-1]().extend(values)


def redact(text: str) -> str:
    """Return `text` without the secret values of all redactors in use."""
    return current_redactor().redact(text)
