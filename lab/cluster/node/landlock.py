"""Landlock: a Linux security module that lets an unprivileged process restrict itself and its descendants.

A ruleset denies every access to files that no rule allows. A process in it also cannot trace processes outside of it,
so `/proc/PID/environ`, `mem` and `fd` of those are denied. From ABI 6 on it cannot send them signals. Landlock does not
restrict `stat`, `chmod`, `chown`, extended attributes, or connections to UNIX sockets (see `seccomp`).

Source: docs.kernel.org, "Landlock: unprivileged access control".
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from enum import IntFlag
from pathlib import Path

_CREATE_RULESET = 444
_ADD_RULE = 445
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1
_SCOPE_SIGNAL = 2

TRUNCATE_ABI = 3
"""First ABI that restricts `truncate`."""
SIGNAL_ABI = 6
"""First ABI that restricts signals."""


class Access(IntFlag):
    """The kinds of access to files that a ruleset can deny."""

    EXECUTE = 1 << 0
    WRITE_FILE = 1 << 1
    READ_FILE = 1 << 2
    READ_DIR = 1 << 3
    REMOVE_DIR = 1 << 4
    REMOVE_FILE = 1 << 5
    MAKE_CHAR = 1 << 6
    MAKE_DIR = 1 << 7
    MAKE_REG = 1 << 8
    MAKE_SOCK = 1 << 9
    MAKE_FIFO = 1 << 10
    MAKE_BLOCK = 1 << 11
    MAKE_SYM = 1 << 12
    REFER = 1 << 13
    """Move and link between folders; ABI 2."""
    TRUNCATE = 1 << 14
    """ABI 3."""
    IOCTL_DEV = 1 << 15
    """ABI 5."""


READ = Access.EXECUTE | Access.READ_FILE | Access.READ_DIR
_OF_FILES = Access.EXECUTE | Access.WRITE_FILE | Access.READ_FILE | Access.TRUNCATE | Access.IOCTL_DEV
_INTRODUCED = {Access.REFER: 2, Access.TRUNCATE: TRUNCATE_ABI, Access.IOCTL_DEV: 5}


def read_abi() -> int:
    """Return the version of the kernel's Landlock interface.

    Raises:
        OSError: the kernel has no Landlock, it is switched off, or a container runtime denies it.
    """
    return _call(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(_CREATE_RULESET_VERSION))


def create_ruleset(abi: int, *, readable: Iterable[Path], writable: Iterable[Path]) -> int:
    """Return the descriptor of a ruleset that denies everything except these files and folders with their contents.

    Missing paths are left out.

    Raises:
        OSError: the kernel rejects the ruleset.
    """
    handled = supported_access(abi)
    attributes = struct.pack("QQQ", handled, 0, _SCOPE_SIGNAL if abi >= SIGNAL_ABI else 0)
    ruleset = _call(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint(0))
    try:
        for access, paths in ((READ, readable), (handled, writable)):
            for path in paths:
                _allow(ruleset, path, access)
    except BaseException:
        os.close(ruleset)
        raise
    return ruleset


def supported_access(abi: int) -> Access:
    """Return the kinds of access that a kernel with this ABI can deny."""
    supported = Access(0)
    for access in Access:
        if _INTRODUCED.get(access, 1) <= abi:
            supported |= access
    return supported


def _allow(ruleset: int, path: Path, access: Access) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    try:
        if not stat.S_ISDIR(os.fstat(parent).st_mode):
            access &= _OF_FILES
        rule = struct.pack("=Qi", access, parent)
        _call(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_RULE_PATH_BENEATH), rule, ctypes.c_uint(0))
    finally:
        os.close(parent)


def _call(number: int, *arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    result: int = libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
