"""Roles that are bound and not made here: whether they are there, asked where the engine is about to make the binding.

Kubernetes takes a binding to a role that is not there, and it allows nothing: a misspelt name would go unnoticed.
"""

import difflib
from dataclasses import dataclass
from functools import partial

import pulumi

from eks_identity.clusters.connections import ClusterConnection
from eks_identity.clusters.objects import listed_objects
from eks_identity.model.role_grants import KUBERNETES_OWN, RoleGrant
from eks_identity.runtime import diagnostics, program_state
from eks_identity.runtime.inputs import known
from eks_identity.runtime.query_cache import QueryCache
from eks_identity.runtime.resource_hooks import Child, hook


@dataclass(frozen=True)
class BoundRoles:
    """The roles of one declaration that are only bound."""

    component: pulumi.Resource
    place: str
    """The component, as messages call it."""
    cluster: ClusterConnection
    cache: QueryCache

    def hooks(self, name: str, namespace: str | None, grant: RoleGrant) -> pulumi.ResourceHookBinding | None:
        """What the engine runs before it makes the binding `name`; nothing for a role that is certainly there."""
        if grant.rules is not None or (grant.kind == "ClusterRole" and grant.name in KUBERNETES_OWN):
            return None
        kind = "RoleBinding" if namespace else "ClusterRoleBinding"
        within = namespace if grant.kind == "Role" else None

        async def look(_hooked: pulumi.ResourceHookArgs) -> None:
            arn, kubeconfig = await known(self.cluster["arn"]), await known(self.cluster["kubeconfig"])
            if arn is None or kubeconfig is None:
                return  # the cluster is still to be made
            if program_state.claimed_by("rbac", arn, grant.kind, within or "", grant.name) is None:
                await self._report_absent(kubeconfig, grant, within)

        child = Child(self.component, f"kubernetes:rbac.authorization.k8s.io/v1:{kind}", name)
        return pulumi.ResourceHookBinding(before_create=[hook("bound-role-is-there", child, look)])

    async def _report_absent(self, kubeconfig: str, grant: RoleGrant, namespace: str | None) -> None:
        role = f"{grant.kind} {grant.name}" + (f" in namespace {namespace}" if namespace else "")
        listed: dict[str, list[str]] | None = await self.cache.get(
            (kubeconfig, grant.kind),
            namespace,
            partial(listed_objects, kubeconfig, grant.kind, namespace),
            on_error=f"cannot see whether {role} is there",
            resource=self.component,
        )
        if listed is None or grant.name in listed:
            return
        near = difflib.get_close_matches(grant.name, listed, n=1)
        meant = f"did you mean {near[0]}?" if near else "give it rules here, or make it"
        diagnostics.warn(
            f"{self.place}: {role} is not there, and no ClusterAccess of this program makes it: until somebody does, "
            f"{grant.binding_name} allows nothing; {meant}",
            self.component,
        )
