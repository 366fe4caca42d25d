"""Malformed values of a file are errors of the file; other exceptions are internal errors, and ask for a report."""

import json

import pytest

from eks_access.cli import main
from eks_access.graph import AccessGraph
from eks_access.graph.aws_objects import IamPrincipal, Unknown
from eks_access.sources import manifests
from eks_access.sources.levels import MAX_LEVELS
from eks_access.sources.snapshot import save_snapshot, take_snapshot
from eks_access.sources.state import graph_of_state
from support.access_graphs import Objects
from support.command_lines import call
from support.pulumi_stacks import cluster, export, manifest, resource

NOT_REACHABLE, INTERNAL = 3, 4
RBAC = "rbac.authorization.k8s.io/v1"
ROLE, CLUSTER = "aws:iam/role:Role", {"clusterName": "eks-clu"}
ARN = "arn:aws:iam::123456789012:role/app"


def role(**inputs):
    return resource(ROLE, "app", {"name": "app", "assumeRolePolicy": "{}", **inputs}, {"arn": ARN})


def entry(**inputs):
    return resource("aws:eks/accessEntry:AccessEntry", "app", {**CLUSTER, "principalArn": ARN, **inputs})


def template(**options):
    return resource("aws:ec2/launchTemplate:LaunchTemplate", "t", {"metadataOptions": options}, {"id": "lt-1"})


MALFORMED = {
    "inline policies": (role(inlinePolicies={"name": "x"}), f"{ROLE} app must have", "$.inlinePolicies"),
    "inline policy": (role(inlinePolicies=["x"]), f"{ROLE} app must have", "$.inlinePolicies[0]"),
    "boundary": (role(permissionsBoundary=[1]), f"IAM principal {ARN} must have", "$.boundary"),
    "groups": (entry(kubernetesGroups=3.5), "AccessEntry app must have", "$.kubernetesGroups"),
    "group": (entry(kubernetesGroups=[["x"]]), f"access entry {ARN} must have", "$.groups[0]"),
    "username": (entry(userName={"x": 1}), f"access entry {ARN} must have", "$.username"),
    "metadata": (
        manifest("core/v1:ServiceAccount", "app") | {"inputs": {"metadata": "x"}},
        "app must have",
        "metadata",
    ),
    "item of a list": (
        resource("kubernetes:rbac.authorization.k8s.io/v1:RoleList", "all", {"items": [{"metadata": 1}]}),
        "RoleList all must have",
        "$.items[0].metadata",
    ),
    "namespace": (
        manifest("core/v1:ServiceAccount", "app", ["x"]),
        "the name of a resource for service account must have",
        "$[0]",
    ),
    "rule": (manifest(f"{RBAC}:Role", "r", rules=["x"]), f"{RBAC}:Role r must have", "$.rules[0]"),
    "verbs": (manifest(f"{RBAC}:Role", "r", rules=[{"verbs": "get"}]), "Role r must have", "$.rules[0].verbs"),
    "subject": (manifest(f"{RBAC}:RoleBinding", "b", subjects=["x"]), "RoleBinding b must have", "$.subjects[0]"),
    "subject of a patch in a list": (
        resource(f"kubernetes:{RBAC}:RoleBindingList", "all", {"items": [{"subjects": {}}]}),
        "RoleBindingList all must have",
        "$.items[0].subjects",
    ),
    "container": (manifest("core/v1:Pod", "p", spec={"containers": ["x"]}), "Pod p must have", "$.spec.containers[0]"),
    "variable": (
        manifest("apps/v1:Deployment", "d", spec={"template": {"spec": {"containers": [{"env": [{"name": []}]}]}}}),
        "Deployment d must have",
        "$.spec.template.spec.containers[0].env[0].name",
    ),
    "job": (manifest("batch/v1:CronJob", "c", spec={"jobTemplate": []}), "CronJob c must have", "$.spec.jobTemplate"),
    "annotation": (
        manifest("core/v1:ServiceAccount", "a", metadata={"annotations": {"x": 1}}),
        "ServiceAccount a must have",
        "$.metadata.annotations",
    ),
    "hop limit": (template(httpPutResponseHopLimit="many"), "LaunchTemplate t must have", "httpPutResponseHopLimit"),
    "issuer": (
        cluster() | {"outputs": {"identities": [{"oidcs": [{"issuer": 5}]}]}},
        "the cluster must have",
        "$.issuer",
    ),
    "mode": (cluster(mode="CONFIG"), "must be one of CONFIG_MAP, API_AND_CONFIG_MAP, API", "CONFIG"),
}


