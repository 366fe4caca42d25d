"""The command `eks-access`, asked about a snapshot."""

import json
import os
import pty
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import jsonschema
import pytest

from eks_access.cli import INTERRUPTED, main
from eks_access.cli.source_options import SourceOptions
from eks_access.render.json_output import schema
from eks_access.sources.snapshot import save_snapshot, take_snapshot
from support.cluster_chains import BY_AWS_AUTH, USER, USERS
from support.eks_access_command import run

REQUEST = ("--verb", "list", "--resource", "pods", "--namespace", "default")
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    path = tmp_path_factory.mktemp("snapshots") / "healthy.json"
    save_snapshot(take_snapshot(BY_AWS_AUTH.graph(), NOW), path)
    return path


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    path = tmp_path_factory.mktemp("snapshots") / "broken.json"
    save_snapshot(
        take_snapshot(BY_AWS_AUTH.changed(aws_auth={"mapUsers": USERS.replace("operators", "operator")}).graph(), NOW),
        path,
    )
    return path


def trace(snapshot, *arguments):
    return run("trace", "principal", USER, *REQUEST, "--source", snapshot, *arguments)


def test_a_healthy_chain_exits_with_0(healthy):
    done = trace(healthy)
    assert (done.returncode, done.stderr) == (0, "")
    assert "ClusterRoleBinding test-clu-rolebinding grants ClusterRole test-clu-role" in done.stdout


def test_a_broken_chain_exits_with_1_and_prints_the_fix_in_one_line(broken):
    done = trace(broken, "--context", "my context", "--profile", "ops")
    assert done.returncode == 1
    (fix,) = [line for line in done.stdout.splitlines() if line.startswith("  fix:")]
    assert "kubectl --context 'my context' -n kube-system patch configmap aws-auth" in fix


def test_advice_names_the_context_too(tmp_path):
    path = tmp_path / "snapshot.json"
    save_snapshot(take_snapshot(BY_AWS_AUTH.changed(aws_auth={"mapUsers": "\t-["}).graph(), NOW), path)
    done = trace(path, "--context", "my context")
    assert "`kubectl --context 'my context' -n kube-system edit configmap aws-auth`" in done.stdout


def test_json_has_the_documented_schema(broken):
    done = trace(broken, "--json")
    answer = json.loads(done.stdout)
    jsonschema.validate(answer, schema())
    (finding,) = [link["finding"] for link in answer["trace"]["links"] if "finding" in link]
    assert finding["kind"]["id"] == "group-misspelt"


def test_markdown_and_sarif_name_the_finding(broken):
    assert "`group-misspelt`" in trace(broken, "--output", "md").stdout
    log = json.loads(trace(broken, "--output", "sarif").stdout)
    (result,) = log["runs"][0]["results"]
    assert (result["ruleId"], result["level"]) == ("group-misspelt", "error")
    assert result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"].startswith("mapUsers[0]")
    uri = urlsplit(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])
    assert (uri.scheme, uri.path.isascii()) == ("", True), "the time of a snapshot has colons, which end a scheme"


def test_fix_prints_the_command_and_nothing_else(broken):
    (line,) = trace(broken, "--output", "fix").stdout.splitlines()
    assert line.startswith("kubectl -n kube-system patch configmap aws-auth")


