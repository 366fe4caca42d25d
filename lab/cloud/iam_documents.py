"""Validation of policy documents before IAM or STS stores them: grammar, size, and existing principals.

AWS reports the first error only, in its own words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from moto.iam.exceptions import LimitExceededException, MalformedPolicyDocument
from moto.iam.models import Group, Role, User

from lab.cloud import iam_lookup
from lab.cloud.policy import Policy, PolicyError, Statement, parse

TRUST_POLICY_SIZE = 2_048
MANAGED_POLICY_SIZE = 6_144
INLINE_SIZES = {Role: 10_240, User: 2_048, Group: 5_120}
"""Characters, of all inline policies of a role, user or group together."""

_SID = re.compile(r"[0-9A-Za-z]*")
_ACTION = re.compile(r"\*|(?P<vendor>[^:]+):(?P<name>.+)")
_VENDOR = re.compile(r"[0-9A-Za-z-]+")
_ACTION_NAME = re.compile(r"[0-9A-Za-z*?]+")
_MIN_COLONS = 5
"""Colons of an ARN."""
_IAM_ARN = re.compile(r"arn:aws[a-z-]*:(?:iam|sts)::(?P<account>[0-9]{12}):(?P<kind>[a-z-]+)(?:/.*)?")
_ACCOUNT = re.compile(r"[0-9]{12}")
_UNIQUE_ID = re.compile(r"A(?:IDA|ROA)[A-Z0-9]{10,}")
_SERVICE = re.compile(r"[a-z0-9.-]+\.(?:amazonaws\.com(?:\.cn)?|aws\.internal|amazon\.com)")


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
    _check_sids(policy)
    for statement in policy.statements:
        if statement.resources is not None or statement.not_resources is not None:
            raise MalformedPolicyDocument("Has prohibited field Resource")
        if statement.actions == ():
            raise MalformedPolicyDocument("Policy statement must contain actions.")
        if not all(action.lower().startswith("sts:") for action in statement.actions or ("*",)):
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
    """Validate a managed policy's document: its grammar, and its size of at most 6,144 characters."""
    check_identity_policy(document)
    if size(document) > MANAGED_POLICY_SIZE:
        raise LimitExceededException(f"Cannot exceed quota for PolicySize: {MANAGED_POLICY_SIZE}")


def check_inline_policy(entity: Role | User | Group, name: str, document: str) -> None:
    """Validate an inline policy of `entity` named `name`: its grammar, and the size of all inline policies together."""
    check_identity_policy(document)
    other_size = sum(size(other) for key, other in list(entity.policies.items()) if key != name)
    limit = INLINE_SIZES[type(entity)]
    if other_size + size(document) > limit:
        kind = type(entity).__name__.lower()
        raise LimitExceededException(f"Maximum policy size of {limit} bytes exceeded for {kind} {entity.name}")


def check_identity_policy(document: str) -> Policy:
    """Validate the grammar of an identity-based policy or session policy, and return the policy.

    Raises:
        MalformedPolicyDocument: the document is not such a policy.
    """
    policy = _parse(document)
    for statement in policy.statements:
        if statement.principals is not None or statement.not_principals is not None:
            raise MalformedPolicyDocument("Policy document should not specify a principal.")
        if not (statement.actions or statement.not_actions):
            raise MalformedPolicyDocument("Policy statement must contain actions.")
        if not (statement.resources or statement.not_resources):
            raise MalformedPolicyDocument("Policy statement must contain resources.")
        _check_actions([*(statement.actions or ()), *(statement.not_actions or ())])
        _check_resources(statement)
    _check_sids(policy)
    return policy


def _check_actions(actions: Iterable[str]) -> None:
    for action in actions:
        match = _ACTION.fullmatch(action)
        if match is None:
            raise MalformedPolicyDocument("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
        if match["vendor"] and not _VENDOR.fullmatch(match["vendor"]):
            raise MalformedPolicyDocument(f"Vendor {match['vendor']} is not valid")
        if match["name"] and not _ACTION_NAME.fullmatch(match["name"]):
            raise MalformedPolicyDocument(f"Syntax errors in policy: invalid action {action}")


def _check_resources(statement: Statement) -> None:
    for resource in [*(statement.resources or ()), *(statement.not_resources or ())]:
        if resource != "*" and not (resource.startswith("arn:") and resource.count(":") >= _MIN_COLONS):
            raise MalformedPolicyDocument(f'Resource {resource} must be in ARN format or "*".')


def _check_sids(policy: Policy) -> None:
    sids = [statement.sid for statement in policy.statements if statement.sid]
    if not all(_SID.fullmatch(sid) for sid in sids):
        raise MalformedPolicyDocument(
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression "
            "[0-9A-Za-z]*"
        )
    if len(set(sids)) < len(sids):
        raise MalformedPolicyDocument("Statement IDs (SID) in a single policy must be unique.")


def _parse(document: str) -> Policy:
    if document[:1].isspace():
        raise MalformedPolicyDocument("JSON strings must not have leading spaces")
    try:
        return parse(document)
    except PolicyError as error:
        raise MalformedPolicyDocument(f"Syntax errors in policy: {error}") from error


def _is_valid_principal(kind: str, value: str) -> bool:
    """Return whether IAM accepts `value` as a principal of that kind. IAM looks up users and roles, not providers."""
    if kind == "Service":
        return _SERVICE.fullmatch(value) is not None
    if kind == "Federated":
        return "." in value
    if kind == "*" or value == "*" or _ACCOUNT.fullmatch(value) or _UNIQUE_ID.fullmatch(value):
        return True
    arn = _IAM_ARN.fullmatch(value)
    if arn is None:
        return False
    return arn["kind"] in {"root", "assumed-role"} or iam_lookup.find_principal(value) is not None
