"""AWS's service models, read once per process and shared by its botocore sessions and its forks."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.loaders import Loader
    from botocore.session import Session


def share(session: Session) -> None:
    """Let `session` use the models that the process has already read, instead of reading some MB of JSON again."""
    session.register_component("data_loader", _loader())


@cache
def _loader() -> Loader:
    from botocore.loaders import create_loader  # noqa: PLC0415 - botocore is loaded only if a client is created

    return create_loader()
