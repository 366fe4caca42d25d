"""Calls every operation that the lab implements with every input member of botocore's model.

The client validates each response, success or error, against the model (`response_validation.ResponseValidator`).
"""

import inspect
import json

import boto3
import pytest
from botocore.config import Config
from moto.core.utils import camelcase_to_underscores, get_service_model
from moto.eks.responses import EKSResponse

from lab.cloud.eks import EksResponse
from lab.cloud.eks.operations import Operations
from lab.cloud.eks.unsupported_members import WITHOUT_EFFECT, find_unsupported
from support.eks_constants import ACCOUNT, EVERYTHING, POD_TRUST, QUICK, REGION, trust
from support.response_validation import ResponseValidator, deviations, sample

MODEL = get_service_model("eks")
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
REJECTED_OPERATIONS = {"UpdateClusterVersion"}
"""Operations that the lab always rejects. It runs one Kubernetes version."""


UPDATE_CONFIG = {"maxUnavailable": 1, "updateStrategy": "DEFAULT"}
VALID_SAMPLES = {
    "CreateCluster": {
        "encryptionConfig": [
            {"resources": ["secrets"], "provider": {"keyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/full"}}
        ],
        "kubernetesNetworkConfig": {
            "serviceIpv4Cidr": "172.20.0.0/16",
            "ipFamily": "ipv4",
            "elasticLoadBalancing": {"enabled": False},
        },
    },
    "CreateNodegroup": {
        "instanceTypes": ["m7i.large"],
        "releaseVersion": "1.37.2-20261101",
        "updateConfig": UPDATE_CONFIG,
    },
    "UpdateNodegroupConfig": {"updateConfig": UPDATE_CONFIG},
    "UpdateNodegroupVersion": {"releaseVersion": "1.37.2-20261101"},
    "CreateAddon": {"configurationValues": "{}", "namespaceConfig": {"namespace": "kube-system"}},
    "UpdateAddon": {"configurationValues": "{}"},
}
"""Members whose smallest value by the model EKS rejects, by operation."""


def implemented_operations() -> set[str]:
    """Return the operations of the model that are methods of the lab."""
    return {
        name
        for name in MODEL.operation_names
        if (method := getattr(EksResponse, camelcase_to_underscores(name), None))
        and inspect.getmodule(method).__name__.startswith("lab.")
    }


def full_input(operation, **members):
    """Return an input with every documented member. `members` replace samples; None omits a member."""
    values = sample(MODEL.operation_model(operation).input_shape) | VALID_SAMPLES.get(operation, {}) | members
    return {
        name: value
        for name, value in values.items()
        if value is not None and find_unsupported(operation, {name: value}) is None
    }


@pytest.fixture
def validated_client(lab):
    """Return a separate client, and its validator with the operations that it has called."""
    validator = ResponseValidator()
    client = boto3.client(
        "eks",
        region_name=REGION,
        verify=lab.access.ca_file,
        config=Config(retries={"total_max_attempts": 1}, proxies={"https": lab.access.proxy_url}),
        **lab.administrator,
    )
    return validator.attach(client), validator


class RecordingDict(dict):
    """The input of an operation. It records the members that the operation reads."""

    def __init__(self, values, names):
        super().__init__(values)
        self.names = names

    def get(self, name, default=None):
        self.names.add(name)
        return super().get(name, default)

    def __getitem__(self, name):
        self.names.add(name)
        return super().__getitem__(name)

    def __contains__(self, name):
        self.names.add(name)
        return super().__contains__(name)


@pytest.fixture
def read_members(monkeypatch):
    """Return the names of the members that each operation has read, by operation, after the checks of its input."""
    names = {}
    check_input = Operations.check_input

    def record(operations):
        check_input(operations)
        operations.params = RecordingDict(operations.params, names.setdefault(operations.operation.name, set()))

    monkeypatch.setattr(Operations, "check_input", record)
    return names


def missing_members(request, result, *, ignored=()):
    """Return the input members that the result must have and lacks."""
    return {name for name in request if name not in result and name not in ignored}


