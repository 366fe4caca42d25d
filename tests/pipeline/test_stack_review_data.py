"""What a preview of the engine becomes for reviewers: the plan without secrets, access by cluster, policy findings."""

import json

from eks_access.graph.tables import NotRead
from eks_access.sources.pulumi import values
from eks_pipeline.report import PolicyFinding, StackReport
from eks_pipeline.review.access import access_changes, digest
from eks_pipeline.review.resource_plan import masked, planned_steps, unchanged
from eks_pipeline.review.sentences import Subjects, access_sentences
from eks_pipeline.review.stack_preview import SECRET, UNKNOWN, FleetPreview, StackPreview
from eks_pipeline.stack.engine_output import PreviewOutput
from eks_pipeline.stack.reporter import EventReporter
from support.pulumi_recordings import read
from support.pulumi_stacks import cluster, manifest

SECRET_VALUE = {values.SIGNATURE: values.SECRET, "plaintext": "hidden"}
GROUP = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "operators"}
OPERATOR = "arn:aws:iam::123456789012:user/eks-ope"


def output(*steps, events=()):
    """A preview with steps of an operation, an old and a new state."""
    listed = [{"op": op, "urn": (new or old)["urn"], "oldState": old, "newState": new} for op, old, new in steps]
    return PreviewOutput({"steps": listed, "changeSummary": {}}, list(events))


def state(*resources):
    return {"deployment": {"resources": list(resources)}}


def role(verbs=("get", "list", "watch")):
    rules = [{"apiGroups": [""], "resources": ["pods", "nodes"], "verbs": list(verbs)}]
    return manifest("rbac.authorization.k8s.io/v1:ClusterRole", "test-clu-role", None, rules=rules)


def operators():
    """The resources that give a user the access of story 1."""
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "test-clu-role"}
    binding = manifest(
        "rbac.authorization.k8s.io/v1:ClusterRoleBinding", "operators", None, roleRef=reference, subjects=[GROUP]
    )
    inputs = {
        "clusterName": "eks-clu",
        "principalArn": OPERATOR,
        "userName": "eks-ope",
        "kubernetesGroups": ["operators"],
    }
    entry = {**cluster(), "urn": "urn:pulumi:dev::shop::aws:eks/accessEntry:AccessEntry::ope", "inputs": inputs}
    entry |= {"type": "aws:eks/accessEntry:AccessEntry", "outputs": {}}
    return [role(), binding, entry]


def sentences(access):
    fleet = FleetPreview(stacks=(StackPreview("dev", access=access),))
    return [each.with_stacks(fleet) for each in access_sentences(fleet, Subjects(fleet))]


def test_first_update_of_a_stack_says_who_gains_access():
    """Before it, the state is empty: the stack gives no access to the cluster."""
    created = [("create", None, each) for each in [cluster(), *operators()]]
    assert sentences(access_changes(state(), output(*created))) == [
        "eks-ope gains get, list, watch on pods and nodes, whole cluster"
    ]


def test_removed_access_is_in_the_sentences():
    found = access_changes(
        state(cluster(), *operators()),
        output(("same", cluster(), cluster()), *(("delete", each, None) for each in operators())),
    )
    assert sentences(found) == [
        "eks-ope loses get, list, watch on pods and nodes, whole cluster, and has no access any more"
    ]


def test_changes_of_several_clusters_of_a_stack_are_found_for_each():
    clusters = [("same", each, each) for each in (cluster("blue"), cluster("green"))]
    found = access_changes(state(cluster("blue"), cluster("green")), output(*clusters))
    assert [each.cluster for each in found] == ["blue", "green"]
    assert all(each.difference is not None and not each.difference.changes for each in found)


def test_a_stack_without_a_cluster_and_an_empty_preview_have_no_access():
    assert access_changes(state(), output()) == ()
    found = access_changes(state(), output(("create", None, manifest("core/v1:ConfigMap", "a"))))
    assert found == ()


def test_changes_that_may_decide_access_without_a_cluster_are_not_evaluated():
    (found,) = access_changes(state(), output(("create", None, role())))
    assert found.difference is None
    assert "create kubernetes:rbac.authorization.k8s.io/v1:ClusterRole test-clu-role" in found.not_evaluated


def test_recorded_previews_have_stable_digests():
    """The same preview of the lab has the same digest each time; another preview has another one."""
    digests = []
    for name in ("changed", "changed", "new"):
        preview = PreviewOutput(read(f"preview-{name}.json"), read(f"preview-{name}.events.json"))
        found = access_changes(read("state.json"), preview)
        assert [each.cluster for each in found] == ["graph"]
        assert NotRead("Pod Identity Agent", "not in the state of stack dev") in found[0].difference.not_evaluated
        digests.append(digest(found))
    assert digests[0] == digests[1] != digests[2]


