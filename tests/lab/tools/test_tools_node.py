"""Node.js for programs in TypeScript: the SDK that the example commits, and the versions that it takes from npm."""

import json
import re
from pathlib import Path

import pytest

from lab.errors import ToolError
from lab.tools import catalogue
from lab.tools.node import generate

REPOSITORY = Path(__file__).resolve().parents[3]
EXAMPLE = REPOSITORY / "examples" / "09-typescript"
SDK = EXAMPLE / "sdks" / "eks-identity"
SCHEMA = REPOSITORY / "components" / "schema.json"
INSTALLED = {"node_modules", "bin"}
"""What npm and the compiler put into an SDK; its own .gitignore names them."""


def content(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    texts = {str(path.relative_to(folder)): path.read_text() for path in files}
    return {name: text for name, text in texts.items() if name.partition("/")[0] not in INSTALLED}


def test_the_committed_sdk_is_generated(tmp_path):
    """What the TypeScript example imports is what components/schema.json says; `make schema` renews it."""
    generate(SCHEMA, tmp_path / "sdk")
    assert content(SDK) == content(tmp_path / "sdk")


def test_generating_takes_away_what_was_there(tmp_path):
    """A component that is no more is in no SDK any more."""
    (tmp_path / "sdk").mkdir()
    (tmp_path / "sdk" / "gone.ts").write_text("")
    generate(SCHEMA, tmp_path / "sdk")
    assert not (tmp_path / "sdk" / "gone.ts").exists()


def test_a_broken_schema_is_refused_in_the_generators_words(tmp_path):
    """A schema that names a type which is not there gives an error that says so."""
    package = json.loads(SCHEMA.read_text())
    package["resources"]["eks-identity:index:Cluster"]["properties"]["x"] = {"$ref": "#/types/eks-identity:index:None"}
    (tmp_path / "schema.json").write_text(json.dumps(package))
    with pytest.raises(ToolError, match=r"eks-identity:index:None[\s\S]*fix: mend the schema's source"):
        generate(tmp_path / "schema.json", tmp_path / "sdk")


def test_versions_from_npm_are_those_from_pypi():
    """Plugins are found by their SDK's version: the example's are those that the Python programs pin."""
    pinned = dict(re.findall(r"^([\w-]+)==(\S+)", (REPOSITORY / "requirements.lock").read_text(), re.MULTILINE))
    package = json.loads((EXAMPLE / "package.json").read_text())
    locked = json.loads((EXAMPLE / "package-lock.json").read_text())["packages"]
    vendors = {name: version for name, version in package["dependencies"].items() if name.startswith("@pulumi/")}
    assert vendors.pop("@pulumi/eks-identity") == "file:sdks/eks-identity"
    assert vendors.pop("@pulumi/pulumi") == catalogue.PULUMI.version
    assert vendors == {name: pinned[name.replace("@pulumi/", "pulumi-")] for name in vendors}
    assert "@pulumi/kubernetes" in vendors
    assert vendors == {name: locked[f"node_modules/{name}"]["version"] for name in vendors}
