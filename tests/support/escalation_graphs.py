"""Graphs with one escalation each, and their healthy twins."""

from dataclasses import dataclass, replace
from typing import Any

from eks_access.graph.aws_objects import IamGroup, IamPrincipal, OidcProvider, PodIdentityAssociation
from eks_access.graph.kubernetes_objects import BindingSubject, Node, Pod, RbacRole, ServiceAccount
from eks_identity.model.existing_entries import AssociatedPolicy, ExistingEntry
from eks_identity.model.rbac import Rule, rule_on
from support.access_graphs import ACCOUNT, REGION, Objects, arn, binding, role
from support.workload_chains import document, irsa_statement, pod_identity_statement, provider_arn

RBAC = "rbac.authorization.k8s.io"
CERTIFICATES = "certificates.k8s.io"
SUBJECT = BindingSubject("Group", "developers")
DEVELOPERS = "group developers"
USER, ADMIN = arn("user/dev"), arn("role/admin")
EVERYTHING = document({"Effect": "Allow", "Action": "*", "Resource": "*"})
CLUSTER_ARN = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/eks-clu"
READ = {"read": document({"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"})}
TO_CLUSTER, TO_ACCOUNT = "cluster administrator", f"administrator of account {ACCOUNT}"
STRONG = "service account web/strong"

CLUSTER = Objects(
    rbac_roles={
        **role("cluster-admin", (rule_on("*", "*", ("*",)), Rule(("*",), non_resource_urls=("*",)))),
        **role("reader", (rule_on("", "configmaps", ("get",)),)),
    },
    rbac_bindings=binding("strong", "reader", BindingSubject("ServiceAccount", "strong", "web")),
    service_accounts={
        ("web", "strong"): ServiceAccount("web", "strong"),
        ("web", "weak"): ServiceAccount("web", "weak"),
        ("other", "far"): ServiceAccount("other", "far"),
    },
    pods={("web", "strong-1"): Pod("web", "strong-1", "strong", node="node-1")},
    nodes={
        "node-1": Node("node-1", instance_id="i-1", role_arn=arn("role/node"), metadata_hop_limit=1),
        "fargate": Node("fargate", is_fargate=True),
    },
    principals={
        arn("role/node"): IamPrincipal(arn("role/node"), trust_policy=document(), inline_policies=READ),
    },
)
"""A cluster in which the service account web/strong has permissions, and no subject can escalate."""


def with_rules(*rules: Rule, namespace: str | None = None, base: Objects = CLUSTER) -> Objects:
    """Return the cluster in which the group developers has rules, in a namespace or in the whole cluster."""
    return base.changed(
        rbac_roles={**base.rbac_roles, **role("developer", rules, namespace)},
        rbac_bindings={
            **base.rbac_bindings,
            **binding(
                "developers",
                "developer",
                SUBJECT,
                namespace=namespace,
                role_kind="Role" if namespace else "ClusterRole",
            ),
        },
    )


def statement(action: str | list[str], resource: str | list[str] = "*", **conditions: Any) -> dict[str, Any]:
    allowed = {"Effect": "Allow", "Action": action, "Resource": resource}
    return {**allowed, "Condition": conditions} if conditions else allowed


def trust(**principal: str) -> dict[str, Any]:
    return document({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})


def account(*statements: dict[str, Any], base: Objects | None = None, **changes: Any) -> Objects:
    """Return the account in which the user dev has statements, beside an administrator role."""
    objects = base or ACCOUNT_OBJECTS
    principal = replace(objects.principals[USER], inline_policies={"own": document(*statements)}, **changes)
    return objects.changed(principals={**objects.principals, USER: principal})


def with_role(name: str, trust_policy: Any, base: Objects, policies: Any = None, **fields: Any) -> Objects:
    """Return objects with another role."""
    created = IamPrincipal(arn(f"role/{name}"), trust_policy=trust_policy, inline_policies=policies or READ, **fields)
    return base.changed(principals={**base.principals, created.arn: created})


