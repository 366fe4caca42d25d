"""Clusters with boto3: lifecycle, validation errors, and the settings of the control plane."""

import base64
import io
import json
import threading

import pytest
from rich.console import Console

from lab import clusters as lab_clusters
from lab.cloud import eks
from lab.errors import StartError
from lab.interfaces import AuthenticationMode, ClusterKey
from lab.lab_dir import LabDir
from lab.progress import Timeline
from support.eks_constants import ACCOUNT, EVERYTHING, QUICK, REGION, trust

ADMIN_POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"


def test_cluster_becomes_active(lab, client, cluster_role):
    """A cluster is CREATING without an endpoint until its control plane has started, then ACTIVE with its endpoint."""
    lab.planes.may_start.clear()
    created = client.create_cluster(
        name="eks-clu", roleArn=cluster_role, resourcesVpcConfig={"subnetIds": lab.subnets()}, tags={"team": "ops"}
    )["cluster"]
    assert created["status"] == "CREATING"
    assert created["arn"] == f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/eks-clu"
    assert "endpoint" not in client.describe_cluster(name="eks-clu")["cluster"]
    lab.planes.may_start.set()
    client.get_waiter("cluster_active").wait(name="eks-clu", WaiterConfig=QUICK)
    cluster = client.describe_cluster(name="eks-clu")["cluster"]
    plane = lab.plane("eks-clu")
    assert cluster["endpoint"] == plane.endpoint
    assert base64.b64decode(cluster["certificateAuthority"]["data"]).decode() == plane.certificate_authority
    assert cluster["identity"]["oidc"]["issuer"] == plane.issuer
    assert cluster["tags"] == {"team": "ops"}
    vpc = cluster["resourcesVpcConfig"]
    groups = lab.client("ec2").describe_security_groups(GroupIds=[vpc["clusterSecurityGroupId"]])
    assert groups["SecurityGroups"][0]["VpcId"] == vpc["vpcId"]


def test_default_authentication_mode_is_config_map(lab, client, cluster_role):
    """Without accessConfig the mode is CONFIG_MAP, and the creator is an administrator without an access entry."""
    created = client.create_cluster(name="old", roleArn=cluster_role, resourcesVpcConfig={"subnetIds": lab.subnets()})[
        "cluster"
    ]
    client.get_waiter("cluster_active").wait(name="old", WaiterConfig=QUICK)
    assert created["accessConfig"] == {
        "authenticationMode": "CONFIG_MAP",
        "bootstrapClusterCreatorAdminPermissions": True,
    }
    identity = lab.plane("old").identity
    assert identity.authentication_mode is AuthenticationMode.CONFIG_MAP
    assert identity.creator is not None
    assert identity.creator.arn == f"arn:aws:iam::{ACCOUNT}:user/lab-admin"
    assert not identity.access_entries


@pytest.mark.parametrize("mode", ["API", "API_AND_CONFIG_MAP"])
def test_creator_gets_an_access_entry(lab, client, make_cluster, mode):
    """In the API modes the creator gets an access entry with AmazonEKSClusterAdminPolicy."""
    make_cluster(mode=mode)
    creator = f"arn:aws:iam::{ACCOUNT}:user/lab-admin"
    associated = client.list_associated_access_policies(clusterName="eks-clu", principalArn=creator)
    assert [policy["policyArn"] for policy in associated["associatedAccessPolicies"]] == [ADMIN_POLICY]
    identity = lab.plane("eks-clu").identity
    assert identity.creator is None
    assert [entry.principal.arn for entry in identity.access_entries] == [creator]


