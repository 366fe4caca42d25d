"""The catalogue of the vendors' programs.

| program               | version | accepted on PATH | reason for the range                                         |
|-----------------------|---------|------------------|--------------------------------------------------------------|
| pulumi                | 3.274.1 | >=3.230, <4      | the oldest engine tested with the pinned Python SDK; its     |
|                       |         |                  | Python language host must be in the same folder; the hosts   |
|                       |         |                  | that we compile are older, behind a front of our own, except |
|                       |         |                  | the one of YAML, which is compiled in the engine's module    |
| etcd                  | 3.7.0   | >=3.7, <3.8      | the release that Kubernetes 1.37 is built with               |
| kube-apiserver        | 1.37.2  | >=1.37, <1.38    | the newest minor that EKS offers                             |
| kube-controller-…     | 1.37.2  | >=1.37, <1.38    | Kubernetes allows it no newer than its API server; compiled, |
|                       |         |                  | it is our own program with five of the controllers           |
| kubectl               | 1.37.2  | >=1.36, <1.39    | Kubernetes supports kubectl within one minor of the server   |
| aws-iam-authenticator | 0.6.13  | >=0.6.13, <1     | the oldest with a tested dynamic file and mode file          |

All but pulumi are compiled in one Go module, so that they share packages: etcd and the authenticator use the versions
of k8s.io and gRPC that Kubernetes needs.

Sources: kubernetes.io/releases/version-skew-policy, docs.aws.amazon.com/eks/latest/userguide/platform-versions.html,
Kubernetes' build/dependencies.yaml, the vendors' release pages.
"""

from __future__ import annotations

from collections.abc import Mapping

from lab.tools.program import GoBuild, GoCopy, Program, Release, VersionProbe
from lab.tools.versions import AnyVersion, VersionRange

_KUBERNETES = "1.37.2"
_KUBERNETES_VERSION = {
    "k8s.io/component-base/version.gitVersion": f"v{_KUBERNETES}",
    "k8s.io/component-base/version.gitMajor": "1",
    "k8s.io/component-base/version.gitMinor": "37",
}


def _kubernetes(name: str, probe: VersionProbe, versions: VersionRange, package: str | None = None) -> Program:
    url = f"https://dl.k8s.io/v{{version}}/bin/{{os}}/{{arch}}/{name}"
    return Program(
        name=name,
        version=_KUBERNETES,
        versions=versions,
        probe=probe,
        builds={name: GoBuild("kubernetes", package or f"k8s.io/kubernetes/cmd/{name}", _KUBERNETES_VERSION)},
        release=Release(url, f"{url}.sha256"),
    )


_PULUMI = "3.274.1"
_PULUMI_VERSION = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"


def _front(language: str) -> dict[str, GoBuild]:
    """Return the build of our own front: the engine starts it, and it starts the host."""
    return {f"pulumi-language-{language}": GoBuild("pulumi", "eks-identity.example/lab/tools/pulumi")}


def _host(language: str, version: str) -> dict[str, GoBuild]:
    """Return the build of the language host: its last release in a Go module of its own."""
    package = f"github.com/pulumi/pulumi/sdk/v3/{language}/cmd/pulumi-language-{language}"
    build = GoBuild(f"language-{language}", package, {_PULUMI_VERSION: f"v{version}"})
    return {f"pulumi-language-{language}-host": build}


PULUMI = Program(
    name="pulumi",
    version=_PULUMI,
    versions=VersionRange("3.230", "4"),
    probe=VersionProbe(("version",), r"^v(\d\S*)$"),
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
    companion_probes={"pulumi-language-python": VersionProbe(("-h",), r"Usage of \S*pulumi-language-python")},
    release=Release(
        "https://get.pulumi.com/releases/sdk/pulumi-v{version}-{os}-{x64}.tar.gz",
        "https://get.pulumi.com/releases/sdk/pulumi-{version}-checksums.txt",
        inside="pulumi/{file}",
    ),
)


