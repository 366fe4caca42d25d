"""Replace this process by a program that the kernel kills when the thread that started it ends.

Run as `python -I -S die_with_parent.py <parent's pid> <program> <arguments>…`. This is a program and not a
`preexec_fn`, because code between fork and exec of a process with threads can deadlock; Python 3.12 warns about it.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    parent, program = int(sys.argv[1]), sys.argv[2]
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        sys.exit(f"{program} was not started: its parent process has ended")
    os.execv(program, sys.argv[2:])  # noqa: S606 - replacing the process is the purpose of this file
