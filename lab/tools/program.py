"""The description of a vendor's program: accepted versions, version output, release archives and Go packages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.tools.versions import AnyVersion, VersionRange

if TYPE_CHECKING:
    from lab.tools.platform import Platform


@dataclass(frozen=True)
class VersionProbe:
    """The command that prints a program's version: its arguments, and the pattern that its output must match.

    The first group of `pattern` is the version; without a group the program prints no version.
    """

    arguments: tuple[str, ...]
    pattern: str


@dataclass(frozen=True)
class PluginProbe:
    """The probe of Pulumi's provider plugins, which have no version flag: the request of the engine."""


@dataclass(frozen=True)
class Release:
    """A release archive of the vendor, with its checksums.

    `url`, `checksums` and `inside` are templates with `{version}`, `{os}`, `{arch}` and `{x64}` (Pulumi's name of
    amd64); `inside` also with `{file}`. The suffix of `url` is the format: `.tar.gz`, or the program itself.
    """

    url: str
    checksums: str
    inside: str = "{file}"
    accepts_sha1: bool = False
    """For vendors that publish nothing stronger. It detects a broken download, not a forged one."""


@dataclass(frozen=True)
class Address:
    """The URL of a release archive for one platform, the URL of its checksums, and the path of each file inside."""

    url: str
    checksums: str
    members: Mapping[str, str]


@dataclass(frozen=True)
class GoCopy:
    """A file in a Go module: the folder under `modules/` that pins the module, and the file's path in it."""

    module: str
    source: str
    path: str


@dataclass(frozen=True)
class GoBuild:
    """One `go build`: the folder under `modules/` that pins the package, and the linker variables with its version."""

    module: str
    package: str
    variables: Mapping[str, str] = field(default_factory=dict)
    embedded: Mapping[str, GoCopy] = field(default_factory=dict)
    """Files of other modules that the package embeds, by their names in the folder."""


@dataclass(frozen=True)
class Program:
    """A program and its companion files."""

    name: str
    version: str
    versions: VersionRange | AnyVersion
    probe: VersionProbe | PluginProbe
    builds: Mapping[str, GoBuild]
    copies: Mapping[str, GoCopy] = field(default_factory=dict)
    parts: Mapping[str, GoBuild] = field(default_factory=dict)
    """Files that compiled programs need beside them, and that a release does not contain."""
    companion_probes: Mapping[str, VersionProbe] = field(default_factory=dict)
    release: Release | None = None

    @property
    def compiled(self) -> Mapping[str, GoBuild]:
        """Every compiled file."""
        return {**self.builds, **self.parts}

    @property
    def files(self) -> tuple[str, ...]:
        """Plain names of the files that every source provides, the program's own first."""
        return (self.name, *(name for name in (*self.builds, *self.copies) if name != self.name))

    def address(self, platform: Platform) -> Address | None:
        """Return the address of the vendor's release for a platform; None if the vendor publishes none."""
        if self.release is None:
            return None
        x64 = "x64" if platform.arch == "amd64" else platform.arch
        names = {"version": self.version, "os": platform.os, "arch": platform.arch, "x64": x64}
        return Address(
            self.release.url.format_map(names),
            self.release.checksums.format_map(names),
            {name: self.release.inside.format_map({**names, "file": name}) for name in self.files},
        )
