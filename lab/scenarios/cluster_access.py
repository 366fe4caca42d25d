"""Scenario 1: a user gets read-only access."""

from __future__ import annotations

import json

import yaml

from lab.principals import ADMINISTRATOR, client
from lab.scenarios import settings
from lab.scenarios.clients import CommandResult, LabClients
from lab.scenarios.step import Scenario

CLUSTER = "eks-clu"
USER = "eks-ope"
OTHER_USER = "security-auditor"
COMMENT = "# requested by the auditors"

before = Scenario(1)
after = Scenario(1)
mapped_twice = Scenario(1)
unmapped = Scenario(1)
by_access_entry = Scenario(1)


def prepare(clients: LabClients) -> None:
    """Create the scenario's users: one who may describe clusters, and one whom another writer maps."""
    iam = client(clients.home, "iam")
    policy = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "eks:DescribeCluster", "Resource": "*"},
    }
    for user in (USER, OTHER_USER):
        iam.create_user(UserName=user)
    iam.put_user_policy(UserName=USER, PolicyName="describe-clusters", PolicyDocument=json.dumps(policy))
    clients.update_kubeconfig(CLUSTER, USER)


@before.step("the cluster's creator lists nodes", client="kubectl", expected="works")
def creator_lists_nodes(clients: LabClients) -> str:
    result = clients.kubectl(CLUSTER, "get", "nodes", "-o", "name", principal=ADMINISTRATOR)
    return result.verdict if result.stdout.startswith("node/") else f"no nodes: {result.verdict}"


@before.step(f"{USER} lists nodes", client="kubectl, own access key", expected="Unauthorized")
@unmapped.step(f"{USER} lists nodes, mapping removed", client="kubectl", expected="Unauthorized")
@after.step(f"{USER} lists nodes, mapped", client="kubectl", expected="works")
@by_access_entry.step(f"{USER} lists nodes, by access entry", client="kubectl", expected="works")
def user_lists_nodes(clients: LabClients) -> str:
    return _as_user(clients, "get", "nodes").verdict


@before.step("another writer maps a user by hand", client="kubectl", expected="works")
def other_writer_maps_user(clients: LabClients) -> str:
    arn = client(clients.home, "iam").get_user(UserName=OTHER_USER)["User"]["Arn"]
    entry = f"{COMMENT}\n- userarn: {arn}\n  username: {OTHER_USER}\n  groups: [auditors]\n"
    patch = json.dumps({"data": {"mapUsers": entry}})
    return clients.operate(CLUSTER, "-n", "kube-system", "patch", "configmap", "aws-auth", "--patch", patch).verdict


@after.step(
    "pulumi up created the objects of the chain",
    client="engine's state",
    expected="AwsAuthMapping, ClusterRole, ClusterRoleBinding",
)
def objects_of_the_chain(clients: LabClients) -> str:
    chain = ("ClusterRole", "ClusterRoleBinding", "AwsAuthMapping", "AccessEntry")
    kinds = [resource["type"].rpartition(":")[2] for resource in clients.engine_state() if resource["custom"]]
    return ", ".join(sorted(kind for kind in kinds if kind in chain))


@after.step(f"{USER} gets pods", client="kubectl", expected="works")
@by_access_entry.step(f"{USER} gets pods, by access entry", client="kubectl", expected="works")
def user_gets_pods(clients: LabClients) -> str:
    return _as_user(clients, "get", "pods", "--all-namespaces").verdict


@after.step(f"{USER} deletes a pod", client="kubectl", expected="Forbidden")
@by_access_entry.step(f"{USER} deletes a pod, by access entry", client="kubectl", expected="Forbidden")
def user_deletes_a_pod(clients: LabClients) -> str:
    return _as_user(clients, "delete", "pod", "any").verdict


@after.step(f"{USER} reads secrets", client="kubectl", expected="Forbidden")
@by_access_entry.step(f"{USER} reads secrets, by access entry", client="kubectl", expected="Forbidden")
def user_reads_secrets(clients: LabClients) -> str:
    return _as_user(clients, "get", "secrets").verdict


@after.step(
    "aws-auth lists the mappings",
    client="the ConfigMap, by kubectl",
    expected=f"users {USER}, {OTHER_USER} and its comment; roles eks-lab-node",
)
@unmapped.step(
    "mappings of other writers remain",
    client="the ConfigMap, by kubectl",
    expected=f"users {OTHER_USER} and its comment; roles eks-lab-node",
)
def mappings(clients: LabClients) -> str:
    response = clients.operate(CLUSTER, "get", "configmap", "aws-auth", "-n", "kube-system", "-o", "json")
    data = json.loads(response.stdout)["data"]
    users = [entry["userarn"].rpartition("/")[2] for entry in yaml.safe_load(data["mapUsers"])]
    roles = [entry["rolearn"].rpartition("/")[2] for entry in yaml.safe_load(data["mapRoles"])]
    comment = " and its comment" if COMMENT in data["mapUsers"] else ""
    return f"users {', '.join(sorted(users))}{comment}; roles {', '.join(roles)}"


@after.step("the pipeline lists the mappings", client="pipeline outputs", expected=f"operators: {USER}")
def mappings_of_the_pipeline(clients: LabClients) -> str:
    access_by_group = clients.pipeline("outputs")["outputs"]["access"]
    names = {
        group: [arn.rpartition("/")[2] for arn in access["principals"]] for group, access in access_by_group.items()
    }
    return "; ".join(f"{group}: {', '.join(users)}" for group, users in names.items())


@mapped_twice.step(
    "the same ARN is mapped again, other groups",
    client="pulumi preview",
    expected="rejected, both declarations named",
)
def same_arn_again(clients: LabClients) -> str:
    report = clients.pipeline("preview", settings.add_second_mapping(settings.adopt_provider(clients.settings())))
    diagnostics = "\n".join(report["diagnostics"])
    names_both_declarations = settings.SECOND_MAPPING in diagnostics and settings.FIRST_MAPPING in diagnostics
    return (
        "rejected, both declarations named"
        if report["result"] == "failed" and names_both_declarations
        else f"{report['result']}: {diagnostics}"
    )


def _as_user(clients: LabClients, *arguments: str) -> CommandResult:
    return clients.kubectl(CLUSTER, *arguments, principal=USER)
