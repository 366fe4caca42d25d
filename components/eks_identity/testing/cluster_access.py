"""From an IAM principal to what it may do in the cluster: entry or mapping, groups, bindings, rules.

One sentence a link. Where the chain breaks, the last sentence says where, and what there is instead.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from eks_identity.evaluation.access_policy_rules import ACCESS_POLICY_RULES
from eks_identity.evaluation.default_roles import DEFAULT_ROLES
from eks_identity.evaluation.iam_policies import matches
from eks_identity.evaluation.rbac import Request, allows
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.model.arns import Principal, same_arn
from eks_identity.model.rbac import Rule
from eks_identity.testing.deployment import Declared, Deployment, cluster_in, is_in, only_cluster
from eks_identity.testing.verdict import Answer, Verdict

RBAC = "kubernetes:rbac.authorization.k8s.io/v1:"
EVERYBODY = "system:authenticated"
MASTERS = "system:masters"


@dataclass(frozen=True)
class Way:
    """A principal's way into a cluster."""

    by: str
    cluster: str | None
    arn: str
    username: str
    groups: tuple[str, ...]

    def __str__(self) -> str:
        groups = f"groups {', '.join(self.groups)}" if self.groups else "no groups"
        return f"{self.by} of {self.arn}: username {self.username}, {groups}"


@dataclass
class _Chain:
    """What was found on the way from a principal to an answer."""

    allowed: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)
    short: list[str] = field(default_factory=list)
    """Links that are there and do not reach far enough."""


def verdict(deployment: Deployment, principal: str, request: Request, cluster: str | None) -> Verdict:
    """The answer for one principal and one request."""
    question = f"{principal}: {request}"
    who = Principal.parse(principal)
    ways = list(_ways(deployment))
    cluster = only_cluster({way.cluster for way in ways}, cluster)
    question += f" of cluster {cluster}" if cluster else ""
    way, refusal = _way_in(deployment, [way for way in ways if is_in(cluster, way.cluster)], who, cluster)
    if way is None:
        return Verdict(question, Answer.NO, (refusal,))
    chain = _Chain()
    for policy in _policies(deployment, way):
        _by_policy(chain, policy, request)
    if MASTERS in way.groups:
        chain.allowed.append(f"group {MASTERS} may do everything")
    for binding in _bindings(deployment, cluster):
        subject = _subject(binding, way)
        if subject is not None:
            _by_binding(chain, deployment, binding, subject, request)
    if chain.allowed:
        return Verdict(question, Answer.YES, (str(way), *chain.allowed))
    if chain.unclear:
        return Verdict(question, Answer.UNKNOWN, (str(way), *chain.unclear))
    return Verdict(question, Answer.NO, (str(way), *(chain.short or [_unbound(deployment, way, cluster)])))


def _ways(deployment: Deployment) -> Iterator[Way]:
    for resource in deployment.resources:
        given = resource.inputs
        if resource.type == "aws:eks/accessEntry:AccessEntry":
            username = given.get("userName") or given["principalArn"]
            groups = tuple(given.get("kubernetesGroups") or ())
            yield Way("access entry", given["clusterName"], given["principalArn"], username, groups)
        elif resource.kind == "AccessEntry":
            groups = tuple(given.get("groups") or ())
            yield Way("access entry", given["cluster_name"], given["principal_arn"], given["username"], groups)
        elif resource.kind == "AwsAuthMapping":
            place = cluster_in(given["kubeconfig"])
            yield Way("aws-auth mapping", place, given["arn"], given["username"], tuple(given["groups"]))


def _way_in(deployment: Deployment, ways: list[Way], who: Principal, cluster: str | None) -> tuple[Way | None, str]:
    """The way by which the principal comes in, or the sentence that says why there is none."""
    mode = AuthenticationMode.parse(_mode(deployment, cluster))
    entries = [way for way in ways if way.by == "access entry" and same_arn(way.arn, who.arn)]
    mappings = [way for way in ways if way.by != "access entry" and same_arn(way.arn, who.aws_auth_arn)]
    if entries and mode.reads_access_entries:
        return entries[0], ""
    if mappings and mode.reads_aws_auth:
        return mappings[-1], ""
    if entries or mappings:
        unread = (entries or mappings)[0]
        return None, f"broken: {unread.by} of {unread.arn} is not read with authentication mode {mode}"
    known = sorted({way.arn for way in ways})
    near = difflib.get_close_matches(who.arn, known, n=1, cutoff=0.8)
    instead = f"did you mean {near[0]}?" if near else f"there are those of {', '.join(known) or 'nobody'}"
    return None, f"broken: no access entry and no aws-auth mapping of {who.arn}; {instead}"


def _mode(deployment: Deployment, cluster: str | None) -> str:
    for resource in deployment.resources:
        if resource.kind == "AuthenticationModeMigration" and is_in(cluster, resource.inputs.get("cluster_name")):
            return str(resource.inputs["target_mode"])
    return deployment.cloud.authentication_mode(cluster or "")


