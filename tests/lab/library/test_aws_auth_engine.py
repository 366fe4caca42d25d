"""aws-auth mappings under the real engine: what a person sees in a preview, an update, a refresh and a destroy."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
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


PROGRAM = """
import json
import pulumi
import eks_identity

for name, args in json.loads(pulumi.Config().require("mappings")).items():
    eks_identity.AwsAuthMapping(name, args)
"""


@pytest.fixture
def stack(tools: Tools, tmp_path: Path) -> automation.Stack:
    """A project whose program declares the mappings that its config says, run by the language host as users' are."""
    (tmp_path / "state").mkdir()
    (tmp_path / "__main__.py").write_text(PROGRAM)
    path = os.pathsep.join([str(tools.bin), str(Path(sys.executable).parent), os.environ["PATH"]])
    workspace = automation.LocalWorkspace(
        work_dir=str(tmp_path),
        pulumi_home=str(tmp_path / "home"),
        env_vars={
            **clean_environment(os.environ),
            "PATH": path,
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_AUTOMATION_API_SKIP_VERSION_CHECK": "true",
        },
        project_settings=automation.ProjectSettings(
            name="people", runtime="python", backend=automation.ProjectBackend(f"file://{tmp_path}/state")
        ),
    )
    return LabStack("dev", workspace, StackInitMode.CREATE_OR_SELECT)


@pytest.fixture
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


def users(client: Client) -> list[dict[str, Any]]:
    return yaml.safe_load(users_text(client)) or []


def test_a_mapping_lives_changes_and_goes(client, api_server, declare, tmp_path):
    """Up writes the entry, another group updates it, destroy takes it out; the kubeconfig is nowhere in plain sight."""
    assert declare(eks_ope={}).up().summary.resource_changes == {"create": 2}
    assert [entry["groups"] for entry in users(client)] == [["operators"]]

    stack = declare(eks_ope={"groups": ["viewers"]})
    assert stack.up().summary.resource_changes == {"same": 1, "update": 1}
    assert [entry["groups"] for entry in users(client)] == [["viewers"]]
    (state,) = (tmp_path / "state" / ".pulumi" / "stacks" / "people").glob("dev.json")
    assert ARN in state.read_text()
    assert json.loads(api_server)["users"][0]["user"]["token"] not in state.read_text()

    mended = users_text(client)
    client.patch(ConfigMap, "aws-auth", {"data": {"mapUsers": "- userarn: ["}}, namespace="kube-system")
    with pytest.raises(automation.CommandError) as refusal:
        stack.destroy()
    assert "mapUsers of ConfigMap kube-system/aws-auth cannot be parsed by the authenticator" in str(refusal.value)
    assert "nothing was written" in str(refusal.value)
    assert "Traceback" not in str(refusal.value)

    client.patch(ConfigMap, "aws-auth", {"data": {"mapUsers": mended}}, namespace="kube-system")
    stack.destroy()
    assert users(client) == []


def test_a_preview_refuses_an_arn_that_is_mapped_already(client, declare):
    """By somebody else, or twice in the program, once in other case: both places are named, and nothing is written."""
    theirs = f"- userarn: {ARN}\n  username: theirs\n  groups: [admins]\n"
    written_by_others(client, theirs)
    said = refused_preview(declare(eks_ope={}))
    assert "AwsAuthMapping (eks-ope)" in said
    assert "mapUsers[0] of ConfigMap kube-system/aws-auth: username 'theirs', groups ['admins']" in said

    mine = ARN.replace("eks-ope", "mine")
    said = refused_preview(declare(first={"arn": mine}, second={"arn": mine.replace("mine", "MINE")}))
    assert 'take it out of AwsAuthMapping "first" or of AwsAuthMapping "second"' in said
    assert client.get(ConfigMap, "aws-auth", namespace="kube-system").data == {"mapUsers": theirs}


def test_a_mapping_under_another_name_stays(client, declare):
    """What gets another name takes its entry over, and the old name's end leaves it there; `aliases` are named."""
    declare(one={}).up()
    said = refused_preview(declare(another={}))
    assert "pass that name in opts.aliases instead" in said
    stack = declare(another={"adopt": True})
    assert stack.up().summary.resource_changes == {"create": 1, "delete": 1, "same": 1}
    assert [entry["userarn"] for entry in users(client)] == [ARN]
    stack.destroy()
    assert users(client) == []


def refused_preview(stack: automation.Stack) -> str:
    with pytest.raises(automation.CommandError) as refusal:
        stack.preview()
    said = str(refusal.value)
    assert "Traceback" not in said
    return said


def test_the_entry_of_a_node_role_stays_when_its_declaration_is_removed(client, stack, api_server):
    """A type maps the role as a node's; the next update has nothing to do, and a removal warns that the entry stays."""
    node = {"kubeconfig": api_server, "arn": "arn:aws:iam::111122223333:role/team/node", "type": "EC2_LINUX"}
    stack.set_config("mappings", automation.ConfigValue(json.dumps({"nodes": node}), secret=True))
    stack.up()
    text = client.get(ConfigMap, "aws-auth", namespace="kube-system").data["mapRoles"]
    (entry,) = yaml.safe_load(text)
    assert entry["groups"] == ["system:bootstrappers", "system:nodes"]
    assert (entry["rolearn"], entry["username"]) == (
        "arn:aws:iam::111122223333:role/node",
        "system:node:{{EC2PrivateDNSName}}",
    )
    assert stack.preview(expect_no_changes=True).change_summary == {"same": 2}
    stack.set_config("mappings", automation.ConfigValue("{}", secret=True))
    removed = stack.up()
    assert removed.summary.resource_changes["delete"] == 1
    assert "nodes join the cluster by it" in removed.stdout + removed.stderr
    assert client.get(ConfigMap, "aws-auth", namespace="kube-system").data["mapRoles"] == text
