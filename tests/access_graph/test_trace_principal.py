"""`trace principal` names the broken link of a chain of cluster access, and nothing else."""

from dataclasses import replace

import pytest

from eks_access.catalogue import cluster_access as kinds
from eks_access.errors import UsageError
from eks_access.findings import Verdict
from eks_access.graph.aws_objects import IamPrincipal
from eks_access.graph.kubernetes_objects import BindingSubject, RbacRole
from eks_access.graph.tables import Table
from eks_access.questions.trace_principal import trace_principal
from eks_identity.model.existing_entries import AssociatedPolicy
from eks_identity.model.rbac import rule_on
from support.access_graphs import LATER, arn, binding, group, role
from support.cluster_chains import (
    BY_AWS_AUTH,
    BY_ENTRY,
    BY_POLICY,
    ENTRY,
    FORMER_SSO,
    LIST_PODS,
    ROLE,
    ROLES,
    SSO,
    USER,
    USERS,
    VIEW,
)


def entry(objects, **changes):
    """`objects` with another access entry."""
    changed = replace(objects.entries[USER], **changes)
    return objects.changed(entries={changed.principal_arn: changed})


def mapping(text, key="mapUsers"):
    """`BY_AWS_AUTH` with other text in one key."""
    return BY_AWS_AUTH.changed(aws_auth={**BY_AWS_AUTH.aws_auth, key: text})


HEALTHY = {
    "user by aws-auth": (BY_AWS_AUTH, USER, LIST_PODS),
    "role with a path by aws-auth": (BY_AWS_AUTH, ROLE, LIST_PODS),
    "session of a role with a path": (
        BY_AWS_AUTH,
        "arn:aws:sts::123456789012:assumed-role/deployers/session-1",
        LIST_PODS,
    ),
    "user by access entry": (BY_ENTRY, USER, LIST_PODS),
    "user by access policy in a namespace": (BY_POLICY, USER, LIST_PODS),
    "access entry and aws-auth": (
        BY_ENTRY.changed(mode="API_AND_CONFIG_MAP", aws_auth={"mapUsers": USERS}),
        USER,
        LIST_PODS,
    ),
    "account root by mapAccounts": (
        BY_AWS_AUTH.changed(
            aws_auth={"mapAccounts": "- '123456789012'\n"},
            rbac_bindings=binding("root", "test-clu-role", BindingSubject("User", arn("root"))),
        ),
        arn("root"),
        LIST_PODS,
    ),
}


@pytest.mark.parametrize(("objects", "principal", "request_"), HEALTHY.values(), ids=HEALTHY)
def test_trace_principal_of_a_healthy_chain_has_no_finding(objects, principal, request_):
    trace = trace_principal(objects.graph(), principal, request_)
    assert trace.findings == ()
    assert trace.verdict is Verdict.HOLDS, trace.links


