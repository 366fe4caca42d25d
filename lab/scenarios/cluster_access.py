"""Story 1: a person may look, and only look."""

from __future__ import annotations

import json

import yaml

from lab.principals import ADMINISTRATOR, client
from lab.scenarios import settings
from lab.scenarios.clients import CommandResult, LabClients
from lab.scenarios.step import Scenario

CLUSTER = "eks-clu"
PERSON = "eks-ope"
SOMEBODY_ELSE = "somebody-else"
COMMENT = "# asked for by the auditors"

before = Scenario(1)
after = Scenario(1)
mapped_twice = Scenario(1)
unmapped = Scenario(1)
by_access_entry = Scenario(1)


def prepare(world: LabClients) -> None:
    """What the story finds: a new IAM user who may describe clusters, and another user for somebody else to map."""
    iam = client(world.home, "iam")
    policy = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "eks:DescribeCluster", "Resource": "*"},
    }
    for user in (PERSON, SOMEBODY_ELSE):
        iam.create_user(UserName=user)
    iam.put_user_policy(UserName=PERSON, PolicyName="describe-clusters", PolicyDocument=json.dumps(policy))
    world.update_kubeconfig(CLUSTER, PERSON)


@before.step("the cluster's creator lists nodes", seen_with="kubectl", expected="works")
def creator_lists_nodes(world: LabClients) -> str:
    answer = world.kubectl(CLUSTER, "get", "nodes", "-o", "name", principal=ADMINISTRATOR)
    return answer.verdict if answer.stdout.startswith("node/") else f"no nodes: {answer.verdict}"


@before.step(f"{PERSON} lists nodes", seen_with="kubectl, own access key", expected="Unauthorized")
@unmapped.step(f"{PERSON} lists nodes, mapping taken out", seen_with="kubectl", expected="Unauthorized")
@after.step(f"{PERSON} lists nodes, mapped", seen_with="kubectl", expected="works")
@by_access_entry.step(f"{PERSON} lists nodes, by access entry", seen_with="kubectl", expected="works")
def person_lists_nodes(world: LabClients) -> str:
    return _as_person(world, "get", "nodes").verdict


@before.step("somebody else maps a user by hand", seen_with="kubectl", expected="works")
def somebody_else_maps(world: LabClients) -> str:
    arn = client(world.home, "iam").get_user(UserName=SOMEBODY_ELSE)["User"]["Arn"]
    entry = f"{COMMENT}\n- userarn: {arn}\n  username: {SOMEBODY_ELSE}\n  groups: [auditors]\n"
    patch = json.dumps({"data": {"mapUsers": entry}})
    return world.operate(CLUSTER, "-n", "kube-system", "patch", "configmap", "aws-auth", "--patch", patch).verdict


@after.step(
    "pulumi up made the objects of the chain",
    seen_with="engine's state",
    expected="AwsAuthMapping, ClusterRole, ClusterRoleBinding",
)
def objects_of_the_chain(world: LabClients) -> str:
    chain = ("ClusterRole", "ClusterRoleBinding", "AwsAuthMapping", "AccessEntry")
    kinds = [resource["type"].rpartition(":")[2] for resource in world.engine_state() if resource["custom"]]
    return ", ".join(sorted(kind for kind in kinds if kind in chain))


@after.step(f"{PERSON} gets pods", seen_with="kubectl", expected="works")
@by_access_entry.step(f"{PERSON} gets pods, by access entry", seen_with="kubectl", expected="works")
def person_gets_pods(world: LabClients) -> str:
    return _as_person(world, "get", "pods", "--all-namespaces").verdict


@after.step(f"{PERSON} deletes a pod", seen_with="kubectl", expected="Forbidden")
@by_access_entry.step(f"{PERSON} deletes a pod, by access entry", seen_with="kubectl", expected="Forbidden")
def person_deletes_a_pod(world: LabClients) -> str:
    return _as_person(world, "delete", "pod", "any").verdict


@after.step(f"{PERSON} reads secrets", seen_with="kubectl", expected="Forbidden")
@by_access_entry.step(f"{PERSON} reads secrets, by access entry", seen_with="kubectl", expected="Forbidden")
def person_reads_secrets(world: LabClients) -> str:
    return _as_person(world, "get", "secrets").verdict


@after.step(
    "mappings are listed",
    seen_with="the ConfigMap, by kubectl",
    expected=f"users {PERSON}, {SOMEBODY_ELSE} and its comment; roles eks-lab-node",
)
@unmapped.step(
    "the others' mappings are still there",
    seen_with="the ConfigMap, by kubectl",
    expected=f"users {SOMEBODY_ELSE} and its comment; roles eks-lab-node",
)
def mappings(world: LabClients) -> str:
    shown = world.operate(CLUSTER, "get", "configmap", "aws-auth", "-n", "kube-system", "-o", "json")
    data = json.loads(shown.stdout)["data"]
    users = [entry["userarn"].rpartition("/")[2] for entry in yaml.safe_load(data["mapUsers"])]
    roles = [entry["rolearn"].rpartition("/")[2] for entry in yaml.safe_load(data["mapRoles"])]
    comment = " and its comment" if COMMENT in data["mapUsers"] else ""
    return f"users {', '.join(sorted(users))}{comment}; roles {', '.join(roles)}"


@after.step("mappings are listed by us", seen_with="pipeline outputs", expected=f"operators: {PERSON}")
def mappings_by_us(world: LabClients) -> str:
    people = world.pipeline("outputs")["outputs"]["access"]
    names = {group: [arn.rpartition("/")[2] for arn in access["principals"]] for group, access in people.items()}
    return "; ".join(f"{group}: {', '.join(persons)}" for group, persons in names.items())


@mapped_twice.step(
    "the same ARN is mapped again, other groups", seen_with="pulumi preview", expected="refused, both places named"
)
def same_arn_again(world: LabClients) -> str:
    report = world.pipeline("preview", settings.with_second_mapping(settings.adopting(world.settings())))
    said = "\n".join(report["diagnostics"])
    both = settings.SECOND_MAPPING in said and settings.FIRST_MAPPING in said
    return "refused, both places named" if report["result"] == "failed" and both else f"{report['result']}: {said}"


def _as_person(world: LabClients, *arguments: str) -> CommandResult:
    return world.kubectl(CLUSTER, *arguments, principal=PERSON)
