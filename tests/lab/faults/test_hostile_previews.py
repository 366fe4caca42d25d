"""Hostile inputs in previews of the engine: all problems of a program at once, no traceback, no secret, no resource."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from lab.environment import process_environment
from lab.tools.languages import language_folders
from support.component_contract import validate_without_registration
from support.deployed_environment import DeployedEnvironment, add_environment, project, team_settings
from support.hostile_cases import rejected_cases
from support.hostile_checks import MARK, check_problems, check_text
from support.lab_project import write_project
from support.sample_args import CONNECTION, SAMPLES

SEED = int(os.environ["EKS_IDENTITY_CONFORMANCE_SEED"])
PROGRAM = Path(__file__).with_name("hostile_components_program.py")


@pytest.fixture
def preview(running_lab, tools, tmp_path):
    """Return a function that previews the project in the test's folder, and returns its exit code and its output."""
    folders = [*map(str, language_folders("yaml"))]
    environment = process_environment(running_lab, tools.bin)
    environment |= {
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
        "PATH": os.pathsep.join([environment["PATH"], *folders]),
    }
    (tmp_path / "state").mkdir()

    def run(folder):
        def pulumi(*arguments):
            command = ["pulumi", *arguments, "--stack", "dev", "--non-interactive", "--color", "never"]
            return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

        assert pulumi("stack", "init").returncode == 0
        done = pulumi("preview")
        assert "resources" not in json.loads(pulumi("stack", "export").stdout)["deployment"]
        return done.returncode, done.stdout + done.stderr

    return run


def test_preview_reports_the_problems_of_all_components(preview, tmp_path, monkeypatch, is_soak, show):
    """A program that declares components from data ends with the hostile arguments of all of them."""
    with monkeypatch.context() as patch:
        cases = rejected_cases(validate_without_registration(patch), SEED, 1500 if is_soak else 100)
    folder = write_project(tmp_path / "project", "hostile", PROGRAM)
    (folder / "cases.json").write_text(json.dumps([{"component": each.component, "args": each.args} for each in cases]))
    code, output = preview(folder)
    assert code == 1
    check_text(output)
    for index, case in enumerate(cases):
        assert f'case {index}: {case.component} "case-{index}": ' in output
        check_problems(case.problems, output)
    problems = sum(len(case.problems) for case in cases)
    show(f"hostile arguments in one preview: {len(cases)} components with {problems} problems, all named")


def test_check_of_previews_fails_for_a_traceback_with_a_secret(preview, tmp_path, is_soak):
    """The check is not blind: the engine shows the traceback of a broken program. `tests/hostile` has more of these."""
    if not is_soak:
        pytest.skip("a sample runs the check on texts only")
    folder = write_project(tmp_path / "project", "hostile", PROGRAM, seeded=MARK)
    (folder / "cases.json").write_text("[]")
    code, output = preview(folder)
    assert code == 1
    with pytest.raises(AssertionError, match="Traceback"):
        check_text(output)
    with pytest.raises(AssertionError, match=MARK):
        check_text("\n".join(line for line in output.splitlines() if MARK in line))


HOSTILE = {
    "clusters": {"eks-clu": {}, "irsa": {}},
    "access": {
        "masters": {
            "cluster": "eks-clu",
            "access_method": "aws-auth",
            "group": "system:masters\u200b",
            "principals": [{"user": "a b"}],
        },
        "viewers": {
            "cluster": "eks-clu",
            "group": "viewers",
            "access_method": "aws-auth",
            "rbac_roles": [{"name": "../view"}],
            "principals": [{"arn": "arn:aws:sts::123456789012:assumed-role/ops/ann"}],
        },
    },
    "workloads": {
        "shop": {"cluster": "irsa", "namespace": "Shop_1", "service_account": "cart\x1b[31m"},
        "till": {"cluster": "irsa", "namespace": "till", "service_account": "till", "policies": ["$(touch /tmp/x)"]},
    },
}
PLACES = ("access.masters", "access.viewers", "workloads.shop", "workloads.till")
VALUES = (
    "system:masters\\u200b",
    "a b",
    "../view",
    "assumed-role/ops/ann",
    "Shop_1",
    "cart\\x1b[31m",
    "$(touch /tmp/x)",
)


