"""The vendor's programs that the lab runs: which versions fit, what each says of itself, where it is published and
how it is compiled.

| program               | made    | fits on PATH    | why this range                                               |
|-----------------------|---------|-----------------|--------------------------------------------------------------|
| pulumi                | 3.274.1 | >=3.230, <4     | the oldest engine that the pinned Python SDK was run with;   |
|                       |         |                 | its Python language host must lie beside it; the hosts that  |
|                       |         |                 | we compile are older, and have a front of our own            |
| etcd                  | 3.7.0   | >=3.7, <3.8     | the release that Kubernetes 1.37 comes with                  |
| kube-apiserver        | 1.37.2  | >=1.37, <1.38   | the newest minor that EKS offers                             |
| kube-controller-…     | 1.37.2  | >=1.37, <1.38   | Kubernetes allows it no newer than its API server; compiled, |
|                       |         |                 | it is a program of ours with five of the controllers         |
| kubectl               | 1.37.2  | >=1.36, <1.39   | Kubernetes supports kubectl within one minor of the server   |
| aws-iam-authenticator | 0.6.13  | >=0.6.13, <1    | the oldest whose dynamic file and mode file were proven here |

All but pulumi are compiled in one Go module, so that they share what they import: etcd and the authenticator with the
versions of k8s.io and gRPC that Kubernetes needs.

Sources: kubernetes.io/releases/version-skew-policy, docs.aws.amazon.com/eks/latest/userguide/platform-versions.html,
Kubernetes' build/dependencies.yaml, the vendors' release pages.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from lab.errors import ToolError
from lab.tools.versions import AnyVersion, VersionRange

_SYSTEMS = {"linux": "linux", "darwin": "darwin"}
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Platform:
    """Operating system and processor, by Go's names: linux or darwin, amd64 or arm64."""

    os: str
    arch: str

    @classmethod
    def here(cls) -> Self:
        """This machine. Raises `ToolError` where the vendors' programs do not run."""
        return cls.named(platform.system(), platform.machine())

    @classmethod
    def named(cls, system: str, machine: str) -> Self:
        """The platform that Python calls `system` and `machine`. Raises `ToolError` for any other than the four."""
        try:
            return cls(_SYSTEMS[system.lower()], _MACHINES[machine.lower()])
        except KeyError:
            raise ToolError(
                f"the lab's programs run on Linux and macOS, amd64 and arm64; this is {system} on {machine}",
                fix="use such a machine, a virtual machine, or WSL 2 on Windows",
            ) from None


@dataclass(frozen=True)
class VersionProbe:
    """How a file shows that it runs: the arguments to give it, and what its output must match.

    The first group of `pattern`, where it has one, is the version.
    """

    arguments: tuple[str, ...]
    pattern: str


@dataclass(frozen=True)
class Release:
    """One download that the vendor publishes, with its checksums.

    `url`, `checksums` and `inside` are templates of `{version}`, `{os}`, `{arch}` and `{x64}` (Pulumi's name of amd64);
    `inside` also of `{file}`. The ending of `url` tells the kind: `.tar.gz`, `.zip`, else the program itself.
    """

    url: str
    checksums: str
    inside: str = "{file}"
    systems: tuple[str, ...] = ("linux", "darwin")


@dataclass(frozen=True)
class Address:
    """A release's download for one platform, its list of checksums, and each file's name inside."""

    url: str
    checksums: str
    members: Mapping[str, str]


@dataclass(frozen=True)
class GoBuild:
    """One `go build`: the folder under `modules/` that pins the package, and the variables that hold its version."""

    module: str
    package: str
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class GoCopy:
    """A script in a Go module: the folder under `modules/` that pins it (one of a build too), and the path in it."""

    module: str
    source: str
    path: str


@dataclass(frozen=True)
class Program:
    """One program with the files that belong beside it."""

    name: str
    version: str
    fits: VersionRange | AnyVersion
    says: VersionProbe
    builds: Mapping[str, GoBuild]
    copies: Mapping[str, GoCopy] = field(default_factory=dict)
    parts: Mapping[str, GoBuild] = field(default_factory=dict)
    """What compiled files need beside them, and a release does not have."""
    companions_say: Mapping[str, VersionProbe] = field(default_factory=dict)
    releases: tuple[Release, ...] = ()

    @property
    def compiled(self) -> Mapping[str, GoBuild]:
        """Every file that is compiled."""
        return {**self.builds, **self.parts}

    @property
    def files(self) -> tuple[str, ...]:
        """Plain names of what there is wherever it comes from, the program's own first."""
        return (self.name, *(name for name in (*self.builds, *self.copies) if name != self.name))

    def address(self, here: Platform) -> Address | None:
        """Where the vendor publishes it for a platform; None where it publishes nothing."""
        release = next((release for release in self.releases if here.os in release.systems), None)
        if release is None:
            return None
        x64 = "x64" if here.arch == "amd64" else here.arch
        names = {"version": self.version, "os": here.os, "arch": here.arch, "x64": x64}
        return Address(
            release.url.format_map(names),
            release.checksums.format_map(names),
            {name: release.inside.format_map({**names, "file": name}) for name in self.files},
        )


_KUBERNETES = "1.37.2"
_KUBERNETES_VERSION = {
    "k8s.io/component-base/version.gitVersion": f"v{_KUBERNETES}",
    "k8s.io/component-base/version.gitMajor": "1",
    "k8s.io/component-base/version.gitMinor": "37",
}


