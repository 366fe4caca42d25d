"""Lookup of IAM users, roles, providers and their policies in all accounts.

moto creates an account at the first access to it. A lookup therefore checks first that the account exists. Every
collection is copied before iteration, because other threads change it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from moto.iam.models import Group, IAMBackend, OpenIDConnectProvider, Role, User, iam_backends

from lab.cloud.policy import Policy, PolicyError, parse
from lab.cloud.request_identity import Caller
from lab.interfaces import IamPrincipal

_ARN = re.compile(r"^arn:(?P<partition>aws[a-z-]*):(?:iam|sts)::(?P<account>\d{12}):(?P<resource>.+)$")


def parse_account(arn: str) -> tuple[str, str]:
    """Return (account, partition) of an IAM or STS ARN, or two empty strings for any other text."""
    match = _ARN.match(arn)
    return (match["account"], match["partition"]) if match else ("", "")


def find_backend(account: str, partition: str) -> IAMBackend | None:
    """Return moto's IAM backend of an account, or None if the lab has no such account."""
    if account not in iam_backends:
        return None
    iam: IAMBackend = iam_backends[account][partition]
    return iam


def find_role(arn: str) -> Role | None:
    """Return the role with that ARN (full path), or None."""
    account, partition = parse_account(arn)
    iam = find_backend(account, partition)
    return next((role for role in list(iam.roles.values()) if role.arn == arn), None) if iam else None


def find_user(arn: str) -> User | None:
    """Return the user with that ARN (full path), or None."""
    account, partition = parse_account(arn)
    iam = find_backend(account, partition)
    return next((user for user in list(iam.users.values()) if user.arn == arn), None) if iam else None


def find_provider(account: str, partition: str, issuer: str) -> OpenIDConnectProvider | None:
    """Return the OIDC provider of `issuer` (with or without `https://`) in that account, or None."""
    iam = find_backend(account, partition)
    url = issuer.removeprefix("https://")
    return next((entry for entry in list(iam.open_id_providers.values()) if entry.url == url), None) if iam else None


def find_principal(arn: str) -> IamPrincipal | None:
    """Return the user or role with that ARN and its current unique id, or None."""
    entity = find_role(arn) or find_user(arn)
    return None if entity is None else IamPrincipal(arn=arn, unique_id=entity.id)


def find_user_by_access_key(access_key_id: str) -> tuple[User, Any] | None:
    """Return the user of a long-term access key, and the key, or None."""
    for iam in _list_backends():
        for user in list(iam.users.values()):
            for key in list(user.access_keys):
                if key.access_key_id == access_key_id:
                    return user, key
    return None


def exists(principal: IamPrincipal) -> bool:
    """Return whether that user or role exists. One created again with the same ARN has another unique id."""
    current = find_principal(principal.arn)
    return current is not None and current.unique_id == principal.unique_id


def list_identity_policies(arn: str) -> list[Policy]:
    """Return all inline and managed policies of a role, or of a user and its groups."""
    entity = find_role(arn) or find_user(arn)
    if entity is None:
        return []
    entities: list[Role | User | Group] = [entity]
    if isinstance(entity, User):
        entities += _list_groups(entity)
    return [policy for each_entity in entities for policy in _list_policies(each_entity)]


def find_permissions_boundary(arn: str) -> Policy | None:
    """Return the permissions boundary of a user or role. A boundary whose policy was deleted allows nothing."""
    entity = find_role(arn) or find_user(arn)
    policy_arn = getattr(entity, "permissions_boundary_arn", None)
    if not policy_arn:
        return None
    return find_managed_policy(arn, policy_arn) or Policy(statements=(), name=policy_arn)


def find_managed_policy(entity_arn: str, policy_arn: str) -> Policy | None:
    """Return the default version of a managed policy in the account of `entity_arn`, or None."""
    iam = find_backend(*parse_account(entity_arn))
    managed_policy = iam.managed_policies.get(policy_arn) if iam else None
    return None if managed_policy is None else _parse_default_version(managed_policy)


def list_tags(arn: str) -> Mapping[str, str]:
    """Return the tags of a user or role."""
    entity = find_role(arn) or find_user(arn)
    return {} if entity is None else {tag["Key"]: tag["Value"] for tag in entity.tags or []}


def caller_of_user(user: User) -> Caller:
    """Return the caller for a user with a long-term access key."""
    account, partition = parse_account(user.arn)
    return Caller(IamPrincipal(user.arn, user.id), user.arn, user.id, account, partition)


def _list_backends() -> Iterator[IAMBackend]:
    for account in list(iam_backends.values()):
        yield from list(account.values())


def _list_groups(user: User) -> list[Group]:
    iam = find_backend(*parse_account(user.arn))
    return [group for group in list(iam.groups.values()) if user in list(group.users)] if iam else []


def _list_policies(entity: Role | User | Group) -> Iterator[Policy]:
    for name, document in list(entity.policies.items()):
        yield _parse_stored(document, name)
    for managed_policy in list(entity.managed_policies.values()):
        yield _parse_default_version(managed_policy)


def _parse_default_version(managed_policy: Any) -> Policy:
    document = next((version.document for version in list(managed_policy.versions) if version.is_default), "")
    return _parse_stored(document, managed_policy.name)


def _parse_stored(document: str, name: str) -> Policy:
    """Parse a stored document. moto stores some documents that AWS rejects; such a policy allows nothing."""
    try:
        return parse(document, name=name)
    except PolicyError:
        return Policy(statements=(), name=name)
