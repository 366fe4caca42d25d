"""The policy pack in previews and updates of a fleet: violations, advice, exceptions and unknown values."""

import json
from pathlib import Path

import pytest
import yaml

from support.pipeline_events import reports_of

PACK = Path(__file__).parents[2] / "policies"
RULE = "trust-no-condition"


def exception(until):
    return [{"rule": RULE, "subject": "IAM role app", "reason": "tested", "until": until}]


STACKS = {
    "violating": {"tiny:any_token": True},
    "accepted": {"tiny:any_token": True, "tiny:open": True, "eks-policies:exceptions": exception("2999-12-31")},
    "overdue": {"tiny:any_token": True, "eks-policies:exceptions": exception("2020-12-31")},
    "unknown": {"tiny:any_token": True, "tiny:unknown": True},
}


class Fleet:
    """The fleet after one preview of all stacks, and one update of all but `overdue`."""

    def __init__(self, runner, folder):
        self._runner = runner
        file = runner.project / "fleet.yaml"
        file.write_text(yaml.safe_dump({"concurrency": 2, "stacks": dict.fromkeys(STACKS)}))
        for name, config in STACKS.items():
            (runner.project / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": config}))
        options = ("--fleet", str(file), "--policy-pack", str(PACK))
        saved, comment = folder / "preview.json", folder / "comment.md"
        self.previewed = runner("preview", *options, "--save", str(saved), "--save-comment", str(comment))
        document = json.loads(saved.read_text())
        self.succeeded = {each["stack"]: each["policies"] for each in document["stacks"]}
        self.failed = {name: each["policies"] for name, each in document["failed"].items()}
        self.comment = comment.read_text()
        stacks = [option for name in STACKS if name != "overdue" for option in ("--stack", name)]
        self.updated = runner("up", *options, *stacks, "--json")
        self.reports = reports_of(self.updated.stdout)

    def resources(self, stack):
        """Return the names of the resources in the state of a stack."""
        state = self._runner.pulumi("stack", "export", stack=stack)
        resources = json.loads(state.stdout)["deployment"].get("resources", ())
        return {each["urn"].rpartition("::")[2] for each in resources}


@pytest.fixture(scope="module")
def fleet(policy_runner, tmp_path_factory):
    return Fleet(policy_runner, tmp_path_factory.mktemp("preview"))


def levels(policies):
    return {(each["policy"], each["enforcement"]) for each in policies}


def test_preview_fails_for_the_stack_that_violates_a_mandatory_rule(fleet):
    """JSON and comment have the violation with its stack and its resource, and the exit code is 1."""
    assert fleet.previewed.returncode == 1, fleet.previewed.stderr
    (violation,) = fleet.failed["violating"]
    assert levels([violation]) == {(RULE, "mandatory")}
    assert violation["urn"] == "urn:pulumi:violating::tiny::aws:iam/role:Role::app"
    (line,) = [line for line in fleet.comment.splitlines() if f"mandatory: {RULE}: " in line]
    assert "IAM role app: trusts every token of" in line
    assert line.endswith("(overdue, violating)")
    assert fleet.comment.count("**4 policy violations**") == 1


def test_advisory_rule_is_shown_and_does_not_stop(fleet):
    """An exception with a reason and an end date accepts the violation of the mandatory rule in the same stack."""
    assert levels(fleet.succeeded["accepted"]) == {("public-endpoint-open", "advisory")}
    assert "- advisory: public-endpoint-open: " in fleet.comment
    assert fleet.reports["accepted"]["result"] == "succeeded"
    assert fleet.resources("accepted") == {"tiny-accepted", "eks-clu", "app"}


def test_overdue_exception_fails_with_the_violation(fleet):
    assert levels(fleet.failed["overdue"]) == {(RULE, "mandatory"), ("exception-overdue", "mandatory")}
    assert "mandatory: exception-overdue: " in fleet.comment
    assert f"{RULE} for IAM role app: ended after 2020-12-31" in fleet.comment


def test_update_of_a_violating_stack_changes_nothing_and_others_are_updated(fleet):
    assert fleet.updated.returncode == 1
    results = {name: report["result"] for name, report in fleet.reports.items()}
    assert results == {"violating": "failed", "accepted": "succeeded", "unknown": "failed"}
    assert levels(fleet.reports["violating"]["policies"]) == {(RULE, "mandatory")}
    assert fleet.resources("violating") == set()


def test_unknown_value_is_not_decided_by_the_preview_and_decided_in_the_update(fleet):
    """The update stops before the resource that violates the rule; what it created before that stays."""
    (undecided,) = fleet.succeeded["unknown"]
    assert levels([undecided]) == {("not-decided", "advisory")}
    assert RULE in undecided["message"]
    assert "not decided before the update: IAM role app" in undecided["message"]
    assert "not decided before the update: IAM role app" in fleet.comment
    assert (RULE, "mandatory") in levels(fleet.reports["unknown"]["policies"])
    assert fleet.resources("unknown") == {"tiny-unknown", "default", "eks-clu", "provider"}
