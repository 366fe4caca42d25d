"""Parts that were not read, and values that a preview does not know, are not evaluated, and are never blamed."""

from dataclasses import replace
from typing import Never

import pytest

from eks_access.findings import Trace, Verdict
from eks_access.graph.aws_objects import Unknown
from eks_access.graph.tables import Part, Table
from eks_access.questions.trace_workload import trace_pod, trace_service_account
from eks_access.sources.snapshot import open_snapshot, save_snapshot, take_snapshot
from support.workload_breaks import BREAKS
from support.workload_chains import (
    ACTION,
    HEALTHY,
    KEY,
    NODE_ROLE_ARN,
    OTHER_ACCOUNT,
    POD,
    RESOURCE,
    ROLE_ANNOTATION,
    ROLE_ARN,
    TARGET_ROLE_ARN,
    GraphData,
    allow,
    chained,
    document,
    irsa,
    next_role,
    pod_identity,
)

UNKNOWN = Unknown("arn of aws:iam/role:Role app")


def not_evaluated(traced: Trace) -> set[str]:
    """Return the names of the links that were not evaluated. No link is broken."""
    assert traced.findings == (), traced
    return {link.name for link in traced.links if link.verdict is Verdict.NOT_EVALUATED}


@pytest.mark.parametrize(
    ("part", "links"),
    [
        ("pods", {"pod"}),
        ("service_accounts", {"service account", "role annotation", "role", "trust policy", "permissions"}),
        ("associations", {"Pod Identity association"}),
        ("principals", {"role", "trust policy", "permissions"}),
        ("policies", {"permissions"}),
        ("oidc_providers", {"OIDC provider"}),
        ("nodes", set()),
        ("has_pod_identity_agent", set()),
        ("cluster", {"pod credentials", "OIDC provider", "trust policy"}),
    ],
)
def test_part_that_was_not_read_leaves_the_other_links_of_irsa(part, links):
    """Only the links that need a part are not evaluated."""
    assert not_evaluated(trace_pod(irsa().graph(not_read=part), *POD, ACTION, RESOURCE)) == links


@pytest.mark.parametrize(
    ("part", "links"),
    [
        ("service_accounts", {"service account"}),
        ("principals", {"role", "trust policy", "target role", "permissions"}),
        ("policies", set()),
        ("oidc_providers", set()),
        ("nodes", {"node", "pod credentials"}),
        ("has_pod_identity_agent", {"Pod Identity agent"}),
        ("cluster", {"trust policy", "permissions"}),
    ],
)
def test_part_that_was_not_read_leaves_the_other_links_of_a_target_role(part, links):
    """Only the links that need a part are not evaluated."""
    both = {"trust policy of the target role", "permission to assume the target role"}
    expected = links | both if part in {"principals", "cluster"} else links
    assert not_evaluated(trace_pod(chained().graph(not_read=part), *POD, ACTION, RESOURCE)) == expected


def test_annotation_counts_although_associations_were_not_read():
    """Without the permission to list associations, the chain of the annotation is evaluated."""
    traced = trace_service_account(irsa().graph(not_read="associations"), *KEY, ACTION, RESOURCE)
    assert [link.verdict for link in traced.links if link.name in {"role", "permissions"}] == [Verdict.HOLDS] * 2


def test_missing_annotation_is_not_blamed_if_associations_were_not_read():
    """A service account without annotation may have an association that was not read."""
    data = irsa()
    data.annotate()
    traced = trace_service_account(data.graph(not_read="associations"), *KEY, ACTION, RESOURCE)
    assert {"Pod Identity association", "role annotation", "role"} <= not_evaluated(traced)


def test_reason_of_a_link_names_what_was_not_read():
    """The link says which part was not read, and why; dependent links name the link."""
    traced = trace_service_account(irsa().graph(not_read="principals"), *KEY, ACTION, RESOURCE)
    says = {link.name: link.says for link in traced.links}
    assert says["role"] == "principals: AccessDenied"
    assert says["trust policy"] == "depends on role, which was not evaluated"


def unknown_annotation(data: GraphData) -> None:
    data.annotate(**{ROLE_ANNOTATION: UNKNOWN})


