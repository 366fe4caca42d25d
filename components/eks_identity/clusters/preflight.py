"""Base of the checks that resource hooks run before the engine creates or changes a resource, in previews too.

A check queries AWS or the cluster for what exists already, and rejects or reports it. Responses are cached for the run
of the program, so that a thousand components send one query for each namespace. An endpoint that does not respond
rejects nothing: one warning says what is not verified.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import pulumi

from eks_identity.clusters.connections import ClusterConnection
from eks_identity.errors import Problem
from eks_identity.runtime import diagnostics
from eks_identity.runtime.inputs import InvalidInputError
from eks_identity.runtime.query_cache import QueryCache
from eks_identity.runtime.resource_hooks import ChildResource, HookCheck, preflight_hook

T = TypeVar("T")


@dataclass(frozen=True)
class Preflight:
    """The checks of one component."""

    component: pulumi.ComponentResource
    subject: str
    """The component, as messages name it: `ClusterAccess "operators"`."""
    cluster: ClusterConnection
    cache: QueryCache

    def hook(self, check_name: str, type_: str, name: str, check: HookCheck) -> pulumi.ResourceHook:
        """Return the hook that runs `check` for the child resource `name` of the type token `type_`."""
        return preflight_hook(check_name, ChildResource(self.component, type_, name), check)

    async def query(self, endpoint: Hashable, key: Hashable, query: Callable[[], T], *, unverified: str) -> T | None:
        """Return what `query` returns, once for each `endpoint` and `key`; None where the endpoint does not respond.

        `unverified` is the warning in that case: what cannot be verified.
        """
        return await self.cache.get(endpoint, key, query, on_error=unverified, resource=self.component)

    async def list_objects(
        self, kubeconfig: str, kind: str, namespace: str | None, *, unverified: str
    ) -> dict[str, list[str]] | None:
        """Return the field managers of each object of a kind, by the object's name; None where the API is silent."""
        query = partial(_list_objects, kubeconfig, kind, namespace)
        return await self.query((kubeconfig, kind), namespace, query, unverified=unverified)

    def error(self, *problems: Problem) -> InvalidInputError:
        """Return the validation error of this component."""
        return InvalidInputError(problems, subject=self.subject)

    def warn(self, message: str) -> None:
        """Report a problem that rejects nothing."""
        diagnostics.warn(f"{self.subject}: {message}", self.component)


def _list_objects(kubeconfig: str, kind: str, namespace: str | None) -> dict[str, list[str]]:
    from eks_identity.clients import kubernetes_api  # noqa: PLC0415 - lightkube is slow to import, and not always used

    return kubernetes_api.list_field_managers(kubeconfig, kind, namespace)
