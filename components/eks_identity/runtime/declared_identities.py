"""IAM roles and users that a Python program declares under a name of their own, found by that name in a preview.

The SDK has no list of a program's resources: a component has its children, and the stack has none. A transformation of
the stack sees each resource that is declared after it. So `import eks_identity` starts it, as far as the stack exists:
in programs that the engine runs. In others the first component starts it, or `eks_identity.testing.deploy`.

docs/adr/0020 has the reasons.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pulumi
from pulumi.output import UNKNOWN
from pulumi.runtime import get_root_resource, register_stack_transformation

from eks_identity.runtime import invoke, program_state

_KINDS = {"aws:iam/role:Role": "role", "aws:iam/user:User": "user"}
"""Type tokens of the resources, and the kind of principal that each creates."""


@dataclass(frozen=True)
class DeclaredIdentity:
    """A role or user of this program."""

    resource: Any
    """The `aws.iam.Role` or `aws.iam.User`. While it is declared, it has no outputs yet."""
    parent: pulumi.Resource | None
    """The component that declares it."""

    def __str__(self) -> str:
        own = f"aws.iam.{type(self.resource).__name__} {_quoted(self.resource)}"
        return own if self.parent is None else f"{own} of {type(self.parent).__name__} {_quoted(self.parent)}"


Found = Callable[[DeclaredIdentity], None]


class _Identities:
    """The declared identities of one program, and what waits for them, by kind and name in lower case."""

    def __init__(self) -> None:
        self._declared: defaultdict[tuple[str, str], list[DeclaredIdentity]] = defaultdict(list)
        self._callbacks: defaultdict[tuple[str, str], list[Found]] = defaultdict(list)

    def record(self, args: pulumi.ResourceTransformationArgs) -> None:
        """Record a role or user that is about to be registered, and change nothing of it."""
        kind = _KINDS.get(args.type_)
        if kind is None or args.opts.id is not None or args.opts.urn is not None:
            return  # of another type, or an existing resource that the program reads
        name = args.props.get("name")
        declared = DeclaredIdentity(args.resource, args.opts.parent)
        if isinstance(name, str):
            self._add(kind, declared, name)
        elif isinstance(name, pulumi.Output):
            name.apply(partial(self._add, kind, declared))

    def _add(self, kind: str, declared: DeclaredIdentity, name: str) -> None:
        key = kind, name.lower()
        self._declared[key].append(declared)
        for callback in self._callbacks[key]:
            callback(declared)

    def find(self, kind: str, name: str, callback: Found) -> None:
        key = kind, name.lower()
        self._callbacks[key].append(callback)
        for declared in self._declared[key]:
            callback(declared)


async def find_unique_ids(output: pulumi.Output[Any]) -> list[Any]:
    """Return the unique id of each role and user that a value is an output of: `UNKNOWN` where a preview knows none.

    A resource of another process, such as the program of another language, is only a URN: the engine has its state.
    """
    unique_ids = []
    for resource in await output.resources():
        urn: str = await resource.urn.future() or ""
        if urn.rpartition("::")[0].rpartition("::")[2].rpartition("$")[2] in _KINDS:
            own: pulumi.Output[str] | None = getattr(resource, "unique_id", None)
            unique_id = await _read_unique_id(urn) if own is None else await own.future()
            unique_ids.append(UNKNOWN if unique_id is None else unique_id)
    return unique_ids


async def _read_unique_id(urn: str) -> Any:
    return (await invoke.invoke("pulumi:pulumi:getResource", {"urn": urn}))["state"].get("uniqueId")


def record_identities() -> None:
    """Record the roles and users that this program declares from now on. Another call does nothing."""
    if program_state.CURRENT_PROGRAM.get() is None and get_root_resource() is not None and pulumi.runtime.is_dry_run():
        program_state.per_program(__name__, _recorded)


def on_declared(kind: str, name: str, callback: Found) -> None:
    """Call `callback` with each role or user of this name: those declared before, and those declared after this.

    Only in a preview of a Python program. A program of another language declares its resources in another process.
    """
    record_identities()
    if program_state.CURRENT_PROGRAM.get() is None and pulumi.runtime.is_dry_run():
        program_state.per_program(__name__, _Identities).find(kind, name, callback)


def _recorded() -> _Identities:
    identities = _Identities()
    register_stack_transformation(identities.record)
    return identities


def _quoted(resource: pulumi.Resource) -> str:
    return f'"{resource.pulumi_resource_name}"'