@pytest.mark.parametrize(
    ("chain", "change", "links"),
    [
        (irsa, unknown_annotation, {"role annotation", "role", "trust policy", "permissions"}),
        (irsa, lambda data: data.set_role(trust_policy=UNKNOWN), {"trust policy"}),
        (irsa, lambda data: data.set_role(inline_policies={"new": UNKNOWN}), {"permissions"}),
        (
            pod_identity,
            lambda data: data.set_association(role_arn=UNKNOWN),
            {"Pod Identity association", "role", "trust policy", "permissions"},
        ),
        (chained, lambda data: data.set_association(target_role_arn=UNKNOWN), {"target role", "permissions"}),
        (
            pod_identity,
            lambda data: data.set_association(session_policy=UNKNOWN, disable_session_tags=True),
            {"permissions"},
        ),
    ],
)
def test_unknown_value_of_a_preview_is_not_evaluated(chain, change, links):
    """A value that a preview does not know leaves its link, and those that depend on it, not evaluated."""
    data = chain()
    change(data)
    assert not_evaluated(trace_service_account(data.graph(), *KEY, ACTION, RESOURCE)) == links


def test_unknown_issuer_of_a_new_cluster():
    """A preview of a new cluster does not know its issuer: provider and trust policy are not evaluated."""
    graph = irsa().graph()
    cluster = replace(graph.cluster.get(), issuer=Unknown("identities of aws:eks/cluster:Cluster"))
    traced = trace_service_account(replace(graph, cluster=Part.of(cluster)), *KEY, ACTION, RESOURCE)
    assert not_evaluated(traced) == {"OIDC provider", "trust policy"}


def test_unknown_external_id_is_not_evaluated():
    """EKS generates the external id with the association: a preview cannot compare it."""
    data = chained()
    data.set_association(external_id=None)
    traced = trace_service_account(data.graph(), *KEY, ACTION, RESOURCE)
    assert not_evaluated(traced) == {"trust policy of the target role"}
    assert "sts:ExternalId" in next(
        link.says for link in traced.links if link.name == "trust policy of the target role"
    )


