"""A violating and a clean graph for each rule of the policy pack. They differ only in what the rule is about."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from eks_access.catalogue import policies as rules
from eks_access.catalogue.policy_rule import PolicyRule
from eks_access.graph.aws_objects import IamPrincipal, PodIdentityAssociation
from eks_access.graph.kubernetes_objects import BindingSubject, Node, ServiceAccount
from eks_access.questions.policies.settings import PolicySettings, RuleSettings
from eks_identity.model.existing_entries import AssociatedPolicy, ExistingEntry
from eks_identity.model.rbac import Rule
from support.access_graphs import ACCOUNT, CREATED, ISSUER, LATER, Objects, arn, binding, group, role

TODAY = date(2026, 6, 15)
HOST = ISSUER.removeprefix("https://")
PROVIDER = arn(f"oidc-provider/{HOST}")
ROLE = arn("role/app")
NODES = arn("role/nodes")
SUBJECT = "system:serviceaccount:shop:app"
ADMIN = AssociatedPolicy("arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy")
ADMINISTRATOR = ExistingEntry(arn("role/admin"), "admin", policies=(ADMIN,), created_at=LATER)
NODE_ENTRY = ExistingEntry(NODES, "system:node:{{EC2PrivateDNSName}}", ("system:nodes",), "EC2_LINUX", created_at=LATER)
ACCOUNT_KEY = ("shop", "app")
BOUNDARY = arn("policy/boundary")
ANNOTATION = {"eks.amazonaws.com/role-arn": ROLE}


@dataclass(frozen=True)
class Case:
    """Two graphs, and what else the rule reads."""

    violating: Objects
    clean: Objects
    subject: str
    before: Objects | None = None
    settings: PolicySettings | None = None


def trust(condition: dict[str, Any] | None = None, principal: Any = None, action: str = "") -> Objects:
    """Return a role that trusts a principal, by default the cluster's OIDC provider."""
    statement = {
        "Effect": "Allow",
        "Principal": principal or {"Federated": PROVIDER},
        "Action": action or ("sts:AssumeRole" if principal else "sts:AssumeRoleWithWebIdentity"),
    }
    document = {"Version": "2012-10-17", "Statement": [statement | ({"Condition": condition} if condition else {})]}
    return Objects(principals={ROLE: IamPrincipal(ROLE, "AROA1", CREATED, trust_policy=document)})


SUB = {f"{HOST}:sub": SUBJECT}
AUD = {f"{HOST}:aud": "sts.amazonaws.com"}
IRSA = trust({"StringEquals": SUB | AUD})


def of_role(objects: Objects = IRSA, **changes: Any) -> Objects:
    return objects.changed(principals={ROLE: replace(objects.principals[ROLE], **changes)})


def allow(*actions: str, resource: str = "*") -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": resource}]}


def roles(*verbs: str, on: str, api_group: str = "", names: tuple[str, ...] = ()) -> Objects:
    rule = Rule(verbs, tuple(on.split()), (api_group,), names)
    return Objects(rbac_roles=role("team", (rule,)))


def entries(*of: ExistingEntry) -> Objects:
    return Objects(entries={each.principal_arn: each for each in of})


def masters(name: str) -> Objects:
    return Objects(aws_auth={"mapRoles": f"- rolearn: {ROLE}\n  username: ops\n  groups: ['{name}']\n"})


def cluster(**fields: Any) -> Objects:
    return Objects(cluster=fields)


def named(user: str) -> Objects:
    subject = BindingSubject("User", user)
    return entries(ExistingEntry(ROLE, "ann")).changed(rbac_bindings=binding("people", "view", subject))


_SECRETS = role("reader", (Rule(("get",), ("secrets",), ("",)),))
_ASSOCIATED = {ACCOUNT_KEY: PodIdentityAssociation("a-1", *ACCOUNT_KEY, ROLE)}
_ANNOTATED = Objects(service_accounts={ACCOUNT_KEY: ServiceAccount(*ACCOUNT_KEY, ANNOTATION)})
_AS_BEFORE = entries(ADMINISTRATOR, NODE_ENTRY).changed(principals={NODES: IamPrincipal(NODES, trust_policy={})})

ENTRIES_BEFORE = entries(ADMINISTRATOR).entries

