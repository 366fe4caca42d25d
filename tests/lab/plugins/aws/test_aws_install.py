"""Installation of the lab's plugins for the engine."""

import subprocess
import sys
from importlib.metadata import version

import pytest

from lab.plugins.install import install


def files(home):
    return {str(path.relative_to(home)): path.stat().st_mtime_ns for path in home.rglob("*") if path.is_file()}


def test_installed_plugins_have_the_version_of_their_sdk(tmp_path):
    """The engine finds an executable for the version of each SDK."""
    install(tmp_path, sys.executable)
    expected = {
        f"plugins/resource-{name}-v{version(f'pulumi_{name}')}/pulumi-resource-{name}"
        for name in ("aws", "eks", "kubernetes")
    }
    assert files(tmp_path).keys() == expected
    for path in expected:
        result = subprocess.run([tmp_path / path, "--help"], capture_output=True, text=True, check=True, cwd="/")
        assert "engine" in result.stdout


def test_second_install_changes_nothing(tmp_path):
    """A second install keeps the files."""
    install(tmp_path, sys.executable)
    before = files(tmp_path)
    install(tmp_path, sys.executable)
    assert files(tmp_path) == before


def test_plugins_start_without_loading_aws():
    """A plugin that only reports its version imports neither moto nor boto3."""
    loaded = "print({'moto', 'boto3', 'botocore'} & set(sys.modules))"
    code = f"import sys, lab.plugins.aws.provider, lab.plugins.eks.provider; {loaded}"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


@pytest.fixture
def official(tmp_path):
    """An official plugin outside of Pulumi's folder."""
    program = tmp_path / "official" / "pulumi-resource-kubernetes"
    program.parent.mkdir()
    program.write_bytes(b"\x7fELF\xff")
    return program


def test_official_plugin_is_linked_in_place_of_its_stand_in(tmp_path, official):
    """An official plugin replaces its stand-in only, and a second install changes nothing."""
    home = tmp_path / "home"
    install(home, sys.executable)
    stand_ins = {path.name: path.read_bytes() for path in home.rglob("pulumi-resource-*")}
    for _ in range(2):
        install(home, sys.executable, official={"kubernetes": official})
        installed = {path.name: path for path in home.rglob("pulumi-resource-*")}
        assert installed.pop("pulumi-resource-kubernetes").readlink() == official
        assert {name: path.read_bytes() for name, path in installed.items()} == {
            name: content for name, content in stand_ins.items() if name in installed
        }


def test_stand_in_replaces_an_official_plugin(tmp_path, official):
    """A later install without official plugins installs the stand-ins, and keeps the official program unchanged."""
    home = tmp_path / "home"
    install(home, sys.executable, official={"kubernetes": official})
    install(home, sys.executable)
    assert all(path.read_bytes().startswith(b"#!") for path in home.rglob("pulumi-resource-*"))
    assert official.read_bytes() == b"\x7fELF\xff"
