"""dev and prod, whole, on the lab: up, again, changed and destroyed, so that their first real day holds no surprise."""

import json

import pytest
from deployed_environment import CLUSTER, LAB_ACCOUNT, TRUST, DeployedEnvironment, project
from lab_project import FailedError

BOUNDARY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
ROLES = {"developer": "/", "operator": "/", "administrator": "/platform/", "newcomer": "/"}
"""Who is let in, each with the path that their role has."""
PEOPLE = f"arn:aws:iam::{LAB_ACCOUNT}"


@pytest.fixture(scope="module")
def folder(running_lab, tools, tmp_path_factory):
    """The project; and in the account what both environments refer to: users, roles, a permissions boundary."""
    folder = project(tmp_path_factory.mktemp("project"), tools)
    hands = DeployedEnvironment(running_lab, tools, "dev", folder)
    for name, path in ROLES.items():
        role = ("--role-name", name, "--path", path, "--assume-role-policy-document", json.dumps(TRUST))
        hands.aws("iam", "create-role", *role)
    hands.aws("iam", "create-user", "--user-name", "dev-operator")
    hands.aws("iam", "create-policy", "--policy-name", "eks-boundary", "--policy-document", json.dumps(BOUNDARY))
    yield folder
    for name in ROLES:
        hands.aws("iam", "delete-role", "--role-name", name)
    hands.aws("iam", "delete-policy", "--policy-arn", f"{PEOPLE}:policy/eks-boundary")


@pytest.fixture(scope="module")
def dev(running_lab, tools, folder):
    yield from deployed(running_lab, tools, "dev", folder)


@pytest.fixture(scope="module")
def prod(running_lab, tools, folder):
    yield from deployed(running_lab, tools, "prod", folder)


def deployed(running_lab, tools, stack, folder):
    """The environment after its first update; taken down by the test that says so."""
    environment = DeployedEnvironment(running_lab, tools, stack, folder)
    environment.stand_in()
    environment.outputs = environment.pipeline("up", "--show-secrets")["outputs"]
    yield environment
    environment.remove_network()


def test_dev_has_nothing_to_do_a_second_time(dev):
    """A second update of dev finds nothing to do."""
    assert dev.update() == []


def test_dev_lets_people_in_both_ways(dev):
    """While dev migrates, people have a mapping in aws-auth and an access entry, and may do what their role says."""
    assert "NAME" in dev.kubectl("dev", "get", "nodes", principal="dev-operator")
    assert "Forbidden" in dev.kubectl("dev", "get", "secrets", principal="dev-operator")
    shown = json.loads(dev.kubectl("dev", "get", "configmap", "aws-auth", "-n", "kube-system", "-o", "json"))
    assert f"{PEOPLE}:user/dev-operator" in shown["data"]["mapUsers"]
    entries = dev.aws("eks", "list-access-entries", "--cluster-name", "dev")["accessEntries"]
    assert {f"{PEOPLE}:user/dev-operator", f"{PEOPLE}:role/developer"} <= set(entries)


def test_dev_tags_what_it_makes(dev):
    """The cluster, its node group, the roles and the access entries carry the environment's tags."""
    on_cluster = ("--cluster-name", "dev")
    group = dev.aws("eks", "list-nodegroups", *on_cluster)["nodegroups"][0]
    entry = ("--principal-arn", f"{PEOPLE}:user/dev-operator")
    tagged = [
        dev.aws("eks", "describe-cluster", "--name", "dev")["cluster"]["tags"],
        dev.aws("eks", "describe-nodegroup", *on_cluster, "--nodegroup-name", group)["nodegroup"]["tags"],
        dev.aws("eks", "describe-access-entry", *on_cluster, *entry)["accessEntry"]["tags"],
        *({tag["Key"]: tag["Value"] for tag in role["Tags"]} for role in dev.made_roles()),
    ]
    assert [tags["environment"] for tags in tagged] == ["dev"] * len(tagged)


def test_dev_changes(dev):
    """A person more, a person less, and a workload by Pod Identity in place of IRSA: kubectl and aws see all three."""
    with dev.changed() as settings:
        settings["access"]["operators"]["principals"] = [{"role": "newcomer"}]
        settings["workloads"]["reports"]["mode"] = "pod-identity"
    dev.update()
    assert "NAME" in dev.kubectl("dev", "get", "nodes", principal="role/newcomer")
    assert "must be logged in" in dev.kubectl("dev", "get", "nodes", principal="dev-operator")
    (association,) = dev.aws("eks", "list-pod-identity-associations", "--cluster-name", "dev")["associations"]
    assert association["serviceAccount"] == "reports"
    account = json.loads(dev.kubectl("dev", "get", "serviceaccount", "reports", "-o", "json"))
    assert "eks.amazonaws.com/role-arn" not in account["metadata"].get("annotations", {})