ACCOUNT_OBJECTS = Objects(
    mode="API",
    principals={
        USER: IamPrincipal(USER),
        arn("user/other"): IamPrincipal(arn("user/other"), inline_policies=READ),
        ADMIN: IamPrincipal(
            ADMIN, trust_policy=trust(Service="lambda.amazonaws.com"), inline_policies={"all": EVERYTHING}
        ),
    },
)


@dataclass(frozen=True)
class Case:
    """A graph in which one technique leads a subject to a target, and a twin in which it does not."""

    technique: str
    broken: Objects
    healthy: Objects
    subject: str = DEVELOPERS
    reaches: str = STRONG
    is_conditional: bool = False


def _pods(verb: str, resource: str, group: str = "") -> Objects:
    return with_rules(rule_on(group, resource, (verb,)), namespace="web")


def _elsewhere(verb: str, resource: str, group: str = "") -> Objects:
    return with_rules(rule_on(group, resource, (verb,)), namespace="other")


def _cluster_case(
    technique: str, *rules: Rule, twin: tuple[Rule, ...] = (), reaches: str = TO_CLUSTER, is_conditional: bool = False
) -> Case:
    healthy = with_rules(*(twin or rules[1:]))
    return Case(technique, with_rules(*rules), healthy, reaches=reaches, is_conditional=is_conditional)


_BIND = Rule(("bind",), ("clusterroles",), (RBAC,), ("cluster-admin",))
_BIND_READER = Rule(("bind",), ("clusterroles",), (RBAC,), ("reader",))
BIND_ANY, BIND_NAMESPACED = rule_on(RBAC, "clusterroles", ("bind",)), rule_on(RBAC, "roles", ("bind",))
_READS_CONFIG_MAPS = rule_on("", "configmaps", ("get",))
_SIGNER = Rule(("approve",), ("signers",), (CERTIFICATES,), ("kubernetes.io/kube-apiserver-client",))
_CREATE_BINDINGS = rule_on(RBAC, "clusterrolebindings", ("create",))
CREATE_ROLE_BINDINGS = rule_on(RBAC, "rolebindings", ("create",))
_WITH_IRSA = with_role("irsa", document(irsa_statement("system:serviceaccount:web:weak")), CLUSTER).changed(
    oidc_providers={
        provider_arn(): OidcProvider(provider_arn(), provider_arn().partition("/")[2], ("sts.amazonaws.com",))
    }
)
_WRITE_ACCOUNTS = rule_on("", "serviceaccounts", ("patch",))
_CREATE_PODS = rule_on("", "pods", ("create",))

