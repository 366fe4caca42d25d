"""What is there already, or would win over what is declared: the engine's preview says so, and nothing is made."""

from __future__ import annotations

import json
import re
import socket
import subprocess

import pytest
from lab_program import refused
from pods_program import Pods, Stack

from lab.principals import client
from lab.scenarios.clients import LabClients

CLUSTER = "irsa"
THEIRS = "arn:aws:iam::123456789012:role/of-others"
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
cluster = eks.Cluster("clu", {"name": said["cluster"]})
connection = {**cluster.connection, **said.get("connection", {})}
args = {"cluster": connection, "namespace": "default", "service_account": "taken", "role_name": "taken"}
if "secret" in said:
    args["permissions_boundary"] = pulumi.Output.secret(said["secret"])
eks.WorkloadIdentity("taken", {**args, **said["workload"]},
                     pulumi.ResourceOptions(providers=[cluster.provider]))
"""


MANY = """
cluster = eks.Cluster("clu", {"name": said["cluster"]})
eks.ClusterAccess("many", {"cluster": cluster.connection, "access_policies": [{"policy": "AmazonEKSViewPolicy"}],
                           "principals": [{"arn": arn} for arn in said["principals"]]})
"""


@pytest.fixture
def pods(running_lab, tools):
    return Pods(LabClients(running_lab, tools.bin), CLUSTER)


@pytest.fixture
def provider(pods):
    with pods.vouched_for() as arn:
        yield arn


@pytest.fixture
def stack(running_lab, tools, tmp_path, provider):
    stack = Stack(tmp_path / "project", running_lab, tools, PROGRAM)
    yield stack
    stack.stack.destroy()


@pytest.fixture
def api(pods):
    return client(pods.world.home, "eks")


@pytest.fixture
def association(pods, api):
    """An association that somebody else made for the same service account; its id."""
    iam = client(pods.world.home, "iam")
    iam.create_role(RoleName="of-others", AssumeRolePolicyDocument=json.dumps(TRUST))
    of = {"clusterName": CLUSTER, "namespace": "default", "serviceAccount": "taken"}
    yield api.create_pod_identity_association(**of, roleArn=THEIRS)["association"]["associationId"]
    for left in api.list_pod_identity_associations(**of)["associations"]:
        api.delete_pod_identity_association(clusterName=CLUSTER, associationId=left["associationId"])
    iam.delete_role(RoleName="of-others")


def settings(**workload):
    return {"cluster": CLUSTER, "workload": workload}


def said_in_preview(stack, said):
    """What the engine prints of a preview that goes on."""
    done = stack.say(said).preview()
    return done.stdout + done.stderr


def commands(said):
    """The commands of a fix, in the order in which it names them."""
    return re.findall(r"`((?:pulumi|aws) [^`]*)`", said)


def test_an_association_of_others_is_rejected_in_the_preview(stack, pods, association):
    """It is named with its role; where it is deleted by the command of the fix, the update makes ours."""
    ours = stack.say(settings(mode="pod-identity"))
    for operation in (ours.preview, ours.up):
        said = refused(operation)
        assert "service_account: 'default/taken'" in said
        assert f"{association} of {CLUSTER} gives its pods {THEIRS}" in said
    *_, command = commands(said)
    done = pods.world.aws(*command.split()[1:])
    assert done.worked, done.stderr
    ours.up()
    assert ":assumed-role/taken/" in pods.who("taken", "taken")


def test_an_association_of_others_is_adopted_by_the_command_of_the_fix(stack, api, association):
    """The command imports it before the component is in any state; the update then changes its role in place."""
    ours = stack.say(settings(mode="pod-identity"))
    command, *_ = commands(refused(ours.preview))
    stack.pulumi(*command.split()[1:])
    changes = ours.preview().change_summary
    assert not {"replace", "delete", "create-replacement"} & {str(getattr(each, "value", each)) for each in changes}
    ours.up()
    found = api.describe_pod_identity_association(clusterName=CLUSTER, associationId=association)["association"]
    assert found["roleArn"] == "arn:aws:iam::123456789012:role/taken"
    assert set(ours.up().summary.resource_changes) == {"same"}


def test_a_service_account_that_is_there_is_refused_in_the_preview(stack, pods, provider):
    """With who wrote it, and the words that adopt it or leave it alone."""
    # Of an object that is a name alone, Kubernetes keeps no writer.
    metadata = {"name": "taken", "namespace": "default", "labels": {"app.kubernetes.io/managed-by": "eksctl"}}
    document = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    pods.kubectl("apply", "--server-side", "--field-manager=eksctl", "-f", "-", stdin=json.dumps(document))
    try:
        made_here = settings(oidc_provider_arn=provider)
        said = refused(stack.say(made_here).preview)
        assert "service_account: 'default/taken'" in said
        assert "existing, written by eksctl" in said
        assert "set service_account_management to adopt" in said
        stack.up(settings(oidc_provider_arn=provider, service_account_management="adopt"))
    finally:
        pods.kubectl("delete", "serviceaccount", "taken")


def test_a_cluster_out_of_reach_is_reported_and_no_other_is_asked(stack, pods, provider):
    """Nobody can see what is there: the preview goes on, and the machine's own kubeconfig is left alone."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        server = f"https://127.0.0.1:{nobody.getsockname()[1]}"
        cluster = {"name": "x", "cluster": {"server": server}}
        context = {"name": "x", "context": {"cluster": "x", "user": "x"}}
        user = {"name": "x", "user": {"token": "none"}}
        kubeconfig = json.dumps({"clusters": [cluster], "contexts": [context], "users": [user], "current-context": "x"})
        out_of_reach = {**settings(oidc_provider_arn=provider), "connection": {"kubeconfig": kubeconfig}}
        said = said_in_preview(stack, out_of_reach)
    assert "cannot verify that service account default/taken does not exist yet" in said
    assert f"at {server} cannot be listed" in said


