"""Outputs of a stack as the pipeline command prints them."""

import pytest
from click.testing import CliRunner

from eks_identity.model import go_values
from pipeline import cli
from pipeline.report import Report

OUTPUTS = {
    "account": "012345678901",
    "names": ["1e5", "73409e16", "0o7", "y", "off", "shop"],
    "1e5": {"count": 3, "enabled": True, "kubeconfig": '{"clusters": []}\n', "note": None},
}


def test_printed_outputs_keep_their_types_in_go(monkeypatch: pytest.MonkeyPatch):
    """YAML parsers of Go, such as yq, read strings that look like numbers or booleans as strings."""
    monkeypatch.setattr(cli, "run", lambda *_args, **_options: Report("dev", "outputs", "succeeded", outputs=OUTPUTS))
    printed = CliRunner().invoke(cli.main, ["outputs", "--stack", "dev"]).stdout
    summary, _, document = printed.partition("\n")
    assert summary.startswith("outputs of dev: succeeded")
    assert go_values.load(document) == {"outputs": OUTPUTS}
