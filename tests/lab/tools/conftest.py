"""The program `tiny`: small enough for a test to compile, pack and serve it."""

from __future__ import annotations

import hashlib
import io
import os
import ssl
import tarfile
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from lab.tools import Tools
from lab.tools.platform import Platform
from lab.tools.program import GoBuild, GoCopy, Program, Release, VersionProbe
from lab.tools.versions import VersionRange

TINY_GO = """
package main

import "fmt"

var version = "unversioned"

func main() { fmt.Println("tiny", version) }
"""


@dataclass
class Server:
    """A vendor's host: `files` is its content, `cut` the paths that it truncates, `requests` the requested paths."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)
    requests: list[str] = field(default_factory=list)

    def publish(self, path: str, content: bytes, algorithm: str = "sha256") -> str:
        """Serve a file. Return its line in a list of checksums."""
        self.files[path] = content
        return f"{hashlib.new(algorithm, content).hexdigest()}  {path.rsplit('/', 1)[-1]}\n"


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.requests.append(self.path)
            if self.path in server.redirects:
                self.send_response(302)
                self.send_header("location", server.redirects[self.path])
                self.end_headers()
                return
            content = server.files.get(self.path)
            self.send_response(404 if content is None else 200)
            self.send_header("content-length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write((content or b"")[: -1 if self.path in server.cut else None])

        def log_message(self, *_: object) -> None: ...

    return Handler


def _serve(context: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(server)) as http:
        if context:
            http.socket = context.wrap_socket(http.socket, server_side=True)
        server.url = f"{'https' if context else 'http'}://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        http.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """Ignore the machine's proxies: the servers of these tests are on loopback."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.fixture
def server() -> Iterator[Server]:
    yield from _serve()


@pytest.fixture
def tls_server(tmp_path, monkeypatch) -> Iterator[Server]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusted = tmp_path / "vendor-ca.pem"
    authority.cert_pem.write_to_path(str(trusted))
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    yield from _serve(context)


@pytest.fixture(scope="session")
def tools(found_tools: Tools) -> Tools:
    """The tools as found, without the forks of other tests, because these tests examine them."""
    return found_tools


@pytest.fixture
def platform() -> Platform:
    return Platform.current()


@pytest.fixture
def modules(tmp_path) -> Path:
    """The folder of pinned modules with `tiny`: its source is new each time, so that Go compiles it."""
    folder = tmp_path / "modules" / "tiny"
    folder.mkdir(parents=True)
    (folder / "go.mod").write_text("module example.test/tiny\n\ngo 1.24.0\n")
    (folder / "go.sum").write_text("")
    (folder / "main.go").write_text(f"{TINY_GO}\n// {uuid.uuid4()}\n")
    (folder / "tiny-helper").write_text("#!/bin/sh\necho helping\n")
    return folder.parent


@pytest.fixture
def tiny() -> Program:
    """A program with a companion script. Its vendor's host is unreachable."""
    return Program(
        name="tiny",
        version="1.2.3",
        versions=VersionRange("1.2", "1.3"),
        probe=VersionProbe(("version",), r"^tiny (\d\S*)$"),
        builds={"tiny": GoBuild("tiny", "example.test/tiny", {"main.version": "1.2.3"})},
        copies={"tiny-helper": GoCopy("tiny", "example.test/tiny", "tiny-helper")},
        companion_probes={"tiny-helper": VersionProbe((), "^helping$")},
        release=release_at("http://127.0.0.1:1"),
    )


def release_at(url: str, kind: str = ".tar.gz") -> Release:
    return Release(f"{url}/tiny-{{version}}-{{os}}-{{arch}}{kind}", f"{url}/checksums.txt", inside="tiny/{file}")


def packed(version: str = "1.2.3", *, without: str = "") -> bytes:
    """Return `tiny`'s release archive."""
    content = {
        "tiny/tiny": f"#!/bin/sh\necho tiny {version}\n",
        "tiny/tiny-helper": "#!/bin/sh\necho helping\n",
        "tiny/../../escaped": "never written",
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in content.items():
            if name != without:
                member = tarfile.TarInfo(name)
                member.size = len(text)
                tar.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


@pytest.fixture
def make_script(tmp_path) -> Callable[..., Path]:
    """Write an executable shell script with the given lines."""

    def make_script(name: str, *lines: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(("#!/bin/sh", *lines, "")))
        path.chmod(0o755)
        return path

    return make_script


@pytest.fixture
def make_archive() -> Callable[..., bytes]:
    return packed


@pytest.fixture
def make_release() -> Callable[..., Release]:
    return release_at


@pytest.fixture
def offered(server, platform, tiny) -> Callable[..., Program]:
    """Publish `tiny` on a reachable vendor's host, as a test specifies it."""

    def offered(**unlike: str) -> Program:
        line = server.publish(f"/tiny-1.2.3-{platform.os}-{platform.arch}.tar.gz", packed(**unlike))
        server.publish("/checksums.txt", line.encode())
        return replace(tiny, release=release_at(server.url))

    return offered
