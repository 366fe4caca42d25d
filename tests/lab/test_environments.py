"""The environments dev and prod on the lab: create, update again, change and destroy."""

import json

import pytest

from support.deployed_environment import CLUSTER, LAB_ACCOUNT, TRUST, DeployedEnvironment, project
from support.lab_project import FailedError

BOUNDARY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
ROLES = {"developer": "/", "operator": "/", "administrator": "/platform/", "newcomer": "/"}
"""IAM roles with access, each with its path."""
IAM_ARN = f"arn:aws:iam::{LAB_ACCOUNT}"


@pytest.fixture(scope="module")
def folder(running_lab, tools, tmp_path_factory):
    """The project, and in the account the users, roles and permissions boundary that both environments refer to."""
    folder = project(tmp_path_factory.mktemp("project"), tools)
    setup = DeployedEnvironment(running_lab, tools, "dev", folder)
    for name, path in ROLES.items():
        role = ("--role-name", name, "--path", path, "--assume-role-policy-document", json.dumps(TRUST))
        setup.aws("iam", "create-role", *role)
    setup.aws("iam", "create-user", "--user-name", "dev-operator")
    setup.aws("iam", "create-policy", "--policy-name", "eks-boundary", "--policy-document", json.dumps(BOUNDARY))
    yield folder
    for name in ROLES:
        setup.aws("iam", "delete-role", "--role-name", name)
    setup.aws("iam", "delete-policy", "--policy-arn", f"{IAM_ARN}:policy/eks-boundary")


@pytest.fixture(scope="module")
def dev(running_lab, tools, folder):
    yield from deployed(running_lab, tools, "dev", folder)


@pytest.fixture(scope="module")
def prod(running_lab, tools, folder):
    yield from deployed(running_lab, tools, "prod", folder)


def deployed(running_lab, tools, stack, folder):
    """The environment after its first update by the pipeline; its last test destroys it."""
    environment = DeployedEnvironment(running_lab, tools, stack, folder)
    environment.stand_in()
    environment.outputs = environment.pipeline("up", "--show-secrets")["outputs"]
    yield environment
    environment.remove_network()


def test_dev_second_update_changes_nothing(dev):
    """A second update of dev has no changes."""
    assert dev.update() == []


def test_dev_grants_access_by_both_methods(dev):
    """In dev, principals have an aws-auth mapping and an access entry, and exactly the permissions of their role."""
    assert "NAME" in dev.kubectl("dev", "get", "nodes", principal="dev-operator")
    assert "Forbidden" in dev.kubectl("dev", "get", "secrets", principal="dev-operator")
    config_map = json.loads(dev.kubectl("dev", "get", "configmap", "aws-auth", "-n", "kube-system", "-o", "json"))
    assert f"{IAM_ARN}:user/dev-operator" in config_map["data"]["mapUsers"]
    entries = dev.aws("eks", "list-access-entries", "--cluster-name", "dev")["accessEntries"]
    assert {f"{IAM_ARN}:user/dev-operator", f"{IAM_ARN}:role/developer"} <= set(entries)


def test_dev_tags_its_resources(dev):
    """The cluster, its node group, the roles and the access entries have the environment's tags."""
    on_cluster = ("--cluster-name", "dev")
    group = dev.aws("eks", "list-nodegroups", *on_cluster)["nodegroups"][0]
    entry = ("--principal-arn", f"{IAM_ARN}:user/dev-operator")
    resource_tags = [
        dev.aws("eks", "describe-cluster", "--name", "dev")["cluster"]["tags"],
        dev.aws("eks", "describe-nodegroup", *on_cluster, "--nodegroup-name", group)["nodegroup"]["tags"],
        dev.aws("eks", "describe-access-entry", *on_cluster, *entry)["accessEntry"]["tags"],
        *({tag["Key"]: tag["Value"] for tag in role["Tags"]} for role in dev.made_roles()),
    ]
    assert [tags["environment"] for tags in resource_tags] == ["dev"] * len(resource_tags)


def test_dev_changes(dev):
    """An added principal has access, a removed one has none, and the preview says so; a workload switches its mode."""
    with dev.changed() as settings:
        settings["access"]["operators"]["principals"] = [{"role": "newcomer"}]
        settings["workloads"]["reports"]["mode"] = "pod-identity"
    dev.pipeline("preview", "--save-comment", str(dev.folder / "comment.md"))
    comment = (dev.folder / "comment.md").read_text().splitlines()
    assert "- newcomer gains get, list, watch on pods and nodes, whole cluster" in comment
    assert (
        "- dev-operator loses get, list, watch on pods and nodes, whole cluster, and has no access any more" in comment
    )
    dev.update()
    assert "NAME" in dev.kubectl("dev", "get", "nodes", principal="role/newcomer")
    assert "must be logged in" in dev.kubectl("dev", "get", "nodes", principal="dev-operator")
    (association,) = dev.aws("eks", "list-pod-identity-associations", "--cluster-name", "dev")["associations"]
    assert association["serviceAccount"] == "reports"
    account = json.loads(dev.kubectl("dev", "get", "serviceaccount", "reports", "-o", "json"))
    assert "eks.amazonaws.com/role-arn" not in account["metadata"].get("annotations", {})


