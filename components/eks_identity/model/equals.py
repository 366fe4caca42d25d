"""What an entry of aws-auth is among access entries: the same, something close, or nothing.

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

EVERYBODY = "system:authenticated"
"""Kubernetes gives this group to everybody whom it knows."""

_NODE_TYPES = {(node.username, frozenset(node.groups)): EntryType(kind) for kind, node in NODE_IDENTITIES.items()}
"""The types of nodes' entries, by what aws-auth has in their place."""


@dataclass(frozen=True)
class Equal:
    """The access entry that does what an entry of aws-auth does."""

    entry: EntrySpec
    administrator: bool = False
    """Whether AmazonEKSClusterAdminPolicy, for the whole cluster, belongs to it."""

    def same_identity(self, found: ExistingEntry) -> bool:
        """Whether that entry makes the principal the same user, in the same groups."""
        if self.entry.type is not EntryType.STANDARD or found.type != EntryType.STANDARD:
            return found.type == self.entry.type
        return (found.username, sorted(found.groups)) == (self.entry.username, sorted(self.entry.kubernetes_groups))

    def __str__(self) -> str:
        if self.entry.type is not EntryType.STANDARD:
            return f"{self.entry.principal.arn}, type {self.entry.type}"
        policy = f", access policy {CLUSTER_ADMIN} (whole cluster)" if self.administrator else ""
        groups = list(self.entry.kubernetes_groups)
        return f"{self.entry.principal.arn}, username {self.entry.username!r}, groups {groups}{policy}"


def equal(entry: Entry, principal_arn: str, *, account: str, dropped: Collection[str] = ()) -> Equal:
    """The equal of `entry` for `principal_arn`, the full ARN; refuses, with why, where there is none.

    `account` is the cluster's. Groups in `dropped` may be lost.
    """
    groups = tuple(dict.fromkeys(group for group in entry.groups if group not in {EVERYBODY, *dropped}))
    if entry.is_node:
        kind = _NODE_TYPES.get((entry.username or "", frozenset(groups)))
        if kind is None:
            raise InvalidInput([_none(entry, "no type of access entry gives nodes this username and groups")])
        return Equal(EntrySpec.of(principal_arn, type=kind, cluster_account=account))
    if entry.username is None:
        raise InvalidInput([_none(entry, "its username is empty, which no access entry's is")])
    people = tuple(group for group in groups if group != MASTERS)
    return Equal(EntrySpec.of(principal_arn, people, entry.username), administrator=MASTERS in groups)


def _none(entry: Entry, why: str) -> Problem:
    said = {"username": entry.username, "groups": list(entry.groups)}
    return Problem("", why, said, "mend it in aws-auth, or let its principal in by an access entry of your own")
