"""Hostile files and arguments of `eks-access`, `eks-pipeline` and `python -m lab` end with one error and its code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime

import hypothesis
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import strategies as st

from eks_access import cli as access
from eks_access.sources.snapshot import save_snapshot, take_snapshot
from eks_pipeline import cli as pipeline
from lab import cli as lab
from support.cluster_chains import BY_AWS_AUTH, USER
from support.command_lines import Done, call
from support.documents import places, replaced, value_at
from support.hostile_inputs import hostile, mutated
from support.pulumi_recordings import read

SEED = int(os.environ["EKS_IDENTITY_CONFORMANCE_SEED"])
FINE, FOUND, USAGE, NOT_REACHABLE = 0, 1, 2, 3
REQUEST = ("--verb", "list", "--resource", "pods")
QUESTIONS = (
    ("list",),
    ("who-can", "get", "pods"),
    ("who-can", "s3:ListBucket", "arn:aws:s3:::shop"),
    ("what-can", USER),
    ("escalations",),
    ("check",),
    ("graph",),
    ("graph", "--json"),
    ("trace", "principal", USER, *REQUEST),
    ("trace", "serviceaccount", "default/app"),
)
FLEET = """
concurrency: 3
project: .
canary: [a]
groups:
  g: {after: [dev], concurrency: 2}
stacks:
  a: {}
  dev: {environment: {AWS_PROFILE: ops}}
  prod: {group: g, after: [dev], stack: organization/shop/prod}
  b: {project: .}
