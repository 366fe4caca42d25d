"""What every way to open a role session has in common: the limits on its name, duration, policies and tags."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moto.iam.models import Role

from lab.cloud import iam_lookup
from lab.cloud.policy import PolicyError, parse
from lab.cloud.sessions import DEFAULT_DURATION

SHORTEST = 900
LONGEST = 43_200
LONGEST_CHAINED = 3_600
MOST_POLICY_CHARACTERS = 2_048
MOST_POLICY_ARNS = 10
MOST_TAGS = 50

_SESSION_NAME = re.compile(r"^[\w+=,.@-]{2,64}$", re.ASCII)


class SessionRequestError(ValueError):
    """What is asked for breaks one of STS's limits; `code` is STS's error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class SessionRequest:
    """A session as asked for, within the limits that need no role."""

    role_arn: str
    name: str
    duration: int | None
    policy: str | None
    policy_arns: tuple[str, ...]
    tags: Mapping[str, str]
    transitive_tag_keys: frozenset[str]
    source_identity: str | None

    def duration_for(self, role: Role, *, chained: bool = False) -> int:
        """The session's duration in seconds: an hour unless asked otherwise, at most what the role allows, and an hour
        where one role's session assumes another role.

        Raises:
            SessionRequestError: more is asked for.
        """
        if self.duration is None:
            return DEFAULT_DURATION
        if chained and self.duration > LONGEST_CHAINED:
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
        """The session policies (JSON), inline and managed.

        Raises:
            SessionRequestError: a managed policy does not exist in the role's account.
        """
        iam = iam_lookup.backend(role.account_id, role.partition)
        documents = [] if self.policy is None else [self.policy]
        for arn in self.policy_arns:
            managed = iam.managed_policies.get(arn) if iam else None
            if managed is None:
                raise SessionRequestError("InvalidInput", f"Policy {arn} does not exist or is not attachable.")
            documents.append(next(version.document for version in list(managed.versions) if version.is_default))
        return tuple(documents)


def read(get: Any) -> SessionRequest:
    """Read the members of AssumeRole or AssumeRoleWithWebIdentity; `get` gives one by name.

    Raises:
        SessionRequestError: a member breaks its limit.
    """
    name, duration, policy = str(get("RoleSessionName") or ""), get("DurationSeconds"), get("Policy")
    arns = tuple(str(entry.get("arn", "")) for entry in get("PolicyArns") or ())
    tags = {str(tag["Key"]): str(tag.get("Value", "")) for tag in get("Tags") or ()}
    if not _SESSION_NAME.match(name):
        raise _invalid("roleSessionName", name, r"Member must satisfy regular expression pattern: [\w+=,.@-]{2,64}")
    if duration is not None and int(duration) < SHORTEST:
        raise _invalid("durationSeconds", duration, f"Member must have value greater than or equal to {SHORTEST}")
    if duration is not None and int(duration) > LONGEST:
        raise _invalid("durationSeconds", duration, f"Member must have value less than or equal to {LONGEST}")
    if policy is not None:
        _check_policy(str(policy))
    if len(arns) > MOST_POLICY_ARNS:
        raise _invalid("policyArns", len(arns), f"Member must have length less than or equal to {MOST_POLICY_ARNS}")
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
    if len(policy) > MOST_POLICY_CHARACTERS:
        raise _invalid("policy", "…", f"Member must have length less than or equal to {MOST_POLICY_CHARACTERS}")
    try:
        parse(policy)
    except PolicyError as error:
        raise SessionRequestError("MalformedPolicyDocument", f"The policy is not valid: {error}") from error


def _check_tags(tags: Mapping[str, str]) -> None:
    if len(tags) > MOST_TAGS:
        raise _invalid("tags", len(tags), f"Member must have length less than or equal to {MOST_TAGS}")
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
