"""The caller of a request. Authentication stores it in the WSGI environment, from which later handlers read it."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from lab.cloud.sessions import Session
from lab.interfaces import IamPrincipal

_ENVIRON_KEY = "eks_lab.caller"


@dataclass(frozen=True)
class Caller:
    """The caller of a request: `principal` is the user or role whose policies apply, `arn` the ARN of this request.

    For a role, `arn` is the ARN of the assumed-role session.
    """

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
    """Store the caller of the request of `environ`, or None for an operation that needs no signature."""
    environ[_ENVIRON_KEY] = caller


def read_caller(environ: Mapping[str, Any]) -> Caller:
    """Return the caller of the request of `environ`.

    Raises:
        LookupError: the request has no signature, or was not authenticated.
    """
    caller: Caller | None = environ.get(_ENVIRON_KEY)
    if caller is None:
        raise LookupError("The request has no authenticated caller: lab.cloud.authentication did not process it")
    return caller


def read_optional_caller(environ: Mapping[str, Any]) -> Caller | None:
    """Return the caller of the request of `environ`, or None for an operation that needs no signature."""
    caller: Caller | None = environ.get(_ENVIRON_KEY)
    return caller
