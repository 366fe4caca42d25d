"""What one program declares twice, though there can be one of it: found in the preview, where the API would say 409."""

from weakref import WeakKeyDictionary

import pulumi
from pulumi.runtime import get_root_resource

_declared: WeakKeyDictionary[pulumi.Resource, dict[tuple[str, ...], str]] = WeakKeyDictionary()


def first(name: str, *key: str) -> str:
    """The name that `key` was declared under first in this program: `name` itself where it is new."""
    program = get_root_resource()
    return name if program is None else _declared.setdefault(program, {}).setdefault(key, name)


def earlier(*key: str) -> str | None:
    """The name that `key` was declared under; None where it was not, yet."""
    program = get_root_resource()
    return None if program is None else _declared.get(program, {}).get(key)