@dataclass(frozen=True)
class _Policy:
    name: str
    namespaces: tuple[str, ...]

    def __str__(self) -> str:
        return f"access policy {self.name} " + (
            f"in namespaces {', '.join(self.namespaces)}" if self.namespaces else "in the whole cluster"
        )


def _policies(deployment: Deployment, way: Way) -> Iterator[_Policy]:
    for resource in deployment.of("aws:eks/accessPolicyAssociation:AccessPolicyAssociation"):
        given = resource.inputs
        if (
            way.by == "access entry"
            and given["clusterName"] == way.cluster
            and same_arn(given["principalArn"], way.arn)
        ):
            scope = given["accessScope"]
            yield _Policy(given["policyArn"].rpartition("/")[2], tuple(scope.get("namespaces") or ()))


def _by_policy(chain: _Chain, policy: _Policy, request: Request) -> None:
    if policy.name not in ACCESS_POLICY_RULES:
        chain.unclear.append(f"not known: what {policy} allows, since AWS documents no rules of it")
    elif policy.namespaces and not any(matches(pattern, request.namespace or "") for pattern in policy.namespaces):
        chain.short.append(f"broken: {policy} does not reach {_place(request)}")
    elif allows(ACCESS_POLICY_RULES[policy.name], request):
        chain.allowed.append(f"{policy} allows it")
    else:
        chain.short.append(f"broken: {policy} has no rule for {request.verb} on {request.resource}")


def _bindings(deployment: Deployment, cluster: str | None) -> list[Declared]:
    found = deployment.of(f"{RBAC}ClusterRoleBinding", f"{RBAC}RoleBinding")
    return [binding for binding in found if is_in(cluster, deployment.cluster_of(binding))]


def _by_binding(chain: _Chain, deployment: Deployment, binding: Declared, subject: str, request: Request) -> None:
    reference = binding.inputs["roleRef"]
    role = f"{reference['kind']} {reference['name']}"
    namespace = _namespace(binding) if binding.kind == "RoleBinding" else None
    link = f"{binding.kind} {_name(binding)} binds {subject} to {role}" + (
        f" in namespace {namespace}" if namespace else ""
    )
    rules = _rules(deployment, reference, namespace, deployment.cluster_of(binding))
    if namespace is not None and request.namespace != namespace:
        chain.short.append(f"broken: {link}, and does not reach {_place(request)}")
    elif rules is None:
        chain.unclear.append(f"{link}, whose rules are not known: it is not declared here")
    elif allows(rules, request) and not (namespace and request.is_path):
        chain.allowed += [link, f"{role} allows it"]
    else:
        chain.short.append(f"broken: {link}, which has no rule for {request}; it has {_shown(rules)}")


def _subject(binding: Declared, way: Way) -> str | None:
    for subject in binding.inputs.get("subjects") or ():
        kind, name = subject["kind"], subject["name"]
        if (kind == "Group" and name in {*way.groups, EVERYBODY}) or (kind == "User" and name == way.username):
            return f"{kind.lower()} {name}"
    return None


def _rules(
    deployment: Deployment, reference: dict[str, Any], namespace: str | None, cluster: str | None
) -> list[Rule] | None:
    """The rules of the role that a binding refers to; None where they are not known."""
    for role in deployment.of(f"{RBAC}{reference['kind']}"):
        same_place = reference["kind"] == "ClusterRole" or _namespace(role) == namespace
        if _name(role) == reference["name"] and same_place and is_in(cluster, deployment.cluster_of(role)):
            if role.inputs.get("aggregationRule"):
                return None
            return [_rule(rule) for rule in role.inputs.get("rules") or ()]
    known = DEFAULT_ROLES.get(reference["name"]) if reference["kind"] == "ClusterRole" else None
    return list(known) if known is not None else None


def _rule(given: dict[str, Any]) -> Rule:
    def words(name: str) -> tuple[str, ...]:
        return tuple(given.get(name) or ())

    return Rule(
        words("verbs"), words("resources"), words("apiGroups"), words("resourceNames"), words("nonResourceURLs")
    )


def _unbound(deployment: Deployment, way: Way, cluster: str | None) -> str:
    if not way.groups:
        return "broken: it has no groups and no access policy, and nothing is bound to its username"
    bound = sorted(
        subject["name"]
        for binding in _bindings(deployment, cluster)
        for subject in binding.inputs.get("subjects") or ()
        if subject["kind"] == "Group"
    )
    return f"broken: nothing is bound to {', '.join(way.groups)}; bound groups are {', '.join(bound) or 'none'}"


def _shown(rules: list[Rule]) -> str:
    return "; ".join(
        f"{', '.join(rule.verbs)} on {', '.join(rule.resources or rule.non_resource_urls)}"
        + (f" named {', '.join(rule.resource_names)}" if rule.resource_names else "")
        for rule in rules
    )


def _place(request: Request) -> str:
    return f"namespace {request.namespace}" if request.namespace else "all namespaces"


def _name(resource: Declared) -> str:
    metadata = resource.state.get("metadata") or resource.inputs.get("metadata") or {}
    return str(metadata.get("name"))


def _namespace(resource: Declared) -> str:
    return str((resource.inputs.get("metadata") or {}).get("namespace") or "default")
