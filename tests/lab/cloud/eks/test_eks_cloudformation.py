"""CloudFormation's EKS resources, with templates in the form of eksctl's."""

import json

import pytest

from support.cloudformation_stacks import POD_TRUST, Stacks
from support.eks_constants import ACCOUNT, REGION

VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSAdminPolicy"


@pytest.fixture
def stacks(lab):
    return Stacks(lab.client("cloudformation"))


def name_tag(name):
    return [{"Key": "Name", "Value": {"Fn::Sub": f"${{AWS::StackName}}/{name}"}}]


def template(resource_set, **outputs):
    exported = {
        name: {"Value": value, "Export": {"Name": {"Fn::Sub": f"${{AWS::StackName}}::{name}"}}}
        for name, value in outputs.items()
    }
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resource_set, "Outputs": exported}


def access_entry(cluster, principal, **properties):
    return {
        "Type": "AWS::EKS::AccessEntry",
        "Properties": {
            "PrincipalArn": principal,
            "ClusterName": cluster,
            "Tags": name_tag("AccessEntry"),
            **properties,
        },
    }


def access_policy(arn, *namespaces):
    scope = {"Type": "namespace", "Namespaces": list(namespaces)} if namespaces else {"Type": "cluster"}
    return {"PolicyArn": arn, "AccessScope": scope}


def test_service_account_role_of_eksctl(lab, stacks, make_cluster):
    """A role for a service account is created with its OIDC trust, and its ARN is an exported output."""
    issuer = f"oidc.eks.{REGION}.amazonaws.com/id/ABC"
    provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}"
    claims = {f"{issuer}:sub": "system:serviceaccount:backend:s3", f"{issuer}:aud": "sts.amazonaws.com"}
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Action": ["sts:AssumeRoleWithWebIdentity"],
                "Condition": {"StringEquals": claims},
                "Effect": "Allow",
                "Principal": {"Federated": provider},
            }
        ],
    }
    arn = {"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/AmazonS3ReadOnlyAccess"}
    properties = {"AssumeRolePolicyDocument": trust, "ManagedPolicyArns": [arn]}
    role = {"Type": "AWS::IAM::Role", "Properties": properties}
    allowed = {"Effect": "Allow", "Resource": "*", "Action": ["s3:ListAllMyBuckets"]}
    policy = {
        "Type": "AWS::IAM::Policy",
        "Properties": {
            "PolicyName": {"Fn::Sub": "${AWS::StackName}-Policy1"},
            "Roles": [{"Ref": "Role1"}],
            "PolicyDocument": {"Version": "2012-10-17", "Statement": [allowed]},
        },
    }
    tags = [{"Key": "alpha.eksctl.io/cluster-name", "Value": "eks-clu"}]
    document = template({"Role1": role, "Policy1": policy}, Role1={"Fn::GetAtt": "Role1.Arn"})
    stack = stacks.create(document, Tags=tags, Capabilities=["CAPABILITY_IAM"], DisableRollback=False)
    assert stacks.status(stack) == "CREATE_COMPLETE", stacks.reasons(stack)
    name = stacks.physical_ids(stack)["Role1"]
    iam = lab.client("iam")
    found = iam.get_role(RoleName=name)["Role"]
    assert stacks.outputs(stack) == {"Role1": found["Arn"]}
    assert (found["AssumeRolePolicyDocument"], found["Tags"]) == (trust, tags)
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == [f"{stack}-Policy1"]
    assert stacks.delete(stack) == "DELETE_COMPLETE"


def test_access_entry_with_policies(lab, stacks, client, make_cluster, pod_role, node_role):
    """An entry has its groups, username and access policies. An update changes them, or replaces the entry."""
    cluster = make_cluster()
    entry = access_entry(
        cluster,
        pod_role,
        KubernetesGroups=["viewers"],
        Username="user1",
        AccessPolicies=[access_policy(VIEW, "kube-system", "default"), access_policy(ADMIN)],
    )
    stack = stacks.create(template({"AccessEntry": entry}), Capabilities=[])
    assert stacks.status(stack) == "CREATE_COMPLETE", stacks.reasons(stack)
    assert stacks.physical_ids(stack) == {"AccessEntry": f"{pod_role}|{cluster}"}
    key = {"clusterName": cluster, "principalArn": pod_role}
    found = client.describe_access_entry(**key)["accessEntry"]
    assert (found["kubernetesGroups"], found["username"]) == (["viewers"], "user1")
    assert found["tags"] == {"Name": f"{stack}/AccessEntry"}

    def policies():
        associated = client.list_associated_access_policies(**key)["associatedAccessPolicies"]
        return {entry["policyArn"]: entry["accessScope"] for entry in associated}

    assert policies() == {
        VIEW: {"type": "namespace", "namespaces": ["kube-system", "default"]},
        ADMIN: {"type": "cluster", "namespaces": []},
    }
    changed = access_entry(
        cluster, pod_role, KubernetesGroups=["b"], Username="user2", AccessPolicies=[access_policy(VIEW)]
    )
    assert stacks.update(stack, template({"AccessEntry": changed}), Capabilities=[]) == "UPDATE_COMPLETE"
    assert policies() == {VIEW: {"type": "cluster", "namespaces": []}}
    assert client.describe_access_entry(**key)["accessEntry"]["username"] == "user2"
    replaced = access_entry(cluster, node_role, Type="EC2_LINUX")
    assert stacks.update(stack, template({"AccessEntry": replaced}), Capabilities=[]) == "UPDATE_COMPLETE"
    entries = client.list_access_entries(clusterName=cluster)["accessEntries"]
    assert (pod_role in entries, node_role in entries) == (False, True)
    assert stacks.delete(stack) == "DELETE_COMPLETE"
    assert node_role not in client.list_access_entries(clusterName=cluster)["accessEntries"]


