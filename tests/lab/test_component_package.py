"""components/ as Pulumi runs a folder: a component package that others name by its path."""

import json
import subprocess
from types import SimpleNamespace

import pytest
import yaml
from component_folder import COMPONENTS, PYTHONPATH, added, copied, outside

from lab.environment import process_environment

MARK = "\nfrom pathlib import Path\n\nPath(__file__).with_name('ran').touch()\n"
RUNTIME = {"name": "python", "options": {"toolchain": "pip", "virtualenv": "venv"}}
"""As `pulumi new` writes it."""
PROGRAM = """
import pulumi
import pulumi_eks_identity as eks
import pulumi_kubernetes as kubernetes

cluster = eks.Cluster("cluster", name="eks-clu")
provider = kubernetes.Provider("cluster", kubeconfig=cluster.kubeconfig)
eks.ClusterAccess(
    "operators",
    cluster=cluster.connection,
    group="operators",
    rbac_roles=[{"name": "operators", "rules": [{"resources": ["pods"], "verbs": ["get", "list"]}]}],
    principals=[{"arn": "arn:aws:iam::123456789012:role/operators"}],
    access_method="aws-auth",
    opts=pulumi.ResourceOptions(providers=[provider]),
)
pulumi.export("sdk", eks.__file__)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A copy of the folder, which leaves a mark when it runs."""
    copy = copied(tmp_path_factory.mktemp("package"))
    main = copy / "__main__.py"
    main.write_text(main.read_text().replace("\nfrom eks_identity", f"{MARK}from eks_identity"))
    return copy


@pytest.fixture(scope="module")
def python(folder, tools):
    """A Python project that was new when the package was added to it."""
    project = folder.parent / "python"
    project.mkdir()
    (project / "Pulumi.yaml").write_text(yaml.safe_dump({"name": "python", "runtime": RUNTIME}))
    (project / "requirements.txt").write_text("pulumi>=3,<4\npulumi-kubernetes>=4,<5\n")
    (project / "__main__.py").write_text(PROGRAM)
    return SimpleNamespace(folder=project, said=added(folder, project, outside(folder.parent, tools.bin)))


def test_get_schema_says_the_committed_one(python, folder, tools):
    """`pulumi package get-schema ./components` says what components/schema.json does."""
    command = [tools.pulumi, "package", "get-schema", folder]
    done = subprocess.run(command, env=outside(folder.parent), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout) == json.loads((COMPONENTS / "schema.json").read_text())
    assert (folder / "ran").exists()


def test_the_engine_installs_where_the_package_says(python, folder):
    """The virtual environment is the one that PulumiPlugin.yaml names, and the folder has nothing else that is new."""
    new = {path.name for path in folder.iterdir()} - {path.name for path in COMPONENTS.iterdir()}
    assert new - {".venv", "__pycache__"} == {"ran"}
    assert (folder / ".venv" / "pyvenv.cfg").exists()


def test_package_add_links_the_sdk(python):
    """`pulumi package add` names the folder in the project, its SDK in the requirements, and how to import it."""
    assert yaml.safe_load((python.folder / "Pulumi.yaml").read_text()) == {
        "name": "python",
        "runtime": RUNTIME,
        "packages": {"eks-identity": "../components"},
    }
    assert (python.folder / "requirements.txt").read_text().splitlines()[-1] == "sdks/eks-identity"
    assert "import pulumi_eks_identity as eks_identity" in python.said


def test_a_program_uses_the_generated_sdk(python, folder, running_lab, tools):
    """The SDK comes from the project's own virtual environment, and the components from the folder."""
    (folder / "ran").unlink()
    environment = process_environment(running_lab, tools.bin) | PYTHONPATH

    def pulumi(*arguments):
        command = [tools.pulumi, *arguments, "--stack", "folder", "--non-interactive", "--color", "never"]
        return subprocess.run(command, cwd=python.folder, env=environment, capture_output=True, text=True, check=False)

    assert pulumi("stack", "init").returncode == 0
    assert pulumi("config", "set", "aws:region", "ap-northeast-1").returncode == 0
    previewed = pulumi("preview")
    assert pulumi("stack", "rm", "--yes").returncode == 0
    assert previewed.returncode == 0, previewed.stdout + previewed.stderr
    for made in ("ClusterAccess operators", "AwsAuthMapping operators"):
        assert f"eks-identity:index:{made}" in previewed.stdout
    assert "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding" in previewed.stdout
    assert f'sdk: "{python.folder / "venv"}' in " ".join(previewed.stdout.split())
    assert (folder / "ran").exists()
