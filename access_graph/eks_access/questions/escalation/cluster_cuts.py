"""Changes in the cluster: of the rules of a role, the subjects of a binding, or the policies of an access entry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

from eks_access.findings import Fix
from eks_access.graph import AccessGraph
from eks_access.graph.kubernetes_objects import RbacBinding, RbacRole
from eks_access.questions import commands
from eks_access.questions.escalation.actors import Actor
from eks_access.questions.escalation.context import Context
from eks_access.questions.escalation.graph_changes import Change, with_objects
from eks_access.questions.escalation.permissions import BindingOrigin
from eks_identity.evaluation.rbac import Request, RoleKey, allows
from eks_identity.model.existing_entries import AssociatedPolicy
from eks_identity.model.rbac import Rule

_DEFAULT_ROLES = frozenset({"admin", "edit", "view", "cluster-admin"})


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
        return replace(graph, rbac_roles=with_objects(graph.rbac_roles, {self.role: self._changed(role)}))

    def affects(self, context: Context, actor: Actor) -> bool:
        return actor.role == self.role or any(binding.role == self.role for binding in _bindings(context, actor))


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
        return replace(graph, rbac_bindings=with_objects(graph.rbac_bindings, {current.key: changed}))

    def affects(self, context: Context, actor: Actor) -> bool:
        return any(binding.key == self.binding.key for binding in _bindings(context, actor))


@dataclass(frozen=True)
class RemovedAccessPolicy(Change):
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
        return replace(
            graph, entries=with_objects(graph.entries, {entry.principal_arn: replace(entry, policies=policies)})
        )

    def affects(self, context: Context, actor: Actor) -> bool:  # noqa: ARG002 - as the base class
        return actor.name == self.principal_arn


def binding_change(graph: AccessGraph, origin: BindingOrigin) -> Change:
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


def _bindings(context: Context, actor: Actor) -> Iterator[RbacBinding]:
    granted = context.cluster.of(actor) if context.cluster else ()
    return (each.origin.binding for each in granted if isinstance(each.origin, BindingOrigin))
