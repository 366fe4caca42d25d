"""The command `eks-access check`, asked about snapshots."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import jsonschema
import pytest

from eks_access.catalogue import policies as rules
from eks_access.graph.tables import Table
from eks_access.questions.policies.settings import schema as config_schema
from eks_access.render.json_output import schema
from eks_access.sources.snapshot import save_snapshot, take_snapshot
from support.eks_access_command import run
from support.policy_cases import CASES, ENTRIES_BEFORE, trust

NOW = datetime(2026, 6, 15, tzinfo=UTC)


@pytest.fixture
def saved(tmp_path):
    def save(graph, name="graph"):
        path = tmp_path / f"{name}.json"
        save_snapshot(take_snapshot(graph, NOW), path)
        return path

    return save


def protected(objects):
    """Return the graph of a cluster that violates no rule on the cluster, and has an administrator."""
    cluster = {"has_public_endpoint": False, "encrypts_secrets": True}
    return objects.changed(cluster=cluster, entries=ENTRIES_BEFORE | dict(objects.entries)).graph()


def test_violation_of_a_mandatory_rule_exits_with_1(saved):
    done = run("check", "--source", saved(protected(trust())))
    assert done.returncode == 1
    assert "trust-no-condition" in done.stdout
    assert "IAM role app" in done.stdout


def test_json_has_its_schema(saved):
    done = run("check", "--json", "--source", saved(protected(trust())))
    answer = json.loads(done.stdout)
    jsonschema.validate(answer, schema())
    (found,) = answer["check"]["violations"]
    assert (found["level"], found["finding"]["kind"]["id"]) == ("mandatory", "trust-no-condition")


def test_clean_graph_exits_with_0(saved):
    done = run("check", "--source", saved(protected(CASES[rules.TRUST_NO_CONDITION].clean)))
    assert (done.returncode, "no violation" in done.stdout) == (0, True)


def test_rule_that_is_not_decided_exits_with_3(saved):
    readable = protected(CASES[rules.TRUST_NO_CONDITION].clean)
    graph = replace(readable, nodes=Table.not_read("nodes", "Forbidden: list nodes"))
    done = run("check", "--source", saved(graph))
    assert (done.returncode, "Forbidden: list nodes" in done.stdout) == (3, True)


def test_policy_config_in_yaml_accepts_a_violation(saved, tmp_path):
    """A date needs no quotes in YAML; the same file in JSON is Pulumi's policy config."""
    config = tmp_path / "policies.yaml"
    config.write_text(
        "trust-no-condition:\n  exceptions:\n  - {subject: IAM role app, reason: moves, until: 2999-12-31}\n"
    )
    done = run("check", "--policy-config", config, "--source", saved(protected(trust())))
    assert (done.returncode, "moves" in done.stdout) == (0, True)
    exception = {"subject": "IAM role app", "reason": "moves", "until": "2999-12-31"}
    jsonschema.validate({"trust-no-condition": {"exceptions": [exception]}, "all": "advisory"}, config_schema())


def test_wrong_policy_config_exits_with_2(saved, tmp_path):
    config = tmp_path / "policies.json"
    config.write_text('{"trust-no-conditions": "advisory"}')
    done = run("check", "--policy-config", config, "--source", saved(protected(trust())))
    assert (done.returncode, "write trust-no-condition" in done.stderr) == (2, True)


def test_policy_config_that_is_no_yaml_is_named_in_one_line(saved, tmp_path):
    config = tmp_path / "policies.json"
    config.write_text("{")
    done = run("check", "--policy-config", config, "--source", saved(protected(trust())))
    assert done.returncode == 2
    error, fix = done.stderr.splitlines()
    assert error.startswith(f"error: --policy-config {config} must be JSON or YAML: ")
    assert fix == "  fix: write it as docs/policies.md shows"


def test_before_shows_what_a_change_removes(saved):
    case = CASES[rules.NODE_ROLE_REMOVED]
    before = saved(protected(case.before), "before")
    done = run("check", "--before", before, "--source", saved(case.violating.graph()))
    assert "node-role-removed" in done.stdout
