"""Node groups with boto3: access of the node role, nodes of the control plane, and validation errors."""

import pytest

from lab.interfaces import AuthenticationMode
from support.eks_constants import ACCOUNT, QUICK, trust


@pytest.fixture
def nodegroup_request(lab, node_role):
    return {
        "clusterName": "eks-clu",
        "nodegroupName": "workers",
        "nodeRole": node_role,
        "subnets": lab.subnets(),
        "scalingConfig": {"minSize": 1, "maxSize": 3, "desiredSize": 2},
    }


@pytest.fixture
def make_nodegroup(client, nodegroup_request):
    def make(**members):
        nodegroup = client.create_nodegroup(**{**nodegroup_request, **members})["nodegroup"]
        target = {"clusterName": nodegroup["clusterName"], "nodegroupName": nodegroup["nodegroupName"]}
        client.get_waiter("nodegroup_active").wait(**target, WaiterConfig=QUICK)
        return nodegroup

    return make


@pytest.fixture
def template(lab):
    ec2 = lab.client("ec2")
    templates = []

    def make(name, hops):
        data = {"MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": hops}}
        templates.append(ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)["LaunchTemplate"])
        return templates[-1]

    yield make
    for template in templates:
        ec2.delete_launch_template(LaunchTemplateId=template["LaunchTemplateId"])


@pytest.mark.parametrize("mode", list(AuthenticationMode))
def test_node_role_access_by_authentication_mode(lab, make_cluster, make_nodegroup, node_role, mode):
    """The ConfigMap modes map the node role in aws-auth. The API modes create an EC2_LINUX access entry."""
    make_cluster(mode=mode.value)
    make_nodegroup()
    plane = lab.plane("eks-clu")
    assert plane.mapped_roles == ([] if mode is AuthenticationMode.API else [node_role])
    entries = [entry for entry in plane.identity.access_entries if entry.principal.arn == node_role]
    if mode is AuthenticationMode.CONFIG_MAP:
        assert entries == []
    else:
        (entry,) = entries
        assert (entry.type, entry.username, entry.kubernetes_groups) == (
            "EC2_LINUX",
            "system:node:{{EC2PrivateDNSName}}",
            ("system:nodes",),
        )


def test_nodegroup_lifecycle(lab, client, make_cluster, make_nodegroup, node_role):
    """A node group is CREATING, then ACTIVE with its nodes, and missing with its nodes after DeleteNodegroup."""
    make_cluster()
    created = make_nodegroup(labels={"team": "ops"}, tags={"a": "b"})
    assert created["status"] == "CREATING"
    group = lab.plane("eks-clu").node_groups["workers"]
    assert (group.node_role_arn, group.size, group.hop_limit, group.labels) == (node_role, 2, 2, {"team": "ops"})
    target = {"clusterName": "eks-clu", "nodegroupName": "workers"}
    description = client.describe_nodegroup(**target)["nodegroup"]
    assert (description["status"], description["health"]["issues"], description["tags"]) == ("ACTIVE", [], {"a": "b"})
    assert client.list_nodegroups(clusterName="eks-clu")["nodegroups"] == ["workers"]
    assert client.delete_nodegroup(**target)["nodegroup"]["status"] == "DELETING"
    client.get_waiter("nodegroup_deleted").wait(**target, WaiterConfig=QUICK)
    assert lab.plane("eks-clu").node_groups == {}


@pytest.mark.parametrize("lookup", ["id", "name"])
def test_launch_template_hop_limit(lab, client, make_cluster, make_nodegroup, template, lookup):
    """The launch template's MetadataOptions set the hop limit of IMDS, by template id or name."""
    created = template("one-hop", 1)
    make_cluster()
    reference = {"id": created["LaunchTemplateId"]} if lookup == "id" else {"name": "one-hop"}
    make_nodegroup(launchTemplate=reference)
    assert lab.plane("eks-clu").node_groups["workers"].hop_limit == 1
    description = client.describe_nodegroup(clusterName="eks-clu", nodegroupName="workers")["nodegroup"]
    assert description["launchTemplate"] == {"id": created["LaunchTemplateId"], "name": "one-hop", "version": "1"}


