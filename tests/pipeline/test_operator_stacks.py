"""Stacks of a fleet as objects of the Pulumi Kubernetes Operator."""

import pytest
import yaml
from click.testing import CliRunner

from eks_pipeline.cli.operator import operator
from eks_pipeline.errors import UsageError
from eks_pipeline.fleet.fleet import open_fleet

KEY = "awskms://alias/pulumi?region=ap-northeast-1"
FLEET = """
canary: [tokyo-1]
groups:
  tokyo: { after: [network] }
stacks:
  network: { project: network }
  tokyo-1: { group: tokyo, environment: { AWS_PROFILE: tokyo, TF_LOG: debug } }
  tokyo-2: { group: tokyo, stack: organization/clusters/prod-2 }
  alone: { environment: { PULUMI_BACKEND_URL: "s3://other" } }
"""


@pytest.fixture
def fleet(tmp_path):
    """Return a function that writes a fleet file in a repository and returns its path."""
    root = tmp_path / "repository"
    (root / ".git").mkdir(parents=True)
    clusters = root / "infrastructure" / "clusters"
    for project, names in {clusters: ("tokyo-1", "prod-2", "alone"), clusters / "network": ("network",)}.items():
        project.mkdir(parents=True, exist_ok=True)
        (project / "Pulumi.yaml").write_text(f"name: {project.name}\nruntime: python\n")
        for name in names:
            (project / f"Pulumi.{name}.yaml").write_text(f"secretsprovider: {KEY}\nconfig: {{}}\n")

    def write(text=FLEET):
        file = clusters / "fleet.yaml"
        file.write_text(text)
        return file

    return write


def run(file, *options, git=True):
    """Run the command and return its result."""
    source = ("--git", "https://github.com/octo-org/clusters", "--backend", "s3://states") if git else ()
    return CliRunner().invoke(operator, ["--fleet", str(file), *source, *options], env={"PULUMI_BACKEND_URL": None})


def stacks_of(result):
    """Return the `Stack` objects in the output, by name."""
    assert result.exit_code == 0, result.exception
    documents = list(yaml.safe_load_all(result.stdout))
    return {each["metadata"]["name"]: each for each in documents if each["kind"] == "Stack"}


def error_of(result):
    """Return the text of the command's error."""
    assert isinstance(result.exception, UsageError), result.output
    return str(result.exception)


def test_stack_object_of_a_git_repository(fleet):
    """The object has source, backend, key, order and identity; other variables of the fleet file are literals."""
    options = ("--image", "octo-org/workspace:1", "--memory", "1Gi", "--resync", "3600")
    stack = stacks_of(run(fleet(), *options))["tokyo-1"]
    assert stack == {
        "apiVersion": "pulumi.com/v1",
        "kind": "Stack",
        "metadata": {
            "name": "tokyo-1",
            "namespace": "pulumi",
            "labels": {"app.kubernetes.io/managed-by": "eks-pipeline"},
        },
        "spec": {
            "stack": "tokyo-1",
            "projectRepo": "https://github.com/octo-org/clusters",
            "branch": "main",
            "repoDir": "infrastructure/clusters",
            "backend": "s3://states",
            "secretsProvider": KEY,
            "envRefs": {"TF_LOG": {"type": "Literal", "literal": {"value": "debug"}}},
            "prerequisites": [{"name": "network"}],
            "continueResyncOnCommitMatch": True,
            "resyncFrequencySeconds": 3600,
            "workspaceReclaimPolicy": "Delete",
            "serviceAccountName": "pulumi-workspace",
            "workspaceTemplate": {
                "spec": {
                    "securityProfile": "restricted",
                    "resources": {"requests": {"memory": "1Gi"}},
                    "image": "octo-org/workspace:1",
                }
            },
        },
    }


def test_prerequisites_are_the_order_of_the_fleet(fleet):
    """Read back from the objects, the order is that in which `eks-pipeline up` runs the stacks, canaries included."""
    file = fleet()
    found = {
        name: {each["name"] for each in stack["spec"].get("prerequisites", ())}
        for name, stack in stacks_of(run(file)).items()
    }
    expected = {name: set(open_fleet(file).predecessors.get(name, ())) for name in open_fleet(file).stacks}
    assert found == expected
    assert found["tokyo-2"] == {"network", "tokyo-1"}


