"""The sources `state` and `preview` run Pulumi in a folder, and show its error if that fails."""

import json
import os

import pytest

from eks_access.errors import SourceError
from eks_access.sources.preview import open_preview
from eks_access.sources.state import open_state
from support.pulumi_stacks import cluster, export

DIGEST = {"steps": [{"op": "same", "urn": cluster()["urn"], "newState": cluster()}], "changeSummary": {"same": 1}}


@pytest.fixture
def pulumi(tmp_path, monkeypatch):
    """Put a `pulumi` on PATH that runs this shell script, and note its arguments in the file that is returned."""
    noted = tmp_path / "arguments"

    def install(script):
        program = tmp_path / "bin" / "pulumi"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\necho "$PULUMI_DEBUG_COMMANDS" "$@" > {noted}\n{script}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
        return noted

    return install


def printing(document):
    return f"cat <<'EOF'\n{json.dumps(document)}\nEOF"


def test_state_is_exported_from_the_stack_of_the_project(pulumi, tmp_path):
    noted = pulumi(printing(export(cluster())))
    assert open_state("dev", cwd=tmp_path).cluster.get().name == "eks-clu"
    assert noted.read_text().split() == [
        "stack",
        "export",
        "--non-interactive",
        "--stack",
        "dev",
        "--cwd",
        str(tmp_path),
    ]


def test_preview_has_unchanged_resources_and_the_log_of_events(pulumi):
    noted = pulumi(printing(DIGEST))
    assert open_preview().cluster.get().name == "eks-clu"
    assert noted.read_text().startswith("true preview --json --show-sames --show-reads --event-log ")


def test_preview_reads_the_outputs_of_components_from_the_events(pulumi):
    outputs = {"name": "looked-up", "arn": "arn:aws:eks:r:123456789012:cluster/looked-up", "authentication_mode": "API"}
    urn = "urn:pulumi:dev::shop::eks-identity:index:Cluster::main"
    event = {"resOutputsEvent": {"metadata": {"op": "create", "urn": urn, "new": {"outputs": outputs}}}}
    state = {"urn": urn, "type": "eks-identity:index:Cluster", "custom": False}
    digest = {"steps": [{"op": "create", "urn": urn, "newState": state}]}
    line = json.dumps(event)
    pulumi(f'while [ "$1" != --event-log ]; do shift; done\necho \'{line}\' > "$2"\n{printing(digest)}')
    assert open_preview().authentication_mode() == "API"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo 'error: no stack named x' >&2; exit 255", "`pulumi stack export` failed: error: no stack named x"),
        ("echo text", "`pulumi stack export` failed: it printed no JSON"),
    ],
)
def test_error_of_pulumi_is_shown(pulumi, script, message):
    pulumi(script)
    with pytest.raises(SourceError, match=message) as failure:
        open_state("x")
    assert failure.value.fix == "run `pulumi stack export --non-interactive --stack x`"


def test_errors_of_the_program_are_shown(pulumi):
    diagnostics = [{"severity": "info", "message": "x"}, {"severity": "error", "message": "Error: no such cluster\n"}]
    pulumi(printing({"steps": [], "diagnostics": diagnostics}) + "\nexit 1")
    with pytest.raises(SourceError, match="`pulumi preview --json` failed: Error: no such cluster"):
        open_preview()


def test_missing_pulumi_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match="`pulumi` cannot be run: No such file or directory"):
        open_state()
