"""The access graph of a stack's state."""

import json
from collections import Counter
from dataclasses import fields
from pathlib import Path

import msgspec
import pytest

from eks_access.errors import SourceError, UsageError
from eks_access.findings import Verdict
from eks_access.graph import AccessGraph
from eks_access.graph.aws_objects import Unknown
from eks_access.graph.tables import NotReadError
from eks_access.questions.diff import diff
from eks_access.questions.list_mappings import list_mappings
from eks_access.questions.trace_principal import trace_principal
from eks_access.questions.trace_workload import trace_pod, trace_service_account
from eks_access.questions.what_can import what_can_principal
from eks_access.questions.who_can import who_can
from eks_access.sources.snapshot import graph_of, take_snapshot
from eks_access.sources.state import graph_of_state
from eks_identity.evaluation.rbac import Request
from eks_identity.model.existing_entries import ExistingEntry
from support.pulumi_recordings import read
from support.pulumi_stacks import cluster, export, graph, manifest, resource, secret

OPERATOR = "arn:aws:iam::123456789012:user/people/graph-operator"
DEPLOYER = "arn:aws:iam::123456789012:role/team/graph-deployer"
LIST_PODS = Request("list", "pods", "default")
ROLE_ARN = "arn:aws:iam::123456789012:role/app"
ENTRY = "aws:eks/accessEntry:AccessEntry"
ROLE = "aws:iam/role:Role"


@pytest.fixture
def recorded():
    return graph_of_state(read("state.json"))


def entry(name="app", cluster_name="eks-clu", arn=ROLE_ARN, **inputs):
    values = {"clusterName": cluster_name, "principalArn": arn, "kubernetesGroups": [name], "userName": name}
    return resource(ENTRY, name, {**values, **inputs})


def role(name="app", outputs=None, **inputs):
    arn = f"arn:aws:iam::123456789012:role/{name}"
    return resource(ROLE, name, {"name": name, "path": "/", **inputs}, {"arn": arn, **(outputs or {})})


def test_state_has_the_chain_of_cluster_access(recorded):
    trace = trace_principal(recorded, OPERATOR, LIST_PODS)
    assert [link.verdict for link in trace.links] == [Verdict.HOLDS] * 4
    assert recorded.source == "state of stack dev"


def test_state_has_the_chain_of_workload_identity(recorded):
    account = recorded.service_accounts.get(("default", "graph-irsa"))
    found = recorded.principals.get(account.annotations["eks.amazonaws.com/role-arn"])
    issuer = recorded.cluster.get().issuer.removeprefix("https://")
    (provider,) = recorded.oidc_providers.all().values()
    assert provider.url == issuer
    assert found.trust_policy["Statement"][0]["Principal"] == {"Federated": provider.arn}
    assert found.attached_policies == ("arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess",)
    association = recorded.associations.get(("default", "graph-pods"))
    assert recorded.principals.get(association.role_arn).unique_id.startswith("AROA")
    assert recorded.pods.get(("default", "deployment/graph-app")).service_account == "graph-irsa"


def test_trace_of_a_workload_in_the_state_has_no_finding(recorded):
    """What the state lacks is not evaluated: another policy, the agent, and what the webhook adds to a new pod."""
    traces = {
        "s3:PutObject by a pod": trace_pod(recorded, "default", "deployment/graph-app", "s3:PutObject", "*"),
        "s3:PutObject": trace_service_account(recorded, "default", "graph-irsa", "s3:PutObject", "*"),
        "Pod Identity": trace_service_account(recorded, "default", "graph-pods", None, None),
    }
    assert {name: trace.findings for name, trace in traces.items()} == dict.fromkeys(traces, ())
    verdicts = {link.name: link.verdict for link in traces["s3:PutObject by a pod"].links}
    assert verdicts["trust policy"] is Verdict.HOLDS
    assert verdicts["pod credentials"] is verdicts["permissions"] is Verdict.NOT_EVALUATED


