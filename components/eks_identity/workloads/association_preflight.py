"""Preflight checks of EKS Pod Identity associations.

EKS has one association for each service account, and uses it instead of the annotation of IRSA. EKS is queried before
the engine creates an association or a service account, for a whole namespace at once: the aws plugin has no function
that finds an association by its service account.

A role trusts Pod Identity as long as an association uses it. The engine changes roles before it deletes associations,
so pods that start between the two would have no credentials: EKS is queried before the engine removes that trust too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pulumi

from eks_identity.clusters.preflight import Preflight
from eks_identity.errors import AwsError, InvalidInput, Problem
from eks_identity.model.arns import Arn, same_arn
from eks_identity.model.associations import Association
from eks_identity.model.credentials import select_settings
from eks_identity.model.subjects import Subject
from eks_identity.model.trust import POD_IDENTITY_SERVICE
from eks_identity.runtime import credentials, diagnostics
from eks_identity.runtime.inputs import InvalidInputError, resolve
from eks_identity.runtime.threads import run_in_thread

ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
ROLE = "aws:iam/role:Role"
_KEEP_POD_IDENTITY = (
    "set keep_pod_identity to True for this update, and remove it in the next one, when the association is deleted"
)


@dataclass(frozen=True)
class AssociationPreflight(Preflight):
    """Queries a cluster's Pod Identity associations for one component."""

    def before_association(self, name: str, under: str) -> pulumi.ResourceHookBinding:
        """Return the hook that rejects an existing association of the service account that is the input `under`."""

        async def reject_existing(hooked: pulumi.ResourceHookArgs) -> None:
            new = hooked.new_inputs or {}
            namespace, account = new.get("namespace"), new.get("serviceAccount")
            if isinstance(namespace, str) and isinstance(account, str):
                existing = await self.find_association(namespace, account)
                if existing is not None:
                    rule = f"must have no association yet (EKS has one for each service account); existing: {existing}"
                    fix = _fix(existing, self.subject, name, account)
                    raise self.error(Problem(under, rule, f"{namespace}/{account}", fix))

        is_new = self.hook("association-is-new", ASSOCIATION, name, reject_existing)
        return pulumi.ResourceHookBinding(before_create=[is_new])

    def before_role_update(self, name: str, subjects: Sequence[pulumi.Input[Subject]]) -> pulumi.ResourceHookBinding:
        """Return the hook that keeps the role `name` trusting Pod Identity while an association uses it."""

        async def keep_trust(hooked: pulumi.ResourceHookArgs) -> None:
            before, after = (_trust_policy(inputs) for inputs in (hooked.old_inputs, hooked.new_inputs))
            role_arn = (hooked.old_outputs or {}).get("arn")
            stops_trust = after and POD_IDENTITY_SERVICE in before and POD_IDENTITY_SERVICE not in after
            if stops_trust and isinstance(role_arn, str):
                await self._require_no_association(subjects, role_arn)

        keeps_trust = self.hook("trusts-pod-identity", ROLE, name, keep_trust)
        return pulumi.ResourceHookBinding(before_update=[keeps_trust])

    async def find_association(self, namespace: str, account: str) -> Association | None:
        """Return the association of a service account; None if there is none, or the cluster does not exist yet."""
        api: Any = await resolve(self._api_arguments())
        if api is None:
            return None
        query = partial(
            self.query,
            ("EKS", *api.values()),
            unverified=f"cannot verify whether {namespace}/{account} has a Pod Identity association",
        )
        ids: Mapping[str, str] | None = await query(namespace, partial(_list_associations, api, namespace))
        id_ = (ids or {}).get(account)
        return None if id_ is None else await query(id_, partial(_describe_association, api, id_))

    async def _require_no_association(self, subjects: Sequence[pulumi.Input[Subject]], role_arn: str) -> None:
        resolved: Any = await resolve([self._api_arguments(), list(subjects)])
        if resolved is None:
            return  # a cluster that does not exist yet has no associations
        api, accounts = resolved
        if Arn.parse(role_arn).account != Arn.parse(api["arn"]).account:
            return  # associations use roles of the cluster's account (EKS)
        try:
            associated = await run_in_thread(_associated_accounts, api, accounts, role_arn)
        except AwsError as error:
            message = f"cannot verify whether Pod Identity associations use {role_arn}: {error}"
            diagnostics.warn(message, self.component)
            return
        except InvalidInput as error:
            raise InvalidInputError(error.problems, subject=self.subject) from None
        if associated:
            rule = (
                f"must stay pod-identity for the role's trust policy until the association of {', '.join(associated)} "
                "is deleted: Pulumi deletes last, and pods that start meanwhile would have no credentials"
            )
            raise self.error(Problem("mode", rule, "irsa", _KEEP_POD_IDENTITY))

    def _api_arguments(self) -> dict[str, pulumi.Input[str]]:
        """Return the arguments of `EksApi` for this cluster, with the credentials of the component's aws provider."""
        own = pulumi.Output.from_input(credentials.component_credentials(self.component))
        return {
            "name": self.cluster["name"],
            "region": self.cluster["region"],
            "arn": self.cluster["arn"],
            "credentials": own.apply(_choose_credentials),
        }


