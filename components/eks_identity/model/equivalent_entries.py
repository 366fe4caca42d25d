"""The access entry that is equivalent to an entry of aws-auth.

Source: EKS user guide, "Migrating existing aws-auth ConfigMap entries to access entries"; EKS API, CreateAccessEntry.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from eks_identity.errors import InvalidInput, Problem
from eks_identity.model.access_entries import EntrySpec, EntryType
from eks_identity.model.access_policies import CLUSTER_ADMIN
from eks_identity.model.aws_auth import Entry
from eks_identity.model.existing_entries import ExistingEntry
from eks_identity.model.identities import MASTERS, NODE_IDENTITIES

AUTHENTICATED = "system:authenticated"
"""Kubernetes adds this group to every authenticated user."""

_NODE_TYPES = {(node.username, frozenset(node.groups)): EntryType(kind) for kind, node in NODE_IDENTITIES.items()}
"""Types of access entries for nodes, by username and groups of the equivalent aws-auth entry."""


@dataclass(frozen=True)
class EquivalentEntry:
    """The access entry that is equivalent to an aws-auth entry."""

    entry: EntrySpec
    administrator: bool = False
    """Whether AmazonEKSClusterAdminPolicy is associated for the whole cluster."""

    def same_identity(self, existing: ExistingEntry) -> bool:
        """Return whether the existing entry gives the principal the same username and groups."""
        if self.entry.type is not EntryType.STANDARD or existing.type != EntryType.STANDARD:
            return existing.type == self.entry.type
        identity = (self.entry.username, sorted(self.entry.kubernetes_groups))
        return (existing.username, sorted(existing.groups)) == identity

    def __str__(self) -> str:
        if self.entry.type is not EntryType.STANDARD:
            return f"{self.entry.principal.arn}, type {self.entry.type}"
        policy = f", access policy {CLUSTER_ADMIN} (whole cluster)" if self.administrator else ""
        groups = list(self.entry.kubernetes_groups)
        return f"{self.entry.principal.arn}, username {self.entry.username!r}, groups {groups}{policy}"


def convert_entry(entry: Entry, principal_arn: str, *, account: str, dropped: Collection[str] = ()) -> EquivalentEntry:
    """Return the access entry for `principal_arn`, the full ARN, that is equivalent to `entry`.

    `account` is the cluster's. Groups in `dropped` are removed. Raises `InvalidInput` with the reason if no access
    entry is equivalent.
    """
    groups = tuple(dict.fromkeys(group for group in entry.groups if group not in {AUTHENTICATED, *dropped}))
    if entry.is_node:
        kind = _NODE_TYPES.get((entry.username or "", frozenset(groups)))
        if kind is None:
            rule = "must have the username and groups of a type of access entry for nodes"
            raise InvalidInput([_not_convertible(entry, rule, f"those of {' or '.join(NODE_IDENTITIES)}")])
        return EquivalentEntry(EntrySpec.of(principal_arn, type=kind, cluster_account=account))
    if entry.username is None:
        rule = "must have a username: an access entry cannot have an empty one"
        raise InvalidInput([_not_convertible(entry, rule, "a username")])
    kubernetes_groups = tuple(group for group in groups if group != MASTERS)
    spec = EntrySpec.of(principal_arn, kubernetes_groups, entry.username)
    return EquivalentEntry(spec, administrator=MASTERS in groups)


def _not_convertible(entry: Entry, rule: str, missing: str) -> Problem:
    identity = {"username": entry.username, "groups": list(entry.groups)}
    return Problem("", rule, identity, f"write {missing} in aws-auth, or create an access entry for its principal")
