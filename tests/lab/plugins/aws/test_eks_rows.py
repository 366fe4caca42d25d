"""EKS's rows, lived through by the real engine."""

import json

import pulumi
import pulumi_aws as sdk
import pytest
from test_eks_cluster import VIEW, trust

from lab.plugins.aws.resource_specs import TABLE

ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSAdminViewPolicy"
TYPES = {row.type for row in TABLE.values() if row.service == "eks"}
UPDATED = {
    "cluster": {"accessConfig", "tags", "tagsAll"},
    "addon": {"configurationValues", "podIdentityAssociations"},
    "entry": {"kubernetesGroups", "tags", "tagsAll"},
    "association": {"roleArn"},
    "nodes": {"labels", "scalingConfig"},
}
REPLACED = {
    "entry": ["principalArn"],
    "policy": ["policyArn"],
    "association": ["namespace"],
    "nodes": ["subnetIds"],
    "addon": ["addonName"],
}


def program(version):
    """Version 2 changes what EKS can change, version 3 what it cannot."""
    changed, moved = version >= 2, version >= 3
    subnets = sdk.ec2.get_subnets_output(filters=[{"name": "default-for-az", "values": ["true"]}]).ids
    tags = {"stage": "two" if changed else "one"}
    service = sdk.iam.Role("service", assume_role_policy=trust("eks.amazonaws.com"))
    node = sdk.iam.Role("node", assume_role_policy=trust("ec2.amazonaws.com"))
    fargate = sdk.iam.Role("fargate", assume_role_policy=trust("eks-fargate-pods.amazonaws.com"))
    first = sdk.iam.Role("first", assume_role_policy=trust("pods.eks.amazonaws.com"))
    second = sdk.iam.Role("second", assume_role_policy=trust("pods.eks.amazonaws.com"))
    cluster = sdk.eks.Cluster(
        "cluster",
        name="plain",
        role_arn=service.arn,
        vpc_config={"subnet_ids": subnets.apply(lambda ids: ids[:2])},
        access_config={
            "authentication_mode": "API" if changed else "API_AND_CONFIG_MAP",
            "bootstrap_cluster_creator_admin_permissions": True,
        },
        tags=tags,
    )
    sdk.eks.Addon(
        "addon",
        cluster_name=cluster.name,
        addon_name="coredns" if moved else "vpc-cni",
        configuration_values=json.dumps({"env": {"A": "2"}} if changed else {"env": {"A": "1"}}),
        pod_identity_associations=None
        if moved
        else [{"service_account": "aws-node", "role_arn": second.arn if changed else first.arn}],
    )
    entry = sdk.eks.AccessEntry(
        "entry",
        cluster_name=cluster.name,
        principal_arn=second.arn if moved else first.arn,
        kubernetes_groups=["viewers"] if changed else ["operators"],
        tags=tags,
    )
    sdk.eks.AccessPolicyAssociation(
        "policy",
        cluster_name=cluster.name,
        principal_arn=entry.principal_arn,
        policy_arn=ADMIN if moved else VIEW,
        access_scope={"type": "cluster"},
    )
    association = sdk.eks.PodIdentityAssociation(
        "association",
        cluster_name=cluster.name,
        namespace="other" if moved else "default",
        service_account="test-sa",
        role_arn=second.arn if changed else first.arn,
    )
    sdk.eks.NodeGroup(
        "nodes",
        cluster_name=cluster.name,
        node_role_arn=node.arn,
        subnet_ids=subnets.apply(lambda ids: ids[1:2] if moved else ids[:1]),
        scaling_config={"desired_size": 2 if changed else 1, "min_size": 1, "max_size": 3},
        labels={"stage": "two"} if changed else {"stage": "one", "gone": "soon"},
    )
    sdk.eks.FargateProfile(
        "profile",
        cluster_name=cluster.name,
        pod_execution_role_arn=fargate.arn,
        selectors=[{"namespace": "default"}],
        subnet_ids=subnets.apply(lambda ids: ids[:1]),
    )
    pulumi.export("issuer", cluster.identities[0].oidcs[0].issuer)
    pulumi.export("certificate", cluster.certificate_authority.data)
    pulumi.export("association", association.association_id)
    found = sdk.eks.get_cluster_output(name=cluster.name)
    pulumi.export("found", {"issuer": found.identities[0].oidcs[0].issuer, "vpc": found.vpc_config.vpc_id})
    pulumi.export("token", sdk.eks.get_cluster_auth_output(name=cluster.name).token)
    pulumi.export("clusters", sdk.eks.get_clusters_output().names)