"""
RECURSIVE = b"stacks: {dev: &a {after: [*a]}}"
HUGE = b"a: &a [x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (97 + level, 97 + level, b",".join([b"*%c" % (96 + level)] * 8)) for level in range(1, 9)
)
NOT_YAML = (
    b"\xff\xfe", b"\x00", b"[" * 3000, b"a: &a [*a]", b"config: {x: &a {b: *a}}", b"config: {x: 2026-13-45}", HUGE,
    b"config: {x: " + b"1" * 5000 + b"}", b"config: {x: !!binary x}", b"config: {x: !own y}", b"? [a]\n: b",
    b"!!python/object/apply:os.system ['id']", b"--- 1\n--- 2\n", b"<<: 1", b"a: *b", b"%YAML 9\n---\na: b", b"- a",
    b"1", b"config: {1: 2}", b"config: 3", b"secretsprovider: [1]",
)  # fmt: skip
NO_FLEETS = (
    RECURSIVE, b"stacks: {2026-13-45: {}}", b"concurrency: " + b"1" * 5000, b"concurrency: .nan\nstacks: {dev: }",
    b'stacks: {dev: {stack: "a\\0b"}}', b'stacks: {dev: {project: "a\\0b"}}', b'stacks: {dev: {config_file: "a\\0b"}}',
    b"stacks: {dev: {stack: ''}}", b"stacks: {dev: {stack: '" + b"x" * 5000 + b"'}}", b"stacks: {dev: []}",
    b"stacks: {dev: {project: '" + b"x" * 5000 + b"'}}", b"stacks: {dev: {environment: {'A=B': x}}}",
    b"stacks: {dev: 0}", b'stacks: {dev: {environment: {A: "x\\0y"}}}', b'stacks: {"a\\e[31m": {}}',
    b"stacks: {dev: {stack: ../dev}}",
)  # fmt: skip


def short(value: object) -> str:
    """Return the id of a case."""
    return repr(value)[:40]


@pytest.fixture
def snapshot(tmp_path):
    path = tmp_path / "snapshot.json"
    save_snapshot(take_snapshot(BY_AWS_AUTH.graph(), datetime(2026, 3, 1, tzinfo=UTC)), path)
    return path


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Change to the folder of a project with four stacks."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    for name in ("a", "b", "dev", "prod"):
        (tmp_path / f"Pulumi.{name}.yaml").write_text("config: {}\n")
    return tmp_path


def check_error(done: Done, *codes: int) -> None:
    """Assert that a command that could not do its work says why, once, and how to fix it."""
    assert done.code in codes, done
    if done.code in {USAGE, NOT_REACHABLE} and not done.stdout:
        assert done.stderr.startswith(("error: ", "Usage: ")), done.stderr
        assert "fix: " in done.stderr or "Error: " in done.stderr, done.stderr
    assert {each for each in done.stderr if not each.isprintable()} <= {"\n"}, repr(done.stderr)


def test_hostile_sources_of_eks_access_are_rejected(examples, show, snapshot, tmp_path):
    """Each file with a hostile value is answered, or rejected with the file and a fix."""
    texts = {
        "snapshot": snapshot.read_text(),
        **{name: json.dumps(read(f"{name}.json")) for name in ("state", "preview-new")},
    }
    documents = {name: json.loads(text) for name, text in texts.items()}
    file = tmp_path / "hostile.json"
    counts: Counter[int] = Counter()

    @hypothesis.seed(SEED)
    @examples(60)
    @hypothesis.given(st.data())
    def run(data):
        name = data.draw(st.sampled_from(sorted(documents)))
        if data.draw(st.integers(0, 4)):
            place = data.draw(st.sampled_from([place for place in places(documents[name]) if place]))
            value = data.draw(hostile(value_at(documents[name], place)))
            try:
                text = json.dumps(replaced(documents[name], place, value))
            except RecursionError:  # the test cannot write the value
                return
        else:
            text = data.draw(mutated(texts[name]))
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        question = data.draw(st.sampled_from(QUESTIONS))
        done = call(access.main, *question, "--source", file)
        check_error(done, FINE, FOUND, USAGE, NOT_REACHABLE)
        counts[done.code] += 1

    run()
    show(f"hostile sources of eks-access, by exit code: {dict(sorted(counts.items()))}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must be JSON"),
        (b"\xff\xfe", "must be JSON"),
        (b"[" * 100_000, "must have at most 100 levels"),
        (b'{"deployment": 1}', "the state must have the form of `pulumi stack export`"),
        (b'{"steps": [1]}', "Expected `object`, got `int` - at `$.steps[0]`"),
        (b'{"deployment": {"resources": [{"urn": [], "type": "x"}]}}', "at `$.deployment.resources[0].urn`"),
        (b'{"version": 2, "taken_at": "tomorrow", "news": []}', "must have version 1 of the format; it has 2"),
        (b'{"version": 1, "taken_at": "tomorrow"}', "must be a snapshot of eks-access"),
    ],
)
def test_files_that_are_no_source_are_rejected(tmp_path, content, message):
    file = tmp_path / "source.json"
    file.write_bytes(content)
    done = call(access.main, "list", "--source", file)
    check_error(done, NOT_REACHABLE)
    assert message in done.stderr
    assert str(file) in done.stderr


def test_malformed_arn_of_a_snapshot_is_rejected_with_its_value(snapshot, tmp_path):
    """A value that fails only in a question is an error of the file, and not one of the command."""
    document = json.loads(snapshot.read_text())
    document["principals"][0]["arn"] = "arn:aws:iam::12:user/eks-ope"
    file = tmp_path / "edited.json"
    file.write_text(json.dumps(document))
    done = call(access.main, "who-can", "get", "pods", "--source", file)
    check_error(done, NOT_REACHABLE)
    assert str(file) in done.stderr
    assert "arn:aws:iam::12:user/eks-ope" in done.stderr


@pytest.mark.parametrize("path", ["x" * 5000, "\udcff", "folder", "missing/snapshot.json", "state=", "\x1b[31m"])
def test_sources_that_are_no_files_are_rejected(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    check_error(call(access.main, "list", "--source", path), USAGE)


@pytest.mark.parametrize("content", [b"\xff", b"[" * 5000, b"all: 2026-13-45", b"? [a]\n: b", b"a: &a [*a]", b"1", b""])
def test_hostile_policy_configs_are_rejected(snapshot, tmp_path, content):
    config = tmp_path / "policies.yaml"
    config.write_bytes(content)
    done = call(access.main, "check", "--source", snapshot, "--policy-config", config)
    check_error(done, USAGE)
    assert str(config) in done.stderr


def test_files_that_cannot_be_written_are_errors_of_the_arguments(snapshot):
    """/proc has no new files, not even for root."""
    for arguments in (("snapshot", "/proc/x"), ("graph", "--to", "/proc/x.svg")):
        check_error(call(access.main, *arguments, "--source", snapshot), USAGE)


@pytest.mark.parametrize("content", NOT_YAML, ids=short)
def test_hostile_settings_end_the_pipeline_with_their_file(project, content):
    """Settings that YAML or the engine cannot read are rejected before a run starts, of one stack and of a fleet."""
    (project / "Pulumi.dev.yaml").write_bytes(content)
    (project / "fleet.yaml").write_text("stacks: {a: , dev: {after: [a]}}\n")
    for selected in (("--stack", "dev"), ("--fleet", "fleet.yaml")):
        done = call(pipeline.main, "operator", "--program", "shop", *selected)
        check_error(done, USAGE)
        assert "Pulumi.dev.yaml" in done.stderr


@pytest.mark.parametrize("content", [*NOT_YAML[:-3], *NO_FLEETS], ids=short)
def test_hostile_fleet_files_are_rejected(project, content):
    (project / "fleet.yaml").write_bytes(content)
    done = call(pipeline.main, "operator", "--fleet", "fleet.yaml", "--program", "shop")
    check_error(done, USAGE)
    assert "error: fleet.yaml: " in done.stderr


def test_mutated_fleet_files_are_rejected(project, examples, show):
    """Each mutation of a fleet file is rejected with the file and a fix, or is a fleet."""
    document = yaml.safe_load(FLEET)
    all_places = [place for place in places(document) if place]
    with_hostile_value = st.sampled_from(all_places).flatmap(
        lambda place: hostile(value_at(document, place)).map(lambda value: yaml.dump(replaced(document, place, value)))
    )
    counts: Counter[int] = Counter()

    @hypothesis.seed(SEED)
    @examples(60)
    @hypothesis.given(mutated(FLEET) | with_hostile_value)
    def run(text):
        (project / "fleet.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
        done = call(pipeline.main, "operator", "--fleet", "fleet.yaml", "--program", "shop")
        check_error(done, FINE, USAGE)
        counts[done.code] += 1

    run()
    show(f"hostile fleet files, by exit code: {dict(sorted(counts.items()))}")


@pytest.mark.parametrize(
    "arguments",
    [
        ["up", "--stack", "x" * 5000],
        ["up", "--stack", "../dev"],
        ["up", "--stack", "\x1b[31mdev"],
        ["up", "--resume", "../.."],
        ["up", "--resume", "x" * 5000],
        ["up", "--stack", "dev", "--reviewed", "Pulumi.dev.yaml"],
        ["preview", "--stack", "dev", "--save", "missing/preview.json"],
        ["preview", "--stack", "dev", "--save-comment", "missing/comment.md"],
        ["preview", "--stack", "dev", "--runs", "Pulumi.dev.yaml/runs"],
        ["preview", "--stack", "dev", "--concurrency", "9" * 5000],
        ["preview", "--fleet", "/dev/null"],
        ["operator", "--stack", "dev", "--program", "Bad Name!"],
        ["operator", "--stack", "dev", "--program", ""],
        ["operator", "--stack", "dev", "--program", "x", "--memory", "lots"],
        ["operator", "--stack", "dev", "--program", "x", "--image", "a b"],
        ["operator", "--stack", "dev", "--program", "x", "--save", "/proc/x"],
    ],
    ids=lambda arguments: " ".join(arguments)[:40],
)
def test_hostile_arguments_of_the_pipeline_are_rejected(project, monkeypatch, arguments):
    program = project / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexit 99\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    check_error(call(pipeline.main, *arguments), USAGE)
    assert not (project / ".eks-pipeline").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--lab", "../x", "status"],
        ["--lab", "\x1b[31m", "status"],
        ["logs", "../../etc/passwd"],
        ["faults", "add", "throttle", "eks:*", "--rate", "many"],
        ["up", "--cluster", "=API"],
        ["up", "--cluster", "a=\x00"],
        ["up", "--plugins", "x=y"],
        ["up", "--owner", "0"],
        ["env", "--as", "\x1b[31m"],
    ],
    ids=short,
)
def test_hostile_arguments_of_the_lab_are_rejected(arguments, monkeypatch):
    monkeypatch.setenv("EKS_LAB", "hostile-not-running")
    result = CliRunner().invoke(lab.main, arguments)
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == USAGE
    assert {each for each in result.output if not each.isprintable()} <= {"\n"}, repr(result.output)


STREAMS = {
    "closed output": ('exec "$@" >&-', {}, FINE),
    "full disk": ('exec "$@" >/dev/full', {}, USAGE),
    "reader that ends": ('"$@" | true; exit "${PIPESTATUS[0]}"', {}, FOUND),
    "encoding without symbols": ('exec "$@" >/dev/null', {"PYTHONIOENCODING": "latin-1"}, FINE),
}


@pytest.mark.parametrize("script", STREAMS)
def test_standard_output_that_fails_is_no_traceback(snapshot, script):
    text, variables, code = STREAMS[script]
    command = [sys.executable, "-m", "eks_access", "list", "--source", str(snapshot)]
    done = subprocess.run(
        ["bash", "-c", text, "bash", *command],
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert ("standard output cannot be used" in done.stderr) == (script == "full disk")
