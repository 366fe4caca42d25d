"""pulumi_eks.Cluster with the lab's plugins: children and outputs equal the official plugin's, and AWS has the options.

One stack has three clusters: one with default options, one with all options, and one with EKS Auto Mode.
"""

import json

import cluster_programs
import pulumi
import pytest
from cluster_programs import KEY, VIEW
from pulumi import automation

from lab.plugins.eks.node_group import check_node_role
from lab.plugins.errors import PluginError


def program(version):
    for name in ("official", "private", "auto"):
        pulumi.export(name, getattr(cluster_programs, name)(version))


@pytest.fixture(scope="module")
def lifecycle(new_history):
    """The stack, the outputs of its first update, and the steps of a second one."""
    history = new_history(program)
    history.up(1)
    return history, {"outputs": history.outputs, "second_update": history.up(1)}


@pytest.fixture(scope="module")
def outputs(lifecycle):
    return lifecycle[1]["outputs"]


def operations(steps, cluster):
    """Return the operations on resources with the cluster's name as prefix."""
    return {step.operation for name, step in steps.items() if name.startswith(cluster)}


CHILDREN = {
    "eks-clu": "eks:index:Cluster",
    "eks-clu-eksRole": "eks:index:ServiceRole",
    "eks-clu-eksRole-role": "aws:iam/role:Role",
    "eks-clu-eksRole-4b490823": "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "eks-clu-eksClusterSecurityGroup": "aws:ec2/securityGroup:SecurityGroup",
    "eks-clu-eksClusterInternetEgressRule": "aws:ec2/securityGroupRule:SecurityGroupRule",
    "eks-clu-eksCluster": "aws:eks/cluster:Cluster",
    "eks-clu-kube-proxy": "aws:eks/addon:Addon",
    "eks-clu-eks-k8s": "pulumi:providers:kubernetes",
    "eks-clu-guest": "aws:eks/accessEntry:AccessEntry",
    "eks-clu-guest-view": "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
    "eks-clu-nodeSecurityGroup": "aws:ec2/securityGroup:SecurityGroup",
    "eks-clu-eksNodeIngressRule": "aws:ec2/securityGroupRule:SecurityGroupRule",
    "eks-clu-eksNodeClusterIngressRule": "aws:ec2/securityGroupRule:SecurityGroupRule",
    "eks-clu-eksExtApiServerClusterIngressRule": "aws:ec2/securityGroupRule:SecurityGroupRule",
    "eks-clu-eksNodeInternetEgressRule": "aws:ec2/securityGroupRule:SecurityGroupRule",
    "eks-clu-eksClusterIngressRule": "aws:ec2/securityGroupRule:SecurityGroupRule",
}


def test_cluster_children_equal_the_official_component(lifecycle):
    """Names and types of the children are those of pulumi-eks."""
    resources = lifecycle[0].resources().items()
    types = {name: resource["type"] for name, resource in resources if name.startswith("eks-clu")}
    assert types.items() >= CHILDREN.items()
    assert set(types.values()) - set(CHILDREN.values()) <= {"eks:index:VpcCniAddon"}


def test_second_update_of_eks_clusters_changes_nothing(lifecycle):
    """A second update of the same program has no changes."""
    assert {step.operation for step in lifecycle[1]["second_update"].values()} == {"same"}


def test_cluster_outputs_equal_aws(outputs, aws):
    """Kubeconfig, issuer and references are those of the cluster that AWS describes."""
    outputs = outputs["official"]
    cluster = aws("eks").describe_cluster(name="eks-clu")["cluster"]
    user = outputs["kubeconfig"]["users"][0]["user"]["exec"]
    assert outputs["name"] == outputs["core name"] == "eks-clu"
    assert outputs["endpoint"] == cluster["endpoint"] == outputs["kubeconfig"]["clusters"][0]["cluster"]["server"]
    assert outputs["url"] == cluster["identity"]["oidc"]["issuer"] == "https://" + outputs["issuer"]
    assert user["args"][:6] == ["--region", "ap-northeast-1", "eks", "get-token", "--cluster-name", "eks-clu"]
    assert json.loads(outputs["kubeconfigJson"]) == outputs["kubeconfig"]
    assert json.loads(outputs["scoped"])["users"][0]["user"]["exec"]["args"][-2:] == [
        "--role",
        "arn:aws:iam::123456789012:role/x",
    ]


