"""`eks-access explain`: error texts, what they mean, and the commands that trace them."""

import json
import re
import shlex

import jsonschema
import pytest
from click.testing import CliRunner

from eks_access.cli import commands
from eks_access.questions.error_texts.error_text import Workload
from eks_access.questions.explain import TEXTS, explain
from eks_access.questions.requests import parse_request
from eks_access.render.json_output import schema
from eks_access.sources.snapshot import save_snapshot, take_snapshot
from support.error_provocations import PROVOCATIONS
from support.error_texts import DOCUMENTED, IN_POD
from support.workload_chains import ROLE_ARN, irsa

DENIED = next(each for each in DOCUMENTED if each.id == "iam-no-identity-based-policy").text


def run(*arguments, stdin=None):
    return CliRunner().invoke(commands, ["explain", *arguments], input=stdin)


@pytest.mark.parametrize("documented", DOCUMENTED, ids=lambda each: f"{each.id} {each.source}")
def test_documented_text_ends_in_its_command(documented):
    """A text of a client that the lab does not run is recognized, and its command has the text's arguments."""
    found = explain(documented.text)
    assert (found.error, str(found)) == (documented.id, documented.command)


@pytest.mark.parametrize("documented", DOCUMENTED, ids=lambda each: f"{each.id} {each.source}")
def test_commands_can_be_run(documented):
    """Each command exists, with its options and arguments, and a request in it is one that the command reads."""
    for command in explain(documented.text).commands:
        group, arguments = commands, list(command[1:])
        while hasattr(group, "commands"):
            group = group.commands[arguments.pop(0)]
        parsed = group.make_context("test", arguments)
        if parsed.params.get("verb"):
            parse_request(parsed.params["verb"], parsed.params["resource"], parsed.params["namespace"])


def test_every_text_has_a_test():
    """Each text is provoked on the lab or documented, and there are more than twenty."""
    tested = {each.id for each in DOCUMENTED} | {each.id for each in PROVOCATIONS}
    assert tested == {each.id for each in TEXTS}
    assert len(PROVOCATIONS) + len(DOCUMENTED) > 50


def test_meanings_name_groups_of_their_pattern():
    """The names in a meaning are groups of the pattern."""
    for each in TEXTS:
        assert set(re.findall(r"{(\w+)}", each.meaning)) <= set(each.pattern.groupindex), each.id


@pytest.mark.parametrize("text", ["", "segmentation fault", "AccessDenied", "User: bob is authorized", "403"])
def test_other_text_is_not_recognized(text):
    """A text without a known form is not explained, whatever words it has."""
    assert explain(text) is None


def test_core_resource_of_two_groups_keeps_its_group():
    """A resource of the core group that another group has too is written with a dot, so that it is read back."""
    text = 'forbidden: User "x" cannot list resource "{}" in API group "{}" in the namespace "default"'
    for plural, group in (("events", ""), ("events", "events.k8s.io"), ("pod", ""), ("pods/log", "")):
        command = explain(text.format(plural, group)).commands[0]
        request = parse_request("list", command[command.index("--resource") + 1])
        assert (request.resource, request.api_group) == (plural, group)


def test_named_workload_is_traced():
    """With the pod that had the error, the command has it, also for texts without a principal."""
    assert str(explain(DENIED, Workload("pod", "default/web"))).startswith("eks-access trace pod default/web --action")
    assert str(explain("Unable to locate credentials", Workload(name="a/b"))) == "eks-access trace serviceaccount a/b"


def test_service_accounts_of_the_role_are_looked_up(tmp_path):
    """With a source, the service accounts with the role of the session fill in the command."""
    snapshot = tmp_path / "snapshot.json"
    save_snapshot(take_snapshot(irsa().graph()), snapshot)
    text = DENIED.replace("assumed-role/app", f"assumed-role/{ROLE_ARN.rpartition('/')[2]}")
    done = run(text, "--source", str(snapshot))
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-1].startswith("eks-access trace serviceaccount default/test-sa --action")
    assert "NAMESPACE/NAME" in run(DENIED, "--source", str(snapshot)).output


def test_text_of_stdin_with_lines_around_it():
    """`-` reads the text from stdin, wrapped or with other lines; the command is the last line."""
    wrapped = "starting\n" + DENIED.replace(" because ", "\n  because\t") + "\nNode.js v24"
    done = run("-", stdin=wrapped)
    assert done.exit_code == 0
    assert done.output.splitlines()[-1] == f"{IN_POD} --action s3:GetObject --resource arn:aws:s3:::data/key"
    assert "fill in NAMESPACE/NAME" in done.output


def test_unknown_text_exits_with_1_and_lists_the_texts():
    """An unknown text says so, and shows what is recognized."""
    done = run("segmentation fault")
    assert done.exit_code == 1
    assert "not recognized" in done.output
    assert all(each.example in done.output for each in TEXTS)


def test_json_has_the_documented_schema():
    """With --json, the explanation is data."""
    answer = json.loads(run(DENIED, "--json").output)
    jsonschema.validate(answer, schema())
    assert answer["explanation"]["error"] == "iam-no-identity-based-policy"
    assert shlex.join(answer["explanation"]["commands"][0]).startswith(IN_POD)


@pytest.mark.parametrize("arguments", [("",), ("-",), ("x", "--pod", "a/b", "--service-account", "a/b")])
def test_arguments_that_cannot_be_used(arguments):
    """An empty text, or two workloads, are usage errors."""
    assert run(*arguments, stdin="").exception.exit_code == 2
