"""Validation of policy documents before IAM stores them: syntax, size, and existing principals."""

from __future__ import annotations

import re

from moto.iam.exceptions import LimitExceededException, MalformedPolicyDocument
from moto.iam.models import Role

from lab.cloud import iam_lookup
from lab.cloud.policy import Policy, PolicyError, parse

TRUST_POLICY_SIZE = 2_048
ROLE_INLINE_SIZE = 10_240
"""Characters, of all inline policies of a role together."""
MANAGED_POLICY_SIZE = 6_144

_IAM_ARN = re.compile(r"^arn:aws[a-z-]*:(?:iam|sts)::(?P<account>\d{12}):(?P<kind>[a-z-]+)(?:/.*)?$")
_ACCOUNT = re.compile(r"^\d{12}$")
_UNIQUE_ID = re.compile(r"^A(?:IDA|ROA)[A-Z0-9]{10,}$")
_SERVICE = re.compile(r"^[a-z0-9.-]+\.(?:amazonaws\.com(?:\.cn)?|aws\.internal|amazon\.com)$")


def size(document: str) -> int:
    """Return the number of characters as IAM counts them for its quotas: without white space."""
    return len(re.sub(r"\s", "", document))


def check_trust_policy(document: str) -> None:
    """Validate a role's trust policy.

    Raises:
        MalformedPolicyDocument: the document is not JSON or not a trust policy, or a principal of it does not exist.
        LimitExceededException: the document has more than 2,048 characters.
    """
    policy = _parse(document)
    for statement in policy.statements:
        if statement.resources is not None or statement.not_resources is not None:
            raise MalformedPolicyDocument("Has prohibited field Resource")
        if not all(action.lower().startswith("sts:") for action in statement.actions or ()):
            raise MalformedPolicyDocument("AssumeRole policy may only specify STS AssumeRole actions.")
        if statement.principals is None and statement.not_principals is None:
            raise MalformedPolicyDocument("Missing required field Principal")
        for kind, values in (statement.principals or {}).items():
            for value in values:
                if not _is_valid_principal(kind, value):
                    raise MalformedPolicyDocument(f'Invalid principal in policy: "{kind}":"{value}"')
    if size(document) > TRUST_POLICY_SIZE:
        raise LimitExceededException(f"Cannot exceed quota for ACLSizePerRole: {TRUST_POLICY_SIZE}")


def check_managed_policy(document: str) -> None:
    """Validate a managed policy's document: its syntax, and its size of at most 6,144 characters."""
    _parse(document)
    if size(document) > MANAGED_POLICY_SIZE:
        raise LimitExceededException(f"Cannot exceed quota for PolicySize: {MANAGED_POLICY_SIZE}")


def check_role_policy(role: Role, name: str, document: str) -> None:
    """Validate an inline policy of `role` named `name`: its syntax, and the size of all inline policies together."""
    _parse(document)
    other_size = sum(size(other) for key, other in list(role.policies.items()) if key != name)
    if other_size + size(document) > ROLE_INLINE_SIZE:
        raise LimitExceededException(f"Maximum policy size of {ROLE_INLINE_SIZE} bytes exceeded for role {role.name}")


def _parse(document: str) -> Policy:
    try:
        return parse(document)
    except PolicyError as error:
        raise MalformedPolicyDocument(f"Syntax errors in policy: {error}") from error


def _is_valid_principal(kind: str, value: str) -> bool:
    """Return whether IAM accepts `value` as a principal of that kind. IAM looks up users and roles, not providers."""
    if kind == "Service":
        return _SERVICE.match(value) is not None
    if kind == "Federated":
        return "." in value
    if kind == "*" or value == "*" or _ACCOUNT.match(value) or _UNIQUE_ID.match(value):
        return True
    arn = _IAM_ARN.match(value)
    if arn is None:
        return False
    return arn["kind"] in {"root", "assumed-role"} or iam_lookup.find_principal(value) is not None