def test_pipeline_reports_the_problems_of_all_entries_of_hostile_settings(running_lab, tools, tmp_path):
    """Settings that only components can check fail their stack with file and key; the other stack has its preview."""
    folder = project(tmp_path, tools)
    calm = team_settings("eks-clu", "calm") | {"clusters": {"eks-clu": {}}, "defaults": {"access_method": "aws-auth"}}
    add_environment(folder, "calm", calm)
    add_environment(folder, "hostile", HOSTILE)
    environment = DeployedEnvironment(running_lab, tools, "calm", folder)
    stacks = ("--stack", "calm", "--stack", "hostile")
    done = environment.run(
        "python", "-m", "pipeline", "preview", *stacks, "--cwd", str(folder), "--runs", str(folder / "runs")
    )
    assert done.returncode == 1
    for text in (done.stdout, done.stderr):
        check_text(text)
    output = done.stdout + done.stderr
    for place in PLACES:
        assert f"Pulumi.hostile.yaml: eks-identity:{place}: " in output
    for value in VALUES:
        assert value in output
    assert output.count("rule: must") == output.count("fix:  ")


IRSA = SAMPLES["IrsaRole"][0]
ACCESS = SAMPLES["ClusterAccess"][1]
WORKLOAD = SAMPLES["WorkloadIdentity"][2]
RESOURCES = {
    "namespace": ("WorkloadIdentity", {**WORKLOAD, "namespace": "Shop_1"}, "namespace: 'Shop_1'"),
    "account": ("WorkloadIdentity", {**WORKLOAD, "service_account": "a\x1b[31m"}, "serviceAccount: 'a\\x1b[31m'"),
    "document": ("WorkloadIdentity", {**WORKLOAD, "session_policy": "[" * 5000}, f"sessionPolicy: '{'[' * 5000}'"),
    "session": ("ClusterAccess", {**ACCESS, "principals": [{"arn": "arn:aws:sts::1:a/b"}]}, "principals[0].arn: 'arn:"),
    "group": ("ClusterAccess", {**ACCESS, "group": "system:masters"}, "group: 'system:masters'"),
    "binding": (
        "ClusterAccess",
        {**ACCESS, "rbac_roles": [{"name": "view", "binding_name": "role_name/"}]},
        "rbacRoles[0].bindingName: 'role_name/'",
    ),
    "issuer": ("OidcProvider", {"issuer": "http://example.com"}, "issuer: 'http://example.com'"),
    "audiences": ("OidcProvider", {"issuer": CONNECTION["issuer"], "audiences": []}, "audiences: []"),
    "path": ("PodIdentityRole", {"cluster_arns": [CONNECTION["arn"]], "path": "`id`"}, "path: '`id`'"),
    "tags": ("NodeIsolation", {"tags": {"aws:x": "${AWS_SECRET_KEY}".replace("$", "$$")}}, "tags.aws:x: 'aws:x'"),
    "description": ("IrsaRole", {**IRSA, "description": "a\x07"}, "description: 'a\\x07'"),
    "duration": ("IrsaRole", {**IRSA, "max_session_duration": 1 << 40}, "maxSessionDuration: 1099511627776"),
    "labels": (
        "Cluster",
        {"create": {}, "node_groups": {"a": {"labels": {"k8s.io/a": "b"}}}},
        "labels.k8s.io/a: 'k8s.io/a'",
    ),
}
"""A component with a hostile value, and how the message begins."""


def yaml_args(value):
    """Return args with the names of Pulumi YAML. Keys of tags and labels, and functions, are unchanged."""
    if isinstance(value, list):
        return [yaml_args(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key if ":" in key or "/" in key else key[0] + key.title().replace("_", "")[1:]: yaml_args(item)
        for key, item in value.items()
    }


def test_yaml_program_reports_hostile_values(preview, tmp_path):
    """Hostile values reach the plugin by gRPC; the engine ends at the first error, and shows those that it has."""
    folder = write_project(tmp_path / "project", "hostile", "")
    resources = {
        name: {"type": f"eks-identity:{component}", "properties": yaml_args(args)}
        for name, (component, args, _) in RESOURCES.items()
    }
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump({"name": "hostile", "runtime": "yaml", "resources": resources}))
    code, output = preview(folder)
    assert code != 0, output
    check_text(output)
    shown = [name for name, (component, *_) in RESOURCES.items() if f'{component} "{name}": 1 problem' in output]
    assert shown, output
    assert all(RESOURCES[name][2] in output for name in shown)
    assert output.count("rule: must") == output.count("fix:  ") == len(shown)
