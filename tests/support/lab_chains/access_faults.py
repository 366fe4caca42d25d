"""Breaks of cluster access that can be injected on a lab, by the rows of the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from eks_identity.evaluation.rbac import Request
from support.access_graphs import arn
from support.lab_chains.lab_access import (
    BINDING,
    BY_AWS_AUTH,
    BY_ENTRY,
    CLUSTER_ROLE,
    FORMER_SSO,
    GROUP,
    ROLE,
    ROLES,
    RULES,
    SSO,
    SSO_ROLES,
    USER,
    USERS,
    VIEW,
    VIEWER,
    LabAccess,
    binding,
    cluster_role,
)

LIST_PODS = Request("list", "pods", "default")
ENTRY_LINK, AWS_AUTH_LINK, AUTHORIZATION = "access entry", "aws-auth mapping", "authorization"
Inject = Callable[[LabAccess], None]


@dataclass(frozen=True)
class AccessFault:
    """One change of a healthy chain, with the finding that names it."""

    id: str
    row: str
    cluster: str
    inject: Inject
    link: str
    kind: str
    principal: str = USER
    request: Request = LIST_PODS
    verdict: str = "Unauthorized"
    """The error of kubectl with the break."""
    editor: tuple[str, str] | None = None
    """Text that a user replaces, and its replacement, where the fix is to use `kubectl edit`."""


def _mapping(text: str | None) -> Inject:
    return lambda lab: lab.write_aws_auth(mapUsers=text)


def _role_mapping(text: str) -> Inject:
    return lambda lab: lab.write_aws_auth(roles=text)


def _rbac(*manifests: dict[str, object]) -> Inject:
    def apply(lab: LabAccess) -> None:
        for manifest in manifests:
            lab.replace(BY_ENTRY, manifest)

    return apply


def _entry_without_path(lab: LabAccess) -> None:
    lab.delete_entry(ROLE)
    lab.delete_role("deployers")
    lab.create_role("/")
    lab.create_entry(arn("role/deployers"), "operators")
    lab.delete_role("deployers")
    lab.create_role("/team/")


def _mapping_of_former_permission_set(lab: LabAccess) -> None:
    lab.write_aws_auth(sso_roles=SSO_ROLES.replace(SSO.rpartition("/")[2], FORMER_SSO.rpartition("/")[2]))


def _entry_of_former_permission_set(lab: LabAccess) -> None:
    lab.delete_entry(SSO)
    lab.create_sso_role(FORMER_SSO)
    lab.create_entry(FORMER_SSO, "operators")
    lab.delete_role(FORMER_SSO.rpartition("/")[2])


def _recreate_user(lab: LabAccess) -> None:
    lab.delete_user("eks-ope")
    lab.iam.create_user(UserName="eks-ope")


def _nothing(_: LabAccess) -> None:
    """Leave the chain as it is: the request itself is not covered."""


def _iam_group(lab: LabAccess) -> None:
    if "ops" not in {group["GroupName"] for group in lab.iam.list_groups()["Groups"]}:
        lab.iam.create_group(GroupName="ops")
    lab.iam.add_user_to_group(GroupName="ops", UserName="eks-ope")
    lab.write_aws_auth(mapUsers=USERS.replace("user/eks-ope", "group/ops"))


def _aws_auth_in_mode_api(lab: LabAccess) -> None:
    lab.delete_entry(USER)
    metadata = {"name": "aws-auth", "namespace": "kube-system"}
    lab.create(BY_ENTRY, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"mapUsers": USERS}})


def _policy(policy: str, *namespaces: str) -> Inject:
    def apply(lab: LabAccess) -> None:
        lab.disassociate(VIEWER, VIEW)
        lab.associate(VIEWER, policy, *namespaces)

    return apply


def _role_binding(lab: LabAccess) -> None:
    lab.kubectl(BY_ENTRY, "delete", "clusterrolebinding", BINDING)
    lab.create(BY_ENTRY, binding(GROUP, namespace="kube-system"))


def _by_aws_auth(
    row: str, name: str, inject: Inject, kind: str, link: str = AWS_AUTH_LINK, principal: str = USER,
    verdict: str = "Unauthorized", editor: tuple[str, str] | None = None,
) -> AccessFault:  # fmt: skip
    return AccessFault(name, row, BY_AWS_AUTH, inject, link, kind, principal, verdict=verdict, editor=editor)


def _by_entry(
    row: str, name: str, inject: Inject, kind: str, link: str = AUTHORIZATION, principal: str = USER,
    request: Request = LIST_PODS, verdict: str = "Forbidden",
) -> AccessFault:  # fmt: skip
    return AccessFault(name, row, BY_ENTRY, inject, link, kind, principal, request, verdict)


SESSION = "arn:aws:sts::123456789012:assumed-role/deployers/me"
USER_SUBJECT = {**GROUP, "kind": "User"}
ACCOUNT_SUBJECT = {"kind": "ServiceAccount", "name": "operators", "namespace": "default"}
FORBIDDEN = {"verdict": "Forbidden"}

FAULTS = (
    _by_aws_auth("B1", "role-path", _role_mapping(ROLES.replace("role/", "role/team/")), "aws-auth-role-path",
                 principal=ROLE),
    _by_entry("B2", "entry-without-path", _entry_without_path, "entry-path", ENTRY_LINK, ROLE,
              verdict="Unauthorized"),
    _by_aws_auth("B3", "duplicate", _mapping(USERS + USERS.replace("operators", "nothing")), "aws-auth-duplicate",
                 **FORBIDDEN),
    _by_aws_auth("B3", "duplicate-without-groups",
                 _mapping(USERS + USERS.replace("  groups: [operators]\n", "")), "aws-auth-duplicate", **FORBIDDEN),
    _by_aws_auth("B4", "deleted-user", lambda lab: lab.delete_user("eks-ope"), "principal-missing", "IAM principal"),
    _by_entry("B5", "recreated-user", _recreate_user, "entry-of-deleted-principal", ENTRY_LINK,
              verdict="Unauthorized"),
    _by_entry("B6", "entry-without-groups", lambda lab: lab.set_groups(), "no-groups-and-policies"),
    _by_entry("B6", "group-not-bound", lambda lab: lab.set_groups("auditors"), "group-not-bound"),
    _by_entry("B6", "binding-deleted", lambda lab: lab.delete_objects(BY_ENTRY), "group-not-bound"),
    _by_entry("B7", "aws-auth-in-mode-api", _aws_auth_in_mode_api, "aws-auth-ignored", ENTRY_LINK,
              verdict="Unauthorized"),
    _by_entry("B8", "policy-in-other-namespace", _policy(VIEW, "kube-system"), "access-policy-scope",
              principal=VIEWER),
    _by_entry("B8", "policy-with-too-few-rules",
              _policy(VIEW.replace("View", "SecretReader"), "default"), "access-policy-rules", principal=VIEWER),
    _by_entry("B8", "policy-in-namespace-and-request-in-all", _nothing, "access-policy-scope",
              principal=VIEWER, request=Request("list", "pods")),
    _by_entry("B8", "policy-and-resource-of-cluster", _nothing, "access-policy-rules", principal=VIEWER,
              request=Request("list", "nodes")),
    _by_aws_auth("B10", "session-arn", _role_mapping(ROLES.replace(arn("role/deployers"), SESSION)),
                 "aws-auth-session", principal=ROLE),
    _by_aws_auth("B10", "iam-group", _iam_group, "aws-auth-iam-group"),
    _by_aws_auth("B11", "mapping-of-former-permission-set", _mapping_of_former_permission_set,
                 "former-permission-set-role", principal=SSO),
    _by_entry("B11", "entry-of-former-permission-set", _entry_of_former_permission_set,
              "former-permission-set-role", ENTRY_LINK, SSO, verdict="Unauthorized"),
    _by_aws_auth("B12", "group-misspelt", _mapping(USERS.replace("operators", "operator")), "group-misspelt",
                 AUTHORIZATION, **FORBIDDEN),
    _by_entry("B12", "group-in-other-case", lambda lab: lab.set_groups("Operators"), "group-misspelt"),
    _by_entry("B12", "group-with-prefix", lambda lab: lab.set_groups("eks:operators"), "group-misspelt"),
    _by_entry("B12", "subject-user", _rbac(binding(USER_SUBJECT)), "binding-subject-kind"),
    _by_entry("B12", "subject-service-account", _rbac(binding(ACCOUNT_SUBJECT)), "binding-subject-kind"),
    _by_aws_auth("B12", "user-misspelt", _mapping(USERS.replace("user/eks-ope", "user/eks-opp")),
                 "aws-auth-other-arn"),
    _by_aws_auth("B12", "account-misspelt", _mapping(USERS.replace("123456789012", "123456789021")),
                 "aws-auth-other-arn"),
    _by_entry("B13", "role-deleted", lambda lab: lab.kubectl(BY_ENTRY, "delete", "clusterrole", CLUSTER_ROLE),
              "binding-role-missing"),
    _by_entry("B13", "role-misspelt", _rbac(binding(GROUP, "test-cl-role")), "binding-role-missing"),
    _by_entry("B13", "aggregation-of-nothing",
              _rbac(cluster_role([], aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"team": "ops"}}]})),
              "cluster-role-aggregates-nothing"),
    _by_entry("B13", "role-without-rules", _rbac(cluster_role([])), "role-rules"),
    _by_entry("B13", "role-without-verb", _rbac(cluster_role([{**RULES[0], "verbs": ["get"]}])), "role-rules"),
    _by_entry("B13", "binding-in-other-namespace", _role_binding, "binding-namespace"),
    _by_aws_auth("B23", "mapping-removed", _mapping(""), "not-mapped"),
    _by_entry("B23", "entry-removed", lambda lab: lab.delete_entry(USER), "not-mapped", ENTRY_LINK,
              verdict="Unauthorized"),
    _by_aws_auth("B26", "broken-yaml", _mapping(USERS + "\t-["), "aws-auth-unreadable",
                 editor=(r"\t-[", "")),
    _by_aws_auth("B26", "tabs", _mapping(USERS.replace("  username", "\tusername")), "aws-auth-unreadable",
                 editor=(r"\tusername", "  username")),
    _by_aws_auth("B26", "groups-as-one-string", _mapping(USERS.replace("[operators]", "operators")),
                 "aws-auth-malformed-entry", **FORBIDDEN),
)  # fmt: skip