def test_dev_migrates_to_access_entries(dev):
    """The mode of a cluster that the stack creates becomes API. All keep their access, also the nodes of its group.

    The first two steps, which change nothing in a cluster with the mode of dev, are settings already.
    """
    with dev.changed() as settings:
        settings["clusters"]["dev"]["migration"] = {"target_mode": "API_AND_CONFIG_MAP"}
        settings["clusters"]["dev"]["create"]["authentication_mode"] = "API_AND_CONFIG_MAP"
    dev.pipeline("migrate", "--authentication-mode", "API")
    with dev.changed() as settings:
        cluster = settings["clusters"]["dev"]
        assert (cluster["migration"]["target_mode"], cluster["create"]["authentication_mode"]) == ("API", "API")
        assert settings["access"]["operators"]["access_method"] == "access-entry"
    described = dev.aws("eks", "describe-cluster", "--name", "dev")["cluster"]
    assert described["accessConfig"]["authenticationMode"] == "API"
    assert "NAME" in dev.kubectl("dev", "get", "nodes", principal="role/newcomer")
    assert dev.update() == []


def test_dev_is_destroyed(dev):
    """After a destroy, no resource of dev is in the state or in the account."""
    roles = [role["RoleName"] for role in dev.made_roles()]
    dev.pipeline("destroy")
    assert_nothing_left(dev, roles)


def test_prod_has_secure_defaults(prod):
    """The prod cluster has mode API, a private endpoint, control plane logs, encrypted secrets and protection."""
    cluster = prod.aws("eks", "describe-cluster", "--name", "prod")["cluster"]
    network = cluster["resourcesVpcConfig"]
    assert cluster["accessConfig"]["authenticationMode"] == "API"
    assert (network["endpointPrivateAccess"], network["endpointPublicAccess"]) == (True, False)
    assert {"types": ["api", "audit", "authenticator"], "enabled": True} in cluster["logging"]["clusterLogging"]
    assert cluster["encryptionConfig"][0]["resources"] == ["secrets"]
    assert cluster["deletionProtection"]
    assert prod.resources(CLUSTER)[0]["protect"]


def test_prod_roles_have_the_permissions_boundary(prod):
    """Each IAM role of prod, cluster and node roles included, has the environment's boundary and path."""
    roles = prod.made_roles()
    assert len(roles) == 3
    for role in roles:
        assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == f"{IAM_ARN}:policy/eks-boundary"
        assert role["Path"] == "/eks/"


def test_prod_grants_cluster_access_and_workload_identity(prod):
    """Administrators can do everything, operators can read, and pods have their role by Pod Identity."""
    everything = ("auth", "can-i", "*", "*", "--all-namespaces")
    assert "yes" in prod.kubectl("prod", *everything, principal="role/platform/administrator")
    assert "no" in prod.kubectl("prod", *everything, principal="role/operator")
    assert "kube-root-ca.crt" in prod.kubectl("prod", "get", "configmaps", "-A", principal="role/operator")
    (association,) = prod.aws("eks", "list-pod-identity-associations", "--cluster-name", "prod")["associations"]
    assert association["serviceAccount"] == "reports"


def test_prod_destroy_is_rejected_while_protected(prod):
    """The pipeline and EKS reject the deletion of prod before any change: a second update changes nothing."""
    before = len(prod.resources())
    with pytest.raises(FailedError, match="protected"):
        prod.pipeline("destroy")
    assert len(prod.resources()) == before
    with pytest.raises(AssertionError, match="deletion protection"):
        prod.aws("eks", "delete-cluster", "--name", "prod")
    assert prod.update() == []


def test_prod_changes(prod):
    """An added principal has access, and a removed one has none."""
    with prod.changed() as settings:
        settings["access"]["operators"]["principals"] = [{"role": "newcomer"}]
    prod.update()
    assert "NAMESPACE" in prod.kubectl("prod", "get", "configmaps", "-A", principal="role/newcomer")
    assert "must be logged in" in prod.kubectl("prod", "get", "configmaps", "-A", principal="role/operator")


def test_prod_is_destroyed_without_protection(prod):
    """After both protections are removed manually, a destroy deletes all of prod."""
    roles = [role["RoleName"] for role in prod.made_roles()]
    prod.pulumi("state", "unprotect", prod.resources(CLUSTER)[0]["urn"], "--yes")
    prod.aws("eks", "update-cluster-config", "--name", "prod", "--no-deletion-protection")
    prod.aws("eks", "wait", "cluster-active", "--name", "prod")
    prod.pipeline("destroy")
    assert_nothing_left(prod, roles)


def assert_nothing_left(environment, roles):
    assert environment.resources() == []
    assert environment.stack_name not in environment.aws("eks", "list-clusters")["clusters"]
    remaining = {role["RoleName"] for role in environment.aws("iam", "list-roles")["Roles"]}
    assert remaining.isdisjoint(roles)
    groups = ("--filters", f"Name=vpc-id,Values={environment.vpc}", "--query", "SecurityGroups[].GroupName")
    assert environment.aws("ec2", "describe-security-groups", *groups) == ["default"]
