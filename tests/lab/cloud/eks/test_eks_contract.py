"""Every operation that the lab has, called with every input member that botocore's model documents.

The client checks each answer, success or error, against the model as it arrives (`response_validation.Watch`).
"""

import inspect

import boto3
import pytest
from botocore.config import Config
from eks_constants import ACCOUNT, POD_TRUST, QUICK, REGION
from moto.core.utils import camelcase_to_underscores, get_service_model
from moto.eks.responses import EKSResponse
from response_validation import Watch, deviations, sample

from lab.cloud.eks import EksAuthResponse, EksResponse

MODEL = get_service_model("eks")
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
REFUSED_ALWAYS = {"UpdateClusterVersion"}
"""There is one Kubernetes version to run."""


def implemented() -> set[str]:
    """Operations of the model whose method is the lab's own."""
    return {
        name
        for name in MODEL.operation_names
        if (method := getattr(EksResponse, camelcase_to_underscores(name), None))
        and inspect.getmodule(method).__name__.startswith("lab.")
    }


def full(operation, **chosen):
    """An input with every documented member; `chosen` are those that must make sense, and None leaves one out."""
    made = sample(MODEL.operation_model(operation).input_shape) | chosen
    return {name: value for name, value in made.items() if value is not None}


@pytest.fixture
def seen(lab):
    """A client of its own, and what it has seen."""
    watch = Watch()
    client = boto3.client(
        "eks",
        region_name=REGION,
        verify=lab.access.ca_file,
        config=Config(retries={"total_max_attempts": 1}, proxies={"https": lab.access.proxy_url}),
        **lab.administrator,
    )
    return watch.attach(client), watch


def given_back(request, answer, *, but=()):
    """Input members that the answer should show and does not."""
    shape = answer.keys()
    return {name for name in request if name not in shape and name not in but}


def test_every_operation_answers_as_its_model_says(lab, seen, cluster_role, node_role, pod_role, finished):
    """All operations accept their whole documented input, and answer with the model's members and types alone."""
    client, watch = seen
    subnets = lab.subnets()
    vpc = sample(MODEL.shape_for("VpcConfigRequest")) | {"subnetIds": subnets}
    wanted = full(
        "CreateCluster",
        name="full",
        version="1.37",
        roleArn=cluster_role,
        resourcesVpcConfig=vpc,
        accessConfig={"authenticationMode": "CONFIG_MAP", "bootstrapClusterCreatorAdminPermissions": True},
        deletionProtection=False,
    )
    created = client.create_cluster(**wanted)["cluster"]
    assert not given_back(wanted, created, but={"clientRequestToken", "bootstrapSelfManagedAddons"})
    client.get_waiter("cluster_active").wait(name="full", WaiterConfig=QUICK)
    change_every_setting(client, finished, subnets)
    nodegroup_operations(lab, client, finished, node_role)
    access_entry_operations(lab, client)
    association_operations(lab, client, pod_role)
    addon_operations(client, pod_role, finished)
    client.describe_cluster_versions(**full("DescribeClusterVersions", nextToken=None, clusterVersions=["1.37"]))
    client.list_clusters(**full("ListClusters", nextToken=None, include=["all"]))
    profile = {"clusterName": "full", "fargateProfileName": "profile"}
    jobs = {"podExecutionRoleArn": pod_role, "selectors": [{"namespace": "jobs"}], "subnets": subnets}
    client.create_fargate_profile(**full("CreateFargateProfile", **profile, **jobs))
    client.list_fargate_profiles(clusterName="full", maxResults=1)
    client.delete_fargate_profile(**profile)
    client.list_updates(**full("ListUpdates", name="full", nextToken=None, nodegroupName=None, capabilityName=None))
    arn = created["arn"]
    client.tag_resource(resourceArn=arn, tags={"a": "b"})
    client.list_tags_for_resource(resourceArn=arn)
    client.untag_resource(resourceArn=arn, tagKeys=["a"])
    client.delete_cluster(name="full")
    client.get_waiter("cluster_deleted").wait(name="full", WaiterConfig=QUICK)
    assert watch.operations - {"DeleteFargateProfile"} == implemented() - REFUSED_ALWAYS  # that one is moto's