def _kubernetes(
    name: str, says: VersionProbe, fits: VersionRange, systems: tuple[str, ...], package: str | None = None
) -> Program:
    url = f"https://dl.k8s.io/v{{version}}/bin/{{os}}/{{arch}}/{name}"
    return Program(
        name=name,
        version=_KUBERNETES,
        fits=fits,
        says=says,
        builds={name: GoBuild("kubernetes", package or f"k8s.io/kubernetes/cmd/{name}", _KUBERNETES_VERSION)},
        releases=(Release(url, f"{url}.sha256", systems=systems),),
    )


_PULUMI = "3.274.1"
_PULUMI_VERSION = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"


def _front(language: str) -> dict[str, GoBuild]:
    """What the engine starts: our own program, with the engine's libraries, in front of the host."""
    return {f"pulumi-language-{language}": GoBuild("pulumi", "eks-identity.example/lab/tools/pulumi")}


def _host(language: str, version: str) -> dict[str, GoBuild]:
    """The last release of the language host whose source is in a Go module that stands alone."""
    package = f"github.com/pulumi/pulumi/sdk/v3/{language}/cmd/pulumi-language-{language}"
    build = GoBuild(f"language-{language}", package, {_PULUMI_VERSION: f"v{version}"})
    return {f"pulumi-language-{language}-host": build}


PULUMI = Program(
    name="pulumi",
    version=_PULUMI,
    fits=VersionRange("3.230", "4"),
    says=VersionProbe(("version",), r"^v(\d\S*)$"),
    builds={
        "pulumi": GoBuild("pulumi", "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi", {_PULUMI_VERSION: f"v{_PULUMI}"}),
        **_front("python"),
    },
    parts=_host("python", "3.79.0"),
    copies={
        "pulumi-language-python-exec": GoCopy(
            "pulumi", "github.com/pulumi/pulumi/sdk/v3", "python/cmd/pulumi-language-python-exec"
        ),
        "pulumi-resource-pulumi-python": GoCopy(
            "pulumi", "github.com/pulumi/pulumi/sdk/v3", "python/dist/pulumi-resource-pulumi-python"
        ),
    },
    # The language host has no version flag.
    companions_say={"pulumi-language-python": VersionProbe(("-h",), r"Usage of \S*pulumi-language-python")},
    releases=(
        Release(
            "https://get.pulumi.com/releases/sdk/pulumi-v{version}-{os}-{x64}.tar.gz",
            "https://get.pulumi.com/releases/sdk/pulumi-{version}-checksums.txt",
            inside="pulumi/{file}",
        ),
    ),
)

LANGUAGE_NODEJS = Program(
    name="pulumi-language-nodejs",
    version=_PULUMI,
    fits=AnyVersion(),
    says=VersionProbe(("-h",), r"Usage of \S*pulumi-language-nodejs"),
    builds=_front("nodejs"),
    parts=_host("nodejs", "3.60.0"),
    releases=PULUMI.releases,
)
"""Runs programs in TypeScript. Not in the catalogue: only what needs it asks for it."""

_ETCD_RELEASES = "https://github.com/etcd-io/etcd/releases/download/v{version}"
ETCD = Program(
    name="etcd",
    version="3.7.0",
    fits=VersionRange("3.7", "3.8"),
    says=VersionProbe(("--version",), r"^etcd Version: (\S+)$"),
    builds={"etcd": GoBuild("kubernetes", "go.etcd.io/etcd/server/v3")},
    releases=(
        Release(
            f"{_ETCD_RELEASES}/etcd-v{{version}}-{{os}}-{{arch}}.tar.gz",
            f"{_ETCD_RELEASES}/SHA256SUMS",
            inside="etcd-v{version}-{os}-{arch}/{file}",
            systems=("linux",),
        ),
        Release(
            f"{_ETCD_RELEASES}/etcd-v{{version}}-{{os}}-{{arch}}.zip",
            f"{_ETCD_RELEASES}/SHA256SUMS",
            inside="etcd-v{version}-{os}-{arch}/{file}",
            systems=("darwin",),
        ),
    ),
)

_SERVER_SAYS = VersionProbe(("--version",), r"^Kubernetes v(\S+)$")
# Kubernetes publishes its servers for Linux only.
_SERVER_FITS = VersionRange("1.37", "1.38")
KUBE_APISERVER = _kubernetes("kube-apiserver", _SERVER_SAYS, _SERVER_FITS, ("linux",))
KUBE_CONTROLLER_MANAGER = _kubernetes(
    "kube-controller-manager", _SERVER_SAYS, _SERVER_FITS, ("linux",), "eks-identity.example/lab/tools/kubernetes"
)
KUBECTL = _kubernetes(
    "kubectl",
    VersionProbe(("version", "--client"), r"^Client Version: v(\S+)$"),
    VersionRange("1.36", "1.39"),
    ("linux", "darwin"),
)

_AUTHENTICATOR_RELEASES = "https://github.com/kubernetes-sigs/aws-iam-authenticator/releases/download/v{version}"
AWS_IAM_AUTHENTICATOR = Program(
    name="aws-iam-authenticator",
    version="0.6.13",
    fits=VersionRange("0.6.13", "1"),
    says=VersionProbe(("version",), r'"Version":"v?(\d[^"]*)"'),
    builds={
        "aws-iam-authenticator": GoBuild(
            "kubernetes",
            "sigs.k8s.io/aws-iam-authenticator/cmd/aws-iam-authenticator",
            {"sigs.k8s.io/aws-iam-authenticator/pkg.Version": "0.6.13"},
        )
    },
    releases=(
        Release(
            f"{_AUTHENTICATOR_RELEASES}/aws-iam-authenticator_{{version}}_{{os}}_{{arch}}",
            f"{_AUTHENTICATOR_RELEASES}/authenticator_{{version}}_checksums.txt",
        ),
    ),
)

CATALOGUE = (ETCD, KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBECTL, AWS_IAM_AUTHENTICATOR, PULUMI)
