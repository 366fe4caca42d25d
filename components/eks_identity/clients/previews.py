"""Whether the engine runs a preview, in programs and in the processes of dynamic providers.

A preview must not wait for a cluster that does not respond. The engine calls `check` of a provider in previews and in
updates, and does not say which. So a Python program adds an input in updates, and the provider removes it: no resource
of a state keeps it. Programs of other languages do not, and their checks never wait.
"""

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any

import pulumi

UPDATE_INPUT = "__is_update"
_is_checked_in_preview: ContextVar[bool] = ContextVar("is_checked_in_preview", default=False)


def is_preview() -> bool:
    """Return whether the caller runs in a preview, or in a check that may be part of one."""
    return pulumi.runtime.is_dry_run() or _is_checked_in_preview.get()


def read_update_input(check: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap `check` of a provider so that it runs as in a preview, unless the program added the input."""

    @wraps(check)
    def wrapper(provider: Any, olds: dict[str, Any], news: dict[str, Any]) -> Any:
        inputs = {name: value for name, value in news.items() if name != UPDATE_INPUT}
        token = _is_checked_in_preview.set(UPDATE_INPUT not in news)
        try:
            return check(provider, olds, inputs)
        finally:
            _is_checked_in_preview.reset(token)

    return wrapper