def change_every_setting(client, finished, subnets):
    members = sample(MODEL.operation_model("UpdateClusterConfig").input_shape)
    vpc = members.pop("resourcesVpcConfig") | {"subnetIds": subnets}
    members["accessConfig"] = {"authenticationMode": "API_AND_CONFIG_MAP"}
    changes = [{name: value} for name, value in members.items() if name not in {"name", "clientRequestToken"}]
    changes += [{"resourcesVpcConfig": {name: value}} for name, value in vpc.items()]
    changes.append({"deletionProtection": False})
    for change in changes:
        update = client.update_cluster_config(name="full", clientRequestToken="t", **change)["update"]
        assert finished("full", update)["status"] == "Successful", change
    client.describe_update(name="full", updateId=update["id"])


def nodegroup_operations(lab, client, finished, node_role):
    ec2 = lab.client("ec2")
    template = ec2.create_launch_template(LaunchTemplateName="full", LaunchTemplateData={})["LaunchTemplate"]
    essential = {
        "clusterName": "full",
        "nodeRole": node_role,
        "subnets": lab.subnets(),
        "version": "1.37",
        "scalingConfig": {"minSize": 1, "maxSize": 2, "desiredSize": 1},
    }
    variants = {
        "plain": {"launchTemplate": None},
        "templated": {"launchTemplate": {"name": "full", "version": "1"}, "diskSize": None, "remoteAccess": None},
    }
    for name, variant in variants.items():
        wanted = full("CreateNodegroup", nodegroupName=name, **essential, **variant)
        made = client.create_nodegroup(**wanted)["nodegroup"]
        assert not given_back(wanted, made, but={"clientRequestToken"})
        one = {"clusterName": "full", "nodegroupName": name}
        client.get_waiter("nodegroup_active").wait(**one, WaiterConfig=QUICK)
    sizes = {"minSize": 0, "maxSize": 3, "desiredSize": 2}
    update = client.update_nodegroup_config(**full("UpdateNodegroupConfig", **one, scalingConfig=sizes))["update"]
    assert finished("full", update, nodegroupName="templated")["status"] == "Successful"
    change = full("UpdateNodegroupVersion", **one, version="1.37", launchTemplate={"id": template["LaunchTemplateId"]})
    update = client.update_nodegroup_version(**change)["update"]
    assert finished("full", update, nodegroupName="templated")["status"] == "Successful"
    client.list_nodegroups(clusterName="full", maxResults=1)
    for name in variants:
        client.delete_nodegroup(clusterName="full", nodegroupName=name)
        client.get_waiter("nodegroup_deleted").wait(clusterName="full", nodegroupName=name, WaiterConfig=QUICK)
    ec2.delete_launch_template(LaunchTemplateName="full")


def access_entry_operations(lab, client):
    lab.user("eks-ope")
    one = {"clusterName": "full", "principalArn": f"arn:aws:iam::{ACCOUNT}:user/eks-ope"}
    wanted = full("CreateAccessEntry", **one, type="STANDARD")
    assert not given_back(wanted, client.create_access_entry(**wanted)["accessEntry"], but={"clientRequestToken"})
    client.update_access_entry(**full("UpdateAccessEntry", **one))
    client.describe_access_entry(**one)
    scope = {"type": "namespace", "namespaces": ["default"]}
    client.associate_access_policy(**one, policyArn=VIEW, accessScope=scope)
    client.list_associated_access_policies(**one, maxResults=1)
    client.list_access_entries(clusterName="full", associatedPolicyArn=VIEW, maxResults=1)
    client.list_access_policies(maxResults=1)
    client.disassociate_access_policy(**one, policyArn=VIEW)
    client.delete_access_entry(**one)


