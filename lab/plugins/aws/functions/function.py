"""The class of a function: a query of AWS that owns no resource."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.plugins.aws.errors import GoneError, plugin_errors
from lab.plugins.aws.resource_spec import ResourceSpec
from lab.plugins.errors import InvalidInputError, PluginError

if TYPE_CHECKING:
    from lab.plugins.aws.session import Clients

Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class Function:
    """One function of the official plugin, by its token."""

    token: str
    query: Callable[[Clients, Arguments], dict[str, Any]]
    arguments: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()

    def call(self, clients: Clients, arguments: Arguments) -> dict[str, Any]:
        """Return the result of the official function, in its property names; with `region` if it has that argument.

        Raises:
            InvalidInputError: an argument is not covered.
            PluginError: AWS returns an error, or no resource matches.
        """
        provided = {key: value for key, value in arguments.items() if value is not None}
        name = self.token.rsplit(":", 1)[-1]
        unsupported = sorted(provided.keys() - self.arguments)
        if unsupported:
            has = ", ".join(sorted(self.arguments)) or "none"
            problems = [
                f"argument {other} is not covered by the lab's stand-in, which supports {has}" for other in unsupported
            ]
            raise InvalidInputError(name, problems)
        try:
            with plugin_errors(name):
                result = self.query(clients, provided)
        except GoneError as error:
            raise PluginError(f"{name}: {error}") from error
        if "region" in self.arguments:
            result = {"region": provided.get("region") or clients.region, **result}
        return {**{key: value for key, value in provided.items() if key not in result}, **result}


def existing(clients: Clients, spec: ResourceSpec, import_id: str, region: str | None = None) -> dict[str, Any]:
    """Return the state of an existing resource with its `id`, in `region`, by default the provider's.

    Raises:
        PluginError: the resource does not exist.
    """
    from threading import Event  # noqa: PLC0415

    from lab.plugins.aws.lifecycle import Lifecycle  # noqa: PLC0415

    current = Lifecycle(spec, clients, Event()).read(f"{import_id}@{region}" if region else import_id, {})
    if current is None:
        raise PluginError(f"there is no {spec.type.rsplit(':', 1)[-1]} {import_id} in {region or clients.region}")
    resource_id, state = current
    tags = {"tags": state.get("tagsAll") or {}} if spec.tags else {}
    return {**state, **tags, "id": resource_id}


def selected(state: Mapping[str, Any], *names: str, **renamed: str) -> dict[str, Any]:
    """Return the named properties of `state`; `renamed` maps the name of an output to its property."""
    sources = {**{name: name for name in names}, **renamed}
    return {output: state[source] for output, source in sources.items() if state.get(source) is not None}
