"""What every stand-in plugin shares: requests with all that the engine sends, and defaults that refuse clearly.

Pulumi's experimental provider API leaves out three things that a real life cycle needs: the inputs that a resource was
made with (`old_inputs`), when it is compared, changed or deleted; the name that the user's autonaming settings propose;
and a way to say something to the user while work goes on. The requests here carry the first two, `Engine` is the third.
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
"""Properties in the form in which the engine sends and takes them."""


class Engine(Protocol):
    """The engine that started this plugin, as far as a plugin may speak to it."""

    async def warn(self, message: str, *, urn: str = "") -> None:
        """Show `message` to the user as a warning, beside the resource `urn`."""

    async def info(self, message: str, *, urn: str = "") -> None:
        """Show `message` to the user beside the resource `urn`."""

    async def status(self, message: str, *, urn: str) -> None:
        """Show `message` as the state of the resource `urn` until something else happens to it."""


@dataclass(frozen=True)
class Autonaming:
    """What the user's settings (`pulumi:autonaming`) say about the name of a resource that was given none."""

    mode: Literal["propose", "enforce", "disable"]
    proposed_name: str = ""


class CheckRequest(provider.CheckRequest):
    """A check, with the autonaming settings of the user, if there are any."""

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
    """A comparison of new inputs with the inputs and the state of the last update."""

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
    """A change, with the inputs of the last update; `olds` are its outputs."""

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
    """A deletion, with the inputs of the last update; `properties` are its outputs."""

    def __init__(self, urn: str, resource_id: str, *, properties: Wire, old_inputs: Wire, timeout: float) -> None:
        super().__init__(urn, resource_id, properties, timeout)
        self.old_inputs = old_inputs


class BasePlugin(provider.Provider):
    """A plugin that covers nothing yet: every type and function is refused by its name.

    Subclasses override what they cover. An expected failure is a `PluginError`, which reaches the user as one clean
    message; `InvalidInputError` out of `check` or `check_config` becomes one failed check for each problem.

    `engine` is there from the first request on. `cancelled` is set when the user cancels the update: whoever waits
    for something must watch it, and stop.
    """

    package: str
    """The package that the plugin stands in for: `aws`."""

    engine: Engine

    def __init__(self) -> None:
        self.cancelled = asyncio.Event()

    def not_covered(self, token: str) -> NotCoveredError:
        """The error to raise for a type or function that this plugin has not."""
        return NotCoveredError(token, self.package)

    async def cancel(self) -> None:
        self.cancelled.set()

    async def diff_config(self, request: provider.DiffRequest) -> provider.DiffResponse:
        """Settings may change at will, and nothing is replaced for it, unless a subclass knows better."""
        changed = sorted(
            key
            for key in request.old_state.keys() | request.new_inputs.keys()
            if request.old_state.get(key) != request.new_inputs.get(key) and key != "version"
        )
        return provider.DiffResponse(changes=bool(changed), diffs=changed)

    async def configure(self, request: provider.ConfigureRequest) -> provider.ConfigureResponse:
        """Secrets come marked, resources as their ids. Outputs come plain, with their dependencies beside them:
        the experimental API cannot read an output that is not known yet.
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
        raise PluginError(f"the {self.package} plugin takes no parameters")

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
    """A name for a resource that was given none: its logical name, `separator`, and `digits` random hex digits.

    The digits come of the engine's seed, so a plan and its update agree. The user's autonaming settings go first.
    The logical name is cut to keep within `limit` characters, and put in lower case if `lower`.

    Raises:
        PluginError: the settings forbid automatic names.
    """
    autonaming = request.autonaming if isinstance(request, CheckRequest) else None
    if autonaming and autonaming.mode == "disable":
        raise PluginError(
            f"{request.type} {request.name!r} has no name, and pulumi:autonaming forbids automatic names",
            fix="give it a name",
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
