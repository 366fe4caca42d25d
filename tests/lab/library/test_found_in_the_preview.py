"""Conflicts with existing resources: previews report existing associations, service accounts and kubeconfigs."""

from __future__ import annotations

import json
import re
import socket
import subprocess

import pytest

from lab.principals import client
from lab.scenarios.clients import LabClients
from support.access_program import expect_error
from support.workload_program import Pods, Stack

CLUSTER = "irsa"
OTHER_ROLE = "arn:aws:iam::123456789012:role/of-others"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        }
    ],
}
PROGRAM = """
cluster = eks.Cluster("clu", {"name": config["cluster"]})
for name, args in config["workloads"].items():
    connection = {**cluster.connection, **args.pop("connection", {})}
    if "secret" in args:
        args["permissions_boundary"] = pulumi.Output.secret(args.pop("secret"))
    eks.WorkloadIdentity(name, {"cluster": connection, "namespace": "default", "service_account": name,
                                "role_name": name, **args}, pulumi.ResourceOptions(providers=[cluster.provider]))
"""


MANY = """
cluster = eks.Cluster("clu", {"name": config["cluster"]})
eks.ClusterAccess("many", {"cluster": cluster.connection, "access_policies": [{"policy": "AmazonEKSViewPolicy"}],
                           "principals": [{"arn": arn} for arn in config["principals"]]})
"""


@pytest.fixture(scope="module")
def pods(running_lab, tools):
    return Pods(LabClients(running_lab, tools.bin), CLUSTER)


@pytest.fixture(scope="module")
def provider(pods):
    with pods.oidc_provider() as arn:
        yield arn


@pytest.fixture(scope="module")
def stack(running_lab, tools, tmp_path_factory, provider):
    """Each test declares its own workloads, and its update removes those of the previous test."""
    stack = Stack(tmp_path_factory.mktemp("preview") / "project", running_lab, tools, PROGRAM)
    yield stack
    stack.stack.destroy()


@pytest.fixture(scope="module")
def api(pods):
    return client(pods.clients.home, "eks")


@pytest.fixture(scope="module")
def role_of_others(pods):
    iam = client(pods.clients.home, "iam")
    iam.create_role(RoleName="of-others", AssumeRolePolicyDocument=json.dumps(TRUST))
    yield OTHER_ROLE
    iam.delete_role(RoleName="of-others")


@pytest.fixture
def associate(api, role_of_others):
    """Return a function that creates an association outside the stack for a service account, and returns its id."""
    keys = []

    def create(name):
        key = {"clusterName": CLUSTER, "namespace": "default", "serviceAccount": name}
        keys.append(key)
        return api.create_pod_identity_association(**key, roleArn=role_of_others)["association"]["associationId"]

    yield create
    for key in keys:
        for association in api.list_pod_identity_associations(**key)["associations"]:
            api.delete_pod_identity_association(clusterName=CLUSTER, associationId=association["associationId"])


def workloads_config(**workloads):
    return {"cluster": CLUSTER, "workloads": workloads}


def preview_output(stack, config):
    """Return the output of a successful preview."""
    preview = stack.configure(config).preview()
    return preview.stdout + preview.stderr


def commands(error):
    """Return the commands of a fix, in its order."""
    return re.findall(r"`((?:pulumi|aws) [^`]*)`", error)


def test_existing_association_is_adopted_by_the_import_command_of_the_fix(stack, api, associate):
    """The command imports the association before the first update, which then changes its role in place."""
    association, adopting = associate("adopted"), workloads_config(adopted={"mode": "pod-identity"})
    command, *_ = commands(expect_error(stack.configure(adopting).preview))
    stack.pulumi(*command.split()[1:])
    steps = stack.steps(adopting)
    assert ("update", "PodIdentityAssociation") in steps
    assert {operation for operation, _ in steps} == {"create", "update"}
    response = api.describe_pod_identity_association(clusterName=CLUSTER, associationId=association)
    assert response["association"]["roleArn"] == "arn:aws:iam::123456789012:role/adopted"
    assert stack.steps(adopting) == []


def test_existing_association_is_rejected_at_preview(stack, pods, associate):
    """The error has its id and role; after the delete command of the fix the update creates the component's own."""
    association, configured = associate("taken"), stack.configure(workloads_config(taken={"mode": "pod-identity"}))
    for operation in (configured.preview, configured.up):
        error = expect_error(operation)
        assert "service_account: 'default/taken'" in error
        assert f"{association} of {CLUSTER} gives its pods {OTHER_ROLE}" in error
    *_, command = commands(error)
    result = pods.clients.aws(*command.split()[1:])
    assert result.worked, result.stderr
    configured.up()
    assert ":assumed-role/taken/" in pods.caller_arn("taken", "taken")


@pytest.fixture
def account_of_eksctl(pods):
    """An existing service account with field manager eksctl."""
    # Kubernetes stores no field manager for an object without fields besides its name.
    metadata = {"name": "existing", "namespace": "default", "labels": {"app.kubernetes.io/managed-by": "eksctl"}}
    document = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    pods.kubectl("apply", "--server-side", "--field-manager=eksctl", "-f", "-", stdin=json.dumps(document))
    yield
    pods.kubectl("delete", "serviceaccount", "existing")


