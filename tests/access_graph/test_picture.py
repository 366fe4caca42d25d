"""The picture as data: what is red in it is exactly what `list` and `trace` report, and what was not read is drawn."""

from dataclasses import fields, replace
from datetime import timedelta

import pytest

from eks_access.catalogue import cluster_access as kinds
from eks_access.catalogue import workloads as workload_kinds
from eks_access.errors import UsageError
from eks_access.findings import Verdict
from eks_access.graph import AccessGraph
from eks_access.graph.aws_objects import IamPrincipal
from eks_access.graph.kubernetes_objects import BindingSubject, RbacRole, ServiceAccount
from eks_access.graph.tables import NotReadError, Part, Table
from eks_access.questions.list_mappings import list_mappings
from eks_access.questions.picture.draw_picture import draw_picture
from eks_access.questions.picture.folding import MOST_NODES
from eks_access.questions.picture.model import NodeKind, chain_of
from eks_access.questions.trace_principal import trace_principal
from eks_access.questions.trace_workload import trace_pod, trace_service_account
from eks_identity.evaluation.rbac import Request
from eks_identity.model.existing_entries import AssociatedPolicy, ExistingEntry
from support import workload_chains as chains
from support.access_graphs import LATER, arn, binding, group
from support.cluster_chains import BY_AWS_AUTH, BY_ENTRY, BY_POLICY, ENTRY, ROLES, USER, USERS
from support.large_access_graphs import large_objects
from support.picture_graphs import DEPLOYERS, ORDERS, ORDERS_ROLE, broken, healthy
from support.workload_breaks import BREAKS
from support.workload_chains import KEY

NOW = LATER + timedelta(days=1)
WITHOUT_ROLE = {
    workload_kinds.NO_WORKLOAD_IDENTITY,
    workload_kinds.POD_USES_NODE_ROLE,
    workload_kinds.ASSOCIATION_OF_OTHER_SERVICE_ACCOUNT,
}
"""Faults of service accounts that name no role."""


def drawn(objects, **options):
    return draw_picture(objects.graph(), now=NOW, **options)


def node(picture, kind, label):
    (found,) = [each for each in picture.nodes if each.kind is kind and each.label == label]
    return found


def states(picture):
    return {(edge.source, edge.target): edge.verdict for edge in picture.edges}


def identities(findings):
    return {(finding.kind.id, finding.subject, finding.says) for finding in findings}


@pytest.mark.parametrize(
    "objects", [healthy(), BY_AWS_AUTH, BY_ENTRY, BY_POLICY], ids=["both", "aws", "entry", "policy"]
)
def test_every_link_of_a_healthy_cluster_holds(objects):
    picture = drawn(objects)
    assert {edge.verdict for edge in picture.edges} == {Verdict.HOLDS}
    assert picture.findings == ()
    assert {each.exists for each in picture.nodes} == {True}


@pytest.mark.parametrize("chain", chains.HEALTHY.values(), ids=chains.HEALTHY)
def test_every_healthy_workload_chain_goes_from_pod_to_policy(chain):
    picture = drawn(chain())
    assert {edge.verdict for edge in picture.edges} == {Verdict.HOLDS}
    reached = chain_of(picture.edges, [node(picture, NodeKind.POD, "deployment/test-pod").id])
    found = {each.kind for each in picture.nodes if each.id in reached}
    assert {NodeKind.SERVICE_ACCOUNT, NodeKind.IAM_ROLE, NodeKind.IAM_POLICY} <= found


def test_chain_goes_from_the_principal_to_the_rules():
    picture = drawn(healthy())
    start = node(picture, NodeKind.IAM_ROLE, "deployers")
    reached = [each for each in picture.nodes if each.id in chain_of(picture.edges, [start.id])]
    assert [each.label for each in reached] == [
        "deployers",
        "mapRoles[0] deployers",
        "deployers",
        "deployers",
        "deployer",
    ]
    assert "get, list, watch deployments" in reached[-1].details


