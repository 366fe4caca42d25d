"""Every program from its vendor's release, laid out and with a list of checksums as the vendor publishes them today.

The files are small scripts that say the version; names, folders and the form of the lists are the vendors' own, as on
their release pages in November 2026.
"""

import hashlib
import io
import tarfile
import zipfile
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from lab.tools import Source, Toolbox, programs
from lab.tools.programs import CATALOGUE, Platform

SAYS = {
    "pulumi": "v{version}",
    "pulumi-language-python": "Usage of pulumi-language-python:",
    "pulumi-language-nodejs": "Usage of pulumi-language-nodejs:",
    "etcd": "etcd Version: {version}",
    "kube-apiserver": "Kubernetes v{version}",
    "kube-controller-manager": "Kubernetes v{version}",
    "kubectl": "Client Version: v{version}",
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
}
"""What is in the archives, by the program that gives them their name."""
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
}
"""Every file that the vendor's list of checksums names, in its order; a list of one digest alone names none."""
PLATFORMS = [Platform(system, arch) for system in ("linux", "darwin") for arch in ("amd64", "arm64")]
PUBLISHED = [
    (program, here) for program in (*CATALOGUE, programs.LANGUAGE_NODEJS) for here in PLATFORMS if program.address(here)
]


def _script(name: str, version: str) -> bytes:
    return f"#!/bin/sh\necho '{SAYS.get(name, '').format(version=version)}'\n".encode()


def _archive(kind: str, members: list[str], version: str) -> bytes:
    buffer = io.BytesIO()
    if kind == ".zip":
        with zipfile.ZipFile(buffer, "w") as packed:
            for member in members:
                packed.writestr(member, _script(member.rsplit("/", 1)[-1], version))
        return buffer.getvalue()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for member in members:
            content = _script(member.rsplit("/", 1)[-1], version)
            info = tarfile.TarInfo(member)
            info.size, info.mode = len(content), 0o755
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def publish(server):
    """Serves the release of a program for a platform as its vendor does; gives the program that is had from there."""

    def publish(program, here):
        address = program.address(here)
        path = urlsplit(address.url).path
        file, kind = path.rsplit("/", 1)[-1], next((end for end in (".tar.gz", ".zip") if path.endswith(end)), "")
        vendor = "pulumi" if program is programs.LANGUAGE_NODEJS else program.name
        names = {"version": program.version, "os": here.os, "arch": here.arch}
        members = [member.format(**names) for member in LAYOUT.get(vendor, [])]
        content = _archive(kind, members, program.version) if kind else _script(program.name, program.version)
        digest = hashlib.sha256(content).hexdigest()
        server.files[path] = content
        listed = [name.format(**names) for name in LISTED.get(vendor, [])]
        assert file in (listed or [file])
        lines = [f"{digest if name == file else '0' * 64}  {name}\n" for name in listed]
        server.files[urlsplit(address.checksums).path] = "".join(lines or [digest]).encode()
        releases = [
            replace(
                release,
                url=release.url.replace(_host(release.url), server.url),
                checksums=release.checksums.replace(_host(release.checksums), server.url),
            )
            for release in program.releases
        ]
        return replace(program, releases=tuple(releases))

    return publish


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


@pytest.mark.parametrize(
    ("program", "here"), PUBLISHED, ids=lambda value: getattr(value, "name", None) or f"{value.os}-{value.arch}"
)
def test_from_the_vendor_s_release(program, here, publish, tmp_path, monkeypatch):
    """The program and all that belongs beside it come from the vendor's archive, checked by the vendor's list."""
    monkeypatch.setattr(Platform, "here", lambda: here)
    released = publish(program, here)
    tools = Toolbox(tmp_path, programs=[released], path="").ensure()
    (obtained,) = tools.obtained
    assert obtained.source is Source.ARCHIVE
    assert {path.name for path in tools.bin.iterdir()} == set(program.files)
    assert all(obtained.found.files[name].stat().st_mode & 0o111 for name in program.files)
