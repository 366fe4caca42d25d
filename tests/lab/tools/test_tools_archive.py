"""Release archives: used only if the vendor's checksum matches, and skipped if the host is unreachable."""

import io
import re
import socket
import tarfile
from dataclasses import replace

import pytest

from lab.errors import ToolError
from lab.tools.archive import Downloads, UnavailableError, checksum_of, download_release
from lab.tools.version_probe import probe_version


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "installed"
    folder.mkdir()
    return folder


@pytest.fixture
def archive(platform):
    """The path of `tiny`'s archive on its vendor's host."""
    return f"/tiny-1.2.3-{platform.os}-{platform.arch}.tar.gz"


@pytest.fixture
def publish(archive, make_archive):
    """Serve an archive and a list of checksums that names it. Return its checksum."""

    def publish(server, algorithm="sha256", **unlike):
        line = server.publish(archive, make_archive(**unlike), algorithm)
        server.publish("/checksums.txt", f"{'0' * 64}  other.tar.gz\n{line}".encode())
        return line.split()[0]

    return publish


@pytest.fixture
def download_from(tiny, platform, folder, make_release):
    """Download `tiny`, with the changes of a test, from a vendor's host."""

    def download_from(url, kind=".tar.gz", *, report=lambda *_: None, **changes):
        program = replace(tiny, release=make_release(url, kind))
        return download_release(replace(program, **changes), platform, folder, Downloads(), report)

    return download_from


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_archive_with_matching_checksum_is_installed(server, publish, download_from, folder, algorithm):
    """An archive with a matching checksum yields the program and its companion, and no other file."""
    publish(server, algorithm)
    reports = []
    url = download_from(server.url, report=lambda *bytes_: reports.append(bytes_))
    assert url == server.url + server.requests[-1]
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
        "tiny": 0o755,
        "tiny-helper": 0o755,
    }
    size = len(server.files[server.requests[-1]])
    assert reports[-1] == (size, size)


def test_archive_over_tls(tls_server, publish, download_from, folder, tiny):
    """An archive is downloaded over TLS from a host whose certificate this machine trusts."""
    publish(tls_server)
    download_from(tls_server.url)
    assert probe_version(folder / "tiny", tiny.probe) == "1.2.3"


def test_archive_over_untrusted_tls_is_unavailable(tls_server, publish, download_from, monkeypatch):
    """Nothing is downloaded from a host whose certificate this machine does not trust."""
    publish(tls_server)
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    with pytest.raises(UnavailableError, match=r"cannot be reached .*CERTIFICATE_VERIFY_FAILED"):
        download_from(tls_server.url)
    assert tls_server.requests == []


def test_archive_redirect_is_followed(server, tls_server, archive, publish, download_from):
    """A redirect to another host is followed, as for GitHub's releases."""
    publish(server)
    tls_server.publish("/redirected", server.files.pop(archive))
    server.redirects[archive] = f"{tls_server.url}/redirected"
    download_from(server.url)
    assert tls_server.requests == ["/redirected"]


def test_release_without_archive(server, archive, download_from, folder, tiny):
    """A release that is the program itself is not unpacked, and becomes executable."""
    line = server.publish(archive.removesuffix(".tar.gz"), b"#!/bin/sh\necho tiny 1.2.3\n")
    server.publish("/checksums.txt", line.encode())
    download_from(server.url, "", copies={})
    assert probe_version(folder / "tiny", tiny.probe) == "1.2.3"


def test_archive_with_other_checksum_is_rejected(server, archive, publish, download_from, folder):
    """An archive with another checksum raises an error with the URL, both checksums and a fix."""
    expected = publish(server)
    actual = server.publish(archive, server.files[archive][:-1] + b"!").split()[0]
    with pytest.raises(ToolError) as raised:
        download_from(server.url)
    problem = f"{server.url}{archive} does not match the vendor's checksum: sha256 expected {expected}, actual {actual}"
    assert raised.value.problem == problem
    assert "put a tiny >=1.2, <1.3 of your own on PATH" in raised.value.fix
    assert not (folder / "tiny").exists()


@pytest.mark.parametrize("content", ["", "abc\n", f"{'0' * 64}  tiny-9.9.9.tar.gz\n", "<html>not found</html>"])
def test_archive_without_checksum_is_not_downloaded(server, publish, download_from, content):
    """An archive that is not in the vendor's list of checksums is not downloaded."""
    publish(server)
    server.publish("/checksums.txt", content.encode())
    with pytest.raises(UnavailableError, match=r"checksums\.txt has no checksum of tiny-1\.2\.3"):
        download_from(server.url)
    assert server.requests == ["/checksums.txt"]