def _choose_credentials(own: str | None) -> str:
    return select_settings(own, lambda key: pulumi.Config(key.partition(":")[0]).get(key.partition(":")[2]))


def _list_associations(api: Mapping[str, str], namespace: str) -> Mapping[str, str]:
    from eks_identity.clients.eks_api import EksApi  # noqa: PLC0415 - boto3 is slow to import, and not always used

    return EksApi(**api).list_pod_identity_associations(namespace)


def _describe_association(api: Mapping[str, str], id_: str) -> Association | None:
    from eks_identity.clients.eks_api import EksApi  # noqa: PLC0415 - as above

    return EksApi(**api).describe_pod_identity_association(id_)


def _associated_accounts(api: Mapping[str, str], accounts: Sequence[Subject], role_arn: str) -> list[str]:
    """Return the service accounts with an association that uses the role."""
    from eks_identity.clients.eks_api import EksApi  # noqa: PLC0415 - as above

    eks = EksApi(**api)
    return [
        f"{each.namespace}/{each.service_account}"
        for each in accounts
        if same_arn(eks.get_pod_identity_role(each.namespace, each.service_account) or "", role_arn)
    ]


def _trust_policy(inputs: Any) -> str:
    """Return the trust policy of a role's inputs; empty if it is not resolved."""
    document = (inputs or {}).get("assumeRolePolicy")
    return document if isinstance(document, str) else ""


def import_alias(name: str) -> pulumi.Alias:
    """Return the alias by which the association `name` adopts one that `pulumi import` brought into the state.

    It is imported at the top level of the stack, under a name of its own: the component, which would be its parent, is
    not in the state yet, and the engine imports no resource below an unknown parent.
    """
    return pulumi.Alias(name=_imported(name), parent=pulumi.ROOT_STACK_RESOURCE)


def _imported(name: str) -> str:
    return f"imported-{name}"


def _fix(existing: Association, component: str, name: str, account: str) -> str:
    if existing.addon:
        return (
            f"remove it from {component}, and pass the role to {existing.addon}, which owns it: set mode to "
            f"pod-identity and role_arn of its Addon, or run `aws eks update-addon --cluster-name {existing.cluster} "
            f"--addon-name {existing.addon} --pod-identity-associations serviceAccount={account},roleArn=ARN`"
        )
    ids = f"--cluster-name {existing.cluster} --association-id {existing.id}"
    return (
        f"adopt it, so that its pods keep a role: run `pulumi import {ASSOCIATION} {_imported(name)} "
        f"{existing.cluster},{existing.id} --protect=false --generate-code=false --yes`, and update again; or delete "
        f"it: run `aws eks delete-pod-identity-association {ids}`; or remove the service account from {component}"
    )