def _language_host(language: str, builds: Mapping[str, GoBuild], parts: Mapping[str, GoBuild] | None = None) -> Program:
    name = f"pulumi-language-{language}"
    return Program(
        name=name,
        version=_PULUMI,
        versions=AnyVersion(),
        probe=VersionProbe(("-h",), rf"Usage of \S*{name}"),
        builds=builds,
        parts=parts or {},
        release=PULUMI.release,
    )


_YAML = GoBuild(
    "pulumi",
    "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml",
    {"github.com/pulumi/pulumi-yaml/pkg/version.Version": "v1.38.1"},
)
LANGUAGE_HOSTS = {
    "nodejs": _language_host("nodejs", _front("nodejs"), _host("nodejs", "3.60.0")),
    "yaml": _language_host("yaml", {"pulumi-language-yaml": _YAML}),
}
"""The hosts of TypeScript and YAML programs. Not in the catalogue, because the lab itself does not need them."""

_ETCD_RELEASES = "https://github.com/etcd-io/etcd/releases/download/v{version}"
ETCD = Program(
    name="etcd",
    version="3.7.0",
    versions=VersionRange("3.7", "3.8"),
    probe=VersionProbe(("--version",), r"^etcd Version: (\S+)$"),
    builds={"etcd": GoBuild("kubernetes", "go.etcd.io/etcd/server/v3")},
    release=Release(
        f"{_ETCD_RELEASES}/etcd-v{{version}}-{{os}}-{{arch}}.tar.gz",
        f"{_ETCD_RELEASES}/SHA256SUMS",
        inside="etcd-v{version}-{os}-{arch}/{file}",
    ),
)

_SERVER_PROBE = VersionProbe(("--version",), r"^Kubernetes v(\S+)$")
_SERVER_VERSIONS = VersionRange("1.37", "1.38")
KUBE_APISERVER = _kubernetes("kube-apiserver", _SERVER_PROBE, _SERVER_VERSIONS)
KUBE_CONTROLLER_MANAGER = _kubernetes(
    "kube-controller-manager", _SERVER_PROBE, _SERVER_VERSIONS, "eks-identity.example/lab/tools/kubernetes"
)
KUBECTL = _kubernetes(
    "kubectl",
    VersionProbe(("version", "--client"), r"^Client Version: v(\S+)$"),
    VersionRange("1.36", "1.39"),
)

_AUTHENTICATOR_RELEASES = "https://github.com/kubernetes-sigs/aws-iam-authenticator/releases/download/v{version}"
AWS_IAM_AUTHENTICATOR = Program(
    name="aws-iam-authenticator",
    version="0.6.13",
    versions=VersionRange("0.6.13", "1"),
    probe=VersionProbe(("version",), r'"Version":"v?(\d[^"]*)"'),
    builds={
        "aws-iam-authenticator": GoBuild(
            "kubernetes",
            "sigs.k8s.io/aws-iam-authenticator/cmd/aws-iam-authenticator",
            {"sigs.k8s.io/aws-iam-authenticator/pkg.Version": "0.6.13"},
        )
    },
    release=Release(
        f"{_AUTHENTICATOR_RELEASES}/aws-iam-authenticator_{{version}}_{{os}}_{{arch}}",
        f"{_AUTHENTICATOR_RELEASES}/authenticator_{{version}}_checksums.txt",
    ),
)

_EKSCTL_RELEASES = "https://github.com/eksctl-io/eksctl/releases/download/v{version}"
EKSCTL = Program(
    name="eksctl",
    version="0.215.0",
    versions=VersionRange("0.215", "0.216"),
    probe=VersionProbe(("version",), r"^(\d\S*)$"),
    builds={
        "eksctl": GoBuild(
            "eksctl",
            "github.com/weaveworks/eksctl/cmd/eksctl",
            # The release has no pre-release ID; the source has `dev`.
            {"github.com/weaveworks/eksctl/pkg/version.PreReleaseID": ""},
        )
    },
    release=Release(f"{_EKSCTL_RELEASES}/eksctl_Linux_{{arch}}.tar.gz", f"{_EKSCTL_RELEASES}/eksctl_checksums.txt"),
)
"""Not in the catalogue, because only tests/conformance run it. The range is the release whose behaviour they record."""

CATALOGUE = (ETCD, KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBECTL, AWS_IAM_AUTHENTICATOR, PULUMI)
