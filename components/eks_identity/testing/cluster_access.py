"""The chain of cluster access: IAM principal, access entry or aws-auth mapping, groups, bindings, rules.

Each link is one sentence. If the chain breaks, the last sentence names the broken link and the existing alternatives.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from eks_identity.evaluation.access_policy_rules import ACCESS_POLICY_RULES
from eks_identity.evaluation.default_roles import DEFAULT_ROLES
from eks_identity.evaluation.iam import matches
from eks_identity.evaluation.rbac import Request, allows
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.model.arns import Principal, same_arn
from eks_identity.model.rbac import Rule
from eks_identity.testing.deployment import Deployment, RegisteredResource, cluster_in, is_in, select_cluster
from eks_identity.testing.verdict import Answer, Verdict

RBAC = "kubernetes:rbac.authorization.k8s.io/v1:"
AUTHENTICATED = "system:authenticated"
MASTERS = "system:masters"


@dataclass(frozen=True)
class IdentityMapping:
    """An access entry or aws-auth mapping, which gives a principal a username and groups in a cluster."""

    kind: str
    cluster: str | None
    arn: str
    username: str
    groups: tuple[str, ...]

    def __str__(self) -> str:
        groups = f"groups {', '.join(self.groups)}" if self.groups else "no groups"
        return f"{self.kind} of {self.arn}: username {self.username}, {groups}"


@dataclass
class _Chain:
    """The links that a check has read, by their effect."""

    allowing: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    insufficient: list[str] = field(default_factory=list)
    """Existing links that do not allow the request."""


def verdict(deployment: Deployment, principal: str, request: Request, cluster: str | None) -> Verdict:
    """Return the verdict on a request of a principal."""
    question = f"{principal}: {request}"
    parsed = Principal.parse(principal)
    mappings = list(_mappings(deployment))
    cluster = select_cluster({mapping.cluster for mapping in mappings}, cluster)
    question += f" of cluster {cluster}" if cluster else ""
    mappings = [mapping for mapping in mappings if is_in(cluster, mapping.cluster)]
    mapping, broken_link = _effective_mapping(deployment, mappings, parsed, cluster)
    if mapping is None:
        return Verdict(question, Answer.NO, (broken_link,))
    chain = _Chain()
    for policy in _policies(deployment, mapping):
        _add_policy(chain, policy, request)
    if MASTERS in mapping.groups:
        chain.allowing.append(f"group {MASTERS} is allowed everything")
    for binding in _bindings(deployment, cluster):
        subject = _subject(binding, mapping)
        if subject is not None:
            _add_binding(chain, deployment, binding, subject, request)
    if chain.allowing:
        return Verdict(question, Answer.YES, (str(mapping), *chain.allowing))
    if chain.unknown:
        return Verdict(question, Answer.UNKNOWN, (str(mapping), *chain.unknown))
    return Verdict(
        question, Answer.NO, (str(mapping), *(chain.insufficient or [_unbound(deployment, mapping, cluster)]))
    )


def _mappings(deployment: Deployment) -> Iterator[IdentityMapping]:
    for resource in deployment.resources:
        inputs = resource.inputs
        if resource.type == "aws:eks/accessEntry:AccessEntry":
            username = inputs.get("userName") or inputs["principalArn"]
            groups = tuple(inputs.get("kubernetesGroups") or ())
            yield IdentityMapping("access entry", inputs["clusterName"], inputs["principalArn"], username, groups)
        elif resource.kind == "AccessEntry":
            groups = tuple(inputs.get("groups") or ())
            yield IdentityMapping(
                "access entry", inputs["cluster_name"], inputs["principal_arn"], inputs["username"], groups
            )
        elif resource.kind == "AwsAuthMapping":
            cluster = cluster_in(inputs["kubeconfig"])
            groups = tuple(inputs["groups"])
            yield IdentityMapping("aws-auth mapping", cluster, inputs["arn"], inputs["username"], groups)


def _effective_mapping(
    deployment: Deployment, mappings: list[IdentityMapping], principal: Principal, cluster: str | None
) -> tuple[IdentityMapping | None, str]:
    """Return the mapping that EKS uses for the principal, or None and the broken link."""
    mode = AuthenticationMode.parse(_mode(deployment, cluster))
    entries = [item for item in mappings if item.kind == "access entry" and same_arn(item.arn, principal.arn)]
    aws_auth = [item for item in mappings if item.kind != "access entry" and same_arn(item.arn, principal.aws_auth_arn)]
    if entries and mode.reads_access_entries:
        return entries[0], ""
    if aws_auth and mode.reads_aws_auth:
        return aws_auth[-1], ""
    if entries or aws_auth:
        unread = (entries or aws_auth)[0]
        return None, f"broken: {unread.kind} of {unread.arn} is not read with authentication mode {mode}"
    arns = sorted({mapping.arn for mapping in mappings})
    near = difflib.get_close_matches(principal.arn, arns, n=1, cutoff=0.8)
    hint = f"did you mean {near[0]}?" if near else f"principals with access are {', '.join(arns) or 'none'}"
    return None, f"broken: no access entry and no aws-auth mapping of {principal.arn}; {hint}"


def _mode(deployment: Deployment, cluster: str | None) -> str:
    for resource in deployment.resources:
        if resource.kind == "AuthenticationModeMigration" and is_in(cluster, resource.inputs.get("cluster_name")):
            return str(resource.inputs["target_mode"])
    return deployment.cloud.authentication_mode(cluster or "")


@dataclass(frozen=True)
class _PolicyAssociation:
    """An access policy that is associated with a principal."""

    name: str
    namespaces: tuple[str, ...]

    def __str__(self) -> str:
        return f"access policy {self.name} " + (
            f"in namespaces {', '.join(self.namespaces)}" if self.namespaces else "in all namespaces"
        )


def _policies(deployment: Deployment, mapping: IdentityMapping) -> Iterator[_PolicyAssociation]:
    for resource in deployment.of("aws:eks/accessPolicyAssociation:AccessPolicyAssociation"):
        inputs = resource.inputs
        if (
            mapping.kind == "access entry"
            and inputs["clusterName"] == mapping.cluster
            and same_arn(inputs["principalArn"], mapping.arn)
        ):
            namespaces = tuple(inputs["accessScope"].get("namespaces") or ())
            yield _PolicyAssociation(inputs["policyArn"].rpartition("/")[2], namespaces)


def _add_policy(chain: _Chain, policy: _PolicyAssociation, request: Request) -> None:
    if policy.name not in ACCESS_POLICY_RULES:
        chain.unknown.append(f"unknown: the rules of {policy}, because AWS does not document them")
    elif policy.namespaces and not any(matches(pattern, request.namespace or "") for pattern in policy.namespaces):
        chain.insufficient.append(f"broken: {policy} does not reach {_scope(request)}")
    elif allows(ACCESS_POLICY_RULES[policy.name], request):
        chain.allowing.append(f"{policy} allows it")
    else:
        chain.insufficient.append(f"broken: {policy} has no rule for {request.verb} on {request.resource}")


def _bindings(deployment: Deployment, cluster: str | None) -> list[RegisteredResource]:
    bindings = deployment.of(f"{RBAC}ClusterRoleBinding", f"{RBAC}RoleBinding")
    return [binding for binding in bindings if is_in(cluster, deployment.cluster_of(binding))]


def _add_binding(
    chain: _Chain, deployment: Deployment, binding: RegisteredResource, subject: str, request: Request
) -> None:
    reference = binding.inputs["roleRef"]
    role = f"{reference['kind']} {reference['name']}"
    namespace = _namespace(binding) if binding.kind == "RoleBinding" else None
    link = f"{binding.kind} {_name(binding)} binds {subject} to {role}" + (
        f" in namespace {namespace}" if namespace else ""
    )
    rules = _rules(deployment, reference, namespace, deployment.cluster_of(binding))
    if namespace is not None and request.namespace != namespace:
        chain.insufficient.append(f"broken: {link}, and does not reach {_scope(request)}")
    elif rules is None:
        chain.unknown.append(f"unknown: {link}, and the program does not declare its rules")
    elif allows(rules, request) and not (namespace and request.is_path):
        chain.allowing += [link, f"{role} allows it"]
    else:
        chain.insufficient.append(f"broken: {link}, which has no rule for {request}; it has {_shown(rules)}")


def _subject(binding: RegisteredResource, mapping: IdentityMapping) -> str | None:
    for subject in binding.inputs.get("subjects") or ():
        kind, name = subject["kind"], subject["name"]
        if (kind == "Group" and name in {*mapping.groups, AUTHENTICATED}) or (
            kind == "User" and name == mapping.username
        ):
            return f"{kind.lower()} {name}"
    return None


def _rules(
    deployment: Deployment, reference: dict[str, Any], namespace: str | None, cluster: str | None
) -> list[Rule] | None:
    """Return the rules of the role that a binding refers to, None if they are unknown."""
    for role in deployment.of(f"{RBAC}{reference['kind']}"):
        is_same_namespace = reference["kind"] == "ClusterRole" or _namespace(role) == namespace
        if _name(role) == reference["name"] and is_same_namespace and is_in(cluster, deployment.cluster_of(role)):
            if role.inputs.get("aggregationRule"):
                return None
            return [_rule(rule) for rule in role.inputs.get("rules") or ()]
    default = DEFAULT_ROLES.get(reference["name"]) if reference["kind"] == "ClusterRole" else None
    return None if default is None else list(default)


def _rule(document: dict[str, Any]) -> Rule:
    keys = ("verbs", "resources", "apiGroups", "resourceNames", "nonResourceURLs")
    return Rule(*(tuple(document.get(key) or ()) for key in keys))


def _unbound(deployment: Deployment, mapping: IdentityMapping, cluster: str | None) -> str:
    if not mapping.groups:
        return "broken: it has no groups and no access policy, and no binding has its username"
    bound_groups = sorted(
        subject["name"]
        for binding in _bindings(deployment, cluster)
        for subject in binding.inputs.get("subjects") or ()
        if subject["kind"] == "Group"
    )
    return f"broken: no binding has {', '.join(mapping.groups)}; bound groups are {', '.join(bound_groups) or 'none'}"


def _shown(rules: list[Rule]) -> str:
    return "; ".join(
        f"{', '.join(rule.verbs)} on {', '.join(rule.resources or rule.non_resource_urls)}"
        + (f" named {', '.join(rule.resource_names)}" if rule.resource_names else "")
        for rule in rules
    )


def _scope(request: Request) -> str:
    return f"namespace {request.namespace}" if request.namespace else "all namespaces"


def _name(resource: RegisteredResource) -> str:
    metadata = resource.state.get("metadata") or resource.inputs.get("metadata") or {}
    return str(metadata.get("name"))


def _namespace(resource: RegisteredResource) -> str:
    return str((resource.inputs.get("metadata") or {}).get("namespace") or "default")