def association_operations(lab, client, pod_role):
    essential = {
        "clusterName": "full",
        "roleArn": pod_role,
        "targetRoleArn": "arn:aws:iam::222222222222:role/theirs",
        "policy": '{"Version": "2012-10-17", "Statement": []}',
    }
    wanted = full("CreatePodIdentityAssociation", **essential)
    made = client.create_pod_identity_association(**wanted)["association"]
    assert not given_back(wanted, made, but={"clientRequestToken"})
    one = {"clusterName": "full", "associationId": made["associationId"]}
    essential["roleArn"] = lab.role("other", POD_TRUST)
    client.update_pod_identity_association(
        **full("UpdatePodIdentityAssociation", associationId=one["associationId"], **essential)
    )
    client.describe_pod_identity_association(**one)
    listing = {"clusterName": "full", "namespace": "x", "serviceAccount": "x", "maxResults": 1}
    assert client.list_pod_identity_associations(**listing)["associations"]
    client.delete_pod_identity_association(**one)


def addon_operations(client, pod_role, finished):
    one = {"clusterName": "full", "addonName": "aws-ebs-csi-driver"}
    associations = [{"serviceAccount": "ebs-csi-controller-sa", "roleArn": pod_role}]
    essential = {**one, "serviceAccountRoleArn": pod_role, "podIdentityAssociations": associations}
    offers = full("DescribeAddonVersions", nextToken=None, addonName="aws-ebs-csi-driver", kubernetesVersion="1.37")
    offers |= {"types": ["storage"], "owners": ["aws"], "publishers": ["eks"]}
    (offer,) = client.describe_addon_versions(**offers)["addons"]
    version = offer["addonVersions"][0]["addonVersion"]
    client.describe_addon_configuration(addonName="aws-ebs-csi-driver", addonVersion=version)
    wanted = full("CreateAddon", **essential, addonVersion=version)
    made = client.create_addon(**wanted)["addon"]
    assert not given_back(wanted, made, but={"clientRequestToken", "resolveConflicts"})
    client.get_waiter("addon_active").wait(**one, WaiterConfig=QUICK)
    update = client.update_addon(**full("UpdateAddon", **essential, addonVersion=version))["update"]
    assert finished("full", update, addonName="aws-ebs-csi-driver")["status"] == "Successful"
    client.list_addons(clusterName="full", maxResults=1)
    client.delete_addon(**one, preserve=True)
    client.get_waiter("addon_deleted").wait(**one, WaiterConfig=QUICK)


def test_eks_auth_is_whole():
    """The lab has every operation that the service eks-auth has."""
    names = get_service_model("eks-auth").operation_names
    assert [name for name in names if not hasattr(EksAuthResponse, camelcase_to_underscores(name))] == []


def test_moto_is_not_answering_in_our_place():
    """What moto has for clusters, node groups and tags is replaced; it only shows and deletes Fargate profiles."""
    theirs = {name for name in MODEL.operation_names if hasattr(EKSResponse, camelcase_to_underscores(name))}
    assert theirs - implemented() == {"DescribeFargateProfile", "DeleteFargateProfile"}


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"cluster": {"name": "x", "colour": "red"}}, "not in Cluster"),
        ({"cluster": {"name": 7}}, "is no string"),
        ({"cluster": {"status": "GOOD"}}, "is not one of"),
        ({"cluster": {"tags": []}}, "is no map"),
        ({"cluster": {"health": {"issues": {}}}}, "is no list"),
        ({"cluster": {"createdAt": "today"}}, "is no timestamp"),
    ],
)
def test_the_check_finds_deviations(value, problem):
    """The check of answers against the model fails for unknown members, wrong types and values of no enum."""
    shape = MODEL.operation_model("DescribeCluster").output_shape
    (found,) = deviations(shape, value, "")
    assert problem in found


def test_the_check_finds_missing_members():
    """The check of answers fails for a member that the model requires."""
    shape = get_service_model("eks-auth").operation_model("AssumeRoleForPodIdentity").output_shape
    assert any("credentials: missing" in found for found in deviations(shape, {}, ""))
