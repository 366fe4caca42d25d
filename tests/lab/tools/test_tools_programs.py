"""The catalogue agrees with the pinned modules, with what the vendors' programs print, and with where they publish."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from lab.errors import ToolError
from lab.tools import Toolbox, programs
from lab.tools.programs import CATALOGUE, Platform
from lab.tools.toolbox import MODULES
from lab.tools.version_probe import ask
from lab.tools.versions import AnyVersion, VersionRange, numbers

AUTHENTICATOR = "https://github.com/kubernetes-sigs/aws-iam-authenticator/releases/download/v0.6.13"

EVERY = (*CATALOGUE, programs.LANGUAGE_NODEJS)
HOSTS = {"pulumi-language-python-host": "v3.79.0", "pulumi-language-nodejs-host": "v3.60.0"}
"""The last releases of Pulumi's language hosts that compile by themselves."""
USED_BY_OURS = {"pulumi": "github.com/pulumi/pulumi/", "kubernetes": "k8s.io/kubernetes"}
"""What our own programs are made of: the same version as the vendor's program whose name they have."""

PRINTED = [
    (programs.ETCD, "etcd Version: 3.7.0\nGit SHA: Not provided\nGo Version: go1.26.8\n", "3.7.0"),
    (programs.KUBE_APISERVER, "Kubernetes v1.37.2\n", "1.37.2"),
    (programs.KUBE_CONTROLLER_MANAGER, "Kubernetes v1.37.2-eks-0123abc\n", "1.37.2-eks-0123abc"),
    (programs.KUBECTL, "Client Version: v1.37.2\nKustomize Version: v5.8.1\n", "1.37.2"),
    (programs.KUBECTL, "Client Version: v1.32.4-dispatcher\nKustomize Version: v5.5.0\n", "1.32.4-dispatcher"),
    (programs.AWS_IAM_AUTHENTICATOR, '{"Version":"0.6.13","Commit":"e9aeb3d"}\n', "0.6.13"),
    (programs.AWS_IAM_AUTHENTICATOR, '{"Version":"unversioned"}\n', None),
    (programs.AWS_IAM_AUTHENTICATOR, "{}\n", None),
    (programs.PULUMI, "v3.274.1\n", "3.274.1"),
    (programs.PULUMI, "warning: A new version of Pulumi is available\nv3.231.0-alpha.1\n", "3.231.0-alpha.1"),
]


@pytest.mark.parametrize(("program", "output", "version"), PRINTED, ids=lambda value: getattr(value, "name", None))
def test_version_is_read(program, output, version):
    """The version is read from what the vendor's program prints, and none is read where it prints none."""
    found = re.search(program.says.pattern, output, re.MULTILINE)
    assert (found and found[1]) == version


