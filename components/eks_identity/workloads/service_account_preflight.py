"""Preflight checks of service accounts: an existing one, and an association that EKS uses instead of the annotation.

Kubernetes rejects a second service account of a name halfway through an update. An association of Pod Identity that
makes the annotation of IRSA ineffective is no error to Kubernetes or EKS. The kubernetes plugin creates the service
account of a patch if it does not exist, so a misspelt name would be no error either.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import pulumi

from eks_identity.errors import Problem
from eks_identity.model.arns import same_arn
from eks_identity.runtime.inputs import resolve
from eks_identity.workloads.association_preflight import AssociationPreflight

SERVICE_ACCOUNT = "kubernetes:core/v1:ServiceAccount"
PATCH = "kubernetes:core/v1:ServiceAccountPatch"
_ADOPT = (
    "set service_account_management to adopt: the existing one is annotated, and otherwise unchanged; or to none: it "
    "is not changed at all"
)
_CREATE = (
    "correct the name; create it first, with the resource that creates it in opts.depends_on; or set "
    "service_account_management to create"
)
_ALIASES = "; or if this stack created it under another name, pass that name of the component in opts.aliases"


@dataclass(frozen=True)
class ServiceAccountPreflight(AssociationPreflight):
    """Queries a cluster's service accounts and associations before the engine creates or changes a service account."""

    def before_service_account(
        self, name: str, under: str, *, adopt: bool, irsa_role: pulumi.Input[str] | None
    ) -> pulumi.ResourceHookBinding:
        """Return the hooks of the resource `name`, whose service account is the input `under`.

        `irsa_role` is the role of its annotation, if it has one.
        """

        async def check(hooked: pulumi.ResourceHookArgs) -> None:
            metadata = (hooked.new_inputs or {}).get("metadata") or {}
            if not isinstance(metadata, Mapping):
                return
            namespace, account = metadata.get("namespace"), metadata.get("name")
            if not isinstance(namespace, str) or not isinstance(account, str):
                return
            if hooked.old_inputs is None:
                await (self._reject_missing if adopt else self._reject_existing)(namespace, account, under)
            if irsa_role is not None:
                await self._report_association(namespace, account, irsa_role)

        check_name, type_ = ("service-account-exists", PATCH) if adopt else ("service-account-is-new", SERVICE_ACCOUNT)
        hook = self.hook(check_name, type_, name, check)
        return pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook] if irsa_role is not None else None)

    async def _reject_existing(self, namespace: str, account: str, under: str) -> None:
        kubeconfig = await resolve(self.cluster["kubeconfig"])
        if kubeconfig is None:
            return  # a cluster that does not exist yet has no service accounts
        unverified = f"cannot verify that service account {namespace}/{account} does not exist yet"
        managers = await self.list_objects(kubeconfig, "ServiceAccount", namespace, unverified=unverified)
        if managers is None or account not in managers:
            return
        rule = "must not exist yet: a namespace has one service account of a name (Kubernetes)"
        if managers[account]:
            rule += f"; existing, written by {', '.join(managers[account])}"
        fix = _ADOPT
        if any("pulumi" in manager for manager in managers[account]):
            fix += (
                f"{_ALIASES}; or if an interrupted update of this stack created it, delete it: run `kubectl delete "
                f"serviceaccount {account} -n {namespace}`, and update again"
            )
        raise self.error(Problem(under, rule, f"{namespace}/{account}", fix))

    async def _reject_missing(self, namespace: str, account: str, under: str) -> None:
        kubeconfig = await resolve(self.cluster["kubeconfig"])
        if kubeconfig is None or pulumi.runtime.is_dry_run():
            return  # the update may create the service account first
        unverified = f"cannot verify that service account {namespace}/{account} exists"
        find = partial(_has_service_account, kubeconfig, namespace, account)
        exists = await self.query((kubeconfig, "ServiceAccount"), (namespace, account), find, unverified=unverified)
        if exists is False:
            rule = "must exist: service_account_management is adopt, which annotates an existing service account"
            raise self.error(Problem(under, rule, f"{namespace}/{account}", _CREATE))

    async def _report_association(self, namespace: str, account: str, irsa_role: pulumi.Input[str]) -> None:
        association = await self.find_association(namespace, account)
        if association is None:
            return
        own = await resolve(irsa_role)
        # During a change of the mode both give the same role.
        if own is None or not same_arn(own, association.pods_get):
            self.warn(
                f"new pods of {namespace}/{account} get {association.pods_get} by Pod Identity, which EKS uses instead "
                f"of the annotation of IRSA: {association}; delete that association, or set mode to pod-identity"
            )


def _has_service_account(kubeconfig: str, namespace: str, account: str) -> bool:
    from eks_identity.clients import kubernetes_api  # noqa: PLC0415 - lightkube is slow to import, and not always used

    return account in kubernetes_api.list_field_managers(kubeconfig, "ServiceAccount", namespace)
