"""Node groups through boto3: what lets nodes in, what nodes are started, and what is refused."""

import pytest
from eks_constants import ACCOUNT, QUICK, trust

from lab.interfaces import AuthenticationMode


@pytest.fixture
def wanted(lab, node_role):
    return {
        "clusterName": "eks-clu",
        "nodegroupName": "workers",
        "nodeRole": node_role,
        "subnets": lab.subnets(),
        "scalingConfig": {"minSize": 1, "maxSize": 3, "desiredSize": 2},
    }


@pytest.fixture
def make_nodegroup(client, wanted):
    def make(**members):
        made = client.create_nodegroup(**{**wanted, **members})["nodegroup"]
        one = {"clusterName": made["clusterName"], "nodegroupName": made["nodegroupName"]}
        client.get_waiter("nodegroup_active").wait(**one, WaiterConfig=QUICK)
        return made

    return make


@pytest.fixture
def template(lab):
    ec2 = lab.client("ec2")
    made = []

    def make(name, hops):
        data = {"MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": hops}}
        made.append(ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)["LaunchTemplate"])
        return made[-1]

    yield make
    for template in made:
        ec2.delete_launch_template(LaunchTemplateId=template["LaunchTemplateId"])


@pytest.mark.parametrize("mode", list(AuthenticationMode))
def test_the_mode_decides_how_nodes_get_in(lab, make_cluster, make_nodegroup, node_role, mode):
    """The ConfigMap modes map the node role in aws-auth, the API modes give it an EC2_LINUX entry."""
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


def test_life_of_a_node_group(lab, client, make_cluster, make_nodegroup, node_role):
    """A node group is CREATING, then ACTIVE with its nodes started, and gone with its nodes after DeleteNodegroup."""
    make_cluster()
    made = make_nodegroup(labels={"team": "ops"}, tags={"a": "b"})
    assert made["status"] == "CREATING"
    group = lab.plane("eks-clu").node_groups["workers"]
    assert (group.node_role_arn, group.size, group.hop_limit, group.labels) == (node_role, 2, 2, {"team": "ops"})
    one = {"clusterName": "eks-clu", "nodegroupName": "workers"}
    described = client.describe_nodegroup(**one)["nodegroup"]
    assert (described["status"], described["health"]["issues"], described["tags"]) == ("ACTIVE", [], {"a": "b"})
    assert client.list_nodegroups(clusterName="eks-clu")["nodegroups"] == ["workers"]
    assert client.delete_nodegroup(**one)["nodegroup"]["status"] == "DELETING"
    client.get_waiter("nodegroup_deleted").wait(**one, WaiterConfig=QUICK)
    assert lab.plane("eks-clu").node_groups == {}


@pytest.mark.parametrize("by", ["id", "name"])
def test_hop_limit_comes_from_the_launch_template(lab, client, make_cluster, make_nodegroup, template, by):
    """The template's MetadataOptions say how far IMDS answers travel, whether it is named by id or by name."""
    made = template("one-hop", 1)
    make_cluster()
    named = {"id": made["LaunchTemplateId"]} if by == "id" else {"name": "one-hop"}
    make_nodegroup(launchTemplate=named)
    assert lab.plane("eks-clu").node_groups["workers"].hop_limit == 1
    described = client.describe_nodegroup(clusterName="eks-clu", nodegroupName="workers")["nodegroup"]
    assert described["launchTemplate"] == {"id": made["LaunchTemplateId"], "name": "one-hop", "version": "1"}


def test_a_new_template_version_replaces_the_nodes(lab, client, make_cluster, make_nodegroup, template, finished):
    """UpdateNodegroupVersion with another version of the launch template rolls the nodes over to it."""
    made = template("hops", 2)
    make_cluster()
    make_nodegroup(launchTemplate={"name": "hops"})
    lab.client("ec2").create_launch_template_version(
        LaunchTemplateId=made["LaunchTemplateId"],
        LaunchTemplateData={"MetadataOptions": {"HttpPutResponseHopLimit": 1}},
    )
    one = {"clusterName": "eks-clu", "nodegroupName": "workers"}
    update = client.update_nodegroup_version(**one, launchTemplate={"name": "hops", "version": "2"})["update"]
    assert finished("eks-clu", update, nodegroupName="workers")["status"] == "Successful"
    plane = lab.plane("eks-clu")
    assert plane.calls == ["add workers", "remove workers", "add workers"]
    assert plane.node_groups["workers"].hop_limit == 1