def test_update_nodegroup_version_replaces_the_nodes(
    lab, client, make_cluster, make_nodegroup, template, wait_for_update
):
    """UpdateNodegroupVersion with another launch template version replaces the nodes."""
    created = template("hops", 2)
    make_cluster()
    make_nodegroup(launchTemplate={"name": "hops"})
    lab.client("ec2").create_launch_template_version(
        LaunchTemplateId=created["LaunchTemplateId"],
        LaunchTemplateData={"MetadataOptions": {"HttpPutResponseHopLimit": 1}},
    )
    target = {"clusterName": "eks-clu", "nodegroupName": "workers"}
    update = client.update_nodegroup_version(**target, launchTemplate={"name": "hops", "version": "2"})["update"]
    assert wait_for_update("eks-clu", update, nodegroupName="workers")["status"] == "Successful"
    plane = lab.plane("eks-clu")
    assert plane.calls == ["add workers", "remove workers", "add workers"]
    assert plane.node_groups["workers"].hop_limit == 1


def test_update_nodegroup_config(lab, client, make_cluster, make_nodegroup, wait_for_update):
    """A new size or label replaces the nodes. A change of taints does not."""
    make_cluster()
    make_nodegroup(labels={"a": "1", "b": "2"})
    target = {"clusterName": "eks-clu", "nodegroupName": "workers"}
    update = client.update_nodegroup_config(
        **target,
        scalingConfig={"desiredSize": 3},
        labels={"addOrUpdateLabels": {"c": "3"}, "removeLabels": ["a"]},
    )["update"]
    assert update["type"] == "ConfigUpdate"
    assert wait_for_update("eks-clu", update, nodegroupName="workers")["status"] == "Successful"
    plane = lab.plane("eks-clu")
    assert (plane.node_groups["workers"].size, plane.node_groups["workers"].labels) == (3, {"b": "2", "c": "3"})
    calls = list(plane.calls)
    taint = {"key": "k", "value": "v", "effect": "NO_SCHEDULE"}
    update = client.update_nodegroup_config(**target, taints={"addOrUpdateTaints": [taint]})["update"]
    wait_for_update("eks-clu", update, nodegroupName="workers")
    assert client.describe_nodegroup(**target)["nodegroup"]["taints"] == [taint]
    update = client.update_nodegroup_config(**target, taints={"removeTaints": [taint]})["update"]
    wait_for_update("eks-clu", update, nodegroupName="workers")
    assert client.describe_nodegroup(**target)["nodegroup"]["taints"] == []
    assert plane.calls == calls


def test_nodegroup_create_failed(lab, client, make_cluster, nodegroup_request):
    """A node group whose nodes do not start is CREATE_FAILED, with the error as a health issue."""
    make_cluster()
    lab.plane("eks-clu").node_failure = TimeoutError("node-1 is not Ready")
    client.create_nodegroup(**nodegroup_request)
    target = {"clusterName": "eks-clu", "nodegroupName": "workers"}
    with pytest.raises(Exception, match="CREATE_FAILED"):
        client.get_waiter("nodegroup_active").wait(**target, WaiterConfig=QUICK)
    (issue,) = client.describe_nodegroup(**target)["nodegroup"]["health"]["issues"]
    assert (issue["code"], issue["message"]) == ("NodeCreationFailure", "node-1 is not Ready")


