"""Who signed a request, as authentication leaves it in the WSGI environment for everything behind it."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from lab.cloud.sessions import Session
from lab.interfaces import IamPrincipal

_ENVIRON_KEY = "eks_lab.caller"


@dataclass(frozen=True)
class Caller:
    """A user or role (`principal`, whose policies count) and the name it goes by in this request (`arn`)."""

    principal: IamPrincipal
    arn: str
    user_id: str
    account: str
    partition: str
    session: Session | None = None

    @property
    def is_role(self) -> bool:
        return ":role/" in self.principal.arn

    @property
    def is_root(self) -> bool:
        return self.principal.arn.endswith(":root")

    @classmethod
    def of_session(cls, session: Session) -> Caller:
        return cls(session.principal, session.arn, session.user_id, session.account, session.partition, session)


def set_caller(environ: MutableMapping[str, Any], caller: Caller | None) -> None:
    """Note who signed the request of `environ`; None for the operations that need no signature."""
    environ[_ENVIRON_KEY] = caller


def caller_of(environ: Mapping[str, Any]) -> Caller:
    """Who signed the request of `environ`.

    Raises:
        LookupError: nobody did, or the request did not come through authentication.
    """
    caller: Caller | None = environ.get(_ENVIRON_KEY)
    if caller is None:
        raise LookupError("The request has no authenticated caller: it did not come through lab.cloud.authentication")
    return caller