def test_dev_is_destroyed(dev):
    """Nothing of dev is left, in its state and in the account."""
    roles = [role["RoleName"] for role in dev.made_roles()]
    dev.pipeline("destroy")
    nothing_left(dev, roles)


def test_prod_is_what_its_module_says(prod):
    """prod reads access entries alone, answers inside its network alone, logs, encrypts secrets, and is protected."""
    cluster = prod.aws("eks", "describe-cluster", "--name", "prod")["cluster"]
    network = cluster["resourcesVpcConfig"]
    assert cluster["accessConfig"]["authenticationMode"] == "API"
    assert (network["endpointPrivateAccess"], network["endpointPublicAccess"]) == (True, False)
    assert {"types": ["api", "audit", "authenticator"], "enabled": True} in cluster["logging"]["clusterLogging"]
    assert cluster["encryptionConfig"][0]["resources"] == ["secrets"]
    assert cluster["deletionProtection"]
    assert prod.resources(CLUSTER)[0]["protect"]


def test_every_role_of_prod_is_bounded(prod):
    """Each IAM role of prod, the cluster's and the nodes' too, has the environment's boundary and its path."""
    roles = prod.made_roles()
    assert len(roles) == 3
    for role in roles:
        assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == f"{PEOPLE}:policy/eks-boundary"
        assert role["Path"] == "/eks/"


def test_prod_lets_people_in_and_pods_out(prod):
    """The administrator may do everything, operators may look, and pods have their role by Pod Identity."""
    everything = ("auth", "can-i", "*", "*", "--all-namespaces")
    assert "yes" in prod.kubectl("prod", *everything, principal="role/platform/administrator")
    assert "no" in prod.kubectl("prod", *everything, principal="role/operator")
    assert "kube-root-ca.crt" in prod.kubectl("prod", "get", "configmaps", "-A", principal="role/operator")
    (association,) = prod.aws("eks", "list-pod-identity-associations", "--cluster-name", "prod")["associations"]
    assert association["serviceAccount"] == "reports"


def test_prod_is_not_destroyed_by_mistake(prod):
    """Pulumi and EKS refuse to delete prod, before anything is gone: a second update finds nothing to do."""
    before = len(prod.resources())
    with pytest.raises(FailedError, match="protected"):
        prod.pipeline("destroy")
    assert len(prod.resources()) == before
    with pytest.raises(AssertionError, match="deletion protection"):
        prod.aws("eks", "delete-cluster", "--name", "prod")
    assert prod.update() == []


def test_prod_changes(prod):
    """A person more and a person less: kubectl sees both."""
    with prod.changed() as settings:
        settings["access"]["operators"]["principals"] = [{"role": "newcomer"}]
    prod.update()
    assert "NAMESPACE" in prod.kubectl("prod", "get", "configmaps", "-A", principal="role/newcomer")
    assert "must be logged in" in prod.kubectl("prod", "get", "configmaps", "-A", principal="role/operator")


def test_prod_is_destroyed_on_purpose(prod):
    """Once both protections are lifted by hand, prod goes as a whole."""
    roles = [role["RoleName"] for role in prod.made_roles()]
    prod.pulumi("state", "unprotect", prod.resources(CLUSTER)[0]["urn"], "--yes")
    prod.aws("eks", "update-cluster-config", "--name", "prod", "--no-deletion-protection")
    prod.aws("eks", "wait", "cluster-active", "--name", "prod")
    prod.pipeline("destroy")
    nothing_left(prod, roles)


def nothing_left(environment, roles):
    assert environment.resources() == []
    assert environment.stack_name not in environment.aws("eks", "list-clusters")["clusters"]
    there = {role["RoleName"] for role in environment.aws("iam", "list-roles")["Roles"]}
    assert there.isdisjoint(roles)
    groups = ("--filters", f"Name=vpc-id,Values={environment.vpc}", "--query", "SecurityGroups[].GroupName")
    assert environment.aws("ec2", "describe-security-groups", *groups) == ["default"]
