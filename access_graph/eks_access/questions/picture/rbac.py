"""The middle of the picture: users, groups and service accounts, their bindings, and the roles and access policies.

A mapped principal without any permission gets the finding of its trace: of a request that a similar binding allows,
else of a request that anybody with access would make.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from eks_access.catalogue import cluster_access as kinds
from eks_access.findings import Finding, Link
from eks_access.graph import AccessGraph
from eks_access.graph.kubernetes_objects import BindingSubject, ObjectKey, RbacBinding, RbacRole
from eks_access.graph.tables import NotReadError
from eks_access.questions.binding_faults import empty_aggregation, missing_role
from eks_access.questions.cluster_subjects import is_system
from eks_access.questions.permissions import policy_name, rules_of
from eks_access.questions.picture.cluster_access import DrawnMapping, group_node
from eks_access.questions.picture.drawing import Drawing
from eks_access.questions.picture.model import Column, NodeKind
from eks_access.questions.picture.workload_nodes import account_link, draw_account
from eks_access.questions.trace_principal import trace_principal
from eks_access.questions.unauthorized import is_similar
from eks_identity.evaluation.access_policy_rules import ACCESS_POLICY_RULES
from eks_identity.evaluation.rbac import Request
from eks_identity.model.arns import find_account
from eks_identity.model.identities import MASTERS, NODE_GROUPS
from eks_identity.model.rbac import Rule

BINDING = "binding"
_BUILT_IN = {
    MASTERS: "everything",
    **dict.fromkeys(NODE_GROUPS, "what nodes need"),
}
"""Permissions of groups that Kubernetes itself has."""
_USUAL_REQUEST = Request("list", "pods")
_MISSPELT = {kinds.GROUP_MISSPELT, kinds.BINDING_SUBJECT_KIND}
_TEMPLATE = re.compile(r"\\\{\\\{.*?\\\}\\\}")
_ACCOUNT_USER = "system:serviceaccount:"
_MOST_RULES = 12


class RbacPart:
    """Draws what Kubernetes authorizes."""

    def __init__(self, drawing: Drawing, graph: AccessGraph, mappings: list[DrawnMapping]) -> None:
        self._drawing = drawing
        self._graph = graph
        self._mappings = mappings
        self._own_groups = {group for each in mappings for group in each.user.groups} - set(_BUILT_IN)
        self.bound_accounts: set[ObjectKey] = set()

    def draw(self) -> None:
        """Draw bindings and permissions, and the faults of mapped users without any."""
        self._draw_policies()
        for group, permissions in _BUILT_IN.items():
            if any(group in mapping.user.groups for mapping in self._mappings):
                node = self._drawing.node(NodeKind.RBAC_ROLE, Column.PERMISSIONS, permissions, key=permissions)
                self._drawing.holds(group_node(self._drawing, group), node, "built into Kubernetes")
        try:
            bindings = list(self._graph.rbac_bindings.all().values())
        except NotReadError as error:
            for subject in self._mapped_subjects():
                self._drawing.not_read(subject, "bindings", str(error))
            return
        drawn = [each for each in bindings if not is_system(each) or self._is_of_mapped_user(each)]
        for binding in drawn:
            self._draw_binding(binding)
        if len(drawn) < len(bindings):
            count = len(bindings) - len(drawn)
            self._drawing.notes.append(f"bindings that Kubernetes and EKS create themselves are not drawn ({count})")
        self._draw_unauthorized(bindings)

    def _mapped_subjects(self) -> list[str]:
        groups = sorted(self._own_groups)
        return [group_node(self._drawing, group) for group in groups] or sorted(each.node for each in self._mappings)

    def _is_of_mapped_user(self, binding: RbacBinding) -> bool:
        return any(subject.kind == "Group" and subject.name in self._own_groups for subject in binding.subjects)

    def _draw_policies(self) -> None:
        for mapping in self._mappings:
            for policy in mapping.user.policies:
                node = self._drawing.node(
                    NodeKind.ACCESS_POLICY, Column.PERMISSIONS, str(policy), details=(policy.arn,)
                )
                if policy_name(policy) in ACCESS_POLICY_RULES:
                    self._drawing.holds(mapping.node, node, "access policy", str(policy))
                else:
                    reason = f"AWS does not document the rules of access policy {policy}"
                    self._drawing.edge(mapping.node, node, Link.not_evaluated("access policy", reason))

    def _draw_binding(self, binding: RbacBinding) -> None:
        namespace = binding.namespace or ""
        kind = "ClusterRoleBinding" if binding.namespace is None else "RoleBinding"
        node = self._drawing.node(
            NodeKind.BINDING, Column.BINDINGS, binding.name, key=str(binding), namespace=namespace, details=(kind,)
        )
        for subject in binding.subjects:
            self._draw_subject(binding, subject, node)
        try:
            role = self._graph.rbac_roles.get(binding.role)
        except NotReadError as error:
            target = self._role_node(binding, None, exists=None)
            self._drawing.edge(node, target, Link.not_evaluated("role", str(error)))
            return
        target = self._role_node(binding, role, exists=role is not None)
        if role is None:
            self._drawing.edge(node, target, Link.broken("role", missing_role(self._graph, binding)))
        elif role.aggregates and not role.rules:
            self._drawing.edge(node, target, Link.broken("role", empty_aggregation(role)))
        else:
            self._drawing.holds(node, target, "role", f"{binding.role_kind} {binding.role_name}")

    def _role_node(self, binding: RbacBinding, role: RbacRole | None, *, exists: bool | None) -> str:
        namespace = binding.role[0] or ""
        name = (
            f"{binding.role_kind} {namespace}/{binding.role_name}" if namespace else f"ClusterRole {binding.role_name}"
        )
        details = (binding.role_kind, *(rule_lines(role.rules) if role is not None else ()))
        return self._drawing.node(
            NodeKind.RBAC_ROLE,
            Column.PERMISSIONS,
            binding.role_name,
            key=name,
            namespace=namespace,
            details=details,
            exists=exists,
        )

    def _draw_subject(self, binding: RbacBinding, subject: BindingSubject, node: str) -> None:
        key = account_key(binding, subject)
        if key is not None:
            self.bound_accounts.add(key)
            account = draw_account(self._drawing, self._graph, key)
            self._drawing.edge(account, node, account_link(self._graph, key, Link.holds(BINDING, str(binding))))
        elif subject.kind == "Group":
            self._drawing.holds(group_node(self._drawing, subject.name), node, BINDING, str(binding))
        else:
            user = self._drawing.node(NodeKind.USER, Column.SUBJECTS, subject.name)
            self._drawing.holds(user, node, BINDING, str(binding))
            self._draw_username(subject.name, user)

    def _draw_username(self, name: str, user: str) -> None:
        """Connect the mappings whose username a binding names. A template matches some sessions only."""
        for mapping in self._mappings:
            username = mapping.user.username
            if username == name or (not username and find_account(name) == mapping.arn):
                self._drawing.holds(mapping.node, user, "username", f"username {name}")
            elif "{{" in username and re.fullmatch(_TEMPLATE.sub(".+", re.escape(username)), name):
                reason = f"only sessions for which {username} is {name}"
                self._drawing.edge(mapping.node, user, Link.not_evaluated("username", reason))

    def _draw_unauthorized(self, bindings: list[RbacBinding]) -> None:
        """Draw the faults of groups that no binding names."""
        named = {(subject.kind, subject.name) for binding in bindings for subject in binding.subjects}
        gaps = self._graph.rbac_bindings.gaps
        for mapping in (each for each in self._mappings if each.is_effective):
            user = mapping.user
            unbound = [each for each in user.groups if ("Group", each) not in named and each not in _BUILT_IN]
            is_bound = len(unbound) < len(user.groups) or ("User", user.username) in named or bool(user.policies)
            if gaps is not None:
                for group in unbound:
                    node = group_node(self._drawing, group)
                    self._drawing.not_read(node, "binding", f"other bindings may name it: {gaps}")
                continue
            for group in unbound:
                self._drawing.describe(group_node(self._drawing, group), "no binding names it")
            found = self._fault(mapping, unbound, bindings, is_bound=is_bound)
            if found is not None:
                name, finding = found
                self._drawing.nothing(group_node(self._drawing, name), "no binding", BINDING, finding)

    def _fault(
        self, mapping: DrawnMapping, unbound: list[str], bindings: list[RbacBinding], *, is_bound: bool
    ) -> tuple[str, Finding] | None:
        """Return the finding of the trace of a mapped principal, and the group that it is about."""
        if "{{" in mapping.user.username or not mapping.arn.startswith("arn:"):
            return None
        for name in unbound:
            for request in _similar_requests(self._graph, name, bindings):
                finding = self._trace(mapping, request)
                if finding is not None and finding.kind in _MISSPELT:
                    return name, finding
        if is_bound or not unbound:
            # An access entry with neither groups nor policies has a finding of `list`.
            return None
        finding = self._trace(mapping, _USUAL_REQUEST)
        return None if finding is None else (unbound[0], finding)

    def _trace(self, mapping: DrawnMapping, request: Request) -> Finding | None:
        findings = trace_principal(self._graph, mapping.arn, request).findings
        return findings[-1] if findings else None


def account_key(binding: RbacBinding, subject: BindingSubject) -> ObjectKey | None:
    """Return namespace and name of a subject that is a service account; None for users and groups."""
    if subject.kind == "ServiceAccount":
        return (subject.namespace or binding.namespace or "", subject.name)
    if subject.kind == "User" and subject.name.startswith(_ACCOUNT_USER):
        namespace, _, name = subject.name.removeprefix(_ACCOUNT_USER).partition(":")
        return (namespace, name)
    return None


def _similar_requests(graph: AccessGraph, group: str, bindings: Iterable[RbacBinding]) -> Iterator[Request]:
    """Yield a request that each binding allows whose subject was probably meant to be a group."""
    for binding in bindings:
        is_near = any(
            is_similar(group, subject.name) if subject.kind == "Group" else subject.name == group
            for subject in binding.subjects
        )
        try:
            rule = next(iter(rules_of(graph, binding)), None) if is_near else None
        except NotReadError:
            continue
        if rule is not None and rule.resources and rule.verbs:
            verb, resource = (values[0] for values in (rule.verbs, rule.resources))
            request = Request(verb.replace("*", "get"), resource.replace("*", "pods"), binding.namespace)
            api_group = next(iter(rule.api_groups), "").replace("*", "")
            yield replace(request, api_group=api_group, name=next(iter(rule.resource_names), None))


def rule_lines(rules: Iterable[Rule]) -> tuple[str, ...]:
    """Return rules in words, the first ones line by line."""
    lines = []
    for rule in rules:
        objects = ", ".join(rule.resources or rule.non_resource_urls)
        names = f" named {', '.join(rule.resource_names)}" if rule.resource_names else ""
        lines.append(f"{', '.join(rule.verbs)} {objects}{names}")
    more = [f"and {len(lines) - _MOST_RULES} more rules"] if len(lines) > _MOST_RULES else []
    return (*lines[:_MOST_RULES], *more)
