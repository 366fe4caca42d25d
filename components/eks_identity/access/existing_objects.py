"""RBAC objects that exist already: Kubernetes has one of a name, and the engine is about to create it.

With server-side apply the vendor's plugin writes over the existing object without an error. Where another
declaration of the same stack had created it, the engine then deletes it under the old logical name, and a role that is
still declared is gone. So the cluster is queried before the engine creates a role or a binding, in previews too.
"""

from dataclasses import dataclass
from functools import partial

import pulumi

from eks_identity.clusters.connections import ClusterConnection
from eks_identity.clusters.objects import listed_objects
from eks_identity.errors import Problem
from eks_identity.runtime.inputs import InvalidInputError, known
from eks_identity.runtime.query_cache import QueryCache
from eks_identity.runtime.resource_hooks import Child, hook


@dataclass(frozen=True)
class ExistingObjects:
    """The roles and bindings of one cluster, as one declaration finds them."""

    component: pulumi.Resource
    place: str
    """The component, as messages call it."""
    cluster: ClusterConnection
    cache: QueryCache

    def hooks(self, name: str, kind: str, object_name: str, namespace: str | None) -> pulumi.ResourceHookBinding:
        """What the engine runs before it creates the object, whose resource has the logical name `name`."""

        async def look(hooked: pulumi.ResourceHookArgs) -> None:
            kubeconfig = await known(self.cluster["kubeconfig"])
            if kubeconfig is None or hooked.old_inputs is not None:
                return  # the cluster is still to be created; or the engine replaces this very object
            listed: dict[str, list[str]] | None = await self.cache.get(
                (kubeconfig, kind),
                namespace,
                partial(listed_objects, kubeconfig, kind, namespace),
                on_error=f"cannot see whether {kind} {object_name} exists already",
                resource=self.component,
            )
            if listed is not None and object_name in listed:
                field = "binding_name" if kind.endswith("Binding") else "name"
                raise InvalidInputError(
                    [_exists(kind, object_name, namespace, field, listed[object_name])], subject=self.place
                )

        child = Child(self.component, f"kubernetes:rbac.authorization.k8s.io/v1:{kind}", name)
        return pulumi.ResourceHookBinding(before_create=[hook("rbac-object-is-new", child, look)])


def _exists(kind: str, name: str, namespace: str | None, field: str, writers: list[str]) -> Problem:
    where = f" in namespace {namespace}" if namespace else ""
    rule = f"must not name a {kind} that exists already{where}"
    if writers:
        rule += f" (written by {', '.join(writers)})"
    flag = f" -n {namespace}" if namespace else ""
    fix = f"give another {field}; or delete the existing one first: `kubectl delete {kind.lower()} {name}{flag}`"
    if any("pulumi" in writer for writer in writers):
        fix += "; or where this stack created it in a ClusterAccess of another name, pass that name in opts.aliases"
    return Problem(f"rbac_roles[].{field}", rule, name, fix)
