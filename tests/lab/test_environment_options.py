"""A cluster with all options of the settings, and a stack that references it and exists longer than it."""

import pytest

from support.deployed_environment import DeployedEnvironment, add_environment, project, team_settings
from support.lab_project import FailedError

KEY = "arn:aws:kms:ap-northeast-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
FILES = "arn:aws:elasticfilesystem:ap-northeast-1:123456789012:file-system/fs-0123456789abcdef0"
OWNED = {
    "create": {
        "endpoint_private_access": True,
        "endpoint_public_access": True,
        "public_access_cidrs": ["203.0.113.0/24"],
        "enabled_cluster_log_types": ["audit", "authenticator"],
        "encryption_config_key_arn": KEY,
        "fargate": {"selectors": [{"namespace": "batch", "labels": {"tier": "night"}}]},
    },
    "addons": {
        "eks-pod-identity-agent": {},
        "aws-ebs-csi-driver": {"mode": "irsa"},
        "aws-efs-csi-driver": {
            "mode": "pod-identity",
            "policy_templates": [{"name": "aws-efs-csi-driver", "file_system_arns": [FILES]}],
        },
    },
}
REFERENCE = "organization/eks-identity/owner"


@pytest.fixture(scope="module")
def folder(tools, tmp_path_factory):
    folder = project(tmp_path_factory.mktemp("project"), tools)
    add_environment(folder, "owner", {"clusters": {"owned": OWNED}, "tags": {"environment": "owner"}})
    add_environment(
        folder,
        "guest",
        {"clusters": {"shared": {"name": "owned", "stack": REFERENCE}}, **team_settings("shared", "guest")},
    )
    return folder


@pytest.fixture(scope="module")
def owner(running_lab, tools, folder):
    """The environment that creates the cluster; destroyed by the last test, or here if that fails."""
    environment = DeployedEnvironment(running_lab, tools, "owner", folder)
    environment.stand_in()
    try:
        environment.update()
        yield environment
    finally:
        if environment.resources():
            environment.pipeline("destroy")
        environment.remove_network()


@pytest.fixture(scope="module")
def guest(running_lab, tools, folder, owner):
    """An environment that only declares access to the cluster of `owner`."""
    environment = DeployedEnvironment(running_lab, tools, "guest", folder)
    environment.aws("iam", "create-user", "--user-name", "guest-watcher")
    environment.update()
    environment.roles = {role["RoleName"] for role in environment.made_roles()}
    return environment


def test_cluster_options_reach_eks(owner):
    """EKS describes the endpoint, log types and encryption key of the settings."""
    cluster = owner.aws("eks", "describe-cluster", "--name", "owned")["cluster"]
    network = cluster["resourcesVpcConfig"]
    assert (network["endpointPrivateAccess"], network["endpointPublicAccess"]) == (True, True)
    assert network["publicAccessCidrs"] == ["203.0.113.0/24"]
    assert {"types": ["audit", "authenticator"], "enabled": True} in cluster["logging"]["clusterLogging"]
    assert cluster["encryptionConfig"] == [{"resources": ["secrets"], "provider": {"keyArn": KEY}}]


def test_fargate_profile_of_the_settings(owner):
    """EKS has the Fargate profile with its selectors and subnets, and an access entry for its pod execution role."""
    on_cluster = ("--cluster-name", "owned")
    (name,) = owner.aws("eks", "list-fargate-profiles", *on_cluster)["fargateProfileNames"]
    profile = owner.aws("eks", "describe-fargate-profile", *on_cluster, "--fargate-profile-name", name)[
        "fargateProfile"
    ]
    assert profile["selectors"] == [{"namespace": "batch", "labels": {"tier": "night"}}]
    assert sorted(profile["subnets"]) == sorted(owner.subnets)
    entry = owner.aws("eks", "describe-access-entry", *on_cluster, "--principal-arn", profile["podExecutionRoleArn"])
    assert entry["accessEntry"]["type"] == "FARGATE_LINUX"


def test_addon_identities_follow_their_mode(owner):
    """An add-on with IRSA has a role, one with Pod Identity an association, and the Pod Identity agent has neither."""
    addons = {
        name: owner.aws("eks", "describe-addon", "--cluster-name", "owned", "--addon-name", name)["addon"]
        for name in OWNED["addons"]
    }
    assert {addon["status"] for addon in addons.values()} == {"ACTIVE"}
    assert {addon["tags"]["environment"] for addon in addons.values()} == {"owner"}
    by_irsa, by_pod_identity = addons["aws-ebs-csi-driver"], addons["aws-efs-csi-driver"]
    assert trusted_actions(owner, by_irsa["serviceAccountRoleArn"]) == "sts:AssumeRoleWithWebIdentity"
    assert "podIdentityAssociations" not in by_irsa or by_irsa["podIdentityAssociations"] == []
    (association,) = by_pod_identity["podIdentityAssociations"]
    options = ("--cluster-name", "owned", "--association-id", association.rpartition("/")[2])
    role = owner.aws("eks", "describe-pod-identity-association", *options)["association"]["roleArn"]
    assert "sts:TagSession" in trusted_actions(owner, role)
    assert role != by_irsa["serviceAccountRoleArn"]
    assert not addons["eks-pod-identity-agent"].get("serviceAccountRoleArn")
    assert not addons["eks-pod-identity-agent"].get("podIdentityAssociations")


def trusted_actions(environment, role_arn):
    """Return the actions that the role's trust policy allows."""
    role = environment.aws("iam", "get-role", "--role-name", role_arn.rpartition("/")[2])["Role"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    return statement["Action"]


def test_second_update_changes_nothing(owner):
    """A second update finds no difference between the options and EKS."""
    assert owner.update() == []


def test_referenced_cluster_has_access_and_workloads_of_the_guest(guest):
    """A stack without a cluster declares access and workloads in a cluster of another stack, by its outputs."""
    assert "Forbidden" not in guest.kubectl("shared", "get", "nodes", principal="guest-watcher")
    assert "Forbidden" in guest.kubectl("shared", "get", "secrets", principal="guest-watcher")
    assert guest.kubectl("shared", "get", "serviceaccount", "guest-pods", "-o", "name") == "serviceaccount/guest-pods\n"
    assert guest.resources("aws:eks/cluster:Cluster") == []


def test_referenced_cluster_that_was_destroyed_is_an_error_with_a_fix(owner, guest):
    """After the cluster's stack is destroyed, preview and destroy of the other stack fail with the commands to run."""
    owner.pipeline("destroy")
    assert "owned" not in owner.aws("eks", "list-clusters")["clusters"]
    for operation in ("preview", "destroy"):
        with pytest.raises(FailedError) as failure:
            guest.pipeline(operation)
        message = str(failure.value)
        assert "PULUMI_K8S_DELETE_UNREACHABLE" in message
        assert "Traceback" not in message
        if operation == "preview":
            assert "`PULUMI_K8S_DELETE_UNREACHABLE=true pulumi destroy`" in message
            assert f"clusters.shared.stack: '{REFERENCE}'" in message
            assert f"pulumi up -s {REFERENCE}" in message


def test_destroy_without_a_reachable_cluster(guest):
    """With PULUMI_K8S_DELETE_UNREACHABLE the stack is destroyed, and its IAM role is deleted."""
    guest.pipeline("destroy", PULUMI_K8S_DELETE_UNREACHABLE="true")
    assert guest.resources() == []
    assert len(guest.roles) == 1
    assert guest.roles.isdisjoint(role["RoleName"] for role in guest.aws("iam", "list-roles")["Roles"])