BREAKS = {
    # the principal
    "user deleted": (BY_AWS_AUTH.changed(principals={}), USER, kinds.PRINCIPAL_MISSING, "aws iam create-user"),
    # authentication mode
    "entry in the mode CONFIG_MAP": (
        BY_ENTRY.changed(mode="CONFIG_MAP"),
        USER,
        kinds.ENTRIES_IGNORED,
        "authenticationMode=API_AND_CONFIG_MAP",
    ),
    "aws-auth in the mode API": (
        BY_AWS_AUTH.changed(mode="API"),
        USER,
        kinds.AWS_AUTH_IGNORED,
        "--username eks-ope --kubernetes-groups operators",
    ),
    # access entry
    "no access entry": (BY_ENTRY.changed(entries={}), USER, kinds.NOT_MAPPED, "--kubernetes-groups operators"),
    "no access entry, no group is bound": (
        BY_ENTRY.changed(entries={}, rbac_bindings={}),
        USER,
        kinds.NOT_MAPPED,
        "AmazonEKSViewPolicy --access-scope type=namespace,namespaces=default",
    ),
    "entry without the role's path": (
        BY_ENTRY.changed(entries={arn("role/deployers"): replace(ENTRY, principal_arn=arn("role/deployers"))}),
        ROLE,
        kinds.ENTRY_PATH,
        f"create-access-entry --region ap-northeast-1 --cluster-name eks-clu --principal-arn {ROLE}",
    ),
    "entry of a former permission set role": (
        BY_ENTRY.changed(entries={FORMER_SSO: replace(ENTRY, principal_arn=FORMER_SSO)}),
        SSO,
        kinds.FORMER_PERMISSION_SET_ROLE,
        f"--principal-arn {SSO}",
    ),
    "user created again": (
        BY_ENTRY.changed(principals={USER: IamPrincipal(USER, "AIDANEW", LATER.replace(month=3))}),
        USER,
        kinds.ENTRY_OF_DELETED_PRINCIPAL,
        "delete-access-entry",
    ),
    "entry with a system group": (
        entry(BY_ENTRY, groups=("operators", "system:masters")),
        USER,
        kinds.ENTRY_SYSTEM_GROUP,
        "--kubernetes-groups operators",
    ),
    "entry without groups and policies": (
        entry(BY_ENTRY, groups=()),
        USER,
        kinds.NO_GROUPS_AND_POLICIES,
        "update-access-entry",
    ),
    "policy in another namespace": (
        entry(BY_POLICY, policies=(AssociatedPolicy(VIEW, ("web",)),)),
        USER,
        kinds.ACCESS_POLICY_SCOPE,
        "type=namespace,namespaces=web,default",
    ),
    "policy with too few rules": (
        entry(BY_POLICY, policies=(AssociatedPolicy(VIEW.replace("View", "SecretReader")),)),
        USER,
        kinds.ACCESS_POLICY_RULES,
        "AmazonEKSViewPolicy",
    ),
    # aws-auth
    "no mapping": (mapping(""), USER, kinds.NOT_MAPPED, "operators"),
    "mapping of the role with its path": (
        mapping(ROLES.replace(arn("role/deployers"), ROLE), "mapRoles"),
        ROLE,
        kinds.AWS_AUTH_ROLE_PATH,
        arn("role/deployers"),
    ),
    "mapping of a session": (
        mapping(
            ROLES.replace(arn("role/deployers"), "arn:aws:sts::123456789012:assumed-role/deployers/me"), "mapRoles"
        ),
        ROLE,
        kinds.AWS_AUTH_SESSION,
        arn("role/deployers"),
    ),
    "mapping of an IAM group": (
        mapping(USERS.replace(USER, arn("group/ops"))).changed(principals={USER: IamPrincipal(USER, groups=("ops",))}),
        USER,
        kinds.AWS_AUTH_IAM_GROUP,
        USER,
    ),
    "misspelt user": (mapping(USERS.replace("user/eks-ope", "user/eks-opp")), USER, kinds.AWS_AUTH_OTHER_ARN, USER),
    "misspelt account": (mapping(USERS.replace("123456789012", "123456789021")), USER, kinds.AWS_AUTH_OTHER_ARN, USER),
    "mapping of a former permission set role": (
        mapping(ROLES.replace("deployers", FORMER_SSO.rpartition("/")[2]), "mapRoles"),
        SSO,
        kinds.FORMER_PERMISSION_SET_ROLE,
        SSO.rpartition("/")[2],
    ),
    "second entry of the same ARN": (
        mapping(USERS + USERS.replace("operators", "nothing")),
        USER,
        kinds.AWS_AUTH_DUPLICATE,
        "operators",
    ),
    "broken YAML": (mapping(USERS + "\t- oops: ["), USER, kinds.AWS_AUTH_UNREADABLE, "mapUsers"),
    "groups as one string": (
        mapping(USERS.replace("[operators]", "operators")),
        USER,
        kinds.AWS_AUTH_MALFORMED_ENTRY,
        "operators",
    ),
    # groups and bindings
    "misspelt group": (
        mapping(USERS.replace("operators", "operator")),
        USER,
        kinds.GROUP_MISSPELT,
        "operators",
    ),
    "group in another case": (entry(BY_ENTRY, groups=("Operators",)), USER, kinds.GROUP_MISSPELT, "operators"),
    "group with a prefix": (entry(BY_ENTRY, groups=("eks:operators",)), USER, kinds.GROUP_MISSPELT, "operators"),
    "subject of the kind User": (
        BY_ENTRY.changed(
            rbac_bindings=binding("test-clu-rolebinding", "test-clu-role", BindingSubject("User", "operators"))
        ),
        USER,
        kinds.BINDING_SUBJECT_KIND,
        "/subjects/0",
    ),
    "group without a binding": (BY_ENTRY.changed(rbac_bindings={}), USER, kinds.GROUP_NOT_BOUND, "--group=operators"),
    "binding to a missing role": (
        BY_ENTRY.changed(rbac_roles={}),
        USER,
        kinds.BINDING_ROLE_MISSING,
        "kubectl create clusterrole test-clu-role --verb=list --resource=pods",
    ),
    "binding to a misspelt role": (
        BY_ENTRY.changed(rbac_bindings=binding("test-clu-rolebinding", "test-cl-role", group("operators"))),
        USER,
        kinds.BINDING_ROLE_MISSING,
        "--clusterrole=test-clu-role --group=operators",
    ),
    "aggregation of nothing": (
        BY_ENTRY.changed(
            rbac_roles={(None, "test-clu-role"): RbacRole(None, "test-clu-role", aggregates=({"team": "ops"},))}
        ),
        USER,
        kinds.CLUSTER_ROLE_AGGREGATES_NOTHING,
        "team=ops",
    ),
    "aggregation of nothing by expressions": (
        BY_ENTRY.changed(rbac_roles={(None, "test-clu-role"): RbacRole(None, "test-clu-role", aggregates=({},))}),
        USER,
        kinds.CLUSTER_ROLE_AGGREGATES_NOTHING,
        "label a ClusterRole as it says",
    ),
    "RoleBinding in another namespace": (
        BY_ENTRY.changed(rbac_bindings=binding("readers", "test-clu-role", group("operators"), namespace="web")),
        USER,
        kinds.BINDING_NAMESPACE,
        "kubectl create rolebinding readers --clusterrole=test-clu-role --group=operators --namespace default",
    ),
    "role without the verb": (
        BY_ENTRY.changed(rbac_roles=role("test-clu-role", (rule_on("", "pods", ("get",)),))),
        USER,
        kinds.ROLE_RULES,
        "kubectl patch clusterrole test-clu-role",
    ),
}