@pytest.mark.parametrize(
    ("members", "message_part"),
    [
        ({"nodegroupName": "-x"}, "must be 1 to 63 letters"),
        ({"nodeRole": f"arn:aws:iam::{ACCOUNT}:role/missing"}, "The role with name missing cannot be found."),
        ({"nodeRole": "wrong-trust"}, "Following required service principals [ec2.amazonaws.com] were not found"),
        ({"subnets": ["subnet-1"]}, "'subnet-1' does not exist"),
        ({"scalingConfig": {"minSize": 3, "maxSize": 3, "desiredSize": 2}}, "can't be greater than desired size 2"),
        ({"scalingConfig": {"minSize": 1, "maxSize": 1, "desiredSize": 2}}, "can't be greater than max size 1"),
        ({"launchTemplate": {"name": "none"}}, "Launch template details can't be found"),
        ({"launchTemplate": {}}, "either the launch template ID or the launch template name"),
        ({"launchTemplate": {"name": "t"}, "diskSize": 20}, "Disk size must be specified within the launch template."),
        ({"version": "1.19"}, "is not supported"),
    ],
)
def test_invalid_create_nodegroup_input_is_rejected(
    lab, client, make_cluster, nodegroup_request, expect_error, members, message_part
):
    """CreateNodegroup rejects the input that EKS rejects, and starts no node."""
    make_cluster()
    if members.get("nodeRole") == "wrong-trust":
        members = {"nodeRole": lab.role("wrong-trust", trust("eks.amazonaws.com"))}
    code, message = expect_error("create_nodegroup", **{**nodegroup_request, **members})
    assert (code, message_part in message) == ("InvalidParameterException", True), message
    assert client.list_nodegroups(clusterName="eks-clu")["nodegroups"] == []
    assert lab.plane("eks-clu").node_groups == {}


def test_duplicate_and_missing_nodegroup(make_cluster, make_nodegroup, nodegroup_request, expect_error):
    """A second node group with the same name is a 409, a missing one a 404."""
    make_cluster()
    make_nodegroup()
    assert expect_error("create_nodegroup", **nodegroup_request)[0] == "ResourceInUseException"
    assert expect_error("describe_nodegroup", clusterName="eks-clu", nodegroupName="x") == (
        "ResourceNotFoundException",
        "No node group found for name: x.",
    )


def test_operations_require_an_active_cluster(lab, client, cluster_role, nodegroup_request, expect_error):
    """A cluster that is CREATING rejects node groups, add-ons, access entries and its deletion."""
    lab.planes.may_start.clear()
    client.create_cluster(name="eks-clu", roleArn=cluster_role, resourcesVpcConfig={"subnetIds": lab.subnets()})
    expected = ("InvalidRequestException", "Cluster 'eks-clu' is not in ACTIVE status")
    assert expect_error("create_nodegroup", **nodegroup_request) == expected
    assert expect_error("create_addon", clusterName="eks-clu", addonName="coredns") == expected
    assert (
        expect_error("create_access_entry", clusterName="eks-clu", principalArn=nodegroup_request["nodeRole"])
        == expected
    )
    assert expect_error("delete_cluster", name="eks-clu")[0] == "ResourceInUseException"


def test_fargate_profile_grants_access_and_blocks_deletion(lab, client, make_cluster, expect_error):
    """A Fargate profile creates the access entry of its pod execution role and blocks the cluster's deletion."""
    make_cluster()
    role = lab.role("fargate", trust("eks-fargate-pods.amazonaws.com"))
    client.create_fargate_profile(
        clusterName="eks-clu",
        fargateProfileName="fp",
        podExecutionRoleArn=role,
        selectors=[{"namespace": "default"}],
        subnets=lab.subnets(),
    )
    assert client.list_fargate_profiles(clusterName="eks-clu")["fargateProfileNames"] == ["fp"]
    entry = client.describe_access_entry(clusterName="eks-clu", principalArn=role)["accessEntry"]
    assert (entry["type"], entry["username"]) == ("FARGATE_LINUX", "system:node:{{SessionName}}")
    assert expect_error("delete_cluster", name="eks-clu")[0] == "ResourceInUseException"
    client.delete_fargate_profile(clusterName="eks-clu", fargateProfileName="fp")
    client.get_waiter("fargate_profile_deleted").wait(
        clusterName="eks-clu", fargateProfileName="fp", WaiterConfig=QUICK
    )
    client.delete_cluster(name="eks-clu")
    client.get_waiter("cluster_deleted").wait(name="eks-clu", WaiterConfig=QUICK)
