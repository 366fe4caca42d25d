"""Story 1 with the real eksctl: an IAM user gets read-only access by aws-auth, and by an access entry."""

import json

import pytest
import yaml
from tenacity import Retrying, stop_after_delay, wait_fixed

from support.eksctl_clients import ACCOUNT

USER = f"{ACCOUNT}:user/eks-ope"
NODE_ROLE = f"{ACCOUNT}:role/eks-lab-node"
AWS_AUTH, ENTRIES = "eks-clu", "irsa"
"""The clusters of the modes CONFIG_MAP and API."""
READ_ONLY = {"get nodes": "works", "get pods": "works", "delete pod any": "Forbidden", "get secrets": "Forbidden"}


@pytest.fixture(scope="module")
def verdicts(clients, user):
    """Return a function that returns what kubectl prints for the user's commands of story 1, by its kubeconfig."""
    role = ("test-clu-role", "--verb=get,watch,list", "--resource=pods,nodes")
    binding = ("test-clu-rolebinding", "--clusterrole=test-clu-role", "--group=operators")
    for cluster in (AWS_AUTH, ENTRIES):
        clients.update_kubeconfig(cluster, user)
        for arguments in (("clusterrole", *role), ("clusterrolebinding", *binding)):
            assert clients.operate(cluster, "create", *arguments).worked

    def run(cluster, commands=READ_ONLY, principal=user):
        return {text: clients.kubectl(cluster, *text.split(), principal=principal).verdict for text in commands}

    return run


def until_unauthorized(verdicts):
    """Wait until kubectl prints Unauthorized for each command: the API server caches the result of a token."""
    for attempt in Retrying(stop=stop_after_delay(30), wait=wait_fixed(0.5), reraise=True):
        with attempt:
            assert set(verdicts().values()) == {"Unauthorized"}


@pytest.fixture
def map_user(clients):
    """Return a function that runs the article's command. The mapping is deleted after the test."""
    options = ("--cluster", AWS_AUTH, "--arn", USER)

    def run(group="operators"):
        return clients.eksctl("create", "iamidentitymapping", *options, "--group", group, "--no-duplicate-arns")

    yield run
    clients.eksctl("delete", "iamidentitymapping", *options)


def test_iamidentitymapping_gives_the_user_read_only_access(clients, verdicts, map_user):
    """Before the mapping kubectl prints Unauthorized; then the user reads nodes and pods, and no secrets."""
    assert set(verdicts(AWS_AUTH).values()) == {"Unauthorized"}
    assert map_user().worked
    assert verdicts(AWS_AUTH) == READ_ONLY
    clients.done("delete", "iamidentitymapping", "--cluster", AWS_AUTH, "--arn", USER)
    until_unauthorized(lambda: verdicts(AWS_AUTH))


def test_iamidentitymapping_is_listed_beside_the_node_role(clients, map_user, user):
    """`eksctl get` lists the mapping as the ConfigMap has it, once; the mapping of the node role is unchanged."""
    before = clients.mappings(AWS_AUTH)
    assert map_user().worked
    mapping = {"userarn": USER, "groups": ["operators"]}
    assert clients.mappings(AWS_AUTH) == {"mapRoles": before["mapRoles"], "mapUsers": [mapping]}
    listed = clients.listed("iamidentitymapping", "--cluster", AWS_AUTH)
    assert {entry.get("userarn") or entry["rolearn"]: entry["groups"] for entry in listed} == {
        NODE_ROLE: ["system:bootstrappers", "system:nodes"],
        USER: ["operators"],
    }


def test_no_duplicate_arns(clients, map_user, user):
    """With --no-duplicate-arns the same mapping is skipped, and another one of the ARN is rejected."""
    assert map_user().worked
    mapped = clients.mappings(AWS_AUTH)
    again = map_user()
    assert (again.code, "found existing mapping that matches the one being created" in again.stdout) == (0, True)
    other = map_user("others")
    assert (other.code, "shadowing is disabled" in other.stderr) == (1, True)
    assert clients.mappings(AWS_AUTH) == mapped


