"""The option `--plugins`: its values, and the order in which an official plugin is searched."""

import io
import sys
import tarfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab import plugin_sources
from lab.errors import ToolError, UsageError
from lab.lab_dir import LabDir
from lab.plugin_sources import STAND_INS, PluginSource, obtain_official, parse_plugin_sources
from lab.plugins.install import install, sdk_version
from lab.tools import NoProgress
from lab.tools.program import Release
from lab.tools.provider_plugins import cache_folder, provider_plugin

STAND_IN, OFFICIAL = PluginSource
VERSION = sdk_version("eks")


@pytest.mark.parametrize(
    ("values", "official"),
    [
        ([], set()),
        (["stand-in"], set()),
        (["official"], {"aws", "eks", "kubernetes"}),
        (["kubernetes=official"], {"kubernetes"}),
        (["aws=official", "eks=official"], {"aws", "eks"}),
        (["aws=official,eks=official"], {"aws", "eks"}),
        (["official", "aws=stand-in"], {"eks", "kubernetes"}),
        (["aws=stand-in, official"], {"eks", "kubernetes"}),
    ],
)
def test_plugin_sources_are_parsed(values, official):
    """Each plugin has its source; a source without a name is that of the other plugins."""
    assert parse_plugin_sources(values) == STAND_INS | dict.fromkeys(official, OFFICIAL)


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        (
            ["kubernets=official"],
            "'kubernets=official' must name one of the plugins aws, eks, kubernetes; did you mean ",
        ),
        (["oficial"], "'oficial' must have a source: stand-in or official; did you mean official?"),
        (["aws=v7"], "'aws=v7' must have a source: stand-in or official"),
        (["aws="], "'aws=' must have a source"),
        (["aws"], "'aws' must have a source"),
        ([""], "'' must have a source"),
        (["aws=official,aws=stand-in"], "'aws=stand-in' must name aws once: it has official already"),
        (["official", "official"], "'official' must have one source of all plugins: it has official already"),
    ],
)
def test_invalid_plugin_sources_are_rejected(values, rule):
    """The error has the value, the rule and a fix."""
    with pytest.raises(UsageError) as raised:
        parse_plugin_sources(values)
    assert raised.value.problem.startswith(rule)
    assert raised.value.fix == "pass NAME=SOURCE, like kubernetes=official"


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory):
    """A provider plugin that runs: the lab's own."""
    home = tmp_path_factory.mktemp("stand-ins")
    install(home, sys.executable)
    return cache_folder(home, "eks", VERSION) / "pulumi-resource-eks"


@pytest.fixture
def home(tmp_path):
    return LabDir("none", tmp_path / "labs")


@pytest.fixture
def user(monkeypatch, tmp_path, stand_in):
    """A user without plugins: an empty PATH and home folder. Returns a function that installs one in a folder."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PULUMI_HOME", raising=False)

    def put(folder: Path) -> Path:
        folder.mkdir(parents=True)
        plugin = folder / "pulumi-resource-eks"
        plugin.write_bytes(stand_in.read_bytes())
        plugin.chmod(0o755)
        return plugin

    return put


@pytest.fixture
def publish(monkeypatch, server, platform, stand_in):
    """Publish the plugin on a reachable vendor's host, with the checksum that Pulumi publishes."""
    release = Release(f"{server.url}/eks-{{os}}-{{arch}}.tar.gz", f"{server.url}/checksums.txt", accepts_sha1=True)
    monkeypatch.setattr(
        plugin_sources, "provider_plugin", lambda *plugin: replace(provider_plugin(*plugin), release=release)
    )

    def publish() -> None:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            tar.add(stand_in, "./pulumi-resource-eks")
        digest, name = server.publish(f"/eks-{platform.os}-{platform.arch}.tar.gz", buffer.getvalue(), "sha1").split()
        server.publish("/checksums.txt", f"{digest}  ./{name}\n".encode())

    return publish


def obtain(home, progress=None):
    return obtain_official(home, {"aws": STAND_IN, "eks": OFFICIAL}, progress or NoProgress())


def test_official_plugin_is_searched_in_order(home, user, publish, server, tmp_path):
    """PATH, Pulumi's plugin cache, the release, then the lab's cache: each is used if the sources before have none."""
    publish()
    downloaded = obtain(home)["eks"]
    assert downloaded.is_relative_to(home.tools)
    requests = len(server.requests)
    assert obtain(home) == {"eks": downloaded}
    assert len(server.requests) == requests
    cached = user(cache_folder(tmp_path / ".pulumi", "eks", VERSION))
    assert obtain(home) == {"eks": cached}
    on_path = user(tmp_path / "bin")
    ended = []
    assert obtain(home, SimpleNamespace(end=lambda *step: ended.append(step))) == {"eks": on_path}
    assert ended == [("plugin eks", f"official {VERSION} from {on_path.parent}")]


def test_pulumi_home_has_the_plugin_cache(home, user, publish, monkeypatch, tmp_path):
    """The plugin cache is in PULUMI_HOME, except for a shell of a lab: the lab's folder has the stand-ins."""
    own = user(cache_folder(tmp_path / "own", "eks", VERSION))
    of_lab = user(cache_folder(home.pulumi / "home", "eks", VERSION))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "own"))
    assert obtain(home) == {"eks": own}
    monkeypatch.setenv("PULUMI_HOME", str(of_lab.parents[2]))
    with pytest.raises(ToolError):
        obtain(home)


def test_unavailable_official_plugins_are_reported_together(home, user, publish, server, tmp_path):
    """The error names the input of each plugin, the sources, the reasons and the fixes."""
    on_path = user(tmp_path / "bin")
    on_path.write_text("#!/bin/sh\necho broken\n")
    with pytest.raises(ToolError) as raised:
        obtain_official(home, parse_plugin_sources(["aws=official,eks=official"]), NoProgress())
    cache = tmp_path / ".pulumi" / "plugins"
    aws, eks = raised.value.problem.split("--plugins ")[1:]
    for name, problem in (("aws", aws), ("eks", eks)):
        version = sdk_version(name)
        assert problem.startswith(
            f"{name}=official: must be on PATH, in {cache}, or available for download: "
            f"pulumi-resource-{name} {version} is not available\n"
        )
        assert f"no release archive: {server.url}/checksums.txt returned HTTP 404" in problem
        assert f"`pulumi plugin install resource {name} {version}`" in raised.value.fix
        assert f"use `--plugins {name}=stand-in`" in raised.value.fix
    assert f"{on_path} is no provider plugin: it prints 'broken'" in eks


def test_kubernetes_plugin_without_go_is_reported(home, user, publish):
    """Only the Kubernetes plugin is compiled; without Go the error has the version of Go to install."""
    with pytest.raises(ToolError, match=r"available for download or compilation: compiling .* needs Go") as raised:
        obtain_official(home, parse_plugin_sources(["kubernetes=official"]), NoProgress())
    assert raised.value.fix.startswith("install Go ")
