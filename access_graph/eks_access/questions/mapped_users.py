"""What a mapping gives a principal, and which principals are the same person or program under another ARN."""

from __future__ import annotations

from dataclasses import dataclass

from eks_access.findings import Link
from eks_identity.errors import InvalidInput
from eks_identity.evaluation.cluster_rights import ClusterUser
from eks_identity.model.arns import Principal
from eks_identity.model.existing_entries import ExistingEntry
from eks_identity.model.identity_center import permission_set_of


@dataclass(frozen=True)
class MappedUser:
    """The link of an access entry or an aws-auth mapping, and the user that it gives the principal."""

    link: Link | None = None
    """None: there is no mapping of the principal, and none that was meant for it."""
    user: ClusterUser | None = None
    """None if the link is broken or was not evaluated."""
    entry: ExistingEntry | None = None
    """The access entry, if it is one."""
    notes: tuple[str, ...] = ()


def is_same_identity(principal: Principal, arn: str) -> bool:
    """Return whether an ARN has the same kind, account and name, whatever the path, or the same permission set."""
    try:
        other = Principal.parse(arn)
    except InvalidInput:
        return False
    if (other.kind, other.account) != (principal.kind, principal.account):
        return False
    permission_set = permission_set_of(principal.name)
    same_permission_set = permission_set is not None and permission_set == permission_set_of(other.name)
    return other.name.lower() == principal.name.lower() or same_permission_set
