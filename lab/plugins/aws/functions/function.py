"""The shape of a function: a look at AWS that owns nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.plugins.aws.errors import GoneError, told
from lab.plugins.aws.resource_spec import ResourceSpec
from lab.plugins.errors import InvalidInputError, PluginError

if TYPE_CHECKING:
    from lab.plugins.aws.session import Clients

Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class Function:
    """One function of the official plugin, under its token."""

    token: str
    look: Callable[[Clients, Arguments], dict[str, Any]]
    arguments: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()

    def answer(self, clients: Clients, arguments: Arguments) -> dict[str, Any]:
        """What the official function answers, in its property names; `region` where it has that argument.

        Raises:
            InvalidInputError: an argument is not covered.
            PluginError: AWS refuses, or nothing matches.
        """
        given = {key: value for key, value in arguments.items() if value is not None}
        name = self.token.rsplit(":", 1)[-1]
        others = sorted(given.keys() - self.arguments)
        if others:
            has = ", ".join(sorted(self.arguments)) or "none"
            problems = [f"argument {other} is not covered by the lab's stand-in, which takes {has}" for other in others]
            raise InvalidInputError(name, problems)
        try:
            with told(name):
                found = self.look(clients, given)
        except GoneError as error:
            raise PluginError(f"{name}: {error}") from error
        if "region" in self.arguments:
            found = {"region": given.get("region") or clients.region, **found}
        return {**{key: value for key, value in given.items() if key not in found}, **found}


def existing(clients: Clients, row: ResourceSpec, import_id: str, region: str | None = None) -> dict[str, Any]:
    """The state of a resource that somebody else owns, `id` included; in `region`, or else in the provider's.

    Raises:
        PluginError: it is not there.
    """
    from threading import Event  # noqa: PLC0415

    from lab.plugins.aws.lifecycle import Lifecycle  # noqa: PLC0415

    found = Lifecycle(row, clients, Event()).read(f"{import_id}@{region}" if region else import_id, {})
    if found is None:
        raise PluginError(f"there is no {row.type.rsplit(':', 1)[-1]} {import_id} in {region or clients.region}")
    resource_id, state = found
    tags = {"tags": state.get("tagsAll") or {}} if row.tags else {}
    return {**state, **tags, "id": resource_id}


def picked(state: Mapping[str, Any], *names: str, **renamed: str) -> dict[str, Any]:
    """Those of `state`'s properties; `renamed` gives an output's name and that of its property."""
    sources = {**{name: name for name in names}, **renamed}
    return {output: state[source] for output, source in sources.items() if state.get(source) is not None}
