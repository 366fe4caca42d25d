"""Where the stand-ins are put, and that doing it twice is doing it once."""

import subprocess
import sys
from importlib.metadata import version

from lab.plugins.install import install, uninstall


def files(home):
    return {str(path.relative_to(home)): path.stat().st_mtime_ns for path in home.rglob("*") if path.is_file()}


def test_each_plugin_has_the_version_of_its_sdk(tmp_path):
    """The engine asks for the SDK's version, and finds an executable for it."""
    install(tmp_path, sys.executable)
    expected = {
        f"plugins/resource-{name}-v{version(f'pulumi_{name}')}/pulumi-resource-{name}"
        for name in ("aws", "eks", "kubernetes")
    }
    assert files(tmp_path).keys() == expected
    for path in expected:
        answer = subprocess.run([tmp_path / path, "--help"], capture_output=True, text=True, check=True, cwd="/")
        assert "engine" in answer.stdout


def test_a_second_install_changes_nothing(tmp_path):
    """The files stay as they are, whatever is in them already."""
    install(tmp_path, sys.executable)
    before = files(tmp_path)
    install(tmp_path, sys.executable)
    assert files(tmp_path) == before


def test_plugins_start_without_loading_aws():
    """A plugin that is only asked for its version loads neither moto nor boto3."""
    loaded = "print({'moto', 'boto3', 'botocore'} & set(sys.modules))"
    code = f"import sys, lab.plugins.aws.provider, lab.plugins.eks.provider; {loaded}"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"


def test_the_vendors_plugins_take_turns_with_the_stand_ins(tmp_path):
    """Taking the stand-ins away leaves the vendor's binaries, and a later install puts stand-ins in their place."""
    install(tmp_path, sys.executable)
    aws, *others = sorted(path for path in tmp_path.rglob("pulumi-resource-*"))
    aws.write_bytes(b"\x7fELF\xff")
    uninstall(tmp_path)
    assert aws.read_bytes() == b"\x7fELF\xff"
    assert not any(path.exists() for path in others)
    install(tmp_path, sys.executable)
    assert aws.read_bytes().startswith(b"#!")
    assert all(path.exists() for path in others)
