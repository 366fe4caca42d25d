"""The library in Pulumi YAML: errors of the example's program. The played example deploys it."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lab.environment import process_environment
from lab.tools.languages import language_folders
from support.transcript import Command

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLE = REPOSITORY / "examples" / "15-yaml"
ERRORS_OF_README = re.findall(r"^```text\n(.*?)^```$", (EXAMPLE / "README.md").read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def preview(running_lab, tools, tmp_path_factory):
    """Return a function that edits the example's program and returns the output of its preview, which must fail."""
    project = tmp_path_factory.mktemp("yaml")
    inherited = process_environment(running_lab, tools.bin)
    environment = inherited | {"PATH": os.pathsep.join([*map(str, language_folders("yaml")), inherited["PATH"]])}

    def pulumi(*arguments):
        command = ["pulumi", *arguments, "--stack", "lab", "--non-interactive", "--color", "never"]
        return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)

    def run(*replacements):
        program = (EXAMPLE / "Pulumi.yaml").read_text()
        for old, new in replacements:
            assert old in program
            program = program.replace(old, new)
        (project / "Pulumi.yaml").write_text(program)
        failed = pulumi("preview")
        assert failed.returncode != 0, failed.stdout
        return re.sub(r"\x1b\[[\d;]*m", "", failed.stdout + failed.stderr)

    for name in ("Pulumi.yaml", "Pulumi.lab.yaml"):
        shutil.copy(EXAMPLE / name, project)
    assert pulumi("stack", "init").returncode == 0
    yield run
    assert pulumi("stack", "rm", "--yes").returncode == 0


def test_yaml_misspelt_inputs_and_values_are_rejected(preview):
    """The YAML host compares inputs with the schema: a misspelt name is an error with its line, and so is a choice."""
    output = preview(("accessMethod:", "accesMethod:"), ("mode: pod-identity", "mode: podidentity"))
    assert Command("pulumi preview", ERRORS_OF_README[0].splitlines()).missing(output) is None, output
    schema = json.loads((REPOSITORY / "components" / "schema.json").read_text())
    choices = schema["types"]["eks-identity:index:IdentityMode"]["enum"]
    allowed = ", ".join(f'{choice["name"]} ("{choice["value"]}")' for choice in choices)
    assert f"Allowed values are {allowed}\n" in output


def test_yaml_validation_errors_name_the_input(preview):
    """A value that a component rejects is one message, with the input's name in YAML, the rule and the fix."""
    output = preview(("serviceAccount: reader", "serviceAccount: Reader"))
    assert Command("pulumi preview", ERRORS_OF_README[1].splitlines()).missing(output) is None, output
    assert "Traceback" not in output
