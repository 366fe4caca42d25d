"""Temporary credentials: every session that STS has opened and not yet forgotten.

moto keeps assumed roles too, but without expiry, session policies and tags, and it works out the role's id anew at each
look, so that a session outlives its role. Here a session holds the principal as it was when the session was opened.
One store per process, like moto's state.
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
"""Seconds. STS's own default; a role may allow 900 to 43,200, a chained session 3,600 at most."""

_KEPT_AFTER_EXPIRY = timedelta(hours=12)
"""How long an expired session can still be told from one that never was (ExpiredToken, not InvalidClientTokenId)."""


@dataclass(frozen=True)
class Session:
    """One session of a role, or of a user (GetSessionToken)."""

    credentials: Credentials
    principal: IamPrincipal
    account: str
    partition: str
    name: str
    policies: tuple[str, ...] = ()
    """Session policies (JSON); none means that the session may do what its principal may."""
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive_tag_keys: frozenset[str] = frozenset()
    federated_provider: str | None = None
    """The OIDC provider's ARN, for a session opened with a web identity token."""
    source_identity: str | None = None

    @property
    def is_role(self) -> bool:
        return ":role/" in self.principal.arn

    @property
    def arn(self) -> str:
        """What GetCallerIdentity shows: the session of a role, without the role's path; or the user."""
        if not self.is_role:
            return self.principal.arn
        role_name = self.principal.arn.rpartition("/")[2]
        return f"arn:{self.partition}:sts::{self.account}:assumed-role/{role_name}/{self.name}"

    @property
    def user_id(self) -> str:
        return f"{self.principal.unique_id}:{self.name}" if self.is_role else self.principal.unique_id

    @property
    def expired(self) -> bool:
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
        """Open a session of `principal` that ends in `duration` seconds. Permission was judged before."""
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
            policies=policies,
            tags=dict(tags or {}),
            transitive_tag_keys=transitive_tag_keys,
            federated_provider=federated_provider,
            source_identity=source_identity,
        )
        with self._lock:
            self._forget_old(now)
            self._sessions[session.credentials.access_key_id] = session
        return session

    def get(self, access_key_id: str) -> Session | None:
        """The session of that key, expired or not; None if there was none, or it is long over."""
        with self._lock:
            return self._sessions.get(access_key_id)

    def clear(self) -> None:
        """End every session."""
        with self._lock:
            self._sessions.clear()

    def _forget_old(self, now: datetime) -> None:
        for key, session in list(self._sessions.items()):
            assert session.credentials.expiration is not None
            if session.credentials.expiration + _KEPT_AFTER_EXPIRY < now:
                del self._sessions[key]


sessions = SessionStore()
"""The process's sessions."""
