"""Node.js for TypeScript programs: the commands on PATH, and the npm versions of the example."""

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


def test_node_command_puts_typescript_tools_on_path(tools):
    """The output of `python -m lab.tools.node` puts Pulumi, its host, Node.js and npm on PATH, and each runs."""
    script = f'eval "$({sys.executable} -m lab.tools.node)" && node --version && npm --version && pulumi version'
    shell = ["bash", "-e", "-c", f"{script} && command -v pulumi-language-nodejs pulumi-language-python"]
    completed = subprocess.run(shell, cwd=REPOSITORY, env=os.environ, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stderr
    node, npm, pulumi, *hosts = completed.stdout.splitlines()
    assert re.fullmatch(r"v\d+\.\d+\.\d+", node)
    assert re.fullmatch(r"\d+\.\d+\.\d+", npm)
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