@pytest.mark.parametrize("case", BREAKS, ids=lambda each: each.id)
def test_red_links_of_a_workload_are_those_of_its_traces(case):
    """Whatever one change breaks, the picture and the traces without an action name the same faults."""
    data = case.chain()
    case.apply(data)
    accounts = {KEY, *data.associations} if data.accounts.keys() >= {KEY} or data.pods else {*data.associations}
    keys = [pod for pod, each in data.pods.items() if (pod[0], each.service_account) == KEY]
    traces = [trace_service_account(data.graph(), *key) for key in accounts]
    traces += [trace_pod(data.graph(), *key) for key in keys]
    expected = {link.finding for trace in traces for link in trace.links if link.verdict is Verdict.BROKEN}
    picture = drawn(data)
    # Only a trace asks about the role of a service account that names none.
    expected = {finding for finding in expected if finding.kind not in WITHOUT_ROLE}
    about = [finding for finding in picture.broken if "other-sa" not in finding.subject]
    assert identities(about) == identities(expected), case.id


FAULTS = {
    "duplicate": BY_AWS_AUTH.changed(aws_auth={"mapUsers": USERS + USERS}),
    "shadowed": BY_AWS_AUTH.changed(mode="API_AND_CONFIG_MAP", entries={USER: ENTRY}),
    "deleted user": BY_AWS_AUTH.changed(aws_auth={"mapUsers": USERS.replace("eks-ope", "gone")}),
    "path": BY_AWS_AUTH.changed(aws_auth={"mapRoles": ROLES.replace("role/deployers", "role/team/deployers")}),
    "session": BY_AWS_AUTH.changed(
        aws_auth={"mapRoles": ROLES.replace(":iam:", ":sts:").replace("role/", "assumed-role/x/")}
    ),
    "unreadable": BY_AWS_AUTH.changed(aws_auth={"mapUsers": "\t-[", "mapRoles": ROLES}),
    "ignored": BY_AWS_AUTH.changed(mode="API"),
    "no rights": BY_ENTRY.changed(entries={USER: ExistingEntry(USER, "x", created_at=LATER)}),
    "created again": BY_ENTRY.changed(principals={USER: IamPrincipal(USER, created_at=NOW)}),
}


@pytest.mark.parametrize("objects", FAULTS.values(), ids=FAULTS)
def test_red_links_of_mappings_are_the_findings_of_list(objects):
    expected = list_mappings(objects.graph(), NOW).findings
    assert expected
    assert set(drawn(objects).broken) == set(expected)


def test_unused_role_is_a_finding_of_a_link_that_holds():
    objects = BY_AWS_AUTH.changed(
        aws_auth={"mapRoles": ROLES},
        principals={arn("role/team/deployers"): IamPrincipal(arn("role/team/deployers"), "", LATER, {})},
    )
    picture = draw_picture(objects.graph(), now=LATER + timedelta(days=200))
    assert [finding.kind for finding in picture.findings] == [kinds.UNUSED_ROLE]
    assert picture.broken == ()


def test_misspelt_group_has_the_finding_of_the_trace():
    objects = BY_AWS_AUTH.changed(aws_auth={"mapUsers": USERS.replace("operators", "operator")})
    traced = trace_principal(objects.graph(), USER, Request("get", "pods")).findings
    assert identities(drawn(objects).broken) == identities(traced) != set()


def test_group_that_no_binding_names_ends_in_a_broken_link():
    objects = BY_AWS_AUTH.changed(aws_auth={"mapUsers": USERS.replace("operators", "qa")})
    picture = drawn(objects)
    assert [finding.kind for finding in picture.broken] == [kinds.GROUP_NOT_BOUND]
    (edge,) = [edge for edge in picture.edges if edge.verdict is Verdict.BROKEN]
    assert (edge.source, node(picture, NodeKind.NOTHING, "no binding").id) == ("subjects: group qa", edge.target)


def test_group_rejected_by_eks_is_red_at_its_access_entry():
    objects = BY_ENTRY.changed(entries={USER: replace(ENTRY, groups=("operators", "system:admins"))})
    picture = drawn(objects)
    assert [finding.kind for finding in picture.broken] == [kinds.ENTRY_SYSTEM_GROUP]


