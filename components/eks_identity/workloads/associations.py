"""Pod Identity associations that are there already: EKS has one a service account, and it wins over IRSA's annotation.

EKS is asked where the engine is about to make an association or a service account, for a whole namespace at once: the
vendor's plugin has no function that finds an association by its service account.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import pulumi

from eks_identity.clusters.connections import ClusterConnection
from eks_identity.errors import Problem
from eks_identity.model.associations import Association
from eks_identity.model.credentials import chosen
from eks_identity.runtime import credentials
from eks_identity.runtime.inputs import InvalidInputError, known
from eks_identity.runtime.query_cache import QueryCache
from eks_identity.runtime.resource_hooks import Child, hook

ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"


@dataclass(frozen=True)
class Associations:
    """Those of one cluster, as one component asks for them."""

    cluster: ClusterConnection
    component: pulumi.ComponentResource
    who: str
    """The component, as messages call it."""
    cache: QueryCache

    def refuse_existing(self, name: str, under: str) -> pulumi.ResourceHookBinding:
        """What the engine runs before it makes the association `name` for the service account that is input `under`."""

        async def refuse(hooked: pulumi.ResourceHookArgs) -> None:
            new = hooked.new_inputs or {}
            namespace, account = new.get("namespace"), new.get("serviceAccount")
            if isinstance(namespace, str) and isinstance(account, str):
                found = await self.find(namespace, account)
                if found is not None:
                    rule = f"a service account has one association in a cluster (EKS), and has this one: {found}"
                    fix = _fix(found, self.who, name)
                    raise InvalidInputError([Problem(under, rule, f"{namespace}/{account}", fix)], subject=self.who)

        child = Child(self.component, ASSOCIATION, name)
        return pulumi.ResourceHookBinding(before_create=[hook("association-is-new", child, refuse)])

    async def find(self, namespace: str, account: str) -> Association | None:
        """The association of a service account; None where there is none, or the cluster is still to be made."""
        cluster: dict[str, Any] | None = await known(asked_of(self.cluster, self.component))
        if cluster is None:
            return None
        place = ("EKS", *cluster.values())
        unseen = f"cannot see whether {namespace}/{account} has an association of Pod Identity"
        ask = partial(self.cache.get, place, on_error=unseen, resource=self.component)
        listed: dict[str, str] | None = await ask(namespace, partial(_listed, cluster, namespace))
        id_ = (listed or {}).get(account)
        return None if id_ is None else await ask(id_, partial(_described, cluster, id_))


def asked_of(cluster: ClusterConnection, component: pulumi.Resource) -> dict[str, Any]:
    """The arguments of the `EksApi` that a component asks about its cluster; unknown while that is still to be made."""
    return {
        "name": cluster["name"],
        "region": cluster["region"],
        "arn": cluster["arn"],
        "credentials": pulumi.Output.from_input(credentials.of(component)).apply(_chosen),
    }


def _chosen(given: str | None) -> str:
    return chosen(given, lambda key: pulumi.Config(key.partition(":")[0]).get(key.partition(":")[2]))


def _listed(cluster: dict[str, Any], namespace: str) -> dict[str, str]:
    from eks_identity.clients.eks_api import EksApi  # noqa: PLC0415 - boto3 takes a while, and not every program asks

    return EksApi(**cluster).pod_identity_associations(namespace)


def _described(cluster: dict[str, Any], id_: str) -> Association | None:
    from eks_identity.clients.eks_api import EksApi  # noqa: PLC0415 - as above

    return EksApi(**cluster).pod_identity_association(id_)


def import_alias(name: str) -> pulumi.Alias:
    """Return the alias by which the association `name` adopts one that `pulumi import` brought into the state.

    It is imported at the top level of the stack, under a name of its own: the component, which would be its parent, is
    in no state yet, and the engine imports below no unknown parent.
    """
    return pulumi.Alias(name=_imported(name), parent=pulumi.ROOT_STACK_RESOURCE)


def _imported(name: str) -> str:
    return f"imported-{name}"


def _fix(found: Association, who: str, name: str) -> str:
    if found.addon:
        return (
            f"take it out of {who}, and give the role to {found.addon}, which owns it: declare it as an Addon with "
            f"role_arn, or run `aws eks update-addon --cluster-name {found.cluster} --addon-name {found.addon} "
            "--pod-identity-associations serviceAccount=NAME,roleArn=ARN`"
        )
    where = f"--cluster-name {found.cluster} --association-id {found.id}"
    return (
        f"adopt it, so that its pods keep a role: run `pulumi import {ASSOCIATION} {_imported(name)} "
        f"{found.cluster},{found.id} --protect=false --generate-code=false --yes`, and update again; or delete it: run "
        f"`aws eks delete-pod-identity-association {where}`; or remove the service account from {who}"
    )
