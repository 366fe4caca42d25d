"""The policies with arguments of the SDK: what each resource adds, and the settings of the stack."""

import json
import os
import select
import subprocess
import sys
import time
from datetime import date

import pulumi_policy as sdk
import pytest
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy.proxy import UNKNOWN_ARRAY_VALUE, UNKNOWN_STRING_VALUE, unknown_checking_proxy

from eks_access.catalogue import policies as rules
from eks_access.errors import UsageError
from eks_access.questions.policies.settings import RuleException
from eks_policies.analysis import Analysis
from eks_policies.pack import RulePolicies
from eks_policies.stack_settings import KEY, StackSettings, stack_settings
from support.lab_project import REPOSITORY
from support.policy_cases import AUD, HOST, PROVIDER, SUB

ROLE = "aws:iam/role:Role"
ENTRY = "aws:eks/accessEntry:AccessEntry"
TODAY = date(2026, 6, 15)


def trust(condition=None):
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": PROVIDER},
        "Action": "sts:AssumeRoleWithWebIdentity",
        **({"Condition": condition} if condition else {}),
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def options():
    timeouts = sdk.PolicyCustomTimeouts(0, 0, 0)
    return sdk.PolicyResourceOptions(
        protect=False,
        ignore_changes=[],
        delete_before_replace=None,
        aliases=[],
        custom_timeouts=timeouts,
        additional_secret_outputs=[],
    )


def urn(kind, name):
    return f"urn:pulumi:dev::shop::{kind}::{name}"


class Engine:
    """What the engine does with a policy pack: each resource, and then all of them."""

    def __init__(self, settings=None, config=None):
        self.policies = RulePolicies(Analysis(TODAY))
        self.policies.configure(settings or StackSettings())
        self.config = config or {}
        self.resources = []

    def register(self, kind, name, /, **inputs):
        """Return the policies that stop or report a resource."""
        self.resources.append((kind, name, inputs))
        found = []
        for policy in self.policies.all():
            if isinstance(policy, sdk.ResourceValidationPolicy):
                args = sdk.ResourceValidationArgs(
                    kind,
                    unknown_checking_proxy(inputs),
                    urn(kind, name),
                    name,
                    options(),
                    None,
                    self.config.get(policy.name),
                )
                policy.validate(args, lambda _, own=None, policy=policy: found.append((policy.name, own)))
        return found

    def end(self):
        """Return the policies and messages about all resources."""
        listed = [
            sdk.PolicyResource(
                kind, unknown_checking_proxy(inputs), urn(kind, name), name, options(), None, None, [], {}
            )
            for kind, name, inputs in self.resources
        ]
        found = []
        for policy in self.policies.all():
            if isinstance(policy, sdk.StackValidationPolicy):
                args = sdk.StackValidationArgs(listed, self.config.get(policy.name))
                policy.validate(args, lambda text, _=None, policy=policy: found.append((policy.name, text)))
        return found


def test_violation_is_reported_for_the_resource_that_brings_it():
    """The resources before and after it are not reported."""
    engine = Engine()
    assert engine.register(ROLE, "good", name="good", assumeRolePolicy=trust({"StringEquals": SUB | AUD})) == []
    assert engine.register(ROLE, "bad", name="bad", assumeRolePolicy=trust()) == [
        ("trust-no-condition", urn(ROLE, "bad"))
    ]
    assert engine.register(ROLE, "last", name="last", assumeRolePolicy=trust({"StringEquals": SUB | AUD})) == []


