"""Migration of a fleet of two clusters; in the second, a principal has access that no access entry can give."""

import sys
from pathlib import Path

import pytest
import yaml

from lab.interfaces import AuthenticationMode
from support.access_program import ACCOUNT, Cluster, aws_auth, write_aws_auth
from support.lab_project import LabProject, write_project

PROGRAM = Path(__file__).with_name("migrating_cluster_program.py")
WORKLOAD_PROGRAM = Path(__file__).with_name("migrating_workload_program.py")
KEPT = f"arn:aws:iam::{ACCOUNT}:user/migrate-kept"
LOCKED = f"arn:aws:iam::{ACCOUNT}:user/migrate-locked"
STEPS = ("--set", "fleet:target_mode=API_AND_CONFIG_MAP", "--set", "fleet:target_mode=API")


@pytest.fixture(scope="module")
def clusters(running_lab, tools, tmp_path_factory):
    """Two clusters in mode CONFIG_MAP. An access entry cannot have the username of the second one's user."""
    found = {
        name: Cluster(running_lab, tools, name, AuthenticationMode.CONFIG_MAP, tmp_path_factory.mktemp(name))
        for name in ("move-first", "move-second")
    }
    found["move-first"].user("migrate-kept")
    found["move-second"].user("migrate-locked")
    for name, arn, username in (("move-first", KEPT, "kept"), ("move-second", LOCKED, "system:locked")):
        users = [{"userarn": arn, "username": username, "groups": ["viewers"]}]
        write_aws_auth(found[name], {**aws_auth(found[name]), "mapUsers": users})
        bound = found[name].kubectl("create", "clusterrolebinding", "viewers", "--clusterrole=view", "--group=viewers")
        assert bound.returncode == 0, bound.stderr
    return found


@pytest.fixture(scope="module")
def project(running_lab, tools, clusters, tmp_path_factory):
    folder = write_project(tmp_path_factory.mktemp("migrate") / "project", "fleet", PROGRAM)
    (folder / "Pulumi.dev.yaml").unlink()
    config = {"aws:region": "ap-northeast-1", "fleet:accept_loss_of": []}
    for name in clusters:
        own = {**config, "fleet:cluster": name}
        if name == "move-second":
            own["fleet:accept_loss_of"] = [LOCKED]
        (folder / f"Pulumi.{name}.yaml").write_text("# Kept.\n" + yaml.safe_dump({"config": own}))
    (folder / "fleet.yaml").write_text(yaml.safe_dump({"stacks": dict.fromkeys(clusters)}))
    project = LabProject(running_lab, tools, folder, "move-first")
    assert run(project, "up").returncode == 0
    yield project
    assert run(project, "destroy").returncode == 0


def run(project, operation, *options):
    folder = project.folder
    command = (sys.executable, "-m", "eks_pipeline", operation, "--fleet", str(folder / "fleet.yaml"))
    return project.run(*command, "--runs", str(folder.parent / "runs"), *options)


def target_mode(project, name):
    text = (project.folder / f"Pulumi.{name}.yaml").read_text()
    assert text.startswith("# Kept.")
    return yaml.safe_load(text)["config"].get("fleet:target_mode")


def test_migrate_previews_its_steps(project, clusters):
    done = run(project, "migrate", *STEPS, "--dry-run", "--stack", "move-first")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fleet:target_mode=API: previewed" in done.stdout
    assert target_mode(project, "move-first") is None
    assert clusters["move-first"].mode == "CONFIG_MAP"


def test_migrate_stops_at_the_cluster_where_somebody_would_lose_access(project, clusters):
    """The first cluster is migrated with equal access. The second keeps the mode in which its user has access."""
    before = clusters["move-first"].whoami("migrate-kept")
    done = run(project, "migrate", *STEPS)
    assert done.returncode == 1, done.stdout + done.stderr
    assert clusters["move-first"].mode == "API"
    assert clusters["move-first"].whoami("migrate-kept") == before
    assert target_mode(project, "move-first") == "API"
    assert "move-first: fleet:target_mode=API: applied, equal access of" in done.stdout

    assert f"{LOCKED} loses" in done.stderr
    assert "cluster move-second: the step was not applied" in done.stderr
    assert clusters["move-second"].mode == "API_AND_CONFIG_MAP"
    assert clusters["move-second"].whoami("migrate-locked").startswith("system:locked")
    assert target_mode(project, "move-second") == "API_AND_CONFIG_MAP"


def test_migrate_resumes_after_the_cause_is_removed(project, clusters):
    """The cluster that is migrated has no step left."""
    second = clusters["move-second"]
    data = {**aws_auth(second), "mapUsers": yaml.safe_dump([])}
    write_aws_auth(second, data)
    folder = project.folder.parent / "runs"
    latest = max(each.name for each in folder.iterdir() if each.is_dir())
    file = project.folder / "Pulumi.move-second.yaml"
    document = yaml.safe_load(file.read_text())
    document["config"]["fleet:accept_loss_of"] = []
    file.write_text("# Kept.\n" + yaml.safe_dump(document))
    done = run_resumed(project, latest)
    assert done.returncode == 0, done.stdout + done.stderr
    assert second.mode == "API"
    assert target_mode(project, "move-second") == "API"


def run_resumed(project, name):
    command = (sys.executable, "-m", "eks_pipeline", "migrate", "--resume", name)
    return project.run(*command, "--runs", str(project.folder.parent / "runs"))


@pytest.fixture
def workload(running_lab, tools, clusters, tmp_path):
    """A stack with a workload that uses IRSA, on the first cluster."""
    folder = write_project(tmp_path / "project", "work", WORKLOAD_PROGRAM, cluster="move-first", mode="irsa")
    project = LabProject(running_lab, tools, folder)
    project.stack.up()
    yield project
    project.stack.destroy()


def test_migrate_changes_workloads_to_pod_identity_with_equal_access(workload, clusters):
    command = (sys.executable, "-m", "eks_pipeline", "migrate", "--stack", "dev", "--cwd", str(workload.folder))
    done = workload.run(*command, "--runs", str(workload.folder.parent / "runs"), "--set", "work:mode=pod-identity")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "work:mode=pod-identity: applied, equal access of" in done.stdout
    assert yaml.safe_load((workload.folder / "Pulumi.dev.yaml").read_text())["config"]["work:mode"] == "pod-identity"
    (association,) = clusters["move-first"].eks.list_pod_identity_associations(clusterName="move-first")["associations"]
    assert association["serviceAccount"] == "app"
