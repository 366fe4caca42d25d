"""Access to clusters that a stack does not make: another stack's, by reference, and nobody's here, by name."""

import pytest
from deployed_environment import DeployedEnvironment, add, project, says
from lab_project import FailedError

CLUSTER = "irsa"
"""One that the lab brings up, and that no stack has made."""


@pytest.fixture(scope="module")
def folder(tools, tmp_path_factory):
    folder = project(tmp_path_factory.mktemp("project"), tools)
    add(folder, "base", {"clusters": {CLUSTER: {}}, **says(CLUSTER, "base")})
    theirs = {"name": CLUSTER, "stack": "organization/eks-identity/base"}
    add(folder, "team", {"clusters": {"theirs": theirs}, **says("theirs", "team")})
    add(folder, "nowhere", {"clusters": {"nowhere": {}, "elsewhere": {}, CLUSTER: {}}})
    return folder


@pytest.fixture(scope="module")
def base(running_lab, tools, folder):
    """An environment on a cluster of nobody here."""
    yield from deployed(DeployedEnvironment(running_lab, tools, "base", folder), "base-watcher")


@pytest.fixture(scope="module")
def team(running_lab, tools, folder, base):
    """An environment on the cluster of the other one."""
    yield from deployed(DeployedEnvironment(running_lab, tools, "team", folder), "team-watcher")


def deployed(environment, user):
    environment.aws("iam", "create-user", "--user-name", user)
    environment.update()
    yield environment
    environment.pipeline("destroy")


def test_access_to_a_cluster_of_nobody_here(base):
    """A cluster is named, and people of the stack come in; the cluster itself is none of its resources."""
    assert "NAME" in base.kubectl(CLUSTER, "get", "nodes", principal="base-watcher")
    assert base.resources("aws:eks/cluster:Cluster") == []


def test_access_to_a_cluster_of_another_stack(team):
    """A stack is named, and people and pods of this one are let in and out of its cluster; nothing is looked up."""
    assert "NAME" in team.kubectl("theirs", "get", "nodes", principal="team-watcher")
    assert "team-pods" in team.kubectl("theirs", "get", "serviceaccounts", "-o", "name")
    assert team.resources("eks-identity:index:Cluster") == []


def test_kubeconfigs_of_another_stack_stay_secret(team):
    """What the other stack keeps secret is shown nowhere: not in the outputs, and not in the state."""
    assert team.pipeline("outputs")["outputs"]["kubeconfigs"] == "[secret]"
    endpoint = team.outputs["clusters"]["theirs"]["endpoint"]
    kept = [
        resource for resource in team.resources("pulumi:providers:kubernetes") if "kubeconfig" in resource["inputs"]
    ]
    assert kept
    assert all(endpoint not in str(provider["inputs"]["kubeconfig"]) for provider in kept)


def test_the_other_stack_is_left_alone(team, base):
    """What this stack declares is a change to nothing of the other one."""
    assert base.update() == []
    entries = str(base.aws("eks", "list-access-entries", "--cluster-name", CLUSTER))
    assert "user/base-watcher" in entries
    assert "user/team-watcher" in entries


def test_a_cluster_that_the_other_stack_has_not(team):
    """Its refusal says how to see which ones it has."""
    with team.changed() as settings:
        settings["clusters"]["theirs"]["name"] = "unheard-of"
    with pytest.raises(FailedError, match="pulumi stack output clusters -s organization/eks-identity/base"):
        team.pipeline("preview")
    with team.changed() as settings:
        settings["clusters"]["theirs"]["name"] = CLUSTER


def test_all_clusters_that_are_not_there_are_said_at_once(running_lab, tools, folder):
    """Two names that AWS does not know are refused together, in AWS's words."""
    nowhere = DeployedEnvironment(running_lab, tools, "nowhere", folder)
    with pytest.raises(FailedError) as failure:
        nowhere.pipeline("preview")
    said = str(failure.value)
    assert "clusters: 2 problems" in said
    assert "clusters.nowhere: 'nowhere'" in said
    assert "clusters.elsewhere: 'elsewhere'" in said
    assert said.count("a cluster in ap-northeast-1 that these credentials may describe; AWS: ") >= 2


def test_wrong_settings_are_said_where_aws_is_out_of_reach(running_lab, tools, folder):
    """With no way to AWS, a preview of production still says everything that is wrong with its settings."""
    prod = DeployedEnvironment(running_lab, tools, "prod", folder)
    with prod.changed() as settings:
        settings["access"]["operators"]["access_method"] = "aws-auth"
        settings["workloads"]["reports"]["colour"] = "red"
    with pytest.raises(FailedError) as failure:
        prod.pipeline("preview", HTTPS_PROXY="http://127.0.0.1:9")
    said = str(failure.value)
    assert "Pulumi.prod.yaml: 2 problems" in said
    assert "Pulumi.prod.yaml: eks-identity:access.operators.access_method: 'aws-auth'" in said
    assert "Pulumi.prod.yaml: eks-identity:workloads.reports.colour: 'red'" in said
    assert said.count("fix:") == 2
