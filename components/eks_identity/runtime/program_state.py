"""What one program declares twice, though there can be one of it: found in the preview, where the API would say 409."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeVar

import pulumi
from pulumi.runtime import get_root_resource


class Program:
    """One run of a program that is not in this process: one of another language, whose components are made here."""


_KEPT = "_eks_identity_kept"
PROGRAM: ContextVar[Program | None] = ContextVar("program", default=None)
"""Whose components are made; None where the program is in this process, as Python programs are."""

CREATE = "create."
"""What the name of something begins with that an option of `Cluster.create` declares."""

T = TypeVar("T")


def per_program(what: str, make: Callable[[], T]) -> T:
    """What this program, and no other one of this process, keeps under `what`; made where it is new."""
    program: object | None = PROGRAM.get() or get_root_resource()
    if program is None:
        return make()
    mine: dict[str, T] = vars(program).setdefault(_KEPT, {})  # there, so that it ends with the program
    if what not in mine:
        mine[what] = make()
    return mine[what]


def program_hooks() -> list[pulumi.ResourceHook]:
    """The hooks of this program, each from when it was made."""
    return per_program("hooks", list)


def _declared() -> dict[tuple[str, ...], str]:
    return per_program("declared", dict)


def claim(name: str, *key: str) -> str:
    """The name that `key` was declared under first in this program: `name` itself where it is new."""
    return _declared().setdefault(key, name)


def claimed_by(*key: str) -> str | None:
    """The name that `key` was declared under; None where it was not, yet."""
    return _declared().get(key)


def object_key(value: object) -> str:
    """A key for this very object, such as the Output of a cluster's ARN, for as long as the program runs."""
    objects: dict[int, object] = per_program("identities", dict)
    objects[id(value)] = value  # held, so that no other object gets the same id
    return f"object {id(value)}"