KUBERNETES = (
    Case("k8s-create-pods", _pods("create", "pods"), _elsewhere("create", "pods")),
    Case("k8s-create-pods", _pods("patch", "deployments", "apps"), _pods("get", "deployments", "apps")),
    Case("k8s-create-pods", _pods("create", "cronjobs", "batch"), _pods("create", "cronjobs", "apps")),
    Case("k8s-change-pods", _pods("patch", "pods"), _pods("delete", "pods")),
    Case("k8s-exec", _pods("create", "pods/exec"), _pods("create", "pods/eviction")),
    Case(
        "k8s-ephemeral-containers", _pods("patch", "pods/ephemeralcontainers"), _pods("get", "pods/ephemeralcontainers")
    ),
    Case("k8s-service-account-token", _pods("create", "serviceaccounts/token"), _pods("get", "serviceaccounts/token")),
    Case(
        "k8s-service-account-token",
        with_rules(Rule(("create",), ("serviceaccounts/token",), ("",), ("strong",)), namespace="web"),
        with_rules(Rule(("create",), ("serviceaccounts/token",), ("",), ("weak",)), namespace="web"),
    ),
    Case("k8s-read-token-secrets", _pods("list", "secrets"), _pods("create", "secrets"), is_conditional=True),
    Case(
        "k8s-create-token-secrets",
        with_rules(rule_on("", "secrets", ("create", "get")), namespace="web"),
        _pods("create", "secrets"),
    ),
    _cluster_case(
        "k8s-aws-auth",
        Rule(("update",), ("configmaps",), ("",), ("aws-auth",)),
        twin=(Rule(("update",), ("configmaps",), ("",), ("other",)),),
    ),
    Case(
        "k8s-aws-auth",
        with_rules(rule_on("", "configmaps", ("patch",)), namespace="kube-system"),
        with_rules(rule_on("", "configmaps", ("patch",)), namespace="kube-system", base=CLUSTER.changed(mode="API")),
        reaches=TO_CLUSTER,
    ),
    _cluster_case(
        "k8s-escalate",
        rule_on(RBAC, "clusterroles", ("escalate", "update")),
        twin=(rule_on(RBAC, "clusterroles", ("update",)),),
    ),
    _cluster_case("k8s-bind", _BIND, _CREATE_BINDINGS, twin=(_BIND_READER, _CREATE_BINDINGS)),
    _cluster_case(
        "k8s-bind",
        _BIND_READER,
        _CREATE_BINDINGS,
        twin=(_BIND_READER, _CREATE_BINDINGS, _READS_CONFIG_MAPS),
        reaches="permissions of ClusterRole reader in the whole cluster",
    ),
    Case(
        "k8s-bind",
        with_rules(_BIND_READER, CREATE_ROLE_BINDINGS, namespace="web"),
        with_rules(_BIND_READER, CREATE_ROLE_BINDINGS, _READS_CONFIG_MAPS, namespace="web"),
        reaches="permissions of ClusterRole reader in namespace web",
    ),
    _cluster_case(
        "k8s-impersonate",
        rule_on("", "users groups", ("impersonate",)),
        twin=(rule_on("", "groups", ("impersonate",)),),
    ),
    _cluster_case(
        "k8s-impersonate",
        Rule(("impersonate",), ("serviceaccounts",), ("",), ("strong",)),
        twin=(Rule(("impersonate",), ("serviceaccounts",), ("",), ("weak",)),),
        reaches=STRONG,
    ),
    _cluster_case(
        "k8s-nodes-proxy", rule_on("", "nodes/proxy", ("get",)), twin=(rule_on("", "nodes", ("get",)),), reaches=STRONG
    ),
    _cluster_case(
        "k8s-certificates",
        _SIGNER,
        rule_on(CERTIFICATES, "certificatesigningrequests", ("create",)),
        rule_on(CERTIFICATES, "certificatesigningrequests/approval", ("update",)),
        is_conditional=True,
    ),
    _cluster_case(
        "k8s-mutating-webhook",
        rule_on("admissionregistration.k8s.io", "mutatingwebhookconfigurations", ("create",)),
        twin=(rule_on("admissionregistration.k8s.io", "validatingwebhookconfigurations", ("create",)),),
        reaches=STRONG,
    ),
    Case(
        "k8s-service-account-role",
        with_rules(_WRITE_ACCOUNTS, _CREATE_PODS, namespace="web", base=_WITH_IRSA),
        with_rules(_WRITE_ACCOUNTS, _CREATE_PODS, namespace="other", base=_WITH_IRSA),
        reaches=arn("role/irsa"),
    ),
    Case(
        "k8s-pod-node-role",
        with_rules(
            _CREATE_PODS,
            namespace="web",
            base=CLUSTER.changed(nodes={"node-1": replace(CLUSTER.nodes["node-1"], metadata_hop_limit=2)}),
        ),
        with_rules(_CREATE_PODS, namespace="web", base=CLUSTER.changed(nodes={"fargate": CLUSTER.nodes["fargate"]})),
        reaches=arn("role/node"),
    ),
    Case(
        "k8s-privileged-pod",
        _pods("create", "pods"),
        with_rules(_CREATE_PODS, namespace="web", base=CLUSTER.changed(nodes={"fargate": CLUSTER.nodes["fargate"]})),
        reaches="node node-1",
        is_conditional=True,
    ),
)