def test_every_operation_matches_the_botocore_model(
    lab, validated_client, read_members, cluster_role, node_role, pod_role, wait_for_update
):
    """All operations accept their whole documented input, and return only members and types of the model.

    Each operation reads each member of its input, except for those without effect and those that the lab rejects.
    """
    client, validator = validated_client
    subnets = lab.subnets()
    vpc = sample(MODEL.shape_for("VpcConfigRequest")) | {
        "subnetIds": subnets,
        "securityGroupIds": [lab.client("ec2").describe_security_groups()["SecurityGroups"][0]["GroupId"]],
        "publicAccessCidrs": ["203.0.113.0/24"],
    }
    request = full_input(
        "CreateCluster",
        name="full",
        version="1.37",
        roleArn=cluster_role,
        resourcesVpcConfig=vpc,
        accessConfig={"authenticationMode": "CONFIG_MAP", "bootstrapClusterCreatorAdminPermissions": True},
        deletionProtection=False,
    )
    created = client.create_cluster(**request)["cluster"]
    assert not missing_members(request, created, ignored={"clientRequestToken", "bootstrapSelfManagedAddons"})
    client.get_waiter("cluster_active").wait(name="full", WaiterConfig=QUICK)
    update_every_setting(client, wait_for_update, vpc)
    nodegroup_operations(lab, client, wait_for_update, node_role)
    access_entry_operations(lab, client)
    association_operations(lab, client, pod_role)
    addon_operations(client, pod_role, wait_for_update)
    client.describe_cluster_versions(**full_input("DescribeClusterVersions", nextToken=None, clusterVersions=["1.37"]))
    client.list_clusters(**full_input("ListClusters", nextToken=None, include=["all"]))
    profile = {"clusterName": "full", "fargateProfileName": "profile"}
    fargate_role = lab.role("fargate", trust("eks-fargate-pods.amazonaws.com"))
    members = {"podExecutionRoleArn": fargate_role, "selectors": [{"namespace": "jobs"}], "subnets": subnets}
    client.create_fargate_profile(**full_input("CreateFargateProfile", **profile, **members))
    client.get_waiter("fargate_profile_active").wait(**profile, WaiterConfig=QUICK)
    client.list_fargate_profiles(clusterName="full", maxResults=1)
    client.delete_fargate_profile(**profile)
    client.get_waiter("fargate_profile_deleted").wait(**profile, WaiterConfig=QUICK)
    client.list_updates(
        **full_input("ListUpdates", name="full", nextToken=None, nodegroupName=None, capabilityName=None)
    )
    arn = created["arn"]
    client.tag_resource(resourceArn=arn, tags={"a": "b"})
    client.list_tags_for_resource(resourceArn=arn)
    client.untag_resource(resourceArn=arn, tagKeys=["a"])
    client.delete_cluster(name="full")
    client.get_waiter("cluster_deleted").wait(name="full", WaiterConfig=QUICK)
    for operation, names in read_members.items():
        assert unread_members(operation, names) == set(), operation
    assert validator.operations == implemented_operations() - REJECTED_OPERATIONS


def unread_members(operation, read):
    """Return the members that an operation neither reads nor rejects, and that have an effect in EKS."""
    members = MODEL.operation_model(operation).input_shape.members
    return {
        name
        for name, shape in members.items()
        if name not in read
        and find_unsupported(operation, {name: sample(shape)}) is None
        and (operation, name) not in WITHOUT_EFFECT
    }


def update_every_setting(client, wait_for_update, vpc):
    members = full_input("UpdateClusterConfig")
    del members["resourcesVpcConfig"]
    members["kubernetesNetworkConfig"] = {"elasticLoadBalancing": {"enabled": True}}
    members["accessConfig"] = {"authenticationMode": "API_AND_CONFIG_MAP"}
    changes = [{name: value} for name, value in members.items() if name not in {"name", "clientRequestToken"}]
    changes += [{"resourcesVpcConfig": {name: value}} for name, value in vpc.items()]
    changes.append({"deletionProtection": False})
    for change in changes:
        update = client.update_cluster_config(name="full", clientRequestToken=json.dumps(change), **change)["update"]
        assert wait_for_update("full", update)["status"] == "Successful", change
    client.describe_update(name="full", updateId=update["id"])


def nodegroup_operations(lab, client, wait_for_update, node_role):
    ec2 = lab.client("ec2")
    template = ec2.create_launch_template(LaunchTemplateName="full", LaunchTemplateData={})["LaunchTemplate"]
    required = {
        "clusterName": "full",
        "nodeRole": node_role,
        "subnets": lab.subnets(),
        "version": "1.37",
        "scalingConfig": {"minSize": 1, "maxSize": 2, "desiredSize": 1},
    }
    variants = {
        "plain": {"launchTemplate": None},
        "templated": {"launchTemplate": {"name": "full", "version": "1"}, "diskSize": None},
    }
    for name, variant in variants.items():
        request = full_input("CreateNodegroup", nodegroupName=name, clientRequestToken=name, **required, **variant)
        nodegroup = client.create_nodegroup(**request)["nodegroup"]
        assert not missing_members(request, nodegroup, ignored={"clientRequestToken"})
        target = {"clusterName": "full", "nodegroupName": name}
        client.get_waiter("nodegroup_active").wait(**target, WaiterConfig=QUICK)
    sizes = {"minSize": 0, "maxSize": 3, "desiredSize": 2}
    update = client.update_nodegroup_config(**full_input("UpdateNodegroupConfig", **target, scalingConfig=sizes))[
        "update"
    ]
    assert wait_for_update("full", update, nodegroupName="templated")["status"] == "Successful"
    change = full_input(
        "UpdateNodegroupVersion", **target, version="1.37", launchTemplate={"id": template["LaunchTemplateId"]}
    )
    update = client.update_nodegroup_version(**change)["update"]
    assert wait_for_update("full", update, nodegroupName="templated")["status"] == "Successful"
    client.list_nodegroups(clusterName="full", maxResults=1)
    for name in variants:
        client.delete_nodegroup(clusterName="full", nodegroupName=name)
        client.get_waiter("nodegroup_deleted").wait(clusterName="full", nodegroupName=name, WaiterConfig=QUICK)
    ec2.delete_launch_template(LaunchTemplateName="full")


