"""Release archives: taken if the vendor's checksum agrees, never otherwise, and given up where nobody answers."""

import io
import re
import socket
import zipfile
from dataclasses import replace

import pytest

from lab.errors import ToolError
from lab.tools.archive import Downloads, UnavailableError, checksum_of, take
from lab.tools.version_probe import ask


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "made"
    folder.mkdir()
    return folder


@pytest.fixture
def archive(here):
    """The path of `tiny`'s archive at its vendor's."""
    return f"/tiny-1.2.3-{here.os}-{here.arch}.tar.gz"


@pytest.fixture
def publish(archive, make_archive):
    """Have a server serve an archive and a list of checksums that names it; returns its checksum."""

    def publish(server, algorithm="sha256", **unlike):
        line = server.publish(archive, make_archive(**unlike), algorithm)
        server.publish("/checksums.txt", f"{'0' * 64}  other.tar.gz\n{line}".encode())
        return line.split()[0]

    return publish


@pytest.fixture
def take_from(tiny, here, folder, make_release):
    """Take `tiny`, or what a test makes of it, from a vendor's address."""

    def take_from(url, kind=".tar.gz", *, moved=lambda *_: None, **changes):
        program = replace(tiny, releases=(make_release(url, kind),))
        return take(replace(program, **changes), here, folder, Downloads(), moved)

    return take_from


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_good(server, publish, take_from, folder, algorithm):
    """An archive that is what the vendor's checksum says gives the program and its companion, and nothing else."""
    publish(server, algorithm)
    seen = []
    taken = take_from(server.url, moved=lambda *bytes_: seen.append(bytes_))
    assert taken == server.url + server.asked[-1]
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
        "tiny": 0o755,
        "tiny-helper": 0o755,
    }
    size = len(server.files[server.asked[-1]])
    assert seen[-1] == (size, size)


def test_tls(tls_server, publish, take_from, folder, tiny):
    """An archive is taken over TLS from a host whose certificate this machine trusts."""
    publish(tls_server)
    take_from(tls_server.url)
    assert ask(folder / "tiny", tiny.says) == "1.2.3"


def test_tls_untrusted(tls_server, publish, take_from, monkeypatch):
    """A host whose certificate this machine does not trust is not downloaded from."""
    publish(tls_server)
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    with pytest.raises(UnavailableError, match=r"cannot be reached .*CERTIFICATE_VERIFY_FAILED"):
        take_from(tls_server.url)
    assert tls_server.asked == []


def test_redirected(server, tls_server, archive, publish, take_from):
    """An archive that the vendor keeps at another host is followed there, as GitHub's releases are."""
    publish(server)
    tls_server.publish("/elsewhere", server.files.pop(archive))
    server.redirects[archive] = f"{tls_server.url}/elsewhere"
    take_from(server.url)
    assert tls_server.asked == ["/elsewhere"]


