"""Input of AssumeRole and AssumeRoleWithWebIdentity: limits of a session's duration, policies and tags.

`lab.cloud.input_validation` validates each member by botocore's model before. This module validates what the model does
not describe: tags and policies together, the role's own limits, and what a session inherits in a role chain.

STS packs session policies and tags into a binary format with a limit of its own, and returns the used share in per
cent. AWS does not publish the format. `packed_size` estimates it: a policy as its share of 2,048 characters, as in the
examples of the STS API reference, and tags so that the six transitive tags of EKS Pod Identity take 74 per cent, as
measured in https://github.com/aws/containers-roadmap/issues/2413.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from moto.iam.exceptions import MalformedPolicyDocument
from moto.iam.models import Role

from lab.cloud import iam_documents, iam_lookup
from lab.cloud.input_validation import Violation, describe
from lab.cloud.sessions import DEFAULT_DURATION, Session

MAX_CHAINED_DURATION = 3_600
MAX_POLICY_CHARACTERS = 2_048
MAX_POLICY_ARNS = 10
RESERVED_PREFIX = "aws:"
INVALID_MFA = (
    "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and "
    "associated with this user."
)
"""No user of the lab has an MFA device."""

_TAG_BYTES = 525
_BYTES_PER_TAG = 4
"""With them the tags of a cluster, namespace, service account and pod with names of usual length take 74 per cent."""
_UNSUPPORTED = ("ProvidedContexts", "ProviderId")


class SessionRequestError(ValueError):
    """The input violates a limit of STS. `code` is STS's error code."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True)
class SessionRequest:
    """The input of a request for a session, validated against the limits that do not depend on the role."""

    role_arn: str
    name: str
    duration: int | None = None
    policy: str | None = None
    policy_arns: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    """Tags of the request, and in a role chain the transitive tags of the caller's session."""
    transitive_tag_keys: frozenset[str] = frozenset()
    source_identity: str | None = None

    @property
    def packed_size(self) -> int | None:
        """The estimated packed size in per cent, or None without policies and tags."""
        return packed_size(self.policy, self.policy_arns, self.tags, self.transitive_tag_keys)

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


def read(params: Mapping[str, Any], caller: Session | None = None) -> SessionRequest:
    """Read the input of AssumeRole, called with the session `caller` in a role chain, or AssumeRoleWithWebIdentity.

    Raises:
        SessionRequestError: a member violates its limit, or changes what the session inherits.
    """
    for name in _UNSUPPORTED:
        if name in params:
            raise SessionRequestError("InvalidParameterValue", f"The lab does not implement the parameter {name}.")
    if "SerialNumber" in params or "TokenCode" in params:
        raise SessionRequestError("AccessDenied", INVALID_MFA, status=403)
    policy, arns = params.get("Policy"), tuple(str(entry.get("arn", "")) for entry in params.get("PolicyArns", ()))
    if policy is not None:
        check_policy(policy)
    if len(arns) > MAX_POLICY_ARNS:
        raise _invalid("policyArns", list(arns), f"Member must have length less than or equal to {MAX_POLICY_ARNS}")
    inherited = _inherited_tags(caller)
    tags = _read_tags(params.get("Tags", ()), inherited)
    request = SessionRequest(
        role_arn=params["RoleArn"],
        name=params["RoleSessionName"],
        duration=params.get("DurationSeconds"),
        policy=policy,
        policy_arns=arns,
        tags={**inherited, **tags},
        transitive_tag_keys=_read_transitive_keys(params.get("TransitiveTagKeys", ()), tags) | inherited.keys(),
        source_identity=params.get("SourceIdentity") or (caller.source_identity if caller else None),
    )
    size = request.packed_size
    if size is not None and size > 100:
        parts = "session tags" if tag_size(request.tags, request.transitive_tag_keys) > 100 else "policies and tags"
        raise SessionRequestError("PackedPolicyTooLarge", f"Packed size of {parts} consumes {size}% of allotted space.")
    return request


def check_policy(policy: str) -> None:
    """Validate an inline session policy.

    Raises:
        SessionRequestError: it is too long, or not a policy.
    """
    if len(policy) > MAX_POLICY_CHARACTERS:
        raise _invalid("policy", policy, f"Member must have length less than or equal to {MAX_POLICY_CHARACTERS}")
    try:
        iam_documents.check_identity_policy(policy)
    except MalformedPolicyDocument as error:
        raise SessionRequestError("MalformedPolicyDocument", error.message) from error


def packed_size(
    policy: str | None, policy_arns: Sequence[str], tags: Mapping[str, str], transitive_tag_keys: Iterable[str]
) -> int | None:
    """Return the estimated packed size of session policies and tags in per cent, or None without any of them."""
    if policy is None and not policy_arns and not tags:
        return None
    characters = len(policy or "") + sum(map(len, policy_arns))
    return max(1, round(100 * characters / MAX_POLICY_CHARACTERS) + tag_size(tags, transitive_tag_keys))


def tag_size(tags: Mapping[str, str], transitive_tag_keys: Iterable[str]) -> int:
    """Return the estimated packed size of session tags in per cent."""
    tag_bytes = sum(len(f"{key}{value}".encode()) + _BYTES_PER_TAG for key, value in tags.items())
    return round(100 * (tag_bytes + sum(len(key.encode()) for key in transitive_tag_keys)) / _TAG_BYTES)


def _inherited_tags(caller: Session | None) -> dict[str, str]:
    """Return the transitive tags of the caller's session. A chained session inherits them and cannot change them."""
    return {} if caller is None else {key: caller.tags[key] for key in caller.tags if key in caller.transitive_tag_keys}


def _read_tags(entries: Iterable[Mapping[str, str]], inherited: Mapping[str, str]) -> dict[str, str]:
    tags = {entry["Key"]: entry["Value"] for entry in entries}
    keys = [entry["Key"].lower() for entry in entries]
    if len(set(keys)) < len(keys):
        raise SessionRequestError(
            "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        )
    if any(key.startswith(RESERVED_PREFIX) for key in keys):
        raise SessionRequestError(
            "InvalidParameterValue", f"{RESERVED_PREFIX} prefixed tag key names are not allowed for external use."
        )
    if {key.lower() for key in inherited}.intersection(keys):
        raise SessionRequestError(
            "InvalidParameterValue",
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key "
            "from the calling session.",
        )
    return tags


def _read_transitive_keys(keys: Iterable[str], tags: Mapping[str, str]) -> frozenset[str]:
    """Return the transitive keys as the tags spell them. Keys are compared without case."""
    spelling = {key.lower(): key for key in tags}
    if not all(key.lower() in spelling for key in keys):
        raise SessionRequestError(
            "InvalidParameterValue", "The specified transitive tag key must be included in the requested tags."
        )
    return frozenset(spelling[key.lower()] for key in keys)


def _invalid(member: str, value: object, constraint: str) -> SessionRequestError:
    return SessionRequestError("ValidationError", describe([Violation(member, value, constraint)]))
