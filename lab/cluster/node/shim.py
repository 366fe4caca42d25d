"""Runs one container's program and lets nothing of it live on: a process of its own, started by `container.py`.

The command comes as JSON on standard input: `argv` (the first is a path), `env`, `cwd`. The shim is what tini and
containerd's shim are together: it passes SIGTERM on to the program, adopts whatever the program leaves behind, and
ends, after killing all of that, with the program's exit code (128 + n when a signal ended it). SIGUSR1 means kill
all now; the kernel sends it when the lab's own process dies. Standard library only: it runs with `python -I -S`.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
KILL_ALL = signal.SIGUSR1
CANNOT_EXECUTE = 128


def main() -> int:
    """Run the command to its end; the exit code is the container's."""
    signals = {signal.SIGTERM, signal.SIGCHLD, KILL_ALL}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    follow_parent(int(sys.argv[1]))
    command = json.load(sys.stdin)
    os.chdir(command["cwd"])
    os.umask(0o077)
    try:
        child = os.posix_spawn(
            command["argv"][0],
            command["argv"],
            command["env"],
            file_actions=[(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)],
            setpgroup=0,
            setsigmask=[],
            setsigdef=[signal.SIGPIPE],
        )
    except OSError as error:
        sys.stderr.write(f"exec {command['argv'][0]}: {error.strerror}\n")
        return CANNOT_EXECUTE
    code = wait(child, signals)
    kill_rest()
    return code


def follow_parent(expected: int) -> None:
    """Die with the lab, and adopt orphans. Both are Linux's own."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    for option, value in ((PR_SET_PDEATHSIG, KILL_ALL), (PR_SET_CHILD_SUBREAPER, 1)):
        if libc.prctl(option, value, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != expected:  # the lab died before the kernel knew whom to tell
        sys.exit(128 + signal.SIGKILL)


def wait(child: int, signals: set[signal.Signals]) -> int:
    """The exit code of `child`; reaps whatever else ends in the meantime."""
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


def kill_rest() -> None:
    """Kill and reap all descendants: each one's children become ours as it dies."""
    while True:
        for pid in children():
            os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def children() -> list[int]:
    """Direct children, dead ones that are not yet reaped included."""
    if sys.platform != "linux":
        return []
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                with open(f"/proc/{entry.name}/stat", "rb") as stat:  # noqa: PTH123 - pathlib costs start-up time
                    parent = int(stat.read().rpartition(b")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            if parent == os.getpid():
                found.append(int(entry.name))
    return found


if __name__ == "__main__":
    sys.exit(main())