def write(tmp_path, *resources):
    file = tmp_path / "state.json"
    declared = [each for each in (cluster(),) if each["urn"] not in {other["urn"] for other in resources}]
    file.write_text(json.dumps(export(*declared, *resources)))
    return file


@pytest.mark.parametrize(("malformed", "subject", "place"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_value_of_a_state_is_an_error_of_the_file_with_its_place(tmp_path, malformed, subject, place):
    file = write(tmp_path, malformed)
    done = call(main, "list", "--source", file)
    assert done.code == NOT_REACHABLE, done
    assert done.stderr.startswith(f"error: {file}")
    assert subject in done.stderr
    assert place in done.stderr


ACCEPTED = {
    "number of a policy pack": template(httpPutResponseHopLimit=2.0),
    "data of a custom resource": manifest("example.com/v1:Report", "app") | {"inputs": {"metadata": {}, "data": [1]}},
    "rules of a custom resource": manifest("example.com/v1:Role", "r", rules=["x"]),
    "annotation that is null": manifest("core/v1:ServiceAccount", "a", metadata={"annotations": {"x": None}}),
    "items of a custom resource": manifest("example.com/v1:Order", "app") | {"inputs": {"metadata": {}, "items": "x"}},
    "items of a custom list": manifest("example.com/v1:HostList", "app") | {"inputs": {"metadata": {}, "items": ["x"]}},
}


@pytest.mark.parametrize("declared", ACCEPTED.values(), ids=ACCEPTED)
def test_values_that_pulumi_and_custom_resources_have_are_accepted(tmp_path, declared):
    done = call(main, "list", "--source", write(tmp_path, declared))
    assert done.code != NOT_REACHABLE, done.stderr


FAULTS = (KeyError("own"), TypeError("own"), ValueError("own"), AttributeError("own"), IndexError("own"))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_fault_of_the_program_is_an_internal_error_and_not_one_of_the_file(tmp_path, monkeypatch, fault):
    """A file that can be read is not blamed for an exception of the program, which asks for a report."""

    def fail(_graph):
        raise fault

    monkeypatch.setattr(AccessGraph, "authentication_mode", fail)
    file = write(tmp_path, role(), entry())
    done = call(main, "list", "--source", file)
    assert done.code == INTERNAL
    assert done.stderr.startswith(f"error: internal error: {type(fault).__name__}: ")
    assert str(file) not in done.stderr
    assert "fix: report this error" in done.stderr
    assert "Traceback" not in done.stderr
    done = call(main, "--debug", "list", "--source", file)
    assert done.code == INTERNAL
    assert "Traceback (most recent call last)" in done.stderr
    assert "in fail" in done.stderr


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
@pytest.mark.parametrize(
    ("function", "declared"),
    [
        ("rbac_role", manifest(f"{RBAC}:Role", "r", rules=[])),
        ("rbac_binding", manifest(f"{RBAC}:RoleBinding", "b", roleRef={"kind": "Role", "name": "r"})),
        ("service_account", manifest("core/v1:ServiceAccount", "a")),
        ("pod", manifest("core/v1:Pod", "p", spec={})),
    ],
)
def test_fault_of_a_conversion_is_an_internal_error_and_no_missing_field(
    tmp_path, monkeypatch, fault, function, declared
):
    def fail(_manifest):
        raise fault

    monkeypatch.setattr(manifests, function, fail)
    done = call(main, "list", "--source", write(tmp_path, declared))
    assert (done.code, f"internal error: {type(fault).__name__}" in done.stderr) == (INTERNAL, True)


def nested(levels):
    return json.loads("[" * levels + "]" * levels)


def snapshot_with(tmp_path, statement):
    file = tmp_path / "snapshot.json"
    principal = IamPrincipal(ARN, trust_policy={"Statement": statement})
    save_snapshot(take_snapshot(Objects(principals={ARN: principal}).graph()), file)
    return file


def state_with(tmp_path, value):
    return write(tmp_path, manifest("example.com/v1:Report", "app", spec=value))


def preview_with(tmp_path, value):
    file = tmp_path / "preview.json"
    state = manifest("core/v1:ConfigMap", "app", data={"x": value})
    file.write_text(json.dumps({"steps": [{"op": "create", "urn": state["urn"], "newState": state}]}))
    return file


FILES = (snapshot_with, state_with, preview_with)


@pytest.mark.parametrize("levels", [MAX_LEVELS, 500, 900])
@pytest.mark.parametrize("file_with", FILES, ids=lambda each: each.__name__)
def test_file_with_too_many_levels_is_an_error_of_the_file(tmp_path, file_with, levels):
    file = file_with(tmp_path, nested(levels))
    done = call(main, "list", "--source", file)
    assert done.code == NOT_REACHABLE
    assert str(file) in done.stderr
    assert f"must have at most {MAX_LEVELS} levels of lists and maps" in done.stderr


@pytest.mark.parametrize("key", ["taken_at", "deployment", "steps"])
def test_file_that_no_parser_reads_for_its_levels_is_an_error_of_the_file(tmp_path, key):
    file = tmp_path / "deep.json"
    file.write_text(f'{{"{key}": {"[" * 100_000}{"]" * 100_000}}}')
    done = call(main, "list", "--source", file)
    assert done.code == NOT_REACHABLE
    assert done.stderr.startswith(f"error: {file} must have at most {MAX_LEVELS} levels")


@pytest.mark.parametrize("levels", [500, 100_000])
def test_policy_document_with_too_many_levels_is_not_evaluated(tmp_path, levels):
    """The text of a document is no level of the file. IAM rejects it, so that only its role is not evaluated."""
    text = f'{{"Statement": {"[" * levels}{"]" * levels}}}'
    found = graph_of_state(export(cluster(), role(assumeRolePolicy=text)))
    assert isinstance(found.principals.get(ARN).trust_policy, Unknown)


@pytest.mark.parametrize("command", [("list",), ("escalations",), ("check",), ("who-can", "s3:GetObject", "*")])
@pytest.mark.parametrize("file_with", FILES[:2], ids=lambda each: each.__name__)
def test_file_within_the_levels_is_read_by_each_question(tmp_path, file_with, command):
    file = file_with(tmp_path, nested(MAX_LEVELS - 10))
    done = call(main, *command, "--source", file)
    assert "levels" not in done.stderr
    assert "internal error" not in done.stderr


def test_endless_recursion_of_the_program_is_an_internal_error_and_not_one_of_the_file(tmp_path, monkeypatch):
    def endless(graph):
        return endless(graph)

    monkeypatch.setattr(AccessGraph, "authentication_mode", endless)
    file = write(tmp_path, role(), entry())
    done = call(main, "list", "--source", file)
    assert (done.code, str(file) in done.stderr) == (INTERNAL, False)
    assert done.stderr.startswith("error: internal error: RecursionError: ")


def test_fault_while_a_file_is_opened_is_an_internal_error(tmp_path, monkeypatch):
    def fail(*_arguments):
        raise KeyError("own")

    monkeypatch.setattr("eks_access.sources.pulumi.graph.declarations", fail)
    done = call(main, "list", "--source", write(tmp_path, role()))
    assert (done.code, "internal error: KeyError" in done.stderr) == (INTERNAL, True)
