"""Input of AssumeRole and AssumeRoleWithWebIdentity: the limits on a session's name, duration, policies and tags."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moto.iam.models import Role

from lab.cloud import iam_lookup
from lab.cloud.policy import PolicyError, parse
from lab.cloud.sessions import DEFAULT_DURATION

MIN_DURATION = 900
MAX_DURATION = 43_200
MAX_CHAINED_DURATION = 3_600
MAX_POLICY_CHARACTERS = 2_048
MAX_POLICY_ARNS = 10
MAX_TAGS = 50

_SESSION_NAME = re.compile(r"^[\w+=,.@-]{2,64}$", re.ASCII)


class SessionRequestError(ValueError):
    """The input violates a limit of STS. `code` is STS's error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class SessionRequest:
    """The input of a request for a session, validated against the limits that do not depend on the role."""

    role_arn: str
    name: str
    duration: int | None
    policy: str | None
    policy_arns: tuple[str, ...]
    tags: Mapping[str, str]
    transitive_tag_keys: frozenset[str]
    source_identity: str | None

    def duration_for(self, role: Role, *, chained: bool = False) -> int:
        """Return the session's duration in seconds.

        The default is 3,600. The limit is the role's maximum session duration, and 3,600 if a role's session assumes
        another role (`chained`).

        Raises:
            SessionRequestError: the request exceeds the limit.
        """
        if self.duration is None:
            return DEFAULT_DURATION
        if chained and self.duration > MAX_CHAINED_DURATION:
            raise SessionRequestError(
                "ValidationError",
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
            )
        if self.duration > int(role.max_session_duration or DEFAULT_DURATION):
            raise SessionRequestError(
                "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
            )
        return self.duration

    def policies_for(self, role: Role) -> tuple[str, ...]:
        """Return the session policies (JSON), inline and managed.

        Raises:
            SessionRequestError: a managed policy does not exist in the role's account.
        """
        iam = iam_lookup.find_backend(role.account_id, role.partition)
        documents = [] if self.policy is None else [self.policy]
        for arn in self.policy_arns:
            managed = iam.managed_policies.get(arn) if iam else None
            if managed is None:
                raise SessionRequestError("InvalidInput", f"Policy {arn} does not exist or is not attachable.")
            documents.append(next(version.document for version in list(managed.versions) if version.is_default))
        return tuple(documents)


def read(get: Any) -> SessionRequest:
    """Read the input of AssumeRole or AssumeRoleWithWebIdentity. `get` returns a member by name.

    Raises:
        SessionRequestError: a member violates its limit.
    """
    name, duration, policy = str(get("RoleSessionName") or ""), get("DurationSeconds"), get("Policy")
    arns = tuple(str(entry.get("arn", "")) for entry in get("PolicyArns") or ())
    tags = {str(tag["Key"]): str(tag.get("Value", "")) for tag in get("Tags") or ()}
    if not _SESSION_NAME.match(name):
        raise _invalid("roleSessionName", name, r"Member must satisfy regular expression pattern: [\w+=,.@-]{2,64}")
    if duration is not None and int(duration) < MIN_DURATION:
        raise _invalid("durationSeconds", duration, f"Member must have value greater than or equal to {MIN_DURATION}")
    if duration is not None and int(duration) > MAX_DURATION:
        raise _invalid("durationSeconds", duration, f"Member must have value less than or equal to {MAX_DURATION}")
    if policy is not None:
        _check_policy(str(policy))
    if len(arns) > MAX_POLICY_ARNS:
        raise _invalid("policyArns", len(arns), f"Member must have length less than or equal to {MAX_POLICY_ARNS}")
    _check_tags(tags)
    return SessionRequest(
        role_arn=str(get("RoleArn") or ""),
        name=name,
        duration=None if duration is None else int(duration),
        policy=None if policy is None else str(policy),
        policy_arns=arns,
        tags=tags,
        transitive_tag_keys=frozenset(map(str, get("TransitiveTagKeys") or ())),
        source_identity=get("SourceIdentity"),
    )


def _check_policy(policy: str) -> None:
    if len(policy) > MAX_POLICY_CHARACTERS:
        raise _invalid("policy", "…", f"Member must have length less than or equal to {MAX_POLICY_CHARACTERS}")
    try:
        parse(policy)
    except PolicyError as error:
        raise SessionRequestError("MalformedPolicyDocument", f"The policy is not valid: {error}") from error


def _check_tags(tags: Mapping[str, str]) -> None:
    if len(tags) > MAX_TAGS:
        raise _invalid("tags", len(tags), f"Member must have length less than or equal to {MAX_TAGS}")
    for key, value in tags.items():
        if not 1 <= len(key) <= 128:
            raise _invalid("tags.member.key", key, "Member must have length from 1 to 128")
        if len(value) > 256:
            raise _invalid("tags.member.value", value, "Member must have length less than or equal to 256")


def _invalid(member: str, value: object, constraint: str) -> SessionRequestError:
    return SessionRequestError(
        "ValidationError",
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}",
    )
