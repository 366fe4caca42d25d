"""The one change that takes a permission away: of a role, a binding, an access entry or an IAM policy."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar

from eks_access.findings import Fix
from eks_access.graph import AccessGraph
from eks_access.graph.kubernetes_objects import RbacBinding, RbacRole
from eks_access.graph.tables import Table
from eks_access.questions import commands
from eks_access.questions.escalation.actors import Actor
from eks_access.questions.escalation.aws_permissions import INLINE
from eks_access.questions.escalation.context import Context
from eks_access.questions.escalation.permissions import (
    BindingOrigin,
    Permission,
    PolicyOrigin,
    StatementOrigin,
    TrustOrigin,
)
from eks_access.questions.workloads.policy_commands import (
    as_text,
    is_aws_managed,
    statements_of,
    values,
    with_statement,
    write_managed,
)
from eks_identity.evaluation.rbac import Request, RoleKey, allows
from eks_identity.model.existing_entries import AssociatedPolicy
from eks_identity.model.rbac import Rule

K = TypeVar("K")
V = TypeVar("V")
_DEFAULT_ROLES = frozenset({"admin", "edit", "view", "cluster-admin"})


class Change(ABC):
    """A change of a graph."""

    kind: ClassVar[str]

    @property
    @abstractmethod
    def subject(self) -> str:
        """The object that changes, in words."""

    @property
    @abstractmethod
    def words(self) -> str:
        """The change as an imperative sentence."""

    @abstractmethod
    def fix(self, graph: AccessGraph) -> Fix:
        """Return the command that makes the change."""

    @abstractmethod
    def apply(self, graph: AccessGraph) -> AccessGraph:
        """Return a copy of a graph with the change."""

    @abstractmethod
    def affects(self, context: Context, actor: Actor) -> bool:
        """Return whether the permissions of an actor depend on what changes."""


@dataclass(frozen=True)
class _RoleRules(Change):
    """Verbs are removed from the rules of a Role or ClusterRole."""

    role: RoleKey
    removed: tuple[str, ...]
    kind = "role rule"

    requests: tuple[Request, ...] = ()

    @property
    def subject(self) -> str:
        namespace, name = self.role
        return f"ClusterRole {name}" if namespace is None else f"Role {namespace}/{name}"

    @property
    def words(self) -> str:
        return f"remove {', '.join(self.removed)} from the rules of {self.subject}"

    def fix(self, graph: AccessGraph) -> Fix:
        role = self._changed(graph.rbac_roles.all()[self.role])
        patch = [{"op": "replace", "path": "/rules", "value": [rule.manifest() for rule in role.rules]}]
        namespace, name = self.role
        where = ("clusterrole", name) if namespace is None else ("--namespace", namespace, "role", name)
        return commands.command("kubectl", "patch", *where, "--type", "json", "--patch", json.dumps(patch))

    def _changed(self, role: RbacRole) -> RbacRole:
        rules = rules_without(role.rules, self.requests)
        assert rules is not None
        return replace(role, rules=rules)

    def apply(self, graph: AccessGraph) -> AccessGraph:
        role = graph.rbac_roles.all()[self.role]
        return replace(graph, rbac_roles=_with(graph.rbac_roles, {self.role: self._changed(role)}))

    def affects(self, context: Context, actor: Actor) -> bool:
        return any(binding.role == self.role for binding in _bindings(context, actor))


@dataclass(frozen=True)
class _BindingSubject(Change):
    """A subject is removed from a binding."""

    binding: RbacBinding
    index: int
    kind = "binding"

    @property
    def subject(self) -> str:
        return str(self.binding)

    @property
    def words(self) -> str:
        return f"remove {self.binding.subjects[self.index]} from {self.binding}"

    def fix(self, graph: AccessGraph) -> Fix:  # noqa: ARG002 - as the base class
        return commands.patch_binding(self.binding, [{"op": "remove", "path": f"/subjects/{self.index}"}])

    def apply(self, graph: AccessGraph) -> AccessGraph:
        current = graph.rbac_bindings.all()[self.binding.key]
        removed = self.binding.subjects[self.index]
        remaining = tuple(subject for subject in current.subjects if subject != removed)
        changed = replace(current, subjects=remaining)
        return replace(graph, rbac_bindings=_with(graph.rbac_bindings, {current.key: changed}))

    def affects(self, context: Context, actor: Actor) -> bool:
        return any(binding.key == self.binding.key for binding in _bindings(context, actor))


@dataclass(frozen=True)
class _AccessPolicy(Change):
    """An access policy is no longer associated with an access entry."""

    principal_arn: str
    policy: AssociatedPolicy
    kind = "access policy"

    @property
    def subject(self) -> str:
        return f"access entry {self.principal_arn}"

    @property
    def words(self) -> str:
        return f"disassociate {self.policy} from the access entry of {self.principal_arn}"

    def fix(self, graph: AccessGraph) -> Fix:
        options = ("--principal-arn", self.principal_arn, "--policy-arn", self.policy.arn)
        return commands.eks(graph.cluster.get(), "disassociate-access-policy", *options)

    def apply(self, graph: AccessGraph) -> AccessGraph:
        entry = graph.entries.all()[self.principal_arn]
        policies = tuple(policy for policy in entry.policies if policy != self.policy)
        return replace(graph, entries=_with(graph.entries, {entry.principal_arn: replace(entry, policies=policies)}))

    def affects(self, context: Context, actor: Actor) -> bool:  # noqa: ARG002 - as the base class
        return actor.name == self.principal_arn


@dataclass(frozen=True)
class _PolicyAction(Change):
    """An action is removed from a statement of an inline or customer managed policy."""

    principal_arn: str
    policy: str
    index: int
    action: str
    kind = "policy statement"

    @property
    def subject(self) -> str:
        return f"{self.policy} of {self.principal_arn}" if self.policy.startswith(INLINE) else self.policy

    @property
    def words(self) -> str:
        return f"remove {self.action} from statement {self.index} of {self.subject}"

    def fix(self, graph: AccessGraph) -> Fix:
        changed = without_empty(self._changed(graph))
        if not self.policy.startswith(INLINE):
            return write_managed(self.policy, changed)
        name = self.policy.removeprefix(INLINE)
        if not statements_of(changed):
            return _holder_command(self.principal_arn, "delete-{}-policy", "--policy-name", name)
        options = ("--policy-name", name, "--policy-document", as_text(changed))
        return _holder_command(self.principal_arn, "put-{}-policy", *options)

    def _changed(self, graph: AccessGraph) -> Mapping[str, Any]:
        return document_without(_document(graph, self.principal_arn, self.policy), self.index, self.action)

    def apply(self, graph: AccessGraph) -> AccessGraph:
        if self.policy.startswith(INLINE):
            return _with_inline(graph, self.principal_arn, self.policy.removeprefix(INLINE), self._changed(graph))
        return replace(graph, policies=_with(graph.policies, {self.policy: self._changed(graph)}))

    def affects(self, context: Context, actor: Actor) -> bool:
        if self.policy.startswith(INLINE):
            return actor.name == self.principal_arn
        policies = context.aws.of(actor.name) if actor.name.startswith("arn:") else None
        return policies is not None and self.policy in policies.own_managed


@dataclass(frozen=True)
class _Deny(Change):
    """An inline policy denies an action: for permissions of wildcards, of several policies, and of AWS's policies."""

    principal_arn: str
    action: str
    resource: str
    kind = "policy statement"

    @property
    def subject(self) -> str:
        return self.principal_arn

    @property
    def words(self) -> str:
        return f"deny {self.action} on {self.resource} in an inline policy of {self.principal_arn}"

    @property
    def _name(self) -> str:
        return f"eks-access-deny-{self.action.replace(':', '-')}"

    @property
    def _document(self) -> dict[str, Any]:
        statement = {"Effect": "Deny", "Action": self.action, "Resource": self.resource}
        return {"Version": "2012-10-17", "Statement": [statement]}

    def fix(self, graph: AccessGraph) -> Fix:  # noqa: ARG002 - as the base class
        options = ("--policy-name", self._name, "--policy-document", as_text(self._document))
        return _holder_command(self.principal_arn, "put-{}-policy", *options)

    def apply(self, graph: AccessGraph) -> AccessGraph:
        return _with_inline(graph, self.principal_arn, f"{self._name}-{self.resource}", self._document)

    def affects(self, context: Context, actor: Actor) -> bool:  # noqa: ARG002 - as the base class
        return actor.name == self.principal_arn


