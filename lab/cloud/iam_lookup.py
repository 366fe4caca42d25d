"""Who exists in IAM, over all accounts, and which policies they carry: the one place that reads moto's IAM backends.

Nothing here creates an account by looking at it, and every collection is copied before it is walked, since other
threads change them.
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


def account_of(arn: str) -> tuple[str, str]:
    """(account, partition) of an IAM or STS ARN; two empty strings where `arn` is none."""
    found = _ARN.match(arn)
    return (found["account"], found["partition"]) if found else ("", "")


def backend(account: str, partition: str) -> IAMBackend | None:
    """IAM of an account, or None where the lab has no such account."""
    if account not in list(iam_backends):
        return None
    found: IAMBackend = iam_backends[account][partition]
    return found


def find_role(arn: str) -> Role | None:
    """The role of that ARN (full path), or None."""
    account, partition = account_of(arn)
    iam = backend(account, partition)
    return next((role for role in list(iam.roles.values()) if role.arn == arn), None) if iam else None


def find_user(arn: str) -> User | None:
    """The user of that ARN (full path), or None."""
    account, partition = account_of(arn)
    iam = backend(account, partition)
    return next((user for user in list(iam.users.values()) if user.arn == arn), None) if iam else None


def find_provider(account: str, partition: str, issuer: str) -> OpenIDConnectProvider | None:
    """The OIDC provider registered for `issuer` (with or without `https://`) in that account, or None."""
    iam = backend(account, partition)
    url = issuer.removeprefix("https://")
    return next((entry for entry in list(iam.open_id_providers.values()) if entry.url == url), None) if iam else None


def principal(arn: str) -> IamPrincipal | None:
    """The user or role of that ARN with its unique id as it is now, or None."""
    found = find_role(arn) or find_user(arn)
    return None if found is None else IamPrincipal(arn=arn, unique_id=found.id)


def user_of_key(access_key_id: str) -> tuple[User, Any] | None:
    """The user that owns a long-lived access key, and the key; None if nobody does."""
    for iam in _backends():
        for user in list(iam.users.values()):
            for key in list(user.access_keys):
                if key.access_key_id == access_key_id:
                    return user, key
    return None


def still_exists(who: IamPrincipal) -> bool:
    """Whether that very user or role is there: not another one made under the same ARN."""
    now = principal(who.arn)
    return now is not None and now.unique_id == who.unique_id


def identity_policies(arn: str) -> list[Policy]:
    """All policies of a user (its groups' included) or role, inline and managed."""
    found = find_role(arn) or find_user(arn)
    if found is None:
        return []
    holders: list[Role | User | Group] = [found]
    if isinstance(found, User):
        holders += _groups(found)
    return [policy for holder in holders for policy in _policies_of(holder)]


def boundary(arn: str) -> Policy | None:
    """The permissions boundary of a user or role. One whose policy is gone allows nothing."""
    found = find_role(arn) or find_user(arn)
    policy_arn = getattr(found, "permissions_boundary_arn", None)
    if not policy_arn:
        return None
    return managed_policy(arn, policy_arn) or Policy(statements=(), name=policy_arn)


def managed_policy(holder_arn: str, policy_arn: str) -> Policy | None:
    """The default version of a managed policy that `holder_arn`'s account can use."""
    iam = backend(*account_of(holder_arn))
    entry = iam.managed_policies.get(policy_arn) if iam else None
    return None if entry is None else _default_version(entry)


def tags(arn: str) -> Mapping[str, str]:
    """The tags of a user or role."""
    found = find_role(arn) or find_user(arn)
    return {} if found is None else {tag["Key"]: tag["Value"] for tag in found.tags or []}


def caller_of_user(user: User) -> Caller:
    """The user as a caller with a long-lived key."""
    account, partition = account_of(user.arn)
    return Caller(IamPrincipal(user.arn, user.id), user.arn, user.id, account, partition)


def _backends() -> Iterator[IAMBackend]:
    for account in list(iam_backends.values()):
        yield from list(account.values())


def _groups(user: User) -> list[Group]:
    iam = backend(*account_of(user.arn))
    return [group for group in list(iam.groups.values()) if user in list(group.users)] if iam else []


def _policies_of(holder: Role | User | Group) -> Iterator[Policy]:
    for name, document in list(holder.policies.items()):
        yield _read(document, name)
    for entry in list(holder.managed_policies.values()):
        yield _default_version(entry)


def _default_version(entry: Any) -> Policy:
    document = next((version.document for version in list(entry.versions) if version.is_default), "")
    return _read(document, entry.name)


def _read(document: str, name: str) -> Policy:
    """A stored document. One that cannot be read (moto takes some that AWS refuses) allows nothing."""
    try:
        return parse(document, name=name)
    except PolicyError:
        return Policy(statements=(), name=name)