def test_plan_has_the_steps_that_change_a_resource():
    old, new = role(), role(["get"])
    new["inputs"]["password"] = SECRET_VALUE
    preview = output(
        ("same", cluster(), cluster()), ("update", old, new), ("read", None, manifest("core/v1:Secret", "a"))
    )
    (step,) = planned_steps(preview)
    assert (step.operation, step.name, step.inputs["password"]) == ("update", "test-clu-role", SECRET)
    assert unchanged(preview) == 2
    assert "hidden" not in json.dumps(step.inputs)


def test_secrets_and_unknown_values_are_masked_at_any_depth():
    value = {
        "a": [SECRET_VALUE, f"https://{values.UNKNOWN}/x", "[secret]", "plain"],
        "b": {values.SIGNATURE: values.OUTPUT, "value": "resolved"},
        "c": {values.SIGNATURE: values.OUTPUT},
        "d": {values.SIGNATURE: values.OUTPUT, "value": "hidden", "secret": True},
    }
    assert masked(value) == {"a": [SECRET, UNKNOWN, SECRET, "plain"], "b": "resolved", "c": UNKNOWN, "d": SECRET}


def test_traceback_of_a_cancelled_program_is_not_reported():
    """When a resource fails, the engine cancels the program's calls, and Python's SDK prints a traceback."""
    report, sent = StackReport("dev", "up"), []
    reporter = EventReporter(report, sent.append)
    failed = "Program failed with an unhandled exception:\nTraceback (most recent call last):\n  a\n"
    for message in (f"{failed}Exception: context canceled\n", f"{failed}KeyError: 'a'\n", "creating Role a: denied"):
        reporter.on_event({"diagnosticEvent": {"severity": "error", "message": message}})
    assert report.diagnostics == [f"error: {failed}KeyError: 'a'", "error: creating Role a: denied"]


def test_existing_role_is_reported_with_the_command_that_deletes_it():
    """IAM creates a role twice if the response to the first call is lost: no message of the engine says what to do."""
    report, sent = StackReport("dev", "up"), []
    message = "creating Role a: CreateRole: EntityAlreadyExists: Role with name cart already exists.\n"
    EventReporter(report, sent.append).on_event({"diagnosticEvent": {"severity": "error", "message": message}})
    (diagnostic,) = report.diagnostics
    assert "run `aws iam delete-role --role-name cart`" in diagnostic


def test_rejected_token_is_reported_with_what_its_user_checks():
    """The Kubernetes provider passes on the API server's status 401, which names neither credentials nor expiry."""
    report, sent = StackReport("dev", "up"), []
    message = "configured Kubernetes cluster is unreachable: the server has asked for the client to provide credentials"
    EventReporter(report, sent.append).on_event({"diagnosticEvent": {"severity": "error", "message": message}})
    (diagnostic,) = report.diagnostics
    assert "fix: renew the AWS credentials if they expired" in diagnostic


def test_policy_events_are_findings_once_each():
    event = {
        "policyName": "no-wildcards",
        "policyPackName": "eks",
        "enforcementLevel": "mandatory",
        "message": "<{%fg 1%}>do not<{%reset%}>\n",
        "resourceUrn": "urn:a",
    }
    report, sent = StackReport("dev", "up"), []
    reporter = EventReporter(report, sent.append)
    reporter.on_preview_event({"policyEvent": event})
    reporter.on_event({"policyEvent": dict(event)})
    assert report.policies == [PolicyFinding("no-wildcards", "mandatory", "do not", "urn:a", "eks")]
    assert report.diagnostics == ["mandatory: do not"]
    assert [each.message for each in sent] == ["do not"]


def test_a_helm_release_is_not_evaluated_because_its_chart_may_create_bindings():
    """Without it, a chart that binds a group to cluster-admin would look like no change of access."""
    release = manifest("helm.sh/v3:Release", "ingress", "kube-system", chart="ingress")
    listed = "create kubernetes:helm.sh/v3:Release ingress"
    for resources in ([release], [cluster(), release]):
        (found,) = access_changes(state(), output(*(("create", None, each) for each in resources)))
        assert [each.part for each in found.difference.not_evaluated][-1] == listed
    (unchanged_release,) = access_changes(
        state(cluster(), release), output(("same", cluster(), cluster()), ("same", release, release))
    )
    assert listed not in {each.part for each in unchanged_release.difference.not_evaluated}


def test_aws_auth_of_a_stack_without_a_cluster_may_decide_access():
    config_map = manifest("core/v1:ConfigMap", "aws-auth", "kube-system", data={"mapUsers": "[]"})
    (found,) = access_changes(state(), output(("create", None, config_map)))
    assert "create kubernetes:core/v1:ConfigMap aws-auth" in found.not_evaluated
    other = manifest("core/v1:ConfigMap", "settings", "shop", data={})
    assert access_changes(state(), output(("create", None, other))) == ()