def test_accessentry_gives_the_user_read_only_access(clients, verdicts):
    """The same verdicts by an access entry, which aws describes and a stack owns; a deletion removes both."""
    options = ("--cluster", ENTRIES, "--principal-arn", USER)
    describe = ("eks", "describe-access-entry", "--cluster-name", ENTRIES, "--principal-arn", USER)
    assert set(verdicts(ENTRIES).values()) == {"Unauthorized"}
    clients.done("create", "accessentry", *options, "--kubernetes-groups", "operators")
    assert verdicts(ENTRIES) == READ_ONLY
    entry = clients.query(*describe)["accessEntry"]
    assert (entry["type"], entry["username"], entry["kubernetesGroups"]) == ("STANDARD", USER, ["operators"])
    (stack,) = clients.stack_names()
    assert entry["tags"]["Name"] == f"{stack}/AccessEntry"
    again = clients.done("create", "accessentry", *options, "--kubernetes-groups", "operators")
    assert "access entries already up-to-date" in again
    clients.done("delete", "accessentry", *options)
    until_unauthorized(lambda: verdicts(ENTRIES))
    assert "ResourceNotFoundException" in clients.aws(*describe).stderr
    assert clients.stack_names() == []


def test_accessentry_with_an_access_policy(clients, verdicts, role):
    """An entry of a config file has AmazonEKSViewPolicy for one namespace: kubectl reads pods there only."""
    policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
    scope = {"type": "namespace", "namespaces": ["default"]}
    entry = {"principalARN": f"{ACCOUNT}:role/{role}", "accessPolicies": [{"policyARN": policy, "accessScope": scope}]}
    config = {
        "apiVersion": "eksctl.io/v1alpha5",
        "kind": "ClusterConfig",
        "metadata": {"name": ENTRIES, "region": "ap-northeast-1"},
        "accessConfig": {"accessEntries": [entry]},
    }
    clients.update_kubeconfig(ENTRIES, f"role/{role}")
    clients.done("create", "accessentry", "--config-file", "-", stdin=json.dumps(config))
    expected = {"get pods": "works", "get pods -n kube-system": "Forbidden", "get secrets": "Forbidden"}
    assert verdicts(ENTRIES, expected, f"role/{role}") == expected
    listed = clients.query(
        *("eks", "list-associated-access-policies", "--cluster-name", ENTRIES),
        *("--principal-arn", f"{ACCOUNT}:role/{role}", "--query", "associatedAccessPolicies[].[policyArn,accessScope]"),
    )
    assert listed == [[policy, scope]]
    clients.done("delete", "accessentry", "--config-file", "-", stdin=json.dumps(config))
    until_unauthorized(lambda: verdicts(ENTRIES, expected, f"role/{role}"))


def test_kubeconfig_of_eksctl(clients, tmp_path):
    """kubectl works with the kubeconfig that eksctl writes, by tokens of aws-iam-authenticator."""
    file = tmp_path / "kubeconfig"
    clients.done("utils", "write-kubeconfig", "--cluster", ENTRIES, "--kubeconfig", str(file))
    (user,) = yaml.safe_load(file.read_text())["users"]
    assert user["user"]["exec"]["command"] == "aws-iam-authenticator"
    assert clients.run("kubectl", f"--kubeconfig={file}", "get", "nodes").verdict == "works"


def test_get_accessentry_lists_what_aws_lists(clients):
    """`eksctl get accessentry` lists the principals that `aws eks list-access-entries` lists."""
    listed = clients.listed("accessentry", "--cluster", ENTRIES)
    entries = clients.query("eks", "list-access-entries", "--cluster-name", ENTRIES)["accessEntries"]
    assert sorted(entry["principalARN"] for entry in listed) == sorted(entries)
    assert NODE_ROLE in entries


def test_accessentry_needs_a_mode_with_access_entries(clients):
    """On a cluster of the mode CONFIG_MAP each command of access entries fails, as eksctl's own tests expect."""
    for verb in ("create", "get", "delete"):
        principal = () if verb == "get" else ("--principal-arn", USER)
        result = clients.eksctl(verb, "accessentry", "--cluster", AWS_AUTH, *principal)
        assert (result.code, "access entries API is not currently enabled" in result.stderr) == (1, True), result
