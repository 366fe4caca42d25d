"""Drift of a stack on the lab: access added by hand, and access that the next update brings back."""

import json
import sys
from pathlib import Path

import msgspec
import pytest

from lab.interfaces import AuthenticationMode
from support.access_program import ACCOUNT, Cluster, aws_auth, write_aws_auth
from support.lab_project import LabProject, write_project

PROGRAM = Path(__file__).with_name("drifting_access_program.py")
SECOND_PROGRAM = Path(__file__).with_name("second_access_program.py")
HAND = f"arn:aws:iam::{ACCOUNT}:user/drift-hand"
MAPPED = f"arn:aws:iam::{ACCOUNT}:user/drift-mapped"
SECOND = f"arn:aws:iam::{ACCOUNT}:user/drifting-second"
READER = f"arn:aws:iam::{ACCOUNT}:user/drifting-reader"
ROLE = "drifting-app"
ALLOW_PUT = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}]}


@pytest.fixture(scope="module")
def cluster(running_lab, tools, tmp_path_factory):
    mode = AuthenticationMode.API_AND_CONFIG_MAP
    return Cluster(running_lab, tools, "drifting", mode, tmp_path_factory.mktemp("drifting"))


@pytest.fixture(scope="module")
def project(running_lab, tools, cluster, tmp_path_factory):
    """A stack that is deployed, with which the cluster agrees."""
    folder = write_project(tmp_path_factory.mktemp("drift") / "project", "drift", PROGRAM, cluster="drifting")
    project = LabProject(running_lab, tools, folder)
    project.stack.up()
    yield project
    project.stack.destroy()


def drift(project, *options):
    """Run the command; return its process and the drift as data."""
    file = project.folder / "drift.json"
    command = (sys.executable, "-m", "eks_pipeline", "drift", "--stack", "dev", "--cwd", str(project.folder))
    done = project.run(*command, "--runs", str(project.folder / "runs"), "--save", str(file), *options)
    assert file.exists(), done.stdout + done.stderr
    (stack,) = msgspec.json.decode(file.read_bytes())["stacks"]
    return done, stack["access"][0]


def test_drift_of_an_untouched_stack_is_empty(project):
    done, access = drift(project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no difference of access" in done.stdout
    assert access["unmanaged"] == []
    assert access["difference"]["not_evaluated"] == []


def everything(cluster, project):
    """All that a command that writes would change: objects with their versions, IAM, and the state."""
    kinds = "clusterroles,clusterrolebindings,roles,rolebindings,configmaps,serviceaccounts"
    listed = json.loads(cluster.kubectl("get", kinds, "--all-namespaces", "-o", "json").stdout)["items"]
    ignored = {"kube-root-ca.crt"}
    versions = {
        (each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]): each["metadata"]["resourceVersion"]
        for each in listed
        if each["metadata"]["name"] not in ignored
    }
    iam = cluster.aws("iam", "get-account-authorization-details", "--output", "json")
    entries = {arn: cluster.entry(arn)["modifiedAt"] for arn in cluster.entries()}
    return versions, iam, entries, project.pulumi("stack", "export")


@pytest.fixture
def by_hand(cluster, project):
    """One access entry, one mapping, one binding and one policy that no state has."""
    cluster.user("drift-hand")
    cluster.user("drift-mapped")
    cluster.eks.create_access_entry(clusterName="drifting", principalArn=HAND, kubernetesGroups=["readers"])
    users = [{"userarn": MAPPED, "username": "mapped", "groups": ["readers"]}]
    write_aws_auth(cluster, {**aws_auth(cluster), "mapUsers": users})
    binding = cluster.kubectl("create", "clusterrolebinding", "drift-hand", "--clusterrole=view", "--group=readers")
    assert binding.returncode == 0, binding.stderr
    cluster.iam.put_role_policy(RoleName=ROLE, PolicyName="more", PolicyDocument=json.dumps(ALLOW_PUT))


def test_drift_names_access_added_by_hand_and_reads_only(cluster, project, by_hand):
    """Each object is listed with the command that removes it: after these commands there is no drift."""
    before = everything(cluster, project)
    done, access = drift(project)
    assert everything(cluster, project) == before
    assert done.returncode == 1, done.stdout + done.stderr
    assert [each["object"] for each in access["unmanaged"]] == [
        f"access entry of {HAND}",
        f"aws-auth entry of {MAPPED}",
        "ClusterRoleBinding drift-hand",
        f"inline policy more of arn:aws:iam::{ACCOUNT}:role/{ROLE}",
    ]
    assert "default/app gains s3:PutObject on *" in done.stdout
    assert "in no state: ClusterRoleBinding drift-hand" in done.stdout
    done, _ = drift(project, "--fix")
    assert "no update changes this" in done.stdout
    kubeconfig = project.folder / "kubeconfig"
    kubeconfig.write_text(cluster.kubeconfig)
    for each in access["unmanaged"]:
        for command in each["removal"]["commands"]:
            removed = project.run(*command, KUBECONFIG=str(kubeconfig))
            assert removed.returncode == 0, removed.stderr
    assert drift(project)[0].returncode == 0


def test_drift_fix_brings_back_what_the_state_declares(cluster, project):
    """Without --yes the update is shown only."""
    (binding,) = project.resources("kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding")
    name = binding["outputs"]["metadata"]["name"]
    assert cluster.kubectl("delete", "clusterrolebinding", name).returncode == 0
    done, access = drift(project, "--fix")
    assert done.returncode == 1
    assert access["unmanaged"] == []
    assert "drifting-reader loses get, list on pods, whole cluster" in done.stdout
    assert "drifting-reader gains get, list on pods, whole cluster" in done.stdout
    assert "eks-pipeline up --refresh --stack=dev" in done.stdout
    assert cluster.kubectl("get", "clusterrolebinding", name).returncode == 1
    done, _ = drift(project, "--fix", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert cluster.kubectl("get", "clusterrolebinding", name).returncode == 0
    assert drift(project)[0].returncode == 0


@pytest.fixture
def second_project(running_lab, tools, tmp_path):
    """A stack of another backend that declares more access to the same cluster."""
    folder = write_project(tmp_path / "second", "second", SECOND_PROGRAM, cluster="drifting")
    second = LabProject(running_lab, tools, folder)
    second.stack.up()
    yield second
    second.stack.destroy()


def test_drift_unites_the_states_of_stacks_with_different_environment_variables(project, second_project):
    """Without the state of the second stack, its access is in no state."""
    alone, access = drift(project)
    assert alone.returncode == 1
    assert [each["object"] for each in access["unmanaged"]] == [f"access entry of {SECOND}"]
    stacks = {
        name: {
            "project": str(each.folder),
            "stack": "dev",
            "environment": {"PULUMI_BACKEND_URL": f"file://{each.folder / 'state'}"},
        }
        for name, each in (("first", project), ("second", second_project))
    }
    fleet = second_project.folder / "fleet.yaml"
    fleet.write_text(json.dumps({"stacks": stacks}))
    command = (sys.executable, "-m", "eks_pipeline", "drift", "--fleet", str(fleet))
    done = project.run(*command, "--runs", str(second_project.folder / "runs"))
    assert done.returncode == 0, done.stdout + done.stderr
