"""A cluster with everything that settings can say of one, and a stack that builds on it and outlives it."""

import pytest
from deployed_environment import DeployedEnvironment, add, project, says
from lab_project import FailedError

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
    add(folder, "owner", {"clusters": {"owned": OWNED}, "tags": {"environment": "owner"}})
    add(folder, "guest", {"clusters": {"theirs": {"name": "owned", "stack": REFERENCE}}, **says("theirs", "guest")})
    return folder


@pytest.fixture(scope="module")
def owner(running_lab, tools, folder):
    """The environment whose cluster it is; taken down by the last test, or here where that failed."""
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
    """An environment that only adds access."""
    environment = DeployedEnvironment(running_lab, tools, "guest", folder)
    environment.aws("iam", "create-user", "--user-name", "guest-watcher")
    environment.update()
    environment.roles = {role["RoleName"] for role in environment.made_roles()}
    return environment


def test_the_cluster_is_as_its_options_say(owner):
    """EKS describes the endpoint, the logs and the key for secrets that the settings name."""
    cluster = owner.aws("eks", "describe-cluster", "--name", "owned")["cluster"]
    network = cluster["resourcesVpcConfig"]
    assert (network["endpointPrivateAccess"], network["endpointPublicAccess"]) == (True, True)
    assert network["publicAccessCidrs"] == ["203.0.113.0/24"]
    assert {"types": ["audit", "authenticator"], "enabled": True} in cluster["logging"]["clusterLogging"]
    assert cluster["encryptionConfig"] == [{"resources": ["secrets"], "provider": {"keyArn": KEY}}]


def test_fargate_runs_the_pods_that_are_selected(owner):
    """EKS has the profile with its selectors, in the cluster's network, and lets its pods' role in."""
    on_cluster = ("--cluster-name", "owned")
    (name,) = owner.aws("eks", "list-fargate-profiles", *on_cluster)["fargateProfileNames"]
    profile = owner.aws("eks", "describe-fargate-profile", *on_cluster, "--fargate-profile-name", name)[
        "fargateProfile"
    ]
    assert profile["selectors"] == [{"namespace": "batch", "labels": {"tier": "night"}}]
    assert sorted(profile["subnets"]) == sorted(owner.subnets)
    entry = owner.aws("eks", "describe-access-entry", *on_cluster, "--principal-arn", profile["podExecutionRoleArn"])
    assert entry["accessEntry"]["type"] == "FARGATE_LINUX"


def test_each_addon_has_the_identity_that_it_was_given(owner):
    """By IRSA an add-on has its role, by Pod Identity an association, and the agent of Pod Identity has neither."""
    found = {
        name: owner.aws("eks", "describe-addon", "--cluster-name", "owned", "--addon-name", name)["addon"]
        for name in OWNED["addons"]
    }
    assert {addon["status"] for addon in found.values()} == {"ACTIVE"}
    assert {addon["tags"]["environment"] for addon in found.values()} == {"owner"}
    by_irsa, by_pod_identity = found["aws-ebs-csi-driver"], found["aws-efs-csi-driver"]
    assert trusted(owner, by_irsa["serviceAccountRoleArn"]) == "sts:AssumeRoleWithWebIdentity"
    assert "podIdentityAssociations" not in by_irsa or by_irsa["podIdentityAssociations"] == []
    (association,) = by_pod_identity["podIdentityAssociations"]
    at = ("--cluster-name", "owned", "--association-id", association.rpartition("/")[2])
    role = owner.aws("eks", "describe-pod-identity-association", *at)["association"]["roleArn"]
    assert "sts:TagSession" in trusted(owner, role)
    assert role != by_irsa["serviceAccountRoleArn"]
    assert not found["eks-pod-identity-agent"].get("serviceAccountRoleArn")
    assert not found["eks-pod-identity-agent"].get("podIdentityAssociations")


def trusted(environment, role_arn):
    """What the role's trust policy allows."""
    role = environment.aws("iam", "get-role", "--role-name", role_arn.rpartition("/")[2])["Role"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    return statement["Action"]


def test_a_second_update_finds_nothing_to_do(owner):
    """What EKS made of the options is what they say."""
    assert owner.update() == []


def test_another_stack_lets_its_people_and_pods_in(guest):
    """The stack has no cluster of its own, and by another one's outputs its people get in and its pods have a role."""
    assert "Forbidden" not in guest.kubectl("theirs", "get", "nodes", principal="guest-watcher")
    assert "Forbidden" in guest.kubectl("theirs", "get", "secrets", principal="guest-watcher")
    assert guest.kubectl("theirs", "get", "serviceaccount", "guest-pods", "-o", "name") == "serviceaccount/guest-pods\n"
    assert guest.resources("aws:eks/cluster:Cluster") == []


def test_a_stack_whose_cluster_is_gone_says_what_to_do(owner, guest):
    """Destroyed first, the cluster's stack leaves the other one nothing to build on: it says so, and how to end."""
    owner.pipeline("destroy")
    assert "owned" not in owner.aws("eks", "list-clusters")["clusters"]
    for operation in ("preview", "destroy"):
        with pytest.raises(FailedError) as refused:
            guest.pipeline(operation)
        said = str(refused.value)
        assert "PULUMI_K8S_DELETE_UNREACHABLE=true" in said
        assert "Traceback" not in said
        if operation == "preview":
            assert f"clusters.theirs.stack: '{REFERENCE}'" in said
            assert f"pulumi up -s {REFERENCE}" in said


def test_what_was_declared_in_it_is_taken_out(guest):
    """By what it said, the other stack ends without a cluster to reach: no role stays in the account."""
    guest.pipeline("destroy", PULUMI_K8S_DELETE_UNREACHABLE="true")
    assert guest.resources() == []
    assert len(guest.roles) == 1
    assert guest.roles.isdisjoint(role["RoleName"] for role in guest.aws("iam", "list-roles")["Roles"])