def test_existing_service_account_is_rejected_at_preview(stack, provider, account_of_eksctl):
    """The error has the field manager, and the options that adopt the service account or ignore it."""
    workload = {"oidc_provider_arn": provider}
    error = expect_error(stack.configure(workloads_config(existing=workload)).preview)
    assert "service_account: 'default/existing'" in error
    assert "existing, written by eksctl" in error
    assert "set service_account_management to adopt" in error
    stack.up(workloads_config(existing={**workload, "service_account_management": "adopt"}))
    stack.up(workloads_config())  # the kubernetes plugin releases its fields before another writer deletes the account


def unreachable(server):
    """Return the kubeconfig of an unreachable cluster."""
    cluster = {"name": "x", "cluster": {"server": server}}
    context = {"name": "x", "context": {"cluster": "x", "user": "x"}}
    user = {"name": "x", "user": {"token": "none"}}
    return json.dumps({"clusters": [cluster], "contexts": [context], "users": [user], "current-context": "x"})


def test_unreachable_cluster_is_reported_at_preview(stack, provider):
    """The preview continues with a warning, and does not use the machine's default kubeconfig."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        server = f"https://127.0.0.1:{closed.getsockname()[1]}"
        blind = {"oidc_provider_arn": provider, "connection": {"kubeconfig": unreachable(server)}}
        output = preview_output(stack, workloads_config(blind=blind))
    assert "cannot verify that service account default/blind does not exist yet" in output
    assert f"at {server} cannot be listed" in output


def test_irsa_overridden_by_a_pod_identity_association_is_reported(stack, pods, provider, associate):
    """The preview warns which role new pods get; after the update a pod has this role."""
    associate("shadowed")
    irsa = workloads_config(shadowed={"oidc_provider_arn": provider})
    assert f"new pods of default/shadowed get {OTHER_ROLE} by Pod Identity" in preview_output(stack, irsa)
    stack.up(irsa)
    assert ":assumed-role/of-others/" in pods.caller_arn("shadowed", "shadowed")


def test_validation_error_shows_no_secret_under_the_engine(stack, provider):
    """The error of a secret input has the rule, and neither output nor error of the engine contains the value."""
    secret = workloads_config(secret={"oidc_provider_arn": provider, "secret": "hush-hush/Xyzzy42"})
    error = expect_error(stack.configure(secret).preview)
    assert "permissions_boundary: [secret]" in error
    assert "xyzzy42" not in error.lower()


def test_preflight_queries_do_not_block_many_registrations(running_lab, tools, tmp_path):
    """The SDK has few threads that wait for the engine, which waits for the query before each access entry."""
    stack = Stack(tmp_path / "project", running_lab, tools, MANY)
    principals = [f"arn:aws:iam::123456789012:user/many-{number}" for number in range(12)]
    workspace = stack.configure({"cluster": CLUSTER, "principals": principals}).workspace
    result = subprocess.run(
        ["pulumi", "preview", "--stack", "dev", "--parallel", "1", "--non-interactive"],
        cwd=workspace.work_dir,
        env=workspace.env_vars,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count("aws:eks:AccessEntry ") >= len(principals)


UNKNOWN_KUBECONFIG = f"""
cluster = eks.Cluster("clu", {{"name": config["cluster"]}})
role = aws.iam.Role("late", name="late", assume_role_policy={json.dumps(json.dumps(TRUST))})
kubeconfig = pulumi.Output.all(cluster.kubeconfig, role.arn).apply(lambda values: values[0])
eks.ClusterAccess("ops", {{"cluster": {{**cluster.connection, "kubeconfig": kubeconfig}},
                          "access_policies": [{{"policy": "AmazonEKSViewPolicy"}}],
                          "principals": [{{"arn": role.arn}}]}})
"""


def test_guard_with_an_unknown_kubeconfig_is_reported_at_preview(running_lab, tools, tmp_path):
    """A kubeconfig that the update resolves gives one warning, and none once the guard has it in its state."""
    stack = Stack(tmp_path / "project", running_lab, tools, UNKNOWN_KUBECONFIG)
    configured = stack.configure({"cluster": CLUSTER})
    warnings = []

    def note(event):
        # Of the component only: the engine warns of an official plugin that is older than its SDK.
        diagnostic = event.diagnostic_event
        if diagnostic and diagnostic.severity == "warning" and "ClusterAccess" in diagnostic.message:
            warnings.append(diagnostic.message)

    configured.preview(on_event=note)
    (warning,) = warnings
    assert f"the kubeconfig of {CLUSTER} is not known in this preview" in warning
    assert "RBAC is not evaluated" in warning
    try:
        configured.up(on_event=note)
        configured.preview(on_event=note)
        assert warnings == [warning]
    finally:
        configured.destroy()
