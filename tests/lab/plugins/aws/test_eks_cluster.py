"""pulumi_eks.Cluster on the stand-ins: AWS describes what was asked, children and outputs are the official ones.

One stack holds three clusters: a plain one, one with everything said, and one that manages itself.
"""

import json

import cluster_programs
import pulumi
import pytest
from cluster_programs import KEY, VIEW
from pulumi import automation

from lab.plugins.eks.node_group import let_in
from lab.plugins.errors import PluginError


def program(version):
    for name in ("official", "private", "auto"):
        pulumi.export(name, getattr(cluster_programs, name)(version))


@pytest.fixture(scope="module")
def life(new_history):
    """The stack, the outputs of its first update, and the steps of a second one."""
    history = new_history(program)
    history.up(1)
    return history, {"outputs": history.outputs, "again": history.up(1)}


@pytest.fixture(scope="module")
def outputs(life):
    return life[1]["outputs"]


def operations(steps, cluster):
    """What was done with all that is named after a cluster."""
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


def test_the_children_are_those_of_the_official_component(life):
    """Names and types of everything under the component are pulumi-eks's own."""
    found = {name: each["type"] for name, each in life[0].resources().items() if name.startswith("eks-clu")}
    assert found.items() >= CHILDREN.items()
    assert set(found.values()) - set(CHILDREN.values()) <= {"eks:index:VpcCniAddon"}


def test_a_second_update_finds_nothing_to_do(life):
    """The same program again changes nothing."""
    assert {step.operation for step in life[1]["again"].values()} == {"same"}


def test_the_outputs_lead_to_the_cluster(outputs, aws):
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


def test_access_entries_are_there(life, aws):
    """The entry has its groups and its policy, in its namespace."""
    entries = aws("eks").list_access_entries(clusterName="eks-clu")["accessEntries"]
    [guest] = [arn for arn in entries if "/guest-" in arn]
    policies = aws("eks").list_associated_access_policies(clusterName="eks-clu", principalArn=guest)
    [policy] = policies["associatedAccessPolicies"]
    assert (policy["policyArn"], policy["accessScope"]) == (VIEW, {"type": "namespace", "namespaces": ["default"]})


def test_aws_describes_what_was_asked(life, aws):
    """Network, endpoint, logs, encryption and role are those of the options; nothing is left to be done."""
    cluster = aws("eks").describe_cluster(name="whole")["cluster"]
    vpc = cluster["resourcesVpcConfig"]
    assert (vpc["endpointPublicAccess"], vpc["endpointPrivateAccess"], len(vpc["subnetIds"])) == (False, True, 2)
    assert cluster["logging"]["clusterLogging"][0] == {"types": ["audit"], "enabled": True}
    assert cluster["encryptionConfig"] == [{"resources": ["secrets"], "provider": {"keyArn": KEY}}]
    assert cluster["kubernetesNetworkConfig"]["serviceIpv4Cidr"] == "10.200.0.0/16"
    assert cluster["tags"]["team"] == "shop"
    assert "/service-" in cluster["roleArn"]
    assert operations(life[1]["again"], "whole") == {"same"}


def test_fargate_comes_with_its_role_profile_and_dns(life, outputs, aws):
    """The profile takes the selectors, its role is let in as Fargate's, and CoreDNS is told where it runs."""
    resources = life[0].resources()
    assert resources["whole-podExecutionRole"]["type"] == "eks:index:ServiceRole"
    assert resources["whole-fargateProfile"]["type"] == "aws:eks/fargateProfile:FargateProfile"
    profile = aws("eks").describe_fargate_profile(
        clusterName="whole", fargateProfileName=outputs["private"]["profile"].partition(":")[2]
    )["fargateProfile"]
    assert profile["selectors"] == [{"namespace": "jobs"}]
    assert outputs["private"]["status"] == "ACTIVE"
    entry = aws("eks").describe_access_entry(clusterName="whole", principalArn=profile["podExecutionRoleArn"])
    assert entry["accessEntry"]["type"] == "FARGATE_LINUX"
    values = aws("eks").describe_addon(clusterName="whole", addonName="coredns")["addon"]["configurationValues"]
    assert json.loads(values) == {"computeType": "Fargate", "replicaCount": 3}


def test_auto_mode(life, outputs, aws):
    """The cluster computes, stores and balances by itself; its nodes' role is let in; no group, no add-on is made."""
    cluster = aws("eks").describe_cluster(name="auto")["cluster"]
    assert cluster["computeConfig"]["nodePools"] == ["general-purpose", "system"]
    assert cluster["storageConfig"] == {"blockStorage": {"enabled": True}}
    assert cluster["kubernetesNetworkConfig"]["elasticLoadBalancing"] == {"enabled": True}
    assert cluster["computeConfig"]["nodeRoleArn"].endswith(outputs["auto"]["role"])
    entry = aws("eks").describe_access_entry(clusterName="auto", principalArn=cluster["computeConfig"]["nodeRoleArn"])[
        "accessEntry"
    ]
    assert entry["type"] == "EC2"
    assert not {"auto-kube-proxy", "auto-vpc-cni", "auto-nodeSecurityGroup"} & life[0].resources().keys()
    assert operations(life[1]["again"], "auto") == {"same"}


def test_a_strangers_role_is_refused_where_only_aws_auth_counts():
    """In mode CONFIG_MAP a node group's role is among the cluster's instance roles, as pulumi-eks has it."""
    assert let_in("nodes", "a", ["a"]) == let_in("nodes", "a", None) == "a"
    with pytest.raises(PluginError, match="without first setting its role in"):
        let_in("nodes", "b", ["a"])


@pytest.fixture
def protected(life, aws):
    """The steps that protected the cluster; it can be deleted again afterwards."""
    yield life[0].up(2)
    aws("eks").update_cluster_config(name="whole", deletionProtection=False)


def test_what_changes_is_changed_in_place(life, protected, aws):
    """Logs and protection change without a replacement; a protected cluster is not deleted."""
    assert protected["whole-eksCluster"].operation == "update"
    assert aws("eks").describe_cluster(name="whole")["cluster"]["deletionProtection"] is True
    with pytest.raises(automation.CommandError, match="deletion protection"):
        life[0].stack.destroy()
