"""What IAM demands of a policy document before it keeps it: form, size, and principals that exist."""

from __future__ import annotations

import re

from moto.iam.exceptions import LimitExceededException, MalformedPolicyDocument
from moto.iam.models import Role

from lab.cloud import iam_lookup
from lab.cloud.policy import Policy, PolicyError, parse

TRUST_POLICY_SIZE = 2_048
ROLE_INLINE_SIZE = 10_240
"""Of all inline policies of a role together."""
MANAGED_POLICY_SIZE = 6_144

_IAM_ARN = re.compile(r"^arn:aws[a-z-]*:(?:iam|sts)::(?P<account>\d{12}):(?P<kind>[a-z-]+)(?:/.*)?$")
_ACCOUNT = re.compile(r"^\d{12}$")
_UNIQUE_ID = re.compile(r"^A(?:IDA|ROA)[A-Z0-9]{10,}$")
_SERVICE = re.compile(r"^[a-z0-9.-]+\.(?:amazonaws\.com(?:\.cn)?|aws\.internal|amazon\.com)$")


def size(document: str) -> int:
    """Characters as IAM counts them for its quotas: without white space."""
    return len(re.sub(r"\s", "", document))


def check_trust_policy(document: str) -> None:
    """Check a role's trust policy.

    Raises:
        MalformedPolicyDocument: not JSON, not a trust policy, or a principal of it does not exist.
        LimitExceededException: more than 2,048 characters.
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
                if not _exists(kind, value):
                    raise MalformedPolicyDocument(f'Invalid principal in policy: "{kind}":"{value}"')
    if size(document) > TRUST_POLICY_SIZE:
        raise LimitExceededException(f"Cannot exceed quota for ACLSizePerRole: {TRUST_POLICY_SIZE}")


def check_managed_policy(document: str) -> None:
    """Check a managed policy's document: its form, and 6,144 characters at most."""
    _parse(document)
    if size(document) > MANAGED_POLICY_SIZE:
        raise LimitExceededException(f"Cannot exceed quota for PolicySize: {MANAGED_POLICY_SIZE}")


def check_role_policy(role: Role, name: str, document: str) -> None:
    """Check an inline policy that is going to be put into `role` under `name`: its form, and the room that is left."""
    _parse(document)
    others = sum(size(other) for key, other in list(role.policies.items()) if key != name)
    if others + size(document) > ROLE_INLINE_SIZE:
        raise LimitExceededException(f"Maximum policy size of {ROLE_INLINE_SIZE} bytes exceeded for role {role.name}")


def _parse(document: str) -> Policy:
    try:
        return parse(document)
    except PolicyError as error:
        raise MalformedPolicyDocument(f"Syntax errors in policy: {error}") from error


def _exists(kind: str, value: str) -> bool:
    """Whether IAM takes `value` for a principal of that kind. It looks for users and roles, not for providers."""
    if kind == "Service":
        return _SERVICE.match(value) is not None
    if kind == "Federated":
        return "." in value
    if kind == "*" or value == "*" or _ACCOUNT.match(value) or _UNIQUE_ID.match(value):
        return True
    found = _IAM_ARN.match(value)
    if found is None:
        return False
    return found["kind"] in {"root", "assumed-role"} or iam_lookup.principal(value) is not None