def test_order_after_stacks_that_are_not_selected_is_left_out_with_a_warning(fleet):
    """`kubectl apply` of such objects would remove the prerequisites of the complete fleet."""
    result = run(fleet(), "--stack", "tokyo-2")
    assert "prerequisites" not in stacks_of(result)["tokyo-2"]["spec"]
    assert "warning: stacks.tokyo-2: prerequisites tokyo-1, network are left out: --stack does not" in result.stderr


def test_stack_name_project_and_backend_of_one_stack(fleet):
    stacks = stacks_of(run(fleet(), "--revision", "0123456789abcdef0123456789abcdef01234567"))
    assert stacks["tokyo-2"]["spec"]["stack"] == "organization/clusters/prod-2"
    assert stacks["network"]["spec"]["repoDir"] == "infrastructure/clusters/network"
    assert stacks["alone"]["spec"]["backend"] == "s3://other"
    assert "envRefs" not in stacks["alone"]["spec"]
    assert stacks["alone"]["spec"]["commit"].startswith("0123")
    assert "branch" not in stacks["alone"]["spec"]


def test_program_object_as_source(fleet):
    spec = stacks_of(run(fleet(), "--program", "clusters", git=False))["alone"]["spec"]
    assert spec["programRef"] == {"name": "clusters"}
    assert not spec.keys() & {"projectRepo", "branch", "repoDir"}


def test_service_accounts_of_groups_can_verify_the_operator(fleet):
    """Each service account of a workspace is bound to system:auth-delegator."""
    result = run(fleet(), "--service-account", "tokyo=pulumi-tokyo", "--namespace", "infra")
    accounts = {name: stack["spec"]["serviceAccountName"] for name, stack in stacks_of(result).items()}
    assert accounts == {
        "network": "pulumi-workspace",
        "tokyo-1": "pulumi-tokyo",
        "tokyo-2": "pulumi-tokyo",
        "alone": "pulumi-workspace",
    }
    bindings = [each for each in yaml.safe_load_all(result.stdout) if each["kind"] == "ClusterRoleBinding"]
    subjects = [(*each["subjects"], each["roleRef"]["name"]) for each in bindings]
    assert subjects == [
        ({"kind": "ServiceAccount", "name": name, "namespace": "infra"}, "system:auth-delegator")
        for name in ("pulumi-tokyo", "pulumi-workspace")
    ]


def test_profile_of_a_machine_is_left_out_with_a_warning(fleet):
    result = run(fleet())
    assert "warning: stacks.tokyo-1: AWS_PROFILE is left out" in result.stderr
    assert "AWS_PROFILE" not in result.stdout


def test_all_problems_of_a_fleet_for_the_operator_are_reported_together(fleet):
    """Names that Kubernetes rejects, secrets, settings files and unknown groups, each with its fix."""
    file = fleet("""
groups: { tokyo: {} }
stacks:
  Tokyo_1: { stack: tokyo-1, group: tokyo }
  a..b: { stack: alone }
  prod-2: { config_file: Pulumi.alone.yaml, environment: { AWS_SECRET_ACCESS_KEY: x } }
""")
    error = error_of(run(file, "--service-account", "tokio=a", "--namespace", "Pulumi"))
    assert "--service-account: 'tokio' must be a group of the fleet\n  fix: did you mean 'tokyo'?" in error
    assert "--namespace: 'Pulumi' must be a name of a Kubernetes object" in error
    assert "stacks.Tokyo_1: 'Tokyo_1' must be a name of a Kubernetes object: lower-case letters" in error
    assert "fix: rename it to 'tokyo-1', and set `stack: tokyo-1`" in error
    assert "stacks.a..b: 'a..b' must be" in error
    assert "stacks.prod-2: config_file must be omitted" in error
    assert "stacks.prod-2: environment.AWS_SECRET_ACCESS_KEY must not be in a fleet file" in error


@pytest.mark.parametrize("options", [(), ("--git", "https://github.com/o/r", "--program", "p")])
def test_exactly_one_source_is_required(fleet, options):
    assert "one of --git and --program must be set" in error_of(run(fleet(), *options, git=False))


def test_git_source_needs_a_clone(fleet):
    file = fleet()
    (file.parents[2] / ".git").rmdir()
    assert "must be in a clone of https://github.com/octo-org/clusters" in error_of(run(file))