def test_zip(server, archive, take_from, folder, tiny):
    """A zip archive serves as a tar archive does."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("tiny/tiny", "#!/bin/sh\necho tiny 1.2.3\n")
        packed.writestr("tiny/tiny-helper", "#!/bin/sh\necho helping\n")
    line = server.publish(archive.replace(".tar.gz", ".zip"), buffer.getvalue())
    server.publish("/checksums.txt", line.encode())
    take_from(server.url, ".zip")
    assert ask(folder / "tiny", tiny.says) == "1.2.3"


def test_plain_file(server, archive, take_from, folder, tiny):
    """A download that is the program itself needs no unpacking, and gets its run bit."""
    line = server.publish(archive.removesuffix(".tar.gz"), b"#!/bin/sh\necho tiny 1.2.3\n")
    server.publish("/checksums.txt", line.encode())
    take_from(server.url, "", copies={})
    assert ask(folder / "tiny", tiny.says) == "1.2.3"


def test_corrupted(server, archive, publish, take_from, folder):
    """An archive that is not what the checksum says is an error that names the file, both sums and a way out."""
    expected = publish(server)
    seen = server.publish(archive, server.files[archive][:-1] + b"!").split()[0]
    with pytest.raises(ToolError) as raised:
        take_from(server.url)
    said = f"{server.url}{archive} is not what the vendor published: sha256 expected {expected}, seen {seen}"
    assert raised.value.problem == said
    assert "put a tiny >=1.2, <1.3 of your own on PATH" in raised.value.fix
    assert not (folder / "tiny").exists()


@pytest.mark.parametrize("content", ["", "abc\n", f"{'0' * 64}  tiny-9.9.9.tar.gz\n", "<html>not found</html>"])
def test_checksum_missing(server, publish, take_from, content):
    """An archive that the vendor's list does not name is not even downloaded."""
    publish(server)
    server.publish("/checksums.txt", content.encode())
    with pytest.raises(UnavailableError, match=r"checksums\.txt names no checksum of tiny-1\.2\.3"):
        take_from(server.url)
    assert server.asked == ["/checksums.txt"]


def test_not_published(server, take_from):
    """A release that the host does not have is not to be had, and the reason says what it answered."""
    with pytest.raises(UnavailableError, match=r"/checksums\.txt answered 404"):
        take_from(server.url)


def test_layout_changed(server, publish, take_from):
    """An archive that lacks one of the files is not to be had, and the reason names the file."""
    publish(server, without="tiny/tiny-helper")
    with pytest.raises(UnavailableError, match=r"not laid out as expected: .*tiny/tiny-helper"):
        take_from(server.url)


def test_no_release(here, take_from):
    """Where the vendor publishes nothing for the platform, the reason says so."""
    with pytest.raises(UnavailableError, match=f"the vendor publishes none for {here.os}/{here.arch}"):
        take_from("http://127.0.0.1:1", releases=())


def test_offline(take_from):
    """A host that refuses the connection is given up, by its name."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(UnavailableError, match=f"{re.escape(host)} cannot be reached"):
            take_from(f"http://{host}")


def test_broken_off(server, publish, take_from, archive):
    """A download that ends too soon is not to be had, and the reason says so."""
    publish(server)
    server.cut.add(archive)
    with pytest.raises(UnavailableError, match=rf"{re.escape(archive)} broke off"):
        take_from(server.url)


def test_name_unknown():
    """A host whose name nobody knows is given up."""
    with pytest.raises(UnavailableError, match=r"vendor\.invalid cannot be reached"):
        Downloads().text("https://vendor.invalid/checksums.txt")


def test_silent_host_is_asked_once():
    """A host that accepts and never answers is given up, and not asked a second time in the run."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/checksums.txt"
        downloads = Downloads(first_answer_seconds=0.2)
        for _ in range(2):
            with pytest.raises(UnavailableError, match=r"cannot be reached \(no answer within 0\.2 s\)"):
                downloads.text(url)
        listening.settimeout(60)
        listening.accept()[0].close()
        listening.settimeout(0)
        with pytest.raises(BlockingIOError):
            listening.accept()


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        (f"{'a' * 64}\n", "a" * 64),
        (f"{'a' * 64}", "a" * 64),
        (f"{'B' * 128}  tiny.tar.gz", "b" * 128),
        (f"{'a' * 64}  other\n{'c' * 64} *tiny.tar.gz\n", "c" * 64),
        (f"{'a' * 64}  dist/tiny.tar.gz\n", None),
        (f"{'a' * 40}  tiny.tar.gz\n", None),
        (f"{'x' * 64}  tiny.tar.gz\n", None),
        (f"{'a' * 64}\n{'b' * 64}\n", None),
    ],
)
def test_checksum_lists(listed, found):
    """A checksum is read from the forms that the vendors publish, and from no other."""
    assert checksum_of("tiny.tar.gz", listed) == found
