"""Pulumi's official provider plugins as programs, obtained on demand only: the lab has stand-ins for them.

| plugin     | accepted on PATH   | release            | compiled                                                |
|------------|--------------------|--------------------|---------------------------------------------------------|
| aws        | major of the SDK   | version of the SDK | no: it needs a patched copy of Terraform's provider     |
| eks        | major of the SDK   | version of the SDK | no: it is a Node.js program                             |
| kubernetes | major of the SDK   | version of the SDK | 4.25.0-alpha.1768448096, in 7 minutes on two processors |

The Go module of the Kubernetes plugin has no tagged versions. The newest is the commit of 2026-01-15, which Pulumi
released as that alpha. `modules/resource-kubernetes` raises `pulumi/pkg` and `pulumi/sdk` from 3.215 to 3.230.

The releases of aws and eks have SHA-1 checksums. Source: github.com/pulumi/ci-mgmt, provider-ci/…/publish.yml.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from lab.tools.program import GoBuild, GoCopy, PluginProbe, Program, Release
from lab.tools.versions import VersionRange, numbers

_MODULE: Final = "resource-kubernetes"
_SOURCE: Final = "github.com/pulumi/pulumi-kubernetes/provider/v4"
_KUBERNETES: Final = GoBuild(
    _MODULE,
    f"eks-identity.example/lab/tools/{_MODULE}",
    {f"{_SOURCE}/pkg/version.Version": "4.25.0-alpha.1768448096"},
    {"schema.json": GoCopy(_MODULE, _SOURCE, "cmd/pulumi-resource-kubernetes/schema.json")},
)
BUILDS: Final[Mapping[str, GoBuild]] = {"kubernetes": _KUBERNETES}
"""The compilations of plugins, by name."""


def provider_plugin(name: str, version: str) -> Program:
    """Return the official plugin `name` in the version of its SDK."""
    program = f"pulumi-resource-{name}"
    releases = f"https://github.com/pulumi/pulumi-{name}/releases/download/v{{version}}"
    major = numbers(version)[0]
    return Program(
        name=program,
        version=version,
        versions=VersionRange(str(major), str(major + 1)),
        probe=PluginProbe(),
        builds={program: BUILDS[name]} if name in BUILDS else {},
        release=Release(
            f"{releases}/{program}-v{{version}}-{{os}}-{{arch}}.tar.gz",
            f"{releases}/pulumi-{name}_{{version}}_checksums.txt",
            accepts_sha1=True,
        ),
    )


def cache_folder(pulumi_home: Path, name: str, version: str) -> Path:
    """Return the folder of a plugin in the plugin cache of Pulumi."""
    return pulumi_home / "plugins" / f"resource-{name}-v{version}"