OWN_POLICY, OWN_GROUP = arn("policy/own"), arn("group/team")
_IN_GROUP = ACCOUNT_OBJECTS.changed(groups={"team": IamGroup(OWN_GROUP)})
_ADMINS = ACCOUNT_OBJECTS.changed(groups={"admins": IamGroup(arn("group/admins"), {"all": EVERYTHING})})
_READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
OTHER_USER, OTHER_ROLE = arn("user/other"), arn("role/other")


def _iam(
    technique: str, broken: Objects, healthy: Objects, reaches: str = TO_ACCOUNT, *, is_conditional: bool = False
) -> Case:
    return Case(technique, broken, healthy, USER, reaches, is_conditional)


def _with_own_policy(action: str) -> Objects:
    base = ACCOUNT_OBJECTS.changed(policies={OWN_POLICY: document(statement("s3:Get*"))})
    return account(statement(action, OWN_POLICY), base=base, attached_policies=(OWN_POLICY,))


def _on_role(*statements: dict[str, Any], trusts: str = USER) -> Objects:
    return account(*statements, base=with_role("other", trust(AWS=trusts), ACCOUNT_OBJECTS))


def _passing(role_name: str = "admin") -> tuple[dict[str, Any], ...]:
    return (
        statement("iam:PassRole", arn(f"role/{role_name}")),
        statement("lambda:*", f"arn:aws:lambda:*:{ACCOUNT}:function:*"),
    )


IAM = (
    _iam(
        "iam-001",
        _with_own_policy("iam:CreatePolicyVersion"),
        account(statement("iam:CreatePolicyVersion", OWN_POLICY)),
    ),
    _iam(
        "iam-set-default-policy-version",
        _with_own_policy("iam:SetDefaultPolicyVersion"),
        account(statement("iam:SetDefaultPolicyVersion", OWN_POLICY)),
        is_conditional=True,
    ),
    _iam("iam-007", account(statement("iam:PutUserPolicy", USER)), account(statement("iam:PutUserPolicy", OTHER_USER))),
    _iam(
        "iam-008",
        account(statement("iam:AttachUserPolicy", USER)),
        account(statement("iam:AttachUserPolicy", USER, ArnEquals={"iam:PolicyARN": _READ_ONLY})),
    ),
    _iam(
        "iam-010",
        account(statement("iam:AttachGroupPolicy"), base=_IN_GROUP, groups=("team",)),
        account(statement("iam:AttachGroupPolicy"), base=_IN_GROUP),
    ),
    _iam(
        "iam-011",
        account(statement("iam:PutGroupPolicy", OWN_GROUP), base=_IN_GROUP, groups=("team",)),
        account(statement("iam:PutGroupPolicy", OWN_GROUP), base=_IN_GROUP),
    ),
    _iam(
        "iam-013",
        account(statement("iam:AddUserToGroup"), base=_ADMINS),
        account(statement("iam:AddUserToGroup", OWN_GROUP), base=_ADMINS),
    ),
    _iam(
        "iam-002",
        account(statement("iam:CreateAccessKey", OTHER_USER)),
        account(statement("iam:CreateAccessKey", USER)),
        OTHER_USER,
    ),
    _iam(
        "iam-004",
        account(statement("iam:CreateLoginProfile")),
        account(statement("iam:GetLoginProfile")),
        OTHER_USER,
        is_conditional=True,
    ),
    _iam(
        "iam-006",
        account(statement("iam:UpdateLoginProfile")),
        account(statement("iam:GetLoginProfile")),
        OTHER_USER,
        is_conditional=True,
    ),
    _iam(
        "iam-012",
        account(statement("iam:UpdateAssumeRolePolicy", ADMIN)),
        account(statement("iam:UpdateAssumeRolePolicy", ADMIN), {**statement("*"), "Effect": "Deny"}),
    ),
    _iam(
        "iam-014",
        _on_role(statement("iam:AttachRolePolicy")),
        _on_role(statement("iam:AttachRolePolicy"), trusts=OTHER_USER),
    ),
    _iam(
        "iam-015",
        account(statement(["iam:AttachUserPolicy", "iam:CreateAccessKey"], OTHER_USER)),
        account(statement("iam:AttachUserPolicy", OTHER_USER)),
    ),
    _iam(
        "iam-017", _on_role(statement("iam:PutRolePolicy")), _on_role(statement("iam:PutRolePolicy"), trusts=OTHER_USER)
    ),
    _iam(
        "iam-018",
        account(statement(["iam:PutUserPolicy", "iam:CreateAccessKey"], OTHER_USER)),
        account(statement("iam:PutUserPolicy", OTHER_USER)),
    ),
    _iam(
        "iam-019",
        _on_role(statement(["iam:AttachRolePolicy", "iam:UpdateAssumeRolePolicy"], OTHER_ROLE), trusts=OTHER_USER),
        _on_role(statement("iam:AttachRolePolicy", OTHER_ROLE), trusts=OTHER_USER),
    ),
    _iam(
        "iam-021",
        _on_role(statement(["iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy"], OTHER_ROLE), trusts=OTHER_USER),
        _on_role(statement("iam:PutRolePolicy", OTHER_ROLE), trusts=OTHER_USER),
    ),
    _iam("sts-001", _on_role(), _on_role(trusts=OTHER_USER), OTHER_ROLE),
    _iam(
        "sts-001",
        _on_role(statement("sts:AssumeRole"), trusts=f"arn:aws:iam::{ACCOUNT}:root"),
        _on_role(trusts=f"arn:aws:iam::{ACCOUNT}:root"),
        OTHER_ROLE,
    ),
    _iam("lambda-001", account(*_passing()), account(*_passing("other"))),
    _iam(
        "lambda-003",
        account(statement("lambda:UpdateFunctionCode")),
        account(statement("lambda:UpdateFunctionConfiguration")),
        is_conditional=True,
    ),
    _iam(
        "ec2-001",
        account(
            statement(["iam:PassRole", "ec2:RunInstances"]),
            base=with_role("other", trust(Service="ec2.amazonaws.com"), ACCOUNT_OBJECTS),
        ),
        account(
            statement("ec2:RunInstances"),
            statement("iam:PassRole", StringEquals={"iam:PassedToService": "lambda.amazonaws.com"}),
            base=with_role("other", trust(Service="ec2.amazonaws.com"), ACCOUNT_OBJECTS),
        ),
        OTHER_ROLE,
    ),
)

