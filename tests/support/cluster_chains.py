"""Healthy chains of cluster access: by aws-auth, by access entry, and by access policy."""

from __future__ import annotations

from dataclasses import replace

from eks_access.graph.aws_objects import IamPrincipal
from eks_identity.evaluation.rbac import Request
from eks_identity.model.existing_entries import AssociatedPolicy, ExistingEntry
from eks_identity.model.rbac import READ, rule_on
from support.access_graphs import CREATED, LATER, Objects, arn, binding, group, role

USER = arn("user/eks-ope")
ROLE = arn("role/team/deployers")
SSO = arn("role/aws-reserved/sso.amazonaws.com/ap-northeast-1/AWSReservedSSO_Ops_0123456789abcdef")
FORMER_SSO = SSO.replace("0123456789abcdef", "fedcba9876543210")
LIST_PODS = Request("list", "pods", "default")
POD_READER = role("test-clu-role", (rule_on("", "pods nodes", READ),))
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"

USERS = f"- userarn: {USER}\n  username: eks-ope\n  groups: [operators]\n"
ROLES = f"- rolearn: {arn('role/deployers')}\n  username: deployer\n  groups: [operators]\n"
BY_AWS_AUTH = Objects(
    mode="CONFIG_MAP",
    principals={each: IamPrincipal(each, created_at=CREATED) for each in (USER, ROLE, SSO)},
    aws_auth={"mapUsers": USERS, "mapRoles": ROLES},
    rbac_roles=POD_READER,
    rbac_bindings=binding("test-clu-rolebinding", "test-clu-role", group("operators")),
)
ENTRY = ExistingEntry(USER, "eks-ope", ("operators",), created_at=LATER)
BY_ENTRY = BY_AWS_AUTH.changed(mode="API", aws_auth={}, entries={USER: ENTRY})
BY_POLICY = BY_ENTRY.changed(
    entries={USER: replace(ENTRY, groups=(), policies=(AssociatedPolicy(VIEW, ("default",)),))}
)