def test_creator_without_admin_permissions(lab, client, cluster_role):
    """With bootstrapClusterCreatorAdminPermissions false the creator has no access."""
    client.create_cluster(
        name="bare",
        roleArn=cluster_role,
        resourcesVpcConfig={"subnetIds": lab.subnets()},
        accessConfig={"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
    )
    client.get_waiter("cluster_active").wait(name="bare", WaiterConfig=QUICK)
    assert lab.plane("bare").identity.creator is None
    assert lab.plane("bare").identity.access_entries == ()


def test_creator_of_a_session_is_its_role(lab, cluster_role):
    """The creator of a cluster created with a role's session is the role, path included."""
    root = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    arn = lab.role("ci", json.dumps({"Version": "2012-10-17", "Statement": [root]}), path="/team/")
    iam = lab.client("iam")
    iam.put_role_policy(RoleName="ci", PolicyName="everything", PolicyDocument=EVERYTHING)
    keys = lab.client("sts").assume_role(RoleArn=arn, RoleSessionName="run-1")["Credentials"]
    session = lab.client(
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    session.create_cluster(
        name="eks-clu",
        roleArn=cluster_role,
        resourcesVpcConfig={"subnetIds": lab.subnets()},
        accessConfig={"authenticationMode": "API"},
    )
    session.get_waiter("cluster_active").wait(name="eks-clu", WaiterConfig=QUICK)
    (entry,) = lab.plane("eks-clu").identity.access_entries
    assert (entry.principal.arn, entry.principal.unique_id) == (arn, iam.get_role(RoleName="ci")["Role"]["RoleId"])
    assert entry.username == f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/{{{{SessionName}}}}"


def test_create_cluster_is_authorized(lab, cluster_role, expect_error):
    """Without a policy CreateCluster is denied, and no control plane is started."""
    unprivileged = lab.client(**lab.user("unprivileged", policy=None))
    request = {"name": "eks-clu", "roleArn": cluster_role, "resourcesVpcConfig": {"subnetIds": lab.subnets()}}
    code, message = expect_error("create_cluster", unprivileged, **request)
    assert (code, "eks:CreateCluster" in message) == ("AccessDeniedException", True)
    assert not lab.planes.started


def test_failed_control_plane_stop(lab, client, make_cluster):
    """A control plane that does not stop makes the cluster FAILED, and DeleteCluster can be called again."""
    name = make_cluster()
    plane = lab.plane(name)
    plane.stop_failure = OSError("etcd does not stop")
    client.delete_cluster(name=name)
    with pytest.raises(Exception, match="FAILED"):
        client.get_waiter("cluster_active").wait(name=name, WaiterConfig=QUICK)
    assert client.describe_cluster(name=name)["cluster"]["health"]["issues"][0]["message"] == "etcd does not stop"
    plane.stop_failure = None
    client.delete_cluster(name=name)
    client.get_waiter("cluster_deleted").wait(name=name, WaiterConfig=QUICK)
    assert plane.stopped


def test_failed_control_plane_start(lab, client, cluster_role):
    """A control plane that does not start makes the cluster FAILED, with the error as a health issue."""
    lab.planes.failing.add("broken")
    client.create_cluster(name="broken", roleArn=cluster_role, resourcesVpcConfig={"subnetIds": lab.subnets()})
    with pytest.raises(Exception, match="FAILED"):
        client.get_waiter("cluster_active").wait(name="broken", WaiterConfig=QUICK)
    issue = client.describe_cluster(name="broken")["cluster"]["health"]["issues"][0]
    assert issue["code"] == "InternalFailure"
    assert "kube-apiserver did not answer" in issue["message"]
    client.delete_cluster(name="broken")
    client.get_waiter("cluster_deleted").wait(name="broken", WaiterConfig=QUICK)


def test_ensure_clusters_reports_the_failed_program(lab, monkeypatch):
    """`up` reports the health issue of DescribeCluster: the program that did not start, and the fix."""
    lab.planes.failing.add("broken")
    monkeypatch.setattr(lab_clusters, "client", lambda _home, service: lab.client(service))
    timeline = Timeline(Console(file=io.StringIO()))
    with pytest.raises(StartError, match=r"(?s)'broken' did not come up: .*FAILED.*kube-apiserver did not answer"):
        lab_clusters.ensure_clusters(LabDir("broken"), {"broken": AuthenticationMode.API}, timeline)
    lab.client().delete_cluster(name="broken")
    lab.client().get_waiter("cluster_deleted").wait(name="broken", WaiterConfig=QUICK)


@pytest.mark.parametrize(
    ("change", "message_part"),
    [
        ({"name": "-bad"}, "at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern"),
        ({"roleArn": f"arn:aws:iam::{ACCOUNT}:role/missing"}, "could not be assumed because it does not exist"),
        ({"roleArn": "wrong-trust"}, "the trusted entity is not correct"),
        ({"resourcesVpcConfig": {"subnetIds": ["subnet-1", "subnet-2"]}}, "'subnet-1' does not exist"),
        ({"resourcesVpcConfig": {"subnetIds": []}}, "at least 2 different AZs"),
        ({"version": "1.19"}, "unsupported Kubernetes version"),
        ({"accessConfig": {"authenticationMode": "LDAP"}}, "Member must satisfy enum value set: [API,"),
        (
            {"accessConfig": {"bootstrapClusterCreatorAdminPermissions": False}},
            "must be true if cluster authentication mode is set to CONFIG_MAP",
        ),
    ],
)
def test_invalid_create_cluster_input_is_rejected(lab, client, cluster_role, expect_error, change, message_part):
    """CreateCluster rejects the input that EKS rejects, and creates nothing."""
    role_with_wrong_trust = lab.role("wrong-trust", trust("lambda.amazonaws.com"))
    members = {"name": "eks-clu", "roleArn": cluster_role, "resourcesVpcConfig": {"subnetIds": lab.subnets()}, **change}
    if members["roleArn"] == "wrong-trust":
        members["roleArn"] = role_with_wrong_trust
    code, message = expect_error("create_cluster", **members)
    assert code == "InvalidParameterException"
    assert message_part in message
    assert client.list_clusters()["clusters"] == []
    assert not lab.planes.started


def test_cluster_names_are_unique_in_account_and_region(lab, make_cluster, cluster_role, expect_error):
    """A duplicate name is a 409. The same name in another account or region is another cluster."""
    make_cluster()
    request = {"name": "eks-clu", "roleArn": cluster_role, "resourcesVpcConfig": {"subnetIds": lab.subnets()}}
    assert expect_error("create_cluster", **request) == (
        "ResourceInUseException",
        "Cluster already exists with name: eks-clu",
    )
    other = lab.client(**lab.user("other", account="222222222222"))
    role = lab.role("eks-cluster", trust("eks.amazonaws.com"), account="222222222222")
    subnets = {"subnetIds": lab.subnets("222222222222")}
    other.create_cluster(name="eks-clu", roleArn=role, resourcesVpcConfig=subnets)
    other.get_waiter("cluster_active").wait(name="eks-clu", WaiterConfig=QUICK)
    assert {key.account for key in lab.planes.started} == {ACCOUNT, "222222222222"}
    other_region = lab.client(region="eu-west-1")
    assert other_region.list_clusters()["clusters"] == []


def test_delete_cluster_stops_the_control_plane(lab, client, make_cluster):
    """DeleteCluster returns DELETING, stops the control plane, and the name can be used again."""
    make_cluster()
    plane = lab.plane("eks-clu")
    group = client.describe_cluster(name="eks-clu")["cluster"]["resourcesVpcConfig"]["clusterSecurityGroupId"]
    assert client.delete_cluster(name="eks-clu")["cluster"]["status"] == "DELETING"
    client.get_waiter("cluster_deleted").wait(name="eks-clu", WaiterConfig=QUICK)
    assert plane.stopped
    ec2 = lab.client("ec2")
    assert group not in {
        security_group["GroupId"] for security_group in ec2.describe_security_groups()["SecurityGroups"]
    }
    make_cluster()
    assert lab.plane("eks-clu") is not plane


def test_delete_cluster_is_rejected_while_resources_depend_on_it(lab, client, make_cluster, node_role, expect_error):
    """A cluster with node groups or deletion protection cannot be deleted."""
    make_cluster()
    client.create_nodegroup(
        clusterName="eks-clu", nodegroupName="ng", nodeRole=node_role, subnets=lab.subnets(), scalingConfig={}
    )
    client.get_waiter("nodegroup_active").wait(clusterName="eks-clu", nodegroupName="ng", WaiterConfig=QUICK)
    assert expect_error("delete_cluster", name="eks-clu") == (
        "ResourceInUseException",
        "Cluster has nodegroups attached",
    )
    make_cluster("guarded", deletionProtection=True)
    assert expect_error("delete_cluster", name="guarded")[0] == "InvalidRequestException"
    assert not lab.plane("guarded").stopped


def test_unknown_cluster(expect_error):
    """Every operation on an unknown cluster is a 404 with EKS's message."""
    expected = ("ResourceNotFoundException", "No cluster found for name: nope.")
    assert expect_error("describe_cluster", name="nope") == expected
    assert expect_error("list_addons", clusterName="nope") == expected
    assert expect_error("list_nodegroups", clusterName="nope") == expected
    assert expect_error("list_fargate_profiles", clusterName="nope") == expected
    assert expect_error("list_access_entries", clusterName="nope") == expected


def test_shutdown_stops_every_control_plane(lab, client, make_cluster, cluster_role):
    """Shutdown stops the control planes of all clusters, including one that is still starting."""
    make_cluster("one")
    lab.planes.may_start.clear()
    client.create_cluster(name="two", roleArn=cluster_role, resourcesVpcConfig={"subnetIds": lab.subnets()})
    closing = threading.Thread(target=eks.shutdown)
    closing.start()
    lab.planes.may_start.set()
    closing.join()
    assert {key.name: plane.stopped for key, plane in lab.planes.started.items()} == {"one": True, "two": True}


def test_control_plane_key(lab, make_cluster):
    """The control plane is started with the account, region and name of the cluster."""
    make_cluster()
    assert list(lab.planes.started) == [ClusterKey(ACCOUNT, REGION, "eks-clu")]
