"""aws-auth mappings under the real engine: what a person sees in a preview, an update, a refresh and a destroy."""

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
from lab_project import LabStack
from lightkube import Client
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap
from pulumi import automation
from pulumi.automation._stack import StackInitMode

from lab.interfaces import clean_environment
from lab.tools import Tools

ARN = "arn:aws:iam::111122223333:user/eks-ope"
MOVED = "arn:aws:iam::111122223333:user/moved"
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
    """Where the project and its state are."""
    return tmp_path_factory.mktemp("people")


@pytest.fixture(scope="module")
def stack(tools: Tools, folder: Path) -> automation.Stack:
    """A project whose program declares the mappings that its config says, run by the language host as users' are."""
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
    """The stack with a mapping of `ARN` for each name, and what is given for each in place of the usual."""

    def with_mappings(**mappings: dict[str, Any]) -> automation.Stack:
        declared = {
            name.replace("_", "-"): {"kubeconfig": api_server, "arn": ARN, "groups": ["operators"], **other}
            for name, other in mappings.items()
        }
        stack.set_config("mappings", automation.ConfigValue(json.dumps(declared), secret=True))
        return stack

    return with_mappings


def written_by_others(client: Client, users: str) -> None:
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


def refused(operation: Callable[[], Any]) -> str:
    with pytest.raises(automation.CommandError) as refusal:
        operation()
    said = str(refusal.value)
    assert "Traceback" not in said
    return said


@pytest.fixture(scope="module")
def life(client_of_module: Client, declare: Callable[..., automation.Stack], folder: Path) -> SimpleNamespace:
    """Three mappings together: made, refused, changed, removed; and what was seen after each update."""
    client, seen = client_of_module, SimpleNamespace()
    node = {"arn": NODES, "type": "EC2_LINUX", "groups": []}
    seen.created = declare(eks_ope={}, one={"arn": MOVED}, nodes=node).up().summary.resource_changes
    seen.users, seen.nodes = users(client), nodes_text(client)
    seen.renamed = refused(declare(eks_ope={}, another={"arn": MOVED}, nodes=node).preview)

    operators = {"groups": ["viewers"]}
    adopting = {"arn": MOVED, "adopt": True}
    seen.changed = declare(eks_ope=operators, another=adopting, nodes=node).up().summary.resource_changes
    seen.changed_users, seen.state = users(client), state_of(folder)

    removed = declare(eks_ope=operators, another=adopting).up()
    seen.removed, seen.removal = removed.summary.resource_changes, removed.stdout + removed.stderr
    seen.nodes_at_last = nodes_text(client)
    mended = users_text(client)
    client.patch(ConfigMap, "aws-auth", {"data": {"mapUsers": "- userarn: ["}}, namespace="kube-system")
    stack = declare(eks_ope=operators, another=adopting)
    seen.broken = refused(stack.destroy)
    client.patch(ConfigMap, "aws-auth", {"data": {"mapUsers": mended}}, namespace="kube-system")
    stack.destroy()
    seen.users_at_last = users(client)
    return seen


def test_a_mapping_lives_changes_and_goes(life, api_server):
    """Up writes the entry, another group updates it, destroy takes it out; the kubeconfig is nowhere in plain sight."""
    assert life.created == {"create": 4}
    assert groups_of(ARN, life.users) == [["operators"]]
    assert life.changed["update"] == 1
    assert groups_of(ARN, life.changed_users) == [["viewers"]]
    assert ARN in life.state
    assert json.loads(api_server)["users"][0]["user"]["token"] not in life.state
    assert "mapUsers of ConfigMap kube-system/aws-auth is not read by the authenticator" in life.broken
    assert "nothing was written" in life.broken
    assert life.users_at_last == []


def test_a_preview_refuses_an_arn_that_is_mapped_already(client, declare):
    """By somebody else, or twice in the program, once in other case: both places are named, and nothing is written."""
    theirs = f"- userarn: {ARN}\n  username: theirs\n  groups: [admins]\n"
    written_by_others(client, theirs)
    said = refused(declare(eks_ope={}).preview)
    assert "AwsAuthMapping (eks-ope)" in said
    assert "mapUsers[0] of ConfigMap kube-system/aws-auth: username 'theirs', groups ['admins']" in said
    mine = ARN.replace("eks-ope", "mine")
    said = refused(declare(first={"arn": mine}, second={"arn": mine.replace("mine", "MINE")}).preview)
    assert 'remove it from AwsAuthMapping "first" or from AwsAuthMapping "second"' in said
    assert client.get(ConfigMap, "aws-auth", namespace="kube-system").data == {"mapUsers": theirs}


def test_a_mapping_under_another_name_stays(life):
    """What gets another name takes its entry over, and the old name's end leaves it there; `aliases` are named."""
    assert "pass that name in opts.aliases instead" in life.renamed
    assert life.changed == {"create": 1, "delete": 1, "update": 1, "same": 2}
    assert groups_of(MOVED, life.changed_users) == [["operators"]]


def test_the_entry_of_a_node_role_stays_when_its_declaration_is_removed(life):
    """A type maps the role as a node's; the next update has nothing to do, and a removal warns that the entry stays."""
    (entry,) = yaml.safe_load(life.nodes)
    assert entry["groups"] == ["system:bootstrappers", "system:nodes"]
    assert entry["rolearn"] == NODES.replace("team/", "")
    assert entry["username"] == "system:node:{{EC2PrivateDNSName}}"
    # The other two mappings change in that update.
    assert life.changed["same"] == 2
    assert life.removed["delete"] == 1
    assert "nodes join the cluster by it" in life.removal
    assert life.nodes_at_last == life.nodes
