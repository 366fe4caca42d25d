"""What is there already of a service account: itself, and an association that would win over its annotation.

Asked where the engine is about to make the service account, and of the association also where it changes it: a second
one Kubernetes would refuse halfway through the update, and of what wins nobody would say anything.
"""

from dataclasses import dataclass
from functools import partial

import pulumi

from eks_identity.clusters.connections import ClusterConnection
from eks_identity.clusters.objects import listed_objects
from eks_identity.errors import Problem
from eks_identity.model.arns import same_arn
from eks_identity.runtime import diagnostics
from eks_identity.runtime.inputs import InvalidInputError, known
from eks_identity.runtime.resource_hooks import Child, hook
from eks_identity.workloads.associations import Associations

ACCOUNT = "kubernetes:core/v1:ServiceAccount"
PATCH = "kubernetes:core/v1:ServiceAccountPatch"
ADOPT_IT = (
    "set service_account_management to adopt: it is annotated, and the rest of it stays; or to none, and leave it alone"
)
ALIASES = "; if this very stack made it under another name, give the component that name in opts.aliases instead"


@dataclass(frozen=True)
class ExistingServiceAccounts:
    """The service accounts of one component, as the cluster has them before it is made or changed."""

    component: pulumi.ComponentResource
    who: str
    """The component, as messages call it."""
    cluster: ClusterConnection
    associations: Associations

    def hooks(
        self, name: str, under: str, *, adopt: bool, irsa_role: pulumi.Input[str] | None
    ) -> pulumi.ResourceHookBinding | None:
        """What the engine runs before it makes or changes the resource `name`; `under` is the account's input.

        `irsa_role` is the role that it is annotated with, if it is.
        """
        if adopt and irsa_role is None:
            return None

        async def look(hooked: pulumi.ResourceHookArgs) -> None:
            metadata = (hooked.new_inputs or {}).get("metadata") or {}
            if not isinstance(metadata, dict):
                return
            namespace, account = metadata.get("namespace"), metadata.get("name")
            if not isinstance(namespace, str) or not isinstance(account, str):
                return
            if not adopt and hooked.old_inputs is None:
                await self._refuse_existing(namespace, account, under)
            if irsa_role is not None:
                await self._report_what_wins(namespace, account, irsa_role)

        child = Child(self.component, PATCH if adopt else ACCOUNT, name)
        asked = hook("service-account-is-new", child, look)
        return pulumi.ResourceHookBinding(
            before_create=[asked], before_update=[asked] if irsa_role is not None else None
        )

    async def _refuse_existing(self, namespace: str, account: str, under: str) -> None:
        kubeconfig = await known(self.cluster["kubeconfig"])
        if kubeconfig is None:
            return  # a cluster that is still to be made has none
        listed: dict[str, list[str]] | None = await self.associations.cache.get(
            (kubeconfig, "ServiceAccount"),
            namespace,
            partial(listed_objects, kubeconfig, "ServiceAccount", namespace),
            on_error=f"cannot see whether service account {namespace}/{account} is there already",
            resource=self.component,
        )
        if listed is None or account not in listed:
            return
        writers = listed[account]
        rule = "Kubernetes has one service account of a name in a namespace, and has this one"
        if writers:
            rule += f", written by {', '.join(writers)}"
        fix = ADOPT_IT + (ALIASES if any("pulumi" in writer for writer in writers) else "")
        raise InvalidInputError([Problem(under, rule, f"{namespace}/{account}", fix)], subject=self.who)

    async def _report_what_wins(self, namespace: str, account: str, irsa_role: pulumi.Input[str]) -> None:
        found = await self.associations.find(namespace, account)
        if found is None:
            return
        own = await known(irsa_role)
        # The same role either way is a mode that is being changed.
        if own is None or not same_arn(own, found.pods_get):
            diagnostics.warn(
                f"{self.who}: new pods of {namespace}/{account} get {found.pods_get} by Pod Identity, which wins over "
                f"the annotation of IRSA: {found}; delete that association, or use mode pod-identity",
                self.component,
            )