def test_update_of_sizes_and_labels(lab, client, make_cluster, make_nodegroup, finished):
    """A new size or label reaches the nodes; a change of taints or update settings replaces none."""
    make_cluster()
    make_nodegroup(labels={"a": "1", "b": "2"})
    one = {"clusterName": "eks-clu", "nodegroupName": "workers"}
    update = client.update_nodegroup_config(
        **one,
        scalingConfig={"desiredSize": 3},
        labels={"addOrUpdateLabels": {"c": "3"}, "removeLabels": ["a"]},
    )["update"]
    assert update["type"] == "ConfigUpdate"
    assert finished("eks-clu", update, nodegroupName="workers")["status"] == "Successful"
    plane = lab.plane("eks-clu")
    assert (plane.node_groups["workers"].size, plane.node_groups["workers"].labels) == (3, {"b": "2", "c": "3"})
    calls = list(plane.calls)
    taint = {"key": "k", "value": "v", "effect": "NO_SCHEDULE"}
    update = client.update_nodegroup_config(**one, taints={"addOrUpdateTaints": [taint]})["update"]
    finished("eks-clu", update, nodegroupName="workers")
    assert client.describe_nodegroup(**one)["nodegroup"]["taints"] == [taint]
    update = client.update_nodegroup_config(**one, taints={"removeTaints": [taint]})["update"]
    finished("eks-clu", update, nodegroupName="workers")
    assert client.describe_nodegroup(**one)["nodegroup"]["taints"] == []
    assert plane.calls == calls


def test_nodes_that_do_not_come_up(lab, client, make_cluster, wanted):
    """If the nodes do not come up the group is CREATE_FAILED, with the reason as a health issue."""
    make_cluster()
    lab.plane("eks-clu").node_failure = TimeoutError("node-1 is not Ready")
    client.create_nodegroup(**wanted)
    one = {"clusterName": "eks-clu", "nodegroupName": "workers"}
    with pytest.raises(Exception, match="CREATE_FAILED"):
        client.get_waiter("nodegroup_active").wait(**one, WaiterConfig=QUICK)
    (issue,) = client.describe_nodegroup(**one)["nodegroup"]["health"]["issues"]
    assert (issue["code"], issue["message"]) == ("NodeCreationFailure", "node-1 is not Ready")


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"nodegroupName": "-x"}, "must be 1 to 63 letters"),
        ({"nodeRole": f"arn:aws:iam::{ACCOUNT}:role/nobody"}, "The role with name nobody cannot be found."),
        ({"nodeRole": "wrong-trust"}, "Following required service principals [ec2.amazonaws.com] were not found"),
        ({"subnets": ["subnet-1"]}, "'subnet-1' does not exist"),
        ({"scalingConfig": {"minSize": 3, "maxSize": 3, "desiredSize": 2}}, "can't be greater than desired size 2"),
        ({"scalingConfig": {"minSize": 1, "maxSize": 1, "desiredSize": 2}}, "can't be greater than max size 1"),
        ({"launchTemplate": {"name": "none"}}, "Launch template details can't be found"),
        ({"launchTemplate": {}}, "either the launch template ID or the launch template name"),
        ({"launchTemplate": {"name": "t"}, "diskSize": 20}, "Disk size must be specified within the launch template."),
        ({"launchTemplate": {"name": "t"}, "remoteAccess": {}}, "Remote access configuration cannot be specified"),
        ({"version": "1.19"}, "is not supported"),
    ],
)
def test_refused_input(lab, client, make_cluster, wanted, refused, members, words):
    """CreateNodegroup refuses what EKS refuses, and starts no node."""
    make_cluster()
    if members.get("nodeRole") == "wrong-trust":
        members = {"nodeRole": lab.role("wrong-trust", trust("eks.amazonaws.com"))}
    code, message = refused("create_nodegroup", **{**wanted, **members})
    assert (code, words in message) == ("InvalidParameterException", True), message
    assert client.list_nodegroups(clusterName="eks-clu")["nodegroups"] == []
    assert lab.plane("eks-clu").node_groups == {}


def test_nodegroup_once(make_cluster, make_nodegroup, wanted, refused):
    """A second node group of the same name is a 409; one that is not there is a 404."""
    make_cluster()
    make_nodegroup()
    assert refused("create_nodegroup", **wanted)[0] == "ResourceInUseException"
    assert refused("describe_nodegroup", clusterName="eks-clu", nodegroupName="x") == (
        "ResourceNotFoundException",
        "No node group found for name: x.",
    )


def test_cluster_must_be_active(lab, client, cluster_role, wanted, refused):
    """A cluster that is still CREATING takes no node groups, add-ons, entries or associations."""
    lab.planes.may_start.clear()
    client.create_cluster(name="eks-clu", roleArn=cluster_role, resourcesVpcConfig={"subnetIds": lab.subnets()})
    expected = ("InvalidRequestException", "Cluster 'eks-clu' is not in ACTIVE status")
    assert refused("create_nodegroup", **wanted) == expected
    assert refused("create_addon", clusterName="eks-clu", addonName="coredns") == expected
    assert refused("create_access_entry", clusterName="eks-clu", principalArn=wanted["nodeRole"]) == expected
    assert refused("delete_cluster", name="eks-clu")[0] == "ResourceInUseException"


def test_fargate_profiles(lab, client, make_cluster, refused):
    """Fargate profiles work on our clusters, let their pods' role in, and hold a cluster back from deletion."""
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
    assert refused("delete_cluster", name="eks-clu")[0] == "ResourceInUseException"
    client.delete_fargate_profile(clusterName="eks-clu", fargateProfileName="fp")
    client.delete_cluster(name="eks-clu")
    client.get_waiter("cluster_deleted").wait(name="eks-clu", WaiterConfig=QUICK)