def test_condition_on_a_source_address_is_not_evaluated():
    """Whether the pod calls from an address is not visible: the trust policy is conditional."""
    data = irsa()
    statement = data.role.trust_policy["Statement"][0]
    conditions = {**statement["Condition"], "IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
    data.set_trust({**statement, "Condition": conditions})
    traced = trace_service_account(data.graph(), *KEY)
    assert not_evaluated(traced) == {"trust policy"}
    assert "IpAddress aws:SourceIp 203.0.113.0/24" in str([link.says for link in traced.links])


def test_condition_on_a_pod_name_is_evaluated_for_a_pod_alone():
    """Session tags have the pod's name: it is known if one pod is traced."""
    data = pod_identity()
    statement = data.role.trust_policy["Statement"][0]
    conditions = {"StringEquals": {"aws:RequestTag/kubernetes-pod-name": POD[1]}}
    data.set_trust({**statement, "Condition": conditions})
    assert trace_pod(data.graph(), *POD).verdict is Verdict.HOLDS
    assert not_evaluated(trace_service_account(data.graph(), *KEY)) == {"trust policy"}


def test_resource_of_another_account_is_not_evaluated():
    """A queue of another account needs a queue policy, which is not read."""
    data = irsa()
    data.set_role(inline_policies={"send": document(allow("sqs:SendMessage"))})
    queue = f"arn:aws:sqs:ap-northeast-1:{OTHER_ACCOUNT}:jobs"
    traced = trace_service_account(data.graph(), *KEY, "sqs:SendMessage", queue)
    assert not_evaluated(traced) == {"resource policy"}


def test_notes_name_the_policies_that_are_not_visible():
    """A trace of an action says that SCPs and the bucket policy were not read; one without an action does not."""
    notes = " ".join(trace_service_account(irsa().graph(), *KEY, ACTION, RESOURCE).notes)
    assert "service control policies" in notes
    assert f"the bucket policy of {RESOURCE} was not read" in notes
    assert trace_service_account(irsa().graph(), *KEY).notes == ()


def test_a_broken_trust_policy_leaves_provider_and_permissions_evaluated():
    """Links that do not depend on the broken one are evaluated."""
    data = irsa()
    data.edit_trust(":default:", ":prod:")
    verdicts = {link.name: link.verdict for link in trace_pod(data.graph(), *POD, ACTION, RESOURCE).links}
    assert verdicts.pop("trust policy") is Verdict.BROKEN
    assert set(verdicts.values()) == {Verdict.HOLDS}
    assert {"OIDC provider", "permissions"} <= verdicts.keys()


def test_two_independent_breaks_are_both_found():
    """A trace has a finding for each broken link that does not depend on another."""
    data = irsa()
    data.providers.clear()
    data.set_role(attached_policies=())
    kinds = [finding.kind.id for finding in trace_pod(data.graph(), *POD, ACTION, RESOURCE).findings]
    assert kinds == ["oidc-provider-missing", "policy-missing"]


def test_pod_that_does_not_exist():
    """A missing pod ends the trace, with advice in place of a command."""
    (link,) = trace_pod(irsa().graph(), "default", "no-pod").links
    assert (link.finding.kind.id, link.finding.fix.commands) == ("pod-missing", ())
    assert "kubectl -n default get pods" in link.finding.fix.advice


def test_pod_without_controller_must_be_created_again():
    """A fix deletes a pod that no controller owns, and says that it must be created again."""
    data = irsa()
    data.annotate()
    data.create_pod(owner="")
    (finding,) = trace_pod(data.graph(), *POD).findings
    assert finding.fix.commands[-1] == ("kubectl", "-n", "default", "delete", "pod", POD[1])
    assert finding.should_say.endswith("create the pod again from its manifest")


def test_action_without_resource_holds_on_the_resources_of_the_policy():
    """Without a resource, an action that is allowed on some resources holds, and the link names them."""
    data = irsa()
    data.set_role(inline_policies={"own": document(allow(resource=RESOURCE))}, attached_policies=())
    traced = trace_service_account(data.graph(), *KEY, ACTION)
    assert traced.verdict is Verdict.HOLDS
    assert traced.links[-1].says == f"{ACTION} on {RESOURCE} only"


def test_role_of_the_same_account_needs_no_permission_if_the_trust_policy_names_it():
    """In one account a trust policy that names the role is enough; one that names the account is not."""
    arn = NODE_ROLE_ARN.replace("node-role", "reports")
    data = next_role()
    data.principals[arn] = replace(data.principals.pop(TARGET_ROLE_ARN), arn=arn)
    data.set_role(inline_policies={})
    assert trace_pod(data.graph(), *POD, "sts:AssumeRole", arn).verdict is Verdict.HOLDS
    data.edit_trust(ROLE_ARN, ROLE_ARN.replace("role/sa-role", "root"), arn)
    (finding,) = trace_pod(data.graph(), *POD, "sts:AssumeRole", arn).findings
    assert finding.kind.id == "assume-role-not-allowed"


@pytest.mark.parametrize("chain", HEALTHY)
def test_healthy_chain_is_traced_without_listing(chain):
    """The trace of a chain without fault reads its own objects, and lists no table."""

    def fail() -> Never:
        raise AssertionError("a table is listed")

    graph = HEALTHY[chain]().graph()
    tables = {
        name: Table(fail, one=getattr(graph, name).get)
        for name in ("principals", "policies", "oidc_providers", "associations", "service_accounts", "pods", "nodes")
    }
    assert trace_pod(replace(graph, **tables), *POD, ACTION, RESOURCE).verdict is Verdict.HOLDS


@pytest.mark.parametrize("each", BREAKS, ids=lambda each: each.id)
def test_trace_of_a_snapshot_is_that_of_its_graph(each, tmp_path):
    """A saved snapshot has everything that a trace needs."""
    data = each.chain()
    each.apply(data)
    save_snapshot(take_snapshot(data.graph()), tmp_path / "snapshot.json")
    saved = open_snapshot(tmp_path / "snapshot.json")
    trace, key = (trace_pod, POD) if each.traces_pod else (trace_service_account, KEY)
    assert trace(saved, *key, each.action, each.resource) == trace(data.graph(), *key, each.action, each.resource)