CASES: dict[PolicyRule, Case] = {
    rules.TRUST_ANY_PRINCIPAL: Case(
        trust(principal="*"), trust(principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}), "IAM role app"
    ),
    rules.TRUST_NO_CONDITION: Case(trust(), IRSA, "IAM role app"),
    rules.TRUST_SUBJECT_MISSING: Case(trust({"StringEquals": AUD}), IRSA, "IAM role app"),
    rules.TRUST_SUBJECT_WILDCARD: Case(
        trust({"StringLike": {f"{HOST}:sub": "system:serviceaccount:shop:*"}, "StringEquals": AUD}),
        trust({"StringLike": SUB, "StringEquals": AUD}),
        "IAM role app",
    ),
    rules.TRUST_AUDIENCE_MISSING: Case(trust({"StringEquals": SUB}), IRSA, "IAM role app"),
    rules.WORKLOAD_ADMINISTRATOR: Case(
        of_role(attached_policies=("arn:aws:iam::aws:policy/AdministratorAccess",)),
        of_role(inline_policies={"own": allow("s3:GetObject", resource="arn:aws:s3:::shop/*")}),
        "IAM role app",
    ),
    rules.BOUNDARY_MISSING: Case(
        IRSA,
        of_role(boundary=BOUNDARY),
        "IAM role app",
        settings=PolicySettings({"boundary-missing": RuleSettings(boundary=arn("policy/*"))}),
    ),
    rules.DEFAULT_SERVICE_ACCOUNT: Case(
        Objects(service_accounts={("shop", "default"): ServiceAccount("shop", "default", ANNOTATION)}),
        _ANNOTATED,
        "service account shop/default",
    ),
    rules.TWO_IDENTITIES: Case(_ANNOTATED.changed(associations=_ASSOCIATED), _ANNOTATED, "service account shop/app"),
    rules.PODS_REACH_NODE_ROLE: Case(
        Objects(nodes={"n": Node("n", metadata_hop_limit=2)}),
        Objects(nodes={"n": Node("n", metadata_hop_limit=1)}),
        "node n",
    ),
    rules.MASTERS_GROUP: Case(masters("system:masters"), masters("operators"), f"mapping of {ROLE} in aws-auth"),
    rules.ACCESS_EXPIRED: Case(
        entries(ExistingEntry(ROLE, "ops", tags={"eks-identity/expires": "2026-06-14"})),
        entries(ExistingEntry(ROLE, "ops", tags={"eks-identity/expires": "2026-06-15"})),
        f"access entry of {ROLE}",
    ),
    rules.ENTRY_OF_REPLACED_PRINCIPAL: Case(
        entries(ExistingEntry(ROLE, created_at=CREATED)).changed(principals={ROLE: IamPrincipal(ROLE, "B", LATER)}),
        entries(ExistingEntry(ROLE, created_at=LATER)).changed(principals={ROLE: IamPrincipal(ROLE, "B", CREATED)}),
        f"access entry of {ROLE}",
    ),
    rules.LAST_ADMINISTRATOR_REMOVED: Case(
        entries(NODE_ENTRY), entries(NODE_ENTRY, ADMINISTRATOR), "the cluster", before=_AS_BEFORE
    ),
    rules.NODE_ROLE_REMOVED: Case(
        _AS_BEFORE.changed(entries=entries(ADMINISTRATOR).entries),
        entries(ADMINISTRATOR),
        f"node role {NODES}",
        before=_AS_BEFORE,
    ),
    rules.USER_OUTSIDE_IAM: Case(named("bob"), named("ann"), "ClusterRoleBinding people"),
    rules.RBAC_WILDCARD: Case(roles("*", on="pods"), roles("get", on="pods"), "ClusterRole team"),
    rules.RBAC_ESCALATION: Case(
        roles("bind", on="roles", api_group="rbac.authorization.k8s.io"),
        roles("get", on="roles", api_group="rbac.authorization.k8s.io"),
        "ClusterRole team",
    ),
    rules.RBAC_CLUSTER_SECRETS: Case(
        Objects(rbac_roles=_SECRETS, rbac_bindings=binding("people", "reader", group("people"))),
        Objects(rbac_roles=_SECRETS, rbac_bindings=binding("people", "reader", group("people"), namespace="shop")),
        "ClusterRoleBinding people",
    ),
    rules.RBAC_PERSISTENT_VOLUMES: Case(
        roles("create", on="persistentvolumes"), roles("create", on="persistentvolumeclaims"), "ClusterRole team"
    ),
    rules.RBAC_NODE_PROXY: Case(roles("get", on="nodes/proxy"), roles("get", on="nodes/metrics"), "ClusterRole team"),
    rules.RBAC_WEBHOOKS: Case(
        roles("patch", on="mutatingwebhookconfigurations", api_group="admissionregistration.k8s.io"),
        roles("get", on="mutatingwebhookconfigurations", api_group="admissionregistration.k8s.io"),
        "ClusterRole team",
    ),
    rules.RBAC_TOKENS: Case(
        roles("create", on="serviceaccounts/token"),
        roles("create", on="serviceaccounts/token", names=("app",)),
        "ClusterRole team",
    ),
    rules.PUBLIC_ENDPOINT: Case(
        cluster(has_public_endpoint=True),
        cluster(has_public_endpoint=True, public_access_cidrs=("203.0.113.0/24",)),
        "cluster eks-clu",
    ),
    rules.SECRETS_UNENCRYPTED: Case(cluster(encrypts_secrets=False), cluster(encrypts_secrets=True), "cluster eks-clu"),
    rules.CONFIG_MAP_MODE: Case(Objects("CONFIG_MAP"), Objects("API_AND_CONFIG_MAP"), "cluster eks-clu"),
}
