"""The confinement of pods: their processes read and write only the files of their container.

Each container has its own Landlock ruleset. It reads the programs and libraries of the machine, the lab's Python, the
CA bundle and the volumes that it mounts; it writes its home, its temporary folder and its emptyDir volumes. All other
files are denied: the user's home, the lab's keys and kubeconfigs, the tokens of other pods. A seccomp filter denies
UNIX sockets, and a process has no capabilities. This needs no root, no namespace and no installed program.

Without Landlock (Linux before 5.13, or a container runtime that denies it) pods run unconfined, and the lab says so.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.interfaces import NODE_PROXY

from . import landlock
from .container_process import SHIM_COMMAND, Command, FileAccess

_MACHINE_FOLDERS = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/proc"),
    *("/sys/devices/system/cpu", "/sys/fs/cgroup", "/sys/kernel/mm/transparent_hugepage"),
    *("/etc/alternatives", "/etc/ca-certificates", "/etc/crypto-policies", "/etc/fonts", "/etc/terminfo"),
    *("/etc/ssl/certs", "/etc/pki/ca-trust/extracted", "/etc/pki/tls/certs", "/etc/ld.so.conf.d"),
)
_MACHINE_FILES = (
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.preload", "/etc/localtime", "/etc/timezone"),
    *("/etc/ssl/cert.pem", "/etc/ssl/openssl.cnf", "/etc/pki/tls/openssl.cnf", "/etc/mime.types", "/etc/os-release"),
    *("/etc/hosts", "/etc/host.conf", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/gai.conf"),
    *("/etc/passwd", "/etc/group", "/etc/services", "/etc/protocols", "/etc/inputrc", "/etc/profile"),
)
_PYTHON = (sys.prefix, sys.base_prefix)
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_READABLE = (*map(Path, (*_MACHINE_FOLDERS, *_MACHINE_FILES, *_PYTHON)), NODE_PROXY)
_WRITABLE = tuple(map(Path, _DEVICES))


@dataclass(frozen=True)
class Confinement:
    """Whether and how the lab confines pods on this machine."""

    abi: int
    """Version of the kernel's Landlock interface; 0 if pods are not confined."""
    detail: str
    """The mechanism with what it lacks on this kernel, or the reason why pods are not confined."""

    @classmethod
    def detect(cls) -> Confinement:
        """Return what this machine allows. A process runs under the restrictions, to find out."""
        try:
            abi = landlock.read_abi()
            problem = _run_confined_process(cls(abi, ""))
        except OSError as error:
            return cls(0, f"Landlock is not available ({error.strerror}); it needs Linux 5.13 or newer")
        if problem:
            return cls(0, f"a process cannot be restricted on this machine: {problem}")
        return cls(abi, "; ".join([f"Landlock ABI {abi} and seccomp", *_missing_restrictions(abi)]))

    @classmethod
    def disable(cls) -> Confinement:
        return cls(0, "switched off by `--pods unconfined`")

    @property
    def is_active(self) -> bool:
        return self.abi > 0

    @contextmanager
    def ruleset(self, files: FileAccess) -> Iterator[int | None]:
        """Return the descriptor of a ruleset for the container with `files`, or None if pods are not confined."""
        if not self.is_active:
            yield None
            return
        readable, writable = (*_READABLE, *files.readable), (*_WRITABLE, *files.writable)
        descriptor = landlock.create_ruleset(self.abi, readable=readable, writable=writable)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _missing_restrictions(abi: int) -> list[str]:
    missing = {
        landlock.TRUNCATE_ABI: "before Linux 6.2 a pod can truncate your files",
        landlock.SIGNAL_ABI: "before Linux 6.12 a pod can send signals to your processes",
    }
    return [text for first, text in missing.items() if abi < first]


def _run_confined_process(confinement: Confinement) -> str:
    """Run a program that does nothing, and return its error if it cannot run under the restrictions."""
    command = Command([sys.executable, "-I", "-S", "-c", ""], {}, Path("/"), FileAccess())
    with confinement.ruleset(command.files) as ruleset:
        assert ruleset is not None
        run = subprocess.run(
            [*SHIM_COMMAND, str(os.getpid())],
            input=command.encode(ruleset),
            capture_output=True,
            pass_fds=[ruleset],
            check=False,
        )
    error = run.stderr.decode(errors="replace").strip()
    return "" if run.returncode == 0 else error or f"exit code {run.returncode}"