@pytest.mark.parametrize(("action", "verdict"), [("s3:ListAllMyBuckets", "holds"), ("s3:PutObject", "not evaluated")])
def test_permissions_of_a_role_with_all_its_documents_in_the_state(action, verdict):
    policy = {"Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]}
    association = {"namespace": "web", "serviceAccount": "app", "roleArn": ROLE_ARN, "clusterName": "eks-clu"}
    found = graph(
        cluster(),
        role(assumeRolePolicy='{"Statement": []}'),
        resource("aws:iam/rolePolicy:RolePolicy", "p", {"role": "app", "name": "p", "policy": json.dumps(policy)}),
        resource("aws:eks/podIdentityAssociation:PodIdentityAssociation", "a", association),
        manifest("core/v1:ServiceAccount", "app", "web"),
    )
    (link,) = [
        each for each in trace_service_account(found, "web", "app", action, "*").links if each.name == "permissions"
    ]
    assert link.verdict == verdict, link.says


def test_principal_that_the_state_lacks_is_not_evaluated(recorded):
    trace = trace_principal(recorded, DEPLOYER, LIST_PODS)
    assert {link.name: link.verdict for link in trace.links} == {
        "IAM principal": Verdict.NOT_EVALUATED,
        "authentication mode": Verdict.HOLDS,
        "access entry": Verdict.NOT_EVALUATED,
        "aws-auth mapping": Verdict.HOLDS,
        "authorization": Verdict.HOLDS,
    }
    assert trace.findings == ()


def test_request_that_no_binding_of_the_state_allows_is_not_evaluated(recorded):
    trace = trace_principal(recorded, OPERATOR, Request("delete", "secrets", "default"))
    assert trace.findings == ()
    assert "other bindings may allow it: binding: not in the state of stack dev" in trace.links[-1].says


def test_mapping_that_aws_auth_of_the_state_lacks_is_not_evaluated():
    mapping = {"arn": "arn:aws:iam::123456789012:role/x", "username": "x", "groups": ["g"], "kubeconfig": secret("k")}
    found = graph(
        cluster(mode="CONFIG_MAP"), resource("pulumi-python:dynamic/eks-identity:AwsAuthMapping", "x", mapping)
    )
    trace = trace_principal(found, OPERATOR, LIST_PODS)
    assert trace.findings == ()
    assert [link.says for link in trace.links if link.name == "aws-auth mapping"] == [
        "ConfigMap aws-auth: not in the state of stack dev"
    ]


def test_mapping_of_an_unknown_cluster_is_not_evaluated_if_there_are_several():
    mapping = {"arn": "arn:aws:iam::123456789012:role/x", "username": "x", "groups": ["g"], "kubeconfig": secret("k")}
    own = resource("pulumi-python:dynamic/eks-identity:AwsAuthMapping", "x", mapping)
    found = graph(cluster("a", mode="CONFIG_MAP"), cluster("b"), own, cluster="a")
    (says,) = [
        link.says for link in trace_principal(found, OPERATOR, LIST_PODS).links if link.name == "aws-auth mapping"
    ]
    assert "the cluster of pulumi-python:dynamic/eks-identity:AwsAuthMapping x is not known" in says


def mapping(**inputs):
    values = {"arn": ROLE_ARN, "username": "x", "groups": ["system:masters"], **inputs}
    return resource("pulumi-python:dynamic/eks-identity:AwsAuthMapping", "x", values)


ASKS = {
    "list": list_mappings,
    "who-can": lambda found: who_can(found, LIST_PODS),
    "what-can": lambda found: what_can_principal(found, ROLE_ARN),
}


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
def test_mapping_whose_cluster_is_not_known_is_listed_as_not_read(ask):
    found = graph(cluster("a", mode="CONFIG_MAP"), cluster("b"), mapping(kubeconfig=secret("k")), cluster="a")
    ask(found)
    assert "the cluster of pulumi-python:dynamic/eks-identity:AwsAuthMapping x is not known" in str(found.not_read())


def test_mapping_whose_cluster_is_not_known_is_no_gap_of_a_cluster_that_ignores_aws_auth():
    found = graph(cluster("a", mode="API"), cluster("b"), mapping(kubeconfig=secret("k")), cluster="a")
    list_mappings(found)
    assert found.not_read() == []


def test_mapping_whose_groups_are_not_known_is_no_loss_of_access():
    before, after = (graph(cluster(), role(), mapping(groups=groups)) for groups in (["system:masters"], secret([])))
    difference = diff(before, after)
    assert (difference.changes, difference.lockouts) == ((), ())
    assert "groups of pulumi-python:dynamic/eks-identity:AwsAuthMapping x is a secret" in str(difference.not_evaluated)


@pytest.mark.parametrize(("ignores", "is_whole"), [([], True), (["data"], False), (["data.mapRoles"], False)])
def test_config_map_aws_auth_of_the_state_is_whole_unless_its_changes_are_ignored(ignores, is_whole):
    config_map = manifest(
        "core/v1:ConfigMap", "aws-auth", "kube-system", data={"mapUsers": f"- userarn: {OPERATOR}\n  username: x\n"}
    )
    mapping = {"arn": "arn:aws:iam::123456789012:role/x", "username": "x", "groups": ["g"]}
    found = graph(
        cluster(),
        {**config_map, "ignoreChanges": ignores},
        resource("eks-identity:index:AwsAuthMapping", "x", mapping),
    )
    aws_auth = found.aws_auth.get()
    assert [entry.username for entry in aws_auth.document.entries] == ["x", "x"]
    assert (aws_auth.gaps is None) is is_whole


def test_state_keeps_no_secret():
    text = "correct-horse-battery"
    policy = {"Statement": [{"Effect": "Allow", "Action": text, "Resource": "*"}]}
    env = [{"name": "AWS_ACCESS_KEY_ID", "value": secret(text)}, {"name": "AWS_REGION", "value": "r"}]
    template = {
        "metadata": {"annotations": {"amazon": secret(text)}},
        "spec": {"containers": [{"name": "c", "env": env}]},
    }
    found = graph(
        cluster(),
        role(assumeRolePolicy=secret(json.dumps(policy)), tags={"a": secret(text)}, permissionsBoundary=secret(text)),
        resource(
            "aws:iam/rolePolicy:RolePolicy", "p", {"role": "app", "name": "p", "policy": secret(json.dumps(policy))}
        ),
        resource(
            "aws:iam/policy:Policy", "m", {"name": "m", "policy": secret(text)}, {"arn": "arn:aws:iam::1:policy/m"}
        ),
        entry(userName=secret(text)),
        manifest("core/v1:ServiceAccount", "s", metadata={"annotations": {"eks.amazonaws.com/role-arn": secret(text)}}),
        manifest("apps/v1:Deployment", "d", spec=secret({"template": text})),
        manifest("apps/v1:DaemonSet", "e", spec={"template": template}),
        manifest("core/v1:ConfigMap", "aws-auth", "kube-system", data={"mapRoles": secret(text)}),
    )
    assert text not in msgspec.json.encode(take_snapshot(found)).decode()
    found_role = found.principals.get(ROLE_ARN)
    assert isinstance(found_role.trust_policy, Unknown)
    assert (
        found_role.inline_policies["p"].reason == "policy of aws:iam/rolePolicy:RolePolicy p is a secret of the stack"
    )
    (container,) = found.pods.get(("default", "daemonset/e")).containers
    assert container.environment == {"AWS_ACCESS_KEY_ID": "set", "AWS_REGION": "r"}
    for read_value in (
        lambda: found.entries.get(ROLE_ARN),
        lambda: found.pods.get(("default", "deployment/d")),
        lambda: found.policies.get("arn:aws:iam::1:policy/x"),
    ):
        with pytest.raises(NotReadError):
            read_value()


def test_resources_pending_deletion_are_left_out():
    old = {**entry(kubernetesGroups=["old"]), "delete": True}
    replaced = {**role("gone"), "pendingReplacement": True}
    found = graph(cluster(), entry(kubernetesGroups=["new"]), old, replaced)
    assert found.entries.get(ROLE_ARN).groups == ("new",)
    with pytest.raises(NotReadError, match="not in the state of stack dev"):
        found.principals.get("arn:aws:iam::123456789012:role/gone")


def test_access_entries_of_a_migration_are_known_and_are_not_declared():
    """A resource that declares one of them adopts it."""
    created = ExistingEntry(DEPLOYER, "deployer", ("ops",)).access()
    kind = "pulumi-python:dynamic/eks-identity:AuthenticationModeMigration"
    properties = {"cluster_name": "eks-clu", "region": "ap-northeast-1", "created_entries": [created]}
    found = graph(cluster(), resource(kind, "migration", {}, properties))
    assert found.migrated_entries == {DEPLOYER: created}
    assert dict(found.entries.all()) == {}
    unknown = {**properties, "created_entries": "04da6b54-80e4-46f7-96ec-b56ff0331ba9"}
    assert graph(cluster(), resource(kind, "migration", {}, unknown)).migrated_entries == {}


def test_resource_that_the_stack_only_reads_has_its_outputs():
    outputs = {"name": "app", "path": "/", "assumeRolePolicy": '{"Statement": []}', "arn": ROLE_ARN}
    found = graph(resource(ROLE, "app", {}, outputs, external=True), {**role("kept"), "protect": True})
    assert found.principals.get(ROLE_ARN).trust_policy == {"Statement": []}
    assert found.principals.get("arn:aws:iam::123456789012:role/kept") is not None


def test_state_of_several_clusters_needs_the_name_of_one():
    resources = (cluster("a"), cluster("b"), entry("x", "a"), entry("y", "b"))
    with pytest.raises(UsageError, match="--cluster must name one of the clusters of the state of stack dev: a, b"):
        graph(*resources)
    with pytest.raises(UsageError, match="--cluster 'c' must be a cluster of the state of stack dev: a, b"):
        graph(*resources, cluster="c")
    assert graph(*resources, cluster="b").entries.get(ROLE_ARN).groups == ("y",)


def test_object_of_an_unknown_cluster_is_not_evaluated_if_there_are_several():
    binding = manifest(
        "rbac.authorization.k8s.io/v1:ClusterRoleBinding", "b", None, roleRef={"kind": "ClusterRole", "name": "r"}
    )
    found = graph(cluster("a"), cluster("b"), binding, cluster="a")
    assert dict(found.rbac_bindings.all()) == {}
    assert "the cluster of kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding b is not known" in str(
        found.not_read()
    )


def test_kubernetes_object_belongs_to_the_cluster_of_its_provider():
    arn = "arn:aws:eks:ap-northeast-1:123456789012:cluster/a"
    command = {"args": ["--region", "ap-northeast-1", "eks", "get-token", "--cluster-name", "a"]}
    users = [{"name": "a", "user": {"exec": command}}]
    kubeconfig = {
        "users": users,
        "current-context": arn,
        "contexts": [{"name": arn, "context": {"cluster": "a"}}],
        "clusters": [{"name": "a", "cluster": {"server": "https://a"}}],
    }
    provider = resource("pulumi:providers:kubernetes", "main", {"kubeconfig": json.dumps(kubeconfig)})
    account = manifest("core/v1:ServiceAccount", "s")
    for name, accounts in {"a": 1, "b": 0}.items():
        found = graph(cluster("a"), cluster("b"), provider, account, cluster=name)
        assert len(found.service_accounts.all()) == accounts
    alone = graph(provider, account).cluster.get()
    assert (alone.name, alone.region, alone.account, alone.arn) == ("a", "ap-northeast-1", "123456789012", arn)
    assert alone.authentication_mode.reason == "authentication mode of cluster a is not in the state of stack dev"


def test_state_without_a_cluster_has_only_iam():
    found = graph(role())
    assert found.principals.get(ROLE_ARN) is not None
    for part in (found.cluster, found.aws_auth, found.has_pod_identity_agent):
        with pytest.raises(NotReadError, match="not in the state of stack dev"):
            part.get()


def test_state_of_another_format_is_rejected():
    with pytest.raises(SourceError, match="must have the form of `pulumi stack export`"):
        graph_of_state(export({"name": "x"}))
    assert dict(graph_of_state({"version": 3, "deployment": {}}).entries.all()) == {}


def test_snapshot_of_a_state_answers_as_the_state(recorded):
    offline = graph_of(msgspec.convert(msgspec.to_builtins(take_snapshot(recorded)), type(take_snapshot(recorded))))
    for name in (item.name for item in fields(AccessGraph) if item.name not in {"source", "cluster"}):
        part = getattr(recorded, name)
        if hasattr(part, "all"):
            assert dict(getattr(offline, name).all()) == dict(part.all())
            assert getattr(offline, name).gaps == part.gaps
    assert trace_principal(offline, DEPLOYER, LIST_PODS) == trace_principal(recorded, DEPLOYER, LIST_PODS)


def test_state_of_every_component_is_read_completely():
    """Each role, service account and binding of the components is in the graph, and nothing of them is unknown."""
    state = json.loads((Path(__file__).parents[1] / "lab" / "states" / "0.1.0.json").read_text())
    found = graph_of_state({"deployment": state})
    kinds = Counter(each["type"].rpartition(":")[2] for each in state["resources"] if each["custom"])
    assert len(found.principals.all()) == kinds["Role"] + kinds["User"]
    assert len(found.service_accounts.all()) == kinds["ServiceAccount"]
    assert len(found.rbac_bindings.all()) == kinds["ClusterRoleBinding"]
    assert len(found.associations.all()) == kinds["PodIdentityAssociation"]
    assert len(found.entries.all()) == kinds["AccessEntry"]
    assert found.authentication_mode() == "API"
    roles = [role for role in found.principals.all().values() if "/stored-user" not in role.arn]
    assert all(role.trust_policy["Statement"] for role in roles)
    assert all(role.attached_policies or role.inline_policies for role in roles)
    assert found.not_read() == []
