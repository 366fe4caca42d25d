"""Sessions of STS and their temporary credentials.

moto stores assumed roles without expiry, session policies and tags. It also looks up the role's id at each request, so
that a session survives the deletion of its role. The lab's session stores the principal as it was when the session was
opened. Each process has one store, as it has one moto state.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from moto.iam.utils import generate_access_key_id_from_account_id

from lab.interfaces import Credentials, IamPrincipal

DEFAULT_DURATION = 3600
"""Seconds. STS's default. A role can allow 900 to 43,200, and a chained session at most 3,600."""

_EXPIRED_RETENTION = timedelta(hours=12)
"""How long an expired session is stored, so that its requests fail with ExpiredToken and not InvalidClientTokenId."""


@dataclass(frozen=True)
class Session:
    """A session of a role, or of a user (GetSessionToken)."""

    credentials: Credentials
    principal: IamPrincipal
    account: str
    partition: str
    name: str
    issued_at: datetime
    policies: tuple[str, ...] = ()
    """Session policies (JSON). Without any, the session has all permissions of its principal."""
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive_tag_keys: frozenset[str] = frozenset()
    federated_provider: str | None = None
    """ARN of the OIDC provider of a session that was opened with a web identity token."""
    source_identity: str | None = None

    @property
    def is_role(self) -> bool:
        return ":role/" in self.principal.arn

    @property
    def arn(self) -> str:
        """The ARN that GetCallerIdentity returns: of the assumed role, without the role's path, or of the user."""
        if not self.is_role:
            return self.principal.arn
        role_name = self.principal.arn.rpartition("/")[2]
        return f"arn:{self.partition}:sts::{self.account}:assumed-role/{role_name}/{self.name}"

    @property
    def user_id(self) -> str:
        return f"{self.principal.unique_id}:{self.name}" if self.is_role else self.principal.unique_id

    @property
    def is_expired(self) -> bool:
        assert self.credentials.expiration is not None
        return self.credentials.expiration <= datetime.now(UTC)


class SessionStore:
    """All sessions by access key id."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}

    def open(
        self,
        *,
        principal: IamPrincipal,
        account: str,
        partition: str,
        name: str,
        duration: int = DEFAULT_DURATION,
        policies: tuple[str, ...] = (),
        tags: Mapping[str, str] | None = None,
        transitive_tag_keys: frozenset[str] = frozenset(),
        federated_provider: str | None = None,
        source_identity: str | None = None,
    ) -> Session:
        """Open a session of `principal` that expires after `duration` seconds. It must be authorized before."""
        now = datetime.now(UTC).replace(microsecond=0)
        session = Session(
            credentials=Credentials(
                access_key_id=generate_access_key_id_from_account_id(account, prefix="ASIA", total_length=20),
                secret_access_key=secrets.token_urlsafe(30),
                session_token=secrets.token_urlsafe(256),
                expiration=now + timedelta(seconds=duration),
            ),
            principal=principal,
            account=account,
            partition=partition,
            name=name,
            issued_at=now,
            policies=policies,
            tags=dict(tags or {}),
            transitive_tag_keys=transitive_tag_keys,
            federated_provider=federated_provider,
            source_identity=source_identity,
        )
        with self._lock:
            self._delete_expired(now)
            self._sessions[session.credentials.access_key_id] = session
        return session

    def get(self, access_key_id: str) -> Session | None:
        """Return the session of that access key, or None. Sessions that expired in the last 12 hours are included."""
        with self._lock:
            return self._sessions.get(access_key_id)

    def clear(self) -> None:
        """Delete every session."""
        with self._lock:
            self._sessions.clear()

    def _delete_expired(self, now: datetime) -> None:
        for key, session in list(self._sessions.items()):
            assert session.credentials.expiration is not None
            if session.credentials.expiration + _EXPIRED_RETENTION < now:
                del self._sessions[key]


sessions = SessionStore()
"""The session store of this process."""
