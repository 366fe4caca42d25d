"""The access that a declaration configures in a cluster, and the cluster's state after the declaration changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from eks_identity.errors import InvalidInput
from eks_identity.evaluation.rbac import Binding, Rbac, RoleKey, Subject
from eks_identity.model import lockout
from eks_identity.model.arns import Principal, same_arn
from eks_identity.model.aws_auth import AwsAuth, UserMapping
from eks_identity.model.existing_entries import AssociatedPolicy, ExistingEntry
from eks_identity.model.rbac import Rule


@dataclass(frozen=True)
class DeclaredEntry:
    """An access entry of a declaration."""

    arn: str
    username: str | None = None
    """None: the declaration sets neither username nor groups; the entry keeps its own."""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeclaredAccess:
    """Access entries with access policies, aws-auth mappings, RBAC roles and bindings of one declaration."""

    entries: tuple[DeclaredEntry, ...] = ()
    policies: frozenset[AssociatedPolicy] = frozenset()
    """Access policies associated with every entry."""
    mappings: tuple[UserMapping, ...] = ()
    roles: Mapping[RoleKey, tuple[Rule, ...]] = field(default_factory=dict)
    bindings: Mapping[RoleKey, Binding] = field(default_factory=dict)

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        """Return the declaration from plain values, as the state stores it."""
        return cls(
            tuple(
                DeclaredEntry(each["arn"], each.get("username"), tuple(each.get("groups") or ()))
                for each in fields.get("entries") or ()
            ),
            frozenset(
                AssociatedPolicy(each["arn"], tuple(each.get("namespaces") or ()))
                for each in fields.get("policies") or ()
            ),
            tuple(
                UserMapping(Principal.parse(each["arn"]).aws_auth_arn, each["username"], tuple(each["groups"]))
                for each in fields.get("mappings") or ()
            ),
            {_key(each): tuple(map(rule_of, each.get("rules") or ())) for each in fields.get("roles") or ()},
            {_key(each): _binding(each) for each in fields.get("bindings") or ()},
        )

    def entry(self, principal: Principal) -> DeclaredEntry | None:
        """Return the entry of a principal."""
        entries = (entry for entry in self.entries if lockout.same_principal(principal, Principal.parse(entry.arn)))
        return next(entries, None)

    @property
    def arns(self) -> list[str]:
        """ARNs of all principals with an entry or a mapping."""
        return [*(each.arn for each in self.entries), *(each.arn for each in self.mappings)]


def rule_of(fields: Mapping[str, Any]) -> Rule:
    """Return the rule of a mapping with Kubernetes' field names."""

    def values(name: str) -> tuple[str, ...]:
        return tuple(fields.get(name) or ())

    return Rule(
        values("verbs"), values("resources"), values("apiGroups"), values("resourceNames"), values("nonResourceURLs")
    )


def _key(fields: Mapping[str, Any]) -> RoleKey:
    return (fields.get("namespace"), fields["name"])


def _binding(fields: Mapping[str, Any]) -> Binding:
    role: RoleKey = (fields.get("namespace") if fields["kind"] == "Role" else None, fields["role"])
    return Binding(role, frozenset({Subject("Group", fields["group"])}))


@dataclass(frozen=True)
class AccessChange:
    """A declaration before and after a change. `created`: its new entries do not exist before the change."""

    old: DeclaredAccess
    new: DeclaredAccess
    created: bool = False

    @property
    def changes_rbac(self) -> bool:
        """Whether roles or bindings are removed or changed. New ones remove no permissions."""
        return any(
            new.get(key) != value
            for old, new in ((self.old.roles, self.new.roles), (self.old.bindings, self.new.bindings))
            for key, value in old.items()
        )

    @property
    def changed(self) -> list[str]:
        """ARNs of the principals whose entries, policies or mappings change."""
        policies = self.old.policies != self.new.policies
        entries = {each.arn for each in set(self.old.entries) ^ set(self.new.entries) if self._is_comparable(each)}
        entries |= {each.arn for each in self.new.entries if policies}
        return sorted(entries | {each.arn for each in set(self.old.mappings) ^ set(self.new.mappings)})

    def _is_comparable(self, entry: DeclaredEntry) -> bool:
        """Return False for a new entry without declared username and groups, whose effect is unknown."""
        return entry.username is not None or entry in self.old.entries

    def creates(self, principal: Principal) -> bool:
        """Return whether this change creates the entry of a principal."""
        return self.created and self.old.entry(principal) is None and self.new.entry(principal) is not None

    def entry_after(self, existing: ExistingEntry | None, principal: Principal) -> ExistingEntry | None:
        """Return the access entry of a principal after the change. Policies of other declarations stay."""
        old, new = self.old.entry(principal), self.new.entry(principal)
        if new is None:
            return None if old is not None else existing
        entry = existing or ExistingEntry(new.arn)
        removed = self.old.policies if old is not None else frozenset()
        replaced_arns = {policy.arn for policy in self.new.policies}
        others = [policy for policy in entry.policies if policy not in removed and policy.arn not in replaced_arns]
        entry = replace(entry, policies=(*others, *sorted(self.new.policies, key=str)))
        return entry if new.username is None else replace(entry, username=new.username, groups=new.groups)

    def aws_auth_after(self, document: AwsAuth) -> AwsAuth:
        """Return aws-auth after the change, without mappings that their own resource rejects."""
        for mapping in self.old.mappings:
            if not any(same_arn(mapping.arn, each.arn) for each in self.new.mappings):
                document = document.remove(mapping)
        for mapping in self.new.mappings:
            try:
                document = document.change(mapping)
            except InvalidInput:
                continue
        return document

    def rbac_after(self, rbac: Rbac) -> Rbac:
        """Return roles and bindings after the change."""
        return Rbac(
            {**_without(rbac.roles, self.old.roles), **self.new.roles},
            {**_without(rbac.bindings, self.old.bindings), **self.new.bindings},
        )


def _without(objects: Mapping[RoleKey, Any], removed: Iterable[RoleKey]) -> dict[RoleKey, Any]:
    removed_keys: Sequence[RoleKey] = list(removed)
    return {key: value for key, value in objects.items() if key not in removed_keys}
