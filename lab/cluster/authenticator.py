"""The real aws-iam-authenticator of one cluster: which IAM principal is which Kubernetes user.

It is steered through two files that it watches, the mappings and the backend mode (see `principals`). It logs what it
read *before* it puts it into effect, in one goroutine for each file. So every change is written twice, with a new
mark each time: once the second mark is in the log, the first content is in effect, and both are equal but for the mark.

The files are written in place, in one write, and never shrink: a rename would take a second to be seen, and a
truncation would be seen as a broken file.
"""

from __future__ import annotations

import atexit
import itertools
import json
import os
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from tenacity import Retrying, retry_if_exception, stop_after_delay

from lab.cluster import documents, principals
from lab.cluster.ports import ReservedPort, ShutPort
from lab.cluster.processes import Process
from lab.interfaces import CloudAccess, ClusterIdentity, ClusterKey
from lab.pki import CertificateFiles, write_secret

HEALTH_PORT = 21363
"""It also serves a health check here, on all interfaces and whatever the settings say."""

_health_port = ShutPort(HEALTH_PORT)
atexit.register(_health_port.release)


class Authenticator:
    """Files are written by the constructor, so that the API server can be pointed at `kubeconfig`; `start` comes after
    the API server is ready, because the watch of aws-auth is tried again only after five seconds.
    """

    def __init__(
        self,
        program: str,
        key: ClusterKey,
        identity: ClusterIdentity,
        *,
        folder: Path,
        logs: Path,
        serving: CertificateFiles,
        trusted: Path,
        admin_kubeconfig: Path,
        cloud: CloudAccess,
    ) -> None:
        self._program = program
        self._cloud = cloud
        self._folder = folder
        self._logs = logs
        self._port = ReservedPort()
        self._lock = Lock()
        self._process: Process | None = None
        self._mappings = _WatchedFile(folder / "principals.json", principals.dynamic_file(identity))
        self._backends = principals.backends(identity.authentication_mode)
        self._mode = _WatchedFile(folder / "backends.json", _mode_document(self._backends))
        write_secret(folder / "cert.pem", serving.certificate.read_bytes())
        write_secret(folder / "key.pem", serving.key.read_bytes())
        self._settings = write_secret(
            folder / "authenticator.json",
            documents.authenticator(
                cluster_name=key.name,
                partition=key.partition,
                port=self._port.number,
                folder=folder,
                admin_kubeconfig=admin_kubeconfig,
                backends=self._backends,
                mappings=self._mappings.path,
                mode=self._mode.path,
            ),
        )
        self.kubeconfig = write_secret(
            folder / "authenticator.kubeconfig",
            documents.kubeconfig(
                "aws-iam-authenticator",
                server=f"https://127.0.0.1:{self._port.number}/authenticate",
                certificate_authority=trusted,
                user="kube-apiserver",
            ),
        )

    def start(self, identity: ClusterIdentity) -> None:
        """Start the program and wait until it listens and `identity` is in effect.

        Raises:
            StartError: it ended or did not get that far.
        """
        _health_port.shut()
        environment = {**self._cloud.environment(), "AWS_EC2_METADATA_DISABLED": "true", "HOME": str(self._folder)}
        process = Process(
            "aws-iam-authenticator",
            (self._program, "server", f"--config={self._settings}"),
            log=self._logs / "aws-iam-authenticator.log",
            folder=self._folder,
            environment=environment,
        )
        self._process = process
        process.wait_until(lambda: "listening on" in process.log_text(), what="listening", timeout=30)
        self._write(process, self._mappings, principals.dynamic_file(identity))

    def apply(self, identity: ClusterIdentity) -> None:
        """Put `identity` into effect; returns when it is.

        A change to mode API swaps the backends in the running program: for an instant, nobody is known.

        Raises:
            StartError: the program ended or does not follow.
        """
        assert self._process is not None, "start comes before apply"
        with self._lock:
            self._write(self._process, self._mappings, principals.dynamic_file(identity))
            backends = principals.backends(identity.authentication_mode)
            if backends != self._backends:
                with self._process.expecting("watching exit because stopCh closed", self._mappings.path.name):
                    self._write(self._process, self._mode, _mode_document(backends))
                self._backends = backends
                self._write(self._process, self._mappings, principals.dynamic_file(identity))

    def _write(self, process: Process, file: _WatchedFile, content: Mapping[str, Any]) -> None:
        for _ in range(2):
            mark = file.next_mark()
            # The program reads a file just before it begins to watch it: a write in between is lost and is repeated.
            again = retry_if_exception(lambda _: process.running)
            for attempt in Retrying(stop=stop_after_delay(15), retry=again, reraise=True):
                with attempt, process.expecting("LoadDynamicFile", mark, timeout=0.2):
                    file.write(content, mark)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
        self._port.release()


def _mode_document(backends: tuple[str, ...]) -> dict[str, Any]:
    return {"backendMode": " ".join(backends)}


class _WatchedFile:
    """A JSON file that the authenticator watches; each content bears a mark that no other has."""

    def __init__(self, path: Path, content: Mapping[str, Any]) -> None:
        self.path = path
        self._numbers = itertools.count()
        self._size = 0
        write_secret(path, b"")
        self.write(content, self.next_mark())

    def next_mark(self) -> str:
        return f"mark-{next(self._numbers):08}"

    def write(self, content: Mapping[str, Any], mark: str) -> None:
        text = json.dumps({**content, "mark": mark}).encode()
        self._size = max(self._size, len(text))
        descriptor = os.open(self.path, os.O_WRONLY)
        try:
            os.pwrite(descriptor, text.ljust(self._size), 0)
        finally:
            os.close(descriptor)