@pytest.mark.parametrize(("objects", "principal", "kind", "fix"), BREAKS.values(), ids=BREAKS)
def test_trace_principal_names_the_broken_link_and_no_other(objects, principal, kind, fix):
    trace = trace_principal(objects.graph(), principal, LIST_PODS)
    (finding,) = trace.findings
    assert finding.kind is kind
    assert fix in str(finding.fix)
    broken = [link.verdict for link in trace.links].index(Verdict.BROKEN)
    assert all(link.verdict is Verdict.HOLDS for link in trace.links[:broken])


def test_trace_principal_marks_an_unread_link_and_evaluates_the_others():
    graph = replace(BY_ENTRY.graph(), principals=Table.not_read("IAM user", "AccessDenied: iam:GetUser"))
    trace = trace_principal(graph, USER, LIST_PODS)
    assert [link.verdict for link in trace.links] == [Verdict.NOT_EVALUATED, *[Verdict.HOLDS] * 3]
    assert trace.verdict is Verdict.NOT_EVALUATED
    assert [str(each) for each in graph.not_read()] == ["IAM user: AccessDenied: iam:GetUser"]


def test_trace_principal_does_not_blame_a_mapping_that_it_could_not_read():
    graph = replace(BY_ENTRY.graph(), entries=Table.not_read("access entry", "AccessDenied"))
    trace = trace_principal(graph, USER, LIST_PODS)
    assert trace.findings == ()
    assert trace.verdict is Verdict.NOT_EVALUATED


@pytest.mark.parametrize("text", ["eks-ope", "arn:aws:iam::123456789012:group/ops", "arn:aws:s3:::bucket"])
def test_trace_principal_rejects_an_arn_of_no_principal(text):
    with pytest.raises(UsageError, match="must be"):
        trace_principal(BY_ENTRY.graph(), text, LIST_PODS)
