"""The SARIF output of `eks-access`, validated with the JSON schema of the standard."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from eks_access.catalogue import CHAINS
from eks_access.findings import Finding, Fix
from eks_access.graph.tables import NotRead, Table
from eks_access.render.sarif import sarif
from eks_access.sources.snapshot import save_snapshot, take_snapshot
from support.cluster_chains import BY_AWS_AUTH, USER, USERS
from support.eks_access_command import run

SCHEMA = json.loads((Path(__file__).parents[1] / "data" / "sarif" / "sarif-schema-2.1.0.json").read_text())
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)
KINDS = [kind for kinds in CHAINS.values() for kind in kinds]
REQUEST = ("--verb", "list", "--resource", "pods", "--namespace", "default")


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    graph = BY_AWS_AUTH.changed(aws_auth={"mapUsers": USERS.replace("operators", "operator")}).graph()
    path = tmp_path_factory.mktemp("snapshots") / "broken.json"
    save_snapshot(take_snapshot(graph), path)
    return path


def errors(log):
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(log)]


def log_of(*kinds, subject="service account default/app"):
    fix = Fix((("kubectl", "get", "pods"),))
    return sarif([Finding(kind, subject, "is \N{SNOWMAN} 'this'", "that", fix) for kind in kinds], "state of stack dev")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.id)
def test_each_kind_of_finding_is_a_valid_rule_and_result(kind):
    assert errors(log_of(kind)) == []


def test_log_without_findings_is_valid():
    log = log_of()
    assert errors(log) == []
    assert log["runs"][0]["results"] == []


def test_results_refer_to_their_rules():
    log = log_of(*KINDS, KINDS[0])
    assert errors(log) == []
    (only,) = log["runs"]
    rules = only["tool"]["driver"]["rules"]
    assert [rules[result["ruleIndex"]]["id"] for result in only["results"]] == [kind.id for kind in (*KINDS, KINDS[0])]
    assert len(rules) == len(KINDS)


@pytest.mark.parametrize(
    "arguments",
    [
        ("trace", "principal", USER, *REQUEST),
        ("list",),
        ("check",),
        ("escalations",),
        ("who-can", "list", "pods"),
        ("graph",),
    ],
    ids=lambda arguments: arguments[0],
)
def test_each_question_prints_a_valid_log(broken, arguments):
    done = run(*arguments, "--source", broken, "--output", "sarif")
    assert errors(json.loads(done.stdout)) == []


def test_parts_that_were_not_read_are_notifications():
    log = sarif([], "cluster eks-clu", [NotRead("access entries", "AccessDenied: eks:ListAccessEntries")])
    assert errors(log) == []
    (notification,) = log["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    assert notification["message"]["text"] == "not evaluated: access entries: AccessDenied: eks:ListAccessEntries"


@pytest.mark.parametrize("arguments", [("trace", "principal", USER, *REQUEST), ("check",)], ids=lambda each: each[0])
def test_log_of_a_partial_graph_has_notifications(tmp_path, arguments):
    unread = Table.not_read("RBAC bindings", "AccessDenied: list clusterrolebindings")
    path = tmp_path / "partial.json"
    save_snapshot(take_snapshot(replace(BY_AWS_AUTH.graph(), rbac_bindings=unread)), path)
    done = run(*arguments, "--source", path, "--output", "sarif")
    log = json.loads(done.stdout)
    assert errors(log) == []
    notifications = log["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    assert any("AccessDenied: list clusterrolebindings" in each["message"]["text"] for each in notifications)


def test_the_schema_rejects_another_level():
    log = log_of(KINDS[0])
    log["runs"][0]["results"][0]["level"] = "high"
    assert errors(log) == ["$.runs[0].results[0].level: 'high' is not one of ['none', 'note', 'warning', 'error']"]