def test_missing_release_is_unavailable(server, download_from):
    """A release that the host does not have is unavailable, and the reason has the HTTP status."""
    with pytest.raises(UnavailableError, match=r"/checksums\.txt returned HTTP 404"):
        download_from(server.url)


def test_archive_with_other_layout_is_unavailable(server, publish, download_from):
    """An archive without one of the files is unavailable, and the reason names the file."""
    publish(server, without="tiny/tiny-helper")
    with pytest.raises(UnavailableError, match=r"not laid out as expected: .*tiny/tiny-helper"):
        download_from(server.url)


def test_program_without_release(platform, download_from):
    """A program without a release for the platform is unavailable, and the reason names the platform."""
    with pytest.raises(UnavailableError, match=f"the vendor publishes no release for {platform.os}/{platform.arch}"):
        download_from("http://127.0.0.1:1", release=None)


def test_host_that_rejects_connections_is_unavailable(download_from):
    """A host that rejects connections is unavailable, and the reason names it."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{bound.getsockname()[1]}"
        with pytest.raises(UnavailableError, match=f"{re.escape(host)} cannot be reached"):
            download_from(f"http://{host}")


def test_interrupted_download_is_unavailable(server, publish, download_from, archive):
    """A truncated download is unavailable, and the reason names the URL."""
    publish(server)
    server.cut.add(archive)
    with pytest.raises(UnavailableError, match=rf"{re.escape(archive)} broke off"):
        download_from(server.url)


def test_host_without_address_is_unavailable():
    """A host whose name does not resolve is unavailable."""
    with pytest.raises(UnavailableError, match=r"vendor\.invalid cannot be reached"):
        Downloads().text("https://vendor.invalid/checksums.txt")


def test_host_that_never_responds_is_queried_once():
    """A host that accepts connections and never responds is queried once in a run."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/checksums.txt"
        downloads = Downloads(first_response_seconds=0.2)
        for _ in range(2):
            with pytest.raises(UnavailableError, match=r"cannot be reached \(no response within 0\.2 s\)"):
                downloads.text(url)
        listening.settimeout(60)
        listening.accept()[0].close()
        listening.settimeout(0)
        with pytest.raises(BlockingIOError):
            listening.accept()


@pytest.mark.parametrize(
    ("listed", "digest"),
    [
        (f"{'a' * 64}\n", "a" * 64),
        (f"{'a' * 64}", "a" * 64),
        (f"{'B' * 128}  tiny.tar.gz", "b" * 128),
        (f"{'a' * 64}  other\n{'c' * 64} *tiny.tar.gz\n", "c" * 64),
        (f"{'a' * 64}  ./tiny.tar.gz\n", "a" * 64),
        (f"{'a' * 64}  dist/tiny.tar.gz\n", None),
        (f"{'a' * 40}  tiny.tar.gz\n", None),
        (f"{'x' * 64}  tiny.tar.gz\n", None),
        (f"{'a' * 64}\n{'b' * 64}\n", None),
    ],
)
def test_checksum_list_formats(listed, digest):
    """A checksum is read from the vendors' list formats, and from no other format."""
    assert checksum_of("tiny.tar.gz", listed) == digest


def test_sha1_is_accepted_for_its_release_only(server, archive, publish, download_from, make_release):
    """An archive with a SHA-1 checksum is unavailable, unless the release accepts SHA-1."""
    publish(server, "sha1")
    with pytest.raises(UnavailableError, match="has no checksum"):
        download_from(server.url)
    download_from(server.url, release=replace(make_release(server.url), accepts_sha1=True))
    server.publish(archive, server.files[archive][:-1] + b"!")
    with pytest.raises(ToolError, match="does not match the vendor's checksum: sha1 expected"):
        download_from(server.url, release=replace(make_release(server.url), accepts_sha1=True))


def test_members_may_begin_with_the_current_folder(server, archive, download_from, folder, tiny):
    """A program is extracted from an archive of `tar -C folder .`, whose members begin with `./`."""
    buffer, content = io.BytesIO(), b"#!/bin/sh\necho tiny 1.2.3\n"
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo("./tiny/tiny")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    server.publish("/checksums.txt", server.publish(archive, buffer.getvalue()).encode())
    download_from(server.url, copies={})
    assert probe_version(folder / "tiny", tiny.probe) == "1.2.3"
