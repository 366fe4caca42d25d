"""Language hosts on PATH for TypeScript and YAML programs, and the npm versions of the TypeScript example."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from lab.tools import programs
from lab.tools.versions import numbers

REPOSITORY = Path(__file__).resolve().parents[3]
EXAMPLE = REPOSITORY / "examples" / "09-typescript"


def exported(language, commands):
    """Return the lines that a shell prints that has the exports of `python -m lab.tools.languages`."""
    script = f'eval "$({sys.executable} -m lab.tools.languages {language})" && {commands}'
    shell = ["bash", "-e", "-c", script]
    completed = subprocess.run(shell, cwd=REPOSITORY, env=os.environ, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stderr
    return completed.stdout.splitlines()


def test_nodejs_command_puts_typescript_tools_on_path(tools):
    """The output for `nodejs` puts Pulumi, its host, Node.js and npm on PATH, and each runs."""
    hosts = "command -v pulumi-language-nodejs pulumi-language-python"
    node, npm, pulumi, *hosts = exported("nodejs", f"node --version && npm --version && pulumi version && {hosts}")
    assert re.fullmatch(r"v\d+\.\d+\.\d+", node)
    assert re.fullmatch(r"\d+\.\d+\.\d+", npm)
    assert pulumi == f"v{programs.PULUMI.version}"
    assert len(hosts) == 2


def test_yaml_command_puts_its_host_on_path(tools):
    """The output for `yaml` puts Pulumi and the YAML host on PATH."""
    pulumi, *hosts = exported("yaml", "pulumi version && command -v pulumi-language-yaml pulumi-language-python")
    assert pulumi == f"v{programs.PULUMI.version}"
    assert len(hosts) == 2


def test_npm_versions_equal_pypi_versions():
    """The example's Pulumi packages have the versions of the Python programs: the engine finds plugins by them.

    Pulumi's own SDK is at most as new as the engine: the engine may lack functions that a newer SDK calls.
    """
    pinned = dict(re.findall(r"^([\w-]+)==(\S+)", (REPOSITORY / "requirements.lock").read_text(), re.MULTILINE))
    package = json.loads((EXAMPLE / "package.json").read_text())
    locked = json.loads((EXAMPLE / "package-lock.json").read_text())["packages"]
    vendors = {name: version for name, version in package["dependencies"].items() if name.startswith("@pulumi/")}
    assert vendors.pop("@pulumi/eks-identity") == "file:sdks/eks-identity"
    sdk = vendors.pop("@pulumi/pulumi")
    assert sdk == locked["node_modules/@pulumi/pulumi"]["version"]
    assert numbers(sdk) <= numbers(programs.PULUMI.version)
    assert vendors == {name: pinned[name.replace("@pulumi/", "pulumi-")] for name in vendors}
    assert "@pulumi/kubernetes" in vendors
    assert vendors == {name: locked[f"node_modules/{name}"]["version"] for name in vendors}
