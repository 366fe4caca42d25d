"""AWS's errors as a user of `pulumi` should read them: what was done, to what, and AWS's own words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from lab.plugins.errors import PluginError

_GONE: Final = frozenset({"NoSuchEntity", "ResourceNotFoundException", "NoSuchBucket", "NoSuchTagSet", "404"})


class GoneError(Exception):
    """The resource is not there."""


def code_of(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def is_gone(error: Any) -> bool:
    """Whether AWS says that the resource is not there: EC2 has a code for each kind, `InvalidVpcID.NotFound`."""
    code = code_of(error)
    return code in _GONE or code.endswith(".NotFound")


@contextmanager
def told(doing: str) -> Iterator[None]:
    """Turn what botocore raises in this block into a `PluginError` that begins with `doing`, or into `GoneError`."""
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
