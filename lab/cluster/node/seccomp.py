"""The system calls that a confined container cannot make, as a seccomp filter: a program of classic BPF.

UNIX sockets are denied, because Landlock does not restrict them: through the socket of a server of the user (the lab's
prefork servers, Docker, D-Bus with systemd, an SSH agent) a process would act outside of its confinement. Pairs of
connected stream sockets are allowed. io_uring is denied, because it opens sockets without a system call for each.

Source: the kernel's documentation, "Seccomp BPF"; numbers from its `unistd` headers and `linux/audit.h`.
"""

from __future__ import annotations

import errno
import platform
import socket
import struct
from dataclasses import dataclass

_LOAD = 0x20
_AND = 0x54
_JUMP_IF_EQUAL = 0x15
_JUMP_IF_GREATER_OR_EQUAL = 0x35
_RETURN = 0x06

_NUMBER, _ARCHITECTURE, _ARGUMENT_0, _ARGUMENT_1 = 0, 4, 16, 24
"""Offsets in `struct seccomp_data`; of an argument, its lower half."""

_ALLOW = 0x7FFF0000
_KILL_PROCESS = 0x80000000
_ERROR = 0x00050000
_X32_BIT = 0x40000000
_IO_URING_SETUP = 425
_TYPE_MASK = 0xF
"""Removes SOCK_CLOEXEC and SOCK_NONBLOCK from the type of a socket."""


@dataclass(frozen=True)
class _Machine:
    audit_architecture: int
    socket: int
    socketpair: int


_MACHINES = {
    "x86_64": _Machine(0xC000003E, socket=41, socketpair=53),
    "aarch64": _Machine(0xC00000B7, socket=198, socketpair=199),
}


def build_filter(machine: str = "") -> bytes:
    """Return the filter for `machine`, by default this one, as an array of `struct sock_filter`.

    Raises:
        KeyError: the lab does not run on this machine type.
    """
    calls = _MACHINES[machine or platform.machine()]
    # Each element is (code, operand, jump if true, jump if false); a jump skips that many instructions.
    return b"".join(
        struct.pack("HBBI", code, if_true, if_false, operand)
        for code, operand, if_true, if_false in (
            (_LOAD, _ARCHITECTURE, 0, 0),
            (_JUMP_IF_EQUAL, calls.audit_architecture, 1, 0),  # 32-bit programs use other numbers
            (_RETURN, _KILL_PROCESS, 0, 0),
            (_LOAD, _NUMBER, 0, 0),
            (_JUMP_IF_GREATER_OR_EQUAL, _X32_BIT, 0, 1),
            (_RETURN, _KILL_PROCESS, 0, 0),
            (_JUMP_IF_EQUAL, _IO_URING_SETUP, 0, 1),
            (_RETURN, _ERROR | errno.ENOSYS, 0, 0),
            (_JUMP_IF_EQUAL, calls.socket, 2, 0),
            (_JUMP_IF_EQUAL, calls.socketpair, 4, 0),
            (_RETURN, _ALLOW, 0, 0),
            (_LOAD, _ARGUMENT_0, 0, 0),
            (_JUMP_IF_EQUAL, socket.AF_UNIX, 5, 0),
            (_RETURN, _ALLOW, 0, 0),
            (_LOAD, _ARGUMENT_1, 0, 0),
            (_AND, _TYPE_MASK, 0, 0),
            (_JUMP_IF_EQUAL, socket.SOCK_DGRAM, 1, 0),  # can send to any address, although it has a peer
            (_JUMP_IF_EQUAL, socket.SOCK_RAW, 0, 1),  # the same as SOCK_DGRAM
            (_RETURN, _ERROR | errno.EACCES, 0, 0),
            (_RETURN, _ALLOW, 0, 0),
        )
    )
