"""What botocore knows of AWS's services, read once in a process: its sessions share it, and its forks have it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.loaders import Loader
    from botocore.session import Session


def share(session: Session) -> None:
    """Have `session` use what the process has read already. Each session by itself would read some MB of JSON anew."""
    session.register_component("data_loader", _loader())


@cache
def _loader() -> Loader:
    from botocore.loaders import create_loader  # noqa: PLC0415 - only who makes a client loads botocore

    return create_loader()
