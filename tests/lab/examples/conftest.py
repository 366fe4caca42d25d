"""Runs an example as its README tells a reader to, in the lab's shell, and sees that nothing of it is left."""

import json
from pathlib import Path

import pytest
import transcript
import yaml

from lab.environment import process_environment
from lab.principals import ADMINISTRATOR, OTHER_ADMINISTRATOR, client
from lab.stories.world import World

REPOSITORY = Path(__file__).resolve().parents[3]
EXAMPLES = REPOSITORY / "examples"
PROMISED = ("preview", "up --yes --skip-preview", "up --yes --skip-preview --expect-no-changes", "destroy --yes")
"""What the README of every example has its reader run."""


@pytest.fixture(scope="session")
def running_lab(fresh_lab):
    """The examples' own: other tests change the mode of clusters, and there is no way back."""
    with fresh_lab() as home:
        yield home


@pytest.fixture
def world(running_lab, tools):
    return World(running_lab, tools.bin)


@pytest.fixture
def play(world, tools, running_lab, tmp_path):
    """Plays the README of an example from its first command to its last."""
    played = []

    def run(name):
        example = EXAMPLES / name
        said = (example / "README.md").read_text()
        for words in PROMISED:
            assert f"$ pulumi -C examples/{name} {words}" in said
        played.append(name)
        before = inventory(world)
        # A home of its own, so that no client's cache carries over; labs are in the real one's cache folder.
        own = {"HOME": str(tmp_path), "EKS_LAB_HOME": str(running_lab.root)}
        environment = process_environment(running_lab, tools.bin) | own
        transcript.play(example / "README.md", environment, REPOSITORY)
        assert inventory(world) == before

    yield run
    for name in played:
        for left in (("destroy", "--skip-preview"), ("stack", "rm", "--preserve-config", "--force")):
            world.run("pulumi", "-C", str(EXAMPLES / name), *left, "--stack", "lab", "--yes", "--non-interactive")


def inventory(world):
    """Everything of identity that there is in the lab: in IAM of both accounts, in EKS and in each cluster."""
    eks = client(world.home, "eks")
    there = {account: of_account(world, account) for account in (ADMINISTRATOR, OTHER_ADMINISTRATOR)}
    for cluster in eks.list_clusters()["clusters"]:
        mode = eks.describe_cluster(name=cluster)["cluster"]["accessConfig"]["authenticationMode"]
        there[cluster] = {
            "mode": mode,
            "addons": eks.list_addons(clusterName=cluster)["addons"],
            "associations": eks.list_pod_identity_associations(clusterName=cluster)["associations"],
            "entries": mode != "CONFIG_MAP" and sorted(eks.list_access_entries(clusterName=cluster)["accessEntries"]),
            "objects": objects(world, cluster),
            "aws-auth": aws_auth(world, cluster),
        }
    return there


def of_account(world, administrator):
    iam, s3 = (client(world.home, service, administrator) for service in ("iam", "s3"))
    return {
        "users": sorted(user["Arn"] for user in iam.list_users()["Users"]),
        "roles": sorted(role["Arn"] for role in iam.list_roles()["Roles"]),
        "policies": sorted(policy["Arn"] for policy in iam.list_policies(Scope="Local")["Policies"]),
        "providers": iam.list_open_id_connect_providers()["OpenIDConnectProviderList"],
        "buckets": sorted(bucket["Name"] for bucket in s3.list_buckets()["Buckets"]),
    }


def objects(world, cluster):
    kinds = "namespaces,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings,resourcequotas,pods"
    listed = world.operate(cluster, "get", kinds, "--all-namespaces", "-o", "json")
    return sorted(
        f"{item['kind']} {item['metadata'].get('namespace', '')}/{item['metadata']['name']}"
        for item in json.loads(listed.stdout)["items"]
    )


def aws_auth(world, cluster):
    listed = world.operate(cluster, "-n", "kube-system", "get", "configmap", "aws-auth", "-o", "json")
    data = json.loads(listed.stdout)["data"] if listed.worked else {}
    return {key: entries for key, text in data.items() if (entries := yaml.safe_load(text))}
