"""AWS's errors as messages for the user of `pulumi`: the operation, the resource and AWS's own message."""

from __future__ import annotations

from collections.abc import Iterator
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
