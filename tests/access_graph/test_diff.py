"""`diff` says in words who gains and who loses access, by what rules allow and not by their text."""

from dataclasses import replace

import pytest
import yaml

from eks_access.graph.aws_objects import IamPrincipal, Unknown
from eks_access.graph.kubernetes_objects import BindingSubject, Node
from eks_access.graph.tables import Table
from eks_access.questions.diff import diff
from eks_access.questions.escalation.search import Search
from eks_identity.model.existing_entries import AssociatedPolicy, ExistingEntry
from eks_identity.model.rbac import READ, Rule, rule_on
from support.access_graphs import CREATED, LATER, arn, binding, group, role
from support.cluster_chains import BY_AWS_AUTH, BY_ENTRY, USER, VIEW
from support.escalation_graphs import ACCOUNT_OBJECTS, account, statement

READER = role("test-clu-role", (rule_on("", "pods nodes", READ),))
ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"


def sentences(before, after):
    return [sentence for change in diff(before.graph(), after.graph()).changes for sentence in change.sentences()]


def rules(*rules):
    """The chain by access entry, with these rules of the role."""
    return BY_ENTRY.changed(rbac_roles=role("test-clu-role", rules))


def entry(**changes):
    changed = replace(BY_ENTRY.entries[USER], **changes)
    return BY_ENTRY.changed(entries={USER: changed})


def test_diff_of_equal_graphs_has_no_change():
    difference = diff(BY_ENTRY.graph(), BY_ENTRY.graph())
    assert (difference.changes, difference.lockouts, difference.not_evaluated) == ((), (), ())
    assert difference.unchanged == 1


def test_diff_says_who_gains_what():
    assert sentences(BY_ENTRY.changed(entries={}), BY_ENTRY) == [
        f"{USER} gains get, list, watch on pods and nodes, whole cluster",
    ]


EQUAL = {
    "rules split into several": rules(rule_on("", "pods", READ), rule_on("", "nodes", READ)),
    "verbs in another order": rules(rule_on("", "nodes pods", tuple(reversed(READ)))),
    "the same rule twice": rules(rule_on("", "pods nodes", READ), rule_on("", "pods", ("get",))),
    "a binding with another name": BY_ENTRY.changed(
        rbac_bindings=binding("other", "test-clu-role", group("operators"))
    ),
    "aws-auth in place of an access entry": BY_AWS_AUTH.changed(
        aws_auth={"mapUsers": BY_AWS_AUTH.aws_auth["mapUsers"]}
    ),
}


@pytest.mark.parametrize("after", EQUAL.values(), ids=EQUAL)
def test_diff_ignores_a_change_that_changes_no_access(after):
    assert sentences(BY_ENTRY, after) == []


CHANGES = {
    "one more verb": (
        rules(rule_on("", "pods nodes", READ), rule_on("", "pods", ("delete",))),
        [f"{USER} gains delete on pods, whole cluster"],
    ),
    "one verb less": (
        rules(rule_on("", "pods nodes", ("get", "list"))),
        [f"{USER} loses watch on pods and nodes, whole cluster"],
    ),
    "a wildcard in place of verbs": (
        rules(rule_on("", "pods nodes", ("*",))),
        [f"{USER} gains * on pods and nodes, whole cluster"],
    ),
    "a resource of another API group": (
        rules(rule_on("", "pods nodes", READ), rule_on("apps", "deployments", ("get",))),
        [f"{USER} gains get on deployments.apps, whole cluster"],
    ),
    "named objects": (
        rules(rule_on("", "pods nodes", READ), Rule(("get",), ("secrets",), ("",), ("db",))),
        [f"{USER} gains get on secrets named db, whole cluster"],
    ),
    "a path": (
        rules(rule_on("", "pods nodes", READ), Rule(("get",), non_resource_urls=("/metrics",))),
        [f"{USER} gains get on /metrics, whole cluster"],
    ),
    "an access policy in a namespace": (
        entry(policies=(AssociatedPolicy(VIEW.replace("View", "SecretReader"), ("web",)),)),
        [f"{USER} gains get, list, watch on secrets, namespace web"],
    ),
    "a narrower scope": (
        BY_ENTRY.changed(rbac_bindings=binding("b", "test-clu-role", group("operators"), namespace="web")),
        [f"{USER} loses get, list, watch on pods and nodes, whole cluster"],
    ),
    "a service account": (
        BY_ENTRY.changed(
            rbac_bindings={
                **BY_ENTRY.rbac_bindings,
                **binding("sa", "test-clu-role", BindingSubject("ServiceAccount", "app", "web"), namespace="web"),
            }
        ),
        ["service account web/app gains get, list, watch on pods and nodes, namespace web"],
    ),
    "the user is deleted": (
        BY_ENTRY.changed(principals={}),
        [f"{USER} loses get, list, watch on pods and nodes, whole cluster, and has no access any more"],
    ),
    "the user is created again": (
        BY_ENTRY.changed(principals={USER: IamPrincipal(USER, "AIDA2", LATER.replace(month=5))}),
        [f"{USER} loses get, list, watch on pods and nodes, whole cluster, and has no access any more"],
    ),
}