def test_cluster_access_entries_have_their_policies(lifecycle, aws):
    """The access entry has its access policy with the scope of the namespace."""
    entries = aws("eks").list_access_entries(clusterName="eks-clu")["accessEntries"]
    [guest] = [arn for arn in entries if "/guest-" in arn]
    policies = aws("eks").list_associated_access_policies(clusterName="eks-clu", principalArn=guest)
    [policy] = policies["associatedAccessPolicies"]
    assert (policy["policyArn"], policy["accessScope"]) == (VIEW, {"type": "namespace", "namespaces": ["default"]})


def test_cluster_options_are_in_eks(lifecycle, aws):
    """EKS has network, endpoint, logs, encryption and role of the options, and a second update has no changes."""
    cluster = aws("eks").describe_cluster(name="private")["cluster"]
    vpc = cluster["resourcesVpcConfig"]
    assert (vpc["endpointPublicAccess"], vpc["endpointPrivateAccess"], len(vpc["subnetIds"])) == (False, True, 2)
    assert cluster["logging"]["clusterLogging"][0] == {"types": ["audit"], "enabled": True}
    assert cluster["encryptionConfig"] == [{"resources": ["secrets"], "provider": {"keyArn": KEY}}]
    assert cluster["kubernetesNetworkConfig"]["serviceIpv4Cidr"] == "10.200.0.0/16"
    assert cluster["tags"]["team"] == "shop"
    assert "/service-" in cluster["roleArn"]
    assert operations(lifecycle[1]["second_update"], "private") == {"same"}


def test_fargate_option_creates_role_profile_and_dns_settings(lifecycle, outputs, aws):
    """The profile has the selectors, its role a FARGATE_LINUX access entry, and CoreDNS the compute type Fargate."""
    resources = lifecycle[0].resources()
    assert resources["private-podExecutionRole"]["type"] == "eks:index:ServiceRole"
    assert resources["private-fargateProfile"]["type"] == "aws:eks/fargateProfile:FargateProfile"
    profile = aws("eks").describe_fargate_profile(
        clusterName="private", fargateProfileName=outputs["private"]["profile"].partition(":")[2]
    )["fargateProfile"]
    assert profile["selectors"] == [{"namespace": "jobs"}]
    assert outputs["private"]["status"] == "ACTIVE"
    entry = aws("eks").describe_access_entry(clusterName="private", principalArn=profile["podExecutionRoleArn"])
    assert entry["accessEntry"]["type"] == "FARGATE_LINUX"
    values = aws("eks").describe_addon(clusterName="private", addonName="coredns")["addon"]["configurationValues"]
    assert json.loads(values) == {"computeType": "Fargate", "replicaCount": 3}


def test_auto_mode(lifecycle, outputs, aws):
    """EKS has the Auto Mode settings and an access entry of the node role; no node group and no add-on is created."""
    cluster = aws("eks").describe_cluster(name="auto")["cluster"]
    assert cluster["computeConfig"]["nodePools"] == ["general-purpose", "system"]
    assert cluster["storageConfig"] == {"blockStorage": {"enabled": True}}
    assert cluster["kubernetesNetworkConfig"]["elasticLoadBalancing"] == {"enabled": True}
    assert cluster["computeConfig"]["nodeRoleArn"].endswith(outputs["auto"]["role"])
    entry = aws("eks").describe_access_entry(clusterName="auto", principalArn=cluster["computeConfig"]["nodeRoleArn"])[
        "accessEntry"
    ]
    assert entry["type"] == "EC2"
    assert not {"auto-kube-proxy", "auto-vpc-cni", "auto-nodeSecurityGroup"} & lifecycle[0].resources().keys()
    assert operations(lifecycle[1]["second_update"], "auto") == {"same"}


def test_node_group_role_must_be_an_instance_role_in_config_map_mode():
    """In mode CONFIG_MAP a node group's role must be in the cluster's instance roles, as in pulumi-eks."""
    assert check_node_role("nodes", "a", ["a"]) == check_node_role("nodes", "a", None) == "a"
    with pytest.raises(PluginError, match="without first setting its role in"):
        check_node_role("nodes", "b", ["a"])


@pytest.fixture
def protected(lifecycle, aws):
    """The steps of the update that enables deletion protection, which is disabled after the test."""
    yield lifecycle[0].up(2)
    aws("eks").update_cluster_config(name="private", deletionProtection=False)


def test_cluster_logs_and_deletion_protection_change_in_place(lifecycle, protected, aws):
    """Logs and deletion protection change without a replacement, and a protected cluster is not deleted."""
    assert protected["private-eksCluster"].operation == "update"
    assert aws("eks").describe_cluster(name="private")["cluster"]["deletionProtection"] is True
    with pytest.raises(automation.CommandError, match="deletion protection"):
        lifecycle[0].stack.destroy()