def test_an_annotation_that_pod_identity_wins_over_is_reported(stack, pods, provider, association):
    """The preview says which role pods will really get; a pod says the same afterwards."""
    irsa = settings(oidc_provider_arn=provider)
    assert f"new pods of default/taken get {THEIRS} by Pod Identity" in said_in_preview(stack, irsa)
    stack.up(irsa)
    assert ":assumed-role/of-others/" in pods.who("shadowed", "taken")


def test_a_secret_is_in_no_refusal(stack, provider):
    """What is refused of a secret is the rule; neither the engine's output nor its error has a word of the value."""
    said = refused(stack.say({**settings(oidc_provider_arn=provider), "secret": "hush-hush/Xyzzy42"}).preview)
    assert "permissions_boundary: [secret]" in said
    assert "xyzzy42" not in said.lower()


def test_many_are_looked_for_while_all_threads_register(running_lab, tools, tmp_path):
    """The SDK has few threads, each waits for the engine, and that for what is asked before an entry is made."""
    stack = Stack(tmp_path / "project", running_lab, tools, MANY)
    principals = [f"arn:aws:iam::123456789012:user/many-{number}" for number in range(12)]
    workspace = stack.say({"cluster": CLUSTER, "principals": principals}).workspace
    done = subprocess.run(
        ["pulumi", "preview", "--stack", "dev", "--parallel", "1", "--non-interactive"],
        cwd=workspace.work_dir,
        env=workspace.env_vars,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("aws:eks:AccessEntry ") >= len(principals)


UNKNOWN_KUBECONFIG = f"""
cluster = eks.Cluster("clu", {{"name": said["cluster"]}})
role = aws.iam.Role("late", name="late", assume_role_policy={json.dumps(json.dumps(TRUST))})
kubeconfig = pulumi.Output.all(cluster.kubeconfig, role.arn).apply(lambda known: known[0])
eks.ClusterAccess("ops", {{"cluster": {{**cluster.connection, "kubeconfig": kubeconfig}},
                          "policies": [{{"policy": "AmazonEKSViewPolicy"}}], "principals": [{{"arn": role.arn}}]}})
"""


def test_what_the_guard_cannot_read_is_reported_in_the_preview(running_lab, tools, tmp_path):
    """A kubeconfig that the same update makes known: one warning, and none where the guard has one in its state."""
    stack = Stack(tmp_path / "project", running_lab, tools, UNKNOWN_KUBECONFIG)
    ours = stack.say({"cluster": CLUSTER})
    warnings = []

    def note(event):
        if event.diagnostic_event and event.diagnostic_event.severity == "warning":
            warnings.append(event.diagnostic_event.message)

    ours.preview(on_event=note)
    (warning,) = warnings
    assert f"the kubeconfig of {CLUSTER} is not known in this preview" in warning
    assert "RBAC is not evaluated" in warning
    try:
        ours.up(on_event=note)
        ours.preview(on_event=note)
        assert warnings == [warning]
    finally:
        ours.destroy()