def test_pod_identity_association_with_its_role(lab, stacks, client, make_cluster):
    """An association and its role are one stack; the role is created first."""
    cluster = make_cluster()
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": POD_TRUST}}
    association = {
        "Type": "AWS::EKS::PodIdentityAssociation",
        "Properties": {
            "ClusterName": cluster,
            "Namespace": "backend",
            "ServiceAccount": "s3",
            "RoleArn": {"Fn::GetAtt": ["Role1", "Arn"]},
        },
    }
    document = template(
        {"Association": association, "Role1": role}, Id={"Fn::GetAtt": ["Association", "AssociationId"]}
    )
    stack = stacks.create(document, Capabilities=["CAPABILITY_IAM"])
    assert stacks.status(stack) == "CREATE_COMPLETE", stacks.reasons(stack)
    key = {"clusterName": cluster, "associationId": stacks.outputs(stack)["Id"]}
    found = client.describe_pod_identity_association(**key)["association"]
    assert (found["namespace"], found["serviceAccount"]) == ("backend", "s3")
    assert found["associationArn"] == stacks.physical_ids(stack)["Association"]
    document["Resources"]["Association"]["Properties"]["DisableSessionTags"] = "true"
    assert stacks.update(stack, document) == "UPDATE_COMPLETE", stacks.reasons(stack)
    assert client.describe_pod_identity_association(**key)["association"]["disableSessionTags"] is True
    assert stacks.delete(stack) == "DELETE_COMPLETE"
    assert client.list_pod_identity_associations(clusterName=cluster)["associations"] == []


def test_association_needs_permission_to_pass_the_role(lab, stacks, client, make_cluster, pod_role):
    """The calls of a stack need iam:PassRole for the role of an association, as direct calls do."""
    cluster = make_cluster()
    allowed = ["cloudformation:*", "eks:*", "iam:GetRole"]
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": allowed, "Resource": "*"}]}
    key = lab.user("no-pass", policy=json.dumps(document))
    properties = {"ClusterName": cluster, "Namespace": "a", "ServiceAccount": "b", "RoleArn": pod_role}
    association = {"Type": "AWS::EKS::PodIdentityAssociation", "Properties": properties}
    limited = Stacks(lab.client("cloudformation", **key))
    stack = limited.create(template({"Association": association}))
    assert limited.status(stack) == "ROLLBACK_COMPLETE"
    assert f"is not authorized to perform: iam:PassRole on resource: {pod_role}" in limited.reasons(stack)
    assert client.list_pod_identity_associations(clusterName=cluster)["associations"] == []


def test_addon_is_complete_when_it_is_active(lab, stacks, client, make_cluster, pod_role):
    """An add-on is created, updated with an association, and deleted, each until EKS has finished."""
    cluster = make_cluster()
    properties = {"ClusterName": cluster, "AddonName": "eks-pod-identity-agent", "ResolveConflicts": "OVERWRITE"}
    addon = {"Type": "AWS::EKS::Addon", "Properties": {**properties, "Tags": name_tag("Addon")}}
    stack = stacks.create(template({"Addon": addon}, Arn={"Fn::GetAtt": ["Addon", "Arn"]}), Capabilities=[])
    assert stacks.status(stack) == "CREATE_COMPLETE", stacks.reasons(stack)
    found = client.describe_addon(clusterName=cluster, addonName="eks-pod-identity-agent")["addon"]
    assert (found["status"], found["addonArn"]) == ("ACTIVE", stacks.outputs(stack)["Arn"])
    assert found["tags"] == {"Name": f"{stack}/Addon"}
    assert stacks.physical_ids(stack) == {"Addon": f"{cluster}|eks-pod-identity-agent"}
    assert stacks.delete(stack) == "DELETE_COMPLETE"
    assert client.list_addons(clusterName=cluster)["addons"] == []


def test_missing_cluster_fails_the_resource(lab, stacks, pod_role):
    """A resource of a cluster that does not exist fails with EKS's message."""
    stack = stacks.create(template({"AccessEntry": access_entry("missing", pod_role)}), Capabilities=[])
    assert stacks.status(stack) == "ROLLBACK_COMPLETE"
    assert "No cluster found for name: missing." in stacks.reasons(stack)
    assert "HandlerErrorCode: NotFound" in stacks.reasons(stack)
