"""A private cluster with node groups, as its nodes and pods see it: who reaches the node's role, and who does not."""

from __future__ import annotations

import json

import pytest
from lab_project import LabProject, write_project

from lab.principals import client

PROGRAM = """
import json
import pulumi
import pulumi_aws as aws
import pulumi_eks
import eks_identity as eks

boundary = aws.iam.Policy("boundary", name="teams-boundary", policy=json.dumps({
    "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}))
size = {"desired_size": 1, "min_size": 1, "max_size": 1}
cluster = eks.Cluster("apart", {
    "name": "apart",
    "create": {
        "endpoint_public_access": False, "endpoint_private_access": True, "enabled_cluster_log_types": ["audit"],
        "create_instance_role": True, "tags": {"cluster": "apart"},
    },
    "node_groups": {"shut": {"scaling_config": size, "disk_size": 30}},
    "role_settings": {
        "role_name_prefix": "apart-", "path": "/teams/", "permissions_boundary": boundary.arn, "tags": {"team": "shop"},
    },
})
role = cluster.eks.instance_roles[0].arn
pulumi_eks.ManagedNodeGroup("open", cluster=cluster.eks, node_role_arn=role, scaling_config=size)
isolation = eks.NodeIsolation("own", {"name_prefix": "own-", "disk_size": 40, "tags": {"team": "shop"}})
pulumi_eks.ManagedNodeGroup("own", cluster=cluster.eks, node_role_arn=role, scaling_config=size, launch_template={
    "id": isolation.launch_template_id, "version": isolation.launch_template_version})
pulumi.export("kubeconfig", cluster.kubeconfig)
pulumi.export("template", isolation.launch_template_id)
"""


@pytest.fixture(scope="module")
def stack(running_lab, tools, tmp_path_factory):
    """A project of this test; what it made is destroyed."""
    folder = write_project(tmp_path_factory.mktemp("project"), "node-isolation", PROGRAM)
    project = LabProject(running_lab, tools, folder)
    yield project
    project.stack.destroy()
    assert "apart" not in client(running_lab, "eks").list_clusters()["clusters"]
    assert not client(running_lab, "iam").list_roles(PathPrefix="/teams/")["Roles"]


@pytest.fixture(scope="module")
def made(stack):
    """The stack's outputs after `up`, and what a second `up` did."""
    outputs = stack.stack.up().outputs
    given = {name: outputs[name].value for name in ("kubeconfig", "template")}
    return given, stack.stack.up().summary.resource_changes


@pytest.fixture(scope="module")
def kubectl(stack, made):
    """kubectl on the new cluster, with the kubeconfig that the stack gives out."""

    def run(*arguments, stdin=None):
        done = stack.kubectl_with(made[0]["kubeconfig"], *arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def who_am_i(kubectl, group, **spec):
    """What a pod without an identity of its own answers on a node of `group`."""
    name = f"who-{group}" + ("-host" if spec else "")
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
    ended = "jsonpath={.status.containerStatuses[0].state.terminated}"
    kubectl("wait", f"pod/{name}", f"--for={ended}", "--timeout=120s")
    return kubectl("logs", name)


@pytest.fixture(scope="module")
def group_names(running_lab, made):
    """The node groups' names in EKS, by those of the program."""
    names = client(running_lab, "eks").list_nodegroups(clusterName="apart")["nodegroups"]
    return {short: name for short in ("shut", "open", "own") for name in names if short in name}


def test_a_second_update_finds_nothing_to_do(made):
    """Cluster, node groups and templates are what is declared."""
    assert made[1].keys() == {"same"}


def test_a_pod_on_other_node_groups_is_the_node(kubectl, group_names):
    """Without isolation a pod has the node's role, as the danger goes."""
    assert ":assumed-role/apart-" in who_am_i(kubectl, group_names["open"])


@pytest.mark.parametrize("group", ["shut", "own"])
def test_a_pod_on_an_isolated_node_group_is_nobody(kubectl, group_names, group):
    """Pods find no credentials on the cluster's own node groups, nor where NodeIsolation's template is used."""
    assert "Unable to locate credentials" in who_am_i(kubectl, group_names[group])


def test_a_pod_on_the_hosts_network_still_is_the_node(kubectl, group_names):
    """What runs on the host's network is one hop away: the limit keeps pods out, and not the node's own agents."""
    assert ":assumed-role/apart-" in who_am_i(kubectl, group_names["shut"], hostNetwork=True)


def test_templates_say_so(running_lab, made, group_names):
    """EC2 has the metadata options and the disks that were asked for."""
    eks, ec2 = client(running_lab, "eks"), client(running_lab, "ec2")
    shut = eks.describe_nodegroup(clusterName="apart", nodegroupName=group_names["shut"])["nodegroup"]
    for template, size in ((shut["launchTemplate"]["id"], 30), (made[0]["template"], 40)):
        versions = ec2.describe_launch_template_versions(LaunchTemplateId=template, Versions=["$Latest"])
        data = versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]
        assert data["MetadataOptions"]["HttpTokens"] == "required"
        assert data["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
        assert data["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"] == size


def test_every_role_has_what_the_account_demands(running_lab, made):
    """`aws iam get-role` shows boundary, path, prefix and tags on each role, pulumi_eks's and ours."""
    iam = client(running_lab, "iam")
    roles = [iam.get_role(RoleName=each["RoleName"])["Role"] for each in iam.list_roles(PathPrefix="/teams/")["Roles"]]
    trusted = [json.dumps(each["AssumeRolePolicyDocument"]) for each in roles]
    assert sum("eks.amazonaws.com" in each for each in trusted) == 1
    assert sum("ec2.amazonaws.com" in each for each in trusted) == 2
    for role in roles:
        assert role["RoleName"].startswith("apart-")
        assert role["PermissionsBoundary"]["PermissionsBoundaryArn"].endswith(":policy/teams-boundary")
        assert {"Key": "team", "Value": "shop"} in role["Tags"]


def test_the_endpoint_is_private_and_the_nodes_are_in(running_lab, kubectl, made):
    """DescribeCluster shows what was asked; the nodes of all groups joined in mode API, by entries of EKS's own."""
    cluster = client(running_lab, "eks").describe_cluster(name="apart")["cluster"]
    vpc = cluster["resourcesVpcConfig"]
    assert (vpc["endpointPublicAccess"], vpc["endpointPrivateAccess"]) == (False, True)
    assert cluster["logging"]["clusterLogging"][0] == {"types": ["audit"], "enabled": True}
    assert kubectl("get", "nodes", "-o", "name").count("node/") == 3
    entries = client(running_lab, "eks").list_access_entries(clusterName="apart")["accessEntries"]
    assert sum("role/teams/apart-" in arn for arn in entries) == 2
