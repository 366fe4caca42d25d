"""AWS's service models, read once in a process: all botocore sessions in it, and its forks, use the same ones."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.loaders import Loader
    from botocore.session import Session


def share(session: Session) -> None:
    """Give `session` the models that the process has read already, in place of some MB of JSON that it would read."""
    session.register_component("data_loader", _loader())


@cache
def _loader() -> Loader:
    from botocore.loaders import create_loader  # noqa: PLC0415 - only who makes a client loads botocore

    return create_loader()
