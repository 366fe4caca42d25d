"""The base of every stand-in plugin: requests with all fields of the engine, and defaults that raise clear errors.

Pulumi's experimental provider API lacks three features that a resource's life cycle needs: the inputs of the last
update (`old_inputs`) in diff, update and delete; the name that the user's autonaming settings propose; and messages to
the user while an operation runs. The requests here carry the first two, `Engine` is the third.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from dataclasses import dataclass
from typing import Literal, Protocol

from pulumi.provider.experimental import provider
from pulumi.provider.experimental.property_value import PropertyValue

from lab.plugins.errors import NotCoveredError, PluginError

Wire = dict[str, PropertyValue]
"""Properties in the engine's wire format."""


class Engine(Protocol):
    """The functions of the engine that a plugin may call."""

    async def warn(self, message: str, *, urn: str = "") -> None:
        """Show `message` to the user as a warning, beside the resource `urn`."""

    async def info(self, message: str, *, urn: str = "") -> None:
        """Show `message` to the user beside the resource `urn`."""

    async def status(self, message: str, *, urn: str) -> None:
        """Show `message` as the status of the resource `urn` until its next status."""


@dataclass(frozen=True)
class Autonaming:
    """The user's settings (`pulumi:autonaming`) for the name of a resource without a name."""

    mode: Literal["propose", "enforce", "disable"]
    proposed_name: str = ""


class CheckRequest(provider.CheckRequest):
    """A check request, with the user's autonaming settings if there are any."""

    def __init__(
        self,
        urn: str,
        old_inputs: Wire,
        new_inputs: Wire,
        random_seed: bytes,
        autonaming: Autonaming | None = None,
    ) -> None:
        super().__init__(urn, old_inputs, new_inputs, random_seed)
        self.autonaming = autonaming


class DiffRequest(provider.DiffRequest):
    """A diff request: new inputs, and the inputs and the state of the last update."""

    def __init__(
        self,
        urn: str,
        resource_id: str,
        *,
        old_state: Wire,
        old_inputs: Wire,
        new_inputs: Wire,
        ignore_changes: list[str],
    ) -> None:
        super().__init__(urn, resource_id, old_state, new_inputs, ignore_changes)
        self.old_inputs = old_inputs


class UpdateRequest(provider.UpdateRequest):
    """An update request, with the inputs of the last update; `olds` are its outputs."""

    def __init__(
        self,
        urn: str,
        resource_id: str,
        *,
        olds: Wire,
        old_inputs: Wire,
        news: Wire,
        timeout: float,
        ignore_changes: list[str],
        preview: bool,
    ) -> None:
        super().__init__(urn, resource_id, olds, news, timeout, ignore_changes, preview)
        self.old_inputs = old_inputs


class DeleteRequest(provider.DeleteRequest):
    """A delete request, with the inputs of the last update; `properties` are its outputs."""

    def __init__(self, urn: str, resource_id: str, *, properties: Wire, old_inputs: Wire, timeout: float) -> None:
        super().__init__(urn, resource_id, properties, timeout)
        self.old_inputs = old_inputs


class BasePlugin(provider.Provider):
    """A plugin without types or functions: each raises `NotCoveredError` with its name.

    Subclasses override the methods of the types that they cover. An expected failure is a `PluginError`, which the user
    sees as one message; an `InvalidInputError` raised by `check` or `check_config` becomes one failed check for each
    problem.

    `engine` is set from the first request on. `cancelled` is set when the user cancels the update: code that waits must
    watch it and stop.
    """

    package: str
    """The package whose plugin this class replaces: `aws`."""

    engine: Engine

    def __init__(self) -> None:
        self.cancelled = asyncio.Event()

    def not_covered(self, token: str) -> NotCoveredError:
        """Return the error for a type or function that this plugin does not cover."""
        return NotCoveredError(token, self.package)

    async def cancel(self) -> None:
        self.cancelled.set()

    async def diff_config(self, request: provider.DiffRequest) -> provider.DiffResponse:
        """Report changed settings without replacement. Subclasses may override this."""
        changed = sorted(
            key
            for key in request.old_state.keys() | request.new_inputs.keys()
            if request.old_state.get(key) != request.new_inputs.get(key) and key != "version"
        )
        return provider.DiffResponse(changes=bool(changed), diffs=changed)

    async def configure(self, request: provider.ConfigureRequest) -> provider.ConfigureResponse:
        """Accept marked secrets, resources as ids, and outputs as plain values with dependencies beside them.

        The experimental API cannot read an unresolved output.
        """
        del request
        return provider.ConfigureResponse(
            accept_secrets=True,
            supports_preview=True,
            accept_resources=False,
            accept_outputs=False,
        )

    async def get_schema(self, request: provider.GetSchemaRequest) -> provider.GetSchemaResponse:
        del request
        raise PluginError(
            f"the lab's stand-in for the {self.package} plugin has no schema",
            fix="generate SDKs with the official plugin",
        )

    async def parameterize(self, request: provider.ParameterizeRequest) -> provider.ParameterizeResponse:
        del request
        raise PluginError(f"the {self.package} plugin does not support parameters")

    async def invoke(self, request: provider.InvokeRequest) -> provider.InvokeResponse:
        raise self.not_covered(request.tok)

    async def check(self, request: provider.CheckRequest) -> provider.CheckResponse:
        raise self.not_covered(request.type)

    async def diff(self, request: provider.DiffRequest) -> provider.DiffResponse:
        raise self.not_covered(request.type)

    async def create(self, request: provider.CreateRequest) -> provider.CreateResponse:
        raise self.not_covered(request.type)

    async def read(self, request: provider.ReadRequest) -> provider.ReadResponse:
        raise self.not_covered(request.type)

    async def update(self, request: provider.UpdateRequest) -> provider.UpdateResponse:
        raise self.not_covered(request.type)

    async def delete(self, request: provider.DeleteRequest) -> None:
        raise self.not_covered(request.type)

    async def construct(self, request: provider.ConstructRequest) -> provider.ConstructResponse:
        raise self.not_covered(request.resource_type)

    async def call(self, request: provider.CallRequest) -> provider.CallResponse:
        raise self.not_covered(request.tok)


def auto_name(
    request: provider.CheckRequest,
    *,
    digits: int,
    separator: str = "-",
    limit: int | None = None,
    lower: bool = False,
) -> str:
    """Return a name for a resource without one: its logical name, `separator`, and `digits` random hex digits.

    The digits come from the engine's seed, so that a plan and its update agree. The user's autonaming settings take
    precedence. The logical name is truncated to keep within `limit` characters, and in lower case if `lower`.

    Raises:
        PluginError: the settings forbid automatic names.
    """
    autonaming = request.autonaming if isinstance(request, CheckRequest) else None
    if autonaming and autonaming.mode == "disable":
        raise PluginError(
            f"{request.type} {request.name!r} has no name, and pulumi:autonaming forbids automatic names",
            fix="set its name",
        )
    if autonaming and autonaming.proposed_name:
        return autonaming.proposed_name
    if request.random_seed:
        suffix = hashlib.shake_256(request.random_seed).hexdigest((digits + 1) // 2)[:digits]
    else:
        suffix = secrets.token_hex((digits + 1) // 2)[:digits]
    stem = request.name.lower() if lower else request.name
    if limit is not None:
        stem = stem[: limit - digits - len(separator)]
    return f"{stem}{separator}{suffix}"