def access_entry_operations(lab, client):
    lab.user("eks-ope")
    target = {"clusterName": "full", "principalArn": f"arn:aws:iam::{ACCOUNT}:user/eks-ope"}
    request = full_input("CreateAccessEntry", **target, type="STANDARD")
    assert not missing_members(
        request, client.create_access_entry(**request)["accessEntry"], ignored={"clientRequestToken"}
    )
    client.update_access_entry(**full_input("UpdateAccessEntry", **target))
    client.describe_access_entry(**target)
    scope = {"type": "namespace", "namespaces": ["default"]}
    client.associate_access_policy(**target, policyArn=VIEW, accessScope=scope)
    client.list_associated_access_policies(**target, maxResults=1)
    client.list_access_entries(clusterName="full", associatedPolicyArn=VIEW, maxResults=1)
    client.list_access_policies(maxResults=1)
    client.disassociate_access_policy(**target, policyArn=VIEW)
    client.delete_access_entry(**target)


def association_operations(lab, client, pod_role):
    required = {
        "clusterName": "full",
        "roleArn": pod_role,
        "targetRoleArn": "arn:aws:iam::222222222222:role/target",
        "policy": EVERYTHING,
    }
    request = full_input("CreatePodIdentityAssociation", **required)
    association = client.create_pod_identity_association(**request)["association"]
    assert not missing_members(request, association, ignored={"clientRequestToken"})
    target = {"clusterName": "full", "associationId": association["associationId"]}
    required["roleArn"] = lab.role("other", POD_TRUST)
    client.update_pod_identity_association(
        **full_input("UpdatePodIdentityAssociation", associationId=target["associationId"], **required)
    )
    client.describe_pod_identity_association(**target)
    filters = {"clusterName": "full", "namespace": "x", "serviceAccount": "x", "maxResults": 1}
    assert client.list_pod_identity_associations(**filters)["associations"]
    client.delete_pod_identity_association(**target)


def addon_operations(client, pod_role, wait_for_update):
    target = {"clusterName": "full", "addonName": "aws-ebs-csi-driver"}
    associations = [{"serviceAccount": "ebs-csi-controller-sa", "roleArn": pod_role}]
    required = {**target, "serviceAccountRoleArn": pod_role, "podIdentityAssociations": associations}
    filters = full_input(
        "DescribeAddonVersions", nextToken=None, addonName="aws-ebs-csi-driver", kubernetesVersion="1.37"
    )
    filters |= {"types": ["storage"], "owners": ["aws"], "publishers": ["eks"]}
    (addon_info,) = client.describe_addon_versions(**filters)["addons"]
    version = addon_info["addonVersions"][0]["addonVersion"]
    client.describe_addon_configuration(addonName="aws-ebs-csi-driver", addonVersion=version)
    request = full_input("CreateAddon", **required, addonVersion=version)
    addon = client.create_addon(**request)["addon"]
    assert not missing_members(request, addon, ignored={"clientRequestToken", "resolveConflicts"})
    client.get_waiter("addon_active").wait(**target, WaiterConfig=QUICK)
    update = client.update_addon(**full_input("UpdateAddon", **required, addonVersion=version))["update"]
    assert wait_for_update("full", update, addonName="aws-ebs-csi-driver")["status"] == "Successful"
    client.list_addons(clusterName="full", maxResults=1)
    client.delete_addon(**target, preserve=True)
    client.get_waiter("addon_deleted").wait(**target, WaiterConfig=QUICK)


def test_moto_operations_are_replaced():
    """The lab replaces all of moto's operations of EKS."""
    moto_operations = {name for name in MODEL.operation_names if hasattr(EKSResponse, camelcase_to_underscores(name))}
    assert moto_operations - implemented_operations() == set()


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
def test_response_validation_finds_deviations(value, problem):
    """The validation of responses fails for unknown members, wrong types and values outside an enum."""
    shape = MODEL.operation_model("DescribeCluster").output_shape
    (deviation,) = deviations(shape, value, "")
    assert problem in deviation


def test_response_validation_finds_missing_members():
    """The validation of responses fails for a missing required member."""
    shape = get_service_model("eks-auth").operation_model("AssumeRoleForPodIdentity").output_shape
    assert any("credentials: missing" in deviation for deviation in deviations(shape, {}, ""))
