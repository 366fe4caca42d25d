"""Access to clusters that the stack does not create: of another stack, and existing ones looked up by name."""

import pytest

from support.deployed_environment import DeployedEnvironment, add_environment, project, team_settings
from support.lab_project import FailedError

CLUSTER = "irsa"
"""A cluster that the lab creates, outside every stack."""


@pytest.fixture(scope="module")
def folder(tools, tmp_path_factory):
    folder = project(tmp_path_factory.mktemp("project"), tools)
    add_environment(folder, "base", {"clusters": {CLUSTER: {}}, **team_settings(CLUSTER, "base")})
    reference = {"name": CLUSTER, "stack": "organization/eks-identity/base"}
    add_environment(folder, "team", {"clusters": {"referenced": reference}, **team_settings("referenced", "team")})
    add_environment(folder, "missing", {"clusters": {"missing-1": {}, "missing-2": {}, CLUSTER: {}}})
    return folder


@pytest.fixture(scope="module")
def base(running_lab, tools, folder):
    """An environment on an existing cluster."""
    yield from deployed(DeployedEnvironment(running_lab, tools, "base", folder), "base-watcher")


@pytest.fixture(scope="module")
def team(running_lab, tools, folder, base):
    """An environment on the cluster of the stack `base`."""
    yield from deployed(DeployedEnvironment(running_lab, tools, "team", folder), "team-watcher")


def deployed(environment, user):
    environment.aws("iam", "create-user", "--user-name", user)
    environment.update()
    yield environment
    environment.pipeline("destroy")


def test_existing_cluster_grants_access_to_users_of_the_stack(base):
    """Users of the stack have access to a cluster looked up by name; the cluster is not a resource of the stack."""
    assert "NAME" in base.kubectl(CLUSTER, "get", "nodes", principal="base-watcher")
    assert base.resources("aws:eks/cluster:Cluster") == []


def test_referenced_cluster_grants_access_to_users_of_the_stack(team):
    """Users and service accounts use a cluster of another stack by its outputs; the cluster is not looked up."""
    assert "NAME" in team.kubectl("referenced", "get", "nodes", principal="team-watcher")
    assert "team-pods" in team.kubectl("referenced", "get", "serviceaccounts", "-o", "name")
    assert team.resources("eks-identity:index:Cluster") == []


def test_kubeconfigs_of_another_stack_stay_secret(team):
    """A secret output of the other stack is plain neither in the outputs nor in the state."""
    assert team.pipeline("outputs")["outputs"]["kubeconfigs"] == "[secret]"
    endpoint = team.outputs["clusters"]["referenced"]["endpoint"]
    providers = [
        resource for resource in team.resources("pulumi:providers:kubernetes") if "kubeconfig" in resource["inputs"]
    ]
    assert providers
    assert all(endpoint not in str(provider["inputs"]["kubeconfig"]) for provider in providers)


def test_referenced_stack_is_unchanged(team, base):
    """Resources in a referenced cluster cause no changes in its own stack."""
    assert base.update() == []
    entries = str(base.aws("eks", "list-access-entries", "--cluster-name", CLUSTER))
    assert "user/base-watcher" in entries
    assert "user/team-watcher" in entries


def test_unknown_cluster_of_another_stack_is_rejected(team):
    """The error has the command that lists the clusters of the other stack."""
    with team.changed() as settings:
        settings["clusters"]["referenced"]["name"] = "unknown"
    with pytest.raises(FailedError, match="pulumi stack output clusters -s organization/eks-identity/base"):
        team.pipeline("preview")
    with team.changed() as settings:
        settings["clusters"]["referenced"]["name"] = CLUSTER


def test_missing_clusters_are_reported_together(running_lab, tools, folder):
    """Two clusters that do not exist are reported in one error, with AWS's messages."""
    missing = DeployedEnvironment(running_lab, tools, "missing", folder)
    with pytest.raises(FailedError) as failure:
        missing.pipeline("preview")
    message = str(failure.value)
    assert "clusters: 2 problems" in message
    assert "clusters.missing-1: 'missing-1'" in message
    assert "clusters.missing-2: 'missing-2'" in message
    assert message.count("must be a cluster in ap-northeast-1 that these credentials can describe; AWS: ") >= 2


def test_settings_errors_are_reported_without_access_to_aws(running_lab, tools, folder):
    """A preview of production reports all settings errors when AWS is unreachable."""
    prod = DeployedEnvironment(running_lab, tools, "prod", folder)
    with prod.changed() as settings:
        settings["access"]["operators"]["access_method"] = "aws-auth"
        settings["workloads"]["reports"]["colour"] = "red"
    with pytest.raises(FailedError) as failure:
        prod.pipeline("preview", HTTPS_PROXY="http://127.0.0.1:9")
    message = str(failure.value)
    assert "Pulumi.prod.yaml: 2 problems" in message
    assert "Pulumi.prod.yaml: eks-identity:access.operators.access_method: 'aws-auth'" in message
    assert "Pulumi.prod.yaml: eks-identity:workloads.reports.colour: 'red'" in message
    assert message.count("fix:") == 2