def test_list_exits_with_1_for_a_finding(healthy):
    done = run("list", "--source", healthy)
    assert done.returncode == 0, done.stdout
    assert USER in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("trace", "principal", USER, "--verb", "lst", "--resource", "pods"), "fix: pass --verb list"),
        (("trace", "principal", USER, "--verb", "list", "--resource", "pod"), "fix: pass --resource pods"),
        (("trace", "principal", "eks-ope", *REQUEST), "must be an ARN"),
        (("trace", "principal", USER), "Missing option '--verb'"),
        (("escalations", "--from", "default/missing"), "--from 'default/missing' must be an existing"),
        (("escalations", "--from", f"{USER}x"), f"--from '{USER}x' must be an existing"),
        (("list", "--cluster", "other"), "--cluster 'other' must be the cluster of --source: eks-clu"),
        (("diff", "live", "live"), "must be omitted: BEFORE and AFTER are the sources"),
        (("check", "--before", "missing.json"), "error: source 'missing.json' must be live"),
        (("trace", "pod", "default/app", "--action", "ListBucket"), "'ListBucket' must be one action of IAM"),
        (("trace", "pod", "default/app", "--action", "s3:ListBucket", "--resource", "b"), "'b' must be the ARN"),
        (("trace", "serviceaccount", "default/app", "--resource", "*"), "--resource '*' must be passed with --action"),
        (("list", "--account", "1=x"), "must be an account id of 12 digits"),
    ],
)
def test_a_command_line_that_cannot_be_used_exits_with_2(healthy, arguments, message):
    done = run(*arguments, "--source", healthy)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_interrupted_command_says_so_without_a_traceback(monkeypatch, capsys):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(SourceOptions, "open", interrupt)
    monkeypatch.setattr(sys, "argv", ["eks-access", "list"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == INTERRUPTED
    assert capsys.readouterr().err.strip() == "interrupted"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "missing.json",
            "source 'missing.json' must be live, state, state=STACK, preview, preview=STACK or the path",
        ),
        ("stat", "source 'stat' must be live"),
        ("state=", "source 'state=' must name a stack after ="),
    ],
)
def test_an_unknown_source_exits_with_2(source, message):
    done = run("list", "--source", source)
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "must be JSON"), ("[]", "must be a snapshot, an exported state or a preview"), ("{}", "must be a snapshot")],
)
def test_a_file_of_another_format_exits_with_3(tmp_path, text, message):
    path = tmp_path / "file.json"
    path.write_text(text)
    done = run("list", "--source", path)
    assert done.returncode == 3
    assert message in done.stderr
    assert "Traceback" not in done.stderr


DATA = Path(__file__).parent / "data"
OPERATOR = "arn:aws:iam::123456789012:user/people/graph-operator"


@pytest.mark.parametrize(
    ("file", "code", "text"),
    [
        ("state.json", 0, "ClusterRoleBinding graph-operator-binding grants ClusterRole graph-operator"),
        ("preview-new.json", 3, "authentication mode of cluster graph is not in the preview of stack dev"),
        ("preview-changed.json", 1, "account 123456789012 has no user /people/graph-operator"),
    ],
)
def test_a_file_of_pulumi_is_a_source(file, code, text):
    done = run("trace", "principal", OPERATOR, *REQUEST, "--source", DATA / file)
    assert (done.returncode, done.stderr) == (code, "")
    assert text in done.stdout


def test_a_preview_file_without_unchanged_resources_exits_with_3(tmp_path):
    path = tmp_path / "preview.json"
    path.write_text('{"steps": [], "changeSummary": {"same": 3}}')
    done = run("list", "--source", path)
    assert done.returncode == 3
    assert f"{path}: the preview must have its 3 unchanged resources too" in done.stderr


def test_a_cluster_that_a_state_does_not_have_exits_with_2():
    done = run("list", "--source", DATA / "state.json", "--cluster", "other")
    assert done.returncode == 2
    assert "--cluster 'other' must be a cluster of the state of stack dev: graph" in done.stderr


def test_a_wrong_argument_is_reported_before_the_source_is_read(tmp_path):
    done = run("trace", "principal", "eks-ope", *REQUEST, "--source", tmp_path / "missing.json")
    assert (done.returncode, "must be an ARN" in done.stderr) == (2, True)


def test_importing_the_package_loads_neither_pulumi_nor_clients():
    program = "import sys, eks_access.cli, eks_access.sources.preview\n"
    program += "print({'pulumi', 'boto3', 'lightkube', 'networkx'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_diff_of_two_snapshots_says_who_gains_and_fails_only_when_told(healthy, broken):
    done = run("diff", broken, healthy, "--output", "md")
    assert done.returncode == 0, done.stderr
    assert f"{USER}" in done.stdout.replace("\\", "")
    assert run("diff", broken, healthy, "--fail-on", "broadened").returncode == 1
    assert run("diff", healthy, broken, "--fail-on", "broadened").returncode == 0
    assert run("diff", healthy, broken, "--fail-on", "any").returncode == 1
    wrong = run("diff", healthy, broken, "--fail-on", "wider")
    assert (wrong.returncode, "must be a list of broadened, lockout, escalation, any" in wrong.stderr) == (2, True)


def test_progress_is_shown_on_a_terminal_only(healthy):
    """Standard error is a terminal here; the other tests of this file read it from a pipe, and find it empty."""
    terminal, end = pty.openpty()
    command = [sys.executable, "-m", "eks_access", "list", "--source", str(healthy)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=end):
        os.close(end)
        shown = b""
        while b"reading" not in shown:  # at the end of the process, the read raises
            shown += os.read(terminal, 4096)
    os.close(terminal)
