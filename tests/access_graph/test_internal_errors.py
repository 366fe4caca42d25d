"""Malformed values of a file are errors of the file; other exceptions are internal errors, and ask for a report."""

import json

import pytest

from eks_access.cli import main
from eks_access.graph import AccessGraph
from support.command_lines import call
from support.pulumi_stacks import cluster, export, manifest, resource

NOT_REACHABLE, INTERNAL = 3, 4
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
    "items of a custom resource": manifest("example.com/v1:Order", "app") | {"inputs": {"metadata": {}, "items": "x"}},
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


def test_fault_while_a_file_is_opened_is_an_internal_error(tmp_path, monkeypatch):
    def fail(*_arguments):
        raise KeyError("own")

    monkeypatch.setattr("eks_access.sources.pulumi.graph.declarations", fail)
    done = call(main, "list", "--source", write(tmp_path, role()))
    assert (done.code, "internal error: KeyError" in done.stderr) == (INTERNAL, True)
