"""State of one program, such as the keys that its components claim.

Two components that claim the same key are rejected at preview. Without this check the API would respond with 409.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeVar

import pulumi
from pulumi.runtime import get_root_resource

from eks_identity.errors import EksIdentityError


class RemoteProgram:
    """One run of a program in another process: a program of another language, whose components the plugin creates."""

    def __init__(self, translate: Callable[[str | EksIdentityError], str] = str) -> None:
        self.translate = translate
        """Returns a message, or the message of an error, with the program's names of inputs and outputs."""


_STATE = "_eks_identity_state"
CURRENT_PROGRAM: ContextVar[RemoteProgram | None] = ContextVar("program", default=None)
"""The program whose components are created. None if it runs in this process, as Python programs do."""

CREATE_PREFIX = "create."
"""Prefix of a claim by an option of `Cluster.create`."""

T = TypeVar("T")


def per_program(key: str, make: Callable[[], T]) -> T:
    """Return the current program's value for `key`. `make` creates it on first use."""
    program: object | None = CURRENT_PROGRAM.get() or get_root_resource()
    if program is None:
        return make()
    state: dict[str, T] = vars(program).setdefault(_STATE, {})  # an attribute, so that it ends with the program
    if key not in state:
        state[key] = make()
    return state[key]


def translate(message: str | EksIdentityError) -> str:
    """Return a message, or the message of an error, with the current program's names of inputs and outputs."""
    program = CURRENT_PROGRAM.get()
    return str(message) if program is None else program.translate(message)


def program_hooks() -> list[pulumi.ResourceHook]:
    """Return the resource hooks that the program has created so far."""
    return per_program("hooks", list)


def _claims() -> dict[tuple[str, ...], str]:
    return per_program("claims", dict)


def claim(name: str, *key: str) -> str:
    """Claim `key` for the component `name`. Return the component that claimed it first: `name` if the key is new."""
    return _claims().setdefault(key, name)


def claimed_by(*key: str) -> str | None:
    """Return the name of the component that claimed `key`, None if no component did."""
    return _claims().get(key)


def object_key(value: object) -> str:
    """Return a key for this object, such as the Output of a cluster's ARN. It is valid while the program runs."""
    objects: dict[int, object] = per_program("identities", dict)
    objects[id(value)] = value  # a reference, so that no other object gets the same id
    return f"object {id(value)}"