def test_missing_and_empty_roles_of_bindings_are_red():
    empty = RbacRole(None, "empty", (), ({"team": "ops"},))
    objects = BY_AWS_AUTH.changed(
        rbac_roles={**BY_AWS_AUTH.rbac_roles, (None, "empty"): empty},
        rbac_bindings={
            **BY_AWS_AUTH.rbac_bindings,
            **binding("a", "gone", group("operators")),
            **binding("b", "empty", group("operators")),
        },
    )
    found = identities(drawn(objects).broken)
    for name in ("gone", "empty"):
        only = {key: each for key, each in objects.rbac_bindings.items() if each.role_name == name}
        only_this = objects.changed(rbac_bindings=only)
        (fault,) = trace_principal(only_this.graph(), USER, Request("list", "pods")).findings
        assert identities([fault]) <= found
    assert len(found) == 2


def test_binding_of_a_missing_service_account_is_red_as_in_its_trace():
    subject = BindingSubject("ServiceAccount", "gone", "default")
    objects = BY_AWS_AUTH.changed(rbac_bindings=binding("x", "test-clu-role", subject), aws_auth={})
    traced = trace_service_account(objects.graph(), "default", "gone").findings[:1]
    assert identities(drawn(objects).broken) == identities(traced)


def without(graph, name):
    kind = type(getattr(graph, name))
    return replace(graph, **{name: kind.not_read(name, "AccessDenied")})


READ = [field.name for field in fields(AccessGraph) if isinstance(getattr(healthy().graph(), field.name), Part | Table)]


@pytest.mark.parametrize("name", [name for name in READ if name not in {"cluster", "groups", "nodes"}])
def test_part_that_was_not_read_is_drawn_as_not_evaluated(name):
    """It is neither fine nor missing, and the reason is in the picture."""
    chain = chains.pod_identity if name in {"has_pod_identity_agent", "associations"} else None
    graph = without(chain().graph() if chain else healthy().graph(), name)
    picture = draw_picture(graph, now=NOW)
    unknown = [edge for edge in picture.edges if edge.verdict is Verdict.NOT_EVALUATED]
    assert unknown
    assert any("AccessDenied" in reason for reason in picture.not_evaluated)
    assert [finding.kind.id for finding in picture.broken] == []


def test_associations_of_a_preview_without_ids_are_two_nodes():
    data = chains.pod_identity()
    data.accounts[ORDERS] = ServiceAccount(*ORDERS)
    data.associations[ORDERS] = replace(data.associations[KEY], id="", namespace="shop", service_account="orders")
    data.set_association(id="")
    picture = drawn(data)
    found = [each for each in picture.nodes if each.kind is NodeKind.ASSOCIATION]
    assert [(each.label, each.namespace) for each in found] == [
        ("id is not known", name) for name in ("default", "shop")
    ]


def test_picture_asks_no_service():
    """Where a trace would ask the API server or IAM, the picture says that it did not evaluate."""
    graph = without(healthy().graph(), "rbac_roles")
    assert draw_picture(replace(graph, services=None), now=NOW) == draw_picture(graph, now=NOW)


def test_picture_without_the_cluster_cannot_be_drawn():
    with pytest.raises(NotReadError):
        draw_picture(without(healthy().graph(), "cluster"))


def test_state_of_a_stack_does_not_know_other_bindings():
    graph = BY_AWS_AUTH.graph()
    graph = replace(graph, rbac_bindings=Table.partial({}, "RBAC bindings", "not in the state"))
    picture = draw_picture(graph, now=NOW)
    assert picture.broken == ()
    assert any("other bindings may name it" in reason for reason in picture.not_evaluated)


def test_conditional_links_are_not_evaluated_with_their_condition():
    templates = ROLES.replace("deployer\n", "deploy:{{SessionName}}\n")
    objects = BY_AWS_AUTH.changed(
        aws_auth={"mapRoles": templates},
        rbac_bindings={
            **BY_AWS_AUTH.rbac_bindings,
            **binding("alice", "test-clu-role", BindingSubject("User", "deploy:alice")),
        },
    )
    picture = drawn(objects)
    assert picture.not_evaluated == ("username: only sessions for which deploy:{{SessionName}} is deploy:alice",)


