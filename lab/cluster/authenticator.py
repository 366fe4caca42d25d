"""aws-iam-authenticator of one cluster, which maps IAM principals to Kubernetes users.

Two watched files configure it: the dynamic file (mappings) and the backend mode (see `authenticator_files`). It logs
the content of a file *before* it applies it, in one goroutine for each file. The lab therefore writes every change
twice, with a new revision each time. When the second revision is in the log, the first is in effect, and both differ
only in the revision.

The lab overwrites the files in place, in one write, and never shrinks them. The authenticator would notice a renamed
file only after a second, and would read a truncated file as malformed.
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

from lab.cluster import authenticator_files, config_files
from lab.cluster.ports import BlockedPort, ReservedPort
from lab.cluster.processes import Process
from lab.interfaces import CloudAccess, ClusterIdentity, ClusterKey
from lab.pki import CertificateFiles, write_secret

HEALTH_PORT = 21363
"""Port of the authenticator's health check. It listens on all interfaces, and no setting changes that."""

_health_port = BlockedPort(HEALTH_PORT)
atexit.register(_health_port.release)


class Authenticator:
    """The aws-iam-authenticator of one cluster.

    The constructor writes the files, because the API server needs `kubeconfig` when it starts. Call `start` after the
    API server is ready: the authenticator retries a failed watch of aws-auth only after five seconds.
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
        self._dynamic_file = _WatchedFile(folder / "principals.json", authenticator_files.build_dynamic_file(identity))
        self._backends = authenticator_files.select_backends(identity.authentication_mode)
        self._mode_file = _WatchedFile(folder / "backends.json", _backend_mode_document(self._backends))
        write_secret(folder / "cert.pem", serving.certificate.read_bytes())
        write_secret(folder / "key.pem", serving.key.read_bytes())
        self._settings = write_secret(
            folder / "authenticator.json",
            config_files.build_authenticator_config(
                cluster_name=key.name,
                partition=key.partition,
                port=self._port.number,
                folder=folder,
                admin_kubeconfig=admin_kubeconfig,
                backends=self._backends,
                mappings=self._dynamic_file.path,
                mode=self._mode_file.path,
            ),
        )
        self.kubeconfig = write_secret(
            folder / "authenticator.kubeconfig",
            config_files.build_kubeconfig(
                "aws-iam-authenticator",
                server=f"https://127.0.0.1:{self._port.number}/authenticate",
                certificate_authority=trusted,
                user="kube-apiserver",
            ),
        )

    def start(self, identity: ClusterIdentity) -> None:
        """Start the program and wait until it listens and `identity` is in effect.

        Raises:
            StartError: the program ended or did not start within the time limit.
        """
        _health_port.block()
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
        self._write(process, self._dynamic_file, authenticator_files.build_dynamic_file(identity))

    def apply(self, identity: ClusterIdentity) -> None:
        """Apply `identity` and return when it is in effect.

        A change to mode API replaces the backends of the running program: for an instant, it maps no principal.

        Raises:
            StartError: the program ended or did not load the change.
        """
        assert self._process is not None, "call start before apply"
        with self._lock:
            self._write(self._process, self._dynamic_file, authenticator_files.build_dynamic_file(identity))
            backends = authenticator_files.select_backends(identity.authentication_mode)
            if backends != self._backends:
                with self._process.expect_log_line("watching exit because stopCh closed", self._dynamic_file.path.name):
                    self._write(self._process, self._mode_file, _backend_mode_document(backends))
                self._backends = backends
                self._write(self._process, self._dynamic_file, authenticator_files.build_dynamic_file(identity))

    def _write(self, process: Process, file: _WatchedFile, content: Mapping[str, Any]) -> None:
        for _ in range(2):
            revision = file.next_revision()
            # The program reads a file just before it starts the watch. It misses a write in between, so the write is
            # retried.
            while_running = retry_if_exception(lambda _: process.is_running)
            for attempt in Retrying(stop=stop_after_delay(15), retry=while_running, reraise=True):
                with attempt, process.expect_log_line("LoadDynamicFile", revision, timeout=0.2):
                    file.write(content, revision)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
        self._port.release()


def _backend_mode_document(backends: tuple[str, ...]) -> dict[str, Any]:
    return {"backendMode": " ".join(backends)}


class _WatchedFile:
    """A JSON file that the authenticator watches; each content has a unique revision."""

    def __init__(self, path: Path, content: Mapping[str, Any]) -> None:
        self.path = path
        self._numbers = itertools.count()
        self._size = 0
        write_secret(path, b"")
        self.write(content, self.next_revision())

    def next_revision(self) -> str:
        return f"mark-{next(self._numbers):08}"

    def write(self, content: Mapping[str, Any], revision: str) -> None:
        text = json.dumps({**content, "mark": revision}).encode()
        self._size = max(self._size, len(text))
        descriptor = os.open(self.path, os.O_WRONLY)
        try:
            os.pwrite(descriptor, text.ljust(self._size), 0)
        finally:
            os.close(descriptor)