def test_violation_of_two_resources_is_reported_for_the_second():
    engine = Engine()
    assert engine.register(ROLE, "app", name="app", assumeRolePolicy=trust({"StringEquals": SUB | AUD})) == []
    kind = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    found = engine.register(kind, "app", role="app", policyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    assert found == [("workload-administrator", urn(kind, "app"))]


def test_pattern_for_the_branches_of_one_project_passes_and_one_for_a_group_is_reported():
    """The role that `PipelineRole` creates for `all_branches`, and one that is written by hand."""
    engine = Engine()
    for name, project in (("branches", "octo/shop:ref_type:branch:ref:"), ("group", "octo/")):
        condition = {"StringLike": {f"{HOST}:sub": f"project_path:{project}*"}, "StringEquals": AUD}
        found = engine.register(ROLE, name, name=name, assumeRolePolicy=trust(condition))
        assert found == ([("trust-subject-wildcard", urn(ROLE, name))] if name == "group" else [])


@pytest.mark.parametrize("mark", [UNKNOWN_STRING_VALUE, UNKNOWN_ARRAY_VALUE])
def test_unknown_value_stops_nothing_and_is_reported_as_not_decided(mark):
    engine = Engine()
    assert engine.register(ROLE, "app", name="app", assumeRolePolicy=mark) == []
    (found,) = [text for policy, text in engine.end() if policy == rules.NOT_DECIDED.id]
    assert found.startswith("trust-any-principal, trust-no-condition, trust-subject-missing")
    assert "not decided before the update: IAM role app: assumeRolePolicy of aws:iam/role:Role app" in found


def test_state_that_cannot_be_read_leaves_the_rules_on_changes_undecided(monkeypatch):
    monkeypatch.setenv("PATH", "")
    engine = Engine(StackSettings("organization/shop/dev"))
    engine.register(ENTRY, "a", clusterName="eks-clu", principalArn="arn:aws:iam::123456789012:user/ann")
    (found,) = [text for policy, text in engine.end() if "the state before the update" in text]
    assert found.startswith("last-administrator-removed, node-role-removed: not decided: ")


def test_wrong_settings_of_a_rule_are_reported_by_it():
    """A setting that the engine's own check of the schema cannot find, such as a date."""
    exception = {"subject": "x", "reason": "y", "until": "soon"}
    engine = Engine(config={"trust-no-condition": {"exceptions": [exception]}})
    found = engine.register(ROLE, "app", name="app", assumeRolePolicy=trust({"StringEquals": SUB | AUD}))
    assert found == [("trust-no-condition", None)]


def request(exceptions):
    names = {"stack": "dev", "project": "shop", "organization": "organization"}
    return analyzer_pb2.AnalyzerStackConfigureRequest(**names, config={KEY: json.dumps(exceptions)})


def test_settings_of_the_stack_have_exceptions_and_its_name():
    exception = {"rule": "rbac-wildcard", "subject": "x", "reason": "y", "until": "2027-03-31 00:00:00 +0000 UTC"}
    settings = stack_settings(request([exception]))
    expected = {"rbac-wildcard": (RuleException("x", "y", date(2027, 3, 31)),)}
    assert settings == StackSettings("organization/shop/dev", expected)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "must be a list of objects with a rule"),
        ([{"rule": "rbac-wildcards"}], "write rbac-wildcard"),
        ([{"rule": "rbac-wildcard", "subject": "x", "until": "2027-03-31"}], "reason"),
    ],
)
def test_wrong_exceptions_in_the_settings_of_the_stack_are_rejected(value, text):
    with pytest.raises(UsageError) as raised:
        stack_settings(request(value))
    assert text in str(raised.value)


def test_hundreds_of_resources_are_analyzed_in_seconds():
    """300 roles take 2 s of processor time, where a graph of the whole stack for each would take 27 s."""
    engine = Engine()
    start = time.process_time()
    for index in range(300):
        engine.register(ROLE, f"r{index}", name=f"r{index}", assumeRolePolicy=trust({"StringEquals": SUB | AUD}))
    assert time.process_time() - start < 15


def test_pack_prints_its_port_at_once():
    """The engine waits for it, and starts the pack with buffered output."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, str(REPOSITORY / "policies"), "127.0.0.1:1"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as pack:
        ready, _, _ = select.select([pack.stdout], [], [], 60)
        port = pack.stdout.readline() if ready else ""
        pack.kill()
    assert port.strip().isdigit()