@pytest.mark.parametrize(("after", "expected"), CHANGES.values(), ids=CHANGES)
def test_diff_says_what_changes(after, expected):
    assert sentences(BY_ENTRY, after) == expected


def test_diff_reports_the_loss_of_the_last_administrator():
    before = entry(policies=(AssociatedPolicy(ADMIN),))
    (lockout,) = diff(before.graph(), BY_ENTRY.graph()).lockouts
    assert lockout.kind.id == "last-administrator"
    assert diff(before.graph(), before.graph()).lockouts == ()


def test_diff_reports_nodes_that_lose_their_mapping():
    node = arn("role/node")
    nodes = ExistingEntry(node, "system:node:{{EC2PrivateDNSName}}", ("system:nodes",), "EC2_LINUX", created_at=LATER)
    before = BY_ENTRY.changed(
        principals={**BY_ENTRY.principals, node: IamPrincipal(node, created_at=CREATED, trust_policy={})},
        entries={**BY_ENTRY.entries, node: nodes},
    )
    after = before.changed(entries=BY_ENTRY.entries)
    assert [(each.kind.id, each.subject) for each in diff(before.graph(), after.graph()).lockouts] == [
        ("nodes-locked-out", node)
    ]


@pytest.mark.parametrize(
    ("mode", "group", "exceptions", "lost"),
    [
        ("API", "node", {}, False),
        ("API", "other", {}, True),
        ("API", "node", {arn("role/node"): None}, True),
        ("CONFIG_MAP", "node", {}, True),
    ],
)
def test_nodes_of_managed_node_groups_keep_the_access_entry_of_eks(mode, group, exceptions, lost):
    """A preview does not have that entry. An entry that the update deletes, and nodes of other roles, are lost."""
    node = arn("role/node")
    mapping = {"rolearn": node, "username": "system:node:{{EC2PrivateDNSName}}", "groups": ["system:nodes"]}
    before = BY_ENTRY.changed(
        principals={**BY_ENTRY.principals, node: IamPrincipal(node, created_at=CREATED, trust_policy={})},
        aws_auth={"mapRoles": yaml.safe_dump([mapping])},
        mode="API_AND_CONFIG_MAP",
    )
    after = replace(
        before.changed(mode=mode, aws_auth={}).graph(),
        entries=Table.partial(BY_ENTRY.entries, "access entry", "not in the preview", exceptions),
        nodes=Table.partial({"workers": Node("workers", role_arn=arn(f"role/{group}"))}, "node", "not in the preview"),
    )
    found = diff(before.graph(), after)
    assert bool([each for each in found.lockouts if each.subject == node]) is lost
    assert bool([each for each in found.changes if each.subject == node]) is lost, found


def test_diff_reports_what_it_could_not_read():
    after = replace(BY_ENTRY.graph(), rbac_bindings=Table.not_read("RBAC bindings", "Forbidden"))
    difference = diff(BY_ENTRY.graph(), after)
    assert [str(each) for each in difference.not_evaluated] == ["RBAC bindings: Forbidden"]


def test_diff_names_the_role_whose_rules_a_source_does_not_have():
    def state(bindings):
        return replace(
            BY_ENTRY.changed(rbac_bindings=bindings).graph(),
            rbac_roles=Table.partial({}, "ClusterRole", "not in the state"),
            rbac_bindings=Table.partial(bindings, "binding", "not in the state"),
        )

    difference = diff(state({}), state(binding("b", "view", group("operators"))))
    (change,) = difference.changes
    assert list(change.sentences()) == [f"{USER} gains the rules of ClusterRole view on all resources, whole cluster"]
    assert difference.not_evaluated != ()


@pytest.mark.parametrize("is_later", [False, True])
def test_diff_lists_what_may_make_further_escalations(is_later):
    unclear = account(statement("s3:Get*"), other_policies=Unknown("not in the state"))
    graphs = (ACCOUNT_OBJECTS.graph(), unclear.graph())
    difference = diff(*(graphs if is_later else reversed(graphs)))
    assert difference.escalations == ()
    assert any(each.part == "escalations" and "not in the state" in each.reason for each in difference.not_evaluated)


def test_diff_reports_new_escalations():
    may_bind = rules(rule_on("", "pods nodes", READ), Rule(("create", "bind"), ("*",), ("rbac.authorization.k8s.io",)))
    found = diff(BY_ENTRY.graph(), may_bind.graph()).escalations
    assert (USER, "cluster administrator") in {(path.subject, path.reaches) for path in found}


def test_diff_searches_cuts_only_for_subjects_that_reach_something_new(monkeypatch):
    """Equal graphs have paths, and no cut of them is searched: that is most of the time of a search."""
    may_bind = rules(rule_on("", "pods nodes", READ), Rule(("create", "bind"), ("*",), ("rbac.authorization.k8s.io",)))
    searched = []
    without = Search.without
    monkeypatch.setattr(Search, "without", lambda self, *cuts: searched.append(cuts) or without(self, *cuts))
    assert diff(may_bind.graph(), may_bind.graph()).escalations == ()
    assert searched == []
    assert diff(BY_ENTRY.graph(), may_bind.graph()).escalations
    assert searched
