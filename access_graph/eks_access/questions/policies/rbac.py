"""Rules on RBAC. Roles and bindings of Kubernetes and EKS themselves are not judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eks_access.graph.kubernetes_objects import RbacBinding
from eks_access.questions.policies.violations import Found, RuleContext, Undecided, Violation, unknown_objects
from eks_identity.evaluation.default_roles import DEFAULT_ROLES
from eks_identity.evaluation.rbac import EVERYTHING, Request, allows
from eks_identity.model.identities import MASTERS
from eks_identity.model.rbac import READ, WRITE, Rule

_OF_KUBERNETES = ("system:", "eks:", "kubeadm:")
_ESCALATION = frozenset({"escalate", "bind", "impersonate"})
_ADMISSION = "admissionregistration.k8s.io"
_WEBHOOKS = ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")


def wildcard(context: RuleContext) -> Found:
    """Yield roles with `*` for verbs or resources."""
    return _roles(context, lambda rule: _has_wildcard(rule) and bool(rule.resources))


def escalation_verbs(context: RuleContext) -> Found:
    """Yield roles with escalate, bind or impersonate."""
    return _roles(context, lambda rule: bool(_ESCALATION & set(rule.verbs)))


def persistent_volumes(context: RuleContext) -> Found:
    """Yield roles that may create persistent volumes."""
    return _roles(context, _allows([Request("create", "persistentvolumes")]))


def node_proxy(context: RuleContext) -> Found:
    """Yield roles with access to the proxy of nodes."""
    return _roles(context, _allows([Request(verb, "nodes/proxy") for verb in (*READ, *WRITE)]))


def webhooks(context: RuleContext) -> Found:
    """Yield roles that may change admission webhooks."""
    requests = [Request(verb, kind, api_group=_ADMISSION) for verb in WRITE for kind in _WEBHOOKS]
    return _roles(context, _allows(requests))


def service_account_tokens(context: RuleContext) -> Found:
    """Yield roles that may create tokens of all service accounts."""
    return _roles(context, _allows([Request("create", "serviceaccounts/token")]))


def cluster_secrets(context: RuleContext) -> Found:
    """Yield ClusterRoleBindings whose role reads secrets of all namespaces."""
    roles = context.graph.rbac_roles
    for binding in context.graph.rbac_bindings.all().values():
        if binding.namespace is not None or _is_of_kubernetes(binding):
            continue
        role = roles.all().get(binding.role)
        if role is None:
            if context.is_of_stack:
                gap = roles.exceptions.get(binding.role) or roles.gaps
                yield Undecided(str(binding), f"ClusterRole {binding.role_name}: {gap.reason if gap else 'not read'}")
        elif any(allows(role.rules, Request(verb, "secrets")) for verb in READ):
            yield Violation(str(binding), f"{role} for {', '.join(map(str, binding.subjects))}")
    yield from unknown_objects(context.graph.rbac_bindings)


def _roles(context: RuleContext, violates: Callable[[Rule], bool]) -> Found:
    """Yield roles with a rule that violates."""
    for role in context.graph.rbac_roles.all().values():
        if role.name.startswith(_OF_KUBERNETES) or (role.namespace is None and role.name in DEFAULT_ROLES):
            continue
        for rule in filter(violates, role.rules):
            yield Violation(str(role), _words(rule))
    yield from unknown_objects(context.graph.rbac_roles)


def _allows(requests: Sequence[Request]) -> Callable[[Rule], bool]:
    """Return whether a rule allows one of the requests. Rules with wildcards have a rule of their own."""
    return lambda rule: not _has_wildcard(rule) and any(allows([rule], request) for request in requests)


def _has_wildcard(rule: Rule) -> bool:
    return EVERYTHING in rule.verbs or EVERYTHING in rule.resources


def _words(rule: Rule) -> str:
    return f"{', '.join(rule.verbs)} on {', '.join(rule.resources or rule.non_resource_urls)}"


def _is_of_kubernetes(binding: RbacBinding) -> bool:
    """Return whether Kubernetes or EKS creates a binding: by its name, or as that of system:masters."""
    return binding.name.startswith(_OF_KUBERNETES) or [each.name for each in binding.subjects] == [MASTERS]
