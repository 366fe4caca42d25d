"""Which resources of a stack a rule reads together: those of which one names the other.

A role is named by its policies and attachments, a service account by its association, a ClusterRole by its bindings.
So a resource is judged with its neighbours, and not with the whole stack: a program with hundreds of roles is analyzed
in seconds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from eks_access.sources.pulumi.clusters import CLUSTER, COMPONENT
from eks_access.sources.pulumi.resources import Resource

_HOPS = 2
"""A policy is two hops from the role that it is attached to."""
_OF_ALL = (CLUSTER, COMPONENT)


class RelatedResources:
    """The resources so far, by the names that they have and the texts that they contain."""

    def __init__(self) -> None:
        self._resources: dict[str, Resource] = {}
        self._by_name: dict[str, set[str]] = defaultdict(set)
        self._by_text: dict[str, set[str]] = defaultdict(set)

    def add(self, resource: Resource) -> None:
        """Add a resource, or replace the one with its URN."""
        former = self._resources.get(resource.urn)
        if former is not None:
            for index in (self._by_name, self._by_text):
                for urns in index.values():
                    urns.discard(former.urn)
        self._resources[resource.urn] = resource
        for name in _names(resource):
            self._by_name[name].add(resource.urn)
        for text in set(_texts(resource.properties)):
            self._by_text[text].add(resource.urn)

    def related(self, resource: Resource) -> list[Resource]:
        """Return the others that are related to a resource in the order of their declaration, and all clusters."""
        found = {resource.urn}
        latest = {resource.urn}
        for _ in range(_HOPS):
            latest = {urn for each in latest for urn in self._neighbours(self._resources[each])} - found
            found |= latest
        return [
            each
            for urn, each in self._resources.items()
            if urn != resource.urn and (urn in found or each.kind in _OF_ALL or each.kind.startswith("pulumi:"))
        ]

    def _neighbours(self, resource: Resource) -> Iterator[str]:
        if resource.kind in _OF_ALL:
            return
        for name in _names(resource):
            yield from self._by_text[name]
        for text in set(_texts(resource.properties)):
            yield from self._by_name.get(text, ())


def _names(resource: Resource) -> set[str]:
    """Return the names by which others refer to a resource."""
    metadata = resource.get("metadata")
    named = (resource.get("name"), metadata.get("name") if isinstance(metadata, Mapping) else None)
    return {name for name in (*named, resource.get("serviceAccount")) if isinstance(name, str)}


def _texts(value: Any) -> Iterator[str]:
    """Yield each text of a value, and the last part of an ARN."""
    if isinstance(value, str):
        yield value
        if value.startswith("arn:"):
            yield value.rpartition("/")[2]
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