def test_access_policy_with_undocumented_rules_is_not_evaluated():
    policy = AssociatedPolicy("arn:aws:eks::aws:cluster-access-policy/AmazonEKSNewPolicy")
    picture = drawn(BY_ENTRY.changed(entries={USER: replace(ENTRY, policies=(policy,))}))
    assert [edge.verdict for edge in picture.edges if "policy" in edge.target] == [Verdict.NOT_EVALUATED]


def test_masters_and_accounts_of_map_accounts_are_drawn():
    users = USERS.replace("operators", "system:masters")
    objects = BY_AWS_AUTH.changed(
        aws_auth={"mapUsers": users, "mapAccounts": "- '123456789012'\n"},
        rbac_bindings=binding("by-arn", "test-clu-role", BindingSubject("User", arn("user/other"))),
    )
    picture = drawn(objects)
    assert node(picture, NodeKind.RBAC_ROLE, "everything")
    account = node(picture, NodeKind.AWS_AUTH, "mapAccounts 123456789012")
    assert node(picture, NodeKind.RBAC_ROLE, "test-clu-role").id in chain_of(picture.edges, [account.id])


def test_service_accounts_without_a_chain_are_counted():
    objects = healthy()
    extra = {("default", f"idle-{index}"): ServiceAccount("default", f"idle-{index}") for index in range(3)}
    picture = drawn(objects.changed(service_accounts={**objects.service_accounts, **extra}))
    assert any("without a binding are not drawn (4)" in note for note in picture.notes)
    assert not any("idle" in each.label for each in picture.nodes)


@pytest.mark.parametrize("text", [DEPLOYERS, ORDERS_ROLE, "/".join(ORDERS)])
def test_highlighted_chain_is_the_chain_of_the_object(text):
    picture = drawn(broken(), highlight=text)
    assert 3 <= len(picture.highlighted) < len(picture.nodes)
    assert set(picture.highlighted) == chain_of(picture.edges, picture.highlighted[:0]) | set(picture.highlighted)
    assert any(text in each.details or text.endswith(each.label) for each in picture.nodes)


def test_unknown_object_to_highlight_names_similar_ones():
    with pytest.raises(UsageError) as raised:
        drawn(broken(), highlight="shop/order")
    assert "shop/orders" in raised.value.fix


def test_namespace_draws_its_chains_only():
    picture = drawn(broken(), namespaces=["default"])
    assert {each.namespace for each in picture.nodes} == {"", "default"}
    assert node(picture, NodeKind.SERVICE_ACCOUNT, "test-sa")
    assert "other objects are not" in picture.notes[0]
    with pytest.raises(UsageError, match="defaults"):
        drawn(broken(), namespaces=["defaults"])


def test_large_picture_is_folded_by_namespace_and_keeps_its_faults():
    objects = large_objects(accounts=3_000, roles=300, pods=1_000, bindings=20, namespaces=12)
    unfolded = drawn(objects, most_nodes=1_000_000)
    picture = drawn(objects)
    assert len(picture.nodes) < 200 < MOST_NODES < len(unfolded.nodes)
    assert sum(each.count for each in picture.nodes) == len(unfolded.nodes)
    assert sum(edge.count for edge in picture.edges) == len(unfolded.edges)
    assert {finding.kind for finding in picture.broken} == {finding.kind for finding in unfolded.broken}
    assert "--namespace" in picture.folded
    assert unfolded.folded == ""


def test_highlighted_chain_of_a_folded_picture_is_drawn_in_full():
    objects = large_objects(accounts=3_000, roles=300, namespaces=12)
    picture = drawn(objects, highlight="ns-5/sa-5")
    assert node(picture, NodeKind.SERVICE_ACCOUNT, "sa-5").count == 1
    assert all(each.count == 1 for each in picture.nodes if each.id in picture.highlighted)
    assert picture.folded


def test_picture_with_too_many_namespaces_is_folded_by_kind():
    picture = drawn(large_objects(accounts=400, roles=80, namespaces=300), most_nodes=50)
    assert len(picture.nodes) <= 50
    assert "folded by kind" in picture.folded
