"""Every program from its vendor's release, with the layout and the list of checksums that the vendor publishes.

The files are small scripts that print the version. Names, folders and list formats are the vendors' own, as on their
release pages in November 2026.
"""

import hashlib
import io
import tarfile
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from lab.tools import Source, Toolbox, programs
from lab.tools.platform import Platform
from lab.tools.programs import CATALOGUE

OUTPUT = {
    "pulumi": "v{version}",
    "pulumi-language-python": "Usage of pulumi-language-python:",
    "pulumi-language-nodejs": "Usage of pulumi-language-nodejs:",
    "pulumi-language-yaml": "Usage of pulumi-language-yaml:",
    "etcd": "etcd Version: {version}",
    "kube-apiserver": "Kubernetes v{version}",
    "kube-controller-manager": "Kubernetes v{version}",
    "kubectl": "Client Version: v{version}",
    "eksctl": "{version}",
    "aws-iam-authenticator": '{{"Version":"{version}","Commit":"e9aeb3d"}}',
}
PULUMI = [
    *("pulumi", "pulumi-analyzer-policy", "pulumi-analyzer-policy-python"),
    *(
        f"pulumi-language-{language}"
        for language in ("dotnet", "go", "java", "nodejs", "python", "python-exec", "yaml")
    ),
    *("pulumi-resource-pulumi-nodejs", "pulumi-resource-pulumi-python", "pulumi-watch"),
]
LAYOUT = {
    "pulumi": [f"pulumi/{name}" for name in PULUMI],
    "etcd": [
        f"etcd-v{{version}}-{{os}}-{{arch}}/{name}"
        for name in ("Documentation/README.md", "README.md", "README-etcdctl.md", "etcd", "etcdctl", "etcdutl")
    ],
    "eksctl": ["eksctl"],
}
"""The files in the archives, by the program in the archive's name."""
LISTED = {
    "pulumi": [
        f"pulumi-v{{version}}-{system}-{processor}.{'zip' if system == 'windows' else 'tar.gz'}"
        for system in ("darwin", "linux", "windows")
        for processor in ("arm64", "x64")
    ],
    "etcd": [
        *(f"etcd-v{{version}}-{system}.zip" for system in ("darwin-amd64", "darwin-arm64", "windows-amd64")),
        *(f"etcd-v{{version}}-linux-{arch}.tar.gz" for arch in ("amd64", "arm64", "ppc64le", "s390x")),
        "etcd-v{version}.source.tar.gz",
    ],
    "aws-iam-authenticator": [
        f"aws-iam-authenticator_{{version}}_{system}"
        for system in ("darwin_amd64", "darwin_arm64", "linux_amd64", "linux_arm64", "windows_amd64.exe")
    ],
    "eksctl": [
        *(f"eksctl_Darwin_{arch}.tar.gz" for arch in ("amd64", "arm64")),
        *(f"eksctl_Linux_{arch}.tar.gz" for arch in ("amd64", "arm64", "armv6", "armv7")),
        *(f"eksctl_Windows_{arch}.zip" for arch in ("amd64", "arm64", "armv6", "armv7")),
    ],
}
"""Every file in the vendor's list of checksums, in its order; a list of a single digest has no names."""
PLATFORMS = [Platform("linux", arch) for arch in ("amd64", "arm64")]
PUBLISHED = [
    (program, platform)
    for program in (*CATALOGUE, *programs.LANGUAGE_HOSTS.values(), programs.EKSCTL)
    for platform in PLATFORMS
    if program.address(platform)
]


def _script(name: str, version: str) -> bytes:
    return f"#!/bin/sh\necho '{OUTPUT.get(name, '').format(version=version)}'\n".encode()


def _archive(members: list[str], version: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for member in members:
            content = _script(member.rsplit("/", 1)[-1], version)
            info = tarfile.TarInfo(member)
            info.size, info.mode = len(content), 0o755
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def publish(server):
    """Serve the release of a program for a platform as its vendor does. Return the program with that address."""

    def publish(program, platform):
        address = program.address(platform)
        path = urlsplit(address.url).path
        file = path.rsplit("/", 1)[-1]
        vendor = "pulumi" if program in programs.LANGUAGE_HOSTS.values() else program.name
        names = {"version": program.version, "os": platform.os, "arch": platform.arch}
        members = [member.format(**names) for member in LAYOUT.get(vendor, [])]
        is_archive = path.endswith(".tar.gz")
        content = _archive(members, program.version) if is_archive else _script(program.name, program.version)
        digest = hashlib.sha256(content).hexdigest()
        server.files[path] = content
        listed = [name.format(**names) for name in LISTED.get(vendor, [])]
        assert file in (listed or [file])
        lines = [f"{digest if name == file else '0' * 64}  {name}\n" for name in listed]
        server.files[urlsplit(address.checksums).path] = "".join(lines or [digest]).encode()
        release = replace(
            program.release,
            url=program.release.url.replace(_host(program.release.url), server.url),
            checksums=program.release.checksums.replace(_host(program.release.checksums), server.url),
        )
        return replace(program, release=release)

    return publish


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


@pytest.mark.parametrize(
    ("program", "platform"), PUBLISHED, ids=lambda value: getattr(value, "name", None) or f"{value.os}-{value.arch}"
)
def test_program_from_vendor_release(program, platform, publish, tmp_path, monkeypatch):
    """The program and its companion files come from the vendor's archive, verified by the vendor's checksums."""
    monkeypatch.setattr(Platform, "current", lambda: platform)
    released = publish(program, platform)
    tools = Toolbox(tmp_path, programs=[released], path="").ensure()
    (obtained,) = tools.obtained
    assert obtained.source is Source.ARCHIVE
    assert {path.name for path in tools.bin.iterdir()} == set(program.files)
    assert all(obtained.installation.files[name].stat().st_mode & 0o111 for name in program.files)
