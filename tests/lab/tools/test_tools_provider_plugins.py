"""Pulumi's official provider plugins: their releases, the compiled one, and the probe of a plugin's version."""

import re
import sys
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lab.plugins.install import PLUGINS, install, sdk_version
from lab.tools.cache import cache_key
from lab.tools.platform import Platform
from lab.tools.program import PluginProbe
from lab.tools.provider_plugins import BUILDS, provider_plugin
from lab.tools.toolbox import MODULES
from lab.tools.version_probe import ProbeError, probe_version


def go_mod(build):
    return (MODULES / build.module / "go.mod").read_text()


@pytest.mark.parametrize("name", PLUGINS)
def test_plugin_release_is_the_vendors(name):
    """The release of a plugin has the URL from which Pulumi's engine downloads it."""
    address = provider_plugin(name, "4.3.2").address(Platform("linux", "arm64"))
    releases = f"https://github.com/pulumi/pulumi-{name}/releases/download/v4.3.2"
    assert address.url == f"{releases}/pulumi-resource-{name}-v4.3.2-linux-arm64.tar.gz"
    assert address.checksums == f"{releases}/pulumi-{name}_4.3.2_checksums.txt"
    assert address.members == {f"pulumi-resource-{name}": f"pulumi-resource-{name}"}


@pytest.mark.parametrize(
    ("version", "accepted"), [("4.0.0", True), ("v4.35.0", True), ("3.9.9", False), ("5.0.0", False)]
)
def test_plugin_of_the_sdks_major_version_is_accepted(version, accepted):
    """Plugins of the major version of the SDK are accepted: their schemas are compatible."""
    assert (version in provider_plugin("kubernetes", "4.34.2").versions) is accepted


def test_compiled_plugin_prints_the_version_of_its_commit():
    """The pinned commit of the Kubernetes plugin is that of the version that it prints, which is accepted.

    Pulumi's alpha versions end with the time of the commit, in seconds.
    """
    (build,) = BUILDS.values()
    (version,) = build.variables.values()
    source = build.embedded["schema.json"].source
    (time,) = re.findall(rf"{source} v4\.0\.0-(\d+)-[0-9a-f]{{12}}$", go_mod(build), re.MULTILINE)
    seconds = datetime.strptime(time, "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp()
    assert version == f"4.25.0-alpha.{seconds:.0f}"
    assert version in provider_plugin("kubernetes", sdk_version("kubernetes")).versions


def test_plugins_are_compiled_on_demand_only(found_tools):
    """No plugin is among the programs that the lab and the tests obtain."""
    assert not [tool for tool in found_tools.obtained if tool.program.name.startswith("pulumi-resource-")]


def test_cache_key_covers_embedded_files(platform):
    """A plugin that embeds another file has another folder in the cache."""
    plugin = provider_plugin("kubernetes", "4.34.2")
    ((name, build),) = plugin.builds.items()
    other = replace(plugin, builds={name: replace(build, embedded={})})
    assert cache_key(plugin, platform, MODULES, ()) != cache_key(other, platform, MODULES, ())


def test_plugin_version_is_queried_as_the_engine_does(tmp_path):
    """The version of a plugin is the one that it returns to the engine."""
    install(tmp_path, sys.executable)
    plugin = tmp_path / "plugins" / f"resource-kubernetes-v{sdk_version('kubernetes')}" / "pulumi-resource-kubernetes"
    assert probe_version(plugin, PluginProbe()) == sdk_version("kubernetes")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("echo usage", "is no provider plugin: it prints 'usage' in place of a port"),
        ("echo no such library >&2", "is no provider plugin: it prints 'no such library' in place of a port"),
        ("echo 1; exec sleep 60", "returns no version to the engine"),
    ],
)
def test_program_that_is_no_plugin_is_rejected(make_script, monkeypatch, line, reason):
    """A program that prints no port, or does not serve on it, is no plugin."""
    monkeypatch.setattr("lab.tools.version_probe._SECONDS", 1)
    with pytest.raises(ProbeError, match=reason):
        probe_version(make_script("plugin", line), PluginProbe())
