"""The command `eks-access graph`."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import jsonschema
import pytest
from click.testing import CliRunner

from eks_access.cli import commands
from eks_access.errors import ExitCode, UsageError
from eks_access.graph.aws_objects import IamPrincipal
from eks_access.graph.tables import Table
from eks_access.render.json_output import schema
from eks_access.sources.snapshot import save_snapshot, take_snapshot
from support.eks_access_command import run
from support.large_access_graphs import large_objects
from support.picture_graphs import broken, healthy

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def saved(graph, folder, name):
    path = folder / f"{name}.json"
    save_snapshot(take_snapshot(graph, NOW), path)
    return path


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory):
    folder = tmp_path_factory.mktemp("snapshots")
    graph = healthy().graph()
    not_read: Table[str, IamPrincipal] = Table.not_read("IAM principals", "AccessDenied: iam:GetRole")
    return {
        "healthy": saved(graph, folder, "healthy"),
        "broken": saved(broken().graph(), folder, "broken"),
        "partial": saved(replace(graph, principals=not_read), folder, "partial"),
        "large": saved(large_objects(accounts=800, roles=150, namespaces=10).graph(), folder, "large"),
    }


def invoke(*arguments):
    return CliRunner().invoke(commands, ["graph", *map(str, arguments)])


@pytest.mark.parametrize(
    ("name", "code"),
    [("healthy", ExitCode.FINE), ("broken", ExitCode.FOUND), ("partial", ExitCode.NOT_REACHABLE)],
)
def test_exit_code_tells_broken_and_not_evaluated_links(snapshots, name, code):
    done = invoke("--source", snapshots[name])
    assert done.exit_code == code
    assert done.output.startswith("<svg")


def test_suffix_of_the_file_selects_the_format(snapshots, tmp_path):
    for name, start in (("a.svg", "<svg"), ("a.html", "<!doctype html>")):
        done = run("graph", "--source", snapshots["healthy"], "--to", tmp_path / name)
        assert (done.returncode, done.stderr) == (0, "")
        assert f"{name}: picture of " in done.stdout
        assert (tmp_path / name).read_text().startswith(start)


def test_parts_that_were_not_read_are_printed_beside_the_file(snapshots, tmp_path):
    done = run("graph", "--source", snapshots["partial"], "--to", tmp_path / "a.svg")
    assert done.returncode == 3
    assert "not read: IAM principals: AccessDenied: iam:GetRole" in done.stderr


def test_json_has_the_documented_schema(snapshots):
    done = invoke("--source", snapshots["broken"], "-o", "json")
    answer = json.loads(done.output)
    jsonschema.validate(answer, schema())
    links = [link for edge in answer["picture"]["edges"] for link in edge["links"]]
    assert {link["finding"]["kind"]["id"] for link in links if link["verdict"] == "broken"} == {
        *("group-misspelt", "trust-subject", "mapping-of-deleted-principal"),
    }


def test_json_of_a_large_cluster_is_not_folded(snapshots):
    unfolded = json.loads(invoke("--source", snapshots["large"], "--json").output)["picture"]
    assert len(unfolded["nodes"]) > 2_000
    assert unfolded["folded"] == ""
    assert "objects are folded by namespace" in invoke("--source", snapshots["large"]).output


def test_table_and_fixes_are_those_of_other_commands(snapshots):
    assert "✘" in invoke("--source", snapshots["broken"], "-o", "table").output
    fixes = invoke("--source", snapshots["broken"], "-o", "fix", "--profile", "ops").output
    assert "aws --profile ops iam update-assume-role-policy" in fixes


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--highlight", "shop/order"), "pass one of shop/orders"),
        (("--namespace", "other"), "pass one of default, shop"),
        (("-o", "json", "--to", "x.json"), "redirect standard output"),
        (("--to", "missing/x.svg"), "run `mkdir -p missing` first"),
    ],
)
def test_unusable_arguments_are_usage_errors(snapshots, arguments, text):
    done = invoke("--source", snapshots["broken"], *arguments)
    assert isinstance(done.exception, UsageError)
    assert text in str(done.exception)
