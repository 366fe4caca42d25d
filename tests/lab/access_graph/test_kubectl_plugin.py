"""`kubectl eks-access`: the real kubectl runs `eks-access` as its plugin, without a cluster."""

import os
import subprocess
import sysconfig
from pathlib import Path

import pytest
import yaml

from eks_access.sources.snapshot import save_snapshot, take_snapshot
from support.cluster_chains import BY_AWS_AUTH, USER

PLUGIN = Path(sysconfig.get_path("scripts")) / "kubectl-eks_access"
REQUEST = ("--verb", "list", "--resource", "pods", "--namespace", "default")


@pytest.fixture
def kubectl(found_tools, tmp_path):
    """Return a function that runs kubectl with no other plugin on PATH, without a kubeconfig of the user."""
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / PLUGIN.name).symlink_to(PLUGIN)
    environment = {"HOME": str(tmp_path), "PATH": os.pathsep.join([str(plugins), "/usr/bin", "/bin"])}

    def run(*arguments):
        return subprocess.run(
            [found_tools.programs.kubectl, *map(str, arguments)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


@pytest.fixture
def snapshot(tmp_path):
    path = tmp_path / "snapshot.json"
    save_snapshot(take_snapshot(BY_AWS_AUTH.graph()), path)
    return path


@pytest.fixture
def kubeconfig(tmp_path):
    """A kubeconfig with one context, which is not the current one, of a cluster that is not EKS."""
    path = tmp_path / "config.yaml"
    document = {
        "clusters": [{"name": "kind", "cluster": {"server": "https://127.0.0.1:1"}}],
        "contexts": [{"name": "local", "context": {"cluster": "kind", "user": "kind"}}],
        "users": [{"name": "kind", "user": {"token": "t"}}],
    }
    path.write_text(yaml.safe_dump(document))
    return path


def test_kubectl_lists_the_plugin_without_a_warning(kubectl, tmp_path):
    done = kubectl("plugin", "list")
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "plugins" / PLUGIN.name) in done.stdout.splitlines()
    assert "warning" not in (done.stdout + done.stderr).lower()


def test_plugin_answers_from_a_snapshot_with_the_exit_code_of_the_question(kubectl, snapshot):
    done = kubectl("eks-access", "trace", "principal", USER, *REQUEST, "--source", snapshot)
    assert (done.returncode, done.stderr) == (0, "")
    assert "ClusterRoleBinding test-clu-rolebinding grants ClusterRole test-clu-role" in done.stdout
    denied = kubectl("eks-access", "trace", "principal", f"{USER}-other", *REQUEST, "--source", snapshot)
    assert denied.returncode == 1, denied.stderr


def test_help_and_errors_name_the_command_as_users_type_it(kubectl):
    assert kubectl("eks-access", "--help").stdout.startswith("Usage: kubectl eks-access [OPTIONS] COMMAND")
    wrong = kubectl("eks-access", "lst")
    assert wrong.returncode == 2
    assert "Try 'kubectl eks-access --help'" in wrong.stderr


@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("command", [("list",), ("trace", "whoami")], ids=" ".join)
def test_context_and_kubeconfig_stand_before_or_after_the_command(kubectl, kubeconfig, command, is_before):
    """Both options are read: the file has one context, and not this one."""
    options = ("--context", "other", "--kubeconfig", kubeconfig)
    done = kubectl("eks-access", *((*options, *command) if is_before else (*command, *options)))
    assert done.returncode == 2
    assert f"--context must be one of local in {kubeconfig}: other" in done.stderr


def test_options_of_the_command_are_preferred(kubectl, kubeconfig):
    done = kubectl("eks-access", "--context", "other", "list", "--context", "local", "--kubeconfig", kubeconfig)
    assert "context 'local'" in done.stderr
