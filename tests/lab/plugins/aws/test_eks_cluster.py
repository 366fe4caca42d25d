"""pulumi_eks.Cluster on the stand-ins: the official children, the official outputs."""

import json

import pulumi
import pulumi_aws as sdk
import pulumi_eks as eks
import pytest

VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"


def program(version):
    guest = sdk.iam.Role("guest", assume_role_policy=trust("ec2.amazonaws.com"))
    cluster = eks.Cluster(
        "eks-clu",
        name="eks-clu",
        authentication_mode=eks.AuthenticationMode.API,
        skip_default_node_group=True,
        access_entries={
            "guest": eks.AccessEntryArgs(
                principal_arn=guest.arn,
                kubernetes_groups=["operators"] if version == 1 else ["operators", "viewers"],
                access_policies={
                    "view": eks.AccessPolicyAssociationArgs(
                        policy_arn=VIEW,
                        access_scope=sdk.eks.AccessPolicyAssociationAccessScopeArgs(
                            type="namespace", namespaces=["default"]
                        ),
                    ),
                },
            ),
        },
        tags={"owner": "tests"},
    )
    pulumi.export("kubeconfig", cluster.kubeconfig)
    pulumi.export("kubeconfigJson", cluster.kubeconfig_json)
    pulumi.export("scoped", cluster.get_kubeconfig(role_arn="arn:aws:iam::123456789012:role/x"))
    pulumi.export("issuer", cluster.oidc_issuer)
    pulumi.export("url", cluster.oidc_provider_url)
    pulumi.export("name", cluster.eks_cluster.name)
    pulumi.export("endpoint", cluster.core.endpoint)
    pulumi.export("core name", cluster.core.cluster.name)
    pulumi.export("vpc", cluster.core.vpc_id)
    pulumi.export("group", cluster.cluster_security_group_id)


def trust(*services):
    principal = {"Service": list(services)}
    actions = ["sts:AssumeRole", "sts:TagSession"]
    statement = {"Effect": "Allow", "Principal": principal, "Action": actions}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture(scope="module")
def life(new_history):
    history = new_history(program)
    return history, {"previewed": history.preview(1), "made": history.up(1), "again": history.up(1)}


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


def test_the_outputs_lead_to_the_cluster(life, aws):
    """Kubeconfig, issuer and references are those of the cluster that AWS describes."""
    outputs = life[0].outputs
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
