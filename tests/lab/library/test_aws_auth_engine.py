"""AwsAuthMapping under the real engine: preview, update, rename and destroy."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from lightkube import Client
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap
from pulumi import automation
from pulumi.automation._stack import StackInitMode

from lab.interfaces import clean_environment
from lab.tools import Tools
from support.lab_project import LabStack

ARN = "arn:aws:iam::111122223333:user/eks-ope"
RENAMED = "arn:aws:iam::111122223333:user/renamed"
NODES = "arn:aws:iam::111122223333:role/team/node"

PROGRAM = """
import json
import pulumi
import eks_identity

for name, args in json.loads(pulumi.Config().require("mappings")).items():
    eks_identity.AwsAuthMapping(name, args)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the project and its state."""
    return tmp_path_factory.mktemp("people")


@pytest.fixture(scope="module")
def stack(tools: Tools, folder: Path) -> automation.Stack:
    """A project whose program declares the mappings in its config, run by the language host."""
    (folder / "state").mkdir()
    (folder / "__main__.py").write_text(PROGRAM)
    path = os.pathsep.join([str(tools.bin), str(Path(sys.executable).parent), os.environ["PATH"]])
    workspace = automation.LocalWorkspace(
        work_dir=str(folder),
        pulumi_home=str(folder / "home"),
        env_vars={
            **clean_environment(os.environ),
            "PATH": path,
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_AUTOMATION_API_SKIP_VERSION_CHECK": "true",
        },
        project_settings=automation.ProjectSettings(
            name="people", runtime="python", backend=automation.ProjectBackend(f"file://{folder}/state")
        ),
    )
    return LabStack("dev", workspace, StackInitMode.CREATE_OR_SELECT)


@pytest.fixture(scope="module")
def declare(stack, api_server) -> Callable[..., automation.Stack]:
    """Return a function that declares a mapping of `ARN` for each name, with args that override the defaults."""

    def with_mappings(**mappings: dict[str, Any]) -> automation.Stack:
        declared = {
            name.replace("_", "-"): {"kubeconfig": api_server, "arn": ARN, "groups": ["operators"], **other}
            for name, other in mappings.items()
        }
        stack.set_config("mappings", automation.ConfigValue(json.dumps(declared), secret=True))
        return stack

    return with_mappings


def write_as_other(client: Client, users: str) -> None:
    metadata = ObjectMeta(name="aws-auth", namespace="kube-system")
    client.create(ConfigMap(metadata=metadata, data={"mapUsers": users}))


def users_text(client: Client) -> str:
    data = client.get(ConfigMap, "aws-auth", namespace="kube-system").data or {}
    return data.get("mapUsers", "")


def nodes_text(client: Client) -> str:
    data = client.get(ConfigMap, "aws-auth", namespace="kube-system").data or {}
    return data["mapRoles"]


def groups_of(arn: str, entries: list[dict[str, Any]]) -> list[list[str]]:
    return [entry["groups"] for entry in entries if entry["userarn"] == arn]


def users(client: Client) -> list[dict[str, Any]]:
    return yaml.safe_load(users_text(client)) or []


def state_of(folder: Path) -> str:
    (state,) = (folder / "state" / ".pulumi" / "stacks" / "people").glob("dev.json")
    return state.read_text()


def expect_error(operation: Callable[[], Any]) -> str:
    """Run `operation`, which must fail without a traceback, and return the engine's error output."""
    with pytest.raises(automation.CommandError) as failure:
        operation()
    error = str(failure.value)
    assert "Traceback" not in error
    return error