def change_for(context: Context, permission: Permission) -> Change | None:
    """Return the smallest change that takes a permission away; None if no change of one object does."""
    origin = permission.origin
    if isinstance(origin, BindingOrigin):
        return _binding_change(context.graph, origin)
    if isinstance(origin, PolicyOrigin):
        return _AccessPolicy(origin.principal_arn, origin.policy)
    if isinstance(origin, StatementOrigin):
        return _statement_change(origin)
    if isinstance(origin, TrustOrigin):
        # A Deny wins over the trust policy, and changes nothing for other principals that it names.
        return _Deny(origin.principal_arn, "sts:AssumeRole", origin.role_arn)
    return None


def _binding_change(graph: AccessGraph, origin: BindingOrigin) -> Change:
    binding = origin.binding
    role = graph.rbac_roles.all()[binding.role]
    is_default = role.namespace is None and (
        role.name in _DEFAULT_ROLES or role.name.startswith(("system:", "eks:")) or bool(role.aggregates)
    )
    if not is_default and rules_without(role.rules, origin.requests) is not None:
        removed = dict.fromkeys(f"{request.verb} {request.resource}" for request in origin.requests)
        return _RoleRules(role.key, tuple(removed), origin.requests)
    index = next(
        index
        for index, subject in enumerate(binding.subjects)
        for evaluated in replace(binding, subjects=(subject,)).evaluated().subjects
        if (evaluated.kind, evaluated.name) == origin.subject
    )
    return _BindingSubject(binding, index)


