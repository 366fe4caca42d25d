"""Policies and memberships of IAM users, roles and groups, which a stack declares as resources of their own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from eks_access.graph.aws_objects import Document, Unknown
from eks_access.sources.pulumi.resources import Resource

Holder = tuple[str, str]
"""Kind and name of a user, role or group: IAM has one of a name, whatever its path."""

_INLINE = {
    "aws:iam/rolePolicy:RolePolicy": "role",
    "aws:iam/userPolicy:UserPolicy": "user",
    "aws:iam/groupPolicy:GroupPolicy": "group",
}
"""Kind of the holder, and the property that names it."""
_ATTACHED = {
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": {"role": "role"},
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": {"user": "user"},
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment": {"group": "group"},
    "aws:iam/policyAttachment:PolicyAttachment": {"role": "roles", "user": "users", "group": "groups"},
    "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive": {"role": "roleName"},
    "aws:iam/userPolicyAttachmentsExclusive:UserPolicyAttachmentsExclusive": {"user": "userName"},
    "aws:iam/groupPolicyAttachmentsExclusive:GroupPolicyAttachmentsExclusive": {"group": "groupName"},
}
"""The property that names the holders of each kind."""
_EXCLUSIVE = {
    "aws:iam/rolePoliciesExclusive:RolePoliciesExclusive": ("inline", "role", "roleName"),
    "aws:iam/userPoliciesExclusive:UserPoliciesExclusive": ("inline", "user", "userName"),
    "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive": ("attached", "role", "roleName"),
    "aws:iam/userPolicyAttachmentsExclusive:UserPolicyAttachmentsExclusive": ("attached", "user", "userName"),
}
"""Which policies it manages exclusively, the kind of the holder, and the property that names it."""
POLICY_KINDS = _INLINE.keys() | _ATTACHED.keys()
"""Resources that add policies to users, roles and groups."""
_MEMBERSHIPS = {
    "aws:iam/groupMembership:GroupMembership": ("group", "users"),
    "aws:iam/userGroupMembership:UserGroupMembership": ("groups", "user"),
}
"""The properties that name groups and users."""


class IamPolicies:
    """Policies and memberships by their holder."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self.inline: dict[Holder, dict[str, Document | Unknown]] = defaultdict(dict)
        """Inline policies by name."""
        self.attached: dict[Holder, dict[str, None]] = defaultdict(dict)
        """ARNs of managed policies, in order."""
        self._unknown: dict[Holder, list[Unknown]] = defaultdict(list)
        """Attached policies whose ARN is unknown."""
        self._exclusive: dict[Holder, set[str]] = defaultdict(set)
        self._groups: dict[str, dict[str, None]] = defaultdict(dict)
        for resource in resources:
            self._add_policies(resource)
            self._add_members(resource)

    def holders(self) -> list[Holder]:
        """Return the users, roles and groups that have policies here."""
        return sorted(self.inline.keys() | self.attached.keys() | self._unknown.keys())

    def unknown_of(self, holder: Holder) -> Unknown | None:
        """Return why a holder may have more attached policies."""
        return next(iter(self._unknown.get(holder, ())), None)

    def groups_of(self, user: str) -> tuple[str, ...]:
        """Return the groups of a user."""
        return tuple(self._groups[user])

    def others(self, holder: Holder, reason: str) -> Unknown | None:
        """Return why a holder may have other policies; None if the stack manages all of them."""
        if self._unknown[holder]:
            return self._unknown[holder][0]
        if self._exclusive[holder] == {"inline", "attached"}:
            return None
        return Unknown(f"other policies of {' '.join(holder)} are {reason}")

    def _add_policies(self, resource: Resource) -> None:
        kind = resource.kind
        if kind in _INLINE:
            for holder in _holders(resource, _INLINE[kind], _INLINE[kind]):
                name = resource.get("name")
                policy = resource.document("policy") or Unknown(f"policy of {resource} is not set")
                self.inline[holder][name if isinstance(name, str) else str(resource)] = policy
        for holder_kind, name in _ATTACHED.get(kind, {}).items():
            for holder in _holders(resource, holder_kind, name):
                self._attach(holder, resource.get("policyArns") or resource.get("policyArn"))
        if kind in _EXCLUSIVE:
            policies, holder_kind, name = _EXCLUSIVE[kind]
            for holder in _holders(resource, holder_kind, name):
                self._exclusive[holder].add(policies)

    def _attach(self, holder: Holder, arns: Any) -> None:
        for arn in arns if isinstance(arns, list) else [arns]:
            if isinstance(arn, Unknown):
                self._unknown[holder].append(arn)
            else:
                self.attached[holder][str(arn)] = None

    def _add_members(self, resource: Resource) -> None:
        groups, users = _MEMBERSHIPS.get(resource.kind, ("", ""))
        for _, group in _holders(resource, "group", groups):
            for _, user in _holders(resource, "user", users):
                self._groups[user][group] = None


def _holders(resource: Resource, kind: str, name: str) -> Iterator[Holder]:
    """Yield the holders that a property names. One whose name is unknown cannot be found."""
    value = resource.get(name)
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str):
            # The provider also accepts an ARN.
            yield kind, item.rpartition("/")[2]
