"""Outputs of a stack as the pipeline command prints them."""

from eks_identity.model import go_values
from eks_pipeline.cli.outputs import print_outputs
from eks_pipeline.report import StackReport

OUTPUTS = {
    "account": "012345678901",
    "names": ["1e5", "73409e16", "0o7", "y", "off", "shop"],
    "1e5": {"count": 3, "enabled": True, "kubeconfig": '{"clusters": []}\n', "note": None},
}


def test_printed_outputs_keep_their_types_in_go(capsys):
    """YAML parsers of Go, such as yq, read strings that look like numbers or booleans as strings."""
    print_outputs({"dev": StackReport("dev", "outputs", outputs=OUTPUTS)})
    assert go_values.load(capsys.readouterr().out) == {"outputs": OUTPUTS}


def test_printed_outputs_of_several_stacks_are_by_name(capsys):
    reports = {name: StackReport(name, "outputs", outputs={"a": name}) for name in ("dev", "prod")}
    print_outputs(reports)
    assert go_values.load(capsys.readouterr().out) == {"outputs": {"dev": {"a": "dev"}, "prod": {"a": "prod"}}}