@pytest.fixture(scope="module")
def lifecycle(client_of_module: Client, declare: Callable[..., automation.Stack], folder: Path) -> SimpleNamespace:
    """Results of each step with three mappings in one program: create, rejected rename, change, removal, destroy."""
    client, results = client_of_module, SimpleNamespace()
    node = {"arn": NODES, "type": "EC2_LINUX", "groups": []}
    results.created = declare(eks_ope={}, old={"arn": RENAMED}, nodes=node).up().summary.resource_changes
    results.users, results.nodes = users(client), nodes_text(client)
    results.rename_error = expect_error(declare(eks_ope={}, new={"arn": RENAMED}, nodes=node).preview)

    viewers = {"groups": ["viewers"]}
    adopting = {"arn": RENAMED, "adopt": True}
    results.changed = declare(eks_ope=viewers, new=adopting, nodes=node).up().summary.resource_changes
    results.changed_users, results.state = users(client), state_of(folder)

    removed = declare(eks_ope=viewers, new=adopting).up()
    results.removed, results.removal_output = removed.summary.resource_changes, removed.stdout + removed.stderr
    results.final_nodes = nodes_text(client)
    valid = users_text(client)
    client.patch(ConfigMap, "aws-auth", {"data": {"mapUsers": "- userarn: ["}}, namespace="kube-system")
    stack = declare(eks_ope=viewers, new=adopting)
    results.malformed = expect_error(stack.destroy)
    client.patch(ConfigMap, "aws-auth", {"data": {"mapUsers": valid}}, namespace="kube-system")
    stack.destroy()
    results.final_users = users(client)
    return results


def test_aws_auth_mapping_create_update_and_destroy(lifecycle, api_server):
    """An update writes and changes the entry, destroy removes it; the state contains no plain kubeconfig."""
    assert lifecycle.created == {"create": 4}
    assert groups_of(ARN, lifecycle.users) == [["operators"]]
    assert lifecycle.changed["update"] == 1
    assert groups_of(ARN, lifecycle.changed_users) == [["viewers"]]
    assert ARN in lifecycle.state
    assert json.loads(api_server)["users"][0]["user"]["token"] not in lifecycle.state
    assert "mapUsers of ConfigMap kube-system/aws-auth cannot be parsed by the authenticator" in lifecycle.malformed
    assert "nothing was written" in lifecycle.malformed
    assert lifecycle.final_users == []


def test_aws_auth_mapping_preview_rejects_duplicate_arns(client, declare):
    """An ARN mapped by another writer, or twice in the program in any case, is rejected before any write."""
    theirs = f"- userarn: {ARN}\n  username: theirs\n  groups: [admins]\n"
    write_as_other(client, theirs)
    error = expect_error(declare(eks_ope={}).preview)
    assert "AwsAuthMapping (eks-ope)" in error
    assert "mapUsers[0] of ConfigMap kube-system/aws-auth: username 'theirs', groups ['admins']" in error
    mine = ARN.replace("eks-ope", "mine")
    error = expect_error(declare(first={"arn": mine}, second={"arn": mine.replace("mine", "MINE")}).preview)
    assert 'remove it from AwsAuthMapping "first" or from AwsAuthMapping "second"' in error
    assert client.get(ConfigMap, "aws-auth", namespace="kube-system").data == {"mapUsers": theirs}


def test_aws_auth_mapping_renamed_with_adopt_keeps_its_entry(lifecycle):
    """With adopt, a renamed mapping keeps its entry when the old name is deleted; without it the error has the fix."""
    assert "pass that name in opts.aliases instead" in lifecycle.rename_error
    assert lifecycle.changed == {"create": 1, "delete": 1, "update": 1, "same": 2}
    assert groups_of(RENAMED, lifecycle.changed_users) == [["operators"]]


def test_aws_auth_mapping_of_a_node_role_keeps_its_entry_after_removal(lifecycle):
    """A node type maps the role with the groups of nodes; a removal of the mapping warns that the entry remains."""
    (entry,) = yaml.safe_load(lifecycle.nodes)
    assert entry["groups"] == ["system:bootstrappers", "system:nodes"]
    assert entry["rolearn"] == NODES.replace("team/", "")
    assert entry["username"] == "system:node:{{EC2PrivateDNSName}}"
    # The other two mappings change in that update.
    assert lifecycle.changed["same"] == 2
    assert lifecycle.removed["delete"] == 1
    assert "nodes join the cluster by it" in lifecycle.removal_output
    assert lifecycle.final_nodes == lifecycle.nodes
