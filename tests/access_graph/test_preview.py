"""The access graph of a preview: the access after the update, as far as it is known before."""

from datetime import UTC, datetime

import msgspec
import pytest

from eks_access.catalogue import cluster_access as kinds
from eks_access.errors import SourceError
from eks_access.findings import Verdict
from eks_access.graph.aws_objects import Unknown
from eks_access.graph.tables import NotReadError
from eks_access.questions.diff import diff
from eks_access.questions.trace_principal import trace_principal
from eks_access.sources.preview import graph_of_preview
from eks_access.sources.pulumi.values import MASK, UNKNOWN
from eks_access.sources.snapshot import graph_of, take_snapshot
from eks_access.sources.state import graph_of_state
from eks_identity.evaluation.rbac import Request
from support.pulumi_recordings import read
from support.pulumi_stacks import cluster, manifest, resource, urn

OPERATOR = "arn:aws:iam::123456789012:user/people/graph-operator"
VIEWER = "arn:aws:iam::123456789012:user/people/graph-viewer"
DEPLOYER = "arn:aws:iam::123456789012:role/graph-deployer"
ROLE_ARN = "arn:aws:iam::123456789012:role/app"
LIST_PODS = Request("list", "pods", "default")
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def recorded(name):
    return graph_of_preview(read(f"preview-{name}.json"), read(f"preview-{name}.events.json"), now=NOW)


def preview(*steps, same=()):
    """A preview with steps of an operation, an old and a new state, and of unchanged resources."""
    unchanged = [("same", state, state) for state in same]
    listed = [
        {"op": op, "urn": (new or old)["urn"], "oldState": old, "newState": new}
        for op, old, new in (*steps, *unchanged)
    ]
    return graph_of_preview({"steps": listed, "changeSummary": {"same": len(unchanged)}}, now=NOW)


def role(outputs=None, name="app", **inputs):
    found = {} if outputs is None else {"arn": f"arn:aws:iam::123456789012:role/{name}", **outputs}
    return resource("aws:iam/role:Role", name, {"name": name, "path": "/", **inputs}, found)


def entry(name="app", **inputs):
    values = {"clusterName": "eks-clu", "principalArn": ROLE_ARN, "kubernetesGroups": [name], "userName": name}
    outputs = {"createdAt": "2026-01-01T00:00:00Z"}
    return resource("aws:eks/accessEntry:AccessEntry", name, {**values, **inputs}, outputs)


def test_preview_before_the_first_update_traces_what_it_knows():
    graph = recorded("new")
    trace = trace_principal(graph, VIEWER, LIST_PODS)
    assert [link.verdict for link in trace.links] == [Verdict.NOT_EVALUATED, *[Verdict.HOLDS] * 3]
    assert graph.cluster.get().authentication_mode == "API_AND_CONFIG_MAP"
    assert graph.source == "preview of stack dev"


def test_preview_names_the_resource_that_decides_an_unknown_value():
    graph = recorded("new")
    association = graph.associations.get(("default", "graph-pods"))
    assert association.role_arn == Unknown(
        "roleArn of aws:eks/podIdentityAssociation:PodIdentityAssociation pods-default.graph-pods is known after the "
        "update, from aws:iam/role:Role pods"
    )
    with pytest.raises(NotReadError, match=r"principalArn of .* is known after the update, from aws:iam/user:User"):
        graph.entries.get(OPERATOR)
    assert "access entry: principalArn" not in str(graph.not_read())
    graph.entries.all()
    assert "access entry', reason='principalArn" in str(graph.not_read())


def test_preview_derives_the_arn_of_a_new_role_and_user():
    graph = recorded("new")
    assert graph.principals.get(OPERATOR).groups == ("graph-people",)
    irsa = graph.principals.get("arn:aws:iam::123456789012:role/graph-irsa")
    assert irsa.trust_policy["Statement"][0]["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert (
        irsa.inline_policies["secret"].reason
        == "policy of aws:iam/rolePolicy:RolePolicy secret is a secret of the stack"
    )


