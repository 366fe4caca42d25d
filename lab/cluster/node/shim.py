"""Runs one container's program and kills all its descendants at the end. `container_process.py` starts it as a process.

The command is read as JSON from standard input: `argv` (the first is a path), `env`, `cwd`, and `confinement`, which is
null or has the descriptor of a Landlock `ruleset` and a seccomp `filter` in hexadecimal digits. Only the program and
its descendants are confined, so that they cannot trace the shim.

The shim does what tini and containerd's shim do. It passes SIGTERM on to the program and adopts orphaned descendants of
the program. When the program ends, the shim kills these and ends with the program's exit code (128 + n if a signal
ended it). On SIGUSR1 it kills all processes immediately; the kernel sends SIGUSR1 when the lab's process dies. It uses
the standard library only, because it runs with `python -I -S`, and few modules of it, because each pod imports them.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_SECCOMP = 22
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
SECCOMP_MODE_FILTER = 2
CAPABILITY_VERSION_3 = 0x20080522
LANDLOCK_RESTRICT_SELF = 446
BYTES_OF_INSTRUCTION = 8
KILL_ALL = signal.SIGUSR1
START_ERROR_EXIT_CODE = 128


def main() -> int:
    """Run the command and return the container's exit code."""
    signals = {signal.SIGTERM, signal.SIGCHLD, KILL_ALL}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    follow_parent(int(sys.argv[1]))
    command = json.load(sys.stdin)
    os.chdir(command["cwd"])
    os.umask(0o077)
    child = os.fork()
    if child == 0:
        execute(command["argv"], command["env"], command["confinement"])
    code = wait(child, signals)
    kill_descendants()
    return code


def execute(argv: list[str], env: dict[str, str], confinement: dict[str, Any] | None) -> None:
    """Replace this process, a fork of the shim, by the program. Does not return."""
    try:
        os.setpgid(0, 0)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        if confinement is not None:
            confine(confinement["ruleset"], bytes.fromhex(confinement["filter"]))
        os.execve(argv[0], argv, env)  # noqa: S606 - the fork becomes the program
    except OSError as error:
        os.write(2, f"exec {argv[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(START_ERROR_EXIT_CODE)


def confine(ruleset: int, instructions: bytes) -> None:
    """Restrict this process and its descendants for their whole life.

    The capabilities of a lab that root has started are dropped: some of them overrule Landlock's rule on tracing.
    """

    class Filter(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))

    libc, zero = ctypes.CDLL(None, use_errno=True), ctypes.c_ulong(0)
    program = Filter(len(instructions) // BYTES_OF_INSTRUCTION, instructions)
    for function, *arguments in (
        (libc.prctl, PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), zero, zero, zero),
        (libc.capset, (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3), (ctypes.c_uint32 * 6)()),
        (libc.syscall, ctypes.c_long(LANDLOCK_RESTRICT_SELF), ruleset, zero),
        (libc.prctl, PR_SET_SECCOMP, ctypes.c_ulong(SECCOMP_MODE_FILTER), ctypes.byref(program)),
    ):
        if function(*arguments) != 0:
            raise OSError(ctypes.get_errno(), f"cannot be confined: {os.strerror(ctypes.get_errno())}")
    os.close(ruleset)


def follow_parent(parent: int) -> None:
    """Let the kernel signal the death of the lab, and adopt orphans. Both work on Linux only."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    for option, value in ((PR_SET_PDEATHSIG, KILL_ALL), (PR_SET_CHILD_SUBREAPER, 1)):
        if libc.prctl(option, value, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent:  # the lab died before PR_SET_PDEATHSIG was set
        sys.exit(128 + signal.SIGKILL)


def wait(child: int, signals: set[signal.Signals]) -> int:
    """Wait for `child` and return its exit code. Reap all other processes that end in the meantime."""
    while True:
        received = signal.sigwait(signals)
        if received == signal.SIGTERM:
            os.kill(child, signal.SIGTERM)
        elif received == KILL_ALL:
            os.kill(child, signal.SIGKILL)
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == child:
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else 128 - code
            if pid == 0:
                break


def kill_descendants() -> None:
    """Kill and reap all descendants. The shim adopts the children of each process that it kills."""
    while True:
        for pid in list_children():
            os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def list_children() -> list[int]:
    """Return the direct children, including dead ones that are not yet reaped."""
    if sys.platform != "linux":
        return []
    pids = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                with open(f"/proc/{entry.name}/stat", "rb") as stat:  # noqa: PTH123 - pathlib costs start-up time
                    parent = int(stat.read().rpartition(b")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            if parent == os.getpid():
                pids.append(int(entry.name))
    return pids


if __name__ == "__main__":
    sys.exit(main())
