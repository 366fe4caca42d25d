"""The catalogue against the pinned modules, the vendors' version output and the addresses of their releases."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from lab.tools import Toolbox, programs
from lab.tools.platform import Platform
from lab.tools.programs import CATALOGUE
from lab.tools.toolbox import MODULES
from lab.tools.version_probe import probe_version
from lab.tools.versions import AnyVersion, VersionRange, numbers

AUTHENTICATOR = "https://github.com/kubernetes-sigs/aws-iam-authenticator/releases/download/v0.6.13"

EVERY = (*CATALOGUE, *programs.LANGUAGE_HOSTS.values(), programs.EKSCTL)
HOSTS = {
    "pulumi-language-python-host": "v3.79.0",
    "pulumi-language-nodejs-host": "v3.60.0",
    "pulumi-language-yaml": "v1.38.1",
}
"""The versions of language hosts, which are not the engine's."""
MODULES_OF_OUR_PROGRAMS = {"pulumi": "github.com/pulumi/pulumi/", "kubernetes": "k8s.io/kubernetes"}
"""The modules of our own programs: they have the version of the vendor's program of the same name."""

PRINTED = [
    (programs.ETCD, "etcd Version: 3.7.0\nGit SHA: Not provided\nGo Version: go1.26.8\n", "3.7.0"),
    (programs.KUBE_APISERVER, "Kubernetes v1.37.2\n", "1.37.2"),
    (programs.KUBE_CONTROLLER_MANAGER, "Kubernetes v1.37.2-eks-0123abc\n", "1.37.2-eks-0123abc"),
    (programs.KUBECTL, "Client Version: v1.37.2\nKustomize Version: v5.8.1\n", "1.37.2"),
    (programs.KUBECTL, "Client Version: v1.32.4-dispatcher\nKustomize Version: v5.5.0\n", "1.32.4-dispatcher"),
    (programs.AWS_IAM_AUTHENTICATOR, '{"Version":"0.6.13","Commit":"e9aeb3d"}\n', "0.6.13"),
    (programs.AWS_IAM_AUTHENTICATOR, '{"Version":"unversioned"}\n', None),
    (programs.AWS_IAM_AUTHENTICATOR, "{}\n", None),
    (programs.EKSCTL, "0.215.0\n", "0.215.0"),
    (programs.EKSCTL, "0.215.0-dev+2fd9dbae.2025-09-26T19:19:59Z\n", "0.215.0-dev+2fd9dbae.2025-09-26T19:19:59Z"),
    (programs.PULUMI, "v3.274.1\n", "3.274.1"),
    (programs.PULUMI, "warning: A new version of Pulumi is available\nv3.231.0-alpha.1\n", "3.231.0-alpha.1"),
]


@pytest.mark.parametrize(("program", "output", "version"), PRINTED, ids=lambda value: getattr(value, "name", None))
def test_version_is_parsed(program, output, version):
    """The version is parsed from the output of the vendor's program, and no version from output without one."""
    match = re.search(program.probe.pattern, output, re.MULTILINE)
    assert (match and match[1]) == version


@pytest.mark.parametrize(
    ("version", "accepted"),
    [
        ("1.35.0", True),
        ("1.36.3-eks-0123abc", True),
        ("1.37.9+k3s1", True),
        ("1.34.9", False),
        ("1.38.0", False),
        ("1.4.0", False),
        ("v1.36", True),
        ("unversioned", False),
        ("", False),
    ],
)
def test_version_range(version, accepted):
    """A range compares numbers, and contains its lower bound but not its upper one."""
    assert (version in VersionRange("1.35", "1.38")) is accepted


def test_any_version():
    """The range of a program without version output contains every string, the empty one too, but not None."""
    assert all(version in AnyVersion() for version in ("", "1.2.3", "unversioned"))
    assert None not in AnyVersion()
    assert str(AnyVersion()) == "any"


def test_text_without_number_is_no_version():
    """A text that does not begin with a number is no version."""
    with pytest.raises(ValueError, match="'unversioned' does not begin with a version number"):
        numbers("unversioned")


@pytest.mark.parametrize("program", EVERY, ids=lambda program: program.name)
def test_catalogue_versions_are_pinned(program):
    """go.mod pins the version of the catalogue for every compiled program, as a tool or for our own source."""
    for name, build in program.compiled.items():
        output = subprocess.run(
            ["go", "mod", "edit", "-json"], cwd=MODULES / build.module, capture_output=True, check=True
        ).stdout
        module = json.loads(output)
        pinned = {required["Path"]: required["Version"] for required in module["Require"]}
        if build.package == module["Module"]["Path"]:
            used = {
                path: version
                for path, version in pinned.items()
                if path.startswith(MODULES_OF_OUR_PROGRAMS[build.module])
            }
            assert set(used.values()) == {f"v{program.version}"}
            continue
        assert build.package in [tool["Path"] for tool in module["Tool"]]
        (version,) = [version for path, version in pinned.items() if build.package.startswith(path)]
        assert version == HOSTS.get(name, f"v{program.version}")
        assert [value for value in build.variables.values() if value.startswith("v")] in ([], [version])
    for copy in program.copies.values():
        assert f"{copy.source} v{program.version}" in (MODULES / copy.module / "go.mod").read_text()


