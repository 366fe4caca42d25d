"""AWS's errors as messages for the user of `pulumi`: the operation, the resource and AWS's own message."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from lab.plugins.errors import PluginError

_GONE: Final = frozenset({"NoSuchEntity", "ResourceNotFoundException", "NoSuchBucket", "NoSuchTagSet", "404"})


class GoneError(Exception):
    """The resource does not exist."""


def code_of(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def is_gone(error: Any) -> bool:
    """Return whether the error means that the resource does not exist.

    EC2 has a code for each kind: `InvalidVpcID.NotFound`.
    """
    code = code_of(error)
    return code in _GONE or code.endswith(".NotFound")


def call_unless_gone(operation: Callable[..., object], **request: Any) -> None:
    """Call an operation that removes an object. It is no error if somebody else has removed it."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - botocore is loaded at the first call

    try:
        operation(**request)
    except ClientError as error:
        if not is_gone(error):
            raise


@contextmanager
def plugin_errors(doing: str) -> Iterator[None]:
    """Convert botocore's exceptions to a `PluginError` whose message begins with `doing`, or to `GoneError`."""
    from botocore.exceptions import BotoCoreError, ClientError, WaiterError  # noqa: PLC0415

    try:
        yield
    except ClientError as error:
        if is_gone(error):
            raise GoneError(str(error)) from error
        message = error.response.get("Error", {}).get("Message", "")
        raise PluginError(f"{doing}: {error.operation_name}: {code_of(error)}: {message}") from error
    except WaiterError as error:
        raise PluginError(f"{doing}: {error}") from error
    except BotoCoreError as error:
        raise PluginError(f"{doing}: {error}") from error