def test_preview_of_a_change_knows_what_will_not_exist():
    graph = recorded("changed")
    assert graph.entries.get(OPERATOR) is None
    trace = trace_principal(graph, OPERATOR, LIST_PODS)
    assert [finding.kind for finding in trace.findings] == [kinds.PRINCIPAL_MISSING]
    aws_auth = graph.aws_auth.get()
    assert aws_auth.not_read(DEPLOYER) is None
    assert aws_auth.not_read(VIEWER) is not None
    assert graph.rbac_roles.get((None, "graph-operator")).rules[0].verbs == ("get",)


def test_preview_without_events_does_not_know_the_mode_of_a_looked_up_cluster():
    new = graph_of_preview(read("preview-new.json"))
    assert isinstance(new.cluster.get().authentication_mode, Unknown)
    assert new.cluster.get().name == "graph"
    trace = trace_principal(new, VIEWER, LIST_PODS)
    assert "authentication mode of cluster graph is not in the preview" in trace.links[-2].says
    changed = graph_of_preview(read("preview-changed.json"))
    assert changed.cluster.get().authentication_mode == "API_AND_CONFIG_MAP"


def test_preview_of_a_new_cluster_knows_its_declared_mode():
    graph = recorded("new-cluster")
    assert graph.authentication_mode() == "API"
    assert graph.entries.get(VIEWER).policies[0].is_cluster_admin is False
    (trust,) = [role.trust_policy for arn, role in graph.principals.all().items() if "/irsa-" in arn]
    assert "aws:iam/openIdConnectProvider:OpenIdConnectProvider new" in trust.reason
    assert "url of aws:iam/openIdConnectProvider:OpenIdConnectProvider new" in graph.oidc_providers.gaps.reason


def test_snapshot_of_a_preview_keeps_what_will_not_exist_and_what_is_unknown():
    graph = recorded("changed")
    taken = take_snapshot(graph)
    offline = graph_of(msgspec.json.decode(msgspec.json.encode(taken), type=type(taken)))
    assert offline.entries.get(OPERATOR) is None
    assert offline.aws_auth.get() == graph.aws_auth.get()
    assert offline.entries.unkeyed == graph.entries.unkeyed
    assert len(graph.entries.unkeyed) == 1
    with pytest.raises(NotReadError, match="principalArn of"):
        offline.entries.get(DEPLOYER)


def test_preview_that_replaces_a_role_shows_that_its_access_entry_is_dead():
    old = role({"uniqueId": "AROAOLD", "createDate": "2025-12-01T00:00:00Z"})
    graph = preview(("replace", old, role()), same=[cluster(), entry()])
    trace = trace_principal(graph, ROLE_ARN, LIST_PODS)
    assert [finding.kind for finding in trace.findings] == [kinds.ENTRY_OF_DELETED_PRINCIPAL]
    updated = preview(("update", old, role(description="x")), same=[cluster(), entry()])
    assert trace_principal(updated, ROLE_ARN, LIST_PODS).findings == ()
    assert updated.principals.get(ROLE_ARN).unique_id == "AROAOLD"


def test_preview_of_an_update_has_no_value_of_a_removed_input():
    old = role({"permissionsBoundary": "arn:aws:iam::aws:policy/B"}, permissionsBoundary="arn:aws:iam::aws:policy/B")
    graph = preview(("update", old, role()))
    assert graph.principals.get(ROLE_ARN).boundary is None


@pytest.mark.parametrize("operation", ["delete", "delete-replaced", "discard"])
def test_preview_of_a_deletion_knows_that_the_object_will_not_exist(operation):
    graph = preview((operation, entry(), None), same=[cluster()])
    assert graph.entries.get(ROLE_ARN) is None


def test_object_that_pulumi_retains_is_not_evaluated_after_a_deletion():
    graph = preview(("delete", {**entry(), "retainOnDelete": True}, None), same=[cluster()])
    with pytest.raises(NotReadError, match="not in the preview of stack dev"):
        graph.entries.get(ROLE_ARN)


