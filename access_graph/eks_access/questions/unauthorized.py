"""Why nothing allows a user a request: the fault of a group, a binding, a role or an access policy, with its fix."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from eks_access.catalogue import cluster_access as kinds
from eks_access.findings import Finding, Fix
from eks_access.graph import AccessGraph
from eks_access.graph.kubernetes_objects import RbacBinding
from eks_access.questions import commands, grants
from eks_access.questions.access_entry_link import subject as entry_subject
from eks_access.questions.binding_faults import SIMILARITY, empty_aggregation, missing_role
from eks_access.questions.permissions import (
    bindings_of,
    in_scope,
    policy_name,
    policy_reaches,
    rules_of,
)
from eks_identity.evaluation.access_policy_rules import ACCESS_POLICY_RULES
from eks_identity.evaluation.cluster_rights import ClusterUser
from eks_identity.evaluation.default_roles import DEFAULT_ROLES
from eks_identity.evaluation.rbac import AUTHENTICATED, Request, allows
from eks_identity.model.arns import Principal
from eks_identity.model.aws_auth import UserMapping
from eks_identity.model.existing_entries import AssociatedPolicy, ExistingEntry
from eks_identity.model.rbac import Rule


@dataclass(frozen=True)
class Denial:
    """A request that nothing allows the user of a principal."""

    graph: AccessGraph
    principal: Principal
    user: ClusterUser
    entry: ExistingEntry | None
    """The access entry that authenticates the principal; None: aws-auth does."""
    request: Request

    def finding(self) -> Finding:
        """Return the fault that explains the denial best: a string that differs comes before a missing permission."""
        faults = chain(
            self._wrong_subjects(),
            self._misspelt_groups(),
            self._faults_of_bindings(),
            self._access_policies(),
            self._role_rules(),
        )
        return next(faults, None) or self._without_permissions()

    def _wrong_subjects(self) -> Iterator[Finding]:
        """Yield bindings that would allow the request if one of their subjects had another kind."""
        for binding in self._bindings_with_access():
            for index, subject in enumerate(binding.subjects):
                if subject.name in self.user.groups and subject.kind != "Group":
                    kind = "Group"
                elif subject.name == self.user.username and subject.kind != "User":
                    kind = "User"
                else:
                    continue
                value = {"kind": kind, "name": subject.name, "apiGroup": "rbac.authorization.k8s.io"}
                fix = commands.patch_binding(binding, [{"op": "replace", "path": f"/subjects/{index}", "value": value}])
                should = f"{kind} {subject.name}"
                yield Finding(kinds.BINDING_SUBJECT_KIND, str(binding), str(subject), should, fix)

    def _misspelt_groups(self) -> Iterator[Finding]:
        """Yield groups of the mapping that nothing binds, where a similar group is allowed the request."""
        bound = {
            subject.name
            for binding in self.graph.rbac_bindings.all().values()
            for subject in binding.subjects
            if subject.kind == "Group"
        }
        for binding in self._bindings_with_access():
            for subject in binding.subjects:
                for group in self.user.groups:
                    if subject.kind == "Group" and group not in bound and is_similar(group, subject.name):
                        groups = [subject.name if name == group else name for name in self.user.groups]
                        should = f"{subject.name}, the group of {binding}"
                        yield Finding(
                            kinds.GROUP_MISSPELT, self._mapping, f"group {group}", should, self._set_groups(groups)
                        )

    def _faults_of_bindings(self) -> Iterator[Finding]:
        """Yield bindings of the user whose role is missing or empty, or that apply elsewhere."""
        for binding in self._own_bindings():
            role = self.graph.rbac_roles.get(binding.role)
            if role is not None and allows(role.rules, self.request):
                says = f"namespace {binding.namespace}"
                should = f"namespace {self.request.namespace}" if self.request.namespace else "all namespaces"
                yield Finding(kinds.BINDING_NAMESPACE, str(binding), says, should, self._bind_in_scope(binding))
            elif not in_scope(binding, self.request):
                continue
            elif role is None:
                yield missing_role(self.graph, binding, self.request)
            elif role.aggregates and not role.rules:
                yield empty_aggregation(role, self.request)

    def _access_policies(self) -> Iterator[Finding]:
        """Yield access policies whose scope or whose rules do not include the request."""
        for policy in self.user.policies:
            if not policy_reaches(policy, self.request) and allows(_documented(policy), self.request):
                namespaces = (*policy.namespaces, self.request.namespace) if self.request.namespace else ()
                wider = AssociatedPolicy(policy.arn, namespaces)
                fix = commands.associate_access_policy(self.graph.cluster.get(), self._entry.principal_arn, wider)
                yield Finding(kinds.ACCESS_POLICY_SCOPE, self._mapping, str(policy), str(wider), fix)
        if self.user.policies and not any(self._own_bindings()):
            says = ", ".join(map(str, self.user.policies))
            fix = grants.associate_smallest(self.graph, self.principal, self.request)
            yield Finding(kinds.ACCESS_POLICY_RULES, self._mapping, says, f"a policy that allows {self.request}", fix)

    def _role_rules(self) -> Iterator[Finding]:
        """Yield roles of the user that could have the missing rule."""
        bindings = [binding for binding in self._own_bindings() if in_scope(binding, self.request)]
        # Kubernetes writes the rules of its own roles and of aggregated ones again.
        bindings.sort(key=lambda binding: not self._can_change(binding))
        for binding in bindings:
            role = self.graph.rbac_roles.get(binding.role)
            assert role is not None
            fix = commands.add_rule(role, self.request) if self._can_change(binding) else self._grant()
            should = f"a rule that allows {self.request}"
            yield Finding(kinds.ROLE_RULES, str(role), f"rules that do not allow {self.request}", should, fix)

    def _can_change(self, binding: RbacBinding) -> bool:
        role = self.graph.rbac_roles.get(binding.role)
        is_default = binding.role_name in DEFAULT_ROLES or binding.role_name.startswith("system:")
        return role is not None and not role.aggregates and not is_default

    def _without_permissions(self) -> Finding:
        """Return the finding of a user without any permission."""
        if not self.user.groups and not self.user.policies:
            says, kind = "no groups and no access policies", kinds.NO_GROUPS_AND_POLICIES
        else:
            says, kind = f"groups {', '.join(self.user.groups)}", kinds.GROUP_NOT_BOUND
        return Finding(
            kind, self._mapping, says, f"a group or an access policy that allows {self.request}", self._grant()
        )

    def _grant(self) -> Fix:
        """Return the commands that allow the user the request and nothing else."""
        own = next((group for group in self.user.groups if not group.startswith("system:")), None)
        if own is not None:
            return grants.grant_to_group(own, self.request)
        group = grants.group_with_access(self.graph, self.request)
        if group is not None:
            return self._set_groups([*self.user.groups, group])
        if self.entry is not None:
            return grants.associate_smallest(self.graph, self.principal, self.request)
        name = f"{self.principal.name.lower()}-access"
        return commands.together(grants.grant_to_group(name, self.request), self._set_groups([name]))

    def _set_groups(self, groups: list[str]) -> Fix:
        """Return the command that sets the groups of the mapping."""
        if self.entry is not None:
            return commands.update_entry_groups(self.graph.cluster.get(), self.entry, groups)
        current = self.graph.aws_auth.get()
        existing = current.document.effective_entry(self.principal.aws_auth_arn)
        username = (existing and existing.username) or self.principal.default_username
        mapping = UserMapping(self.principal.aws_auth_arn, username, tuple(groups))
        return commands.write_aws_auth(current, current.document.change(mapping))

    def _bind_in_scope(self, binding: RbacBinding) -> Fix:
        """Return the commands that bind the role of a RoleBinding where the request is."""
        group = next((subject.name for subject in binding.subjects if subject.name in self.user.groups), None)
        if binding.role_kind == "ClusterRole" and group is not None:
            options = (binding.name, "ClusterRole", binding.role_name, group, self.request.namespace)
            return commands.bind_group(*options)
        return self._grant()

    def _bindings_with_access(self) -> Iterator[RbacBinding]:
        self.graph.rbac_roles.prefetch()
        for binding in self.graph.rbac_bindings.all().values():
            if in_scope(binding, self.request) and allows(rules_of(self.graph, binding), self.request):
                yield binding

    def _own_bindings(self) -> Iterator[RbacBinding]:
        """Yield the bindings of the user and of its own groups, not those of every authenticated user."""
        own = {*self.user.groups, self.user.username} - {AUTHENTICATED}
        for binding in bindings_of(self.graph, self.user):
            if any(subject.name in own for subject in binding.subjects):
                yield binding

    @property
    def _mapping(self) -> str:
        if self.entry is not None:
            return entry_subject(self.entry)
        existing = self.graph.aws_auth.get().document.effective_entry(self.principal.aws_auth_arn)
        return existing.location if existing is not None else f"mapAccounts of {self.principal.account}"

    @property
    def _entry(self) -> ExistingEntry:
        assert self.entry is not None  # only access entries have access policies
        return self.entry


def _documented(policy: AssociatedPolicy) -> tuple[Rule, ...]:
    return ACCESS_POLICY_RULES.get(policy_name(policy), ())


def is_similar(one: str, other: str) -> bool:
    """Return whether two groups differ by case, by a prefix such as `oidc:`, or by few characters."""
    one, other = one.lower(), other.lower()
    same_end = one.split(":")[-1] == other.split(":")[-1] and one.split("/")[-1] == other.split("/")[-1]
    return same_end or difflib.SequenceMatcher(None, one, other).ratio() >= SIMILARITY
