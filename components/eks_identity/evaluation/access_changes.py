"""What a declaration of access configures in a cluster, and the cluster's state after a change of it."""

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
    """None: the declaration does not say; the entry keeps its own username and groups."""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeclaredAccess:
    """Access entries with their policies, aws-auth mappings, roles and bindings of one declaration."""

    entries: tuple[DeclaredEntry, ...] = ()
    policies: frozenset[AssociatedPolicy] = frozenset()
    """The access policies of every entry."""
    mappings: tuple[UserMapping, ...] = ()
    roles: Mapping[RoleKey, tuple[Rule, ...]] = field(default_factory=dict)
    bindings: Mapping[RoleKey, Binding] = field(default_factory=dict)

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        """The declaration from its plain form, which is what a state keeps."""
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

    def entry(self, who: Principal) -> DeclaredEntry | None:
        """The entry of a principal."""
        return next((each for each in self.entries if lockout.same_principal(who, Principal.parse(each.arn))), None)

    @property
    def arns(self) -> list[str]:
        """ARNs of all principals."""
        return [*(each.arn for each in self.entries), *(each.arn for each in self.mappings)]


def rule_of(fields: Mapping[str, Any]) -> Rule:
    """A rule from Kubernetes' own field names."""

    def words(name: str) -> tuple[str, ...]:
        return tuple(fields.get(name) or ())

    return Rule(
        words("verbs"), words("resources"), words("apiGroups"), words("resourceNames"), words("nonResourceURLs")
    )


def _key(fields: Mapping[str, Any]) -> RoleKey:
    return (fields.get("namespace"), fields["name"])


def _binding(fields: Mapping[str, Any]) -> Binding:
    role: RoleKey = (fields.get("namespace") if fields["kind"] == "Role" else None, fields["role"])
    return Binding(role, frozenset({Subject("Group", fields["group"])}))


@dataclass(frozen=True)
class AccessChange:
    """A declaration before and after a change. `created`: its new entries do not exist before."""

    old: DeclaredAccess
    new: DeclaredAccess
    created: bool = False

    @property
    def changes_rbac(self) -> bool:
        """Whether roles or bindings are removed or changed. New ones take nothing from anybody."""
        return any(
            new.get(key) != value
            for old, new in ((self.old.roles, self.new.roles), (self.old.bindings, self.new.bindings))
            for key, value in old.items()
        )

    @property
    def changed(self) -> list[str]:
        """ARNs of the principals whose entries, policies or mappings change."""
        policies = self.old.policies != self.new.policies
        entries = {each.arn for each in set(self.old.entries) ^ set(self.new.entries) if self._is_judged(each)}
        entries |= {each.arn for each in self.new.entries if policies}
        return sorted(entries | {each.arn for each in set(self.old.mappings) ^ set(self.new.mappings)})

    def _is_judged(self, entry: DeclaredEntry) -> bool:
        """Whether it is known what the entry is: a new one whose username and groups are not declared is not."""
        return entry.username is not None or entry in self.old.entries

    def creates(self, who: Principal) -> bool:
        """Whether this change creates the entry of a principal."""
        return self.created and self.old.entry(who) is None and self.new.entry(who) is not None

    def entry_after(self, existing: ExistingEntry | None, who: Principal) -> ExistingEntry | None:
        """The access entry of a principal after the change. Policies that others associated stay."""
        old, new = self.old.entry(who), self.new.entry(who)
        if new is None:
            return None if old is not None else existing
        found = existing or ExistingEntry(new.arn)
        taken = self.old.policies if old is not None else frozenset()
        by_name = {policy.arn for policy in self.new.policies}
        kept = [policy for policy in found.policies if policy not in taken and policy.arn not in by_name]
        found = replace(found, policies=(*kept, *sorted(self.new.policies, key=str)))
        return found if new.username is None else replace(found, username=new.username, groups=new.groups)

    def aws_auth_after(self, document: AwsAuth) -> AwsAuth:
        """aws-auth after the change. A mapping that cannot be written is rejected by its own resource."""
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
        """Roles and bindings after the change."""
        return Rbac(
            {**_without(rbac.roles, self.old.roles), **self.new.roles},
            {**_without(rbac.bindings, self.old.bindings), **self.new.bindings},
        )


def _without(found: Mapping[RoleKey, Any], removed: Iterable[RoleKey]) -> dict[RoleKey, Any]:
    gone: Sequence[RoleKey] = list(removed)
    return {key: value for key, value in found.items() if key not in gone}
