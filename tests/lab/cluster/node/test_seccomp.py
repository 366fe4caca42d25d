"""The seccomp filter of confined containers, interpreted for each machine type that the lab runs on."""

import errno
import socket
import struct

import pytest

from lab.cluster.node.seccomp import build_filter

MACHINES = {"x86_64": (0xC000003E, 41, 53), "aarch64": (0xC00000B7, 198, 199)}
"""The AUDIT_ARCH value, and the numbers of socket and socketpair, of each machine type."""
ALLOW, KILL = 0x7FFF0000, 0x80000000
DENY = 0x00050000 | errno.EACCES
NOT_IMPLEMENTED = 0x00050000 | errno.ENOSYS


def interpret(program, data):
    """Return the value that a program of classic BPF returns for `data`."""
    instructions = list(struct.iter_unpack("HBBI", program))
    accumulator, position = 0, 0
    while True:
        code, if_true, if_false, operand = instructions[position]
        position += 1
        if code == 0x06:
            return operand
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, operand)
        elif code == 0x54:
            accumulator &= operand
        else:
            matches = {0x15: accumulator == operand, 0x35: accumulator >= operand}[code]
            position += if_true if matches else if_false


def verdict(machine, number, *arguments, architecture=None):
    six = [*arguments, *[0] * 6][:6]
    data = struct.pack("=IIQ6Q", number, architecture or MACHINES[machine][0], 0, *six)
    return interpret(build_filter(machine), data)


@pytest.mark.parametrize("machine", MACHINES)
def test_filter_denies_unix_sockets_only(machine):
    """UNIX sockets and pairs that send to any address are denied; other sockets and pairs of streams are allowed."""
    _, new_socket, socketpair = MACHINES[machine]
    assert verdict(machine, new_socket, socket.AF_UNIX, socket.SOCK_STREAM) == DENY
    assert verdict(machine, new_socket, socket.AF_INET, socket.SOCK_STREAM) == ALLOW
    assert verdict(machine, new_socket, socket.AF_INET6, socket.SOCK_DGRAM) == ALLOW
    for type_ in (socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC):
        assert verdict(machine, socketpair, socket.AF_UNIX, type_) == DENY
    for type_ in (socket.SOCK_STREAM, socket.SOCK_STREAM | socket.SOCK_NONBLOCK, socket.SOCK_SEQPACKET):
        assert verdict(machine, socketpair, socket.AF_UNIX, type_) == ALLOW


@pytest.mark.parametrize("machine", MACHINES)
def test_filter_denies_ways_around_it(machine):
    """io_uring opens sockets without a system call; programs of another architecture have other numbers."""
    assert verdict(machine, 425) == NOT_IMPLEMENTED
    assert verdict(machine, 0) == verdict(machine, 424) == verdict(machine, 446) == ALLOW
    assert verdict(machine, 102, architecture=0x40000003) == KILL
    assert verdict(machine, 0x40000000 | 41, socket.AF_UNIX) == KILL