@pytest.fixture(scope="module")
def life(new_history):
    history = new_history(program)
    told = {"made": history.up(1), "outputs": history.outputs, "again": history.up(1), "refreshed": history.refresh()}
    return history, told


@pytest.fixture(scope="module")
def changed(life):
    return life[0].up(2)


@pytest.fixture(scope="module")
def replaced(life, changed):
    return life[0].up(3)


def test_every_type_is_in_the_program_and_settles(life):
    """Each row is made, and neither a second update nor a refresh finds anything to do."""
    assert {each["type"] for each in life[0].resources().values()} >= TYPES
    assert {step.operation for step in life[1]["again"].values()} == {"same"}
    assert {step.operation for step in life[1]["refreshed"].values()} <= {"refresh", "same"}


def test_outputs_and_functions_lead_to_the_cluster(life, aws):
    """Issuer, CA and token are those of the cluster that AWS describes."""
    outputs = life[1]["outputs"]
    cluster = aws("eks").describe_cluster(name="plain")["cluster"]
    assert outputs["issuer"] == outputs["found"]["issuer"] == cluster["identity"]["oidc"]["issuer"]
    assert outputs["certificate"] == cluster["certificateAuthority"]["data"]
    assert outputs["found"]["vpc"] == cluster["resourcesVpcConfig"]["vpcId"]
    assert outputs["token"].startswith("k8s-aws-v1.")
    assert outputs["token"] not in life[0].checkpoint()
    assert set(outputs["clusters"]) <= {"plain"}


@pytest.mark.parametrize("name", sorted(UPDATED))
def test_what_eks_can_change_is_updated_in_place(changed, name):
    """An update names exactly the properties that differ."""
    assert changed[name].operation == "update"
    assert {path.split(".")[0] for path in changed[name].differences} == UPDATED[name]


def test_the_changes_are_there(life, changed, aws):
    """boto3 sees the second version."""
    eks = aws("eks")
    cluster = eks.describe_cluster(name="plain")["cluster"]
    assert cluster["accessConfig"]["authenticationMode"] == "API"
    assert cluster["tags"] == {"stage": "two"}
    [group] = eks.list_nodegroups(clusterName="plain")["nodegroups"]
    nodes = eks.describe_nodegroup(clusterName="plain", nodegroupName=group)["nodegroup"]
    assert nodes["labels"] == {"stage": "two"}
    assert nodes["scalingConfig"]["desiredSize"] == 2


@pytest.mark.parametrize("name", sorted(REPLACED))
def test_what_eks_cannot_change_is_replaced_and_the_cause_is_named(replaced, name):
    """A replacement says which property made it necessary."""
    assert f"{name} create-replacement" in replaced
    assert set(REPLACED[name]) <= set(replaced[name].replaced_for)


def test_an_import_of_everything_finds_no_difference(life, replaced, new_history):
    """What one stack made, another takes over by its import ids, without a change."""
    made = life[0].resources()
    ids = {name: import_id(each) for name, each in made.items() if each["type"].startswith("aws:")}

    async def adopt(args):
        kept = pulumi.ResourceOptions(import_=ids[args.name], retain_on_delete=True)
        chosen = ("name", "nodeGroupName", "fargateProfileName")
        names = {key: made[args.name]["outputs"][key] for key in chosen if key in made[args.name]["outputs"]}
        return pulumi.ResourceTransformResult({**names, **args.props}, pulumi.ResourceOptions.merge(args.opts, kept))

    def importing(version):
        pulumi.runtime.register_resource_transform(adopt)
        program(3)

    steps = new_history(importing, name="adopted").up(1)
    assert {name: step.operation for name, step in steps.items() if name in ids} == dict.fromkeys(ids, "import")


def import_id(resource):
    if resource["type"].endswith(":PodIdentityAssociation"):
        return f"{resource['outputs']['clusterName']},{resource['id']}"
    return resource["id"]
