"""`--permissions`: what each command needs to read, and no more."""

import json
from dataclasses import fields, replace

import pytest
import yaml
from click.testing import CliRunner

from eks_access.cli import commands
from eks_access.graph import AccessGraph
from eks_access.graph.services import Services
from eks_access.graph.tables import Part, Table
from eks_access.questions.adoption.adopt import adopt
from eks_access.questions.explain import explain
from eks_access.questions.picture.draw_picture import draw_picture
from eks_access.questions.trace_principal import trace_principal
from eks_access.questions.trace_workload import trace_pod, trace_service_account
from eks_access.sources import live_permissions
from eks_access.sources.live_permissions import (
    AWS_PERMISSIONS,
    KUBERNETES_PERMISSIONS,
    PARTS,
    SERVICE_PERMISSIONS,
)
from support.adoption_graphs import adoptable
from support.cluster_chains import BY_AWS_AUTH, BY_ENTRY, BY_POLICY, LIST_PODS, USER
from support.error_texts import DOCUMENTED
from support.picture_graphs import healthy
from support.workload_chains import ACTION, POD, RESOURCE, irsa, pod_identity

S3 = (ACTION, RESOURCE)
DENIED = next(each.text for each in DOCUMENTED if each.id == "iam-no-identity-based-policy")
LEAVES = [
    ("trace", "principal"),
    ("trace", "whoami"),
    ("trace", "serviceaccount"),
    ("trace", "pod"),
    ("explain",),
    ("list",),
    ("who-can",),
    ("what-can",),
    ("check",),
    ("diff",),
    ("escalations",),
    ("graph",),
    ("adopt",),
    ("snapshot",),
]
QUESTIONS = {
    "principal": [
        (graphs.graph(), lambda graph: trace_principal(graph, USER, LIST_PODS))
        for graphs in (BY_AWS_AUTH, BY_ENTRY, BY_POLICY, BY_AWS_AUTH.changed(aws_auth={}))
    ],
    "serviceaccount": [
        (chain().graph(), lambda graph: trace_service_account(graph, "default", "test-sa", *S3))
        for chain in (irsa, pod_identity)
    ],
    "pod": [(chain().graph(), lambda graph: trace_pod(graph, *POD, *S3)) for chain in (irsa, pod_identity)],
    "graph": [(chain().graph(), draw_picture) for chain in (healthy, irsa, pod_identity)],
    "adopt": [(adoptable(), adopt)],
    "explain": [(irsa().graph(), lambda graph: explain(DENIED, None, graph))],
}


def run(*arguments):
    return CliRunner().invoke(commands, arguments)


def without(graph, parts):
    """`graph` where only `parts` can be read."""
    denied = {}
    for field in fields(AccessGraph):
        value = getattr(graph, field.name)
        if field.name not in parts and isinstance(value, Part | Table):
            denied[field.name] = type(value).not_read(field.name, "not permitted")
    return replace(graph, **denied)


@pytest.mark.parametrize("command", QUESTIONS)
def test_command_reads_only_its_parts(command):
    """With only the parts of the command's policy, the answer is the same."""
    for graph, ask in QUESTIONS[command]:
        assert ask(without(graph, PARTS[command])) == ask(graph)


def test_parts_are_fields_of_the_graph_and_methods_of_its_services():
    """Each part that a permission or a command names exists, and each service has its permission."""
    names = {field.name for field in fields(AccessGraph)}
    methods = {name for name in vars(Services) if not name.startswith("_")}
    assert {each.method for each in SERVICE_PERMISSIONS} == methods
    named = {part for parts in PARTS.values() for part in parts}
    assert named - methods | {part for each in AWS_PERMISSIONS for part in each.parts} <= names
    assert {each.part for each in KUBERNETES_PERMISSIONS} <= names


@pytest.mark.parametrize("command", LEAVES, ids="-".join)
def test_every_command_prints_its_permissions(command):
    """Each command prints both documents and exits with 0, without its arguments and without a cluster."""
    policy = run(*command, "--permissions", "aws")
    assert policy.exit_code == 0, policy.output
    parts = PARTS.get(command[-1])
    assert json.loads(policy.output) == live_permissions.iam_policy(parts=parts)
    role, binding = yaml.safe_load_all(run(*command, "--permissions", "kubernetes").output)
    assert role == live_permissions.cluster_role(parts=parts)
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    both = run(*command, "--permissions")
    assert both.exit_code == 0
    assert policy.output in both.output


def test_every_leaf_command_is_listed():
    """The list of this test has all commands."""
    found = []
    for name, command in commands.commands.items():
        found += [(name, sub) for sub in command.commands] if hasattr(command, "commands") else [(name,)]
    assert sorted(found) == sorted(LEAVES)


def test_trace_needs_less_than_list():
    """The policy of `trace principal` has no action for pods, associations or instances."""
    actions = {
        action for statement in json.loads(run("trace", "principal", "--permissions", "aws").output)["Statement"]
        for action in statement["Action"]
    }  # fmt: skip
    assert "eks:DescribeAccessEntry" in actions
    assert not {"eks:ListPodIdentityAssociations", "ec2:DescribeInstances"} & actions


def test_only_a_trace_may_ask_services():
    """A trace asks for reviews and simulations; all other commands only read, and none requests tokens."""
    role = yaml.safe_load_all(run("trace", "principal", "--permissions", "kubernetes").output)
    assert {"apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"], "verbs": ["create"]} in (
        next(role)["rules"]
    )
    assert "iam:SimulatePrincipalPolicy" in run("trace", "pod", "--permissions", "aws").output
    for command in (("list",), ("snapshot",), ("explain",)):
        assert "create" not in run(*command, "--permissions").output
        assert "Simulate" not in run(*command, "--permissions").output
    for command in LEAVES:
        assert "serviceaccounts/token" not in run(*command, "--permissions").output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(shell):
    """`_EKS_ACCESS_COMPLETE` prints the script of a shell."""
    done = CliRunner(env={"_EKS_ACCESS_COMPLETE": f"{shell}_source"}).invoke(commands, prog_name="eks-access")
    assert done.exit_code == 0
    assert "_EKS_ACCESS_COMPLETE" in done.output


def test_completion_of_commands():
    """The script's own call completes commands."""
    env = {"_EKS_ACCESS_COMPLETE": "bash_complete", "COMP_WORDS": "eks-access trace ", "COMP_CWORD": "2"}
    done = CliRunner(env=env).invoke(commands, prog_name="eks-access")
    assert "plain,whoami" in done.output.splitlines()