def rules_without(rules: tuple[Rule, ...], requests: tuple[Request, ...]) -> tuple[Rule, ...] | None:
    """Return rules that allow none of the requests, and all else; None if a wildcard allows one of them."""
    remaining: list[Rule] = []
    for rule in rules:
        removed = [request for request in requests if allows([rule], request)]
        if not removed:
            remaining.append(rule)
        elif "*" in rule.verbs or any(
            request.resource not in rule.resources or request.api_group not in rule.api_groups for request in removed
        ):
            return None
        else:
            remaining += _split(rule, removed)
    return tuple(remaining)


def _split(rule: Rule, removed: list[Request]) -> Iterator[Rule]:
    """Yield rules for the rest of a rule: resources that keep the same verbs are one rule."""
    for group in rule.api_groups:
        resources_of: dict[tuple[str, ...], list[str]] = {}
        for resource in rule.resources:
            lost = {each.verb for each in removed if (each.resource, each.api_group) == (resource, group)}
            verbs = tuple(verb for verb in rule.verbs if verb not in lost)
            if verbs:
                resources_of.setdefault(verbs, []).append(resource)
        for verbs, resources in resources_of.items():
            yield replace(rule, verbs=verbs, resources=tuple(resources), api_groups=(group,))


def _statement_change(origin: StatementOrigin) -> Change:
    if len(origin.statements) == 1:
        (statement,) = origin.statements
        actions = [action.lower() for action in statement.actions or ()]
        # A trust policy may allow it too: it is changed by no cut.
        is_policy = statement.policy.startswith(INLINE) or is_managed(statement.policy)
        is_of_group = statement.policy.startswith(f"{INLINE}of group ")
        can_write = is_policy and not is_of_group and not is_aws_managed(statement.policy)
        is_exact = origin.action.lower() in actions and not any("*" in each or "?" in each for each in actions)
        if statement.effect == "Allow" and can_write and is_exact:
            return _PolicyAction(origin.principal_arn, statement.policy, statement.index, origin.action)
    resource = origin.resource if origin.resource.startswith("arn:") else "*"
    return _Deny(origin.principal_arn, origin.action, resource)


def is_managed(policy: str) -> bool:
    """Return whether the name of a policy is the ARN of a managed policy."""
    return policy.startswith("arn:") and ":policy/" in policy


def document_without(document: Mapping[str, Any], index: int, action: str) -> dict[str, Any]:
    """Return a policy document whose statement does not have an action any more.

    A statement without actions stays, so that the indexes of others stay too; `without_empty` removes it.
    """
    statement = statements_of(document)[index]
    actions = [each for each in values(statement["Action"]) if each.lower() != action.lower()]
    return with_statement(document, index, {**statement, "Action": actions})


def without_empty(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a policy document without statements that have no action, as IAM requires."""
    statements = [each for each in statements_of(document) if each.get("Action") != []]
    return {**document, "Statement": statements}


def _document(graph: AccessGraph, arn: str, policy: str) -> Mapping[str, Any]:
    if policy.startswith(INLINE):
        holder = graph.groups.get(arn.rpartition("/")[2]) if ":group/" in arn else graph.principals.get(arn)
        assert holder is not None
        document = holder.inline_policies[policy.removeprefix(INLINE)]
    else:
        document = graph.policies.all()[policy]
    assert isinstance(document, Mapping)
    return document


def _with_inline(graph: AccessGraph, arn: str, name: str, document: Mapping[str, Any]) -> AccessGraph:
    if ":group/" in arn:
        group = graph.groups.get(arn.rpartition("/")[2])
        assert group is not None
        changed_group = replace(group, inline_policies={**group.inline_policies, name: document})
        return replace(graph, groups=_with(graph.groups, {arn.rpartition("/")[2]: changed_group}))
    holder = graph.principals.get(arn)
    assert holder is not None
    changed = replace(holder, inline_policies={**holder.inline_policies, name: document})
    return replace(graph, principals=_with(graph.principals, {arn: changed}))


def _holder_command(arn: str, operation: str, *options: str) -> Fix:
    kind, _, path = arn.split(":")[5].partition("/")
    return commands.command("aws", "iam", operation.format(kind), f"--{kind}-name", path.rpartition("/")[2], *options)


def _with(table: Table[K, V], changed: Mapping[K, V]) -> Table[K, V]:
    """Return a table with other objects in place of some."""
    objects = {**table.all(), **changed}
    return Table(
        lambda: objects,
        gaps=table.gaps,
        account=table.account,
        exceptions=table.exceptions,
        unkeyed=table.unkeyed,
    )


def _bindings(context: Context, actor: Actor) -> Iterator[RbacBinding]:
    granted = context.cluster.of(actor) if context.cluster else ()
    return (each.origin.binding for each in granted if isinstance(each.origin, BindingOrigin))