_MANAGED_NODE = CLUSTER.changed(
    principals={
        **ACCOUNT_OBJECTS.principals,
        arn("role/node"): IamPrincipal(
            arn("role/node"),
            trust_policy=document(),
            inline_policies={"ssm": document(statement("ssm:UpdateInstanceInformation"))},
        ),
    }
)
_INSTANCE = f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-1"
_ENTRY_ARN = f"arn:aws:eks:{REGION}:{ACCOUNT}:access-entry/eks-clu/user/{ACCOUNT}/dev/*"
_WITH_ENTRY = ACCOUNT_OBJECTS.changed(entries={USER: ExistingEntry(USER, "dev")})
_BOUND = CLUSTER.changed(
    mode="API",
    principals=ACCOUNT_OBJECTS.principals,
    rbac_bindings=binding("operators", "cluster-admin", BindingSubject("Group", "operators")),
)
_POD_ROLE = with_role("other", document(pod_identity_statement()), ACCOUNT_OBJECTS)
_ASSOCIATION = PodIdentityAssociation("a-1", "web", "weak", ADMIN)
_GITHUB = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.example.com"


def _federated(**conditions: Any) -> Objects:
    statement = {"Effect": "Allow", "Principal": {"Federated": _GITHUB}, "Action": "sts:AssumeRoleWithWebIdentity"}
    return with_role("other", document({**statement, "Condition": conditions}), ACCOUNT_OBJECTS)