@pytest.mark.parametrize(
    ("version", "fits"),
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
def test_range(version, fits):
    """A range compares numbers, not letters, and holds its lower end but not its upper."""
    assert (version in VersionRange("1.35", "1.38")) is fits


def test_any_version():
    """Of a program that says no version every answer fits, the empty one too; no answer does not."""
    assert all(said in AnyVersion() for said in ("", "1.2.3", "unversioned"))
    assert None not in AnyVersion()
    assert str(AnyVersion()) == "any"


def test_not_a_version():
    """A text without a number in front is no version."""
    with pytest.raises(ValueError, match="'unversioned' does not begin with a version number"):
        numbers("unversioned")


@pytest.mark.parametrize("program", EVERY, ids=lambda program: program.name)
def test_pins(program):
    """What is compiled is the version that the catalogue names: go.mod pins it, as a tool or for our own source."""
    for name, build in program.compiled.items():
        shown = subprocess.run(
            ["go", "mod", "edit", "-json"], cwd=MODULES / build.module, capture_output=True, check=True
        ).stdout
        module = json.loads(shown)
        pinned = {required["Path"]: required["Version"] for required in module["Require"]}
        if build.package == module["Module"]["Path"]:
            used = {path: version for path, version in pinned.items() if path.startswith(USED_BY_OURS[build.module])}
            assert set(used.values()) == {f"v{program.version}"}
            continue
        assert build.package in [tool["Path"] for tool in module["Tool"]]
        (version,) = [version for path, version in pinned.items() if build.package.startswith(path)]
        assert version == HOSTS.get(name, f"v{program.version}")
        assert [each for each in build.variables.values() if each.startswith("v")] in ([], [version])
    for copy in program.copies.values():
        assert f"{copy.source} v{program.version}" in (MODULES / copy.module / "go.mod").read_text()


@pytest.mark.parametrize("program", EVERY, ids=lambda program: program.name)
def test_own_version_fits(program):
    """The version that is made is within the range that is accepted."""
    assert program.version in program.fits


def test_kubernetes_skew():
    """The API server and the controllers are of one minor, and kubectl is within one of it."""
    assert programs.KUBE_APISERVER.fits == programs.KUBE_CONTROLLER_MANAGER.fits == VersionRange("1.37", "1.38")
    assert programs.KUBECTL.fits == VersionRange("1.36", "1.39")


@pytest.mark.parametrize(
    ("program", "here", "url", "checksums", "member"),
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
            Platform("darwin", "arm64"),
            "https://get.pulumi.com/releases/sdk/pulumi-v3.274.1-darwin-arm64.tar.gz",
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
            Platform("darwin", "amd64"),
            "https://github.com/etcd-io/etcd/releases/download/v3.7.0/etcd-v3.7.0-darwin-amd64.zip",
            "https://github.com/etcd-io/etcd/releases/download/v3.7.0/SHA256SUMS",
            "etcd-v3.7.0-darwin-amd64/etcd",
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
            Platform("darwin", "arm64"),
            "https://dl.k8s.io/v1.37.2/bin/darwin/arm64/kubectl",
            "https://dl.k8s.io/v1.37.2/bin/darwin/arm64/kubectl.sha256",
            "kubectl",
        ),
        (
            programs.AWS_IAM_AUTHENTICATOR,
            Platform("linux", "arm64"),
            f"{AUTHENTICATOR}/aws-iam-authenticator_0.6.13_linux_arm64",
            f"{AUTHENTICATOR}/authenticator_0.6.13_checksums.txt",
            "aws-iam-authenticator",
        ),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_addresses(program, here, url, checksums, member):
    """Each release is looked for under the vendor's own name for the platform."""
    address = program.address(here)
    assert (address.url, address.checksums, address.members[program.name]) == (url, checksums, member)


def test_no_servers_for_macos():
    """Kubernetes publishes no API server for macOS, so none is looked for."""
    assert programs.KUBE_APISERVER.address(Platform("darwin", "arm64")) is None
    assert programs.KUBE_CONTROLLER_MANAGER.address(Platform("darwin", "arm64")) is None


@pytest.mark.parametrize(
    ("system", "machine", "here"),
    [
        ("Linux", "x86_64", Platform("linux", "amd64")),
        ("Linux", "aarch64", Platform("linux", "arm64")),
        ("Darwin", "arm64", Platform("darwin", "arm64")),
        ("Darwin", "x86_64", Platform("darwin", "amd64")),
    ],
)
def test_platform(system, machine, here):
    """Python's names of systems and processors are turned into Go's."""
    assert Platform.named(system, machine) == here


@pytest.mark.parametrize(("system", "machine"), [("Windows", "AMD64"), ("Linux", "riscv64")])
def test_other_platforms(system, machine):
    """Another kind of machine is refused by name, with a way out."""
    with pytest.raises(ToolError, match=f"this is {system} on {machine}\n  fix: use such a machine"):
        Platform.named(system, machine)


def test_real_programs_fit(tools):
    """The programs that the lab will run say, when they are run through its links, a version that fits."""
    for each in tools.obtained:
        assert ask(tools.bin / each.program.name, each.program.says) in each.program.fits
        for name, says in each.program.companions_say.items():
            ask(tools.bin / name, says)


def test_language_host_beside_engine(tools):
    """The engine looks for its language host beside its real file: all its parts lie there and can be run."""
    real = Path(tools.pulumi).resolve().parent
    for name in programs.PULUMI.files:
        assert (real / name).stat().st_mode & 0o111
        assert (tools.bin / name).resolve() == (real / name).resolve()


def test_contract_paths(tools):
    """The contract's programs and the engine are files in the one folder that is put on PATH."""
    programs = tools.programs
    paths = [Path(path) for path in (*vars(programs).values(), tools.pulumi)]
    assert {path.parent for path in paths} == {tools.bin}
    assert {path.name for path in paths} == {program.name for program in CATALOGUE}
    assert all(path.exists() for path in paths)


def test_default_cache_serves_again(tools):
    """A second toolbox finds everything where the first put it."""
    again = Toolbox(tools.bin.parent).ensure()
    assert again.bin == tools.bin
    assert {each.source.value for each in again.obtained} <= {"path", "cache"}
