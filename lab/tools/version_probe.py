"""Probe a program: run it briefly to verify that it runs on this machine, and to read its version."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from typing import TYPE_CHECKING

from lab.tools.program import PluginProbe

if TYPE_CHECKING:
    from pathlib import Path

    from lab.tools.program import VersionProbe

# Reading a 100 MB program from the disk of a busy machine takes some seconds.
_SECONDS = 60
_QUIET = {"PULUMI_SKIP_UPDATE_CHECK": "true"}
# A plugin connects to the engine's address only when it has something to log.
_NO_ENGINE = "127.0.0.1:1"
_NO_PROXY = [("grpc.enable_http_proxy", 0)]


class ProbeError(Exception):
    """The program does not run on this machine, or prints no version.

    `is_permanent`: the program ran successfully, so another run would print the same.
    """

    def __init__(self, reason: str, *, is_permanent: bool = False) -> None:
        super().__init__(reason)
        self.is_permanent = is_permanent


def probe_version(path: Path, probe: VersionProbe | PluginProbe) -> str:
    """Return the version that the program at `path` prints; empty if the pattern of `probe` has no group.

    Raises:
        ProbeError: the program does not start, does not end within a minute, or its output does not match.
    """
    if isinstance(probe, PluginProbe):
        return _plugin_version(path)
    try:
        completed = subprocess.run(
            [path, *probe.arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_SECONDS,
            env={**os.environ, **_QUIET},
            check=False,
        )
    except OSError as error:
        raise ProbeError(f"cannot be run: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise ProbeError(f"did not end within {_SECONDS} s on `{' '.join(probe.arguments)}`") from error
    output = completed.stdout.decode(errors="replace")
    match = re.search(probe.pattern, output, re.MULTILINE)
    if match is None:
        line = next(iter(output.strip().splitlines()), "")
        raise ProbeError(
            f"prints no version: exit code {completed.returncode}, {line[:120]!r}",
            is_permanent=completed.returncode == 0,
        )
    return match[1] if match.re.groups else ""


def _plugin_version(path: Path) -> str:
    """Start a provider plugin as the engine does, and return the version of its `GetPluginInfo`.

    The first line of a plugin's output is the port of its server.
    """
    import grpc  # noqa: PLC0415 - a fifth of a second, and most runs probe no plugin
    from google.protobuf.empty_pb2 import Empty  # noqa: PLC0415 - the same
    from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderStub  # noqa: PLC0415 - the same

    try:
        process = subprocess.Popen(
            [path, _NO_ENGINE],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **_QUIET},
        )
    except OSError as error:
        raise ProbeError(f"cannot be run: {error.strerror}") from error
    limit = threading.Timer(_SECONDS, process.kill)
    limit.start()
    try:
        assert process.stdout is not None
        line = process.stdout.readline().decode(errors="replace").strip()
        if not line.isdecimal():
            process.kill()
            printed = line or process.communicate()[1].decode(errors="replace").strip()
            raise ProbeError(f"is no provider plugin: it prints {printed[:120]!r} in place of a port")
        with grpc.insecure_channel(f"127.0.0.1:{line}", options=_NO_PROXY) as channel:
            info = ResourceProviderStub(channel).GetPluginInfo(Empty(), timeout=_SECONDS, wait_for_ready=True)
        return str(info.version).removeprefix("v")
    except grpc.RpcError as error:
        raise ProbeError(f"returns no version to the engine: {error.details()}") from error
    finally:
        limit.cancel()
        process.kill()
        process.communicate()
