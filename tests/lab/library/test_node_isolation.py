"""A private cluster with node groups: pods on isolated node groups cannot use the node role."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.principals import client
from support.lab_project import LabProject, write_project

PROGRAM = Path(__file__).with_name("node_isolation_program.py")


@pytest.fixture(scope="module")
def stack(running_lab, tools, tmp_path_factory):
    """A project for this module, destroyed at the end."""
    folder = write_project(tmp_path_factory.mktemp("project"), "node-isolation", PROGRAM)
    project = LabProject(running_lab, tools, folder)
    yield project
    project.stack.destroy()
    assert "isolated" not in client(running_lab, "eks").list_clusters()["clusters"]
    assert not client(running_lab, "iam").list_roles(PathPrefix="/teams/")["Roles"]


@pytest.fixture(scope="module")
def update(stack):
    """The stack's outputs after an update, and the changes of a second update."""
    outputs = stack.stack.up().outputs
    values = {name: outputs[name].value for name in ("kubeconfig", "template")}
    return values, stack.stack.up().summary.resource_changes


@pytest.fixture(scope="module")
def kubectl(stack, update):
    """kubectl on the new cluster, with the kubeconfig from the stack outputs."""

    def run(*arguments, stdin=None):
        result = stack.kubectl_with(update[0]["kubeconfig"], *arguments, stdin=stdin)
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run


def caller_identity(kubectl, group, **spec):
    """Return the log of `aws sts get-caller-identity` in a pod without a workload identity on a node of `group`."""
    name = f"caller-{group}" + ("-host" if spec else "")
    container = {"name": "aws", "image": "amazon/aws-cli", "args": ["sts", "get-caller-identity"]}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Never",
            "nodeSelector": {"eks.amazonaws.com/nodegroup": group},
            "containers": [container],
            **spec,
        },
    }
    kubectl("apply", "-f", "-", stdin=json.dumps(pod))
    terminated = "jsonpath={.status.containerStatuses[0].state.terminated}"
    kubectl("wait", f"pod/{name}", f"--for={terminated}", "--timeout=120s")
    return kubectl("logs", name)


@pytest.fixture(scope="module")
def group_names(running_lab, update):
    """The node groups' names in EKS, by their names in the program."""
    names = client(running_lab, "eks").list_nodegroups(clusterName="isolated")["nodegroups"]
    return {short: name for short in ("default", "open", "own") for name in names if short in name}


def test_second_update_of_node_isolation_changes_nothing(update):
    """A second update of cluster, node groups and launch templates has no changes."""
    assert update[1].keys() == {"same"}


def test_pod_without_node_isolation_has_the_node_role(kubectl, group_names):
    """On a node group without isolation a pod gets credentials of the node role."""
    assert ":assumed-role/isolated-" in caller_identity(kubectl, group_names["open"])


@pytest.mark.parametrize("group", ["default", "own"])
def test_pod_with_node_isolation_has_no_credentials(kubectl, group_names, group):
    """Pods have no credentials on the Cluster's node groups, and on node groups with NodeIsolation's template."""
    assert "Unable to locate credentials" in caller_identity(kubectl, group_names[group])


def test_pod_with_host_network_has_the_node_role(kubectl, group_names):
    """A pod with hostNetwork is one hop away from IMDS, so that the hop limit does not affect the node's agents."""
    assert ":assumed-role/isolated-" in caller_identity(kubectl, group_names["default"], hostNetwork=True)


def test_launch_templates_have_the_metadata_options(running_lab, update, group_names):
    """EC2 has the metadata options and disk sizes of the program."""
    eks, ec2 = client(running_lab, "eks"), client(running_lab, "ec2")
    default = eks.describe_nodegroup(clusterName="isolated", nodegroupName=group_names["default"])["nodegroup"]
    for template, size in ((default["launchTemplate"]["id"], 30), (update[0]["template"], 40)):
        versions = ec2.describe_launch_template_versions(LaunchTemplateId=template, Versions=["$Latest"])
        data = versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]
        assert data["MetadataOptions"]["HttpTokens"] == "required"
        assert data["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
        assert data["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"] == size


def test_cluster_roles_have_the_role_settings(running_lab, update):
    """Each role of the cluster has boundary, path, prefix and tags, pulumi_eks's roles included."""
    iam = client(running_lab, "iam")
    roles = [iam.get_role(RoleName=role["RoleName"])["Role"] for role in iam.list_roles(PathPrefix="/teams/")["Roles"]]
    trust = [json.dumps(role["AssumeRolePolicyDocument"]) for role in roles]
    assert sum("eks.amazonaws.com" in document for document in trust) == 1
    assert sum("ec2.amazonaws.com" in document for document in trust) == 2
    for role in roles:
        assert role["RoleName"].startswith("isolated-")
        assert role["PermissionsBoundary"]["PermissionsBoundaryArn"].endswith(":policy/teams-boundary")
        assert {"Key": "team", "Value": "shop"} in role["Tags"]


def test_private_cluster_has_joined_nodes(running_lab, kubectl, update):
    """EKS describes a private endpoint and the log types; nodes of all groups joined by access entries of EKS."""
    cluster = client(running_lab, "eks").describe_cluster(name="isolated")["cluster"]
    vpc = cluster["resourcesVpcConfig"]
    assert (vpc["endpointPublicAccess"], vpc["endpointPrivateAccess"]) == (False, True)
    assert cluster["logging"]["clusterLogging"][0] == {"types": ["audit"], "enabled": True}
    assert kubectl("get", "nodes", "-o", "name").count("node/") == 3
    entries = client(running_lab, "eks").list_access_entries(clusterName="isolated")["accessEntries"]
    assert sum("role/teams/isolated-" in arn for arn in entries) == 2
