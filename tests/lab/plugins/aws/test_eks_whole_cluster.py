"""pulumi_eks.Cluster on the stand-ins with everything said: AWS describes what was asked, the children are official."""

import json

import pulumi
import pulumi_aws as sdk
import pulumi_eks as eks
import pytest
from pulumi import automation
from test_eks_cluster import trust

from lab.plugins.eks.node_group import let_in
from lab.plugins.errors import PluginError

KEY = "arn:aws:kms:ap-northeast-1:123456789012:key/11111111-2222-3333-4444-555555555555"


def network():
    """A VPC with two public and two private subnets."""
    vpc = sdk.ec2.Vpc("net", cidr_block="10.9.0.0/16")
    subnets = [
        sdk.ec2.Subnet(f"net-{zone}", vpc_id=vpc.id, cidr_block=f"10.9.{zone}.0/24", availability_zone=az)
        for zone, az in enumerate(("ap-northeast-1a", "ap-northeast-1c"))
    ]
    return vpc, [subnet.id for subnet in subnets]


def private(version):
    vpc, subnets = network()
    service = sdk.iam.Role("service", assume_role_policy=trust("eks.amazonaws.com"))
    cluster = eks.Cluster(
        "whole",
        name="whole",
        vpc_id=vpc.id,
        private_subnet_ids=subnets,
        endpoint_public_access=False,
        endpoint_private_access=True,
        enabled_cluster_log_types=["audit"] if version == 1 else ["audit", "api"],
        encryption_config_key_arn=KEY,
        ip_family="ipv4",
        kubernetes_service_ip_address_range="10.200.0.0/16",
        authentication_mode=eks.AuthenticationMode.API,
        service_role=service,
        fargate=eks.FargateProfileArgs(selectors=[{"namespace": "jobs"}]),
        skip_default_node_group=True,
        coredns_addon_options={"configuration_values": {"replicaCount": 3}},
        tags={"team": "shop"},
        deletion_protection=version == 2,
    )
    pulumi.export("profile", cluster.fargate_profile_id)
    pulumi.export("status", cluster.fargate_profile_status)


@pytest.fixture(scope="module")
def whole(new_history):
    history = new_history(private)
    previewed, made = history.preview(1), history.up(1)
    outputs = history.outputs
    yield history, {"previewed": previewed, "made": made, "again": history.up(1), "outputs": outputs}
    history.up(1)


def test_aws_describes_what_was_asked(whole, aws):
    """Network, endpoint, logs, encryption and role are those of the options; nothing is left to be done."""
    cluster = aws("eks").describe_cluster(name="whole")["cluster"]
    vpc = cluster["resourcesVpcConfig"]
    assert (vpc["endpointPublicAccess"], vpc["endpointPrivateAccess"], len(vpc["subnetIds"])) == (False, True, 2)
    assert cluster["logging"]["clusterLogging"][0] == {"types": ["audit"], "enabled": True}
    assert cluster["encryptionConfig"] == [{"resources": ["secrets"], "provider": {"keyArn": KEY}}]
    assert cluster["kubernetesNetworkConfig"]["serviceIpv4Cidr"] == "10.200.0.0/16"
    assert cluster["tags"]["team"] == "shop"
    assert "/service-" in cluster["roleArn"]
    assert {step.operation for step in whole[1]["again"].values()} == {"same"}


def test_fargate_comes_with_its_role_profile_and_dns(whole, aws):
    """The profile takes the selectors, its role is let in as Fargate's, and CoreDNS is told where it runs."""
    resources = whole[0].resources()
    assert resources["whole-podExecutionRole"]["type"] == "eks:index:ServiceRole"
    assert resources["whole-fargateProfile"]["type"] == "aws:eks/fargateProfile:FargateProfile"
    profile = aws("eks").describe_fargate_profile(
        clusterName="whole", fargateProfileName=whole[1]["outputs"]["profile"].partition(":")[2]
    )["fargateProfile"]
    assert profile["selectors"] == [{"namespace": "jobs"}]
    assert whole[1]["outputs"]["status"] == "ACTIVE"
    entry = aws("eks").describe_access_entry(clusterName="whole", principalArn=profile["podExecutionRoleArn"])
    assert entry["accessEntry"]["type"] == "FARGATE_LINUX"
    values = aws("eks").describe_addon(clusterName="whole", addonName="coredns")["addon"]["configurationValues"]
    assert json.loads(values) == {"computeType": "Fargate", "replicaCount": 3}


def test_what_changes_is_changed_in_place(whole, aws):
    """Logs and protection change without a replacement; a protected cluster is not deleted."""
    steps = whole[0].up(2)
    assert steps["whole-eksCluster"].operation == "update"
    assert aws("eks").describe_cluster(name="whole")["cluster"]["deletionProtection"] is True
    with pytest.raises(automation.CommandError, match="deletion protection"):
        whole[0].stack.destroy()


def auto(_version):
    cluster = eks.Cluster(
        "auto", name="auto", authentication_mode=eks.AuthenticationMode.API, auto_mode={"enabled": True}
    )
    pulumi.export("role", cluster.auto_mode_node_role_name)


def test_auto_mode(new_history, aws):
    """The cluster computes, stores and balances by itself; its nodes' role is let in; no group, no add-on is made."""
    history = new_history(auto, name="auto")
    history.up(1)
    cluster = aws("eks").describe_cluster(name="auto")["cluster"]
    assert cluster["computeConfig"]["nodePools"] == ["general-purpose", "system"]
    assert cluster["storageConfig"] == {"blockStorage": {"enabled": True}}
    assert cluster["kubernetesNetworkConfig"]["elasticLoadBalancing"] == {"enabled": True}
    assert cluster["computeConfig"]["nodeRoleArn"].endswith(history.outputs["role"])
    entry = aws("eks").describe_access_entry(clusterName="auto", principalArn=cluster["computeConfig"]["nodeRoleArn"])[
        "accessEntry"
    ]
    assert entry["type"] == "EC2"
    assert not {"auto-kube-proxy", "auto-vpc-cni", "auto-nodeSecurityGroup"} & history.resources().keys()
    assert {step.operation for step in history.up(1).values()} == {"same"}


def test_a_strangers_role_is_refused_where_only_aws_auth_counts():
    """In mode CONFIG_MAP a node group's role is among the cluster's instance roles, as pulumi-eks has it."""
    assert let_in("nodes", "a", ["a"]) == let_in("nodes", "a", None) == "a"
    with pytest.raises(PluginError, match="without first setting its role in"):
        let_in("nodes", "b", ["a"])