def test_object_whose_patch_is_deleted_is_not_evaluated():
    patch = manifest("core/v1:ServiceAccountPatch", "app", metadata={"annotations": {"amazon": "x"}})
    graph = preview(("delete", patch, None), same=[cluster()])
    with pytest.raises(NotReadError, match="not in the preview"):
        graph.service_accounts.get(("default", "app"))
    account = manifest("core/v1:ServiceAccount", "app")
    assert preview(("delete", account, None), same=[cluster()]).service_accounts.get(("default", "app")) is None


def test_object_that_moves_to_another_resource_exists():
    graph = preview(("delete", entry("old"), None), ("create", None, entry("new")), same=[cluster()])
    assert graph.entries.get(ROLE_ARN).groups == ("new",)


def test_entry_with_unknown_groups_is_not_evaluated():
    unknown = entry(kubernetesGroups=[UNKNOWN], userName=f"prefix-{UNKNOWN}")
    unknown["propertyDependencies"] = {"userName": [urn("aws:iam/role:Role", "app")]}
    graph = preview(("create", None, unknown), same=[cluster()])
    message = "userName of aws:eks/accessEntry:AccessEntry app is known after the update, from aws:iam/role:Role app"
    with pytest.raises(NotReadError, match=message):
        graph.entries.get(ROLE_ARN)
    assert trace_principal(graph, ROLE_ARN, LIST_PODS).findings == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (UNKNOWN, "is known after the update"),
        (f'{{"Statement": [{{"Resource": "{UNKNOWN}"}}]}}', "is known after the update"),
        (MASK, "is a secret of the stack"),
        ("{", "is not a JSON object"),
    ],
)
def test_policy_document_with_an_unknown_part_is_unknown(text, reason):
    graph = preview(("create", None, role(assumeRolePolicy=text)), same=[cluster(), role({}, name="other")])
    trust = graph.principals.get(ROLE_ARN).trust_policy
    assert trust.reason == f"assumeRolePolicy of aws:iam/role:Role app {reason}"


def test_new_role_of_an_unknown_account_is_not_evaluated():
    created = role()
    created["provider"] = "urn:pulumi:dev::shop::pulumi:providers:aws::other::0"
    graph = preview(("create", None, created), same=[cluster()])
    with pytest.raises(NotReadError, match="account of aws:iam/role:Role app is not known before the update"):
        graph.principals.get(ROLE_ARN)


def test_preview_without_its_unchanged_resources_is_rejected():
    with pytest.raises(SourceError, match="must have its 2 unchanged resources too") as failure:
        graph_of_preview({"steps": [], "changeSummary": {"same": 2}})
    assert "--show-sames" in failure.value.fix


def test_preview_of_another_format_is_rejected():
    with pytest.raises(SourceError, match="must have the form of `pulumi preview"):
        graph_of_preview({"steps": [{"urn": "urn:pulumi:dev::shop::x::y"}]})


def test_diff_of_state_and_preview_has_what_the_change_takes_away():
    difference = diff(graph_of_state(read("state.json")), recorded("changed"))
    lost = {change.subject: (len(change.lost), change.has_access) for change in difference.changes}
    assert lost.keys() == {OPERATOR, VIEWER, DEPLOYER}
    assert lost[VIEWER] == (1, True)
    assert [lost[arn][1] for arn in (OPERATOR, DEPLOYER)] == [False, False]
    assert any("principalArn of" in each.reason for each in difference.not_evaluated)


def test_diff_does_not_say_that_a_principal_loses_an_entry_whose_groups_are_unknown():
    same = [cluster(), role({})]
    before = preview(("same", entry(), entry()), same=same)
    after = preview(("update", entry(), entry(kubernetesGroups=UNKNOWN)), same=same)
    difference = diff(before, after)
    assert difference.changes == ()
    assert any("kubernetesGroups of" in each.reason for each in difference.not_evaluated)
    gone = preview(("delete", entry(), None), same=same)
    assert [change.subject for change in diff(before, gone).changes] == [ROLE_ARN]