def _providers(base: Objects) -> Objects:
    return base.changed(oidc_providers={_GITHUB: OidcProvider(_GITHUB, "token.example.com", ("a",))})


EKS = (
    _iam(
        "eks-create-access-entry",
        account(statement(["eks:CreateAccessEntry", "eks:AssociateAccessPolicy"])),
        account(statement("eks:CreateAccessEntry", CLUSTER_ARN)),
        TO_CLUSTER,
    ),
    _iam(
        "eks-create-access-entry",
        account(statement("eks:CreateAccessEntry", CLUSTER_ARN), base=_BOUND),
        account(statement("eks:CreateAccessEntry", f"{CLUSTER_ARN}-2"), base=_BOUND),
        TO_CLUSTER,
    ),
    _iam(
        "eks-associate-access-policy",
        account(statement("eks:AssociateAccessPolicy", _ENTRY_ARN), base=_WITH_ENTRY),
        account(statement("eks:AssociateAccessPolicy", _ENTRY_ARN)),
        TO_CLUSTER,
    ),
    _iam(
        "eks-update-access-entry",
        account(
            statement("eks:UpdateAccessEntry", _ENTRY_ARN),
            base=_BOUND.changed(entries={USER: ExistingEntry(USER, "dev")}),
        ),
        account(statement("eks:UpdateAccessEntry", _ENTRY_ARN), base=_BOUND),
        TO_CLUSTER,
    ),
    _iam(
        "eks-update-cluster-config",
        account(statement("eks:*")).changed(mode="CONFIG_MAP"),
        account(statement(["eks:CreateAccessEntry", "eks:AssociateAccessPolicy"])).changed(mode="CONFIG_MAP"),
        TO_CLUSTER,
    ),
    _iam(
        "eks-create-pod-identity-association",
        account(statement(["eks:CreatePodIdentityAssociation", "iam:PassRole"]), base=_POD_ROLE),
        account(statement("eks:CreatePodIdentityAssociation"), base=_POD_ROLE),
        OTHER_ROLE,
        is_conditional=True,
    ),
    _iam(
        "eks-update-pod-identity-association",
        account(
            statement(["eks:UpdatePodIdentityAssociation", "iam:PassRole"]),
            base=_POD_ROLE.changed(associations={("web", "weak"): _ASSOCIATION}),
        ),
        account(statement(["eks:UpdatePodIdentityAssociation", "iam:PassRole"]), base=_POD_ROLE),
        OTHER_ROLE,
        is_conditional=True,
    ),
    _iam(
        "iam-create-oidc-provider",
        account(statement("iam:CreateOpenIDConnectProvider"), base=_federated()),
        account(statement("iam:CreateOpenIDConnectProvider"), base=_providers(_federated())),
        OTHER_ROLE,
        is_conditional=True,
    ),
    _iam(
        "iam-add-client-id",
        account(statement("iam:AddClientIDToOpenIDConnectProvider"), base=_providers(_federated())),
        account(
            statement("iam:AddClientIDToOpenIDConnectProvider"),
            base=_providers(_federated(StringEquals={"token.example.com:aud": "a"})),
        ),
        OTHER_ROLE,
        is_conditional=True,
    ),
    _iam(
        "ssm-001",
        account(statement("ssm:StartSession", _INSTANCE), base=_MANAGED_NODE),
        account(statement("ssm:StartSession", f"{_INSTANCE}2"), base=_MANAGED_NODE),
        "node node-1",
    ),
    _iam(
        "ssm-002",
        account(statement("ssm:SendCommand"), base=_MANAGED_NODE),
        account(
            statement("ssm:SendCommand"),
            base=CLUSTER.changed(principals={**ACCOUNT_OBJECTS.principals, **CLUSTER.principals}),
        ),
        "node node-1",
    ),
)
CASES = (*KUBERNETES, *IAM, *EKS)
EDIT_POLICY = AssociatedPolicy("arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy", ("web",))
AGGREGATED = RbacRole(None, "wide", (rule_on("", "pods", ("create",)),), aggregates=({"a": "b"},))