@pytest.mark.parametrize("program", EVERY, ids=lambda program: program.name)
def test_catalogue_version_is_accepted(program):
    """The catalogue's version of a program is in its accepted range."""
    assert program.version in program.versions


def test_kubernetes_version_skew():
    """The API server and the controllers have one minor version, and kubectl is within one minor of it."""
    assert programs.KUBE_APISERVER.versions == programs.KUBE_CONTROLLER_MANAGER.versions == VersionRange("1.37", "1.38")
    assert programs.KUBECTL.versions == VersionRange("1.36", "1.39")


@pytest.mark.parametrize(
    ("program", "platform", "url", "checksums", "member"),
    [
        (
            programs.PULUMI,
            Platform("linux", "amd64"),
            "https://get.pulumi.com/releases/sdk/pulumi-v3.274.1-linux-x64.tar.gz",
            "https://get.pulumi.com/releases/sdk/pulumi-3.274.1-checksums.txt",
            "pulumi/pulumi",
        ),
        (
            programs.PULUMI,
            Platform("linux", "arm64"),
            "https://get.pulumi.com/releases/sdk/pulumi-v3.274.1-linux-arm64.tar.gz",
            "https://get.pulumi.com/releases/sdk/pulumi-3.274.1-checksums.txt",
            "pulumi/pulumi",
        ),
        (
            programs.ETCD,
            Platform("linux", "arm64"),
            "https://github.com/etcd-io/etcd/releases/download/v3.7.0/etcd-v3.7.0-linux-arm64.tar.gz",
            "https://github.com/etcd-io/etcd/releases/download/v3.7.0/SHA256SUMS",
            "etcd-v3.7.0-linux-arm64/etcd",
        ),
        (
            programs.ETCD,
            Platform("linux", "amd64"),
            "https://github.com/etcd-io/etcd/releases/download/v3.7.0/etcd-v3.7.0-linux-amd64.tar.gz",
            "https://github.com/etcd-io/etcd/releases/download/v3.7.0/SHA256SUMS",
            "etcd-v3.7.0-linux-amd64/etcd",
        ),
        (
            programs.KUBE_APISERVER,
            Platform("linux", "amd64"),
            "https://dl.k8s.io/v1.37.2/bin/linux/amd64/kube-apiserver",
            "https://dl.k8s.io/v1.37.2/bin/linux/amd64/kube-apiserver.sha256",
            "kube-apiserver",
        ),
        (
            programs.KUBECTL,
            Platform("linux", "arm64"),
            "https://dl.k8s.io/v1.37.2/bin/linux/arm64/kubectl",
            "https://dl.k8s.io/v1.37.2/bin/linux/arm64/kubectl.sha256",
            "kubectl",
        ),
        (
            programs.AWS_IAM_AUTHENTICATOR,
            Platform("linux", "arm64"),
            f"{AUTHENTICATOR}/aws-iam-authenticator_0.6.13_linux_arm64",
            f"{AUTHENTICATOR}/authenticator_0.6.13_checksums.txt",
            "aws-iam-authenticator",
        ),
        (
            programs.EKSCTL,
            Platform("linux", "arm64"),
            "https://github.com/eksctl-io/eksctl/releases/download/v0.215.0/eksctl_Linux_arm64.tar.gz",
            "https://github.com/eksctl-io/eksctl/releases/download/v0.215.0/eksctl_checksums.txt",
            "eksctl",
        ),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_release_addresses(program, platform, url, checksums, member):
    """Each release has the vendor's own name of the platform in its URL."""
    address = program.address(platform)
    assert (address.url, address.checksums, address.members[program.name]) == (url, checksums, member)


def test_installed_programs_have_accepted_versions(tools):
    """The programs of the lab print an accepted version when they run through the lab's links."""
    for tool in tools.obtained:
        assert probe_version(tools.bin / tool.program.name, tool.program.probe) in tool.program.versions
        for name, probe in tool.program.companion_probes.items():
            probe_version(tools.bin / name, probe)


def test_language_host_is_beside_the_engine(tools):
    """The engine's companion files are executable and in the folder of its real file."""
    real = Path(tools.pulumi).resolve().parent
    for name in programs.PULUMI.files:
        assert (real / name).stat().st_mode & 0o111
        assert (tools.bin / name).resolve() == (real / name).resolve()


def test_programs_are_in_one_folder(tools):
    """The control plane's programs and the engine are files in the folder for PATH."""
    programs = tools.programs
    paths = [Path(path) for path in (*vars(programs).values(), tools.pulumi)]
    assert {path.parent for path in paths} == {tools.bin}
    assert {path.name for path in paths} == {program.name for program in CATALOGUE}
    assert all(path.exists() for path in paths)


def test_second_toolbox_installs_nothing(tools):
    """A second toolbox finds every program of the first."""
    second = Toolbox(tools.bin.parent).ensure()
    assert second.bin == tools.bin
    assert {tool.source.value for tool in second.obtained} <= {"path", "cache"}
