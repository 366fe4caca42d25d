"""Installation of the lab's plugins for the engine."""

import subprocess
import sys
from importlib.metadata import version

from lab.plugins.install import install, uninstall


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


def test_uninstall_keeps_official_plugins(tmp_path):
    """Uninstall removes only the lab's plugins, and a later install replaces the official ones."""
    install(tmp_path, sys.executable)
    aws, *others = sorted(path for path in tmp_path.rglob("pulumi-resource-*"))
    aws.write_bytes(b"\x7fELF\xff")
    uninstall(tmp_path)
    assert aws.read_bytes() == b"\x7fELF\xff"
    assert not any(path.exists() for path in others)
    install(tmp_path, sys.executable)
    assert aws.read_bytes().startswith(b"#!")
    assert all(path.exists() for path in others)
